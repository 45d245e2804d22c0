"""The music engine: a prompt in; MP3, WAV, cover and waveform out, for each variation."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence

import calotype_data
from calotype.engines.base import Context, Estimate, Order, Phase, Probe
from calotype.engines.music.card import CARD
from calotype.engines.music.files import write_mp3, write_wav
from calotype.engines.music.mix import mix
from calotype.engines.music.pictures import COVER, WAVE, cover, png, preview, waveform
from calotype.engines.music.provenance import provenance_of
from calotype.engines.music.recipe import Piece
from calotype.engines.music.sampler import RATE, Sampler
from calotype.errors import EngineError, OutOfMemoryError
from calotype.jobs.inputs.music import MusicInput

PACK = "music/instruments.zip"
_MOST_SEEDS = 2**32
WHOLE = 1000
"""Of one variation's progress: the bars played take the most of it."""
COMPOSED, PLAYED, MASTERED = 20, 820, 880
SECONDS_PER_SECOND = 0.2
LOAD_SECONDS = 0.4
BASE_MEMORY, MEMORY_PER_SECOND = 300_000_000, 2_200_000
WAV_BYTES, MP3_BYTES, PICTURE_BYTES = 176_400, 24_000, 1_500_000


class MusicEngine:
    """Composes and plays on any machine."""

    card = CARD

    def __init__(self) -> None:
        self._sampler: Sampler | None = None

    def probe(self) -> Probe:
        """Return whether the decoder and the instruments are there."""
        missing = [name for name in ("av", "numpy", "PIL") if importlib.util.find_spec(name) is None]
        if missing:
            return Probe(False, f"The package {missing[0]} is not installed, or has no build for this platform.")
        try:
            calotype_data.path(PACK)
        except FileNotFoundError as error:
            return Probe(False, f"{error}.")
        return Probe(True)

    def estimate(self, order: Order) -> Estimate:
        """Return seconds and bytes, which grow with the length of what is asked for."""
        wanted = MusicInput.model_validate(dict(order.input))
        seconds = wanted.duration
        warm = wanted.count * (0.8 + SECONDS_PER_SECOND * seconds)
        each = (WAV_BYTES + MP3_BYTES) * seconds + PICTURE_BYTES
        return Estimate(
            cold=warm + LOAD_SECONDS,
            warm=warm,
            memory=BASE_MEMORY + int(MEMORY_PER_SECOND * seconds),
            output=int(wanted.count * each),
        )

    def batch_key(self, order: Order) -> str | None:
        """Return None: a piece is played alone."""
        del order
        return None

    def load(self, device: str, report: Callable[[float], None]) -> None:
        """Open the pack of instruments; each is decoded when it is first played. The device does not matter."""
        del device
        self._sampler = Sampler(calotype_data.path(PACK))
        report(1.0)

    def warm(self) -> None:
        """Play one note."""
        self._loaded().note("piano", 60, 80, 0.1)

    def run(self, orders: Sequence[Order], context: Context) -> None:
        """Make every order; several variations of one take the seeds after the first."""
        for order in orders:
            wanted = MusicInput.model_validate(dict(order.input))
            for number in range(wanted.count):
                piece = Piece(wanted, (order.seed + number) % _MOST_SEEDS)
                try:
                    self._make(piece, number, context)
                except MemoryError as error:
                    raise OutOfMemoryError from error
                finally:
                    self._loaded().trim()

    def unload(self) -> None:
        """Close the pack and give the memory back."""
        if self._sampler is not None:
            self._sampler.close()
        self._sampler = None

    def _loaded(self) -> Sampler:
        if self._sampler is None:
            raise EngineError("The music engine was asked to play before it was loaded.")
        return self._sampler

    def _make(self, piece: Piece, number: int, context: Context) -> None:
        start, whole = WHOLE * number, WHOLE * piece.wanted.count
        context.progress(start, whole, Phase.COMPOSING)
        brief = piece.brief()
        score = piece.score(brief)
        front = cover(score, brief, piece.title, piece.seed)
        context.progress(start + COMPOSED, whole, Phase.PLAYING, preview(front))

        def after_bar(done: int, bars: int) -> None:
            context.check()
            context.progress(start + COMPOSED + (PLAYED - COMPOSED) * done // bars, whole, Phase.PLAYING)

        mixed = mix(score, self._loaded(), after_bar)
        context.progress(start + MASTERED, whole, Phase.SAVING)
        said, recipe = provenance_of(piece, brief, score, mixed), piece.written(CARD.version)
        seconds = mixed.sound.shape[1] / RATE
        mp3, wav = (context.scratch / f"music-{number + 1}.{ending}" for ending in ("mp3", "wav"))
        write_mp3(mixed.sound, mp3, piece.title, recipe, context.check)
        write_wav(mixed.sound, wav, piece.title, recipe)
        context.write(mp3, "audio/mpeg", duration=seconds, provenance={**said, "output": "mp3"})
        context.write(wav, "audio/wav", duration=seconds, provenance={**said, "output": "wav"})
        context.write(png(front), "image/png", width=COVER, height=COVER, provenance={**said, "output": "cover"})
        drawn = png(waveform(mixed.sound, brief, score, piece.seed))
        context.write(drawn, "image/png", width=WAVE[0], height=WAVE[1], provenance={**said, "output": "waveform"})
        context.progress(start + WHOLE, whole, Phase.SAVING)
