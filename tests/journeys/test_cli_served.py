"""The client's commands on a real installation, as a newcomer types them."""

from __future__ import annotations

import json
import struct
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest

from served import Served, served


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served") / "data", engines=("INSTANT", "SLOW")) as running:
        yield running


def size_of(path: Path) -> tuple[int, ...]:
    return struct.unpack(">II", path.read_bytes()[16:24])


def test_generate_then_upscale(server: Served, tmp_path: Path) -> None:
    small, large = tmp_path / "small.png", tmp_path / "large.png"

    drawn = server.run("generate", "a red sailboat", "--width", "256", "--height", "192", "--out", str(small))
    enlarged = server.run("upscale", str(small), "--scale", "2", "--out", str(large))

    assert (drawn.returncode, drawn.stdout) == (0, f"{small}\n"), drawn.stderr
    assert (enlarged.returncode, enlarged.stdout) == (0, f"{large}\n"), enlarged.stderr
    assert (size_of(small), size_of(large)) == ((256, 192), (512, 384))


def test_an_effect_and_its_sheet(server: Served, tmp_path: Path) -> None:
    one, sheet = tmp_path / "one.png", tmp_path / "sheet.png"

    drawn = server.run("sprite", "effect", "a zxcvb fire", "--resolution", "512", "--out", str(one))
    told = server.run(
        "sprite",
        "effect-sheet",
        "ice",
        "--frames",
        "9",
        "--image",
        str(one),
        "--resolution",
        "512",
        "--out",
        str(sheet),
    )

    assert (drawn.returncode, drawn.stdout) == (0, f"{one}\n"), drawn.stderr
    assert "Not understood, and left out: zxcvb." in drawn.stderr
    assert (told.returncode, told.stdout) == (0, f"{sheet}\n"), told.stderr
    assert (size_of(one), size_of(sheet)) == ((512, 512), (510, 510))


def test_generate_then_remove_the_background(server: Served, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.png", tmp_path / "cut.png"

    server.run("generate", "a red fox in a meadow", "--width", "256", "--height", "192", "--out", str(whole))
    done = server.run("remove-background", str(whole), "--out", str(cut))

    assert (done.returncode, done.stdout) == (0, f"{cut}\n"), done.stderr
    assert (size_of(cut), cut.read_bytes()[25]) == ((256, 192), 6)  # a PNG of colours with an alpha


def test_a_sprite_in_motion_and_its_sheet_in_gold(server: Served, tmp_path: Path) -> None:
    hero, folder = tmp_path / "hero.png", tmp_path / "walk"
    server.run("generate", "a red fox", "--width", "256", "--height", "256", "--out", str(hero))

    moved = server.run("sprite", "animate", str(hero), "walks", "--pixel", "--out", f"{folder}/")

    assert moved.returncode == 0, moved.stderr
    files = [Path(line) for line in moved.stdout.splitlines()]
    assert [file.suffix for file in files] == [".gif", *[".png"] * 26]
    assert files[0].read_bytes().startswith(b"GIF89a")
    assert (size_of(files[1]), size_of(files[2])) == ((1600, 1600), (320, 320))

    golden = server.run(
        "sprite", "reskin", str(files[1]), "golden", "--resolution", "2K", "--out", str(tmp_path / "gold.png")
    )

    assert golden.returncode == 0, golden.stderr
    assert size_of(tmp_path / "gold.png") == (2048, 2048)


def test_generate_then_edit(server: Served, tmp_path: Path) -> None:
    duck, shot = tmp_path / "duck.png", tmp_path / "shot.png"

    server.run(
        "generate", "a yellow duck on a white background", "--width", "192", "--height", "192", "--out", str(duck)
    )
    done = server.run(
        "edit", "the duck on a table", str(duck), str(duck), "--width", "256", "--height", "192", "--out", str(shot)
    )

    assert (done.returncode, done.stdout) == (0, f"{shot}\n"), done.stderr
    assert size_of(shot) == (256, 192)


def test_music_is_saved_as_sound_with_its_pictures(server: Served, tmp_path: Path) -> None:
    song = tmp_path / "song.mp3"

    made = server.run("music", "a slow piano waltz", "--duration", "6", "--seed", "7", "--out", str(song))

    paths = [Path(line) for line in made.stdout.splitlines()]
    assert made.returncode == 0, made.stderr
    assert [path.name for path in paths] == ["song.mp3", "song-2.wav", "song-3.png", "song-4.png"]
    assert song.read_bytes()[:3] == b"ID3"
    with wave.open(str(paths[1])) as sound:
        assert (sound.getnchannels(), sound.getnframes() / sound.getframerate()) == (2, 6)
    assert size_of(paths[2]) == (1024, 1024)


def test_the_same_seed_is_the_same_picture(server: Served, tmp_path: Path) -> None:
    pictures = []
    for name in ("one.png", "two.png"):
        server.run(
            "generate", "a fox", "--seed", "7", "--width", "256", "--height", "256", "--out", str(tmp_path / name)
        )
        pictures.append((tmp_path / name).read_bytes())

    assert pictures[0] == pictures[1]


def test_a_clip_of_words_and_one_of_a_picture(server: Served, tmp_path: Path) -> None:
    picture, drawn, filmed = tmp_path / "boat.png", tmp_path / "drawn.mp4", tmp_path / "filmed.webm"
    small = ("--duration", "2", "--fps", "12", "--resolution", "480p")

    server.run("generate", "a red sailboat", "--width", "256", "--height", "192", "--out", str(picture))
    words = server.run("video", "a red sailboat", *small, "--out", str(drawn))
    image = server.run("video", "--image", str(picture), *small, "--format", "webm", "--out", str(filmed))

    assert (words.returncode, words.stdout) == (0, f"{drawn}\n"), words.stderr
    assert (image.returncode, image.stdout) == (0, f"{filmed}\n"), image.stderr
    assert drawn.read_bytes()[4:8] == b"ftyp"
    assert filmed.read_bytes()[:4] == b"\x1aE\xdf\xa3"


def test_what_was_not_understood_is_said(server: Served, tmp_path: Path) -> None:
    drawn = server.run(
        "generate", "a dog and a zxcvbqwerty", "--width", "128", "--height", "128", "--out", f"{tmp_path}/"
    )

    assert drawn.returncode == 0
    assert "Not understood, and left out: zxcvbqwerty." in drawn.stderr


def test_jobs_from_first_to_last(server: Served, tmp_path: Path) -> None:
    made = json.loads(server.run("generate", "x", "--model", "test-instant", "--out", f"{tmp_path}/", "--json").stdout)
    job_id = made["id"]

    assert server.run("jobs", "ls").stdout.startswith(job_id)
    assert json.loads(server.run("jobs", "get", job_id, "--json").stdout)["state"] == "succeeded"
    assert server.run("jobs", "watch", job_id).stdout == f"{job_id}  succeeded\n"
    assert server.run("jobs", "cancel", job_id).returncode == 2
    again = server.run("jobs", "retry", job_id).stdout.strip()
    assert server.run("jobs", "watch", again).returncode == 0
    assert again != job_id


def test_a_wait_that_ends_first_leaves_a_job_that_can_be_cancelled(server: Served) -> None:
    ended = server.run("generate", "x", "--model", "test-slow", "--timeout", "0.5", "--json")
    job_id = json.loads(ended.stdout)["error"]["job_id"]

    cancelled = server.run("jobs", "cancel", job_id)
    watched = server.run("jobs", "watch", job_id)

    assert (ended.returncode, cancelled.returncode, watched.returncode) == (6, 0, 1)
    assert "was cancelled" in watched.stderr


def test_models_are_listed(server: Served) -> None:
    names = {line.split()[0] for line in server.run("models", "ls").stdout.splitlines()}

    assert {"illustrator", "upscale", "test-instant"} <= names


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("generate", "x", "--width", "7"), 2),
        (("generate", "x", "--model", "none"), 2),
        (("generate", " "), 2),
        (("jobs", "get", "0192f0c1-0000-7000-8000-00000000abcd"), 4),
        (("jobs", "get", "../keys"), 4),
    ],
)
def test_refusals_have_their_exit_codes(server: Served, arguments: tuple[str, ...], code: int) -> None:
    ended = server.run(*arguments)

    assert (ended.returncode, ended.stdout) == (code, ""), ended.stderr
    assert ended.stderr.startswith("calotype: ")
    assert ended.stderr.count("\n") == 1
