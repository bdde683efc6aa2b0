"""A small frame backbone that looks at noise residuals: trains in a minute, from random weights.

What a face forger leaves is mostly too fine to see: a seam, a region resampled or smoothed.
High-pass residuals bring it out (Fridrich & Kodovský, "Rich Models for Steganalysis of Digital
Images", TIFS 2012; for forgeries: Cozzolino et al., IH&MMSec 2017). Their energy in four bands,
region by region and relative to the rest of the face, is all that this network sees: neither who
it is, nor the light. With flow it sees likewise how much each region moves, and how much otherwise
than what is around it: a pasted part keeps a motion of its own (Amerini et al., "Deepfake Video
Detection through Optical Flow based CNN", ICCV Workshops 2019).
"""

from functools import cache
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

NAME = "residual_tiny"
SCALES_PX = (0.7, 1.4, 2.8, 5.6)  # of the Gaussians whose differences are the bands
REGIONS = 28  # along each side of the face
WIDTHS = (32, 64, 64)
FLOOR = 0.002  # of the energy, half a grey level: below it there is only rounding
FLOW_BANDS = 2
SURROUNDINGS = 5  # regions across, that a region's motion is compared with
FLOW_FLOOR = 0.03  # about one level of quantisation, as the frame encoder scales flow
STRIP = 28  # rows or columns that are blurred at once
CHUNK_FACES = 8  # that are worked on at once: their pixels stay close to the processor
FAINTEST = 1e-7  # weight, relative to the middle's; a CPU slows down fifteenfold on denormals


class NoiseResidualNet(nn.Module):
    """Band energies by region, then three convolutions and their mean.

    Args:
        flow: Whether two channels of flow come after those of colour.

    Attributes:
        pretrained_cfg: What timm's models say of their input; pixels come in ``[0, 1]``.
    """

    def __init__(self, *, flow: bool = False) -> None:
        super().__init__()
        self.num_features = WIDTHS[-1]
        self.pretrained_cfg: dict[str, object] = {
            "mean": (0.0, 0.0, 0.0),
            "std": (1.0, 1.0, 1.0),
            "first_conv": None,
        }
        widths = (len(SCALES_PX) + FLOW_BANDS * flow, *WIDTHS)
        self.blocks = nn.Sequential(
            nn.BatchNorm2d(widths[0]), *(_block(*pair) for pair in pairwise(widths))
        )

    def set_grad_checkpointing(self, _: bool) -> None:
        """Nothing to do: what training keeps of a face is smaller than the face."""

    def forward(self, x: Tensor) -> Tensor:
        """RGB in ``[0, 1]``, then maybe flow, shape ``(N, 3 or 5, H, W)``, to ``(N, 64)``."""
        # bfloat16 has steps of one grey level in bright regions: the residuals would drown
        with torch.autocast(x.device.type, enabled=False):
            energies = band_energies(x[:, :3].float())  # (N, 4, 28, 28)
            if x.shape[1] > 3:
                energies = torch.cat([energies, flow_energies(x[:, 3:].float())], dim=1)
        out: Tensor = self.blocks(energies).mean((2, 3))
        return out


def band_energies(x: Tensor) -> Tensor:
    """Log energy of the brightness in four bands, less each band's mean over the face.

    Args:
        x: RGB in ``[0, 1]``, shape ``(N, 3, H, W)``.

    Returns:
        Shape ``(N, 4, 28, 28)``.
    """
    return torch.cat([_band_energies(part) for part in torch.split(x, CHUNK_FACES)])


def _band_energies(x: Tensor) -> Tensor:
    # as a product, a third of the time of a mean over channels that lie last in memory
    grey = x.permute(0, 2, 3, 1) @ x.new_full((3,), 1 / 3)  # (N, H, W)
    blurred = [grey, *(_blurred(grey, scale_px) for scale_px in SCALES_PX)]
    bands = [
        F.adaptive_avg_pool2d((fine - soft).abs(), REGIONS) for fine, soft in pairwise(blurred)
    ]
    energies = (torch.stack(bands, dim=1) + FLOOR).log()
    return energies - energies.mean((2, 3), keepdim=True)


def flow_energies(flow: Tensor) -> Tensor:
    """Log of how much each region moves, and of how much otherwise than its surroundings.

    Each less its mean over the face, so that a face without any flow gives zeros.

    Args:
        flow: As the frame encoder scales it, shape ``(N, 2, H, W)``.

    Returns:
        Shape ``(N, 2, 28, 28)``.
    """
    moved = F.adaptive_avg_pool2d(flow, REGIONS)  # (N, 2, 28, 28)
    around = F.avg_pool2d(
        moved, SURROUNDINGS, stride=1, padding=SURROUNDINGS // 2, count_include_pad=False
    )
    parts = torch.stack([_length(moved), _length(moved - around)], dim=1)
    energies = (parts + FLOW_FLOOR).log()
    return energies - energies.mean((2, 3), keepdim=True)


def _length(field: Tensor) -> Tensor:
    """Of each vector; the sum of its parts and not their root, whose slope at 0 is none."""
    return field.abs().sum(1)


def _blurred(planes: Tensor, scale_px: float) -> Tensor:
    """A Gaussian blur of both axes; as matrices, a CPU does it tenfold faster than as filters."""
    rows, columns = (_gaussian(size, scale_px) for size in planes.shape[-2:])
    # a strip needs its own rows and a few around it: the rest of its weights are zero
    down = torch.cat([w.to(planes.device) @ planes[..., near, :] for near, w in rows], dim=-2)
    return torch.cat([down[..., near] @ w.to(planes.device).T for near, w in columns], dim=-1)


@cache
def _gaussian(size: int, scale_px: float) -> tuple[tuple[slice, Tensor], ...]:
    """What each strip of the blurred picture is made of: places, and their weights.

    Each row weighs its surroundings; weights beyond the edge are given to those within.
    """
    with torch.inference_mode(False):
        place = torch.arange(size)
        weights = torch.exp(-((place[:, None] - place) ** 2) / (2 * scale_px**2))
        weights = torch.where(weights < FAINTEST, 0.0, weights)
        weights = weights / weights.sum(dim=1, keepdim=True)
        strips = []
        for strip in torch.split(weights, STRIP):
            used = strip.any(dim=0).nonzero()
            near = slice(int(used[0]), int(used[-1]) + 1)
            strips.append((near, strip[:, near].contiguous()))
        return tuple(strips)


def _block(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride=2, padding=1),
        nn.BatchNorm2d(after),
        nn.GELU(),
    )
