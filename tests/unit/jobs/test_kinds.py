"""What each kind's input takes and refuses: nothing is guessed, and what is refused is named by its place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calotype.errors import InvalidInputError
from calotype.jobs.fields import MAX_SIDE, MIN_SIDE
from calotype.jobs.inputs.image import ImageInput
from calotype.jobs.inputs.music import MusicInput
from calotype.jobs.inputs.upscale import UpscaleInput
from calotype.jobs.inputs.video import VideoInput
from calotype.jobs.kinds import INPUTS, Kind, read_input
from calotype.jobs.states import JobState

ASSET = "0198c0de-0000-7000-8000-000000000001"


def image(**given: Any) -> ImageInput:
    read = read_input(Kind.IMAGE, {"prompt": "a red boat", **given})
    assert isinstance(read, ImageInput)
    return read


def refused(kind: Kind, **given: Any) -> set[str]:
    """Return the pointers of what is refused."""
    with pytest.raises(InvalidInputError) as caught:
        read_input(kind, given)
    return {problem.pointer for problem in caught.value.problems}


def test_every_kind_has_an_input() -> None:
    assert set(INPUTS) == set(Kind)


def test_no_kind_is_called_like_a_state() -> None:
    assert not {str(kind) for kind in Kind} & {str(state) for state in JobState}


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_a_json_schema(kind: Kind) -> None:
    assert INPUTS[kind].model_json_schema()["additionalProperties"] is False


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        " \t\n",
        "\u3000",
        "a" * 10_001,
        "a\x00b",
        "a\ud800b",
        "\udfff",
        3,
        None,
        True,
        ["a"],
        {"a": 1},
        b"bytes",
        1.5,
    ],
)
def test_a_prompt_that_cannot_be_kept_is_refused(prompt: object) -> None:
    assert refused(Kind.IMAGE, prompt=prompt) == {"/input/prompt"}


@pytest.mark.parametrize(
    "prompt", ["a", "a" * 10_000, "\U0001f9d1\u200d\U0001f3a8", "\u0645\u0631\u0643\u0628", "a\nb", "\ufffe"]
)
def test_any_other_text_is_a_prompt(prompt: str) -> None:
    assert image(prompt=prompt).prompt == prompt


def test_a_prompt_is_required() -> None:
    assert refused(Kind.IMAGE) == {"/input/prompt"}


@pytest.mark.parametrize("name", ["negative_prompt", "style"])
@pytest.mark.parametrize("text", ["a\x00b", "\ud83d", "a" * 10_001, 7])
def test_the_other_texts_are_held_to_the_same_rule(name: str, text: object) -> None:
    assert refused(Kind.IMAGE, prompt="a", **{name: text}) == {f"/input/{name}"}


@pytest.mark.parametrize("name", ["width", "height"])
@pytest.mark.parametrize(
    "side", [0, -1, 63, 4097, 10**6, 10**30, True, "512", 512.0, float("nan"), float("inf"), [512]]
)
def test_a_side_that_is_no_whole_number_in_range_is_refused(name: str, side: object) -> None:
    assert refused(Kind.IMAGE, prompt="a", **{name: side}) == {f"/input/{name}"}


@pytest.mark.parametrize("count", [0, -1, 5, 10**6, True, "1", 1.0, float("nan")])
def test_a_count_that_is_no_whole_number_in_range_is_refused(count: object) -> None:
    assert refused(Kind.IMAGE, prompt="a", count=count) == {"/input/count"}


@pytest.mark.parametrize("seed", [-1, 2**32, False, "7", 1.5, float("nan")])
def test_a_seed_that_is_no_whole_number_of_32_bits_is_refused(seed: object) -> None:
    assert refused(Kind.IMAGE, prompt="a", seed=seed) == {"/input/seed"}


@pytest.mark.parametrize(
    "aspect",
    ["", "16", "16:", ":9", "0:1", "1:0", "1:9", "9:1", "16:9:1", "-1:2", "1.5:1", "a:b", "99999:1", "1:1\n",
      "\u0661:\u0661", 1, True],
)  # fmt: skip
def test_an_aspect_that_is_not_two_whole_numbers_is_refused(aspect: object) -> None:
    assert refused(Kind.IMAGE, prompt="a", aspect_ratio=aspect) == {"/input/aspect_ratio"}


@pytest.mark.parametrize(
    ("given", "size"),
    [
        ({}, (1024, 1024)),
        ({"width": 640, "height": 480}, (640, 480)),
        ({"width": 640}, (640, 640)),
        ({"height": 480}, (480, 480)),
        ({"aspect_ratio": "1:1"}, (1024, 1024)),
        ({"aspect_ratio": "16:9"}, (1368, 768)),
        ({"aspect_ratio": "16x9"}, (1368, 768)),
        ({"aspect_ratio": "16/9"}, (1368, 768)),
        ({"aspect_ratio": "9:16"}, (768, 1368)),
        ({"aspect_ratio": "16:9", "width": 1920}, (1920, 1080)),
        ({"aspect_ratio": "16:9", "height": 1080}, (1920, 1080)),
        ({"aspect_ratio": "1:8", "width": 4096}, (4096, 4096)),
        ({"aspect_ratio": "8:1", "width": 64}, (64, 64)),
    ],
)
def test_the_size_is_what_was_asked_or_a_megapixel_in_that_aspect(given: dict[str, Any], size: tuple[int, int]) -> None:
    assert image(**given).size() == size


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "width": st.integers(MIN_SIDE, MAX_SIDE),
            "aspect_ratio": st.tuples(st.integers(1, 9999), st.integers(1, 9999))
            .filter(lambda sides: 1 / 8 <= sides[0] / sides[1] <= 8)
            .map(lambda sides: f"{sides[0]}:{sides[1]}"),
        },
    )
)
def test_every_size_that_is_taken_stays_within_the_limits(given: dict[str, Any]) -> None:
    assert all(MIN_SIDE <= side <= MAX_SIDE for side in image(**given).size())


def test_the_shape_is_said_in_one_way() -> None:
    assert refused(Kind.IMAGE, prompt="a", width=64, height=64, aspect_ratio="1:1") == {"/input"}


@pytest.mark.parametrize("kind", Kind)
def test_an_unknown_field_is_refused_by_name(kind: Kind) -> None:
    assert "/input/colour" in refused(kind, prompt="a", colour="red")


def test_a_field_name_is_escaped_in_its_pointer() -> None:
    assert refused(Kind.IMAGE, **{"prompt": "a", "a/b~c": 1}) == {"/input/a~1b~0c"}


@pytest.mark.parametrize("name", ["\ud800", "x" * 100_000, ""])
def test_a_hostile_field_name_is_refused_in_a_short_sentence_that_can_be_sent(name: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_input(Kind.IMAGE, {"prompt": "a", name: 1})

    assert len(str(caught.value).encode()) < 500


@pytest.mark.parametrize(
    "source",
    [
        {},
        {"asset_id": ASSET, "data": "data:,"},
        {"asset_id": ASSET, "from_job": ASSET},
        {"asset_id": "not-an-id"},
        {"asset_id": 5},
        {"from_job": ASSET, "output": -1},
        {"from_job": ASSET, "output": True},
        {"asset_id": ASSET, "url": "https://example.org"},
        "data:,",
        None,
    ],
)
def test_an_image_is_given_in_exactly_one_way(source: object) -> None:
    pointers = refused(Kind.UPSCALE, image=source, scale=2)

    assert all(pointer.startswith("/input/image") for pointer in pointers)


@pytest.mark.parametrize(
    "size", [{}, {"scale": 2, "target": "2K"}, {"scale": 5}, {"scale": True}, {"scale": "2"}, {"scale": 10**6}, {"target": "8K"}]
)  # fmt: skip
def test_an_upscale_is_asked_by_a_factor_or_by_a_target(size: dict[str, Any]) -> None:
    assert refused(Kind.UPSCALE, image={"asset_id": ASSET}, **size)


@pytest.mark.parametrize(
    "size", [{"scale": 1}, {"scale": 2}, {"scale": 4}, {"scale": 6}, {"scale": 8}, {"target": "1K"}, {"target": "4K"}]
)
def test_a_good_upscale_is_taken(size: dict[str, Any]) -> None:
    read = read_input(Kind.UPSCALE, {"image": {"asset_id": ASSET}, **size})

    assert isinstance(read, UpscaleInput)
    assert str(read.image.asset_id) == ASSET


@pytest.mark.parametrize("duration", [4.9, 300.1, 0, -5, float("nan"), float("inf"), "30", True, [30], 10**400])
def test_a_length_of_music_out_of_range_is_refused(duration: object) -> None:
    assert refused(Kind.MUSIC, prompt="a", duration=duration) == {"/input/duration"}


@pytest.mark.parametrize("count", [0, 4, True, "1"])
def test_a_count_of_variations_out_of_range_is_refused(count: object) -> None:
    assert refused(Kind.MUSIC, prompt="a", count=count) == {"/input/count"}


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ({"prompt": "jazz"}, 45),
        ({"prompt": "jazz, 20 seconds"}, 20),
        ({"prompt": "a two-minute jingle"}, 120),
        ({"prompt": "a 1.5 minute song"}, 90),
        ({"prompt": "900 seconds of rain"}, 300),
        ({"prompt": "a 2 s sting"}, 5),
        ({"prompt": "the 80s in 90 seconds"}, 90),
        ({"prompt": "jazz, 20 seconds", "duration": 30}, 30),
        ({"prompt": "jazz, 20 seconds", "duration": None}, 20),
    ],
)
def test_music_is_as_long_as_asked_or_as_its_words_say(given: dict[str, Any], seconds: float) -> None:
    read = read_input(Kind.MUSIC, given)

    assert isinstance(read, MusicInput)
    assert read.duration == seconds


@given(st.dictionaries(st.text(max_size=12), st.none() | st.booleans() | st.integers() | st.floats() | st.text()))
def test_whatever_is_sent_is_taken_or_refused_with_reasons(given: dict[str, Any]) -> None:
    for kind in Kind:
        try:
            read_input(kind, given)
        except InvalidInputError as error:
            reasons = error.problems
        else:
            continue
        assert reasons


def test_a_video_needs_words_or_a_picture() -> None:
    assert refused(Kind.VIDEO) == {"/input"}
    assert read_input(Kind.VIDEO, {"prompt": "a boat"})
    assert read_input(Kind.VIDEO, {"image": {"asset_id": ASSET}})


def test_a_videos_last_picture_needs_a_first_one_and_no_loop() -> None:
    source = {"asset_id": ASSET}

    assert read_input(Kind.VIDEO, {"image": source, "last_image": source})
    assert refused(Kind.VIDEO, prompt="a boat", last_image=source) == {"/input"}
    assert refused(Kind.VIDEO, image=source, last_image=source, loop=True) == {"/input"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("duration", 1.9), ("duration", 15.1), ("duration", "5"), ("duration", float("nan")), ("fps", 11), ("fps", 61),
        ("fps", 24.5), ("resolution", "4k"), ("format", "mov"), ("motions", []), ("motions", ["pan"]), ("loop", 1),
        ("motions", ["static"] * 4),
    ],
)  # fmt: skip
def test_a_video_refuses_what_lies_outside_its_bounds(field: str, value: Any) -> None:
    assert any(one.startswith(f"/input/{field}") for one in refused(Kind.VIDEO, prompt="a boat", **{field: value}))


@pytest.mark.parametrize(
    ("given", "size"),
    [
        ({}, (1280, 720)),
        ({"resolution": "480p"}, (854, 480)),
        ({"resolution": "1080p", "aspect_ratio": "9:16"}, (1080, 1920)),
        ({"aspect_ratio": "1:1"}, (720, 720)),
        ({"aspect_ratio": "21:9"}, (1680, 720)),
    ],
)
def test_a_video_has_the_size_that_its_shape_says(given: dict[str, Any], size: tuple[int, int]) -> None:
    assert VideoInput(prompt="a boat", **given).size() == size


def test_a_video_of_a_picture_has_its_shape_within_bounds() -> None:
    assert VideoInput(prompt="x").size((400, 300)) == (960, 720)
    assert VideoInput(prompt="x").size((4000, 100)) == (2160, 720)
    assert refused(Kind.VIDEO, prompt="x", aspect_ratio="4:1") == {"/input"}
