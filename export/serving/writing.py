"""Writing inside the graph: what `tf_gpt2.generation.session` does in Python, for rows that each have settings.

Every row draws the random numbers of the first sample of the first prompt, so a row's text depends on its prompt,
its settings and its seed alone, whatever requests share its batch; it is the one `python -m tf_gpt2.sample` writes.

Shapes: B rows, T tokens, C context_length, V vocabulary_size, N new tokens.
"""

import typing
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from tf_gpt2.config import GPT2Config
from tf_gpt2.generation.loop import CHUNK, WritingState, write_loop
from tf_gpt2.generation.random_numbers import uniform
from tf_gpt2.generation.sampling import Controls, History, pick, remember
from tf_gpt2.generation.settings import GenerationSettings

from . import forward
from .sentences import FINISH_TOKENS, Ends, follow, nothing_yet

# With XLA the number of sorted candidates is compiled in; it is one of these, or V.
XLA_CANDIDATES = (64, 1024)


class RowSettings(typing.NamedTuple):
    """Settings within their limits, a value a row [B]; their meaning is `GenerationSettings`'s."""

    max_new_tokens: tf.Tensor  # int32
    temperature: tf.Tensor  # float32
    top_k: tf.Tensor  # int32
    top_p: tf.Tensor  # float32
    repetition_penalty: tf.Tensor  # float32
    seed: tf.Tensor  # uint32
    finish_sentence: tf.Tensor  # bool


class Writer:
    """Writes on from prompts.

    Args:
        weights: Variables by Hugging Face name.
        config: The model's shape.
        vocabulary_size: V; ids from here on are never written.
        end_of_text_id: Id of the token that ends a document.
        settings: The model's own, of which what no request can set is used.
        decode: Texts [B] of ids [B, N]; -1 and the end of a text stand for nothing.
        xla: Whether XLA compiles the loop, anew for every number of rows.
    """

    def __init__(
        self,
        weights: Mapping[str, tf.Variable],
        config: GPT2Config,
        vocabulary_size: int,
        end_of_text_id: int,
        settings: GenerationSettings,
        decode: Callable[[tf.Tensor], tf.Tensor],
        xla: bool = False,
    ):
        self._decode = decode
        self._weights, self._config, self._settings = weights, config, settings
        self._size, self._end = vocabulary_size, end_of_text_id
        self._xla = xla

    def windows(self, prompts: tf.RaggedTensor) -> Any:
        """The last C ids of each prompt, an end of text for an empty one: [B, T] and their numbers [B], int32."""
        empty = tf.cast(prompts.row_lengths() == 0, tf.int64)
        begins = tf.RaggedTensor.from_row_lengths(tf.fill((tf.reduce_sum(empty),), self._end), empty)
        prompts = tf.concat([begins, prompts], axis=1)[:, -self._config.context_length :]
        return prompts.to_tensor(), tf.cast(prompts.row_lengths(), tf.int32)

    def next_logits(self, ids: tf.Tensor, lengths: tf.Tensor) -> Any:
        """Logits [B, V] of what follows windows [B, T] of so many ids [B], and the caches of keys and values."""
        hidden, keys, values = forward.read(self._weights, self._config, ids, lengths)
        return self._logits(hidden), keys, values

    def write(self, prompts: tf.RaggedTensor, settings: RowSettings, wanted: tf.Tensor) -> Any:
        """Writes on.

        Args:
            prompts: Ids [B, None] int32.
            settings: The settings of each row.
            wanted: bool [B]; nothing is written in other rows.

        Returns:
            Ids [B, N] int32, the end of text included, -1 after the last one; log-probabilities [B, N] float32
            under the model itself, before any control, 0 after the last one. N is the longest text of the batch.
            What was written past the end of a finished sentence is not among them.
        """
        ids, lengths = self.windows(prompts)
        logits, keys, values = self.next_logits(ids, lengths)
        history = self._history(ids, lengths, tf.zeros_like(lengths))
        controls = self._controls(settings)
        none = tf.zeros_like(settings.seed)
        draws = uniform(settings.seed, none, none, none)
        token, score = pick(logits, draws, history, controls, tf.reduce_max(controls.top_k))
        history = remember(history, token, wanted)
        done = ~wanted | (token == self._end) | (history.written >= self._most(settings))
        ids, ends = tf.where(wanted, token, -1)[:, None], nothing_yet(lengths)
        done, ends = self._end_sentences(ids, settings, done, history.written, ends)

        def chunk(ids, scores, keys, values, state, ends):
            state, keys, values = self._roll(state, keys, values)
            length = tf.reduce_max(tf.where(state.done, 0, state.history.length))
            left = settings.max_new_tokens - state.history.written
            # Token by token past the limit, where the end of the sentence may come with each.
            left = tf.reduce_min(tf.where(state.done, CHUNK, tf.where(left > 0, left, 1)))
            steps = tf.minimum(tf.minimum(left, CHUNK), self._config.context_length + 1 - length)
            # A row that is done stays at its place, which the cache must have too.
            places = tf.maximum(length - 1 + steps, tf.reduce_max(state.history.length))
            places = tf.minimum(places, self._config.context_length)
            keys, values = (self._grow(cache, places) for cache in (keys, values))
            new_ids, new_scores, keys, values, state = self._loop(keys, values, state, controls, steps)
            written = state.history.written
            done = state.done | (written >= self._most(settings))
            ids = tf.concat([ids, new_ids[:, :steps]], axis=1)
            scores = tf.concat([scores, new_scores[:, :steps]], axis=1)
            done, ends = self._end_sentences(ids, settings, done, written, ends)
            return ids, scores, keys, values, WritingState(state.history, done), ends

        start = (ids, score[:, None], keys, values, WritingState(history, done), ends)
        table, vector = tf.TensorShape((None, None)), tf.TensorShape((None,))
        cache = [tf.TensorShape((None, self._config.num_heads, None, self._config.head_dim))] * len(keys)
        state = WritingState(History(table, vector, table, vector), vector)
        shapes = (table, table, cache, cache, state, Ends(vector, vector, vector))
        going = lambda ids, scores, keys, values, state, ends: tf.reduce_any(~state.done)  # noqa: E731
        ids, scores, *_, ends = tf.while_loop(going, chunk, start, shape_invariants=shapes)
        ids = tf.where(tf.range(tf.shape(ids)[1])[None, :] < ends.kept[:, None], ids, -1)
        longest = tf.reduce_max(tf.reduce_sum(tf.cast(ids >= 0, tf.int32), axis=1))
        return ids[:, :longest], tf.where(ids >= 0, scores, 0.0)[:, :longest]

    @staticmethod
    def _most(settings):
        """Tokens of each row at most [B]."""
        return settings.max_new_tokens + tf.where(settings.finish_sentence, FINISH_TOKENS, 0)

    def _end_sentences(self, ids, settings, done, written, ends):
        """Which rows [B] are done when sentences are looked at too, and where their texts end."""
        looked_at = settings.finish_sentence & (written >= settings.max_new_tokens)
        last = written >= self._most(settings)
        ended = tf.reduce_any(ids == self._end, axis=1)
        looked_at &= ~ended & (~done | last)

        def look():
            return follow(self._decode(tf.where(looked_at[:, None], ids, -1)), looked_at, last, written, ends)

        found, ends = tf.cond(tf.reduce_any(looked_at), look, lambda: (tf.zeros_like(done), ends))
        return done | found, ends

    def _logits(self, hidden):
        return forward.logits(self._weights, self._config, hidden)[:, : self._size]

    def _forward(self, ids, positions, keys, values):
        hidden, keys, values = forward.step(self._weights, self._config, ids, positions, keys, values)
        return self._logits(hidden), keys, values

    def _controls(self, settings) -> Controls:
        """Columns [B, 1], so that each row of logits [B, V] meets its own."""
        top_k = tf.where(settings.top_k == 0, self._size, tf.minimum(settings.top_k, self._size))
        return Controls(
            seed=settings.seed[:, None],
            end_of_text=tf.constant(self._end),
            repetition_penalty=settings.repetition_penalty[:, None],
            repetition_window=tf.constant(self._settings.repetition_window or 2**30),
            no_repeat_ngram=tf.constant(self._settings.no_repeat_ngram),
            min_new_tokens=tf.constant(self._settings.min_new_tokens),
            temperature=tf.where(settings.temperature == 0, 1.0, settings.temperature)[:, None],
            top_k=tf.where(settings.temperature == 0, 1, top_k)[:, None],
            top_p=settings.top_p[:, None],
        )

    def _history(self, ids, lengths, written) -> History:
        size = self._config.context_length + 1  # the token after a full context waits for the roll
        seen = tf.range(tf.shape(ids)[1])[None, :] < lengths[:, None]  # [B, T]
        window = tf.where(seen, ids, 0)
        row_and_place = tf.cast(tf.where(seen), tf.int32)  # [M, 2]
        row_and_id = tf.stack([row_and_place[:, 0], tf.boolean_mask(ids, seen)], axis=1)
        last_seen = tf.fill((tf.shape(ids)[0], self._size), -1)
        last_seen = tf.tensor_scatter_nd_max(last_seen, row_and_id, row_and_place[:, 1])
        window = tf.pad(window, [[0, 0], [0, size - tf.shape(ids)[1]]])
        return History(window, lengths, last_seen, written)

    def _roll(self, state: WritingState, keys, values):
        """Starts the windows of full rows again from their last half; the last token is left to the loop."""
        context = self._config.context_length
        full = ~state.done & (state.history.length > context)  # [B]
        kept = max(1, context // 2)

        def roll():
            rows = tf.where(full)  # [R, 1]
            last = tf.boolean_mask(state.history.window, full)[:, context + 1 - kept :]  # [R, kept]
            lengths = tf.fill((tf.shape(last)[0],), kept)
            fresh = self._history(last, lengths, tf.boolean_mask(state.history.written, full))
            history = [
                tf.tensor_scatter_nd_update(old, rows, new) for old, new in zip(state.history, fresh, strict=True)
            ]
            if kept == 1:
                return WritingState(History(*history), state.done), list(keys), list(values)
            _, *halves = forward.read(self._weights, self._config, last[:, :-1], lengths - 1)
            caches = [
                [
                    tf.tensor_scatter_nd_update(old, rows, self._like(new, old))
                    for old, new in zip(*pair, strict=True)
                ]
                for pair in zip((keys, values), halves, strict=True)
            ]
            return WritingState(History(*history), state.done), *caches

        return tf.cond(tf.reduce_any(full), roll, lambda: (state, list(keys), list(values)))

    @staticmethod
    def _like(new, old):
        return tf.pad(new, [[0, 0], [0, 0], [0, tf.shape(old)[2] - tf.shape(new)[2]], [0, 0]])

    def _grow(self, cache, length):
        # XLA compiles for each length: there the cache has one.
        return forward.grow(cache, self._config.context_length if self._xla else length)

    def _loop(self, keys, values, state, controls, steps):
        def write(candidates):
            none = tf.zeros_like(controls.seed[:, 0])
            return write_loop(
                self._forward, keys, values, state, controls, (none, none), steps, candidates,
                self._config.context_length,
            )  # fmt: skip

        largest = tf.reduce_max(controls.top_k)
        if not self._xla:
            return write(largest)
        sizes = [size for size in XLA_CANDIDATES if size < self._size] + [self._size]
        branches = [tf.function(lambda size=size: write(size), jit_compile=True, autograph=False) for size in sizes]
        return tf.switch_case(tf.reduce_sum([tf.cast(largest > size, tf.int32) for size in sizes]), branches)
