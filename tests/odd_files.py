"""Things that stand where a file is expected."""

import os

KINDS = ("zeros", "pipe", "folder", "loop", "large", "missing")


def put(path, kind):
    """Puts one of KINDS at `path`: a device without end, a pipe without a writer, a link to itself, a TiB."""
    path.unlink(missing_ok=True)
    if kind == "zeros":
        path.symlink_to("/dev/zero")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "loop":
        path.symlink_to(path)
    elif kind == "large":
        with path.open("wb") as file:
            file.truncate(1 << 40)  # takes no room on the disk
    elif kind != "missing":
        raise ValueError(kind)
