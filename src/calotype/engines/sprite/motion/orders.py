"""The operation `animate`: a picture and words for a motion in; a GIF, a sheet and the single frames out."""

from __future__ import annotations

from typing import Any

from calotype.engines.base import Context, Phase
from calotype.engines.sprite.motion.files import DELAY, Palette, Sheet, pixelated, save_frame, save_gif
from calotype.engines.sprite.motion.motions import Script, names_of, read_script
from calotype.engines.sprite.motion.puppet import Puppet
from calotype.engines.sprite.pictures import preview, read_image
from calotype.engines.sprite.subject import Cutter
from calotype.jobs.inputs.sprite import SpriteInput

NOTE = "The subject was cut out and bent as a whole, by rule: no generative model drew its frames."
GUESSED = "None of the words names a motion we know, so the subject breathes. "
LARGE, SMALL, FEW = 512, 320, 64
"""The side of a frame: large up to so many frames, small above and for pixel art."""
_BLOCK = 4
_COLOURS, _PIXEL_COLOURS = 255, 28
_PREVIEWS = 8
_CHANGE = (0.3, 0.75)
"""Between which shares of the time a subject becomes the end image."""


def make_animation(wanted: SpriteInput, seed: int, context: Context, cutter: Cutter) -> None:
    """Move the subject frame by frame."""
    del seed  # a motion has nothing left to chance
    count = wanted.frames or 0
    total = 2 * count + 4
    context.progress(0, total, Phase.FRAMES)
    script = read_script(wanted.prompt)
    side = side_of(wanted)
    first, how = _puppet(context, cutter, "image", side)
    last = _puppet(context, cutter, "end_image", side)[0] if wanted.end_image is not None else None
    block = _BLOCK if wanted.pixel else 1
    ends = [pixelated(one.canvas, block) if wanted.pixel else one.canvas for one in (first, last) if one is not None]
    palette = Palette(ends, _PIXEL_COLOURS if wanted.pixel else _COLOURS)
    sheet, indexed = Sheet(count, side), []
    for number, pose in enumerate(script.poses(count)):
        share = _smooth((number / (count - 1) - _CHANGE[0]) / (_CHANGE[1] - _CHANGE[0])) if last is not None else 0.0
        calm = pose.weakened(1 - _smooth((number / (count - 1) - 0.7) / 0.3)) if last is not None else pose
        frame = first.becoming(last, share, calm) if last is not None else first.posed(calm)
        if wanted.pixel:
            found = palette.indices(pixelated(frame, block)).repeat(block, 0).repeat(block, 1)
            frame = palette.in_colour(found)
        else:
            found = palette.indices(frame)
        indexed.append(found)
        sheet.add(frame)
        save_frame(frame, context.scratch / f"frame-{number:03}.png")
        context.check()
        shown = preview(frame) if number % max(1, count // _PREVIEWS) == 0 else None
        context.progress(number + 1, total, Phase.FRAMES, shown)
    told = iter(range(count + 1, 2 * count + 4))
    save_gif(
        indexed, palette, context.scratch / "sprite.gif", lambda: context.progress(next(told), total, Phase.SAVING)
    )
    context.progress(2 * count, total, Phase.SAVING)
    sheet.picture.save(context.scratch / "sheet.png", "PNG", compress_level=1)
    context.check()
    _hand_in(context, count, sheet, _said(wanted, script, how))
    context.progress(total, total, Phase.SAVING)


def side_of(wanted: SpriteInput) -> int:
    """Return the side of a frame in pixels."""
    return SMALL if wanted.pixel or (wanted.frames or 0) > FEW else LARGE


def _puppet(context: Context, cutter: Cutter, name: str, side: int) -> tuple[Puppet, str]:
    subject, how = cutter.cut_out(read_image(context.input_file(name)), context.check)
    return Puppet.of(subject, side), how


def _hand_in(context: Context, count: int, sheet: Sheet, said: dict[str, Any]) -> None:
    side, whole = sheet.side, sheet.picture.width
    facts = said | {"frames": count, "columns": sheet.across, "cell": {"width": side, "height": side}}
    context.write(
        context.scratch / "sprite.gif",
        "image/gif",
        width=side,
        height=side,
        duration=count * DELAY / 1000,
        provenance=facts,
    )
    context.write(context.scratch / "sheet.png", "image/png", width=whole, height=whole, provenance=facts)
    for number in range(count):
        context.write(
            context.scratch / f"frame-{number:03}.png",
            "image/png",
            width=side,
            height=side,
            provenance=said | {"frame": number + 1},
        )


def _said(wanted: SpriteInput, script: Script, how: str) -> dict[str, Any]:
    return {
        "operation": wanted.operation,
        "motions": names_of(script.motions),
        "not_understood": list(script.unknown),
        "subject_by": how,
        "pixel": wanted.pixel,
        "note": (GUESSED if script.is_guess else "") + NOTE,
    }


def _smooth(share: float) -> float:
    share = min(max(share, 0.0), 1.0)
    return share * share * (3 - 2 * share)
