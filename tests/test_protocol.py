"""What comes before a body, over real connections: small, and soon."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from app import protocol
from app.api import joining

Connected = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bytes]]


async def _app(scope: Any, receive: Any, send: Any) -> None:
    """Tell the size of a body, which is not waited for at one address."""
    size, more = 0, scope["path"] != "/early"
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    headers = [(b"content-length", b"%d" % len(str(size)))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": str(size).encode()})


def talk(use: Connected, *, keep_alive: float = 5) -> bytes:
    """Connect to a server with our protocol; return what the use of the connection returns."""

    async def talked() -> bytes:
        config = uvicorn.Config(_app, log_config=None, lifespan="off")
        config.timeout_keep_alive = keep_alive  # type: ignore[assignment]
        config.load()
        loop, state = asyncio.get_running_loop(), ServerState()
        server = await loop.create_server(
            lambda: protocol.Bounded(config=config, server_state=state, app_state={}),
            "127.0.0.1",
            0,
        )
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        try:
            return await asyncio.wait_for(use(reader, writer), 20)
        finally:
            writer.close()
            server.close()

    return asyncio.run(talked())


def sending(*pieces: bytes) -> Connected:
    """Return a client that sends, and then reads until the server hangs up."""

    async def use(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        return await reader.read()

    return use


HEAD = b"POST / HTTP/1.1\r\nhost: x\r\n"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that waits for a moment only."""
    monkeypatch.setattr(protocol, "PATIENCE", 0.05)


@pytest.mark.usefixtures("impatient")
def test_a_head_that_does_not_end_is_answered_408_and_the_connection_closed() -> None:
    assert talk(sending(HEAD)).startswith(b"HTTP/1.1 408 ")


@pytest.mark.usefixtures("impatient")
def test_a_connection_on_which_nothing_comes_is_closed() -> None:
    assert talk(sending()) == b""


@pytest.mark.parametrize("rest", [b"\r\n", b"x" * 5], ids=["an empty line", "some of a body"])
def test_a_connection_on_which_no_head_comes_after_a_reply_is_closed(rest: bytes) -> None:
    async def use(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        size = 9 if rest.startswith(b"x") else 0
        writer.write(b"GET /early HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % size)
        reply = await reader.readuntil(b"\r\n\r\n0")
        writer.write(rest)
        return reply + await reader.read()

    assert talk(use, keep_alive=0.1).endswith(b"\r\n\r\n0")


@pytest.mark.usefixtures("impatient")
def test_a_second_head_must_come_in_time_too() -> None:
    whole = HEAD + b"content-length: 3\r\n\r\nabc"
    answers = talk(sending(whole + HEAD))
    assert answers.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in answers


@pytest.mark.usefixtures("impatient")
def test_the_body_is_not_part_of_the_head_and_takes_its_own_time() -> None:
    async def use(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(HEAD + b"content-length: 200000\r\nconnection: close\r\n\r\n")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(), 3 * protocol.PATIENCE)
        writer.write(b"x" * 200_000)
        return await reader.read()

    assert talk(use).endswith(b"\r\n\r\n200000")


def test_headers_without_end_are_answered_431_and_the_connection_closed() -> None:
    async def use(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(HEAD)
        sent = 0
        while not reader.at_eof() and sent < 50 * protocol.LARGEST_HEAD:
            writer.write(b"x-more: " + b"y" * 8_000 + b"\r\n")
            sent += 8_000
            try:
                await writer.drain()
                answer = await asyncio.wait_for(reader.read(4_096), 0.01)
            except TimeoutError:
                continue
            except ConnectionError:
                return b"closed"
            return answer
        return b"taken"

    assert talk(use).startswith((b"HTTP/1.1 431 ", b"closed"))


def test_a_large_body_before_the_next_head_does_not_count_as_that_head() -> None:
    size = 3 * protocol.LARGEST_HEAD
    first = HEAD + b"content-length: %d\r\n\r\n" % size + b"x" * size
    second = HEAD + b"content-length: 0\r\nconnection: close\r\n\r\n"
    answers = talk(sending(first + second[:10], second[10:]))
    assert answers.count(b"HTTP/1.1 200 ") == 2


def test_what_comes_after_a_body_is_no_header_and_is_not_kept() -> None:
    async def seen() -> tuple[Any, Any]:
        config = uvicorn.Config(_app, log_config=None, lifespan="off")
        config.load()
        made = protocol.Bounded(config=config, server_state=ServerState(), app_state={})
        made.connection_made(_Recorded())
        made.data_received(HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\nauthorization: x\r\n")
        made.data_received(b"x-forwarded-for: 192.0.2.1\r\n\r\n")
        scope, kept = made.scope, list(made.headers)
        await asyncio.gather(*made.tasks)
        made.connection_lost(None)
        return scope["headers"], kept

    headers, kept = asyncio.run(seen())
    assert headers == [(b"host", b"x"), (b"transfer-encoding", b"chunked")]
    assert kept == []


@pytest.mark.parametrize("piece", [b"y" * 8_000, b"y: z\r\n" * 1_000], ids=["one", "many"])
def test_on_trailers_without_end_the_connection_is_closed(piece: bytes) -> None:
    endless = HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\nx: "
    with pytest.raises(ConnectionError):
        talk(sending(endless, *[piece] * 2_000))


def test_a_body_of_many_small_chunks_is_taken_whole() -> None:
    chunks = b"1;of=many\r\nx\r\n" * 20_000
    whole = HEAD + b"connection: close\r\ntransfer-encoding: chunked\r\n\r\n" + chunks
    assert talk(sending(whole + b"0\r\n\r\n")).endswith(b"\r\n\r\n20000")


OFFER = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAEAAEAA\r\n"
OFFERING = {
    "of a size": (HEAD + OFFER + b"content-length: 8\r\n\r\n", b"GET / HT"),
    "chunked": (
        HEAD + b"transfer-encoding: chunked\r\n" + OFFER + b"\r\n", b"8\r\nGET / HT\r\n0\r\n\r\n"
    ),
    "none": (HEAD + OFFER + b"\r\n", b""),
}  # fmt: skip


@pytest.mark.parametrize(("head", "body"), OFFERING.values(), ids=OFFERING)
def test_a_request_that_offers_another_protocol_is_answered_in_this_one(
    head: bytes, body: bytes
) -> None:
    last = HEAD + b"connection: close\r\ncontent-length: 3\r\n\r\nend"
    size = b"8" if body else b"0"
    for pieces in (
        [head + body + head + body + last],
        [head, body + head, body, last],
        [bytes([each]) for each in head + body + head + body + last],
    ):
        answers = talk(sending(*pieces)).split(b"HTTP/1.1 200 ")[1:]
        assert [each.rpartition(b"\r\n\r\n")[2] for each in answers] == [size, size, b"3"]


def test_what_is_not_http_is_answered_400_whatever_it_offers() -> None:
    for request in (b"CONNECT x:80 HTTP/1.1\r\n", HEAD + b"content-length: x\r\n"):
        assert talk(sending(request + OFFER + b"\r\nGET /")).startswith(b"HTTP/1.1 400 ")


class _Recorded(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return False

    def resume_reading(self) -> None:
        pass

    def close(self) -> None:
        pass


def replies(*, joined: bool) -> list[bytes]:
    """Return what is written in reply to two requests, by an app that joins or does not."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        cycle = scope.pop(joining.CYCLE)
        if joined:
            joining.join(cycle)
        await _app(scope, receive, send)

    async def replied() -> list[bytes]:
        config = uvicorn.Config(app, log_config=None, lifespan="off")
        config.load()
        transport = _Recorded()
        made = protocol.Bounded(config=config, server_state=ServerState(), app_state={})
        made.connection_made(transport)
        for _ in range(2):
            made.data_received(HEAD + b"content-length: 3\r\n\r\nabc")
            await asyncio.gather(*made.tasks)
        made.connection_lost(None)
        return transport.written

    return asyncio.run(replied())


def test_a_reply_is_written_whole_if_the_application_asks_for_it() -> None:
    whole, apart = replies(joined=True), replies(joined=False)
    assert (len(whole), len(apart)) == (2, 4)
    assert b"".join(whole) == b"".join(apart)
    assert all(each.endswith(b"\r\n\r\n3") for each in whole)
