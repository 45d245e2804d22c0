"""What is measured of a piece: tempo by its onsets, brightness, width, silence; and what its prompt says must be found."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from calotype.engines.music.brief import Brief, read_brief
from calotype.engines.music.compose import compose
from calotype.engines.music.loudness import loudness, true_peak
from calotype.engines.music.sampler import RATE, Sound
from calotype.engines.music.score import Score
from calotype.jobs.inputs.music import DEFAULT_DURATION, length_in

PROMPTS = Path(__file__).with_name("music.toml")
HOP, WINDOW = 441, 1024
SPECTRUM = 1 << 16
OCTAVES = (0.25, 1 / 3, 0.5, 2 / 3, 1.0, 1.5, 2.0, 3.0, 4.0)
"""How a pulse may be counted: in halves, thirds or doubles."""


def prompts() -> list[dict[str, Any]]:
    """Return the acceptance prompts."""
    found: list[dict[str, Any]] = tomllib.loads(PROMPTS.read_text("utf-8"))["prompt"]
    return found


def compose_for(prompt: Mapping[str, Any]) -> tuple[Brief, Score]:
    """Return a prompt's brief and score."""
    brief = read_brief(prompt["text"])
    return brief, compose(brief, seconds_of(prompt), prompt["seed"])


def seconds_of(prompt: Mapping[str, Any]) -> float:
    """Return how long a prompt's piece shall be."""
    return float(prompt.get("duration") or length_in(prompt["text"]) or DEFAULT_DURATION)


def faults_of_score(prompt: Mapping[str, Any], brief: Brief, score: Score) -> list[str]:
    """Return what of the prompt the score does not hold."""
    playing = {part.instrument for part in score.parts}
    low, high = prompt.get("tempo", (0, 999))
    checks = {
        "genre": brief.genre.name == prompt["genre"],
        f"tempo {score.timing.tempo:.1f}": low <= score.timing.tempo <= high,
        f"key {score.key.name}": prompt.get("key") in (None, score.key.name),
        f"mode of {score.key.name}": prompt.get("mode") in (None, "minor" if score.key.is_minor else "major"),
        f"metre {score.timing.metre}": prompt.get("metre", 4 if "metre" in prompt else score.timing.metre)
        == score.timing.metre,
        f"instruments {sorted(playing)}": set(prompt.get("instruments", ())) <= playing,
        "absent": not set(prompt.get("absent", ())) & playing,
        "drums": prompt.get("drums") in (None, score.part("drums") is not None),
        "swing": not prompt.get("swing") or brief.genre.swing >= 0.3,
        "length": prompt.get("length") in (None, score.timing.duration),
    }
    return [name for name, holds in checks.items() if not holds]


def faults_of_sound(prompt: Mapping[str, Any], score: Score, sound: Sound) -> list[str]:
    """Return what of the prompt, or of any piece, the sound does not hold."""
    low, high = prompt.get("brightness", (0, 20_000))
    beats = tempo_of(sound)
    bright = brightness(sound)
    checks = {
        f"length {sound.shape[1] / RATE:.3f}": sound.shape == (2, round(seconds_of(prompt) * RATE)),
        f"loudness {loudness(sound):.1f}": abs(loudness(sound) + 14) <= 1,
        f"peak {true_peak(sound):.1f}": true_peak(sound) <= -1,
        f"silence {silence(sound):.1f}": silence(sound) < 1.0,
        f"brightness {bright:.0f}": low <= bright <= high,
        f"width {width(sound):.1f}": -16 < width(sound) < -2,
        f"tempo heard {beats:.1f}, written {score.timing.tempo:.1f}": any(
            abs(beats / (score.timing.tempo * share) - 1) < 0.03 for share in OCTAVES
        ),
    }
    return [name for name, holds in checks.items() if not holds]


def tempo_of(sound: Sound) -> float:
    """Return beats a minute by autocorrelation of what begins when."""
    frames = np.lib.stride_tricks.sliding_window_view(sound.mean(0), WINDOW)[::HOP] * np.hanning(WINDOW).astype(
        np.float32
    )
    spectrum = np.log1p(100 * np.abs(np.fft.rfft(frames, axis=1)))
    onsets = np.maximum(0, np.diff(spectrum, axis=0)).sum(1)
    onsets = onsets - np.convolve(onsets, np.ones(100) / 100, "same")
    repeats = np.correlate(onsets, onsets, "full")[len(onsets) - 1 :]
    lags = np.arange(len(repeats))
    a_minute = 60 * RATE / HOP
    strength = {
        float(bpm): sum(float(np.interp(times * a_minute / bpm, lags, repeats)) for times in (1, 2, 3, 4, 8))
        for bpm in np.arange(40, 221, 0.25)
    }
    return max(strength, key=lambda bpm: strength[bpm])


def brightness(sound: Sound) -> float:
    """Return the centre of the spectrum in hertz."""
    middle = sound.mean(0)
    rows = max(1, len(middle) // SPECTRUM)
    whole = np.zeros(rows * SPECTRUM, np.float32)
    whole[: min(len(middle), len(whole))] = middle[: len(whole)]
    spectrum = np.abs(np.fft.rfft(whole.reshape(rows, SPECTRUM) * np.hanning(SPECTRUM), axis=1)).mean(0)
    return float((spectrum * np.fft.rfftfreq(SPECTRUM, 1 / RATE)).sum() / spectrum.sum())


def width(sound: Sound) -> float:
    """Return how much the sides differ, in decibels against what they share."""
    side, middle = sound[0] - sound[1], sound[0] + sound[1]
    return float(10 * np.log10((side**2).mean() / (middle**2).mean()))


def silence(sound: Sound) -> float:
    """Return the longest silence in seconds, the fade at the end not counted."""
    step = RATE // 10
    middle = sound.mean(0)[: sound.shape[1] // step * step]
    levels = np.sqrt(np.square(middle.reshape(-1, step)).mean(1))[:-12]
    longest = now = 0
    for level in levels:
        now = now + 1 if level < 0.001 else 0
        longest = max(longest, now)
    return longest / 10
