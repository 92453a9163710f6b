"""A group of texts on their way: prompts in, tokens out, windows rolled when they are full."""

from typing import Any

import numpy as np
import tensorflow as tf

from tf_gpt2.errors import UserError
from tf_gpt2.generation.copy_guard import CopyGuard
from tf_gpt2.generation.loop import CHUNK, WritingState
from tf_gpt2.generation.sampling import History, remember

FINISH_STEPS = 4  # of one call while a sentence is being finished


class Session:
    """A group of rows being written together; what a row draws does not depend on the others.

    Attributes:
        cut: Ids cut from the left of each prompt.
        tokens: New ids of each row so far, with the token that ended it.
        scores: Their log-probabilities under the model, before any control.
        active: Rows that are still being written, a list of bool.
    """

    def __init__(
        self,
        engine: Any,
        prompts: Any,
        settings: Any,
        seed: Any,
        streams: Any,
        samples: Any,
        guard: CopyGuard | None = None,
    ):
        self._engine, self._settings = engine, settings
        self._guard = guard
        self._prompts = [list(map(int, prompt)) for prompt in prompts]
        self._forbidden: dict[int, np.ndarray] = {}  # by row, of the next draw: bool [V]
        self._pace = CHUNK  # tokens of one call; fewer where copies are near
        context = engine.config.context_length
        self.cut = [max(0, len(prompt) - context) for prompt in prompts]
        self._rows = 1 << (len(prompts) - 1).bit_length()  # a power of two: few group sizes, few compilations
        spare = self._rows - len(prompts)
        windows = [np.asarray(prompt[-context:], np.int32) for prompt in prompts]
        self._places = tuple(tf.constant([*part, *[0] * spare], tf.uint32) for part in (streams, samples))
        self._controls = engine.controls(settings, seed)
        self._candidates = engine.candidates(settings)
        self._cache = engine.new_cache(self._rows)
        self.tokens: list[list[int]] = [[] for _ in prompts]
        self.scores: list[list[float]] = [[] for _ in prompts]
        self.active = [True] * len(prompts)
        self._history = self._new_history(windows + [np.zeros(1, np.int32)] * spare)
        encoded = engine.prefill(dict(enumerate(windows)), self._cache)
        logits = [encoded[min(row, len(windows) - 1)] for row in range(self._rows)]
        if guard:
            self._forbidden = {row: guard.forbidden(prompt) for row, prompt in enumerate(self._prompts)}
        ids, scores = engine.pick_first(
            tf.stack(logits), self._places, self._history, self._controls, self._candidates, self._mask()
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
        written = max(len(tokens) for tokens, on in zip(self.tokens, self.active, strict=True) if on)
        left = self._settings.max_new_tokens - written
        if left <= 0:  # the end of the sentence is near: what is written past it is lost
            left = min(FINISH_STEPS, self._settings.most_new_tokens - written)
        state = WritingState(self._history, tf.constant(~active))
        steps = min(steps, room, left, self._pace)
        ids, scores, state = self._engine.write(
            self._cache, state, self._controls, self._places, steps, self._candidates, self._mask()
        )
        self._history = state.history
        self._record(ids.numpy(), scores.numpy())

    def stop(self, row: int) -> None:
        """Ends a row from outside, at a stop string say."""
        self.active[row] = False

    def _padded_active(self):
        return self.active + [False] * (self._rows - len(self.active))

    def _mask(self):
        """What the next draw must not give: bool [rows, V]; None for nothing.

        Seldom there is anything, and without a mask the program is that of texts which may copy: no slower.
        """
        if not any(forbidden.any() for forbidden in self._forbidden.values()):
            return None
        mask = np.zeros((self._rows, self._engine.vocabulary_size), bool)
        for row, forbidden in self._forbidden.items():
            mask[row] = forbidden
        return tf.constant(mask)

    def _record(self, ids, scores):
        begins = [len(tokens) for tokens in self.tokens]
        for row, on in enumerate(self.active):
            new = ids[row][ids[row] >= 0]
            if not on:
                continue
            if not np.isfinite(scores[row][: len(new)]).all():
                raise UserError("the model's logits must be finite; its weights give NaN. Take another checkpoint")
            self.tokens[row] += new.tolist()
            self.scores[row] += scores[row][: len(new)].tolist()
            ended = len(new) and new[-1] == self._engine.end_of_text_id and self._settings.stop_at_end_of_text
            if ended or len(self.tokens[row]) >= self._settings.most_new_tokens:
                self.active[row] = False
        if self._guard:
            self._take_back(begins)

    def _take_back(self, begins):
        """Takes copies back to the token that completed each, which the next call draws again."""
        removed: dict[int, int] = {}
        for row, begin in enumerate(begins):
            new, forbidden = self.tokens[row][begin:], self._forbidden.pop(row, None)
            ids = self._prompts[row] + self.tokens[row][:begin]
            at = self._guard.first_copy(ids, new)
            if at is None:
                continue
            # Nothing else was left to draw, should the very token come again.
            self.active[row] = not (at == 0 and forbidden is not None and forbidden[new[0]])
            if at or forbidden is None:
                forbidden = self._guard.forbidden(ids + new[:at])
            forbidden[new[at]] = True
            self._forbidden[row] = forbidden
            removed[row] = len(new) - at
            del self.tokens[row][begin + at :], self.scores[row][begin + at :]
        self._pace = 1 if removed else min(CHUNK, 2 * self._pace)
        if removed:
            self._history = self._new_history(
                [
                    window[: length - removed.get(row, 0)]
                    for row, (window, length) in enumerate(
                        zip(self._history.window.numpy(), self._history.length.numpy(), strict=True)
                    )
                ]
            )

    def _roll(self, rows):
        """Starts the windows of full rows again from their last half; the last token is left to the loop."""
        windows = [w[:n] for w, n in zip(self._history.window.numpy(), self._history.length.numpy(), strict=True)]
        keep = max(1, self._engine.config.context_length // 2)
        for row in rows:
            windows[row] = windows[row][-keep:]
        if keep > 1:
            self._engine.prefill({row: windows[row][:-1] for row in rows}, self._cache)
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
