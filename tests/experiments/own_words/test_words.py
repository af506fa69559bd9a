"""Which recordings an experiment on own words learns from."""

from pathlib import Path

from scoresubnet.data.clips import Clip
from scoresubnet.experiments.own_words.words import choose_recordings


def test_recordings_are_of_as_many_speakers_as_there_are(tmp_path: Path) -> None:
    clips = []
    for speaker, takes in {"a": 4, "b": 1, "c": 3}.items():
        for take in range(takes):
            path = tmp_path / f"corpus/{speaker}_nohash_{take}.wav"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"")
            clips.append(Clip(path, "word", "training", "folder", speaker=speaker))
    for count, speakers in ((3, "abc"), (5, "aabcc"), (20, "aaaabccc")):
        folder = tmp_path / f"chosen{count}"
        choose_recordings(clips, count, 0, folder)
        assert "".join(sorted(path.name[0] for path in folder.glob("word/*"))) == speakers
    choose_recordings(clips, 2, 1, tmp_path / "one")
    choose_recordings(clips, 2, 1, tmp_path / "same")
    one, same = ({p.name for p in (tmp_path / f / "word").iterdir()} for f in ("one", "same"))
    assert one == same
