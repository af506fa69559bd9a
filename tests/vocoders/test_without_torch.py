"""Sound from log-Mels where torch cannot be imported."""

import subprocess
import sys


def test_front_end_and_vocoders_run_without_torch() -> None:
    code = """
import sys
sys.modules["torch"] = None  # importing it fails

import numpy as np
from scoresubnet import LogMel
from scoresubnet.audio.mel import MelSettings
from scoresubnet.vocoders import load_vocoder, resynthesise
from scoresubnet.vocoders.pitch import PitchLogits, PitchNetworkConfig, PitchReader
from scoresubnet.vocoders.pitch_vocoder import PitchVocoder

config = PitchNetworkConfig()

def read(x):
    bins = -np.square(np.arange(config.bins) - 50.0)
    return PitchLogits(np.tile(bins, (len(x), x.shape[3], 1)), np.ones((len(x), x.shape[3])))

few = {"iterations": 1, "low_iterations": 1}
pitch = PitchVocoder(PitchReader(read, config, "none"), MelSettings(), **few)
audio = np.sin(np.arange(16_000) / 9).astype(np.float32)
x = LogMel()(np.stack([audio, audio / 2]))
assert x.shape == (2, 1, 80, 64) and x.dtype == np.float32
for vocoder in (load_vocoder("griffin-lim"), pitch):
    made = vocoder(x)
    assert made.shape == (2, 16_000) and made.dtype == np.float32 and np.isfinite(made).all()
    assert 0.01 < np.abs(resynthesise(audio, vocoder)).max() <= 1
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
