"""Clips made of pictures: the numbered pictures of a face become one lossless video.

FFV1 in Matroska, a key frame per picture and no sound. The number of a picture is that of its frame
in the original video, whose frame rate is unknown: a picture is shown at its number, counted from
the first, divided by a nominal rate. Numbers that are absent leave a gap.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from itertools import chain, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unmask.errors import MediaError
from unmask.files import atomic_write
from unmask.optional_deps import require
from unmask.preprocessing.media.container import open_container

PICTURE_SUFFIXES = frozenset((".png", ".jpg", ".jpeg"))
NOMINAL_FPS = 25
# Repeated edge pixels on each side, in sides of the picture. The face detector misses faces that
# fill a picture: in squares of 0.9 times their box it found 81 % of 80 faces of the demo set and
# 96 % of 114 faces of other footage, and with this border 100 % and 98 %. Black or mirrored borders
# moved the landmarks more, and wide mirrored ones held second faces.
BORDER = 0.25
LAYOUT = f"edge pixels {BORDER:g}, {NOMINAL_FPS} fps"  # a clip of another layout is replaced
HASH_TAG = "PICTURES_SHA256"
REPEATABLE = {"fflags": "+bitexact"}  # no random number in the header, so that hashes stay equal

Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class PictureFolder:
    """Pictures of one clip.

    Attributes:
        names: File names, in any order; each is the number of a frame with a suffix.
    """

    folder: Path
    names: tuple[str, ...]


def join_pictures(pictures: PictureFolder, clip: Path) -> None:
    """Write the clip of the pictures, atomically; keep the clip of an earlier run.

    A clip is kept if it was made of pictures of the same names and sizes in bytes.

    Raises:
        MediaError: A name is not a number or occurs twice, a picture is missing or does not decode,
            two pictures differ in size, or the clip cannot be written.
    """
    numbered = _numbered(pictures)
    key = _hash(pictures.folder, numbered)
    if clip.is_file() and _stated_hash(clip) == key:
        return
    try:
        with atomic_write(clip) as unfinished:
            _encode(pictures.folder, numbered, unfinished, key)
    except OSError as error:
        raise MediaError(
            f"{clip}: cannot be written ({error.strerror}); clips of pictures are made inside the "
            "folder of their data set, which needs the space and the permission"
        ) from error


def _numbered(pictures: PictureFolder) -> list[tuple[int, str]]:
    """Return the pictures with their numbers, in the order of the numbers."""
    if not pictures.names:
        raise MediaError(f"{pictures.folder}: holds no pictures; unpack the data set again")
    if unnumbered := [name for name in pictures.names if not Path(name).stem.isdecimal()]:
        raise MediaError(
            f"{pictures.folder}: {len(unnumbered)} of {len(pictures.names)} pictures are not named "
            f"by the number of a frame, such as {unnumbered[0]}; they are not frames of one video"
        )
    numbered = sorted((int(Path(name).stem), name) for name in pictures.names)
    for (number, name), (following, other) in pairwise(numbered):
        if number == following:
            raise MediaError(f"{pictures.folder}: {name} and {other} are both frame {number}")
    return numbered


def _hash(folder: Path, numbered: list[tuple[int, str]]) -> str:
    """Return a hash of the names and sizes of the pictures; a missing file has no size."""
    paths = [folder / name for _, name in numbered]
    sizes = [path.stat().st_size if path.is_file() else -1 for path in paths]
    rows = [f"{name} {size}" for (_, name), size in zip(numbered, sizes, strict=True)]
    return sha256("\n".join([LAYOUT, *rows]).encode()).hexdigest()


def _stated_hash(clip: Path) -> str | None:
    try:
        with open_container(clip) as container:
            value: str | None = container.metadata.get(HASH_TAG)
    except MediaError:  # the clip was damaged since
        return None
    return value


def _encode(folder: Path, numbered: list[tuple[int, str]], target: Path, key: str) -> None:
    av = require("av", extra="media")
    images = _iter_images(folder, numbered)
    first = next(images)
    with av.open(str(target), "w", format="matroska", options=REPEATABLE) as out:
        out.metadata[HASH_TAG] = key
        stream = out.add_stream("ffv1", rate=NOMINAL_FPS, options={"threads": "1", "g": "1"})
        stream.height, stream.width = first[1].shape[:2]
        stream.pix_fmt = "bgr0"
        for number, image in chain((first,), images):
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = number - numbered[0][0], Fraction(1, NOMINAL_FPS)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def _iter_images(folder: Path, numbered: list[tuple[int, str]]) -> Iterator[tuple[int, Image]]:
    """Yield the number and the pixels of each picture; at the first broken one, count them."""
    shape: tuple[int, ...] | None = None
    for place, (number, name) in enumerate(numbered):
        image = _read(folder / name)
        if image is None:
            broken = [other for _, other in numbered[place:] if _read(folder / other) is None]
            raise MediaError(
                f"{folder}: {len(broken)} of {len(numbered)} pictures are missing or broken, first "
                f"{name}; unpack the data set again"
            )
        shape = shape or image.shape
        if image.shape != shape:
            raise MediaError(
                f"{folder}: {name} has {image.shape[1]}x{image.shape[0]} pixels and the picture "
                f"before it {shape[1]}x{shape[0]}; the pictures of a clip have one size"
            )
        yield number, _bordered(image)


def _read(path: Path) -> Image | None:
    """Return the picture as BGR, shape ``(height, width, 3)``; ``None`` if it does not decode."""
    cv2 = require("cv2", extra="media")
    data = np.frombuffer(path.read_bytes() if path.is_file() else b"", np.uint8)
    image: Image | None = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    return image


def _bordered(image: Image) -> Image:
    border = round(BORDER * max(image.shape[:2]))
    return np.pad(image, ((border, border), (border, border), (0, 0)), mode="edge")
