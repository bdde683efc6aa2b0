"""Print the share of faces that are found, by height, roll and number of people, as Markdown.

Two portraits from installed packages are pasted into pictures of 1280 × 720 pixels, 12 of each
kind. A face counts as found if its landmarks are on average within a tenth of the face's height
of the right place, and as wrong if a face is reported whose landmarks are not.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import matplotlib.cbook
import numpy as np
from numpy.typing import NDArray
from skimage.data import astronaut

from unmask.config import FaceSettings
from unmask.preprocessing.faces.detection import Face, FaceLandmarker, get_landmarker

WIDTH_PX, HEIGHT_PX = 1280, 720
PICTURES = 12
MAX_ERROR = 0.1  # mean distance of the landmarks, in heights of the face
HEIGHTS_PX = (30, 45, 60, 90, 120, 200, 300)
ROLLS_DEG = tuple(range(0, 360, 30))
PEOPLE = (1, 2, 4, 8, 12)
ROLL_HEIGHTS_PX = (120, 300)
GRID_HEIGHT_PX = 100
COLUMNS, ROWS = 4, 3

Image = NDArray[np.uint8]
Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Portrait:
    """A photograph of one person, and the 68 landmarks of the face in it."""

    image: Image
    landmarks: Points
    box: Points

    @property
    def height_px(self) -> float:
        """Height of the face in the photograph."""
        return float(self.box[3] - self.box[1])


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a face is pasted: centre and height in pixels, and clockwise roll in degrees."""

    centre: tuple[float, float]
    height_px: float
    roll_deg: float = 0.0


def main() -> int:
    """Print the three tables."""
    detector = get_landmarker(FaceSettings(max_people=COLUMNS * ROWS))
    portraits = load_portraits(detector)
    print("| height of the face | found | wrong |\n| --- | --- | --- |")
    for height_px in HEIGHTS_PX:
        print_row(f"{height_px} px", detector, portraits, single_faces(height_px, 0.0))
    for height_px in ROLL_HEIGHTS_PX:
        print(f"\n| roll, at {height_px} px | found | wrong |\n| --- | --- | --- |")
        for roll_deg in ROLLS_DEG:
            print_row(f"{roll_deg}°", detector, portraits, single_faces(height_px, roll_deg))
    print("\n| people | found | wrong |\n| --- | --- | --- |")
    for people in PEOPLE:
        print_row(f"{people} of {GRID_HEIGHT_PX} px", detector, portraits, crowds(people))
    print_row("120 px beside 300 px", detector, portraits, pairs())
    return 0


def load_portraits(detector: FaceLandmarker) -> tuple[Portrait, ...]:
    """Return the portraits with their landmarks, as found in the photograph alone."""
    path = matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
    images = [astronaut(), cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)]
    portraits = []
    for image in images:
        (face,) = detector.detect(np.ascontiguousarray(image))
        portraits.append(
            Portrait(image, face.landmarks_px.astype(float), face.box_px.astype(float))
        )
    return tuple(portraits)


def single_faces(height_px: float, roll_deg: float) -> Iterator[list[Placement]]:
    """Yield the placements of one face per picture, at positions spread over the picture."""
    rng = np.random.default_rng(0)
    margin = height_px * 0.9
    for _ in range(PICTURES):
        x, y = (rng.uniform(margin, length - margin) for length in (WIDTH_PX, HEIGHT_PX))
        yield [Placement((x, y), height_px, roll_deg)]


def crowds(people: int) -> Iterator[list[Placement]]:
    """Yield the placements of people in random cells of a grid."""
    rng = np.random.default_rng(0)
    cell = np.array([WIDTH_PX / COLUMNS, HEIGHT_PX / ROWS])
    for _ in range(PICTURES):
        cells = rng.permutation(COLUMNS * ROWS)[:people]
        centres = (np.stack([cells % COLUMNS, cells // COLUMNS], axis=1) + 0.5) * cell
        yield [Placement((x, y), GRID_HEIGHT_PX) for x, y in centres.tolist()]


def pairs() -> Iterator[list[Placement]]:
    """Yield a small face beside a large one."""
    rng = np.random.default_rng(0)
    for _ in range(PICTURES):
        x, y = rng.uniform(0.5, 0.55), rng.uniform(0.25, 0.75)
        large = Placement((WIDTH_PX * 0.25, HEIGHT_PX * 0.5), 300)
        yield [large, Placement((WIDTH_PX * (x + 0.25), HEIGHT_PX * y), 120)]


def print_row(
    name: str,
    detector: FaceLandmarker,
    portraits: Sequence[Portrait],
    pictures: Iterator[list[Placement]],
) -> None:
    """Print the share of faces found, and the number of wrong ones."""
    hits = wrong = total = 0
    for index, placements in enumerate(pictures):
        image, expected = draw_picture(placements, portraits, index)
        faces = detector.detect(image)
        matched = [any(is_match(face, points) for face in faces) for points in expected]
        hits, total = hits + sum(matched), total + len(expected)
        wrong += sum(not any(is_match(face, points) for points in expected) for face in faces)
    print(f"| {name} | {hits} of {total} | {wrong} |", flush=True)


def draw_picture(
    placements: Sequence[Placement], portraits: Sequence[Portrait], seed: int
) -> tuple[Image, list[Points]]:
    """Return the picture and the landmarks of each face in it."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(40, 200, (9, 16, 3)).astype(np.uint8)
    image = cv2.resize(coarse, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_CUBIC)
    expected = []
    for number, placement in enumerate(placements):
        portrait = portraits[(seed + number) % len(portraits)]
        image, points = paste_portrait(image.astype(np.uint8, copy=False), portrait, placement)
        expected.append(points)
    return image, expected


def paste_portrait(image: Image, portrait: Portrait, placement: Placement) -> tuple[Image, Points]:
    """Paste an oval around the head; return the picture and the landmarks in it."""
    box = portrait.box
    centre = (box[:2] + box[2:]) / 2
    scale = placement.height_px / portrait.height_px
    matrix = cv2.getRotationMatrix2D(tuple(centre.tolist()), -placement.roll_deg, scale)
    matrix[:, 2] += np.array(placement.centre) - centre
    mask = np.zeros(portrait.image.shape[:2], np.float32)
    axes = np.round(np.array([0.8, 1.0]) * portrait.height_px).astype(int).tolist()
    cv2.ellipse(mask, centre.astype(int).tolist(), axes, 0, 0, 360, 1.0, -1)
    blur_px = max(0.5 / scale, 0.1)  # no aliases in a small copy
    smooth = cv2.GaussianBlur(portrait.image, (0, 0), blur_px) if scale < 1 else portrait.image
    size = (image.shape[1], image.shape[0])
    pasted = cv2.warpAffine(smooth, matrix, size, flags=cv2.INTER_LINEAR)
    alpha = cv2.warpAffine(mask, matrix, size, flags=cv2.INTER_LINEAR)[..., None]
    blended = np.rint(alpha * pasted + (1 - alpha) * image).astype(np.uint8)
    return blended, portrait.landmarks @ matrix[:, :2].T + matrix[:, 2]


def is_match(face: Face, points: Points) -> bool:
    """Return whether the landmarks of a face agree with the right ones."""
    height_px = float(np.hypot(*(points[27] - points[8]))) * 1.4  # brows to chin, and forehead
    error_px = np.hypot(*(face.landmarks_px - points).T).mean()
    return bool(error_px <= MAX_ERROR * height_px)


if __name__ == "__main__":
    sys.exit(main())
