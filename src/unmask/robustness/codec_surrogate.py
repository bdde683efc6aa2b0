"""Differentiable surrogate of a video codec, for attacks that must survive one.

An attacker who cannot differentiate through H.264 optimises through something like it, over many
random draws: expectation over transformation (Athalye et al., "Synthesizing Robust Adversarial
Examples", ICML 2018). Here that is 4:2:0 chroma, and the quantisation of a block DCT, with the step
size that H.264 has at a random QP: it doubles every 6 QP, and is 1 at QP 4 (Malvar et al.,
"Low-Complexity Transform and Quantization in H.264/AVC", IEEE TCSVT 2003). Motion compensation,
intra prediction and deblocking are left out; a random position of the blocks and a random resize
stand for them. Rounding passes the gradient unchanged (straight-through: Bengio et al., 2013).
"""

import math
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

QP_RANGE = (16.0, 30.0)  # of x264 around CRF 23
BLOCKS_PX = (4, 8)  # sides of H.264's transforms
ROUNDING_RANGE = (1 / 6, 1 / 2)  # offset before truncation: below 1/2 is a dead zone, as in x264
MIN_SCALE = 0.75  # of the resize
RESIZE_SHARE = 0.5  # of the draws
# BT.601, with full range
LUMA = (0.299, 0.587, 0.114)
BLUE_SCALE, RED_SCALE = 1.772, 1.402


@dataclass(frozen=True, slots=True)
class CodecDraw:
    """Parameters of one simulated encoding.

    Attributes:
        step: Quantisation step in grey levels of 255.
        rounding: Offset before truncation, in ``(0, 0.5]``.
        block_px: Side of a block.
        shift_px: Rows and columns of the first, partial block.
        scale: Size of the resized frames relative to the original.
    """

    step: float
    rounding: float = 0.5
    block_px: int = 8
    shift_px: tuple[int, int] = (0, 0)
    scale: float = 1.0


def draw_codec(generator: torch.Generator) -> CodecDraw:
    """Draw an encoding at random."""

    def uniform(low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=generator))

    block_px = BLOCKS_PX[int(uniform(0, len(BLOCKS_PX)))]
    return CodecDraw(
        step=2 ** ((uniform(*QP_RANGE) - 4) / 6),
        rounding=uniform(*ROUNDING_RANGE),
        block_px=block_px,
        shift_px=(int(uniform(0, block_px)), int(uniform(0, block_px))),
        scale=uniform(MIN_SCALE, 1.0) if uniform(0, 1) < RESIZE_SHARE else 1.0,
    )


def simulate_codec(frames: Tensor, draw: CodecDraw) -> Tensor:
    """Encode and decode frames, with a gradient.

    Args:
        frames: RGB in ``[0, 255]``, shape ``(N, 3, H, W)``.

    Returns:
        Whole grey levels in ``[0, 255]``, of the same shape.
    """
    size = frames.shape[-2:]
    if draw.scale < 1:
        small = [max(round(side * draw.scale), 1) for side in size]
        frames = F.interpolate(frames, small, mode="bilinear", antialias=True)
    red, green, blue = frames.unbind(1)
    luma = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
    chroma = torch.stack([(blue - luma) / BLUE_SCALE, (red - luma) / RED_SCALE], dim=1)
    halved = F.avg_pool2d(chroma, 2, ceil_mode=True, count_include_pad=False)
    luma = _quantise_blocks(luma, draw)
    halved = _quantise_blocks(halved.flatten(0, 1), draw).reshape(halved.shape)
    chroma = F.interpolate(halved, luma.shape[-2:], mode="bilinear")
    blue, red = luma + BLUE_SCALE * chroma[:, 0], luma + RED_SCALE * chroma[:, 1]
    green = (luma - LUMA[0] * red - LUMA[2] * blue) / LUMA[1]
    decoded = torch.stack([red, green, blue], dim=1)
    if draw.scale < 1:
        decoded = F.interpolate(decoded, size, mode="bilinear", antialias=True)
    return round_straight_through(decoded.clamp(0, 255))


def round_straight_through(values: Tensor) -> Tensor:
    """Round to whole numbers; the gradient is that of the identity."""
    return values + (values.round() - values).detach()


def _quantise_blocks(planes: Tensor, draw: CodecDraw) -> Tensor:
    """Quantise the DCT coefficients of each block of planes, shape ``(N, H, W)``."""
    height, width = planes.shape[-2:]
    (top, left), side = draw.shift_px, draw.block_px
    padding = (left, -(width + left) % side, top, -(height + top) % side)
    padded = F.pad(planes[:, None], padding, mode="replicate")[:, 0]
    basis = _dct_basis(side).to(planes)
    rows, columns = (length // side for length in padded.shape[-2:])
    blocks = padded.reshape(-1, rows, side, columns, side).transpose(2, 3)  # each (side, side)
    levels = basis @ blocks @ basis.T / draw.step
    truncated = (levels.abs() + draw.rounding).floor() * levels.sign()
    coefficients = (levels + (truncated - levels).detach()) * draw.step
    joined = (basis.T @ coefficients @ basis).transpose(2, 3).reshape(padded.shape)
    return joined[:, top : top + height, left : left + width]


@cache
def _dct_basis(side: int) -> Tensor:
    """Return the orthonormal DCT-II, one basis vector per row, shape ``(side, side)``."""
    position = torch.arange(side) + 0.5
    basis = torch.cos(math.pi / side * torch.arange(side)[:, None] * position)
    basis[0] /= math.sqrt(2)
    return basis * math.sqrt(2 / side)
