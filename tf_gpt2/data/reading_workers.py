"""Several processes that read a corpus, and their results in the order of the tasks."""

import collections
import concurrent.futures
import contextlib
import os
import pathlib
import pickle
import queue
import subprocess
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import tf_gpt2
from tf_gpt2.data.reading_tasks import Files, Part, Rules, perform

# Below this many bytes to read, starting processes costs more than they save.
WORTH_PROCESSES = 64 << 20
_MOST = 6  # each holds some 200 MB
_AHEAD = 2  # tasks for each process, so that none waits
_START = """
import sys
sys.path[:] = sys.argv[1:]
from tf_gpt2.data.reading_worker import main
main()
"""


def worthwhile_workers(size: int) -> int:
    """How many processes should read so many bytes: 0 for none beside this one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, _MOST) if size >= WORTH_PROCESSES and cores > 1 and sys.executable else 0


class Workers:
    """Does tasks in processes of its own, which end with it; with none of them, here."""

    def __init__(self, count: int, rules: Rules):
        self._rules, self._closed = rules, False
        self._processes: queue.SimpleQueue[_Process] = queue.SimpleQueue()
        self._all = [_Process(rules) for _ in range(count)]
        for process in self._all:
            self._processes.put(process)
        self._threads = concurrent.futures.ThreadPoolExecutor(count) if count else None

    def map(self, tasks: Iterable[tuple[Any, Files | Part]]) -> Iterator[tuple[Any, Any]]:
        """The key of each task, as given with it, and its result, in order; a few tasks are taken ahead.

        Raises:
            UserError: The first that a task raised.
        """
        if self._threads is None:
            for key, task in tasks:
                yield key, perform(task, self._rules)
            return
        waiting: collections.deque = collections.deque()
        try:
            for key, task in tasks:
                waiting.append((key, self._threads.submit(self._ask, task)))
                if len(waiting) >= _AHEAD * len(self._all):
                    key, future = waiting.popleft()
                    yield key, future.result()
            while waiting:
                key, future = waiting.popleft()
                yield key, future.result()
        finally:
            for _, future in waiting:
                future.cancel()

    def close(self) -> None:
        """Ends the processes; what they were doing is lost."""
        self._closed = True
        for process in self._all:
            process.end()
        if self._threads is not None:
            self._threads.shutdown(wait=True, cancel_futures=True)
        for process in self._all:
            process.close()

    def _ask(self, task: Files | Part) -> Any:
        process = self._processes.get()
        try:
            fine, answer = process.ask(task)
        except (OSError, ValueError, EOFError, pickle.UnpicklingError):
            if self._closed:
                raise
            # Somebody ended it, the system for want of memory, say.
            fine, answer = True, perform(task, self._rules)
        finally:
            self._processes.put(process)
        if not fine:
            raise answer
        return answer


class _Process:
    """One of them, and the pipes to it."""

    def __init__(self, rules: Rules):
        # -P: else the current folder, which may be the corpus, would come first among the places of modules.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _START, *_places_of_modules()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdin is not None and self._process.stdout is not None  # pipes, as asked for
        self._tasks, self._answers = self._process.stdin, self._process.stdout
        with contextlib.suppress(OSError):
            self._send(rules)

    def ask(self, task: Files | Part) -> tuple[bool, Any]:
        """Whether it did a task, and its result or error."""
        self._send(task)
        return pickle.load(self._answers)

    def _send(self, value: Any) -> None:
        pickle.dump(value, self._tasks, pickle.HIGHEST_PROTOCOL)
        self._tasks.flush()

    def end(self) -> None:
        """Ends it, whatever it is doing."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Closes the pipes, when nobody waits at them any more."""
        for stream in (self._tasks, self._answers):
            with contextlib.suppress(OSError):
                stream.close()


def _places_of_modules() -> list[str]:
    """This process's own, in its order, so that others import what it has; "" would be any folder they begin in."""
    places = [place for place in sys.path if isinstance(place, str) and place]
    home = str(pathlib.Path(tf_gpt2.__file__).absolute().parents[1])
    return places if home in places else [home, *places]
