"""Long signals through filters and rooms, block by block in the frequency domain, so that memory stays small."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from calotype.engines.music.sampler import RATE, Sound

Response = Callable[[NDArray[np.float32]], NDArray[np.complex64] | NDArray[np.float32]]
"""Hertz to gain."""

BLOCK = 1 << 17
MARGIN = 1 << 13
"""How far, in samples, a filter's ringing may reach on each side: 186 ms."""
FIRST_ECHO = 0.014
BANDS = ((0, 400, 1.0), (400, 2500, 0.85), (2500, 9000, 0.5))
"""Of the reverb: from and to which hertz, and how long it rings compared with the lowest."""


def filtered(signal: Sound, response: Response) -> Sound:
    """Return a signal of one channel with each frequency changed as `response` says."""
    size = BLOCK + 2 * MARGIN
    gain = response(np.fft.rfftfreq(size, 1 / RATE).astype(np.float32))
    out = np.empty_like(signal)
    for start in range(0, len(signal), BLOCK):
        piece = np.zeros(size, np.float32)
        first, last = max(0, start - MARGIN), min(len(signal), start + BLOCK + MARGIN)
        piece[first - start + MARGIN : last - start + MARGIN] = signal[first:last]
        done = np.fft.irfft(np.fft.rfft(piece) * gain, size)
        out[start : start + BLOCK] = done[MARGIN : MARGIN + min(BLOCK, len(signal) - start)]
    return out


def low_pass(cutoff: float) -> Response:
    """Return the response of a gentle low-pass of second order, without its phase."""
    return lambda hertz: (1 / np.sqrt(1 + (hertz / np.float32(cutoff)) ** 4)).astype(np.float32)


def high_pass(cutoff: float) -> Response:
    """Return the response of a gentle high-pass of second order, without its phase."""
    return lambda hertz: (1 / np.sqrt(1 + (np.float32(cutoff) / np.maximum(hertz, 1e-3)) ** 4)).astype(np.float32)


def room(seconds: float) -> Sound:
    """Return how a room answers a click, left and right: noise that dies away, its highs sooner."""
    dice = np.random.default_rng(1841)
    frames = int(seconds * RATE)
    time = np.arange(frames, dtype=np.float32) / RATE
    hertz = np.fft.rfftfreq(frames, 1 / RATE)
    answer = np.zeros((2, frames), np.float32)
    for low, high, share in BANDS:
        mask = (hertz >= low) & (hertz < high)
        for side in range(2):
            noise = np.fft.irfft(np.fft.rfft(dice.standard_normal(frames)) * mask, frames)
            answer[side] += noise * np.exp(-6.9 * time / (seconds * share))
    answer *= np.minimum(1, time / 0.02)
    answer /= np.sqrt((answer**2).sum(1, keepdims=True))
    late = int(FIRST_ECHO * RATE)
    return np.concatenate([np.zeros((2, late), np.float32), answer.astype(np.float32)], 1)


def add_room(mix: Sound, send: Sound, answer: Sound) -> None:
    """Add to a stereo mix what a room makes of the send."""
    size = 1 << (BLOCK + answer.shape[1]).bit_length()
    step = size - answer.shape[1]
    spectra = np.fft.rfft(answer, size)
    for start in range(0, len(send), step):
        heard = np.fft.rfft(send[start : start + step], size)
        for side in range(2):
            wet = np.fft.irfft(heard * spectra[side], size)
            end = min(mix.shape[1], start + size)
            mix[side, start:end] += wet[: end - start].astype(np.float32)
