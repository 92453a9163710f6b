"""A process that reads parts of a corpus for another, which starts it (reading_workers.py).

On stdin come the rules and then tasks, on stdout goes an answer for each: (True, result) or (False, error), all of
them pickled. It ends with its stdin, and so with whoever started it.
"""

import os
import pickle
import signal
import sys
from typing import Any


def main() -> None:
    """Works until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that gives the tasks
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what anything prints is no answer
    tasks = sys.stdin.buffer
    try:
        rules = pickle.load(tasks)
        from tf_gpt2.data.reading_tasks import perform

        while True:
            task = pickle.load(tasks)
            answer: tuple[bool, Any]
            try:
                answer = (True, perform(task, rules))
            except Exception as error:  # whatever it is, the other process raises it
                answer = (False, error)
            pickle.dump(answer, answers, pickle.HIGHEST_PROTOCOL)
            answers.flush()
    except (EOFError, BrokenPipeError):
        pass
