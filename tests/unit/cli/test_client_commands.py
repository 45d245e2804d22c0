"""The client's commands, in this process, against a tiny real server: what they print, and every exit code."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from calotype.cli.main import main
from unit.client.loopback import (
    JOB,
    Loopback,
    Seen,
    Teller,
    Told,
    event,
    in_turn,
    loopback,
    native_job,
    output,
    problem,
)

PNG = b"\x89PNG\r\n\x1a\n" + bytes(200)
STREAM = {"content-type": "text/event-stream"}
NAME = "a-fox-asleep-0000abcd.png"

Ran = tuple[int, str, str]
Run = Callable[..., Ran]


def done(server: Loopback) -> dict[str, Any]:
    return native_job("succeeded", outputs=[output(f"{server.url}/assets/x.png")])


def shop(server: Loopback) -> Teller:
    """Return what a server says through which a job goes well."""

    def tell(seen: Seen) -> Told:
        if seen.method == "POST":
            return Told(native_job("queued", queue={"position": 2}), 202)
        if seen.path.endswith("/events"):
            steps = [event(1, "claim", "running"), event(2, "progress", "running", percent=40, phase="drawing")]
            return Told(pieces=[*steps, event(3, "succeed", "succeeded")], headers=STREAM)
        return Told(PNG, headers={"content-type": "image/png"}) if "/assets/" in seen.path else Told(done(server))

    return tell


@pytest.fixture
def server() -> Iterator[Loopback]:
    with loopback(in_turn(Told())) as server:
        server.tell = shop(server)
        yield server


@pytest.fixture
def run(server: Loopback, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.setenv("CALOTYPE_URL", server.url)
    monkeypatch.setenv("CALOTYPE_API_KEY", "cal_key")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Ran:
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


def test_generate_saves_the_image_and_prints_its_path(run: Run, server: Loopback) -> None:
    code, out, err = run("generate", "A Fox, asleep", "--width", "512", "--seed", "7", "--style", "flat")

    assert (code, out) == (0, f"{NAME}\n")
    assert Path(NAME).read_bytes() == PNG
    assert [line.partition("  ")[2] for line in err.splitlines()] == [
        "queued, 2 before it",
        "running",
        "drawing",
        "succeeded",
    ]
    sent = server.of("POST", "/native/v1/jobs")[0].json
    assert sent == {"kind": "image", "input": {"prompt": "A Fox, asleep", "width": 512, "seed": 7, "style": "flat"}}


def test_a_second_image_of_the_same_name_gets_a_number(run: Run) -> None:
    Path(NAME).write_bytes(b"mine")

    code, out, _ = run("generate", "A Fox, asleep")

    assert (code, out) == (0, f"{NAME.removesuffix('.png')}-2.png\n")
    assert Path(NAME).read_bytes() == b"mine"


def test_out_names_a_file_or_a_folder(run: Run) -> None:
    assert run("generate", "x", "--out", "pictures/fox.png")[:2] == (0, "pictures/fox.png\n")
    assert run("generate", "x", "--out", "folder/")[:2] == (0, f"folder/{NAME}\n")
    assert Path("pictures/fox.png").read_bytes() == Path(f"folder/{NAME}").read_bytes() == PNG


def test_a_name_that_lies_about_the_file_is_told_of(run: Run) -> None:
    code, _, err = run("generate", "x", "--out", "fox.jpg")

    assert code == 0
    assert "fox.jpg holds image/png" in err


def test_several_images_are_several_paths(run: Run, server: Loopback) -> None:
    made = native_job("succeeded", outputs=[output(f"{server.url}/assets/{n}.png") for n in range(3)])
    before = shop(server)
    server.tell = lambda seen: Told(made) if seen.path.endswith(JOB) else before(seen)

    code, out, _ = run("generate", "x", "--count", "3", "--out", "fox.png")

    assert (code, out.split()) == (0, ["fox.png", "fox-2.png", "fox-3.png"])


def test_json_is_the_job_and_its_files_and_nothing_else(run: Run) -> None:
    code, out, err = run("generate", "x", "--json")

    facts = json.loads(out)
    assert (code, facts["id"], facts["files"], err) == (0, JOB, [NAME], "")


def test_upscale_uploads_and_saves(run: Run, server: Loopback) -> None:
    Path("in.png").write_bytes(PNG)
    before = shop(server)
    server.tell = lambda seen: Told({"id": JOB}, 201) if seen.path == "/native/v1/assets" else before(seen)

    code, out, _ = run("upscale", "in.png", "--target", "2k", "--out", "big.png")

    assert (code, out) == (0, "big.png\n")
    assert server.of("POST", "/native/v1/jobs")[0].json["input"] == {"target": "2K", "image": {"asset_id": JOB}}


def test_video_says_what_is_asked_and_nothing_else(run: Run, server: Loopback) -> None:
    code, _, _ = run("video", "a fox", "--duration", "4", "--motion", "pan_left", "--loop", "--out", "fox.mp4")

    wanted = {"prompt": "a fox", "duration": 4.0, "motions": ["pan_left"], "loop": True}
    assert (code, server.of("POST", "/native/v1/jobs")[0].json["input"]) == (0, wanted)


# --- exit codes ----------------------------------------------------------------------------------


def test_1_the_job_failed(run: Run, server: Loopback) -> None:
    before = shop(server)
    error = {"code": "content_refused", "message": "The content policy refuses this prompt.", "retryable": False}
    server.tell = lambda seen: Told(native_job("failed", error=error)) if seen.path.endswith(JOB) else before(seen)

    code, out, err = run("generate", "x")

    assert (code, out) == (1, "")
    assert f"refuses this prompt. `calotype jobs retry {JOB}`" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ("generate",),
        ("nonsense",),
        ("generate", "x", "--width", "wide"),
        ("upscale", "no-such.png", "--scale", "2"),
        ("upscale", "in.png"),
        ("upscale", "in.png", "--scale", "2", "--target", "1K"),
        ("upscale", "in.png", "--scale", "5"),
        ("video",),
        ("video", "x", "--motion", "somersault"),
        ("jobs", "ls", "--state", "asleep"),
        ("generate", "x", "--out", "/dev/null/fox.png"),
    ],
)
def test_2_usage(run: Run, server: Loopback, arguments: tuple[str, ...]) -> None:
    Path("in.png").write_bytes(PNG)

    code, out, err = run(*arguments)

    assert (code, out) == (2, "")
    assert err
    assert server.seen == []


def test_2_nothing_is_known_of_a_server(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CALOTYPE_URL")

    code, _, err = run("generate", "x")

    assert code == 2
    assert "calotype serve" in err


@pytest.mark.parametrize(
    ("told", "expected", "advice"),
    [
        (problem(422, "invalid_input", "/input/width: at most 4096"), 2, "at most 4096. Change what"),
        (problem(401, "invalid_key", "The API key is missing or not valid."), 3, "calotype keys create"),
        (problem(403, "forbidden", "This key does not have the scope 'submit'."), 3, "Use a key with the scope"),
        (problem(404, "not_found", "There is no such job."), 4, "calotype jobs ls"),
        (problem(402, "insufficient_credits", "This job costs 4 credits."), 5, "calotype credits grant"),
        (problem(500, "internal_error", "Something went wrong."), 7, "(request req_1)"),
    ],
)
def test_refusals_have_their_codes_and_say_what_to_do(
    run: Run, server: Loopback, told: Told, expected: int, advice: str
) -> None:
    server.tell = in_turn(told)

    code, out, err = run("generate", "x")

    assert (code, out) == (expected, "")
    assert advice in err
    assert len(err.splitlines()) == 1


def test_6_the_wait_ended_first(run: Run, server: Loopback) -> None:
    server.tell = lambda seen: Told(native_job("running"), 202 if seen.method == "POST" else 200)

    code, _, err = run("generate", "x", "--timeout", "0.2")

    assert code == 6
    assert f"calotype jobs watch {JOB}" in err


def test_7_no_server_there(run: Run, server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calotype.client.flows.FIRST_DELAY", 0.001)
    server.close()

    code, _, err = run("generate", "x")

    assert code == 7
    assert server.url in err


def test_with_json_an_error_is_json_too(run: Run, server: Loopback) -> None:
    finding = {"pointer": "/input/width", "rule": "le", "message": "at most 4096"}
    server.tell = in_turn(problem(422, "invalid_input", "/input/width: at most 4096", [finding]))

    code, out, err = run("generate", "x", "--json")

    error = json.loads(out)["error"]
    assert (code, error["code"], error["fields"], error["exit_code"]) == (2, "invalid_input", ["width"], 2)
    assert "at most 4096" in err


# --- what others wrote ---------------------------------------------------------------------------

EVIL = "\x1b]0;owned\x07\x9b2J\x08\u202e"
SHOWN = r"\x1b]0;owned\x07\x9b2J\x08\u202e"


def evil_job(state: str, **more: Any) -> dict[str, Any]:
    error = {"code": "engine_error", "message": f"it {EVIL} broke", "retryable": False}
    return native_job(state, model=f"m{EVIL}", input={"prompt": f"a {EVIL}"}, error=error, **more)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("jobs", "ls"), Told({"data": [native_job("running", prompt=f"a{EVIL}")], "has_more": False, "next": None})),
        (("jobs", "get", JOB), Told(evil_job("failed"))),
        (("jobs", "get", JOB, "--json"), Told(evil_job("failed"))),
        (("jobs", "watch", JOB), Told(evil_job("failed"))),
        (("models", "ls"), Told({"data": [{"id": "m", "title": EVIL, "version": "1", "kinds": ["image"]}]})),
        (("generate", "x"), problem(422, "invalid_input", f"/input/x: {EVIL}")),
        (("generate", "x", "--json"), problem(422, "invalid_input", f"/input/x: {EVIL}")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_others_wrote_is_shown_and_not_obeyed(
    run: Run, server: Loopback, arguments: tuple[str, ...], told: Told
) -> None:
    server.tell = in_turn(told)

    _, out, err = run(*arguments)

    assert "owned" in out + err
    assert not set(out + err) & set(EVIL.replace("]0;owned", "").replace("2J", ""))
    assert SHOWN in out + err or json.loads(out)


def test_a_phase_is_shown_and_not_obeyed(run: Run, server: Loopback) -> None:
    before = shop(server)
    steps = [event(2, "progress", "running", percent=40, phase=f"draw {EVIL}"), event(3, "succeed", "succeeded")]
    server.tell = lambda seen: Told(pieces=steps, headers=STREAM) if seen.path.endswith("/events") else before(seen)

    assert f"draw {SHOWN}" in run("generate", "x")[2]


# --- jobs and models -----------------------------------------------------------------------------


def test_jobs_ls_is_a_table_of_the_newest(run: Run, server: Loopback) -> None:
    row = native_job("running", prompt="a fox\nasleep " + "x" * 100)
    server.tell = in_turn(Told({"data": [row] * 3, "has_more": True, "next": "c", "previous": None}))

    code, out, _ = run("jobs", "ls", "--limit", "2", "--state", "running", "--tag", "for:me")

    assert code == 0
    assert [line.split()[:2] for line in out.splitlines()] == [[JOB, "running"]] * 2
    assert server.seen[0].query == {"limit": ["2"], "state": ["running"], "tag": ["for:me"]}


def test_jobs_ls_of_none(run: Run, server: Loopback) -> None:
    server.tell = in_turn(Told({"data": [], "has_more": False, "next": None, "previous": None}))

    assert run("jobs", "ls") == (0, "", "No jobs.\n")
    assert run("jobs", "ls", "--json") == (0, "[]\n", "")


def test_jobs_get_shows_a_job_and_can_save_it(run: Run) -> None:
    code, out, _ = run("jobs", "get", JOB)
    assert code == 0
    assert "succeeded" in out
    assert "A Fox, asleep" in out

    code, out, _ = run("jobs", "get", JOB, "--json", "--out", ".")
    assert json.loads(out)["files"] == [NAME]


def test_jobs_watch_says_how_it_ended(run: Run) -> None:
    assert run("jobs", "watch", JOB)[:2] == (0, f"{JOB}  succeeded\n")
    assert run("jobs", "watch", JOB, "--out", "fox.png")[:2] == (0, "fox.png\n")


def test_jobs_cancel_takes_several(run: Run, server: Loopback) -> None:
    server.tell = in_turn(Told(native_job("cancelled")))

    assert run("jobs", "cancel", JOB, JOB)[:2] == (0, f"{JOB}  cancelled\n" * 2)


def test_jobs_retry_prints_the_new_id(run: Run, server: Loopback) -> None:
    new = JOB[:-1] + "0"
    server.tell = lambda seen: Told(native_job("queued", new)) if seen.method == "POST" else Told(native_job("failed"))

    assert run("jobs", "retry", JOB)[:2] == (0, f"{new}\n")


def test_models_ls(run: Run, server: Loopback) -> None:
    server.tell = in_turn(
        Told({"data": [{"id": "illustrator", "title": "Pictures", "version": "1", "kinds": ["image"]}]})
    )

    assert run("models", "ls")[:2] == (0, "illustrator  image  1  Pictures\n")
    assert json.loads(run("models", "ls", "--json")[1])[0]["id"] == "illustrator"
