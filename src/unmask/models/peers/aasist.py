"""AASIST: detection of synthetic speech by graph attention over spectrum and time.

Jung et al., ICASSP 2022 (arXiv 2110.01200); the filters of the first layer are those of SincNet
(Ravanelli & Bengio, SLT 2018, arXiv 1808.00158), fixed and spaced on the mel scale as in RawNet2
for anti-spoofing (Tak et al., ICASSP 2021, arXiv 2011.01108). For inference: without dropout.
"""

import torch
from torch import Tensor, nn

from unmask.models.peers.graph_attention import (
    GraphAttention,
    GraphPooling,
    HeterogeneousAttention,
)

RATE_HZ = 16_000
SAMPLES = 64_600  # of an input, about 4 s
FILTERS, TAPS = 70, 129
WIDTHS = (32, 32, 64, 64, 64, 64)  # of the residual blocks
BANDS = 23  # of the spectrum behind them
WIDTH, NARROW = 64, 32  # of the nodes in the two stages of attention
TEMPERATURE, MIXED_TEMPERATURE = 2.0, 100.0  # of one graph, and of two
KEPT_BANDS, KEPT_STEPS, KEPT = 0.5, 0.7, 0.5


def sinc_filters() -> Tensor:
    """Return band-pass filters between neighbouring points of the mel scale up to 8 kHz.

    Returns:
        Shape ``(FILTERS, 1, TAPS)``.
    """
    top_mel = 2595 * torch.log10(torch.tensor(1 + RATE_HZ / 2 / 700, dtype=torch.float64))
    mel = torch.linspace(0, float(top_mel), FILTERS + 1, dtype=torch.float64)
    edges = 2 * 700 * (10 ** (mel / 2595) - 1) / RATE_HZ  # as shares of half the sampling rate
    tap = torch.arange(TAPS, dtype=torch.float64) - (TAPS - 1) / 2
    low_pass = edges[:, None] * torch.sinc(edges[:, None] * tap)
    window = torch.hamming_window(TAPS, periodic=False, dtype=torch.float64)
    return ((low_pass[1:] - low_pass[:-1]) * window).float()[:, None]


class ResidualBlock(nn.Module):
    """Two convolutions over spectrum and time, and a third of the time resolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, (2, 3), padding=(1, 1))
        self.norm = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, (2, 3), padding=(0, 1))
        same = inputs == outputs
        self.skip = nn.Identity() if same else nn.Conv2d(inputs, outputs, (1, 3), padding=(0, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(batch, outputs, bands, steps // 3)``."""
        inner = self.conv2(nn.functional.selu(self.norm(self.conv1(x))))
        return nn.functional.max_pool2d(inner + self.skip(x), (1, 3))


class Branch(nn.Module):
    """Two layers of attention over both graphs, with a stack node of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.first = HeterogeneousAttention(WIDTH, NARROW, MIXED_TEMPERATURE)
        self.second = HeterogeneousAttention(NARROW, NARROW, MIXED_TEMPERATURE)
        self.pool_bands = GraphPooling(NARROW, KEPT)
        self.pool_steps = GraphPooling(NARROW, KEPT)

    def forward(self, steps: Tensor, bands: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return nodes of time, of the spectrum, and the stack node, each ``NARROW`` wide."""
        stack = self.stack.expand(len(steps), -1, -1)
        steps, bands, stack = self.first.forward_both(steps, bands, stack)
        steps, bands = self.pool_steps(steps), self.pool_bands(bands)
        added = self.second.forward_both(steps, bands, stack)
        return steps + added[0], bands + added[1], stack + added[2]


class Aasist(nn.Module):
    """Raw waveform to two values: the evidence that speech is synthetic, and that it is genuine."""

    filters: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("filters", sinc_filters(), persistent=False)
        self.norm = nn.BatchNorm2d(1)
        pairs = zip((1, *WIDTHS[:-1]), WIDTHS, strict=True)
        self.encoder = nn.Sequential(*(ResidualBlock(*pair) for pair in pairs))
        self.band_position = nn.Parameter(torch.zeros(1, BANDS, WIDTH))
        self.band_attention = GraphAttention(WIDTH, WIDTH, TEMPERATURE)
        self.step_attention = GraphAttention(WIDTH, WIDTH, TEMPERATURE)
        self.pool_bands = GraphPooling(WIDTH, KEPT_BANDS)
        self.pool_steps = GraphPooling(WIDTH, KEPT_STEPS)
        self.branches = nn.ModuleList([Branch(), Branch()])
        self.head = nn.Linear(5 * NARROW, 2)

    def forward(self, waveform: Tensor) -> Tensor:
        """Score sound.

        Args:
            waveform: 16 kHz, shape ``(batch, samples)``; trained with ``SAMPLES``.

        Returns:
            Shape ``(batch, 2)``: synthetic, genuine.
        """
        spectrum = nn.functional.conv1d(waveform[:, None], self.filters)
        image = nn.functional.max_pool2d(spectrum[:, None].abs(), 3)
        image = self.encoder(nn.functional.selu(self.norm(image))).abs()
        bands = image.amax(dim=3).transpose(1, 2) + self.band_position
        bands = self.pool_bands(self.band_attention(bands))
        steps = self.pool_steps(self.step_attention(image.amax(dim=2).transpose(1, 2)))
        branches = [branch(steps, bands) for branch in self.branches]
        steps, bands, stack = (torch.maximum(*both) for both in zip(*branches, strict=True))
        summary = [
            *(steps.abs().amax(dim=1), steps.mean(dim=1)),
            *(bands.abs().amax(dim=1), bands.mean(dim=1), stack.squeeze(1)),
        ]
        logits: Tensor = self.head(torch.cat(summary, dim=1))
        return logits
