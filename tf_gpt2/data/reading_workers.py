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


def worthwhile_workers(size: int) -> int:
    """How many processes should read so many bytes: 0 for none beside this one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, _MOST) if size >= WORTH_PROCESSES and cores > 1 and sys.executable else 0


class Workers:
    """Does tasks in processes of its own, which end with it; with none of them, here."""

    def __init__(self, count: int, rules: Rules):
        self._rules = rules
        self._processes: queue.SimpleQueue[subprocess.Popen] = queue.SimpleQueue()
        self._all = [_start(rules) for _ in range(count)]
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
        for process in self._all:
            process.kill()
            process.wait()
        if self._threads is not None:
            self._threads.shutdown(wait=True, cancel_futures=True)
        for process in self._all:
            for stream in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    stream.close()

    def _ask(self, task: Files | Part) -> Any:
        process = self._processes.get()
        try:
            pickle.dump(task, process.stdin, pickle.HIGHEST_PROTOCOL)
            process.stdin.flush()
            fine, answer = pickle.load(process.stdout)
        except (OSError, EOFError, pickle.UnpicklingError):  # somebody ended it, the system for want of memory, say
            fine, answer = True, perform(task, self._rules)
        finally:
            self._processes.put(process)
        if not fine:
            raise answer
        return answer


def _start(rules: Rules) -> subprocess.Popen:
    home = str(pathlib.Path(tf_gpt2.__file__).parents[1])
    path = os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")]))
    process = subprocess.Popen(
        [sys.executable, "-m", "tf_gpt2.data.reading_worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    )
    with contextlib.suppress(OSError):
        pickle.dump(rules, process.stdin)
        process.stdin.flush()
    return process
