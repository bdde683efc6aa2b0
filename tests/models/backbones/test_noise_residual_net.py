from itertools import pairwise

import cv2
import numpy as np
import pytest
import torch

from unmask.config import ModelSettings
from unmask.models.backbones.frame_encoder import FrameEncoder
from unmask.models.backbones.noise_residual_net import (
    SCALES_PX,
    NoiseResidualNet,
    _blurred,
    _gaussian,
    band_energies,
    flow_energies,
)


@pytest.fixture(scope="module")
def faces():
    """Smooth images with some noise, shape (2, 3, 224, 224)."""
    rng = np.random.default_rng(0)
    pictures = [cv2.resize(rng.random((9, 9, 3)).astype(np.float32), (224, 224)) for _ in range(2)]
    grainy = np.clip(np.stack(pictures) + rng.normal(0, 0.02, (2, 224, 224, 3)), 0, 1)
    return torch.from_numpy(grainy.astype(np.float32)).permute(0, 3, 1, 2)


def test_bands_equal_differences_of_opencv_gaussians(faces):
    energies = band_energies(faces).numpy()
    for picture, result in zip(faces.numpy(), energies, strict=True):
        grey = picture.mean(0)
        soft = [grey, *(cv2.GaussianBlur(grey, (0, 0), scale) for scale in SCALES_PX)]
        for band, (fine, coarse) in enumerate(pairwise(soft)):
            parts = np.abs(fine - coarse).reshape(28, 8, 28, 8).mean((1, 3))
            expected = np.log(parts + 0.002)
            inner = slice(4, 24)  # both handle the border differently
            difference = result[band] - (expected - expected.mean())
            shift = difference[inner, inner].mean()
            assert np.abs(difference[inner, inner] - shift).max() < 0.05


@pytest.mark.parametrize("size", [224, 100])
@pytest.mark.parametrize("scale_px", SCALES_PX)
def test_blur_in_strips_equals_the_full_matrix_product(scale_px, size):
    planes = torch.rand(2, size, size, generator=torch.Generator().manual_seed(0))
    place = torch.arange(size, dtype=torch.float64)
    weights = torch.exp(-((place[:, None] - place) ** 2) / (2 * scale_px**2))
    weights /= weights.sum(1, keepdim=True)
    expected = weights @ planes.double() @ weights.T
    torch.testing.assert_close(_blurred(planes, scale_px).double(), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("scale_px", SCALES_PX)
def test_kernel_has_no_denormal_weights(scale_px):
    for _, weights in _gaussian(224, scale_px):
        assert weights[weights > 0].min() > torch.finfo(torch.float32).tiny


def test_blurred_region_changes_the_energies_there(faces):
    blurred = faces.clone()
    patch = faces[:, :, 80:120, 80:120]
    blurred[:, :, 80:120, 80:120] = torch.nn.functional.avg_pool2d(patch, 5, 1, 2)
    change = (band_energies(blurred) - band_energies(faces))[:, 0]
    assert (change[:, 11:14, 11:14] < -0.3).all()
    assert change[:, :8].abs().max() < 0.2


def test_energies_ignore_brightness_and_nearly_ignore_contrast(faces):
    calm = faces * 0.5 + 0.2
    plain = band_energies(calm)
    torch.testing.assert_close(band_energies(calm + 0.1), plain, atol=1e-3, rtol=1e-3)
    assert (band_energies((calm - 0.5) * 1.2 + 0.5) - plain).abs().max() < 0.2


def test_residuals_survive_bfloat16_autocast(faces):
    net = NoiseResidualNet().eval()
    with torch.inference_mode():
        plain = net(faces)
        with torch.autocast("cpu", torch.bfloat16):
            coarse = net(faces)
    torch.testing.assert_close(coarse.float(), plain, atol=0.02, rtol=0.05)


def test_pixels_get_a_gradient(faces):
    x = faces.clone().requires_grad_(True)
    NoiseResidualNet().eval()(x).square().sum().backward()
    assert torch.isfinite(x.grad).all()
    assert (x.grad.abs().sum((1, 2, 3)) > 0).all()


def test_frame_encoder_builds_it_by_name(faces):
    encoder = FrameEncoder(
        ModelSettings(
            frame_backbone="residual_tiny",
            frame_weights="random",
            input_px=224,
            flow=False,
            frame_dim=8,
        )
    )
    assert isinstance(encoder.backbone, NoiseResidualNet)
    assert encoder.eval()(faces, None).shape == (2, 8)


def test_region_that_moves_by_itself_shows_in_both_flow_bands():
    flow = torch.zeros(1, 2, 224, 224)
    flow[:, 0] = 0.5  # motion of the whole face
    flow[:, :, 80:120, 80:120] += 0.5
    moves, otherwise = flow_energies(flow)[0]
    part = torch.zeros(28, 28, dtype=torch.bool)
    part[10:15, 10:15] = True
    assert moves[part].min() > moves[~part].max()
    edge = otherwise[10:15, 10]
    assert edge.min() > otherwise[:7].max() + 1


def test_uniform_motion_gives_no_flow_energy():
    for amount in (0.0, 0.7):
        energies = flow_energies(torch.full((2, 2, 224, 224), amount))
        assert energies.abs().max() < 1e-5


def test_flow_channels_follow_rgb_and_change_the_output(faces):
    torch.manual_seed(0)
    net = NoiseResidualNet(flow=True).eval()
    rng = torch.Generator().manual_seed(1)
    flow = torch.nn.functional.interpolate(torch.randn(2, 2, 7, 7, generator=rng), (224, 224))
    x = torch.cat([faces, flow], dim=1).requires_grad_(True)
    still = torch.cat([faces, torch.zeros_like(flow)], dim=1)
    assert (net(x) - net(still)).abs().max() > 1e-3
    net(x).square().sum().backward()
    assert torch.isfinite(x.grad).all()
    assert (x.grad.abs().amax((2, 3)) > 0).all()


def test_frame_encoder_passes_flow_to_it():
    encoder = FrameEncoder(
        ModelSettings(
            frame_backbone="residual_tiny",
            frame_weights="random",
            input_px=224,
            flow=True,
            frame_dim=8,
        )
    ).eval()
    out = encoder(torch.rand(2, 3, 224, 224), torch.randn(2, 2, 224, 224))
    assert out.shape == (2, 8)
