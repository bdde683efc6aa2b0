"""Pictures as a player shows them: turned, mirrored, in their aspect ratio, cropped."""

from fractions import Fraction

import av
import numpy as np
import pytest

from unmask.config.codec_conditions import parse_condition
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.media.colour import luma
from unmask.preprocessing.media.container_crop import NO_CROP
from unmask.preprocessing.media.display import UPRIGHT, Geometry, Orientation, orientation_of
from unmask.preprocessing.media.frames import iter_frames, iter_sampled_frames
from unmask.preprocessing.media.probe import probe
from unmask.preprocessing.media.seek import read_frames_at
from unmask.preprocessing.transcode import transcode

ONE = 1 << 16
# stored image → shown image, as the eight orientations of EXIF, and the matrix that does it
DIHEDRAL = {
    (0, False): (lambda image: image, (ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30)),
    (90, False): (lambda image: np.rot90(image, -1), (0, ONE, 0, -ONE, 0, 0, 0, 0, 1 << 30)),
    (180, False): (lambda image: np.rot90(image, 2), (-ONE, 0, 0, 0, -ONE, 0, 0, 0, 1 << 30)),
    (270, False): (np.rot90, (0, -ONE, 0, ONE, 0, 0, 0, 0, 1 << 30)),
    (0, True): (lambda image: image[:, ::-1], (-ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30)),
    (180, True): (lambda image: image[::-1], (ONE, 0, 0, 0, -ONE, 0, 0, 0, 1 << 30)),
    (90, True): (lambda image: image.swapaxes(0, 1), (0, ONE, 0, ONE, 0, 0, 0, 0, 1 << 30)),
    (270, True): (
        lambda image: image[::-1, ::-1].swapaxes(0, 1),
        (0, -ONE, 0, -ONE, 0, 0, 0, 0, 1 << 30),
    ),
}
EVERY_ORIENTATION = pytest.mark.parametrize(
    ("orientation", "shown", "matrix"),
    [(key, *value) for key, value in DIHEDRAL.items()],
    ids=[f"{degrees}{'-mirrored' * mirrored}" for degrees, mirrored in DIHEDRAL],
)


def quadrants(width=64, height=48):
    """Four levels of grey; every orientation of the image differs from the others."""
    image = np.zeros((height, width, 3), np.uint8)
    for row, column, level in ((0, 0, 40), (0, 1, 100), (1, 0, 160), (1, 1, 220)):
        rows = slice(row * height // 2, (row + 1) * height // 2)
        columns = slice(column * width // 2, (column + 1) * width // 2)
        image[rows, columns] = level
    return image


def write_video(path, images, matrix=None, sample_aspect=None, codec="libx264", first=0):
    with av.open(str(path), "w") as out:
        options = {"crf": "5", "b:v": "0"} if codec == "libvpx-vp9" else {"crf": "5"}
        stream = out.add_stream(codec, rate=25, options=options)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        if matrix is not None:
            stream.set_display_matrix(matrix)
        if sample_aspect is not None:
            stream.codec_context.sample_aspect_ratio = sample_aspect
        for index, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            frame.pts, frame.time_base = first + index, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def difference(first, second):
    assert first.shape == second.shape
    return np.abs(first.astype(int) - second).mean()


@EVERY_ORIENTATION
@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm", "3gp"])
def test_every_orientation_is_shown_as_a_player_shows_it(
    tmp_path, suffix, orientation, shown, matrix
):
    codec = "libvpx-vp9" if suffix == "webm" else "libx264"
    stored = quadrants()
    path = write_video(tmp_path / f"a.{suffix}", [stored] * 3, matrix, codec=codec)
    expected = shown(stored)
    info = probe(path)
    assert (info.rotation_deg, info.mirrored, info.tilt_deg) == (*orientation, 0.0)
    assert (info.height, info.width) == expected.shape[:2]
    for _, image in iter_sampled_frames(path, 25.0):
        assert difference(image, expected) < 3
    for _, frame in iter_frames(path):
        assert difference(luma(frame), 16 + expected[..., 0] * (219 / 255)) < 3
    ((_, image),) = read_frames_at(path, [0.04])
    assert difference(image, expected) < 3


@EVERY_ORIENTATION
def test_transcoded_video_is_stored_as_shown(tmp_path, orientation, shown, matrix):
    stored = quadrants()
    path = write_video(tmp_path / "a.mp4", [stored] * 3, matrix)
    transcoded = transcode(path, parse_condition("h264:15"), Cache(tmp_path / "cache"))
    info = probe(transcoded.path)
    assert (info.rotation_deg, info.mirrored) == (0, False), orientation
    _, image = next(iter_sampled_frames(transcoded.path, 25.0))
    assert difference(image, shown(stored)) < 4
    assert transcoded.psnr_db > 30


def test_angles_between_quarter_turns_are_rounded_and_reported():
    for degrees in range(-180, 181, 7):
        for mirror in (1, -1):
            turn = np.radians(degrees)
            a, b = mirror * np.cos(turn), np.sin(turn)  # where the right of the stored image goes
            c, d = -mirror * np.sin(turn), np.cos(turn)
            matrix = np.array([a, b, 0, c, d, 0, 0, 0, 1]) * ONE
            orientation = orientation_of(matrix.astype(np.int32))
            total = orientation.rotation_deg + orientation.tilt_deg
            assert (total - degrees + 180) % 360 - 180 == pytest.approx(0, abs=0.06)
            assert abs(orientation.tilt_deg) <= 45
            assert orientation.mirrored == (mirror < 0)


def test_matrix_that_flattens_the_picture_is_ignored():
    assert orientation_of(np.zeros(9, np.int32)) == UPRIGHT
    assert orientation_of(np.array([1, 1, 0, 1, 1, 0, 0, 0, 1], np.int32)) == UPRIGHT


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "ts"])
@pytest.mark.parametrize(
    ("sample_aspect", "size"),
    [
        (Fraction(4, 3), (128, 72)),  # HDV
        (Fraction(16, 15), (102, 72)),  # DV and DVD, 4:3
        (Fraction(8, 9), (96, 81)),
        (Fraction(1), (96, 72)),
    ],
)
def test_picture_has_the_aspect_ratio_that_the_file_states(tmp_path, suffix, sample_aspect, size):
    stored = quadrants(96, 72)
    path = write_video(tmp_path / f"a.{suffix}", [stored] * 25, None, sample_aspect)
    info = probe(path)
    assert (info.width, info.height) == pytest.approx(size, abs=1)
    _, image = next(iter_sampled_frames(path, 25.0))
    assert difference(image, quadrants(info.width, info.height)) < 5
    _, frame = next(iter_frames(path))
    assert luma(frame).shape == image.shape[:2]


def test_picture_of_a_dvd_has_the_aspect_ratio_of_a_television(tmp_path):
    stored = [quadrants(720, 576)] * 25
    path = write_video(tmp_path / "a.mpg", stored, None, Fraction(64, 45), "mpeg2video")
    assert (probe(path).width, probe(path).height) == (1024, 576)


def test_aspect_ratio_belongs_to_the_stored_picture(tmp_path):
    _, matrix = DIHEDRAL[(90, True)]
    path = write_video(tmp_path / "a.mp4", [quadrants()] * 3, matrix, Fraction(2))
    info = probe(path)
    assert (info.width, info.height) == (48, 128)
    _, image = next(iter_sampled_frames(path, 25.0))
    assert difference(image, quadrants(128, 48).swapaxes(0, 1)) < 5


def test_implausible_aspect_ratio_is_ignored(tmp_path):
    path = write_video(tmp_path / "a.mp4", [quadrants()] * 3, None, Fraction(40, 1))
    assert (probe(path).width, probe(path).height) == (64, 48)


def clap(width, height, right, down):
    values = np.array([width, 1, height, 1, right, 1, down, 1], ">i4")
    return b"\0\0\0\x28clap" + values.tobytes()


def insert_into_sample_entry(path, box):
    """Add a box to the first sample entry of an MP4 whose header stands behind its data."""
    data = bytearray(path.read_bytes())
    entry = data.index(b"avc1", data.index(b"stsd")) - 4
    stop = entry + int.from_bytes(data[entry : entry + 4], "big")
    data[stop:stop] = box
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        start = data.index(kind, data.index(b"moov")) - 4
        size = int.from_bytes(data[start : start + 4], "big") + len(box)
        data[start : start + 4] = size.to_bytes(4, "big")
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("suffix", ["mp4", "mov"])
def test_clean_aperture_is_cut_out(tmp_path, suffix):
    path = write_video(tmp_path / f"a.{suffix}", [quadrants()] * 3)
    # 40 by 24 pixels around a centre 8 to the right of the middle and 4 above it
    insert_into_sample_entry(path, clap(40, 24, 8, -4))
    assert (probe(path).width, probe(path).height) == (40, 24)
    _, image = next(iter_sampled_frames(path, 25.0))
    assert difference(image, quadrants()[8:32, 20:60]) < 3
    _, frame = next(iter_frames(path))
    assert luma(frame).shape == (24, 40)


@pytest.mark.parametrize(
    "box", [clap(0, 0, 0, 0), clap(100, 48, 0, 0), clap(64, 48, 9, 0), clap(40, 24, 8, -4)[:20]]
)
def test_clean_aperture_outside_the_picture_is_ignored(tmp_path, box):
    path = write_video(tmp_path / "a.mp4", [quadrants()] * 3)
    insert_into_sample_entry(path, box)
    assert (probe(path).width, probe(path).height) == (64, 48)


def test_pixel_crop_of_matroska_is_cut_out(tmp_path):
    path = write_video(tmp_path / "a.mkv", [quadrants()] * 3)
    data = path.read_bytes()
    display_unit = b"\x54\xb2\x81\x04"
    assert display_unit in data
    path.write_bytes(data.replace(display_unit, b"\x54\xbb\x81\x0c"))  # 12 rows at the top
    assert (probe(path).width, probe(path).height) == (64, 36)
    _, image = next(iter_sampled_frames(path, 25.0))
    assert difference(image, quadrants()[12:]) < 3


def test_header_that_rounds_the_shown_size_does_not_scale_the_picture(tmp_path):
    images = [quadrants(256, 192)] * 3
    path = write_video(tmp_path / "a.mp4", images, None, Fraction(257, 256))
    assert (probe(path).width, probe(path).height) == (256, 192)
    assert all(frame.is_stored_upright for _, frame in iter_frames(path))


def test_frames_of_another_size_are_scaled_to_fit(tmp_path):
    """A recorded call changes its resolution, and then its shape as the phone is turned."""
    parts = [quadrants(), quadrants(128, 96), quadrants(48, 64)]
    path = tmp_path / "a.ts"
    path.write_bytes(
        b"".join(
            write_video(tmp_path / f"{n}.ts", [part] * 25, first=25 * n).read_bytes()
            for n, part in enumerate(parts)
        )
    )
    images = [image for _, image in iter_sampled_frames(path, 1000.0)]
    assert {image.shape for image in images} == {(48, 64, 3)}
    narrow = np.zeros((48, 64, 3), np.uint8)
    narrow[:, 14:50] = quadrants(36, 48)
    for expected in (quadrants(), narrow):
        assert min(difference(image, expected) for image in images) < 6
    assert all(min(difference(i, quadrants()), difference(i, narrow)) < 6 for i in images)


def test_mirror_follows_the_rotation():
    geometry = Geometry(NO_CROP, (64, 48), (64, 48), Orientation(90, True))
    assert geometry.size == (48, 64)
    assert np.array_equal(geometry.apply(quadrants()), np.rot90(quadrants(), -1)[:, ::-1])
