"""Writing metrics.jsonl and TensorBoard: the figures of a run, a line per logged step."""

import json
import logging
import math
import os
import pathlib
from collections.abc import Callable, Collection
from typing import Any, TextIO

import tensorflow as tf

from tf_gpt2.files import write_atomically
from tf_gpt2.run_directory import METRICS_FILE, ROLLBACK, TENSORBOARD, VALIDATION, read_metrics
from tf_gpt2.schemas import MetricsLine
from tf_gpt2.training.state import LoopState, Trouble

_log = logging.getLogger(__name__)


class MetricsLog:
    """Appends figures to `metrics.jsonl` and to TensorBoard event files in `tensorboard/`.

    Args:
        run_dir: The run's directory.
        resumed_step: Lines of later steps, which a killed run had written, are dropped; they come again.
        again: Lines of these splits at that step come again too.
    """

    def __init__(self, run_dir: str | os.PathLike, resumed_step: int = 0, again: Collection[str] = ()):
        self._run_dir = run_dir = pathlib.Path(run_dir)
        run_dir.mkdir(parents=True, exist_ok=True)
        if (run_dir / METRICS_FILE).exists():
            self._keep(lambda line: (line.step, line.split in again) < (resumed_step, True))
        self._file = self._opened()
        self._writer = tf.summary.create_file_writer(os.fsencode(run_dir / TENSORBOARD))

    def write(self, step: int, split: str, *, loss: float, **figures: float) -> None:
        """Logs figures of one step.

        Args:
            step: Optimizer steps done.
            split: As in `schemas.MetricsLine`.
            loss: In nats per token; a line without a finite one would say nothing and is left out.
            figures: Others; those that are not finite are left out.
        """
        figures = {"loss": loss, **figures}
        finite: dict[str, Any] = {name: float(value) for name, value in figures.items() if math.isfinite(value)}
        if "loss" in finite:
            self._file.write(_text(MetricsLine(step=step, split=split, **finite)))
            self._file.flush()
        else:
            _log.warning("the %s loss at step %d is %s and is not recorded", split, step, loss)
        with self._writer.as_default(step):
            for name, value in figures.items():
                tf.summary.scalar(f"{split}/{name}", value)

    def write_text(self, step: int, name: str, text: str) -> None:
        """Shows a text in TensorBoard, as it is: Markdown indents what is no Markdown."""
        with self._writer.as_default(step):
            tf.summary.text(name, "\n".join(f"    {line}" for line in text.splitlines()))

    def go_back(self, state: LoopState, trouble: Trouble) -> None:
        """Drops the lines of steps that are taken again, and says from which step on and why.

        The validation whose model is kept stays, and so do earlier goings-back.
        """
        best = (VALIDATION, state.best_step, state.best_validation_loss)
        self._file.close()
        self._keep(
            lambda line: (
                line.step <= state.step or line.split == ROLLBACK or (line.split, line.step, line.loss) == best
            )
        )
        self._file = self._opened()
        self.write(
            state.step + 1,
            ROLLBACK,
            loss=trouble.usual,
            loss_in_trouble=trouble.loss,
            first_trouble_step=trouble.first_step,
            last_trouble_step=trouble.last_step,
            skipped_batches=state.skipped_batches,
            tries=state.tries,
        )

    def _keep(self, wanted: Callable[[MetricsLine], bool]) -> None:
        kept = filter(wanted, read_metrics(self._run_dir).lines)
        write_atomically(self._run_dir / METRICS_FILE, "".join(map(_text, kept)).encode())

    def _opened(self) -> TextIO:
        return (self._run_dir / METRICS_FILE).open("a", encoding="utf-8", newline="\n")

    def close(self) -> None:
        """Flushes both."""
        self._file.close()
        self._writer.close()


def _text(line: MetricsLine) -> str:
    return json.dumps(line.model_dump()) + "\n"
