"""What is wrong with a few recordings, told before anything is learned from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from scoresubnet.data.recordings import Recording
from scoresubnet.files import escaped

FEWEST = 5
_LONG = 1.05  # seconds


def checked(recordings: Sequence[Recording]) -> tuple[list[Recording], list[str]]:
    """The recordings, each once, and what should be known of them.

    Raises:
        ValueError: two words have a recording in common, or a word has too few.
    """
    first: dict[bytes, Recording] = {}
    repeats = 0
    for recording in recordings:
        before = first.setdefault(recording.audio.tobytes(), recording)
        if before.word != recording.word:
            raise ValueError(
                f"{before.path} and {recording.path} are the same sound; are {before.word!r} and "
                f"{recording.word!r} one word? Put them into one folder, or delete one of them"
            )
        repeats += before is not recording
    found = list(first.values())
    counts = Counter(recording.word for recording in found)
    for word, count in counts.items():
        if count < FEWEST:
            raise ValueError(
                f"there are {count} different recordings of {word!r}; record {FEWEST} or more, "
                "of several speakers if you can"
            )
    told = []
    if repeats:
        told.append(f"{repeats} of the recordings repeat others, and count once")
    if long := [recording for recording in found if recording.seconds > _LONG]:
        told.append(
            f"{len(long)} of {len(found)} recordings are longer than a second: the second of most "
            f"energy is the word, in {escaped(long[0].path.name)} for instance"
        )
    speakers = {recording.speaker for recording in found}
    if len(speakers) == 1 and None not in speakers:
        told.append(
            "all recordings are of one speaker: the clips will sound like that one, and what is "
            "trained with them may not know the words from others"
        )
    return found, told
