from __future__ import annotations

import asyncio
import io
import struct

import pytest

from calotype.engines.protocol import LONGEST, Frame, GarbledError, Word, read_frame, receive_frame

pytestmark = pytest.mark.anyio

FRAME = Frame(Word.PROGRESS, {"id": 1, "done": 2, "note": "ø ✓"}, b"\x00bytes\xff")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def stream_of(data: bytes) -> asyncio.StreamReader:
    stream = asyncio.StreamReader()
    stream.feed_data(data)
    stream.feed_eof()
    return stream


def test_a_frame_is_read_as_it_was_sent() -> None:
    source = io.BytesIO(FRAME.packed() + FRAME.packed())

    assert read_frame(source) == FRAME
    assert read_frame(source) == FRAME
    assert read_frame(source) is None


async def test_a_frame_is_received_as_it_was_sent() -> None:
    stream = stream_of(FRAME.packed() + FRAME.packed())

    assert await receive_frame(stream) == FRAME
    assert await receive_frame(stream) == FRAME
    assert await receive_frame(stream) is None


@pytest.mark.parametrize("length", range(1, len(FRAME.packed())))
async def test_half_a_frame_is_the_end(length: int) -> None:
    half = FRAME.packed()[:length]

    assert read_frame(io.BytesIO(half)) is None
    assert await receive_frame(stream_of(half)) is None


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("!II", LONGEST + 1, 0),
        struct.pack("!II", 2, LONGEST + 1),
        struct.pack("!II", 4, 0) + b"{]{]",
        struct.pack("!II", 2, 0) + b"[]",
        struct.pack("!II", 2, 0) + b"{}",
        struct.pack("!II", 14, 0) + b'{"word":"hey"}',
        struct.pack("!II", 3, 0) + b"\xff\xff\xff",
    ],
)
async def test_what_is_no_frame_is_refused(data: bytes) -> None:
    with pytest.raises(GarbledError):
        read_frame(io.BytesIO(data))
    with pytest.raises(GarbledError):
        await receive_frame(stream_of(data))


def test_a_body_that_is_too_long_is_not_sent() -> None:
    with pytest.raises(GarbledError):
        Frame(Word.PROGRESS, {}, bytes(LONGEST + 1)).packed()
