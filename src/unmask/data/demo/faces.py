"""Face synthesis from two portraits: shape, skin, hair, light, background, glasses and beard."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.data.demo.portraits import CANVAS_PX, Portrait, load_portraits
from unmask.data.image_warp import warp
from unmask.preprocessing.faces.landmarks import IBUG_FROM_MESH, hull_mask

# mesh points that control the warps: the 68 landmarks, the irises and part of the forehead
IRISES = (468, 473)
FOREHEAD = (10, 67, 297, 109, 338, 151, 54, 284)
WARP_POINTS = np.array([*IBUG_FROM_MESH, *IRISES, *FOREHEAD])
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
    """A face in neutral position.

    Attributes:
        image: RGB, shape ``(256, 256, 3)``.
        alpha: Opacity of the person in front of the background, in ``[0, 1]``, shape
            ``(256, 256)``.
        points: x, y and depth of the warp points in pixels, shape ``(78, 3)``.
        glasses: Colour of the glasses, or ``None``.
    """

    name: str
    image: NDArray[np.uint8]
    alpha: NDArray[np.float32]
    points: NDArray[np.float64]
    glasses: tuple[int, int, int] | None


def sample_face(name: str, rng: np.random.Generator) -> Person:
    """Sample a face."""
    portraits = load_portraits()
    number = int(rng.integers(2))
    base, other = portraits[number], portraits[1 - number]
    image = _blend_portraits(base, other, float(rng.uniform(0, 0.65)))
    alpha = base.alpha
    if rng.random() < 0.5:
        image, alpha, mesh = _mirror(image, alpha, base.mesh)
    else:
        mesh = base.mesh
    points = mesh[WARP_POINTS]
    reshaped = _reshape(points, rng)
    source, target = _add_border(points[:, :2]), _add_border(reshaped[:, :2])
    image, alpha = warp(image, source, target), warp(alpha, source, target)
    hull = soft_hull_mask(reshaped[:, :2])
    image = _recolour(image, alpha, hull, rng)
    if rng.random() < 0.35:
        image = _add_beard(image, reshaped, float(rng.uniform(0.15, 0.45)), rng)
    colour = (int(rng.integers(90)), int(rng.integers(70)), int(rng.integers(60)))
    # the second portrait already wears glasses
    glasses = colour if rng.random() < 0.5 and number == 0 else None
    return Person(name, image, alpha, reshaped, glasses)


def soft_hull_mask(points: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return a soft mask of the convex hull of ``points``, in ``[0, 1]``, shape ``(256, 256)``."""
    mask = hull_mask(points, (CANVAS_PX, CANVAS_PX), truncate=True).astype(np.float32)
    return cv2.GaussianBlur(mask, (0, 0), 4)


def _add_border(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.vstack([points, BORDER_POINTS])


def _blend_portraits(base: Portrait, other: Portrait, share: float) -> NDArray[np.uint8]:
    """Blend a share of the other face into ``base``, keeping shape and colour of ``base``."""
    moved = warp(
        other.image,
        _add_border(other.mesh[WARP_POINTS, :2]),
        _add_border(base.mesh[WARP_POINTS, :2]),
    )
    mask = soft_hull_mask(base.mesh[OVAL, :2])
    inside = mask > 0.5
    face = base.image.astype(np.float32)
    inserted = moved.astype(np.float32)
    inserted = (inserted - inserted[inside].mean(0)) / inserted[inside].std(0) * face[inside].std(0)
    inserted += face[inside].mean(0)
    weight = (mask * share)[..., None]
    return np.clip(face * (1 - weight) + inserted * weight, 0, 255).astype(np.uint8)


def _mirror(
    image: NDArray[np.uint8], alpha: NDArray[np.float32], mesh: NDArray[np.float64]
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float64]]:
    flipped = mesh * (-1, 1, 1) + (CANVAS_PX - 1, 0, 0)
    # the left eye of a mirrored face takes the place of the right one: swap the points
    mirrored = flipped.copy()
    mirrored[WARP_POINTS] = flipped[_mirror_index()]
    return image[:, ::-1].copy(), alpha[:, ::-1].copy(), mirrored


def _mirror_index() -> NDArray[np.int64]:
    """Return for each warp point the mesh point that is its mirror image."""
    mesh = load_portraits()[0].mesh
    middle = mesh[[10, 152, 168, 2], 0].mean()
    reflected = mesh[WARP_POINTS] * (-1, 1, 1) + (2 * middle, 0, 0)
    irises = np.isin(WARP_POINTS, IRISES)
    distance = ((reflected[:, None] - mesh[None]) ** 2).sum(-1)
    distance[:, 468:][~irises] = np.inf
    distance[np.ix_(irises, np.arange(468))] = np.inf
    return distance.argmin(1)


def _reshape(points: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Vary the proportions: width, jaw, eyes, brows, nose and mouth."""
    middle = points[:, :2].mean(0)
    out = points.copy()
    relative = (points[:, :2] - middle) / 66  # about ±1 over the face
    out[:, 0] += 66 * relative[:, 0] * np.clip(rng.normal(0, 0.05), -0.08, 0.08)
    lower = np.clip(relative[:, 1], 0, None)
    out[:, 0] += 66 * relative[:, 0] * lower * rng.normal(0, 0.08)
    out[:, 1] += 66 * lower * rng.normal(0, 0.06)
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
    return _centre_irises(out)


def _centre_irises(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Move the irises to the centres of the eyes."""
    out = points.copy()
    out[68, :2], out[69, :2] = out[36:42, :2].mean(0), out[42:48, :2].mean(0)
    return out


def _recolour(
    image: NDArray[np.uint8],
    alpha: NDArray[np.float32],
    hull: NDArray[np.float32],
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Vary skin, hair and clothes, light from one side, and the background."""
    x = image.astype(np.float32) / 255
    skin = _skin_mask(x, hull)[..., None]
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
    return np.clip(255 * (x * weight + _sample_background(rng) * (1 - weight)), 0, 255).astype(
        np.uint8
    )


def _skin_mask(x: NDArray[np.float32], hull: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a soft mask of pixels with the colour of the face: face, ears and neck."""
    inside = hull > 0.9
    chroma = x / np.maximum(x.sum(-1, keepdims=True), 0.05)
    distance = ((chroma - chroma[inside].mean(0)) / (3 * chroma[inside].std(0) + 0.01)) ** 2
    similar = np.exp(-distance.sum(-1)).astype(np.float32)
    near = cv2.GaussianBlur(hull, (0, 0), 18)
    return np.maximum(hull, cv2.GaussianBlur(similar * np.clip(near * 4, 0, 1), (0, 0), 2))


def _sample_background(rng: np.random.Generator) -> NDArray[np.float32]:
    noise = rng.random((6, 6, 3)).astype(np.float32)
    soft = cv2.resize(noise, (CANVAS_PX, CANVAS_PX), interpolation=cv2.INTER_CUBIC)
    return np.clip(rng.uniform(0.2, 0.8, 3) + 0.25 * (soft - 0.5), 0, 1)


def _add_beard(
    image: NDArray[np.uint8],
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
    return np.clip(image * shade[..., None], 0, 255).astype(np.uint8)
