"""What the processes of a training tell each other beside TensorFlow's tensors: what the chief decides, and deaths.

A collective operation whose partner died waits for ever. So each process says every other second that it lives,
over a connection to the chief. Who falls silent, or whose connection ends, ends the training of all, with a line on
each.
"""

import contextlib
import json
import logging
import queue
import threading
import types
from collections.abc import Callable
from typing import Any

from tf_gpt2.errors import UserError, shorten
from tf_gpt2.training.distributed.cluster import Cluster
from tf_gpt2.training.distributed.lines import Line, silence
from tf_gpt2.training.distributed.meeting import meet
from tf_gpt2.training.distributed.watchdog import LastResort, end_soon_at_exit

_SECONDS_BETWEEN_BEATS = 2.0
_SECONDS_OF_SILENCE = 30  # a process that says nothing for so long is gone
# What TensorFlow says of a process that is gone, which it may notice before this module does.
_LOST = ("UnavailableError", "AbortedError", "CancelledError", "DeadlineExceededError")
_ERRORS_OF_OTHERS = (*_LOST, "InternalError")
# How long others are waited for at the end, so that none takes TensorFlow's server away while one still computes.
_SECONDS_TO_END = 60
# How long a process that was told to end waits for the chief to save: SIGKILL comes 30 s after SIGTERM, usually.
_SECONDS_TO_SAVE = 15
_GOES_ON = "the same command goes on {there}, on any number of devices"
_log = logging.getLogger("tf_gpt2")


class Team(contextlib.AbstractContextManager):
    """A process alone: it is the chief, and what it decides is decided.

    Attributes:
        is_chief: Whether this process writes files and reports.
        cluster: The processes; None for one alone.
        failure: Why the training has to end, once another process brought that about.
        agreed_to_stop: Whether all end early together.
        save_at_rest: Called in another thread, on the chief, when all must end before they can agree on it.
    """

    cluster: Cluster | None = None
    is_chief = True
    failure: str | None = None
    agreed_to_stop = False
    save_at_rest: Callable[[], None] = staticmethod(lambda: None)

    def __exit__(self, *raised: Any) -> None:
        pass

    def meet(self, facts: dict[str, str]) -> None:
        """Waits for the others; all must have the same facts.

        Args:
            facts: What must be equal everywhere, by its name in a message.

        Raises:
            UserError: One does not come or differs, or a port is taken.
        """

    def on_failure(self, abort: Callable[[str], None]) -> None:
        """`abort` ends, from another thread, what the main thread waits for in vain."""

    def from_chief(self, decide: Callable[[], Any], work: Callable[[], Any] | None = None) -> Any:
        """What the chief decides, a JSON value, on every process.

        Args:
            decide: Called on the chief alone.
            work: Called on the others whenever the chief calls `ask`.

        Raises:
            UserError: `decide` did, or a process died.
        """
        return decide()

    def ask(self) -> None:
        """Makes the others do the work of the `from_chief` that they wait in."""

    def saved(self, step: int) -> None:
        """Remembers the step of a checkpoint, for the line at the end."""

    def overdue(self) -> None:
        """Saves when a signal to this process could not be met in time; of several processes the chief, for all."""
        self.save_at_rest()

    def explain(self, error: Exception) -> Exception:
        """The reason of an error of TensorFlow, if a process that died is: a `UserError`; else the error itself."""
        return error


class ConnectedTeam(Team):
    """One of several processes.

    Args:
        cluster: Which there are.
        wait: Seconds to wait for the others.
    """

    def __init__(self, cluster: Cluster, wait: float):
        self.cluster, self._processes, self._wait = cluster, cluster, wait
        self.is_chief = cluster.index == 0
        self.failure = None
        self._failed = threading.Event()
        self._telling = threading.Lock()  # held from the first reason until the others know it
        self._ended: set[int] = set()  # who is through, so that a closed connection means nothing
        self._inbox: queue.Queue = queue.Queue()
        self._lines: dict[int, Line] = {}  # to the others; a worker has one to the chief
        self._abort: Callable[[str], None] = lambda line: None
        self._saved_step = 0
        self._met = False
        self._last_resort = LastResort()
        self._level = _log.level

    def __enter__(self) -> "ConnectedTeam":
        if not self.is_chief:
            _log.setLevel(logging.WARNING)  # the chief tells of the training
        return self

    def __exit__(self, *raised: Any) -> None:
        error = raised[1]
        if not self.is_chief:
            _log.setLevel(self._level)
        if self.failure is not None:
            end_soon_at_exit()
        elif self._met:
            self._say_goodbye(error)
        with self._telling:  # else the others would hear of the closed line before they hear the reason
            for line in self._lines.values():
                line.close()
        self._last_resort.stop()

    def meet(self, facts: dict[str, str]) -> None:
        self._lines = meet(self._processes, facts, self._wait)
        self._met = True
        for index in self._lines:
            threading.Thread(target=self._hear, args=(index,), daemon=True).start()
        threading.Thread(target=self._beat, daemon=True).start()

    def on_failure(self, abort: Callable[[str], None]) -> None:
        self._abort = abort
        if self.failure is not None:
            abort(self.failure)

    def from_chief(self, decide: Callable[[], Any], work: Callable[[], Any] | None = None) -> Any:
        if self.is_chief:
            value = json.loads(json.dumps(decide()))
            self._tell({"kind": "said", "value": value})
            return value
        while True:
            message = self._inbox.get()
            if message.kind == "failed":
                raise UserError(self.failure or message.line)
            if message.kind == "said":
                return message.value
            assert work is not None
            work()

    def ask(self) -> None:
        self._tell({"kind": "ask"})

    def saved(self, step: int) -> None:
        self._saved_step = step
        if self.is_chief:
            self._tell({"kind": "saved", "value": step})

    def overdue(self) -> None:
        if self.is_chief:
            return self.save_at_rest()
        self._tell({"kind": "overdue"})
        self._failed.wait(_SECONDS_TO_SAVE)
        return None

    def explain(self, error: Exception) -> Exception:
        of_others = self._met and type(error).__name__ in _ERRORS_OF_OTHERS
        self._failed.wait(2 * _SECONDS_OF_SILENCE if of_others else _SECONDS_BETWEEN_BEATS)
        if self.failure:
            return UserError(self.failure)
        if self._met and type(error).__name__ in _LOST:
            name = self._processes.name(self._processes.index)
            return UserError(f"{name} lost the other processes ({type(error).__name__}); {self._remedy()}")
        return error

    def _tell(self, message):
        for line in self._lines.values():
            line.send(message)

    def _hear(self, index):
        """Reads what one of the others says, until the connection ends."""
        line = self._lines[index]
        while (message := line.receive(None)) is not None:
            if message.kind in ("said", "ask"):
                self._inbox.put(message)
            elif message.kind == "saved":
                self._saved_step = int(message.value)
            elif message.kind == "overdue":
                self._save_and_end(index)
            elif message.kind == "failed":
                self._fail(message.line)
            elif message.kind == "done":
                self._ended.add(index)
                self._inbox.put(message)
        if index not in self._ended:
            self._fail(f"{self._processes.name(index)} ended in the middle of the training; {self._remedy()}")

    def _beat(self):
        while not self._failed.wait(_SECONDS_BETWEEN_BEATS):
            self._tell({"kind": "beat"})
            for index, line in list(self._lines.items()):
                if silence(line) > _SECONDS_OF_SILENCE and index not in self._ended:
                    self._fail(
                        f"{self._processes.name(index)} has not answered for {_SECONDS_OF_SILENCE} s; "
                        f"{self._remedy()}"
                    )

    def _save_and_end(self, index):
        """Does for a worker that has to end what it cannot."""
        try:
            self.save_at_rest()
        except Exception as error:  # a full disk: what was saved before is whole
            _log.warning(str(error))
        self._fail(f"{self._processes.name(index)} was told to end and cannot wait; {self._remedy()}")

    def _remedy(self):
        there = f"from step {self._saved_step:,}, which is saved" if self._saved_step else "from its beginning"
        return _GOES_ON.format(there=there)

    def _fail(self, text):
        """The first reason ends this process, and those that it is connected with."""
        with self._telling:
            if self._failed.is_set():
                return
            self.failure = shorten(" ".join(text.splitlines()))
            self._failed.set()
            self._last_resort.start(self.failure)
            self._tell({"kind": "failed", "line": self.failure})
        self._inbox.put(types.SimpleNamespace(kind="failed", line=self.failure))
        self._abort(self.failure)

    def _say_goodbye(self, error):
        """Tells the others why this process ends, or waits until all are through."""
        if isinstance(error, UserError):
            self._tell({"kind": "failed", "line": str(error)})
        elif error is not None and not self.agreed_to_stop:
            first = (str(error).splitlines() or [""])[0]
            name, what = self._processes.name(self._processes.index), f"{type(error).__name__}: {first}".strip(": ")
            self._tell({"kind": "failed", "line": f"{name} ended: {what}; {self._remedy()}"})
        else:
            self._part_in_peace()
        self._failed.set()

    def _part_in_peace(self):
        """A worker is through and waits for the chief, which waits for all workers."""
        if not self.is_chief:
            self._tell({"kind": "done"})
        with contextlib.suppress(queue.Empty):
            while len(self._ended) < len(self._lines) and self.failure is None:
                self._inbox.get(timeout=_SECONDS_TO_END)
        if self.is_chief:
            self._tell({"kind": "done"})
