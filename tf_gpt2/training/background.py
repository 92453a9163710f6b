"""Writing in the background: training goes on while a thread brings what was copied onto the disk."""

import threading
from collections.abc import Callable

Job = Callable[[], object]


class BackgroundWriter:
    """Does jobs in a thread, those of one `submit` at a time.

    What went wrong in the thread is raised in the training's own: by the next `check`, `submit` or `wait`. A
    process that is killed amid a job leaves what files.py's writers leave, the file of before.
    """

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def submit(self, *jobs: Job) -> None:
        """Has jobs done in their order; waits first until those of before are done, so memory holds one copy.

        Raises:
            UserError: An earlier job could not be done.
        """
        self.wait()
        # A daemon, so that a second Ctrl-C ends the process at once.
        self._thread = threading.Thread(target=self._do, args=(jobs,), name="checkpoints", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raises what went wrong so far; does not wait.

        Raises:
            UserError: A job could not be done.
        """
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def wait(self) -> None:
        """Waits until everything is written.

        Raises:
            UserError: A job could not be done.
        """
        self.close()
        self.check()

    def close(self) -> None:
        """Waits until everything is written or given up; for a way out that has an error of its own."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _do(self, jobs):
        try:
            for job in jobs:
                job()
        except BaseException as error:
            self._error = error
