"""What the machine has: memory of the device that computes, and how much of it a training took."""

import os
import pathlib
import re
import sys

import tensorflow as tf

# Where Linux tells a container the memory it may use, in its two versions.
_TOTAL = re.compile(r"Total bytes used: (\d+)")
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def xla_account(folder: pathlib.Path | None) -> int | None:
    """The most bytes that a program takes by XLA's own account, which `runtime.prepare_training` has it write.

    None where it wrote none.
    """
    reports = [] if folder is None else sorted(folder.glob("*memory-usage-report.txt"))
    found = (_TOTAL.search(report.read_text("utf-8", "replace")) for report in reports)
    return max((int(match[1]) for match in found if match), default=None)


def device_memory() -> int | None:
    """Bytes of memory that training may take in all, of the first GPU or of the machine; None where not known."""
    if tf.config.list_physical_devices("GPU"):
        from tensorflow.python.client import device_lib

        return next((int(d.memory_limit) for d in device_lib.list_local_devices() if d.device_type == "GPU"), None)
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        return None
    return min([total, *_container_limits()])


def _container_limits() -> list[int]:
    found = []
    for path in map(pathlib.Path, _LIMITS):
        try:
            text = path.read_text("ascii").strip()
        except OSError:
            continue
        if text.isdigit():  # else "max"
            found.append(int(text))
    return found


def most_memory_taken() -> int | None:
    """The most bytes that this process has had, on the GPU where it computes there; None where not known."""
    if tf.config.list_physical_devices("GPU"):
        return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])
    try:
        import resource
    except ImportError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
