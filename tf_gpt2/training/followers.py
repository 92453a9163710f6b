"""What a process that is not the chief has in place of files and reports: it writes nothing."""

import io
from typing import Any


class SilentMetrics:
    """Stands for `metrics.MetricsLog`."""

    def write(self, step: int, split: str, *, loss: float, **figures: float) -> None:
        """Writes nothing."""

    def close(self) -> None:
        """Nothing is open."""


class SilentStream(io.TextIOBase):
    """A stream that takes everything and keeps nothing."""

    def write(self, text: str) -> int:
        return len(text)


class Follower:
    """Stands for a `loop.ModelKeeper`."""

    def save(self) -> None:
        """Writes nothing."""

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
