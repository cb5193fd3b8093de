"""The peer: bare Starlette that answers with a constant body."""

import argparse
import gzip
import os
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

BODY = Path(os.environ["BENCH_BODY"]).read_bytes() if "BENCH_BODY" in os.environ else b""
HEADERS = {"content-encoding": "gzip"} if BODY[:2] == gzip.compress(b"")[:2] else {}


async def constant(request: Request) -> Response:
    """Answer."""
    return Response(BODY, headers=HEADERS, media_type="application/json")


async def unchanged(request: Request) -> Response:
    """Answer 304."""
    return Response(status_code=304, headers={"etag": '"1-0123456789abcdef"'})


app = Starlette(routes=[Route("/", constant), Route("/304", unchanged)])

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int)
    uvicorn.run(app, port=parser.parse_args().port, access_log=False, log_level="error")
