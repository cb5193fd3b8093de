"""The head of a reply, sent together with its body.

uvicorn sends it by itself, which is a packet and a system call more.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

CYCLE = "gongkai.cycle"
"""The key under which the scope has the request as uvicorn knows it, for whoever comes first.

It is to be taken out: it has the scope in it.
"""

_SMALL = 64 * 1024  # bytes of a body that are worth being copied


class _Head:
    """Stands in for a transport until there is something to send a head with."""

    def __init__(self, cycle: "RequestResponseCycle") -> None:
        self._cycle, self._transport, self._head = cycle, cycle.transport, b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Hold the head; then send it with the data."""
        if not self._head:
            self._head = data
            return
        self._cycle.transport = self._transport
        if self._transport.is_closing():
            return
        if len(data) <= _SMALL:
            self._transport.write(self._head + data)
        else:
            self._transport.write(self._head)
            self._transport.write(data)


def join(cycle: "RequestResponseCycle") -> None:
    """Send the head of a reply that has not begun with the first of its body, which must come."""
    cycle.transport = _Head(cycle)  # type: ignore[assignment]
