"""Animation of a face: head motion, blinks, gaze and a mouth that follows speech."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.data.demo.faces import BORDER_POINTS, Person
from unmask.data.image_warp import warp
from unmask.preprocessing.faces.landmarks import (
    CHIN,
    INNER_LIPS,
    LEFT_EYE,
    LOWER_LIP,
    MOUTH,
    RIGHT_EYE,
    UPPER_LIP,
)

FPS = 25
LIP_DROP_PX = 15.0  # of the lower lip at the widest opening
MIN_OPENING = 0.03  # below it, no inside of the mouth is painted
CORNERS = np.array([48, 54, 60, 64])
UPPER_LIDS, LOWER_LIDS = np.array([37, 38, 43, 44]), np.array([41, 40, 47, 46])


@dataclass(frozen=True, slots=True)
class Motion:
    """Animation parameters, one entry per frame.

    Attributes:
        pose_deg: Yaw, pitch and roll, shape ``(frames, 3)``.
        shift_px: Translation of the head, shape ``(frames, 2)``.
        lids: Closure of the eyelids, 0 open to 1 shut, shape ``(frames,)``.
        gaze_px: Shift of the irises, shape ``(frames, 2)``.
        opening: Opening of the mouth, in ``[0, 1]``, shape ``(frames,)``.
    """

    pose_deg: NDArray[np.float64]
    shift_px: NDArray[np.float64]
    lids: NDArray[np.float64]
    gaze_px: NDArray[np.float64]
    opening: NDArray[np.float64]


def sample_motion(opening: NDArray[np.float64], rng: np.random.Generator) -> Motion:
    """Sample head motion, blinks and gaze for a given mouth opening."""
    frames = len(opening)
    time_s = np.arange(frames) / FPS
    pose = np.stack([_sample_sway(time_s, spread, rng) for spread in (7.0, 4.0, 3.0)], axis=1)
    shift = np.stack([_sample_sway(time_s, 3.0, rng) for _ in range(2)], axis=1)
    lids = np.zeros(frames)
    for blink_s in np.cumsum(rng.uniform(0.7, 2.8, frames // FPS + 1)) - 0.4:
        lids = np.maximum(lids, np.exp(-(((time_s - blink_s) / 0.06) ** 2)))
    gaze = np.repeat(rng.normal(0, (1.2, 0.5), (frames // 12 + 1, 2)), 12, axis=0)[:frames]
    return Motion(pose, shift, lids, gaze, opening)


def pose_points(person: Person, motion: Motion, frame: int) -> NDArray[np.float64]:
    """Return the person's warp points in one frame, x and y in pixels, shape ``(78, 2)``."""
    points = person.points.copy()
    points[LOWER_LIP, 1] += LIP_DROP_PX * motion.opening[frame]
    points[CHIN, 1] += 0.7 * LIP_DROP_PX * motion.opening[frame]
    points[UPPER_LIP, 1] -= 0.12 * LIP_DROP_PX * motion.opening[frame]
    middle = points[CORNERS, 0].mean()
    points[CORNERS, 0] += (middle - points[CORNERS, 0]) * 0.10 * motion.opening[frame]
    drop = (points[LOWER_LIDS, 1] - points[UPPER_LIDS, 1]) * 0.9 * motion.lids[frame]
    points[UPPER_LIDS, 1] += drop
    points[68:70, :2] += motion.gaze_px[frame]
    centre = person.points.mean(0)
    rotated = (points - centre) @ _rotation(*motion.pose_deg[frame]).T + centre
    return np.asarray(rotated[:, :2] + motion.shift_px[frame])


def render(person: Person, motion: Motion, frame: int) -> NDArray[np.uint8]:
    """Render one frame, RGB, shape ``(256, 256, 3)``."""
    points = pose_points(person, motion, frame)
    source = np.vstack([person.points[:, :2], BORDER_POINTS])
    image = warp(person.image, source, np.vstack([points, BORDER_POINTS]))
    image = paint_mouth(image, points, float(motion.opening[frame]))
    if person.glasses is not None:
        _draw_glasses(image, points, person.glasses)
    return image


def paint_mouth(
    image: NDArray[np.uint8], points: NDArray[np.float64], opening: float
) -> NDArray[np.uint8]:
    """Paint the inside of an open mouth: a dark cavity and the upper teeth.

    Args:
        image: RGB, shape ``(height, width, 3)``.
        points: Landmarks in pixels, of which the first 68 are in iBUG order.
        opening: In ``[0, 1]``.
    """
    if opening < MIN_OPENING:
        return image
    scale = 4  # supersampling for soft edges
    x0, y0 = (points[MOUTH].min(0) - 6).astype(int)
    x1, y1 = (points[MOUTH].max(0) + 6).astype(int)
    patch = cv2.resize(image[y0:y1, x0:x1], None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    lips = (points[INNER_LIPS] - (x0, y0)) * scale
    tone = image[y0:y1, x0:x1].reshape(-1, 3).mean(0)
    painted = cv2.fillPoly(
        patch.copy(), [lips.astype(np.int32)], (tone * (0.28, 0.16, 0.16)).tolist()
    )
    teeth = lips[[0, 1, 2, 3, 4]].copy()
    lower_edge = lips[[3, 2, 1]] * (1, 1) + (0, min(0.38 * LIP_DROP_PX * opening, 3.6) * scale)
    cv2.fillPoly(
        painted,
        [np.vstack([teeth, lower_edge]).astype(np.int32)],
        (tone * 1.1 + 40).clip(0, 225).tolist(),
    )
    inside = cv2.fillPoly(np.zeros(patch.shape[:2], np.float32), [lips.astype(np.int32)], 1.0)
    inside = cv2.GaussianBlur(inside, (0, 0), scale * 0.6)[..., None]
    painted = cv2.GaussianBlur(painted, (0, 0), scale * 0.4)
    blended = patch * (1 - inside) + painted * inside
    out = image.copy()
    out[y0:y1, x0:x1] = cv2.resize(blended, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
    return out


def _draw_glasses(
    image: NDArray[np.uint8], points: NDArray[np.float64], colour: tuple[int, int, int]
) -> None:
    left, right = points[LEFT_EYE].mean(0), points[RIGHT_EYE].mean(0)
    radius = int(0.3 * np.hypot(*(right - left)))
    shift = 4  # fractional bits: sub-pixel positions, so that the glasses move smoothly
    for centre in (left, right):
        fixed_point = tuple(int(value * 2**shift) for value in centre)
        cv2.circle(image, fixed_point, radius * 2**shift, colour, 2, cv2.LINE_AA, shift)
    inner = (right - left) / np.hypot(*(right - left)) * radius
    ends = [
        tuple(int(value * 2**shift) for value in point) for point in (left + inner, right - inner)
    ]
    cv2.line(image, ends[0], ends[1], colour, 2, cv2.LINE_AA, shift)


def _sample_sway(
    time_s: NDArray[np.float64], spread: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    waves = [
        rng.normal(0, spread / 2) * np.sin(2 * np.pi * (rate * time_s + rng.uniform()))
        for rate in (0.2, 0.45, 0.9)
    ]
    return np.clip(np.sum(waves, axis=0), -2 * spread, 2 * spread)


def _rotation(yaw_deg: float, pitch_deg: float, roll_deg: float) -> NDArray[np.float64]:
    (sy, sp, sr), (cy, cp, cr) = (
        trig(np.radians([yaw_deg, pitch_deg, roll_deg])) for trig in (np.sin, np.cos)
    )
    yaw = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    pitch = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    roll = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return np.asarray(roll @ pitch @ yaw)
