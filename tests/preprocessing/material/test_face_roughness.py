import cv2
import numpy as np
import pytest

from unmask.preprocessing.material.face_roughness import face_roughness


def smooth_face():
    rows, columns = np.mgrid[:224, :224]
    wave = 128 + 50 * np.sin(rows / 20) + 40 * np.cos(columns / 25)
    return np.repeat(wave[..., None], 3, axis=2).astype(np.uint8)


def test_white_noise_has_the_ratio_of_its_mean_differences():
    noise = np.random.default_rng(0).normal(128, 12, (224, 224, 1)).round().astype(np.uint8)
    # mean |difference| of two Gaussians is 2 / sqrt(pi) of their standard deviation
    assert face_roughness(noise.repeat(3, 2)) == pytest.approx(np.sqrt(np.pi) / 2, rel=0.03)


def test_a_perturbation_of_each_pixel_is_rougher_and_a_smooth_one_is_not():
    face, rng = smooth_face().astype(np.float32), np.random.default_rng(0)
    signs = rng.choice([-8.0, 8.0], face.shape)
    smooth = cv2.GaussianBlur(signs.astype(np.float32), (0, 0), 4)
    smooth *= 8 / np.abs(smooth).max()
    clean, noisy, hidden = (
        face_roughness(np.clip(face + change, 0, 255).round().astype(np.uint8))
        for change in (0, signs, smooth)
    )
    assert noisy > 3 * clean
    assert hidden < noisy / 2


def test_a_blank_face_has_no_roughness():
    assert face_roughness(np.full((224, 224, 3), 90, np.uint8)) == 0.0
