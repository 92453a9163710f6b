"""Writing metrics.jsonl and TensorBoard: the figures of a run, a line per logged step."""

import json
import logging
import math
import os
import pathlib
from typing import Any

import tensorflow as tf

from tf_gpt2.files import write_atomically
from tf_gpt2.run_directory import METRICS_FILE, TENSORBOARD, read_metrics
from tf_gpt2.schemas import MetricsLine

_log = logging.getLogger(__name__)


class MetricsLog:
    """Appends figures to `metrics.jsonl` and to TensorBoard event files in `tensorboard/`.

    Args:
        run_dir: The run's directory.
        resumed_step: Lines of later steps, which a killed run had written, are dropped; they come again.
    """

    def __init__(self, run_dir: str | os.PathLike, resumed_step: int = 0):
        run_dir = pathlib.Path(run_dir)
        run_dir.mkdir(parents=True, exist_ok=True)
        path = run_dir / METRICS_FILE
        if path.exists():
            kept = [line for line in read_metrics(run_dir).lines if line.step <= resumed_step]
            write_atomically(path, "".join(map(_text, kept)).encode())
        self._file = path.open("a", encoding="utf-8", newline="\n")
        self._writer = tf.summary.create_file_writer(os.fsencode(run_dir / TENSORBOARD))

    def write(self, step: int, split: str, *, loss: float, **figures: float) -> None:
        """Logs figures of one step.

        Args:
            step: Optimizer steps done.
            split: "train" or "validation".
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

    def close(self) -> None:
        """Flushes both."""
        self._file.close()
        self._writer.close()


def _text(line: MetricsLine) -> str:
    return json.dumps(line.model_dump()) + "\n"
