"""How near two phrases are in meaning: the cosine of the means of their word pieces' vectors."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

Vectors = NDArray[np.float32]


class WordVectors:
    """Phrases as unit vectors, without a network: `pieces.npz` holds one vector a word piece."""

    def __init__(self, pieces: Path, tokenizer: Path) -> None:
        with np.load(pieces) as packed:
            self._pieces: Vectors = packed["pieces"].astype(np.float32) / 127
        self._tokenizer = Tokenizer.from_str(gzip.decompress(tokenizer.read_bytes()).decode())

    def of(self, phrases: Sequence[str]) -> Vectors:
        """Return one unit vector a phrase; a phrase of nothing known is the zero vector."""
        encoded = self._tokenizer.encode_batch(list(phrases), add_special_tokens=False)
        means = np.zeros((len(encoded), self._pieces.shape[1]), np.float32)
        for row, phrase in enumerate(encoded):
            if phrase.ids:
                means[row] = self._pieces[phrase.ids].mean(0)
        lengths = np.linalg.norm(means, axis=1, keepdims=True)
        return (means / np.where(lengths > 0, lengths, 1)).astype(np.float32)

    def is_whole(self, word: str) -> bool:
        """Whether a word is one piece: common enough to have a meaning of its own here."""
        return len(self._tokenizer.encode(word, add_special_tokens=False).ids) == 1
