"""Two instances in step through kills and concurrent writes: `python -m bench.mirror [sqlite]`.

One has 20,010 reports, and clients that write, create and delete some of them all the time; the
other is its mirror. Again and again the mirror or the service is killed. In the end the digests of
both must be one, and `gongkai doctor` find nothing wrong with either.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from bench import world
from bench.__main__ import TABLE, changing
from bench.serving import ADMIN_KEY, AUTHORIZED, ROOT, database, free_port

AGENCIES = 6_670
_WRITERS = 4
_PATIENCE = 600  # seconds until both must be in step
_GONE = (OSError, urllib.error.URLError, ConnectionError)


class Instance:
    """An instance: its database, and the service if that runs."""

    def __init__(self, url: str) -> None:
        self.url, self.port = url, free_port()
        self._service: subprocess.Popen[bytes] | None = None

    def command(self, *words: str) -> "subprocess.Popen[bytes]":
        """Start a command of `gongkai` on the database."""
        environment = {
            "GONGKAI_DATABASE_URL": self.url,
            "GONGKAI_ADMIN_KEY": ADMIN_KEY,
            "GONGKAI_MIRROR_KEY": ADMIN_KEY,
            "GONGKAI_LOG_LEVEL": "ERROR",
        }
        return subprocess.Popen(
            [sys.executable, "-m", "app.cli", *words],
            env=os.environ | environment,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )

    def serve(self) -> None:
        """Start the service; return when it is ready."""
        self._service = self.command("serve", "--port", str(self.port))
        while True:
            try:
                self.ask("/readyz")
                return
            except _GONE:
                time.sleep(0.05)

    def kill(self) -> None:
        """Kill the service."""
        if self._service is not None:
            self._service.kill()
            self._service.wait()

    def ask(self, path: str, method: str = "GET", body: bytes | None = None) -> Any:
        """Return a reply's JSON; raises `HTTPError` and `URLError`."""
        headers = AUTHORIZED | {"Content-Type": "application/json"}
        address = f"http://127.0.0.1:{self.port}{path}"
        asked = urllib.request.Request(address, body, headers, method=method)
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return json.loads(answer.read() or b"null")

    def state(self) -> tuple[str, int]:
        """Return the digest of everything, and how many reports there are."""
        total = self.ask("/v1/reports?count=true&limit=1")["total"]
        return self.ask("/v1/digests")["digest"], total


@contextmanager
def _written(source: Instance, counts: Counter[str]) -> Iterator[None]:
    """Let clients write to an instance, which may go away and come back."""
    ended = threading.Event()
    body = changing(source.ask(TABLE.format("b000001"))["data"])
    threads = [
        threading.Thread(target=_write, args=(source, random.Random(n), body, counts, ended))
        for n in range(_WRITERS)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def _write(
    source: Instance, seed: random.Random, body: str, counts: Counter[str], ended: threading.Event
) -> None:
    while not ended.is_set():
        path = f"/v1/reports/{world.code(seed.randrange(AGENCIES))}/{seed.choice(world.YEARS)}"
        kind = seed.choices(("change", "delete", "create"), (18, 1, 1))[0]
        try:
            if kind == "change":
                text = body.replace("@", str(seed.randrange(10**6)))
                source.ask(f"{path}/requests", "PUT", text.encode())
            elif kind == "delete":
                source.ask(path, "DELETE")
            else:
                source.ask(path, "PUT", json.dumps({"overview": str(seed.random())}).encode())
            counts["writes"] += 1
        except _GONE:  # away, or there is nothing to delete
            time.sleep(0.1)


def _disturbed(source: Instance, copy: Instance, seconds: float, counts: Counter[str]) -> None:
    """Let a mirror follow, and kill it or what it follows every few seconds."""
    seed, words = random.Random(9), ("mirror", f"http://127.0.0.1:{source.port}")
    mirror = copy.command(*words)
    with _written(source, counts):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(seed.uniform(2, 6))
            if seed.random() < 2 / 3:
                counts["kills of the mirror"] += 1
                mirror.kill()
                mirror.wait()
                mirror = copy.command(*words)
            else:
                counts["kills of the service"] += 1
                source.kill()
                source.serve()
    mirror.kill()
    mirror.wait()


def measure(kind: str, seconds: float) -> None:
    """Try it on one kind of database."""
    with ExitStack() as stack:
        source, copy = (Instance(stack.enter_context(database(kind))) for _ in range(2))
        world.load(world.founded(source.url), AGENCIES)
        counts: Counter[str] = Counter()
        for each in (source, copy):
            stack.callback(each.kill)
        source.serve()
        _disturbed(source, copy, seconds, counts)
        started = time.monotonic()
        following = copy.command("mirror", f"http://127.0.0.1:{source.port}", "--once", "--verify")
        if following.wait(_PATIENCE):
            raise SystemExit("bench: the mirror failed")
        copy.serve()
        ours, theirs = copy.state(), source.state()
        done = ", ".join(f"{count:,} {what}" for what, count in counts.items())
        waited = time.monotonic() - started
        print(f"{kind}: {done}; then in step after {waited:.0f} s: {ours} and {theirs}", flush=True)
        sound = [each.command("doctor").wait() == 0 for each in (source, copy)]
        if ours != theirs or not all(sound):
            raise SystemExit("bench: the copy differs, or one is damaged")


def main() -> None:
    """Try it on both kinds of database, or those named."""
    parser = argparse.ArgumentParser(prog="bench.mirror")
    parser.add_argument("kinds", nargs="*", default=["sqlite", "postgresql"])
    parser.add_argument("--seconds", type=float, default=60)
    chosen = parser.parse_args()
    for kind in chosen.kinds:
        measure(kind, chosen.seconds)


if __name__ == "__main__":
    main()
