"""The progress of a run on the terminal, and its speed."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TextIO

from tf_gpt2.terminal import tell

# Where the line cannot be rewritten in place (a log file), it comes at most this often, in seconds.
_SECONDS_BETWEEN_LINES = 10.0


class Progress:
    """One line on stderr with step, loss, learning rate, speed and time to go.

    Only the time between `resume` and `pause` counts as training: evaluations, samples and checkpoints do not, nor
    does compiling the first step.

    Args:
        first_step: Steps done before this process.
        last_step: Steps in all.
        tokens_per_step: Batch size times context length.
    """

    def __init__(self, first_step: int, last_step: int, tokens_per_step: int, stream: TextIO | None = None):
        self._stream = stream or sys.stderr  # None in a process that was started without one
        self._in_place = self._stream is not None and self._stream.isatty()
        self._last_step = last_step
        self._tokens_per_step = tokens_per_step
        self._counted_step = first_step
        self._steps, self._seconds = 0, 0.0
        self._waited = 0.0
        self._shown = 0.0
        self._begun: float | None = None
        self._begun_step = first_step
        self._resumed: float | None = None

    def resume(self, step: int) -> None:
        """Starts the clock again; the first call, after the first step, starts it."""
        now = time.perf_counter()
        if self._begun is None:
            self._begun, self._begun_step = now, step
        self._counted_step = step
        self._resumed = now

    def pause(self, step: int) -> None:
        """Stops the clock, when all that was to be done up to `step` is done."""
        if self._resumed is not None:
            self._steps += step - self._counted_step
            self._seconds += time.perf_counter() - self._resumed
            self._resumed = None

    def fed(self, batches: Iterable) -> Iterator:
        """The batches, and a watch on how long they are waited for."""
        waiting = iter(batches)
        while True:
            start = time.perf_counter()
            batch = next(waiting, None)
            if self._resumed is not None:
                self._waited += time.perf_counter() - start
            if batch is None:
                return
            yield batch

    def go_back(self, step: int) -> None:
        """Begins anew at an earlier step: what was done after it counts for nothing."""
        self._steps, self._seconds, self._waited, self._counted_step = 0, 0.0, 0.0, step
        self._begun = self._resumed = None

    def report(self, step: int, loss: float, learning_rate: float) -> dict:
        """Shows the line; returns the figures for metrics.jsonl.

        These are `loss`, `learning_rate`, `tokens_per_s` and `input_wait`, the share of the time that batches were
        waited for.
        """
        figures = {"loss": loss, "learning_rate": learning_rate}
        if self._steps and self._seconds:
            figures["tokens_per_s"] = self._steps * self._tokens_per_step / self._seconds
            figures["input_wait"] = self._waited / self._seconds
        self._steps, self._seconds, self._waited = 0, 0.0, 0.0
        self._show(step, figures)
        return figures

    def validation(
        self, step: int, loss: float, best: bool, copied: float | None = None, unaveraged: float | None = None
    ) -> None:
        """Shows a validation loss on a line that stays, and the share of what the model writes that is copied.

        Args:
            step: Steps done.
            loss: The loss, in nats per token.
            best: Whether none was less.
            copied: The share; None where it was not measured.
            unaveraged: The loss of the weights themselves, where that of their average is less.
        """
        beside = "" if unaveraged is None else f" (average of the weights; the last ones {unaveraged:.4f})"
        best_so_far = ", the best so far" if best else ""
        parts = [f"step {step:,}: validation loss {loss:.4f} nats per token{beside}{best_so_far}"]
        if copied is not None:
            parts.append(f"{100 * copied:.1f} % of what it writes is copied")
        self.note("; ".join(parts))

    def note(self, text: str) -> None:
        """Shows a text on lines that stay."""
        tell(self._stream, text, before=self._clear)

    def close(self) -> None:
        """Ends the line that is rewritten in place."""
        if self._in_place and self._shown:
            tell(self._stream, "")

    def _show(self, step, figures):
        now = time.perf_counter()
        if not self._in_place and now - self._shown < _SECONDS_BETWEEN_LINES and step < self._last_step:
            return
        self._shown = now
        parts = [f"step {step:,}/{self._last_step:,}", f"loss {figures['loss']:.4f}"]
        parts.append(f"learning rate {figures['learning_rate']:.2e}")
        if "tokens_per_s" in figures:
            parts.append(f"{figures['tokens_per_s']:,.0f} tokens/s")
        if self._begun is not None and step > self._begun_step:
            left = (now - self._begun) / (step - self._begun_step) * (self._last_step - step)
            parts.append(f"{duration(left)} to go")
        tell(self._stream, "  ".join(parts), before=self._clear, end="" if self._in_place else "\n")

    @property
    def _clear(self):
        return "\r\x1b[K" if self._in_place else ""


def duration(seconds: float) -> str:
    """Minutes and seconds, and hours where there are some."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
