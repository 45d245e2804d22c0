"""Play and measure the music engine's acceptance prompts: docs/gallery/music.md and its picture, and sound that is not kept.

Run by `make gallery`. Each piece is made in a process of its own, so that its memory can be told.
"""

from __future__ import annotations

import html
import json
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).parents[1]
sys.path[0] = str(ROOT / "tests")  # not this folder: its gallery.py hides the tests' one

import calotype_data  # noqa: E402 - the tests' folder is on the path first
from calotype.engines.music.files import write_mp3  # noqa: E402
from calotype.engines.music.loudness import loudness, true_peak  # noqa: E402
from calotype.engines.music.mix import mix  # noqa: E402
from calotype.engines.music.sampler import RATE, Sampler, Sound  # noqa: E402
from calotype.engines.music.score import Score  # noqa: E402
from gallery import music_bar as bar  # noqa: E402

FOLDER = ROOT / "docs" / "gallery"
SOUND = FOLDER / "audio"
WIDE, TALL, GAP, COLUMNS = 620, 170, 12, 2
LOWEST, HIGHEST = 40.0, 16_000.0
COLOURS = {
    "lead": "#d2322d",
    "comp": "#3b6fd4",
    "pad": "#62b56a",
    "bass": "#75439b",
    "arp": "#e39a2d",
    "counter": "#149a9a",
}
INTRODUCTION = """# Music

The prompts of `tests/gallery/music.toml`, written before the engine with what must be measured, as the built-in **music** engine
plays them. Printed by `make gallery`, which also leaves the pieces as MP3 with a page of players in `docs/gallery/audio/` (not kept
in the repository). Above: the score (red the tune, blue chords, green pads, violet bass); below: the spectrogram, 40 Hz to 16 kHz.

![scores and spectrograms](music.jpg)

"Heard" is the tempo found by autocorrelation of onsets; a half, a third or a double of what is written counts as found. Seconds are
wall-clock of one process that composes, plays and masters: whatever else the machine does counts too. Memory is its peak.

| | Prompt | Key | Tempo | Heard | LUFS | Peak | Centroid | Side/mid | Length | Made in, s | A minute, s | MB | Faults |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
"""


def main() -> None:
    """Write the page, the picture and the sound; with an id as argument make that piece alone and print its figures."""
    if len(sys.argv) > 1:
        sys.stdout.write(json.dumps(make(next(one for one in bar.prompts() if one["id"] == sys.argv[1]))))
        return
    SOUND.mkdir(parents=True, exist_ok=True)
    rows = [
        json.loads(subprocess.run([sys.executable, __file__, one["id"]], check=True, capture_output=True).stdout)
        for one in bar.prompts()
    ]
    (FOLDER / "music.md").write_text(INTRODUCTION + "".join(map(line, rows)) + summary(rows), "utf-8")
    sheet(rows).save(FOLDER / "music.jpg", quality=58, optimize=True)
    (SOUND / "index.html").write_text(page(rows), "utf-8")
    sys.stdout.write("music.md\n")


def make(prompt: Mapping[str, Any]) -> dict[str, Any]:
    """Return a piece's figures; its sound and its picture are left in the folder."""
    brief, score = bar.compose_for(prompt)
    started = time.monotonic()
    sound = mix(score, Sampler(calotype_data.path("music/instruments.zip")), lambda _done, _total: None).sound
    seconds = time.monotonic() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    write_mp3(sound, SOUND / f"{prompt['id']}.mp3", prompt["text"], "", lambda: None)
    picture(prompt, score, sound).save(SOUND / f"{prompt['id']}.png")
    return {
        "id": prompt["id"],
        "text": prompt["text"],
        "key": score.key.name,
        "tempo": score.timing.tempo,
        "heard": bar.tempo_of(sound),
        "loudness": loudness(sound),
        "peak": true_peak(sound),
        "brightness": bar.brightness(sound),
        "width": bar.width(sound),
        "length": sound.shape[1] / RATE,
        "seconds": seconds,
        "memory": memory,
        "faults": bar.faults_of_score(prompt, brief, score) + bar.faults_of_sound(prompt, score, sound),
    }


def line(row: Mapping[str, Any]) -> str:
    """Return a row of the table."""
    cells = [
        row["id"], row["text"], row["key"], f"{row['tempo']:.1f}", f"{row['heard']:.1f}",
        f"{row['loudness']:.1f}", f"{row['peak']:.1f}",
        f"{row['brightness']:.0f}", f"{row['width']:.1f}", f"{row['length']:.1f}", f"{row['seconds']:.1f}",
        f"{60 * row['seconds'] / row['length']:.0f}", f"{row['memory']:.0f}", "; ".join(row["faults"]) or "none",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |\n"


def summary(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return what the table comes to."""
    good = sum(not row["faults"] for row in rows)
    each = sorted(60 * row["seconds"] / row["length"] for row in rows)
    most = max(row["memory"] for row in rows)
    return (
        f"\n{good} of {len(rows)} without a fault; a minute of music takes {each[len(each) // 2]:.0f} s (median), "
        f"{each[-1]:.0f} s at the most; peak memory {most:.0f} MB.\n"
    )


def picture(prompt: Mapping[str, Any], score: Score, sound: Sound) -> Image.Image:
    """Return score, spectrogram and level, one above the other."""
    image = Image.new("RGB", (WIDE, 2 * TALL + 30), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(12)
    draw.text((4, 3), f"{prompt['id']}  {prompt['text']}"[:96], fill="#333333", font=font)
    across = WIDE / score.timing.duration
    for section in score.sections:
        x = score.timing.seconds(section.start * score.timing.metre) * across
        draw.line((x, 20, x, 20 + TALL), fill="#cccccc")
        draw.text((x + 2, 20), section.name, fill="#999999", font=ImageFont.load_default(10))
    for part in score.parts:
        for note in part.notes if part.role != "drums" else ():
            y = 20 + TALL - (note.pitch - 28) * TALL / 74
            first, last = (score.timing.seconds(beat) * across for beat in (note.start, note.start + note.length))
            draw.rectangle((first, y - 1, max(first + 1, last - 1), y + 1), fill=COLOURS.get(part.role, "#a06a30"))
    image.paste(spectrogram(sound), (0, 24 + TALL))
    return image


def spectrogram(sound: Sound) -> Image.Image:
    """Return the spectrum over time, low below, on a logarithmic scale."""
    middle, window = sound.mean(0), 4096
    starts = np.linspace(0, max(0, len(middle) - window), WIDE).astype(int)
    frames = np.stack([middle[start : start + window] for start in starts]) * np.hanning(window)
    levels = 20 * np.log10(np.abs(np.fft.rfft(frames, axis=1)) + 1e-3)
    hertz = np.geomspace(HIGHEST, LOWEST, TALL)
    rows = levels[:, np.round(hertz * window / RATE).astype(int)].T
    grey = np.clip((rows + 20) / 60, 0, 1)
    shades = np.stack([grey**0.7, grey**1.6, 0.35 + 0.4 * np.sin(grey * np.pi)], -1)
    return Image.fromarray((255 * np.clip(shades, 0, 1)).astype(np.uint8))


def sheet(rows: Sequence[Mapping[str, Any]]) -> Image.Image:
    """Return all the pictures as one."""
    tiles = [Image.open(SOUND / f"{row['id']}.png") for row in rows]
    high = tiles[0].height + GAP
    whole = Image.new("RGB", (COLUMNS * (WIDE + GAP) + GAP, -(-len(tiles) // COLUMNS) * high + GAP), "#f6f4ef")
    for number, tile in enumerate(tiles):
        whole.paste(tile, (GAP + number % COLUMNS * (WIDE + GAP), GAP + number // COLUMNS * high))
    return whole


def page(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return a page of players."""
    players = "".join(
        f"<h3>{html.escape(row['id'] + ': ' + row['text'])}</h3>"
        f"<audio controls preload=none src={row['id']}.mp3></audio>"
        f"<p><img src={row['id']}.png alt=''></p>"
        for row in rows
    )
    return f"<!doctype html><meta charset=utf-8><title>Music</title>{players}"


if __name__ == "__main__":
    main()
