"""Noise-residual network: a small frame backbone that trains from random weights in a minute.

Traces of face forgery are mostly too fine to see: seams, resampled or smoothed regions. High-pass
residuals reveal them (SRM: Fridrich & Kodovský, "Rich Models for Steganalysis of Digital Images",
TIFS 2012; for forgeries: Cozzolino et al., IH&MMSec 2017). The input of this network is the energy
of the residuals in four bands, per region and relative to the rest of the face, which hides
identity and lighting. With optical flow it also gets how much each region moves, and how much that
differs from its surroundings, since a pasted region moves by itself (Amerini et al., "Deepfake
Video Detection through Optical Flow based CNN", ICCV Workshops 2019).
"""

from functools import cache
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unmask.models.layers.pooling import average_pool
from unmask.models.layers.tracing import is_traced

BACKBONE_NAME = "residual_tiny"
SCALES_PX = (0.7, 1.4, 2.8, 5.6)  # standard deviations of the Gaussians between the bands
REGIONS = 28  # along each side of the face
WIDTHS = (32, 64, 64)
ENERGY_FLOOR = 0.002  # of the energy, half a grey level: below it is only rounding error
FLOW_BANDS = 2
NEIGHBOURHOOD = 5  # side in regions of the surroundings that a region's motion is compared with
FLOW_FLOOR = 0.03  # about one quantisation level of flow as the frame encoder scales it
STRIP_PX = 28  # rows or columns blurred at once
CHUNK_FACES = 8  # faces processed at once, so that their pixels stay in the CPU cache
MIN_KERNEL_WEIGHT = 1e-7  # relative to the largest; a CPU is 15 times slower on denormals


class NoiseResidualNet(nn.Module):
    """Band energies per region, three convolutions and global average pooling.

    Args:
        flow: Whether two channels of optical flow follow the RGB channels.

    Attributes:
        bands: Channels of the blocks' input.
        pretrained_cfg: Input description as of timm's models; pixels are in ``[0, 1]``.
    """

    def __init__(self, *, flow: bool = False) -> None:
        super().__init__()
        self.num_features = WIDTHS[-1]
        self.pretrained_cfg: dict[str, object] = {
            "mean": (0.0, 0.0, 0.0),
            "std": (1.0, 1.0, 1.0),
            "first_conv": None,
        }
        self.bands = len(SCALES_PX) + FLOW_BANDS * flow
        widths = (self.bands, *WIDTHS)
        self.blocks = nn.Sequential(
            nn.BatchNorm2d(widths[0]), *(_block(*pair) for pair in pairwise(widths))
        )

    def set_grad_checkpointing(self, _: bool) -> None:
        """Do nothing: the activations are smaller than the face."""

    def forward(self, x: Tensor) -> Tensor:
        """Map RGB in ``[0, 1]`` and optional flow, ``(N, 3 or 5, H, W)``, to ``(N, 64)``."""
        return self.run_blocks(self.energies(x[:, :3], x[:, 3:] if x.shape[1] > 3 else None))

    def energies(self, rgb: Tensor, flow: Tensor | None) -> Tensor:
        """Return the input of the blocks, which no weight changes, ``(N, 4 or 6, 28, 28)``.

        Args:
            rgb: In ``[0, 1]``, shape ``(N, 3, H, W)``.
            flow: Scaled as by the frame encoder, shape ``(N, 2, H, W)``.
        """
        # bfloat16 resolves only one grey level in bright regions, which would hide the residuals
        with torch.autocast(rgb.device.type, enabled=False):
            energies = band_energies(rgb.float())
            if flow is None:
                return energies
            return torch.cat([energies, flow_energies(flow.float())], dim=1)

    def run_blocks(self, energies: Tensor) -> Tensor:
        """Map the output of :meth:`energies` to ``(N, 64)``."""
        out: Tensor = self.blocks(energies).mean((2, 3))
        return out


def band_energies(x: Tensor) -> Tensor:
    """Return the log energy of the brightness in four bands, minus each band's mean over the face.

    Args:
        x: RGB in ``[0, 1]``, shape ``(N, 3, H, W)``.

    Returns:
        Shape ``(N, 4, 28, 28)``.
    """
    if is_traced():  # of a graph's batch only the runtime knows the size
        return _band_energies(x)
    return torch.cat([_band_energies(chunk) for chunk in torch.split(x, CHUNK_FACES)])


def _band_energies(x: Tensor) -> Tensor:
    # a matrix product takes a third of the time of a mean over channels-last memory
    grey = x.permute(0, 2, 3, 1) @ x.new_full((3,), 1 / 3)  # (N, H, W)
    blurred = [grey, *(_blurred(grey, scale_px) for scale_px in SCALES_PX)]
    bands = [average_pool((fine - coarse).abs(), REGIONS) for fine, coarse in pairwise(blurred)]
    energies = (torch.stack(bands, dim=1) + ENERGY_FLOOR).log()
    return energies - energies.mean((2, 3), keepdim=True)


def flow_energies(flow: Tensor) -> Tensor:
    """Return the log motion of each region, absolute and relative to its surroundings.

    The mean over the face is subtracted from each, so that a face without motion gives zeros.

    Args:
        flow: Scaled as by the frame encoder, shape ``(N, 2, H, W)``.

    Returns:
        Shape ``(N, 2, 28, 28)``.
    """
    motion = average_pool(flow, REGIONS)  # (N, 2, 28, 28)
    surroundings = F.avg_pool2d(
        motion, NEIGHBOURHOOD, stride=1, padding=NEIGHBOURHOOD // 2, count_include_pad=False
    )
    lengths = torch.stack([_length(motion), _length(motion - surroundings)], dim=1)
    energies = (lengths + FLOW_FLOOR).log()
    return energies - energies.mean((2, 3), keepdim=True)


def _length(field: Tensor) -> Tensor:
    """Return the L1 norm of each vector; the L2 norm has no gradient at 0."""
    return field.abs().sum(1)


def _blurred(planes: Tensor, scale_px: float) -> Tensor:
    """Blur both axes; as matrix products, ten times faster on a CPU than as filters."""
    rows, columns = (_gaussian(int(size), scale_px) for size in planes.shape[-2:])
    # a strip needs only its own rows and a few around it: all other weights are zero
    down = torch.cat([w.to(planes.device) @ planes[..., near, :] for near, w in rows], dim=-2)
    return torch.cat([down[..., near] @ w.to(planes.device).T for near, w in columns], dim=-1)


@cache
def _gaussian(size: int, scale_px: float) -> tuple[tuple[slice, Tensor], ...]:
    """Return the input rows of each strip of the blurred image, and their weights.

    The weights of each output row are normalised over the rows inside the image.
    """
    with torch.inference_mode(False):
        position = torch.arange(size)
        weights = torch.exp(-((position[:, None] - position) ** 2) / (2 * scale_px**2))
        weights = torch.where(weights < MIN_KERNEL_WEIGHT, 0.0, weights)
        weights = weights / weights.sum(dim=1, keepdim=True)
        strips = []
        for strip in torch.split(weights, STRIP_PX):
            used = strip.any(dim=0).nonzero()
            near = slice(int(used[0]), int(used[-1]) + 1)
            strips.append((near, strip[:, near].contiguous()))
        return tuple(strips)


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=2, padding=1),
        nn.BatchNorm2d(outputs),
        nn.GELU(),
    )
