"""The least an HTTP answer costs in Python: a bare ASGI app under the server we use, its loop and its HTTP parser.

python -m bench.hello DESCRIPTOR      serve on a listening socket handed down
"""

from __future__ import annotations

import socket
import sys
from typing import Any

import uvicorn

_BODY = b"hello"
_HEADERS = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(_BODY))]


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer anything with the same five bytes."""
    del receive
    assert scope["type"] == "http", "started without a lifespan"
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": _BODY})


def main(descriptor: int) -> None:
    config = uvicorn.Config(app, loop="uvloop", http="httptools", lifespan="off", access_log=False, log_level="warning")
    uvicorn.Server(config).run([socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    main(int(sys.argv[1]))
