"""HTTP/1.1 as uvicorn speaks it, with bounds for what comes before the body, and after it.

uvicorn takes any number of headers of any size, and waits for them for ever; so somebody could fill
its memory, or hold its connections, before the application hears of a request, or after its reply.

And it loses the body of a request that offers to go on in another protocol, as Java's own client
does each time; what comes of the body later it takes for a request.
"""

import asyncio

from httptools import HttpParserError, HttpParserUpgrade
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.api.joining import CYCLE

LARGEST_HEAD = 64 * 1024
"""The most bytes of a request line and its headers, beyond those that came with its first; and of
what follows the last of a body, which may be trailers."""
PATIENCE = 15.0
"""Seconds that they may take to arrive, counted from the connection, or from their first byte."""


def _refusal(status: bytes) -> bytes:
    return b"HTTP/1.1 " + status + b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


_TOO_LARGE = _refusal(b"431 Request Header Fields Too Large")
_INVALID = "Invalid HTTP request received."
_TOO_SLOW = _refusal(b"408 Request Timeout")


class _Trailers(list[tuple[bytes, bytes]]):
    """What comes after a body in the shape of headers: it is none of them (RFC 9110, 6.5.1)."""

    def append(self, header: tuple[bytes, bytes]) -> None:
        """Forget one."""


_TRAILERS = _Trailers()


class Bounded(HttpToolsProtocol):
    """A connection on which heads of requests are small and come soon."""

    _size = 0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Await the first head."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Await nothing any longer."""
        self._stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take in what came; if a head has begun and not ended, mind its size and its time."""
        before = self.headers
        self._size += len(data)
        self._unset_keepalive_if_required()
        try:
            try:
                self.parser.feed_data(data)
            except HttpParserUpgrade as offer:
                self._parse_on(data, offer)
        except HttpParserError:
            self.logger.warning(_INVALID)
            self.send_400_response(_INVALID)
        awaits_rest = self._awaits_rest
        if awaits_rest and self.headers is not before:
            self._size = 0
        if self._size > LARGEST_HEAD:
            self._refuse(_TOO_LARGE if awaits_rest else b"")
        elif awaits_rest:
            if self._timer is None:
                self._await_head()
        elif not self._is_answering:  # an empty line, or more of what was refused
            self._await_another()

    def _parse_on(self, data: bytes | memoryview, offer: HttpParserUpgrade) -> None:
        """Parse a head that offers another protocol once more, without the offer, and what follows.

        An offer may be ignored (RFC 9110, 7.8), but the parser looks for no body behind one.
        """
        while True:
            data = memoryview(data)[offer.args[0] :]
            if self._awaits_rest:
                self.parser.feed_data(self._without_offer())
            if not data:
                return
            try:
                self.parser.feed_data(data)
                return
            except HttpParserUpgrade as another:
                offer = another

    def _without_offer(self) -> bytes:
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        fields = (b"%s: %s" % each for each in self.headers if each[0] != b"upgrade")
        return b"\r\n".join((b"%s %s HTTP/%s" % (method, self.url, version), *fields, b"", b""))

    def on_headers_complete(self) -> None:
        """Begin to answer, unless the head is to be parsed once more."""
        if self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT":
            return
        if self._timer is not None:
            self._stop()
        super().on_headers_complete()
        self.scope[CYCLE] = self.cycle  # type: ignore[literal-required]
        self.headers = _TRAILERS
        self._size = 0

    def on_message_complete(self) -> None:
        """Note the end of a request, unless its head is to be parsed once more."""
        if self.headers is _TRAILERS:
            super().on_message_complete()

    def on_body(self, body: bytes) -> None:
        """Hand over a piece of the body; what follows it is counted anew."""
        super().on_body(body)
        self._size = 0

    def _await_another(self) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def _await_head(self) -> None:
        self._timer = self.loop.call_later(PATIENCE, self._give_up)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def _awaits_rest(self) -> bool:
        """Tell whether a head has begun and not ended."""
        return self.headers is not None and self.headers is not _TRAILERS

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _give_up(self) -> None:
        """Hang up, unless it is us who is slow: while a reply is under way, nothing is read."""
        if self._is_answering:
            self._await_head()
        else:
            self._refuse(_TOO_SLOW if self.headers is not None else b"")

    def _refuse(self, reply: bytes) -> None:
        self._stop()
        if not self.transport.is_closing():
            if reply and not self._is_answering:
                self.transport.write(reply)
            self.transport.close()
