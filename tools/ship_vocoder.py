"""Turn the vocoder of a finished run into the shipped one: its pitch network, the origin noted.

Filters are left out: see docs/vocoder.md for why.

folder=src/scoresubnet/pretrained/vocoders
python tools/ship_vocoder.py runs/vocoder $folder/pitch-16khz.safetensors
"""

from __future__ import annotations

import dataclasses
import sys

from scoresubnet.vocoders.network import Vocos
from scoresubnet.vocoders.vocos import VocoderFile, read_vocoder, save_vocoder

NOTES = {
    "data": (
        "training splits of Google Speech Commands (Warden 2018, CC BY 4.0; 18 words, the clips "
        "at hand) and of the Free Spoken Digit Dataset (Zenodo, CC BY-SA 4.0)"
    ),
    "licence": "MIT; the recordings behind it: CC BY 4.0 and CC BY-SA 4.0",
    "recipe": "pitch network of a run of vocos-16khz-vocoder; see docs/vocoder.md",
}


def main(run: str, path: str) -> None:
    trained = read_vocoder(run).network
    network = Vocos(dataclasses.replace(trained.config, blocks=0), trained.mel)
    network.pitch.load_state_dict(trained.pitch.state_dict())
    save_vocoder(VocoderFile(network, NOTES), path)


if __name__ == "__main__":
    main(*sys.argv[1:])
