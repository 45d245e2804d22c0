"""Plays a score and mixes it: each part brought to its level, placed, given a room; the whole limited to its loudness."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from calotype.engines.music.drumming import KEYS
from calotype.engines.music.loudness import SILENCE, loudness, true_peak
from calotype.engines.music.players import LEVELS
from calotype.engines.music.sampler import RATE, Sampler, Sound
from calotype.engines.music.score import Part, Score
from calotype.engines.music.spectral import add_room, filtered, high_pass, low_pass, room

TARGET = -14.0
"""LUFS of the whole."""
CEILING = 10 ** (-1.6 / 20)
TRUE_CEILING = -1.1
"""dBFS that no peak may pass, between the samples too."""
HOP = 64
AHEAD, RECOVERY = 5, 0.12
"""Of the limiter: blocks it looks ahead, and seconds it takes to let go."""
LOW_CUT = {
    "lead": 140,
    "comp": 130,
    "pad": 150,
    "arp": 200,
    "counter": 100,
    "stab": 130,
    "timpani": 40,
    "bass": 32,
    "drums": 28,
}
ECHO = 0.011
"""Seconds by which a wide part is late on its other side."""
DUCK, DUCK_SECONDS = 0.5, 0.11
DRUM_PANS = {
    KEYS["hat"]: 0.25, KEYS["open"]: 0.25, KEYS["ride"]: -0.3, KEYS["shaker"]: -0.4, KEYS["tambourine"]: 0.4,
    KEYS["cowbell"]: -0.25, KEYS["conga"]: -0.35, KEYS["crash"]: 0.35, KEYS["cymbal"]: -0.35, 48: -0.3, 47: -0.12, 45: 0.1,
    43: 0.25, 41: 0.4,
}  # fmt: skip
LONGEST_FADE = 2.2
QUIETEST_BOOST, LOUDEST_BOOST = -30.0, 36.0
PASSES = 3

Step = Callable[[int, int], None]
"""Told how many of how many bars have been played; may raise to stop."""


@dataclass(frozen=True, slots=True)
class Mixed:
    """A finished mix: two channels, and what was measured of it."""

    sound: Sound
    loudness: float
    peak: float


def mix(score: Score, sampler: Sampler, step: Step) -> Mixed:
    """Return the score played, placed and mastered."""
    total = score.timing.bars * len(score.parts)
    frames = round(score.timing.duration * RATE)
    whole, send = np.zeros((2, frames), np.float32), np.zeros(frames, np.float32)
    duck = _ducking(score, frames)
    for number, part in enumerate(score.parts):
        played = play(part, score, sampler, lambda bar, number=number: step(number * score.timing.bars + bar, total))  # type: ignore[misc] # mypy takes a default for a second argument
        if duck is not None and part.role != "drums":
            played *= duck
        whole += played
        send += played.mean(0) * np.float32(part.send / 0.2)
        step((number + 1) * score.timing.bars, total)
    add_room(whole, send * np.float32(0.2 * 1.4), room(score.room))
    step(total, total)
    return master(whole, score)


def play(part: Part, score: Score, sampler: Sampler, after_bar: Callable[[int], None]) -> Sound:
    """Return one part in stereo, at its level, before the room."""
    frames = round(score.timing.duration * RATE)
    is_kit = part.role == "drums"
    sides = np.zeros((2 if is_kit else 1, frames), np.float32)
    bar = 0
    for note in part.notes:
        reached = int(note.start / score.timing.metre)
        if reached > bar:
            bar = reached
            after_bar(min(bar, score.timing.bars))
        start = score.timing.seconds(note.start)
        length = score.timing.seconds(note.start + note.length) - start
        sound = sampler.note(part.instrument, note.pitch, note.velocity, length)
        first = max(0, round((start + note.shift) * RATE))
        sound = sound[: max(0, frames - first)]
        if is_kit:
            left, right = _sides(DRUM_PANS.get(note.pitch, 0.0))
            sides[0, first : first + len(sound)] += sound * left
            sides[1, first : first + len(sound)] += sound * right
        else:
            sides[0, first : first + len(sound)] += sound
    cleaned = np.stack([filtered(side, high_pass(LOW_CUT[part.role])) for side in sides])
    level = loudness(cleaned)
    gain = LEVELS[part.role] + part.gain - level if level > SILENCE else 0.0
    cleaned *= np.float32(10 ** (min(LOUDEST_BOOST, max(QUIETEST_BOOST, gain)) / 20))
    return cleaned if is_kit else _placed(cleaned[0], part.pan, part.width)


def master(whole: Sound, score: Score) -> Mixed:
    """Return the mix dulled as the genre has it, faded at its end, at its loudness and below its ceiling."""
    if score.cutoff < 16_000:
        whole = np.stack([filtered(side, low_pass(score.cutoff)) for side in whole])
    _fade(whole, score)
    found = loudness(whole)
    if found <= SILENCE:
        return Mixed(whole, SILENCE, -120.0)
    gain = TARGET - found
    limited, found = whole, SILENCE
    for _ in range(PASSES):
        limited = _limited(whole * np.float32(10 ** (gain / 20)))
        found = loudness(limited)
        if abs(found - TARGET) < 0.15:
            break
        gain += min(2.0, TARGET - found)
    peak = true_peak(limited)
    if peak > TRUE_CEILING:
        limited *= np.float32(10 ** ((TRUE_CEILING - peak) / 20))
        found += TRUE_CEILING - peak
        peak = TRUE_CEILING
    return Mixed(limited, found, peak)


def _sides(pan: float) -> tuple[np.float32, np.float32]:
    angle = (pan + 1) * math.pi / 4
    return np.float32(math.cos(angle) * math.sqrt(2)), np.float32(math.sin(angle) * math.sqrt(2))


def _placed(sound: Sound, pan: float, width: float) -> Sound:
    """Return a mono part at its place; a wide one comes a little later from the other side."""
    left, right = _sides(pan)
    placed = np.stack([sound * left, sound * right])
    if width:
        late = int(ECHO * RATE)
        far = 1 if pan <= 0 else 0
        placed[far, late:] = placed[far, late:] * np.float32(1 - width) + sound[: len(sound) - late] * np.float32(width)
    return placed


def _ducking(score: Score, frames: int) -> Sound | None:
    drums = score.part("drums")
    if not score.ducks or drums is None:
        return None
    envelope = np.ones(frames, np.float32)
    length = int(4 * DUCK_SECONDS * RATE)
    curve = (1 - DUCK * np.exp(-np.arange(length) / (DUCK_SECONDS * RATE))).astype(np.float32)
    for note in drums.notes:
        if note.pitch == KEYS["kick"]:
            first = max(0, round((score.timing.seconds(note.start) + note.shift) * RATE))
            stretch = envelope[first : first + length]
            np.minimum(stretch, curve[: len(stretch)], out=stretch)
    smooth = np.cumsum(np.concatenate([np.ones(65, np.float32), envelope]), dtype=np.float64)
    return ((smooth[65:] - smooth[:-65]) / 65).astype(np.float32)


def _fade(whole: Sound, score: Score) -> None:
    ring = score.timing.duration - score.timing.seconds(score.timing.bars * score.timing.metre)
    frames = int(min(LONGEST_FADE, 0.6 * max(0.5, ring)) * RATE)
    whole[:, -frames:] *= np.cos(np.linspace(0, math.pi / 2, frames, dtype=np.float32)) ** 2


def _limited(sound: Sound) -> Sound:
    """Return the sound with what would pass the ceiling turned down just before it comes, and let go slowly."""
    frames = sound.shape[1]
    blocks = -(-frames // HOP)
    padded = np.zeros(blocks * HOP, np.float32)
    padded[:frames] = np.abs(sound).max(0)
    peaks = padded.reshape(blocks, HOP).max(1)
    wanted = np.minimum(1, CEILING / np.maximum(peaks, 1e-9))
    if wanted.min() >= 1:
        return sound
    around = np.pad(wanted, AHEAD, constant_values=1.0)
    lowest = np.lib.stride_tricks.sliding_window_view(around, 2 * AHEAD + 1).min(1)
    slow = math.exp(-HOP / (RECOVERY * RATE))
    gains, now = [], 1.0
    for value in lowest.tolist():
        now = value if value < now else value + (now - value) * slow
        gains.append(now)
    kernel = np.ones(AHEAD) / AHEAD
    smooth = np.convolve(np.pad(np.array(gains), (AHEAD // 2, AHEAD - 1 - AHEAD // 2), "edge"), kernel, "valid")
    curve = np.interp(np.arange(frames), np.arange(blocks) * HOP + HOP / 2, smooth)
    return np.clip(sound * curve.astype(np.float32), -CEILING, CEILING)
