"""Stop strings, found across the borders of tokens and never shown in part."""

from collections.abc import Sequence


class StopScanner:
    """Passes text on until the first stop string, holding back what may be the beginning of one.

    Attributes:
        stopped: Whether a stop string has been met; nothing is passed on after it.
    """

    def __init__(self, stops: Sequence[str]):
        self._stops = tuple(stops)
        self._held = ""
        self.stopped = False

    def push(self, text: str) -> str:
        """Takes the next piece of text; returns what is certain not to belong to a stop string."""
        if self.stopped:
            return ""
        self._held += text
        places = [place for stop in self._stops if (place := self._held.find(stop)) >= 0]
        if places:
            self.stopped = True
            certain, self._held = self._held[: min(places)], ""
            return certain
        keep = max((_overlap(self._held, stop) for stop in self._stops), default=0)
        cut = len(self._held) - keep
        certain, self._held = self._held[:cut], self._held[cut:]
        return certain

    def flush(self) -> str:
        """Ends the text: what was held back after all was no stop string."""
        held, self._held = self._held, ""
        return held


def _overlap(text, stop):
    """Length of the longest end of `text` that is a proper beginning of `stop`."""
    for length in range(min(len(text), len(stop) - 1), 0, -1):
        if text.endswith(stop[:length]):
            return length
    return 0
