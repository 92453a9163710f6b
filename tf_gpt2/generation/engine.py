"""A model ready to write: one parallel pass over each prompt, then one compiled loop for all lengths and settings.

Shapes: B rows written together, T tokens, C places of the cache, V vocabulary_size.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tf_gpt2 import runtime
from tf_gpt2.config import GPT2Config
from tf_gpt2.generation import decoder
from tf_gpt2.generation.copy_guard import CopyGuard
from tf_gpt2.generation.loop import write_loop
from tf_gpt2.generation.random_numbers import uniform
from tf_gpt2.generation.sampling import Controls, pick
from tf_gpt2.generation.session import Session
from tf_gpt2.generation.settings import GenerationSettings
from tf_gpt2.generation.weights import to_tensors

MAX_ROWS = 8
PASS_TOKENS = 1024  # of all prompts that are encoded in one pass: more gain nothing and take memory
CACHE_BYTES = 2 << 30  # what the caches of one group of rows may take
# The draw sorts so many candidates; each number that is used is one more compilation.
CANDIDATES = (64, 1024)


class Engine:
    """A model ready to write token ids.

    Args:
        config: The model's shape.
        weights: Float32 arrays by Hugging Face name.
        end_of_text_id: Id of the token that ends a document.
        vocabulary_size: Ids from here on are never written (a tokenizer may be smaller than the model).
        jit_compile: Whether XLA compiles the loop.
    """

    def __init__(
        self,
        config: GPT2Config,
        weights: Mapping[str, Any],
        end_of_text_id: int,
        vocabulary_size: int | None = None,
        jit_compile: bool = True,
    ):
        self.config = config
        self.end_of_text_id = end_of_text_id
        self.weights = to_tensors(weights)
        self.vocabulary_size = vocabulary_size or config.vocabulary_size
        self._jit_compile = jit_compile
        self._forget_traces()

    def replace_weights(self, weights: Mapping[str, Any]) -> None:
        """Goes on with other weights of the same shapes; nothing is traced again where memory can be written."""
        if not self.weights.refill(weights):
            self.weights = to_tensors(weights)
            self._forget_traces()

    def _forget_traces(self):
        self._loops: dict = {}
        self._prefill = tf.function(
            self._encode, input_signature=[tf.TensorSpec((None, None), tf.int32)], autograph=False
        )
        self._first = tf.function(self._pick_first, autograph=False)

    @property
    def max_rows(self) -> int:
        """Rows that fit into one group."""
        row = 8 * self.config.num_layers * decoder.cache_length(self.config) * self.config.hidden_dim
        return int(np.clip(CACHE_BYTES // row, 1, MAX_ROWS))

    @property
    def num_traces(self) -> int:
        """How many times a part has been traced; settings and lengths never add one."""
        functions = [self._prefill, self._first]
        return len(self._loops) + sum(function.experimental_get_tracing_count() for function in functions)

    def start(
        self,
        prompts: Any,
        settings: GenerationSettings,
        seed: Any,
        streams: Any,
        samples: Any,
        guard: CopyGuard | None = None,
    ) -> Session:
        """Reads the prompts and writes their first token.

        Args:
            prompts: Up to `max_rows` arrays of ids, none empty; of more than C ids the last C count.
            settings: The controls.
            seed: The seed of the draws, 0 to 2**32 - 1.
            streams: Which prompt of the user's list each row is, from 0.
            samples: Which sample of that prompt each row is, from 0.
            guard: Keeps copies out; None lets them in.
        """
        return Session(self, prompts, settings, seed, streams, samples, guard)

    def candidates(self, settings: GenerationSettings) -> int:
        """The smallest number of sorted candidates that serves these settings."""
        wanted = 1 if settings.greedy else settings.top_k or self.vocabulary_size
        return next((size for size in CANDIDATES if wanted <= size < self.vocabulary_size), self.vocabulary_size)

    def controls(self, settings: GenerationSettings, seed: int) -> Controls:
        """The settings as scalar tensors."""
        top_k = 1 if settings.greedy else settings.top_k or self.vocabulary_size
        return Controls(
            seed=tf.constant(seed, tf.uint32),
            end_of_text=tf.constant(self.end_of_text_id if settings.stop_at_end_of_text else -1),
            repetition_penalty=tf.constant(settings.repetition_penalty, tf.float32),
            repetition_window=tf.constant(settings.repetition_window or 2**30),
            no_repeat_ngram=tf.constant(settings.no_repeat_ngram),
            min_new_tokens=tf.constant(settings.min_new_tokens),
            temperature=tf.constant(settings.temperature or 1.0, tf.float32),
            top_k=tf.constant(min(top_k, self.vocabulary_size)),
            top_p=tf.constant(settings.top_p, tf.float32),
        )

    def new_cache(self, rows: Any) -> tuple[list, list]:
        """Keys and values for a group: two lists over layers of variables [B, H, C, K]."""
        shape = (rows, self.config.num_heads, decoder.cache_length(self.config), self.config.head_dim)
        layers = range(self.config.num_layers)
        return [tf.Variable(tf.zeros(shape)) for _ in layers], [tf.Variable(tf.zeros(shape)) for _ in layers]

    def prefill(self, windows: Any, cache: Any) -> Any:
        """Encodes prompts into the rows of a cache.

        Args:
            windows: Arrays of ids by row. Equal ones are encoded once, those of one length in one pass.
            cache: Keys and values as `new_cache` makes them.

        Returns:
            The logits [V] of what follows, by row.
        """
        rows_of: dict[tuple, list[int]] = {}
        for row, window in windows.items():
            rows_of.setdefault(tuple(window), []).append(row)
        by_length: dict[int, list[tuple]] = {}
        for window in rows_of:
            by_length.setdefault(len(window), []).append(window)
        logits: dict[int, tf.Tensor] = {}
        for length, same_length in by_length.items():
            most = max(1, PASS_TOKENS // length)
            for start in range(0, len(same_length), most):
                part = same_length[start : start + most]
                self._encode_into(part, [rows_of[window] for window in part], cache, logits)
        return logits

    def _encode_into(self, windows, rows, cache, logits):
        flat = [row for same in rows for row in same]
        source = [index for index, same in enumerate(rows) for _ in same]
        new_logits, keys, values = self._prefill(tf.constant(windows, tf.int32))
        axes = (flat, range(self.config.num_heads), range(len(windows[0])))
        places = tf.constant(np.stack(np.meshgrid(*axes, indexing="ij"), -1), tf.int32)  # [rows, H, T, 3]
        for variable, new in zip(cache[0] + cache[1], keys + values, strict=True):
            new = tf.gather(new, source) if len(flat) > len(windows) else new
            # In place; what lies behind T is never looked at. An assignment to a slice took ten times as long.
            tf.raw_ops.ResourceScatterNdUpdate(ref=variable.handle, indices=places, updates=new)
        logits.update((row, new_logits[index]) for row, index in zip(flat, source, strict=True))

    def next_logits(self, ids: np.ndarray) -> np.ndarray:
        """Logits [V] of what follows ids [N], none of which is too many: the last C count."""
        window = np.asarray(ids[-self.config.context_length :], np.int32)
        return self._prefill(tf.constant(window[None]))[0].numpy()[0]

    def pick_first(
        self, logits: Any, places: Any, history: Any, controls: Any, max_candidates: int, forbidden: Any = None
    ) -> Any:
        """Draws the first token of each row from logits [B, V]: ids [B] and log-probabilities [B]."""
        return self._first(logits, places, history, controls, max_candidates, forbidden)

    def write(
        self,
        cache: Any,
        state: Any,
        controls: Any,
        places: Any,
        steps: Any,
        max_candidates: int,
        forbidden: Any = None,
    ) -> Any:
        """`write_loop` on a cache, which is updated in place: ids, log-probabilities, new state."""
        arguments = (*cache, state, controls, places, tf.constant(steps), forbidden)
        key = (max_candidates, state.done.shape[0], forbidden is not None)
        if key not in self._loops:
            self._loops[key] = self._compile(max_candidates, arguments)
        return self._loops[key](*arguments)

    def _forward(self, ids, positions, keys, values):
        hidden, keys, values = decoder.decode_step(
            self.weights.split, self.config, ids, positions, keys, values, self._jit_compile
        )
        return self._logits(self.weights.split, hidden), keys, values

    def _logits(self, weights, hidden):
        return decoder.logits(weights, self.config, hidden)[:, : self.vocabulary_size]

    def _compile(self, max_candidates, arguments):
        if self._jit_compile:
            runtime.load_tensorflow(xla=True)

        @tf.function(jit_compile=self._jit_compile, autograph=False)
        def write(keys, values, state, controls, places, steps, forbidden):
            return self._write(max_candidates, keys, values, state, controls, places, steps, forbidden)

        # The concrete function: to find it again among hundreds of weights would cost a call 2 ms.
        return write.get_concrete_function(*arguments)

    def _write(self, max_candidates, keys, values, state, controls, places, steps, forbidden):
        # As variables the caches stay where they are between calls; as arguments they would be copied.
        tensors = [[variable.read_value() for variable in part] for part in (keys, values)]
        ids, scores, new_keys, new_values, state = write_loop(
            self._forward,
            *tensors,
            state,
            controls,
            places,
            steps,
            max_candidates,
            self.config.context_length,
            forbidden,
        )
        for variable, new in zip(keys + values, new_keys + new_values, strict=True):
            variable.assign(new)
        return ids, scores, state

    def _encode(self, ids):
        hidden, keys, values = decoder.encode(self.weights.whole, self.config, ids)
        return self._logits(self.weights.whole, hidden[:, -1]), keys, values

    def _pick_first(self, logits, places, history, controls, max_candidates, forbidden):
        draws = uniform(controls.seed, *places, tf.cast(history.written, tf.uint32))
        return pick(logits, draws, history, controls, max_candidates, forbidden)
