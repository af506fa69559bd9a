"""SCOREQ on a seeded model of the published form: frames, normalised mean, a linear layer."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from scoresubnet.evaluation.judges.scoreq import HOP, SCOREQ

FRAME, WIDTH = 400, 6
RANDOM = np.random.default_rng(0)
KERNEL = RANDOM.standard_normal((WIDTH, 1, FRAME)).astype(np.float32)
WEIGHT = RANDOM.standard_normal((WIDTH, 1)).astype(np.float32)
BIAS = np.array([2.5], dtype=np.float32)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    constants = {"axis": np.array([1]), "kernel": KERNEL, "weight": WEIGHT, "bias": BIAS}
    steps = [
        helper.make_node("Unsqueeze", ["audio", "axis"], ["one"]),
        helper.make_node("Conv", ["one", "kernel"], ["frames"], strides=[HOP]),
        helper.make_node("ReduceMean", ["frames"], ["mean"], axes=[2], keepdims=0),
        helper.make_node("LpNormalization", ["mean"], ["unit"], axis=1),
        helper.make_node("Gemm", ["unit", "weight", "bias"], ["score"]),
    ]
    graph = helper.make_graph(
        steps,
        "scoreq",
        [helper.make_tensor_value_info("audio", TensorProto.FLOAT, [1, "samples"])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, [1, 1])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path = tmp_path / "scoreq.onnx"
    onnx.save(model, path)
    return path


def expected(audio: np.ndarray) -> float:
    """By hand; zeros follow up to a whole number of hops."""
    filled = np.concatenate([audio, np.zeros(-len(audio) % HOP)])
    starts = range(0, len(filled) - FRAME + 1, HOP)
    frames = np.stack([filled[k : k + FRAME] for k in starts])
    mean = (frames @ KERNEL[:, 0].T.astype(np.float64)).mean(0)
    return float(mean / np.linalg.norm(mean) @ WEIGHT[:, 0] + BIAS[0])


@pytest.mark.parametrize("samples", [16_000, 15_999, 8_001])
def test_the_score_is_that_of_the_published_form(samples: int, file: Path) -> None:
    audio = 0.1 * np.random.default_rng(samples).standard_normal(samples)
    judge = SCOREQ(file, threads=1)
    assert judge(audio)["scoreq"] == pytest.approx(expected(audio), rel=1e-4)
    assert judge.scores == ("scoreq",)
    assert len(str(judge.settings["weights_sha256"])) == 64


def test_a_file_that_is_none_or_another_is_named(file: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="zenodo"):
        SCOREQ(tmp_path / "nothing.onnx")
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(file.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"broken\.onnx: no ONNX file"):
        SCOREQ(broken)
    other = onnx.load(file)
    other.graph.output.append(
        helper.make_tensor_value_info("frames", TensorProto.FLOAT, [1, WIDTH, "frames"])
    )
    onnx.save(other, tmp_path / "other.onnx")
    with pytest.raises(ValueError, match=r"other\.onnx: takes .* gives 2 results"):
        SCOREQ(tmp_path / "other.onnx")
