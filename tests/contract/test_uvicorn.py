"""Our protocol stands on the inside of uvicorn's: when that changes, this says so before anyone's connection does."""

from __future__ import annotations

import hashlib
import inspect
import re
from importlib.metadata import requires, version
from pathlib import Path

import pytest
from uvicorn.protocols.http import flow_control, httptools_impl
from uvicorn.server import Server

READ_AT = "0.54.0"
KNOWN = {
    httptools_impl.HttpToolsProtocol: "18fdf324b11bf160",
    httptools_impl.RequestResponseCycle: "e67d470d435dcc1c",
    flow_control.FlowControl: "126debcdaa894c83",
    Server.serve: "112ef41af52167e3",
    Server.main_loop: "afccb353a119333f",
    Server.shutdown: "9b33c50562992b1e",
}


@pytest.mark.parametrize("part", KNOWN, ids=lambda part: part.__qualname__)
def test_uvicorn_is_inside_as_it_was_when_our_protocol_was_written(part: type) -> None:
    found = hashlib.sha256(inspect.getsource(part).encode()).hexdigest()[:16]

    assert found == KNOWN[part], (
        f"uvicorn {version('uvicorn')} has another {part.__qualname__} than {READ_AT}. Compare the two, hold"
        " server/protocol.py and server/serving.py against what changed, then write the new digest here."
    )


def test_the_pinned_and_the_allowed_version_are_the_one_that_was_read() -> None:
    pins = (Path(__file__).parents[2] / "constraints.txt").read_text("utf-8")
    wanted = next(line for line in requires("calotype") or () if line.startswith("uvicorn"))

    assert version("uvicorn") == READ_AT
    assert re.search(rf"^uvicorn=={re.escape(READ_AT)}$", pins, re.MULTILINE)
    assert wanted.split(";")[0].strip() == f"uvicorn=={READ_AT.rsplit('.', 1)[0]}.*"
