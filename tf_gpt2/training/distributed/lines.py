"""Connections between the processes of a training: a JSON object a line, in both directions."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from tf_gpt2.training.distributed.cluster import split_address

_LONGEST_LINE = 1 << 20
_SECONDS_BETWEEN_TRIES = 0.5
_SECONDS_TO_SEND = 10.0


class Line:
    """One end of a connection; any thread may send, one receives.

    Args:
        connection: An open socket.
    """

    def __init__(self, connection: socket.socket):
        connection.settimeout(_SECONDS_TO_SEND)
        self._socket = connection
        self._unread = b""
        self._lock = threading.Lock()
        self.heard = time.monotonic()

    def send(self, message: dict[str, Any]) -> None:
        """Sends a message; to a process that is gone it is lost, which receiving tells."""
        data = json.dumps(message).encode() + b"\n"
        with self._lock, contextlib.suppress(OSError):
            self._socket.sendall(data)

    def receive(self, seconds: float | None) -> Any:
        """The next `schemas.TeamMessage`; None at the end of the connection, after so long, or for what is none."""
        from tf_gpt2.schemas import TeamMessage

        line = self._read_line(None if seconds is None else time.monotonic() + seconds)
        if line is None:
            return None
        try:
            return TeamMessage.model_validate(json.loads(line))
        except (ValueError, RecursionError):
            return None

    def close(self) -> None:
        """Ends the connection."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _read_line(self, deadline):
        while b"\n" not in self._unread:
            try:
                piece = self._socket.recv(1 << 16)
            except TimeoutError:
                if deadline is not None and time.monotonic() > deadline:
                    return None
                continue
            except OSError:
                return None
            if not piece or len(self._unread) > _LONGEST_LINE:
                return None
            self.heard = time.monotonic()
            self._unread += piece
        line, _, self._unread = self._unread.partition(b"\n")
        return line


def silence(line: Line) -> float:
    """Seconds since anything was heard."""
    return time.monotonic() - line.heard


def accept_lines(address: tuple[str, int], seconds: float) -> Iterator[Line]:
    """Connections to a port of this machine, as they come, for so long.

    Raises:
        OSError: The port cannot be listened on.
    """
    deadline = time.monotonic() + seconds
    with socket.create_server(("", address[1])) as server:
        while (left := deadline - time.monotonic()) > 0:
            server.settimeout(left)
            try:
                connection, _ = server.accept()
            except TimeoutError:
                return
            yield Line(connection)


def connect(address: tuple[str, int], seconds: float) -> Line | None:
    """A connection to a port that may not listen yet; None when it does not do so within so long."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        with contextlib.suppress(OSError):
            return Line(socket.create_connection(address, timeout=left))
        time.sleep(min(_SECONDS_BETWEEN_TRIES, max(left, 0)))
    return None


def port_is_free(address: str) -> bool:
    """Whether this machine can listen on the port of an address."""
    try:
        socket.create_server(("", split_address(address)[1])).close()
    except OSError:
        return False
    return True
