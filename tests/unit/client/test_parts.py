"""The client's small parts: events, names, inputs, connections, and what importing it costs."""

from __future__ import annotations

import io
import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from calotype.client import Client, ConfigurationError, InvalidInput, NotAuthenticated
from calotype.client.connect import find_connection
from calotype.client.events import EventReader
from calotype.client.inputs import png_of, read_image
from calotype.client.naming import extension_of, slug, stem_of
from calotype.client.wire import ServerEvent
from unit.client.loopback import JOB

# --- events --------------------------------------------------------------------------------------

TEXT = ": hello\r\n\r\nid: 1\r\nevent: claim\r\ndata: one\ndata:two\n\nretry: 5\rdata: three\r\r"
EVENTS = [ServerEvent("claim", "one\ntwo", "1"), ServerEvent("message", "three", "1")]


@given(st.lists(st.integers(0, len(TEXT)), max_size=12))
def test_events_are_the_same_however_the_text_is_cut(cuts: list[int]) -> None:
    reader = EventReader()
    places = [0, *sorted(cuts), len(TEXT)]

    found = [e for start, end in itertools.pairwise(places) for e in reader.feed(TEXT[start:end])]

    assert found + list(reader.feed("\n")) == EVENTS


def test_an_event_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match="too large"):
        EventReader().feed("data: " + "x" * 1_000_001)


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("A red sailboat, at sunset!", "a-red-sailboat-at-sunset"),
        ("../../etc/passwd", "etc-passwd"),
        ("Ein Käse für Łódź 🧀", "ein-käse-für-łódź"),
        ("写真", "写真"),
        ("🧀 / \x00", "output"),
        ("x" * 200, "x" * 48),
    ],
)
def test_a_prompt_becomes_a_name(prompt: str, expected: str) -> None:
    assert slug(prompt) == expected


def test_names_of_two_jobs_of_one_prompt_differ() -> None:
    assert stem_of("0192f0c1-0000-7000-8000-00000000abcd", "fox") == "fox-0000abcd"


@pytest.mark.parametrize(
    ("media_type", "url", "expected"),
    [
        ("image/png", "", ".png"),
        ("image/jpeg; q=1", "", ".jpg"),
        ("application/octet-stream", "http://a.test/x.webp?sig=1", ".webp"),
        ("", "http://a.test/x.%2e%2f", ".bin"),
    ],
)
def test_the_extension_says_what_the_file_is(media_type: str, url: str, expected: str) -> None:
    assert extension_of(media_type, url) == expected


# --- inputs --------------------------------------------------------------------------------------


def picture() -> Image.Image:
    return Image.linear_gradient("L").resize((6, 4)).convert("RGB")


def png() -> bytes:
    file = io.BytesIO()
    picture().save(file, format="PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    "made",
    [
        png,
        lambda: bytearray(png()),
        lambda: memoryview(png()),
        lambda: io.BytesIO(png()),
        picture,
        lambda: np.asarray(picture()),
        lambda: np.asarray(picture()) / 255,
    ],
    ids=["bytes", "bytearray", "memoryview", "file", "picture", "array", "array of floats"],
)
def test_every_sort_of_image_arrives_as_the_same_picture(made: Callable[[], Any]) -> None:
    part = read_image(made()).part

    assert part is not None
    assert isinstance(part.content, bytes)
    assert part.media_type == "image/png"
    assert Image.open(io.BytesIO(part.content)).convert("RGB").tobytes() == picture().tobytes()


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 1), (4, 6, 4)])
def test_grey_and_transparent_arrays_are_pictures_too(shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)

    decoded = np.asarray(Image.open(io.BytesIO(png_of(array))))

    assert decoded.tobytes() == array.tobytes()


@pytest.mark.parametrize(
    "array",
    [np.zeros((3,), np.uint8), np.zeros((4, 4, 2), np.uint8), np.zeros((4, 4), np.int32), np.zeros((0, 4), np.uint8)],
)
def test_other_arrays_are_refused(array: Any) -> None:
    with pytest.raises(InvalidInput, match="array"):
        read_image(array)


def test_a_file_travels_from_the_disk_under_its_name(tmp_path: Path) -> None:
    path = tmp_path / "fox.png"
    path.write_bytes(png())

    for given_as in (path, str(path)):
        part = read_image(given_as).part
        assert part is not None
        assert (part.content, part.filename, part.media_type) == (path, "fox.png", "image/png")


def test_ids_urls_data_urls_and_jobs_are_words() -> None:
    class Done:
        id = JOB
        outputs = ("a picture",)

    assert read_image(JOB).words == {"asset_id": JOB}
    assert read_image("https://a.test/x.png").words == {"url": "https://a.test/x.png"}
    assert read_image("data:image/png;base64,AA==").words == {"data": "data:image/png;base64,AA=="}
    assert read_image(Done()).words == {"from_job": JOB, "output": 0}


@pytest.mark.parametrize("image", ["no-such.png", "ftp://a.test/x.png", b"", 7, None])
def test_what_is_no_image_is_refused(image: Any) -> None:
    with pytest.raises(InvalidInput, match="image"):
        read_image(image)


# --- connections ---------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "client.toml").write_text('url = "http://127.0.0.1:8787"\napi_key = "cal_file"\n')
    return tmp_path


def test_the_environment_comes_first(folder: Path) -> None:
    found = find_connection(folder, {"CALOTYPE_URL": "http://a.test", "CALOTYPE_API_KEY": "cal_env"})

    assert (found.url, found.api_key) == ("http://a.test", "cal_env")


def test_then_what_serve_wrote(folder: Path) -> None:
    for found in (find_connection(folder, {}), find_connection(None, {"CALOTYPE_DATA": str(folder)})):
        assert (found.url, found.api_key) == ("http://127.0.0.1:8787", "cal_file")


def test_another_key_for_the_same_server_is_fine_and_its_key_never_goes_elsewhere(folder: Path) -> None:
    assert find_connection(folder, {"CALOTYPE_API_KEY": "cal_env"}).api_key == "cal_env"
    assert find_connection(folder, {"CALOTYPE_URL": "http://127.0.0.1:8787/"}).api_key == "cal_file"
    with pytest.raises(ConfigurationError, match="CALOTYPE_API_KEY"):
        find_connection(folder, {"CALOTYPE_URL": "http://a.test"})


def test_a_key_is_in_no_repr(folder: Path) -> None:
    assert "cal_file" not in repr(find_connection(folder, {}))


@pytest.mark.parametrize("text", ["", "url = 7", "not toml", "\udcff"])
def test_a_bad_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "client.toml").write_bytes(text.encode("utf-8", "surrogateescape"))

    with pytest.raises(ConfigurationError, match=r"client\.toml"):
        find_connection(tmp_path, {})


def test_nothing_known_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        find_connection(tmp_path, {})

    assert "calotype serve" in caught.value.cure


# --- the cost of an import -----------------------------------------------------------------------


def modules_after(statement: str) -> set[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    program = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=clean)
    return set(done.stdout.split())


SERVER_ONLY = {
    *("psycopg", "starlette", "structlog", "procrastinate", "uvicorn", "pydantic_settings", "numpy", "PIL", "obstore"),
    *(
        "calotype.config",
        "calotype.store",
        "calotype.server",
        "calotype.lifecycle",
        "calotype.telemetry",
        "calotype.runtime",
    ),
}


def test_the_sdk_needs_nothing_of_the_server() -> None:
    loaded = modules_after("from calotype.client import Client, AsyncClient, JobFailed")

    assert not loaded & SERVER_ONLY


def test_importing_the_package_alone_loads_neither_http_nor_models() -> None:
    loaded = modules_after("import calotype.client")

    assert not loaded & (SERVER_ONLY | {"httpx2", "pydantic", "click", "rich"})


def test_errors_say_what_to_do() -> None:
    assert "CALOTYPE_API_KEY" in NotAuthenticated("The API key is missing or not valid.").cure


# --- what cannot be sent -------------------------------------------------------------------------


@pytest.mark.parametrize("given", [{"prompt": "a \udcff"}, {"prompt": "a", "seed": float("nan")}, {"prompt": b"a"}])
def test_what_json_cannot_hold_is_refused_here(given: dict[str, Any]) -> None:
    with Client("http://127.0.0.1:1") as client, pytest.raises(InvalidInput, match="input: this cannot be sent"):
        client.jobs.submit("image", given)


@pytest.mark.parametrize("url", ["", "localhost:8787", "ftp://a.test", "http://", "http://a.test:port"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="no address"):
        Client(url)


def test_a_key_that_can_be_none_is_refused_without_showing_it() -> None:
    with pytest.raises(NotAuthenticated) as caught:
        Client("http://a.test", "cal_schlüssel\n")

    assert "schl" not in str(caught.value)


def test_unknown_kinds_dialects_and_options_are_named() -> None:
    with Client("http://127.0.0.1:1") as client:
        with pytest.raises(InvalidInput, match="there are image, "):
            client.jobs.submit("song", {})
        with pytest.raises(TypeError, match="sytle"):
            client.jobs.submit("image", {"prompt": "x"}, sytle="flat")  # type: ignore[call-arg]
    with pytest.raises(ConfigurationError, match="native, aetherai"):
        Client("http://127.0.0.1:1", dialect="klingon")
