"""A person at rest to a person who talks: head, eyelids, gaze and a mouth that follows speech."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.data.demo.faces import BORDER_POINTS, Person
from unmask.data.image_warp import warp

FPS = 25
DROP_PX = 15.0  # how far the lower lip falls at the widest opening
LOWER_LIP = np.array([55, 56, 57, 58, 59, 65, 66, 67])
UPPER_LIP = np.array([49, 50, 51, 52, 53, 61, 62, 63])
CORNERS = np.array([48, 54, 60, 64])
CHIN = np.array([5, 6, 7, 8, 9, 10, 11])
UPPER_LIDS, LOWER_LIDS = np.array([37, 38, 43, 44]), np.array([41, 40, 47, 46])


@dataclass(frozen=True, slots=True)
class Motion:
    """A performance, one entry per frame.

    Attributes:
        pose_deg: Yaw, pitch, roll, shape ``(frames, 3)``.
        shift_px: Of the whole head, shape ``(frames, 2)``.
        lids: 0 open, 1 shut, shape ``(frames,)``.
        gaze_px: Of the irises, shape ``(frames, 2)``.
        opening: Of the mouth, in ``[0, 1]``, shape ``(frames,)``.
    """

    pose_deg: NDArray[np.float64]
    shift_px: NDArray[np.float64]
    lids: NDArray[np.float64]
    gaze_px: NDArray[np.float64]
    opening: NDArray[np.float64]


def sample_motion(opening: NDArray[np.float64], rng: np.random.Generator) -> Motion:
    """Sway, blinks and glances around a given mouth."""
    frames = len(opening)
    time_s = np.arange(frames) / FPS
    pose = np.stack([_sway(time_s, spread, rng) for spread in (7.0, 4.0, 3.0)], axis=1)
    shift = np.stack([_sway(time_s, 3.0, rng) for _ in range(2)], axis=1)
    lids = np.zeros(frames)
    for blink_s in np.cumsum(rng.uniform(0.7, 2.8, frames // FPS + 1)) - 0.4:
        lids = np.maximum(lids, np.exp(-(((time_s - blink_s) / 0.06) ** 2)))
    steps = np.repeat(rng.normal(0, (1.2, 0.5), (frames // 12 + 1, 2)), 12, axis=0)[:frames]
    return Motion(pose, shift, lids, steps, opening)


def pose_points(person: Person, motion: Motion, frame: int) -> NDArray[np.float64]:
    """Where the person's carriers are in one frame, shape ``(78, 2)``."""
    points = person.points.copy()
    points[LOWER_LIP, 1] += DROP_PX * motion.opening[frame]
    points[CHIN, 1] += 0.7 * DROP_PX * motion.opening[frame]
    points[UPPER_LIP, 1] -= 0.12 * DROP_PX * motion.opening[frame]
    middle = points[CORNERS, 0].mean()
    points[CORNERS, 0] += (middle - points[CORNERS, 0]) * 0.10 * motion.opening[frame]
    drop = (points[LOWER_LIDS, 1] - points[UPPER_LIDS, 1]) * 0.9 * motion.lids[frame]
    points[UPPER_LIDS, 1] += drop
    points[68:70, :2] += motion.gaze_px[frame]
    centre = person.points.mean(0)
    turned = (points - centre) @ _rotation(*motion.pose_deg[frame]).T + centre
    return np.asarray(turned[:, :2] + motion.shift_px[frame])


def render(person: Person, motion: Motion, frame: int) -> NDArray[np.uint8]:
    """One frame, RGB, shape ``(256, 256, 3)``."""
    there = pose_points(person, motion, frame)
    here = np.vstack([person.points[:, :2], BORDER_POINTS])
    picture = warp(person.picture, here, np.vstack([there, BORDER_POINTS]))
    picture = paint_mouth(picture, there, float(motion.opening[frame]))
    if person.glasses is not None:
        _draw_glasses(picture, there, person.glasses)
    return picture


def paint_mouth(
    picture: NDArray[np.uint8], points: NDArray[np.float64], opening: float
) -> NDArray[np.uint8]:
    """Paint what an open mouth shows: dark, and the upper teeth."""
    if opening < 0.03:
        return picture
    fine = 4  # painted larger and shrunk, so that edges are soft
    x0, y0 = (points[48:68].min(0) - 6).astype(int)
    x1, y1 = (points[48:68].max(0) + 6).astype(int)
    patch = cv2.resize(picture[y0:y1, x0:x1], None, fx=fine, fy=fine, interpolation=cv2.INTER_CUBIC)
    lips = (points[60:68] - (x0, y0)) * fine
    tone = picture[y0:y1, x0:x1].reshape(-1, 3).mean(0)
    painted = cv2.fillPoly(
        patch.copy(), [lips.astype(np.int32)], (tone * (0.28, 0.16, 0.16)).tolist()
    )
    teeth = lips[[0, 1, 2, 3, 4]].copy()
    below = lips[[3, 2, 1]] * (1, 1) + (0, min(0.38 * DROP_PX * opening, 3.6) * fine)
    cv2.fillPoly(
        painted,
        [np.vstack([teeth, below]).astype(np.int32)],
        (tone * 1.1 + 40).clip(0, 225).tolist(),
    )
    inside = cv2.fillPoly(np.zeros(patch.shape[:2], np.float32), [lips.astype(np.int32)], 1.0)
    inside = cv2.GaussianBlur(inside, (0, 0), fine * 0.6)[..., None]
    painted = cv2.GaussianBlur(painted, (0, 0), fine * 0.4)
    mixed = patch * (1 - inside) + painted * inside
    out = picture.copy()
    out[y0:y1, x0:x1] = cv2.resize(mixed, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
    return out


def _draw_glasses(
    picture: NDArray[np.uint8], points: NDArray[np.float64], colour: tuple[int, int, int]
) -> None:
    left, right = points[36:42].mean(0), points[42:48].mean(0)
    radius = int(0.3 * np.hypot(*(right - left)))
    shift = 4  # sub-pixel positions in sixteenths, so that the glasses do not jump
    for centre in (left, right):
        at = tuple(int(v * 2**shift) for v in centre)
        cv2.circle(picture, at, radius * 2**shift, colour, 2, cv2.LINE_AA, shift)
    inner = (right - left) / np.hypot(*(right - left)) * radius
    ends = [tuple(int(v * 2**shift) for v in p) for p in (left + inner, right - inner)]
    cv2.line(picture, ends[0], ends[1], colour, 2, cv2.LINE_AA, shift)


def _sway(
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
