"""Clients that wait for the feed, on a page of it or on its stream: a program of its own.

Writes a line once all of them wait, and when its input ends what they have got, as JSON.
"""

import argparse
import asyncio
import gzip
import json
import sys
from dataclasses import dataclass, field

from bench.serving import AUTHORIZED

_LIMIT = 1_000
_GET = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\n"
    f"Authorization: {AUTHORIZED['Authorization']}\r\n\r\n"
)


@dataclass
class _Crowd:
    """What all of them share and count. `following` tells what comes after a page, by its ETag."""

    port: int
    start: int = 0
    waiting: int = 0
    replies: int = 0
    received: int = 0
    failures: int = 0
    places: dict[int, int] = field(default_factory=dict)
    following: dict[bytes, int] = field(default_factory=dict)


async def _reply(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    return head, await reader.readexactly(int(_header(head, b"content-length")))


def _header(head: bytes, name: bytes) -> bytes:
    at = head.lower().index(b"\r\n" + name + b":") + len(name) + 3
    return head[at : head.index(b"\r\n", at)].strip()


def _next(crowd: _Crowd, head: bytes, body: bytes) -> int:
    """Read where a page ends; pages that many have got are unpacked once."""
    etag = _header(head, b"etag")
    if etag not in crowd.following:
        text = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
        crowd.following[etag] = int(text[text.rindex(b'"next":') + 7 : text.rindex(b',"latest"')])
    return crowd.following[etag]


async def _latest(crowd: _Crowd) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", crowd.port)
    writer.write(_GET.format(path=f"/v1/changes?limit=1&after={crowd.start}").encode())
    _, body = await _reply(reader)
    writer.close()
    text = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
    return int(json.loads(text)["latest"])


async def _poll(crowd: _Crowd, number: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", crowd.port)
    crowd.places[number] = crowd.start
    while True:
        path = f"/v1/changes?after={crowd.places[number]}&limit={_LIMIT}&wait=30"
        writer.write(_GET.format(path=path).encode())
        crowd.waiting += 1
        head, body = await _reply(reader)
        crowd.replies += 1
        crowd.received += len(body)
        if not head.startswith(b"HTTP/1.1 200"):
            crowd.failures += 1
            return
        crowd.places[number] = _next(crowd, head, body)


async def _stream(crowd: _Crowd, number: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", crowd.port)
    writer.write(_GET.format(path=f"/v1/changes/stream?after={crowd.start}").encode())
    head = await reader.readuntil(b"\r\n\r\n")
    crowd.waiting += 1
    crowd.failures += not head.startswith(b"HTTP/1.1 200")
    tail = b""
    while data := await reader.read(2**18):
        crowd.replies += 1
        crowd.received += len(data)
        tail = (tail + data)[-4_000:]
        at = tail.rfind(b"\nid: ")
        if at >= 0 and (end := tail.find(b"\n", at + 1)) > 0:
            crowd.places[number] = int(tail[at + 5 : end])


async def _run(port: int, clients: int, kind: str) -> None:
    crowd = _Crowd(port)
    crowd.start = await _latest(crowd)
    one = _poll if kind == "poll" else _stream
    tasks = [asyncio.create_task(one(crowd, number)) for number in range(clients)]
    while crowd.waiting < clients:
        await asyncio.sleep(0.05)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    latest = await _latest(crowd)
    crowd.failures += sum(task.done() for task in tasks)
    behind = latest - min(crowd.places.values(), default=crowd.start)
    for task in tasks:
        task.cancel()
    found = {"made": latest - crowd.start, "behind": behind, "failures": crowd.failures}
    print(json.dumps(found | {"replies": crowd.replies, "bytes": crowd.received}), flush=True)


def main() -> None:
    """Wait."""
    parser = argparse.ArgumentParser(prog="bench.waiting")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--kind", choices=["poll", "stream"], default="poll")
    chosen = parser.parse_args()
    asyncio.run(_run(chosen.port, chosen.clients, chosen.kind))


if __name__ == "__main__":
    main()
