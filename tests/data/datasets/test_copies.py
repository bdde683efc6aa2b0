import pytest

from tests.factories import make_clip
from unmask.data.datasets.copies import leave_out_copies
from unmask.data.datasets.ingest import scan_dataset
from unmask.errors import DataError

FILES = [f"{label}/{person}/1.mp4" for person in "abcdef" for label in ("real", "fake")]


def test_of_copies_in_a_set_one_is_kept_and_the_others_are_counted(make_folder, caplog):
    root = make_folder(*FILES, "real/a/2.mp4", "real/b/2.mp4")
    for file in ("real/a/2.mp4", "real/b/2.mp4"):
        (root / file).write_bytes((root / "real/a/1.mp4").read_bytes())
    clips = scan_dataset(root).clips
    assert {clip.path.relative_to(root).as_posix() for clip in clips} == set(FILES)
    assert f"{root}: left out 2 copies of files" in caplog.text


def test_copies_with_contradicting_labels_are_refused_with_both_names(make_folder):
    root = make_folder(*FILES)
    (root / "fake/c/1.mp4").write_bytes((root / "real/a/1.mp4").read_bytes())
    with pytest.raises(DataError) as caught:
        scan_dataset(root)
    assert str(root / "fake/c/1.mp4") in str(caught.value)
    assert str(root / "real/a/1.mp4") in str(caught.value)


@pytest.mark.parametrize(
    ("splits", "kept"),
    [("train test", 1), ("train val", 1), ("test val", 0), ("test sealed", 1), ("val val", 0)],
)
def test_a_clip_of_training_has_the_last_claim(splits, kept):
    other = make_clip(clip_id="other", sha256="1" * 64)
    clips = [make_clip(clip_id=split, split=split) for split in splits.split()]
    assert leave_out_copies([*clips, other], "sets") == (clips[kept], other)


def test_an_unknown_label_contradicts_none():
    whole = make_clip(fake_video=None, fake_audio=None, split="test")
    known = make_clip(clip_id="known", split="train", fake_video=True, fake_audio=False)
    assert leave_out_copies([known, whole, make_clip(sha256="1" * 64)], "sets")[0] == whole


def test_a_file_that_is_listed_twice_is_not_two_files(make_folder):
    table = "file,label\na.mp4,real\na.mp4,fake\n"
    folder = make_folder("a.mp4", **{"manifest.csv": table})
    with pytest.raises(
        DataError, match=r"a\.mp4 is listed twice with contradicting labels; remove"
    ):
        scan_dataset(folder)
