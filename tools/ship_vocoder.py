"""Turn the vocoder of a finished run into the shipped one, its origin noted.

folder=src/scoresubnet/pretrained/vocoders
python tools/ship_vocoder.py runs/vocoder $folder/pitch-16khz.safetensors
"""

from __future__ import annotations

import sys

from scoresubnet.vocoders.file import read_vocoder, save_vocoder

NOTES = {
    "data": (
        "training splits of Google Speech Commands (Warden 2018, CC BY 4.0; 18 words, the clips "
        "at hand) and of the Free Spoken Digit Dataset (Zenodo, CC BY-SA 4.0)"
    ),
    "licence": "MIT; the recordings behind it: CC BY 4.0 and CC BY-SA 4.0",
    "recipe": "pitch-16khz-vocoder; see docs/vocoder.md",
}


def main(run: str, path: str) -> None:
    vocoder = read_vocoder(run)
    vocoder.notes = NOTES
    save_vocoder(vocoder, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
