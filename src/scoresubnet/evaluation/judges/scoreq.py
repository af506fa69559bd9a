"""SCOREQ, the opinion score of the paper's table (Ragano, Skoglund & Hines, NeurIPS 2024)."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike

from scoresubnet.evaluation.judges.waveforms import as_clip
from scoresubnet.files import file_hash
from scoresubnet.graphs.sessions import session_options
from scoresubnet.process.missing import install

SCOREQ_URL = "https://zenodo.org/records/15739280"
HOP = 320
"""Samples between two frames of wav2vec 2.0; a clip is filled up with zeros to a multiple of it."""


class SCOREQ:
    """SCOREQ without a reference, from a published ONNX file: one opinion score, 1 to 5.

    wav2vec 2.0 base (Baevski et al. 2020), its frames averaged and normalised, and one linear
    layer. `adapt_nr_synthetic.onnx` is for synthetic speech, `adapt_nr_telephone.onnx` for recorded
    speech; both take audio (1, N) at 16 kHz and give (1, 1).

    Args:
        path: the file.
        threads: of the network; as many as torch uses if None.

    Raises:
        ImportError: onnxruntime is not installed.
        OSError: there is no such file.
        ValueError: it is no ONNX file, or of another form.
    """

    scores: tuple[str, ...] = ("scoreq",)

    def __init__(self, path: str | os.PathLike[str], threads: int | None = None) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise ImportError(
                f"SCOREQ needs onnxruntime ({error}): {install('evaluate')}"
            ) from None
        if not Path(path).is_file():
            raise FileNotFoundError(f"{path}: there is no such file; SCOREQ's is at {SCOREQ_URL}")
        content = Path(path).read_bytes()
        options = session_options(threads or torch.get_num_threads())
        try:
            self._session = onnxruntime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
        except (
            Exception
        ) as error:  # onnxruntime has a class for each fault, none of them ValueError
            raise ValueError(f"{path}: no ONNX file that can be read ({error})") from error
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1 or len(inputs[0].shape) != 2:
            raise ValueError(
                f"{path}: takes {[tuple(i.shape) for i in inputs]} and gives {len(outputs)} "
                f"results, where SCOREQ takes (1, samples) and gives one; get it at {SCOREQ_URL}"
            )
        self._input = inputs[0].name
        self._hash = file_hash(path)

    @property
    def settings(self) -> dict[str, object]:
        """All that a score depends on besides the clip, ready for JSON."""
        return {"weights_sha256": self._hash, "onnxruntime": version("onnxruntime")}

    def __call__(self, audio: ArrayLike) -> dict[str, float]:
        """The score of a clip (N,) at 16 kHz.

        Raises:
            ValueError: audio is not (N,), empty or not finite, or the file gives no single number.
        """
        samples = as_clip(audio)
        filled = np.pad(samples, (0, -len(samples) % HOP)).astype(np.float32)
        (score,) = self._session.run(None, {self._input: filled[None]})
        if np.size(score) != 1:
            raise ValueError(f"SCOREQ gives one number a clip; this file gives {np.shape(score)}")
        return {"scoreq": float(np.ravel(score)[0])}
