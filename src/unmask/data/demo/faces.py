"""People made from two portraits: shape, skin, hair, light, background, glasses, beard."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.data.demo.portraits import CANVAS_PX, Portrait, load_portraits
from unmask.data.image_warp import warp
from unmask.preprocessing.faces.landmarks import IBUG_FROM_MESH

# points that carry the warps: the 68, the irises, and some of the forehead
IRISES = (468, 473)
FOREHEAD = (10, 67, 297, 109, 338, 151, 54, 284)
CARRIERS = np.array([*IBUG_FROM_MESH, *IRISES, *FOREHEAD])
OVAL = np.array(
    (
        (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
        (152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
    )
).ravel()
BORDER_POINTS = np.array(
    [(x, y) for x in (0, 64, 128, 192, 255) for y in (0, 255)]
    + [(x, y) for x in (0, 255) for y in (64, 128, 192)],
    dtype=np.float64,
)


@dataclass(frozen=True, slots=True)
class Person:
    """One identity at rest.

    Attributes:
        picture: RGB on a plain canvas, shape ``(256, 256, 3)``.
        alpha: The person, in ``[0, 1]``, shape ``(256, 256)``.
        points: Carriers at rest with depth, shape ``(78, 3)``.
        glasses: Whether glasses are drawn, and their colour.
    """

    name: str
    picture: NDArray[np.uint8]
    alpha: NDArray[np.float32]
    points: NDArray[np.float64]
    glasses: tuple[int, int, int] | None


def sample_face(name: str, rng: np.random.Generator) -> Person:
    """A new face."""
    pair = load_portraits()
    which = int(rng.integers(2))
    base, other = pair[which], pair[1 - which]
    picture = _blended(base, other, float(rng.uniform(0, 0.65)))
    alpha = base.person
    if rng.random() < 0.5:
        picture, alpha, mesh = _mirrored(picture, alpha, base.mesh)
    else:
        mesh = base.mesh
    points = mesh[CARRIERS]
    target = _reshaped(points, rng)
    here, there = _anchored(points[:, :2]), _anchored(target[:, :2])
    picture, alpha = warp(picture, here, there), warp(alpha, here, there)
    hull = hull_mask(target[:, :2])
    picture = _coloured(picture, alpha, hull, rng)
    if rng.random() < 0.35:
        picture = _bearded(picture, target, float(rng.uniform(0.15, 0.45)), rng)
    rim = (int(rng.integers(90)), int(rng.integers(70)), int(rng.integers(60)))
    # one of the two portraits wears glasses already
    glasses = rim if rng.random() < 0.5 and which == 0 else None
    return Person(name, picture, alpha, target, glasses)


def hull_mask(points: NDArray[np.float64]) -> NDArray[np.float32]:
    """The face inside the outline of ``points`` (x, y), in ``[0, 1]``, shape ``(256, 256)``."""
    mask = np.zeros((CANVAS_PX, CANVAS_PX), np.float32)
    hull = cv2.convexHull(points.astype(np.float32)).astype(np.int32)
    return cv2.GaussianBlur(cv2.fillConvexPoly(mask, hull, 1.0), (0, 0), 4)


def _anchored(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.vstack([points, BORDER_POINTS])


def _blended(base: Portrait, other: Portrait, share: float) -> NDArray[np.uint8]:
    """``base`` with some of the other's face in its own shape and colour."""
    moved = warp(
        other.picture, _anchored(other.mesh[CARRIERS, :2]), _anchored(base.mesh[CARRIERS, :2])
    )
    mask = hull_mask(base.mesh[OVAL, :2])
    inside = mask > 0.5
    face = base.picture.astype(np.float32)
    guest = moved.astype(np.float32)
    guest = (guest - guest[inside].mean(0)) / guest[inside].std(0) * face[inside].std(0)
    guest += face[inside].mean(0)
    weight = (mask * share)[..., None]
    return np.clip(face * (1 - weight) + guest * weight, 0, 255).astype(np.uint8)


def _mirrored(
    picture: NDArray[np.uint8], alpha: NDArray[np.float32], mesh: NDArray[np.float64]
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float64]]:
    flipped = mesh * (-1, 1, 1) + (CANVAS_PX - 1, 0, 0)
    # the left eye of a mirrored face is where the right one was: points change places
    turned = flipped.copy()
    turned[CARRIERS] = flipped[_mirror_index()]
    return picture[:, ::-1].copy(), alpha[:, ::-1].copy(), turned


def _mirror_index() -> NDArray[np.int64]:
    """For each carrier, the mesh point that is its mirror image in the portraits' own mesh."""
    mesh = load_portraits()[0].mesh
    middle = mesh[[10, 152, 168, 2], 0].mean()
    image = mesh[CARRIERS] * (-1, 1, 1) + (2 * middle, 0, 0)
    irises = np.isin(CARRIERS, IRISES)
    gap = ((image[:, None] - mesh[None]) ** 2).sum(-1)
    gap[:, 468:][~irises] = np.inf
    gap[np.ix_(irises, np.arange(468))] = np.inf
    return gap.argmin(1)


def _reshaped(points: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Other proportions: width, jaw, eyes, brows, nose, mouth."""
    middle = points[:, :2].mean(0)
    out = points.copy()
    place = (points[:, :2] - middle) / 66  # about ±1 over the face
    out[:, 0] += 66 * place[:, 0] * np.clip(rng.normal(0, 0.05), -0.08, 0.08)
    low = np.clip(place[:, 1], 0, None)
    out[:, 0] += 66 * place[:, 0] * low * rng.normal(0, 0.08)
    out[:, 1] += 66 * low * rng.normal(0, 0.06)
    for group, spread in (
        (slice(17, 27), (1.5, 3.5)),
        (slice(36, 48), (1.0, 2.5)),
        (slice(27, 36), (1.0, 2.5)),
        (slice(48, 68), (1.5, 3.0)),
    ):
        centre = out[group, :2].mean(0)
        size = 1 + rng.normal(0, 0.07, 2)
        out[group, :2] = centre + (out[group, :2] - centre) * size + rng.normal(0, spread)
    apart = rng.normal(0, 1.6)
    out[36:42, 0] -= apart
    out[42:48, 0] += apart
    return _inside(out)


def _inside(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Irises go along with their eyes."""
    out = points.copy()
    out[68, :2], out[69, :2] = out[36:42, :2].mean(0), out[42:48, :2].mean(0)
    return out


def _coloured(
    picture: NDArray[np.uint8],
    alpha: NDArray[np.float32],
    hull: NDArray[np.float32],
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Skin, hair and clothes, light from one side, a background."""
    x = picture.astype(np.float32) / 255
    skin = _skin(x, hull)[..., None]
    tone = rng.uniform(0.45, 1.05) * np.array([1.0, rng.uniform(0.88, 1.0), rng.uniform(0.8, 1.0)])
    rest = rng.uniform(0.4, 1.1) * rng.uniform(0.75, 1.1, 3)
    x = x * (skin * tone + (1 - skin) * rest)
    angle, depth = rng.uniform(0, 2 * np.pi), rng.uniform(0.0, 0.3)
    rows, columns = np.mgrid[-1 : 1 : CANVAS_PX * 1j, -1 : 1 : CANVAS_PX * 1j]
    light = 1 + depth * (np.cos(angle) * columns + np.sin(angle) * rows)
    x = x * light[..., None]
    target = rng.uniform(0.36, 0.52)
    x = x * (target / max(float(x[hull > 0.5].mean()), 1e-3)) ** 0.6
    weight = alpha[..., None]
    return np.clip(255 * (x * weight + _background(rng) * (1 - weight)), 0, 255).astype(np.uint8)


def _skin(x: NDArray[np.float32], hull: NDArray[np.float32]) -> NDArray[np.float32]:
    """Where the colour is that of the face: the face itself, ears and neck."""
    inside = hull > 0.9
    chroma = x / np.maximum(x.sum(-1, keepdims=True), 0.05)
    gap = ((chroma - chroma[inside].mean(0)) / (3 * chroma[inside].std(0) + 0.01)) ** 2
    alike = np.exp(-gap.sum(-1)).astype(np.float32)
    near = cv2.GaussianBlur(hull, (0, 0), 18)
    return np.maximum(hull, cv2.GaussianBlur(alike * np.clip(near * 4, 0, 1), (0, 0), 2))


def _background(rng: np.random.Generator) -> NDArray[np.float32]:
    noise = rng.random((6, 6, 3)).astype(np.float32)
    soft = cv2.resize(noise, (CANVAS_PX, CANVAS_PX), interpolation=cv2.INTER_CUBIC)
    return np.clip(rng.uniform(0.2, 0.8, 3) + 0.25 * (soft - 0.5), 0, 1)


def _bearded(
    picture: NDArray[np.uint8],
    points: NDArray[np.float64],
    weight: float,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    mask = np.zeros((CANVAS_PX, CANVAS_PX), np.float32)
    jaw = np.vstack([points[2:15, :2], points[[35, 33, 31], :2]])
    cv2.fillPoly(mask, [jaw.astype(np.int32)], 1.0)
    cv2.fillPoly(mask, [points[48:60, :2].astype(np.int32)], 0.0)
    mask = cv2.GaussianBlur(mask, (0, 0), 3)
    hairs = cv2.GaussianBlur(rng.random(mask.shape).astype(np.float32), (0, 0), 0.7)
    shade = 1 - weight * mask * (0.6 + 0.8 * hairs)
    return np.clip(picture * shade[..., None], 0, 255).astype(np.uint8)
