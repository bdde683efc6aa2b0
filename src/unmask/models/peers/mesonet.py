"""MesoNet: small networks that detect swapped and re-enacted faces by their mesoscopic texture.

Afchar et al., WIFS 2018 (arXiv 1809.00888). For inference: without dropout.
"""

import torch
from torch import Tensor, nn

SIDE_PX = 256  # of a face, RGB in [0, 1]
EPSILON = 1e-3  # of Keras' batch normalisation
INCEPTION = ((1, 4, 4, 2), (2, 4, 4, 2))  # outputs of the four paths of both modules


class Inception(nn.Module):
    """Four paths side by side: 1 × 1, and 3 × 3 behind 1 × 1 at dilations of 1, 2 and 3."""

    def __init__(self, inputs: int, widths: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.point = nn.Conv2d(inputs, widths[0], 1)
        self.paths = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(inputs, width, 1),
                nn.ReLU(),
                nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation),
            )
            for dilation, width in enumerate(widths[1:], start=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(batch, sum of widths, rows, columns)``, before the last activation."""
        return torch.cat([self.point(x), *(path(x) for path in self.paths)], dim=1)


class MesoNet(nn.Module):
    """A face to the log-odds that it is forged.

    Args:
        inception: Whether the first two layers are inception modules, as in MesoInception-4, or
            convolutions, as in Meso-4.
    """

    def __init__(self, *, inception: bool) -> None:
        super().__init__()
        first: list[nn.Module]
        if inception:
            first = [Inception(3, INCEPTION[0]), Inception(sum(INCEPTION[0]), INCEPTION[1])]
            widths = [sum(each) for each in INCEPTION]
        else:
            first = [nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 5, padding=2)]
            widths = [8, 8]
        last = [nn.Conv2d(widths[1], 16, 5, padding=2), nn.Conv2d(16, 16, 5, padding=2)]
        self.convs = nn.ModuleList([*first, *last])
        self.norms = nn.ModuleList(nn.BatchNorm2d(n, eps=EPSILON) for n in (*widths, 16, 16))
        self.pools = (2, 2, 2, 4)
        self.hidden = nn.Linear(16 * (SIDE_PX // 32) ** 2, 16)
        self.head = nn.Linear(16, 1)

    def forward(self, faces: Tensor) -> Tensor:
        """Score faces.

        Args:
            faces: RGB in ``[0, 1]``, shape ``(batch, 3, SIDE_PX, SIDE_PX)``.

        Returns:
            Shape ``(batch, 1)``. The authors' networks return the probability of a genuine face.
        """
        x = faces
        for conv, norm, pool in zip(self.convs, self.norms, self.pools, strict=True):
            x = nn.functional.max_pool2d(norm(conv(x).relu()), pool)
        x = nn.functional.leaky_relu(self.hidden(x.flatten(1)), 0.1)
        return torch.neg(self.head(x))
