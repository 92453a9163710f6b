"""Writing token ids: one parallel pass over each prompt, then one compiled loop for all lengths and settings.

Shapes: B rows written together, N new tokens of one call, C context_length, V vocabulary_size.
"""

import typing

import numpy as np
import tensorflow as tf

from tf_gpt2 import runtime
from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.generation import decoder
from tf_gpt2.generation.random_numbers import uniform
from tf_gpt2.generation.sampling import Controls, History, pick, remember
from tf_gpt2.generation.settings import GenerationSettings
from tf_gpt2.generation.weights import to_tensors

CHUNK = 64  # new tokens of one call of the compiled loop at most
MAX_ROWS = 8
CACHE_BYTES = 2 << 30  # what the caches of one group of rows may take
# The draw sorts so many candidates; each number that is used is one more compilation.
CANDIDATES = (64, 1024)


class LoopState(typing.NamedTuple):
    """What the loop carries besides keys and values."""

    history: History
    done: tf.Tensor  # [B] bool


def write_loop(forward, keys, values, state: LoopState, controls: Controls, places, steps, max_candidates, limit):
    """Up to `steps` tokens for every row that is not done: a pure function of tensors.

    The last token of the window is not in the cache yet: each round encodes it and draws the next one.

    Args:
        forward: (ids [B], positions [B], keys, values) to (logits [B, V], keys, values).
        keys: List over layers of [B, H, C, K]; values the same.
        state: History and rows that are done. A row that is not done has room for `steps` tokens in its window.
        controls: Scalars that steer the draw.
        places: (stream [B], sample [B]), uint32: which random numbers a row draws.
        steps: int32 scalar, at most CHUNK.
        max_candidates: How many candidates the draw sorts; static.
        limit: Position past the last one of the model; static.

    Returns:
        Ids [B, CHUNK], -1 where nothing was written; log-probabilities [B, CHUNK]; keys, values and state.
    """
    batch = state.done.shape[0]
    count = tf.range(CHUNK)
    position = tf.cast(state.history.written[:, None] + count[None, :], tf.uint32)
    draws = uniform(controls.seed, places[0][:, None], places[1][:, None], position)  # [B, CHUNK]

    def body(index, ids, scores, keys, values, state):
        history, active = state.history, ~state.done
        position = tf.minimum(history.length - 1, limit - 1)
        token = tf.gather(history.window, position, batch_dims=1)
        logits, keys, values = forward(token, position, keys, values)
        token, score = pick(logits, draws[:, index], history, controls, max_candidates)
        here = (count == index)[None, :]
        ids = tf.where(here, tf.where(active, token, -1)[:, None], ids)
        scores = tf.where(here, score[:, None], scores)
        done = state.done | (token == controls.end_of_text)
        return index + 1, ids, scores, keys, values, LoopState(remember(history, token, active), done)

    def going(index, ids, scores, keys, values, state):
        return (index < steps) & ~tf.reduce_all(state.done)

    start = (tf.constant(0), tf.fill((batch, CHUNK), -1), tf.zeros((batch, CHUNK)), keys, values, state)
    return tf.while_loop(going, body, start)[1:]


class Engine:
    """A model ready to write token ids.

    Args:
        config: The model's shape.
        weights: Float32 arrays by Hugging Face name.
        end_of_text_id: Id of the token that ends a document.
        vocabulary_size: Ids from here on are never written (a tokenizer may be smaller than the model).
        jit_compile: Whether XLA compiles the loop.
    """

    def __init__(self, config: GPT2Config, weights, end_of_text_id, vocabulary_size=None, jit_compile=True):
        self.config = config
        self.end_of_text_id = end_of_text_id
        self.weights = to_tensors(weights)
        self.vocabulary_size = vocabulary_size or config.vocabulary_size
        self._jit_compile = jit_compile
        self._loops = {}
        self._prefill = tf.function(
            self._encode, input_signature=[tf.TensorSpec((1, None), tf.int32)], autograph=False
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
        functions = [self._prefill, self._first, *self._loops.values()]
        return sum(function.experimental_get_tracing_count() for function in functions)

    def start(self, prompts, settings: GenerationSettings, seed, streams, samples) -> "Session":
        """Reads the prompts and writes their first token.

        Args:
            prompts: Up to `max_rows` arrays of ids, none empty; of more than C ids the last C count.
            settings: The controls.
            seed: The seed of the draws, 0 to 2**32 - 1.
            streams: Which prompt of the user's list each row is, from 0.
            samples: Which sample of that prompt each row is, from 0.
        """
        return Session(self, prompts, settings, seed, streams, samples)

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

    def new_cache(self, rows):
        """Keys and values for a group: two lists over layers of variables [B, H, C, K]."""
        shape = (rows, self.config.num_heads, decoder.cache_length(self.config), self.config.head_dim)
        layers = range(self.config.num_layers)
        return [tf.Variable(tf.zeros(shape)) for _ in layers], [tf.Variable(tf.zeros(shape)) for _ in layers]

    def prefill(self, ids, row, cache):
        """Encodes ids [T] into row `row` of a cache; returns the logits [V] of what follows."""
        logits, keys, values = self._prefill(tf.constant(ids[None, :]))
        for variable, new in zip(cache[0] + cache[1], keys + values, strict=True):
            variable[row, :, : len(ids)].assign(new[0])
        return logits

    def pick_first(self, logits, places, history, controls, max_candidates):
        """Draws the first token of each row from logits [B, V]: ids [B] and log-probabilities [B]."""
        return self._first(logits, places, history, controls, max_candidates)

    def write(self, cache, state, controls, places, steps, max_candidates):
        """`write_loop` on a cache, which is updated in place: ids, log-probabilities, new state."""
        if max_candidates not in self._loops:
            self._loops[max_candidates] = self._compile(max_candidates)
        return self._loops[max_candidates](*cache, state, controls, places, tf.constant(steps))

    def _forward(self, ids, positions, keys, values):
        hidden, keys, values = decoder.decode_step(
            self.weights, self.config, ids, positions, keys, values, self._jit_compile
        )
        return self._logits(hidden), keys, values

    def _logits(self, hidden):
        return decoder.logits(self.weights, self.config, hidden)[:, : self.vocabulary_size]

    def _compile(self, max_candidates):
        if self._jit_compile:
            runtime.load_tensorflow(xla=True)

        @tf.function(jit_compile=self._jit_compile, autograph=False)
        def write(keys, values, state, controls, places, steps):
            # As variables the caches stay where they are between calls; as arguments they would be copied.
            tensors = [[variable.read_value() for variable in part] for part in (keys, values)]
            ids, scores, new_keys, new_values, state = write_loop(
                self._forward, *tensors, state, controls, places, steps, max_candidates, self.config.context_length
            )
            for variable, new in zip(keys + values, new_keys + new_values, strict=True):
                variable.assign(new)
            return ids, scores, state

        return write

    def _encode(self, ids):
        hidden, keys, values = decoder.encode(self.weights, self.config, ids)
        return self._logits(hidden[:, -1])[0], keys, values

    def _pick_first(self, logits, places, history, controls, max_candidates):
        draws = uniform(controls.seed, *places, tf.cast(history.written, tf.uint32))
        return pick(logits, draws, history, controls, max_candidates)


class Session:
    """A group of rows being written together; what a row draws does not depend on the others.

    Attributes:
        cut: Ids cut from the left of each prompt.
        tokens: New ids of each row so far, with the token that ended it.
        scores: Their log-probabilities under the model, before any control.
        active: Rows that are still being written, a list of bool.
    """

    def __init__(self, engine: Engine, prompts, settings, seed, streams, samples):
        self._engine, self._settings = engine, settings
        context = engine.config.context_length
        self.cut = [max(0, len(prompt) - context) for prompt in prompts]
        self._rows = 1 << (len(prompts) - 1).bit_length()  # a power of two: few group sizes, few compilations
        spare = self._rows - len(prompts)
        windows = [np.asarray(prompt[-context:], np.int32) for prompt in prompts]
        self._places = tuple(tf.constant([*part, *[0] * spare], tf.uint32) for part in (streams, samples))
        self._controls = engine.controls(settings, seed)
        self._candidates = engine.candidates(settings)
        self._cache = engine.new_cache(self._rows)
        self.tokens, self.scores = [[] for _ in prompts], [[] for _ in prompts]
        self.active = [True] * len(prompts)
        self._history = self._new_history(windows + [np.zeros(1, np.int32)] * spare)
        logits = [engine.prefill(window, row, self._cache) for row, window in enumerate(windows)]
        logits += [tf.zeros_like(logits[0])] * spare
        ids, scores = engine.pick_first(
            tf.stack(logits), self._places, self._history, self._controls, self._candidates
        )
        self._history = remember(self._history, ids, tf.constant(self._padded_active()))
        self._record(ids.numpy()[:, None], scores.numpy()[:, None])

    def advance(self, steps: int) -> None:
        """Writes up to `steps` more tokens in each active row, fewer where the window rolls or the text ends."""
        lengths = self._history.length.numpy()
        context = self._engine.config.context_length
        if full := [row for row, on in enumerate(self.active) if on and lengths[row] > context]:
            self._roll(full)
            lengths = self._history.length.numpy()
        active = np.array(self._padded_active())
        if not active.any():
            return
        room = context + 1 - lengths[active].max()
        # Active rows have equally many new tokens: all have begun together and none has ended.
        left = self._settings.max_new_tokens - len(self.tokens[self.active.index(True)])
        state = LoopState(self._history, tf.constant(~active))
        ids, scores, state = self._engine.write(
            self._cache, state, self._controls, self._places, min(steps, room, left, CHUNK), self._candidates
        )
        self._history = state.history
        self._record(ids.numpy(), scores.numpy())

    def stop(self, row: int) -> None:
        """Ends a row from outside, at a stop string say."""
        self.active[row] = False

    def _padded_active(self):
        return self.active + [False] * (self._rows - len(self.active))

    def _record(self, ids, scores):
        for row, on in enumerate(self.active):
            new = ids[row][ids[row] >= 0]
            if not on:
                continue
            if not np.isfinite(scores[row][: len(new)]).all():
                raise UserError("the model's logits must be finite; its weights give NaN. Take another checkpoint")
            self.tokens[row] += new.tolist()
            self.scores[row] += scores[row][: len(new)].tolist()
            ended = len(new) and new[-1] == self._engine.end_of_text_id and self._settings.stop_at_end_of_text
            if ended or len(self.tokens[row]) >= self._settings.max_new_tokens:
                self.active[row] = False

    def _roll(self, rows):
        """Starts the windows of full rows again from their last half; the last token is left to the loop."""
        windows = [w[:n] for w, n in zip(self._history.window.numpy(), self._history.length.numpy(), strict=True)]
        keep = max(1, self._engine.config.context_length // 2)
        for row in rows:
            windows[row] = windows[row][-keep:]
            if keep > 1:
                self._engine.prefill(windows[row][:-1], row, self._cache)
        self._history = self._new_history(windows)

    def _new_history(self, windows):
        size = self._engine.config.context_length + 1  # the token after a full context waits for the roll
        window = np.zeros((len(windows), size), np.int32)
        last_seen = np.full((len(windows), self._engine.vocabulary_size), -1, np.int32)
        written = np.zeros(len(windows), np.int32)
        for row, ids in enumerate(windows):
            window[row, : len(ids)] = ids
            last_seen[row, ids] = np.arange(len(ids))
            written[row] = len(self.tokens[row]) if row < len(self.tokens) else 0
        lengths = np.array([len(ids) for ids in windows], np.int32)
        return History(*map(tf.constant, (window, lengths, last_seen, written)))
