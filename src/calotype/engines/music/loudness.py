"""Loudness after ITU-R BS.1770-4 and true peaks: what a listener hears, and what a converter would clip at."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from calotype.engines.music.sampler import RATE, Sound
from calotype.engines.music.spectral import filtered

SILENCE = -70.0
"""The absolute gate, in LUFS: what is quieter is not counted."""
RELATIVE_GATE = -10.0
HOP = RATE // 10
OVERSAMPLED = 4
PEAK_BLOCK, PEAK_MARGIN = 1 << 15, 64


def loudness(signal: Sound) -> float:
    """Return the integrated loudness in LUFS of one channel or of two; -70 for silence."""
    channels = signal if signal.ndim == 2 else signal[None]
    power = sum(_powers(filtered(channel, _weighting)) for channel in channels)
    assert not isinstance(power, int), "there is a channel"
    if len(power) == 0:
        return SILENCE
    with np.errstate(divide="ignore"):
        levels = -0.691 + 10 * np.log10(power)
    heard = power[levels > SILENCE]
    if len(heard) == 0:
        return SILENCE
    gate = -0.691 + 10 * math.log10(float(heard.mean())) + RELATIVE_GATE
    return -0.691 + 10 * math.log10(float(power[levels > max(gate, SILENCE)].mean()))


def true_peak(signal: Sound) -> float:
    """Return the highest level between the samples too, in dBFS; -120 for silence."""
    highest = 1e-6
    for channel in signal if signal.ndim == 2 else signal[None]:
        for start in range(0, len(channel), PEAK_BLOCK):
            piece = channel[max(0, start - PEAK_MARGIN) : start + PEAK_BLOCK + PEAK_MARGIN]
            if 1.6 * float(np.abs(piece).max(initial=0)) > highest:
                highest = max(highest, _between(piece))
    return 20 * math.log10(highest)


def _between(piece: Sound) -> float:
    size = 1 << (len(piece) - 1).bit_length()
    wide = np.zeros(size * OVERSAMPLED // 2 + 1, np.complex64)
    wide[: size // 2 + 1] = np.fft.rfft(piece, size)
    fine = np.fft.irfft(wide, size * OVERSAMPLED)[: len(piece) * OVERSAMPLED] * OVERSAMPLED
    return float(np.abs(fine).max())


def _powers(weighted: Sound) -> NDArray[np.float64]:
    """Return the mean square of each 400 ms, a new one every 100 ms."""
    hops = len(weighted) // HOP
    squares = np.square(weighted[: hops * HOP], dtype=np.float64).reshape(hops, HOP).sum(1)
    if hops < 4:
        return np.array([squares.sum() / max(1, hops * HOP)]) if hops else np.zeros(0)
    sums = np.convolve(squares, np.ones(4), "valid")
    return np.asarray(sums / (4 * HOP))


def _weighting(hertz: NDArray[np.float32]) -> NDArray[np.complex64]:
    """Return the K weighting: a shelf for the head's shadow and a high-pass, for our rate."""
    z = np.exp(-2j * np.pi * hertz.astype(np.float64) / RATE)
    k, q, gain = math.tan(math.pi * 1681.974450955533 / RATE), 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    middle = gain**0.4996667741545416
    shelf = (gain + middle * k / q + k * k) + 2 * (k * k - gain) * z + (gain - middle * k / q + k * k) * z**2
    shelf /= (1 + k / q + k * k) + 2 * (k * k - 1) * z + (1 - k / q + k * k) * z**2
    k, q = math.tan(math.pi * 38.13547087602444 / RATE), 0.5003270373238773
    a0 = 1 + k / q + k * k
    high = (1 - 2 * z + z**2) / (1 + 2 * (k * k - 1) / a0 * z + (1 - k / q + k * k) / a0 * z**2)
    weights: NDArray[np.complex64] = (shelf * high).astype(np.complex64)
    return weights
