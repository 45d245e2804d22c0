"""Plays notes on sampled instruments: zones, loops, envelopes and filters of a SoundFont, in numpy alone."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float32]

RATE = 44_100
OVER = 2
"""Samples are kept at twice their rate, so that reading between two of them by a straight line stays clean."""
SILENT = 80.0
"""Decibels below which a note has died away."""
RANGE = 100.0
"""Decibels that an envelope's decay or release runs through in its time (SoundFont 2.04, 8.1.2)."""
CLICK = 0.004
LOWEST_CUTOFF, HIGHEST_CUTOFF = 300, 10_500
FADE_FLOOR = 0.02
OPEN_HAT, KIT = 46, "kit"
LONGEST_DRUM = 4.0
MOST_KEPT = 120_000_000
"""Bytes of decoded samples kept from one piece to the next."""
LONGEST_RELEASE = 2.5


@dataclass(frozen=True, slots=True)
class Zone:
    """Which notes a sample serves and how it is played: see data/build/music.py."""

    keys: tuple[int, int]
    velocities: tuple[int, int]
    sample: int
    rate: int
    root: int
    cents: int
    scale: int
    loops: int
    loop: tuple[int, int]
    quieter: float
    attack: float
    hold: float
    decay: float
    sustain: float
    release: float
    cutoff: int

    def serves(self, pitch: int, velocity: int) -> bool:
        """Whether the zone sounds for a note."""
        return self.keys[0] <= pitch <= self.keys[1] and self.velocities[0] <= velocity <= self.velocities[1]

    def ratio(self, pitch: int) -> float:
        """Return how many of the kept samples pass in one of ours."""
        cents = (pitch - self.root) * self.scale + self.cents
        return float(2 ** (cents / 1200) * self.rate * OVER / RATE)


class Sampler:
    """The instruments of one pack; samples are decoded when first needed and kept."""

    def __init__(self, pack: Path) -> None:
        self._archive = zipfile.ZipFile(pack)
        index = json.loads(self._archive.read("index.json"))
        self._zones = {name: [_zone(row) for row in rows] for name, rows in index.items()}
        self._samples: dict[tuple[int, int], Sound] = {}
        self._struck: dict[tuple[str, int, int], Sound] = {}

    @property
    def instruments(self) -> frozenset[str]:
        """Return the names of the instruments."""
        return frozenset(self._zones)

    def close(self) -> None:
        """Let go of the pack and of what was decoded."""
        self._archive.close()
        self._samples.clear()
        self._struck.clear()

    def trim(self) -> None:
        """Let go of what was decoded when it has become much; the next piece may play on other instruments."""
        self._struck.clear()
        if sum(sample.nbytes for sample in self._samples.values()) > MOST_KEPT:
            self._samples.clear()

    def note(self, instrument: str, pitch: int, velocity: int, seconds: float) -> Sound:
        """Return one note, held so long and dying away after; empty when the instrument has no such key."""
        zones = [zone for zone in self._zones[instrument] if zone.serves(pitch, velocity)]
        if not zones:
            zones = self._nearest(instrument, pitch, velocity)
        loudness = (max(1, velocity) / 127) ** 1.7
        sounds = [self._play(instrument, zone, pitch, seconds) for zone in zones]
        if not sounds:
            return np.zeros(0, np.float32)
        mixed = np.zeros(max(len(sound) for sound in sounds), np.float32)
        for sound in sounds:
            mixed[: len(sound)] += sound
        return mixed * np.float32(loudness)

    def _nearest(self, instrument: str, pitch: int, velocity: int) -> list[Zone]:
        """Return the zone nearest to a key that none serves; of a drum kit none."""
        if instrument.endswith(KIT):
            return []
        fitting = [z for z in self._zones[instrument] if z.velocities[0] <= velocity <= z.velocities[1]]
        rows = fitting or self._zones[instrument]
        return [min(rows, key=lambda zone: min(abs(pitch - zone.keys[0]), abs(pitch - zone.keys[1])))]

    def _play(self, instrument: str, zone: Zone, pitch: int, seconds: float) -> Sound:
        if not instrument.endswith(KIT) or pitch == OPEN_HAT:
            return self._sound(zone, pitch, seconds, min(zone.release, 0.4) if pitch == OPEN_HAT else zone.release)
        held = self._struck.get((instrument, pitch, zone.sample))
        if held is None:
            held = self._sound(zone, pitch, LONGEST_DRUM, 0.1)
            self._struck[instrument, pitch, zone.sample] = held
        return held

    def _sound(self, zone: Zone, pitch: int, seconds: float, release: float) -> Sound:
        sample = self._sample(zone)
        ratio = zone.ratio(pitch)
        release = min(max(release, 0.03), LONGEST_RELEASE)
        wanted = int((seconds + release * SILENT / RANGE) * RATE)
        start, end = (OVER * edge for edge in zone.loop)
        is_looped = bool(zone.loops & 1) and end - start > 64 and end < len(sample)
        frames = wanted if is_looped else min(wanted, int((len(sample) - 2) / ratio))
        if frames <= 0:
            return np.zeros(0, np.float32)
        places = np.arange(frames, dtype=np.float64) * ratio
        if is_looped and places[-1] >= end:
            first = int(np.searchsorted(places, end))
            places[first:] = start + np.mod(places[first:] - start, end - start)
        whole = places.astype(np.int64)
        part = (places - whole).astype(np.float32)
        low = sample[whole]
        low += (sample[whole + 1] - low) * part
        low *= _envelope(zone, frames, seconds, release)
        return low

    def _sample(self, zone: Zone) -> Sound:
        cutoff = 0 if zone.cutoff >= HIGHEST_CUTOFF else max(LOWEST_CUTOFF, zone.cutoff // 100 * 100)
        found = self._samples.get((zone.sample, cutoff))
        if found is None:
            raw = decode(self._archive.read(f"{zone.sample}.ogg"))
            found = _oversampled(raw, zone.rate, cutoff)
            self._samples[zone.sample, cutoff] = found
        return found


def decode(ogg: bytes) -> Sound:
    """Return the samples of a mono Ogg Vorbis file."""
    import av  # late: a machine without it can still say what is missing

    with av.open(io.BytesIO(ogg), "r") as container:
        pieces = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
    return np.concatenate(pieces).astype(np.float32)


def _zone(row: dict[str, Any]) -> Zone:
    pairs = {name: tuple(row[name]) for name in ("keys", "velocities", "loop")}
    return Zone(**{**row, **pairs})


def _oversampled(raw: Sound, rate: int, cutoff: int) -> Sound:
    """Return a sample at OVER times its rate, its spectrum cut as by a filter of second order where a cutoff is given."""
    size = 1 << (len(raw) + 1024).bit_length()
    spectrum = np.fft.rfft(raw, size)
    if cutoff:
        hertz = np.arange(len(spectrum), dtype=np.float32) * (rate / size)
        spectrum *= 1 / np.sqrt(1 + (hertz / cutoff) ** 4)
    wide = np.zeros(size * OVER // 2 + 1, np.complex64)
    wide[: len(spectrum)] = spectrum
    return np.fft.irfft(wide, size * OVER)[: len(raw) * OVER].astype(np.float32) * np.float32(OVER)


def _envelope(zone: Zone, frames: int, seconds: float, release: float) -> Sound:
    """Return the loudness over time: attack, hold, decay to the sustained level, release from wherever that led."""
    time = np.arange(frames, dtype=np.float32) / RATE
    attack = max(zone.attack, CLICK)
    down = np.clip((time - attack - zone.hold) * (RANGE / max(zone.decay, 0.01)), 0, min(zone.sustain, RANGE))
    down += np.clip((time - seconds) * (RANGE / release), 0, None) + zone.quieter
    envelope = np.power(np.float32(10), -down / 20, dtype=np.float32)
    rising = min(frames, int(attack * RATE) + 1)
    envelope[:rising] *= np.minimum(1, time[:rising] / attack)
    fade = min(frames, int(FADE_FLOOR * RATE))
    envelope[frames - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    return envelope
