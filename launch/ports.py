"""Which TCP and UDP ports are free."""

import random
import socket
from contextlib import closing

# Below Linux's range for outgoing connections (32768 and up), so that a kept port is rarely taken at the next start.
FIRST_PORT, LAST_PORT = 17_000, 31_999
TRIES = 200
_drawn: set[int] = set()  # by this process: a server that is to take a port may not have taken it yet


def bind_error(address: str, port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> OSError | None:
    """Why a server could not bind there, or None. A TCP port in TIME_WAIT counts as free, as it does for servers."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with closing(socket.socket(family, kind)) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            return error
    return None


def is_free(address: str, port: int) -> bool:
    """Whether both TCP and UDP can be bound there."""
    return all(bind_error(address, port, kind) is None for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM))


def free_port(address: str, *, but_not: int | None = None) -> int:
    """A port where both TCP and UDP are free, drawn by chance so that copies started together rarely meet; none comes twice."""
    for _ in range(TRIES):
        port = random.randint(FIRST_PORT, LAST_PORT)  # noqa: S311 - no secret
        if port != but_not and port not in _drawn and is_free(address, port):
            _drawn.add(port)
            return port
    raise OSError(f"no free port found on {address}")
