"""The motions: each is a pose by the share of its cycle, with the words people use for it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from calotype.engines.sprite.motion.pose import Pose

TURN = math.tau


@dataclass(frozen=True, slots=True)
class Motion:
    """A motion. `period` is how many frames a cycle wants; `stays` says that it ends where it leads, and is not repeated."""

    name: str
    words: str
    pose: Callable[[float], Pose]
    period: int = 25
    stays: bool = False


def _ease(share: float) -> float:
    share = min(max(share, 0.0), 1.0)
    return share * share * (3 - 2 * share)


def _bump(t: float, start: float, peak: float, end: float) -> float:
    """Return 0 → 1 → 0 with its top at `peak`."""
    return _ease((t - start) / (peak - start)) if t < peak else 1 - _ease((t - peak) / (end - peak))


def _idle(t: float) -> Pose:
    wave = math.sin(TURN * t)
    return Pose(
        tall=1 + 0.022 * wave, wide=1 - 0.010 * wave, breath=0.035 * wave, bend=0.008 * math.sin(TURN * t - 0.8)
    )


def _walk(t: float) -> Pose:
    wave, bob = math.sin(TURN * t), abs(math.sin(TURN * t))
    return Pose(
        turn=0.05 * wave, lift=0.028 * bob, tall=1 - 0.02 * (1 - bob), stride=0.045 * math.cos(TURN * t), step=0.085 * wave,
        lean=0.025, bend=-0.03 * wave,
    )  # fmt: skip


def _run(t: float) -> Pose:
    wave, bob = math.sin(TURN * t), abs(math.sin(TURN * t))
    return Pose(
        turn=0.10 + 0.03 * wave, lift=0.085 * bob, tall=0.955 + 0.075 * bob, wide=1.03 - 0.05 * bob, lean=0.09,
        stride=0.085 * math.cos(TURN * t), step=0.14 * wave, bend=0.04 * math.cos(2 * TURN * t),
    )  # fmt: skip


def _jump(t: float) -> Pose:
    crouch = _bump(t, 0, 0.18, 0.30) + 0.75 * _bump(t, 0.74, 0.82, 1.0)
    air = min(max((t - 0.26) / 0.5, 0), 1)
    height = 4 * air * (1 - air)
    stretch = _bump(t, 0.22, 0.32, 0.5)
    return Pose(
        lift=0.34 * height,
        tall=1 - 0.2 * crouch + 0.13 * stretch,
        wide=1 + 0.14 * crouch - 0.07 * stretch,
        step=0.05 * height,
    )


def _attack(t: float) -> Pose:
    back, strike = _bump(t, 0, 0.28, 0.42), _bump(t, 0.32, 0.48, 0.95)
    return Pose(
        shift=-0.06 * back + 0.15 * strike, turn=-0.17 * back + 0.24 * strike, bend=-0.10 * back + 0.15 * strike,
        raise_=0.12 * back, wide=1 - 0.04 * back + 0.07 * strike, reach=0.06 * strike, lean=0.06 * strike,
        stride=0.05 * strike,
    )  # fmt: skip


def _hurt(t: float) -> Pose:
    hit = _bump(t, 0, 0.12, 0.8)
    shake = math.sin(TURN * t * 5) * hit * (1 - t)
    flash = max(0.0, math.cos(TURN * t * 3)) * float(t < 0.62) * hit
    return Pose(
        shift=-0.10 * hit + 0.022 * shake, turn=-0.16 * hit, bend=-0.11 * hit, tall=1 - 0.05 * hit, flash=0.8 * flash
    )


def _die(t: float) -> Pose:
    stagger, fall = _bump(t, 0, 0.12, 0.3), _ease((t - 0.2) / 0.38) ** 1.7
    bounce = _bump(t, 0.58, 0.65, 0.74)
    return Pose(
        turn=-0.10 * stagger, bend=-0.08 * stagger, flash=0.6 * stagger, topple=fall - 0.06 * bounce, lift=0.03 * bounce,
        shift=-0.04 * stagger + 0.06 * fall,
    )  # fmt: skip


def _wave(t: float) -> Pose:
    up = _bump(t, 0, 0.2, 1.0) if t < 0.2 else 1 - _ease((t - 0.82) / 0.18)
    return Pose(
        raise_=up * (0.24 + 0.14 * math.sin(TURN * t * 3)),
        lean=-0.05 * up,
        bend=0.07 * up * math.sin(TURN * t * 3),
        turn=-0.06 * up,
        lift=0.02 * up * abs(math.sin(TURN * t * 3)),
    )


def _spin(t: float) -> Pose:
    face = math.cos(TURN * t)
    return Pose(wide=face, lift=0.02 * math.sin(TURN * t) ** 2)


def _roll(t: float) -> Pose:
    hop = math.sin(math.pi * t)
    return Pose(roll=TURN * _ease(t), lift=0.16 * hop, tall=1 - 0.08 * math.sin(TURN * t) ** 2)


def _fly(t: float) -> Pose:
    wave = math.sin(TURN * t)
    return Pose(
        lift=0.13 + 0.05 * math.sin(TURN * t - 1.0),
        flap=0.28 * wave,
        tall=1 + 0.02 * wave,
        turn=0.03 * math.cos(TURN * t),
    )


def _hover(t: float) -> Pose:
    wave = math.sin(TURN * t)
    return Pose(lift=0.12 + 0.055 * wave, turn=0.035 * math.sin(TURN * t + 1.2), bend=0.03 * math.cos(TURN * t))


def _swim(t: float) -> Pose:
    return Pose(
        lift=0.10 + 0.03 * math.sin(TURN * t),
        bend=0.09 * math.sin(TURN * t),
        lean=-0.06 * math.sin(TURN * t - 0.9),
        turn=0.06 * math.cos(TURN * t),
    )


def _dance(t: float) -> Pose:
    beat, sway = abs(math.sin(TURN * t * 2)), math.sin(TURN * t)
    return Pose(
        shift=0.055 * sway, bend=0.12 * sway, lean=-0.05 * sway, turn=0.05 * sway, tall=1 - 0.075 * (1 - beat),
        wide=1 + 0.055 * (1 - beat),
        lift=0.03 * beat, flap=0.05 * math.sin(TURN * t * 2), step=0.07 * sway,
    )  # fmt: skip


def _cast(t: float) -> Pose:
    gather, release = _bump(t, 0, 0.4, 0.55), _bump(t, 0.48, 0.6, 1.0)
    hum = math.sin(TURN * t * 8) * gather * 0.006
    return Pose(
        lift=0.05 * gather + 0.02 * release, tall=1 - 0.05 * gather + 0.09 * release, flap=0.09 * gather + 0.05 * release,
        bend=-0.05 * gather + 0.07 * release, shift=hum, breath=0.05 * gather,
        flash=0.30 * gather * (0.6 + 0.4 * math.sin(TURN * t * 6)) + 0.5 * _bump(t, 0.5, 0.56, 0.75),
    )  # fmt: skip


def _shake(t: float) -> Pose:
    return Pose(
        shift=0.02 * math.sin(TURN * t * 6), turn=0.035 * math.sin(TURN * t * 5), bend=0.02 * math.sin(TURN * t * 7)
    )


def _bounce(t: float) -> Pose:
    height = abs(math.sin(math.pi * t))
    squash = max(0.0, 1 - height / 0.22)
    return Pose(lift=0.24 * height, tall=1 + 0.05 * height - 0.20 * squash, wide=1 - 0.03 * height + 0.15 * squash)


def _nod(t: float) -> Pose:
    wave = (1 - math.cos(TURN * t)) / 2
    return Pose(bend=0.11 * wave, tall=1 - 0.04 * wave)


MOTIONS = (
    Motion("walk", "walk walks walking stroll step steps march "
           "marches marching patrol wander sneak sneaks creep", _walk),
    Motion("run", "run runs running sprint sprints dash dashes race "
           "races gallop gallops charge charges chase flee flees", _run, 16),
    Motion("idle", "idle idles breathe breathes breathing breath stand "
           "stands standing wait waits waiting rest rests still", _idle, 36),
    Motion("jump", "jump jumps jumping leap leaps leaping hop hops hopping", _jump, 25),
    Motion("attack", "attack attacks attacking swing swings slash slashes strike strikes punch punches kick kicks hit hits bite "
           "bites stab stabs sword fight fights fighting chop shoot shoots fire fires throw throws", _attack, 25),
    Motion("hurt", "hurt hurts damage damaged hurting wounded wince flinch flinches knocked stun stunned", _hurt, 25),
    Motion("die", "die dies dying death dead fall "
           "falls falling collapse collapses faint faints defeated", _die, 36, stays=True),
    Motion("wave", "wave waves waving greet greets greeting hello bye", _wave, 36),
    Motion("spin", "spin spins spinning rotate rotates rotating "
           "turn turns turning twirl twirls pirouette", _spin, 25),
    Motion("roll", "roll rolls rolling somersault flip flips backflip tumble tumbles dodge dodges", _roll, 25),
    Motion("fly", "fly flies flying flap flaps flapping wings soar soars", _fly, 18),
    Motion("hover", "hover hovers hovering float floats floating levitate levitates drift drifts", _hover, 36),
    Motion("swim", "swim swims swimming dive dives wiggle wiggles slither slithers", _swim, 25),
    Motion("dance", "dance dances dancing groove boogie party celebrate celebrates cheer cheers victory", _dance, 36),
    Motion("cast", "cast casts casting spell magic conjure conjures summon summons summoning power", _cast, 36),
    Motion("shake", "shake shakes shaking tremble trembles shiver shivers vibrate angry", _shake, 25),
    Motion("bounce", "bounce bounces bouncing ball spring bob bobs", _bounce, 18),
    Motion("nod", "nod nods nodding bow bows bowing agree talk talks talking eat eats eating", _nod, 25),
)  # fmt: skip
_BY_WORD = {word: motion for motion in reversed(MOTIONS) for word in motion.words.split()}
_QUICK = frozenset(("fast", "quick", "quickly", "rapid", "rapidly", "swift", "furious", "hectic"))
_SLOW = frozenset(("slow", "slowly", "calm", "calmly", "gentle", "gently", "lazy", "lazily", "sleepy"))
_LEFT = frozenset(("left", "leftward", "leftwards"))
_SAYS_NOTHING = """
a an the of with and then in on at to from by into around over under that this while is it its his her their he she they as for
right up down forward forwards place loop looping animation sprite character hero one once again very little bit after before
like some side toward towards rightward rightwards happily
"""
_SILENT = frozenset(_SAYS_NOTHING.split())


@dataclass(frozen=True, slots=True)
class Script:
    """What a subject does, in order, and what of the words was not understood."""

    motions: tuple[Motion, ...]
    speed: float
    mirrored: bool
    unknown: tuple[str, ...]
    is_guess: bool

    def poses(self, count: int) -> list[Pose]:
        """Return the pose of each frame: every motion gets an even share of them, in whole cycles."""
        edges = [count * number // len(self.motions) for number in range(len(self.motions) + 1)]
        poses: list[Pose] = []
        for motion, start, end in zip(self.motions, edges, edges[1:], strict=False):
            poses += self._cycles(motion, end - start)
        return [_mirrored(pose) for pose in poses] if self.mirrored else poses

    def _cycles(self, motion: Motion, count: int) -> list[Pose]:
        if motion.stays:
            return [motion.pose(number / max(count - 1, 1)) for number in range(count)]
        cycles = max(1, round(count * self.speed / motion.period))
        return [motion.pose(number * cycles / count % 1) for number in range(count)]


def read_script(text: str) -> Script:
    """Return what the words ask for; a subject of which nothing is understood breathes."""
    words = re.findall(r"[^\W_]+", text.casefold())
    found = list(dict.fromkeys(_BY_WORD[word] for word in words if word in _BY_WORD))
    speed = 1.5 if _QUICK.intersection(words) else 0.65 if _SLOW.intersection(words) else 1.0
    known = _SILENT | _QUICK | _SLOW | _LEFT
    unknown = tuple(
        dict.fromkeys(word for word in words if word not in _BY_WORD and word not in known and not word.isdigit())
    )
    return Script(tuple(found[:4]) or (_BY_WORD["idle"],), speed, bool(_LEFT.intersection(words)), unknown, not found)


def _mirrored(pose: Pose) -> Pose:
    return replace(
        pose, shift=-pose.shift, turn=-pose.turn, roll=-pose.roll, bend=-pose.bend, lean=-pose.lean, reach=-pose.reach
    )


def names_of(motions: Sequence[Motion]) -> list[str]:
    """Return the motions' names."""
    return [motion.name for motion in motions]
