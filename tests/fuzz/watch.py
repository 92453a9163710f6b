"""Runs a piece of work in a child forked from this process, and says how it ended.

The child has its parent's imports and nothing to set up, so a case costs some milliseconds. It is ended when it has
computed too long, waited too long, or taken too much memory beyond its parent's. Linux, for /proc.
"""

import contextlib
import json
import os
import resource
import select
import signal
import time
import traceback

SECONDS = 5.0  # of computing, all threads together
WAITING_SECONDS = 30.0  # by the clock, without computing: a read from a pipe that nobody writes to, a lock
MEMORY = 1 << 30  # bytes beyond the parent's
_LOOK_EVERY = 0.05
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def watched(work):
    """Runs `work`, which returns (kind, detail), in a child; returns that or the fault that ended it."""
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(reading)
        _child(work, writing)
    os.close(writing)
    try:
        fault, answer = _watch(process, reading)
    finally:
        os.close(reading)
        _, status, used = os.wait4(process, 0)
    if fault is None and used.ru_maxrss * 1024 - _resident(os.getpid()) > MEMORY:
        fault = "memory", f"{used.ru_maxrss >> 10} MB at its most"
    if fault is None and os.WIFSIGNALED(status):
        fault = "signal", signal.Signals(os.WTERMSIG(status)).name
    if fault is not None:
        return fault
    return tuple(json.loads(answer)) if answer else ("died", f"exit status {status} and no answer")


def _child(work, writing):
    """Never returns. Whatever the work raises is an answer too, and a fault."""
    try:
        # Takes what is claimed and never touched for used, as a machine without overcommitment does.
        resource.setrlimit(resource.RLIMIT_DATA, (_data_bytes() + MEMORY, resource.RLIM_INFINITY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        try:
            answer = work()
        except BaseException as error:
            kind = "memory" if isinstance(error, MemoryError) else "traceback"
            answer = kind, f"{type(error).__name__}: {str(error)[:300]}\n{_place(error)}"
        data = json.dumps(answer).encode()
        while data:
            data = data[os.write(writing, data) :]
    finally:
        os._exit(0)


def _place(error):
    """Where it was raised: the last frames, innermost last."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    return "\n".join(f"  {os.path.relpath(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames)


def _watch(process, reading):
    """Waits for the answer; returns (the fault for which the child was ended or None, the answer)."""
    own, parts, computed, since = _resident(os.getpid()), [], 0.0, time.monotonic()
    while True:
        if select.select([reading], [], [], _LOOK_EVERY)[0]:
            if not (part := os.read(reading, 1 << 16)):
                return None, b"".join(parts)
            parts.append(part)
            continue
        now = _computed(process)
        if now > computed:  # on a busy machine it gets its turn late
            computed, since = now, time.monotonic()
        fault = _excess(process, own, computed, since)
        if fault:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
            return fault, b""


def _excess(process, own, computed, since):
    if computed > SECONDS:
        return "time", f"more than {SECONDS:g} s of computing"
    if time.monotonic() - since > WAITING_SECONDS:
        return "time", f"nothing computed for {WAITING_SECONDS:g} s"
    if _resident(process) - own > MEMORY:
        return "memory", f"more than {MEMORY >> 20} MB"
    return None


def _computed(process):
    """Seconds of processor time so far."""
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _resident(process):
    """Bytes in memory now."""
    try:
        with open(f"/proc/{process}/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _data_bytes():
    """Bytes of private writable memory that this process has claimed, as RLIMIT_DATA counts them."""
    with open("/proc/self/status", "rb") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(b"VmData"))
