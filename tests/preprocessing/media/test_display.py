"""Pictures as a player shows them: turned, mirrored, in their aspect ratio, cropped."""

import io
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import ExifTags, Image

from tests.orientations import (
    CODECS,
    DIHEDRAL,
    EVERY_ORIENTATION,
    ONE,
    difference,
    quadrants,
    write_video,
)
from unmask.preprocessing.media.colour import luma
from unmask.preprocessing.media.container_crop import NO_CROP
from unmask.preprocessing.media.display import UPRIGHT, Geometry, Orientation, orientation_of
from unmask.preprocessing.media.frames import iter_frames, iter_sampled_frames
from unmask.preprocessing.media.probe import probe
from unmask.preprocessing.media.seek import read_frames_at

# CIPA DC-008, table 6: which side of the shown picture the first row and column are
EXIF_ORIENTATIONS = {
    1: (0, False),
    2: (0, True),
    3: (180, False),
    4: (180, True),
    5: (90, True),
    6: (90, False),
    7: (270, True),
    8: (270, False),
}


@EVERY_ORIENTATION
@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm", "3gp"])
def test_every_orientation_is_shown_as_a_player_shows_it(
    tmp_path, suffix, orientation, shown, matrix
):
    codec = CODECS.get(suffix, "libx264")
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


@pytest.mark.parametrize("suffix", ["avi", "mov", "mkv"])
@pytest.mark.parametrize(("exif", "orientation"), EXIF_ORIENTATIONS.items())
def test_jpeg_pictures_are_turned_as_their_exif_says(tmp_path, suffix, exif, orientation):
    """So does FFmpeg's own player."""
    jpeg = io.BytesIO()
    facts = Image.Exif()
    facts[ExifTags.Base.Orientation] = exif
    Image.fromarray(quadrants()).save(jpeg, "JPEG", quality=95, exif=facts)
    path = write_jpegs(tmp_path / f"a.{suffix}", [jpeg.getvalue()] * 3)
    expected = DIHEDRAL[orientation][0](quadrants())
    info = probe(path)
    assert (info.rotation_deg, info.mirrored) == orientation
    assert (info.height, info.width) == expected.shape[:2]
    images = [image for _, image in iter_sampled_frames(path, 25.0)]
    assert len(images) == 3
    assert all(difference(image, expected) < 3 for image in images)


def write_jpegs(path, pictures):
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for number, content in enumerate(pictures):
            packet = av.Packet(content)
            packet.pts = packet.dts = number
            packet.time_base, packet.stream, packet.is_keyframe = Fraction(1, 25), stream, True
            out.mux(packet)
    return path


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
