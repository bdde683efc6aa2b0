from pathlib import Path

import numpy as np
import pytest

from unmask.config import PreprocessingSettings
from unmask.errors import MediaError
from unmask.files import file_sha256
from unmask.preprocessing.media.picture_clips import PictureFolder, join_pictures
from unmask.preprocessing.media.probe import probe
from unmask.preprocessing.prepare import prepare_clip

av = pytest.importorskip("av")
cv2 = pytest.importorskip("cv2")

BORDER_PX = 4  # a quarter of 16


@pytest.fixture
def write_pictures(tmp_path):
    """Write a random RGB picture per name and return the folder with the pictures by name."""

    def write(*names, shape=(16, 16, 3)):
        folder = tmp_path / "131"
        folder.mkdir(exist_ok=True)
        rng = np.random.default_rng(len(names))
        images = {name: rng.integers(0, 256, shape, np.uint8) for name in names}
        for name, image in images.items():
            assert cv2.imwrite(str(folder / name), image[..., ::-1])
        return PictureFolder(folder, names), images

    return write


@pytest.fixture
def clip(tmp_path):
    return tmp_path / "unmask_clips" / "131.mkv"


def test_the_clip_has_each_picture_unchanged_at_the_time_of_its_number(write_pictures, clip):
    pictures, images = write_pictures("1000.png", "830.png", "831.png", "0833.png")
    join_pictures(pictures, clip)
    with av.open(str(clip)) as container:
        frames = [(f.time, f.to_ndarray(format="rgb24")) for f in container.decode(video=0)]
    order = ["830.png", "831.png", "0833.png", "1000.png"]
    assert [time for time, _ in frames] == pytest.approx([0.0, 1 / 25, 3 / 25, 170 / 25])
    for name, (_, frame) in zip(order, frames, strict=True):
        inner = frame[BORDER_PX:-BORDER_PX, BORDER_PX:-BORDER_PX]
        np.testing.assert_array_equal(inner, images[name])
        np.testing.assert_array_equal(frame[:BORDER_PX, BORDER_PX], images[name][[0] * 4, 0])
    info = probe(clip)
    assert (info.duration_s, info.fps, info.width, info.height) == (171 / 25, 25.0, 24, 24)
    assert not info.has_audio


def test_every_picture_is_a_key_frame(write_pictures, clip):
    pictures, _ = write_pictures(*[f"{number}.png" for number in range(30)])
    join_pictures(pictures, clip)
    with av.open(str(clip)) as container:
        assert [p.is_keyframe for p in container.demux(video=0) if p.size] == [True] * 30


def test_a_clip_is_kept_until_its_pictures_change(write_pictures, clip):
    pictures, _ = write_pictures("1.png", "2.png")
    join_pictures(pictures, clip)
    first, inode = file_sha256(clip), clip.stat().st_ino
    join_pictures(pictures, clip)
    assert clip.stat().st_ino == inode
    clip.write_bytes(clip.read_bytes()[:20])
    join_pictures(pictures, clip)
    assert file_sha256(clip) == first
    more, _ = write_pictures("1.png", "2.png", "3.png")
    join_pictures(more, clip)
    assert probe(clip).duration_s == pytest.approx(3 / 25)


def test_pictures_that_do_not_decode_are_counted_and_leave_no_clip(write_pictures, clip):
    pictures, _ = write_pictures("1.png", "2.png", "3.png", "4.png", "5.png")
    broken = pictures.folder / "2.png"
    broken.write_bytes(broken.read_bytes()[:-20])
    (pictures.folder / "4.png").write_bytes(b"")
    (pictures.folder / "5.png").unlink()
    with pytest.raises(MediaError, match=r"131: 3 of 5 pictures are missing or broken, first 2"):
        join_pictures(pictures, clip)
    assert not list(clip.parent.iterdir())


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "holds no pictures"),
        (("1.png", "seed0188.png"), r"1 of 2 pictures are not named.*seed0188.png"),
        (("1.png", "01.png"), "are both frame 1"),
    ],
)
def test_names_that_are_no_numbers_of_frames_are_refused(write_pictures, clip, names, message):
    with pytest.raises(MediaError, match=message):
        join_pictures(write_pictures(*names)[0] if names else PictureFolder(Path("x"), ()), clip)


def test_pictures_of_several_sizes_are_refused(write_pictures, clip):
    write_pictures("1.png")
    pictures, _ = write_pictures("2.png", shape=(16, 20, 3))
    with pytest.raises(
        MediaError, match=r"2\.png has 20x16 pixels and the picture before it 16x16"
    ):
        join_pictures(PictureFolder(pictures.folder, ("1.png", "2.png")), clip)


def test_a_folder_that_cannot_be_written_is_named(write_pictures, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MediaError, match=r"file/1.mkv: cannot be written"):
        join_pictures(write_pictures("1.png")[0], tmp_path / "file" / "1.mkv")


# in sides of the face's box; without a border around the picture, 0.7 is not found
@pytest.mark.parametrize("side", [0.7, 1.3])
def test_a_face_that_fills_the_pictures_is_found(write_pictures, clip, astronaut, landmarker, side):
    box = landmarker.detect(astronaut)[0].box_px
    size = side * float((box[2:] - box[:2]).max())
    face = cv2.getRectSubPix(astronaut, (round(size),) * 2, ((box[:2] + box[2:]) / 2).tolist())
    face = cv2.resize(face, (224, 224), interpolation=cv2.INTER_CUBIC)
    pictures, _ = write_pictures("10.png", "20.png")
    for name in pictures.names:
        cv2.imwrite(str(pictures.folder / name), face[..., ::-1])
    join_pictures(pictures, clip)
    people = prepare_clip(clip, PreprocessingSettings()).people
    assert [len(person.track.time_s) for person in people] == [2]
