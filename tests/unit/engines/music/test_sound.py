"""What is heard: notes in tune, loudness as the standard measures it, a mix that is loud enough and never clips, true files."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path

import av
import numpy as np
import pytest

from calotype.engines.music.brief import read_brief
from calotype.engines.music.compose import compose
from calotype.engines.music.files import write_mp3, write_wav
from calotype.engines.music.lexicon import ROLES
from calotype.engines.music.loudness import loudness, true_peak
from calotype.engines.music.mix import mix
from calotype.engines.music.sampler import RATE, Sampler, Sound


def sine(hertz: float, seconds: float = 4.0, level: float = 1.0) -> Sound:
    return (level * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)


def fundamental(sound: Sound, near: float) -> float:
    """Return the frequency, close to one expected, at which a sound repeats itself: by autocorrelation."""
    piece = sound[4000:24000] - sound[4000:24000].mean()
    spectrum = np.fft.rfft(piece, 1 << 16)
    repeats = np.fft.irfft(np.abs(spectrum) ** 2)[:8000]
    first, last = int(RATE / near / 1.06), int(RATE / near * 1.06) + 2
    at = first + int(np.argmax(repeats[first:last]))
    before, here, after = repeats[at - 1 : at + 2]
    return float(RATE / (at + 0.5 * (before - after) / (before - 2 * here + after)))


def test_a_full_sine_on_one_side_is_what_the_standard_says() -> None:
    assert loudness(np.stack([sine(997), np.zeros(4 * RATE, np.float32)])) == pytest.approx(-3.01, abs=0.05)


def test_silence_before_and_after_does_not_make_a_piece_quieter() -> None:
    tone = sine(997, 6, 0.1)
    padded = np.concatenate([np.zeros(6 * RATE, np.float32), tone, np.zeros(6 * RATE, np.float32)])

    assert loudness(padded) == pytest.approx(loudness(tone), abs=0.3)
    assert loudness(np.zeros(RATE, np.float32)) == -70


def test_a_peak_between_samples_is_found() -> None:
    tone = (np.sin(2 * np.pi * (RATE / 4) * np.arange(RATE) / RATE + math.pi / 4)).astype(np.float32)

    assert 20 * math.log10(np.abs(tone).max()) == pytest.approx(-3.01, abs=0.01)
    assert true_peak(tone) == pytest.approx(0, abs=0.2)


@pytest.mark.parametrize(
    "instrument",
    sorted(set(ROLES) - {"bells", "glockenspiel", "timpani", "church organ", "organ", "brass", "strings", "choir"}),
)
def test_every_instrument_is_in_tune(instrument: str, sampler: Sampler) -> None:
    pitch = 45 if ROLES[instrument] == ("bass",) else 69
    hertz = 440 * 2 ** ((pitch - 69) / 12)

    sound = sampler.note(instrument, pitch, 96, 0.8)

    assert abs(1200 * math.log2(fundamental(sound, hertz) / hertz)) < 25


@pytest.mark.parametrize("pitch", [30, 60, 90])
def test_a_note_begins_at_once_ends_and_does_not_click(pitch: int, sampler: Sampler) -> None:
    for instrument in ("piano", "strings", "flute", "nylon guitar"):
        sound = sampler.note(instrument, pitch, 90, 0.5)

        assert np.abs(sound[: RATE // 5]).max() > 0.02
        assert abs(float(sound[0])) < 0.01
        assert abs(float(sound[-1])) < 1e-3
        assert len(sound) < 6 * RATE


def test_harder_is_louder(sampler: Sampler) -> None:
    soft, hard = (np.abs(sampler.note("piano", 60, velocity, 0.5)).max() for velocity in (40, 120))

    assert hard > 2 * soft


@pytest.mark.parametrize("prompt", ["punk rock", "quiet ambient", "techno at 130 bpm"])
def test_a_mix_is_as_long_as_asked_loud_enough_and_never_clips(prompt: str, sampler: Sampler) -> None:
    told: list[tuple[int, int]] = []
    score = compose(read_brief(prompt), 8, 3)

    mixed = mix(score, sampler, lambda done, total: told.append((done, total)))

    assert mixed.sound.shape == (2, 8 * RATE)
    assert loudness(mixed.sound) == pytest.approx(-14, abs=1)
    assert true_peak(mixed.sound) <= -1
    assert told == sorted(told)
    assert len(told) >= score.timing.bars
    assert np.abs(mixed.sound[:, -1]).max() < 1e-3


def test_the_sides_differ(sampler: Sampler) -> None:
    sound = mix(compose(read_brief("a pop song"), 8, 3), sampler, lambda _done, _total: None).sound
    middle, side = sound.sum(0), sound[0] - sound[1]

    assert 0.1 < float(np.sqrt((side**2).mean() / (middle**2).mean())) < 1


def test_files_hold_the_sound_their_title_and_the_recipe(tmp_path: Path) -> None:
    sound, recipe = np.stack([sine(440, 2, 0.5), sine(660, 2, 0.5)]), json.dumps({"prompt": "ünïcode", "seed": 3})
    wav, mp3 = tmp_path / "a.wav", tmp_path / "a.mp3"

    write_wav(sound, wav, "Title ü", recipe)
    write_mp3(sound, mp3, "Title ü", recipe, lambda: None)

    for path in (wav, mp3):
        with av.open(str(path)) as container:
            assert container.metadata["title"] == "Title ü"
            assert json.loads(container.metadata["comment"]) == json.loads(recipe)
            heard = sum(frame.samples for frame in container.decode(audio=0))
        assert heard == pytest.approx(2 * RATE, abs=1200)
    data = wav.read_bytes()
    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8
    first = np.frombuffer(data[-4 * RATE * 2 :], "<i2")[:20:2]
    assert np.allclose(first, np.round(sound[0, :10] * 32767))
