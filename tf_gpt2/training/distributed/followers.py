"""What a process that is not the chief has in place of files and reports: it writes nothing."""

import io
from typing import Any

from tf_gpt2.training.background import Job
from tf_gpt2.training.saving import Saver
from tf_gpt2.training.state import LoopState, Trouble


class SilentMetrics:
    """Stands for `metrics.MetricsLog`."""

    def write(self, step: int, split: str, *, loss: float, **figures: float) -> None:
        """Writes nothing."""

    def write_text(self, step: int, name: str, text: str) -> None:
        """Writes nothing."""

    def go_back(self, state: LoopState, trouble: Trouble) -> None:
        """Nothing is written that would be taken back."""

    def close(self) -> None:
        """Nothing is open."""


class SilentSaver(Saver):
    """Stands for `saving.Saver`."""

    def submit(self, *jobs: Job) -> None:
        """Does none."""

    def checkpoint(self, state: LoopState, keep: int) -> list[Job]:
        """Copies nothing; counts as the chief does."""
        if state.step > state.trouble_step:
            state.tries = 0
        return []

    def curves(self) -> None:
        """Draws nothing."""


class SilentStream(io.TextIOBase):
    """A stream that takes everything and keeps nothing."""

    def write(self, text: str) -> int:
        return len(text)


class Follower:
    """Stands for a `loop.ModelKeeper`."""

    def save(self) -> None:
        """Writes nothing."""

    def snapshot(self) -> Job:
        """Copies nothing."""
        return lambda: None

    def load(self) -> None:
        """Reads nothing: the chief's weights come from the chief."""

    def describe(self) -> dict[str, str]:
        """Describes nothing."""
        return {}

    def write_sample(self, step: int) -> str:
        """Writes nothing."""
        return ""

    def measure(self, probe: Any) -> dict[str, float]:
        """Measures nothing."""
        return {}
