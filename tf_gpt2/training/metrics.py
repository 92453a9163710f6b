"""metrics.jsonl and TensorBoard: the figures of a run, a line per logged step."""

import json
import pathlib

import tensorflow as tf

from tf_gpt2.files import write_atomically

METRICS_FILE = "metrics.jsonl"


class MetricsLog:
    """Appends figures to `metrics.jsonl` and to TensorBoard event files in `tensorboard/`.

    Args:
        run_dir: The run's directory.
        resumed_step: Lines of later steps, which a killed run had written, are dropped; they come again.
    """

    def __init__(self, run_dir, resumed_step: int = 0):
        pathlib.Path(run_dir).mkdir(parents=True, exist_ok=True)
        self._path = pathlib.Path(run_dir) / METRICS_FILE
        if self._path.exists():
            kept = [line for line in read_metrics(run_dir) if line["step"] <= resumed_step]
            write_atomically(self._path, "".join(map(_line, kept)).encode())
        self._file = self._path.open("a", encoding="utf-8")
        self._writer = tf.summary.create_file_writer(str(pathlib.Path(run_dir) / "tensorboard"))

    def write(self, step: int, split: str, **figures: float) -> None:
        """Logs figures of one step; `split` is "train" or "validation"; `loss` is in nats per token."""
        self._file.write(_line({"step": step, "split": split, **figures}))
        self._file.flush()
        with self._writer.as_default(step):
            for name, value in figures.items():
                tf.summary.scalar(f"{split}/{name}", value)

    def close(self) -> None:
        """Flushes both."""
        self._file.close()
        self._writer.close()


def read_metrics(run_dir) -> list[dict]:
    """Lines of `metrics.jsonl`; a last line that a dying process left half-written is left out."""
    lines = []
    for line in (pathlib.Path(run_dir) / METRICS_FILE).read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            break
    return lines


def _line(values):
    return json.dumps(values) + "\n"
