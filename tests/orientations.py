"""Films whose pictures are stored turned or mirrored, each in one of eight orientations."""

from fractions import Fraction

import numpy as np
import pytest

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
CODECS = {"webm": "libvpx-vp9"}  # of containers that do not hold H.264
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


def stored_as(shown, orientation):
    """The image that is stored where a player shows another one after turning it."""
    turn = DIHEDRAL[orientation][0]
    stored = (undo(shown) for undo, _ in DIHEDRAL.values())
    return next(image for image in stored if np.array_equal(turn(image), shown))


def write_video(path, images, matrix=None, sample_aspect=None, codec="libx264", first=0):
    """Write the images as they are, and the matrix with which a player shows them."""
    import av

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
