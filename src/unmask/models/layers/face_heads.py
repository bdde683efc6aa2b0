"""What a face also tells: where its 68 points are, and which way the head is turned.

Tasks learned beside the main one make a network find the face before it judges it (Zhang et al.,
"Facial Landmark Detection by Deep Multi-task Learning", ECCV 2014).
"""

import torch
from torch import Tensor, nn

POINTS = 68
QUARTER_DEG = 90.0  # what the network counts angles in
MIDDLE = 0.5  # of the face's side: where points are looked for at first


class FaceHeads(nn.Module):
    """Landmarks and head pose from each face's own vector, before it knows its neighbours.

    Args:
        dim: Length of the vector.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.landmarks = nn.Linear(dim, 2 * POINTS)
        self.pose = nn.Linear(dim, 3)
        for head in (self.landmarks, self.pose):
            nn.init.zeros_(head.weight)  # it says the same of every face until it knows better
        nn.init.constant_(self.landmarks.bias, MIDDLE)
        nn.init.zeros_(self.pose.bias)

    @torch.no_grad()
    def load_linear(self, weight: Tensor, bias: Tensor) -> None:
        """Take weights that were found elsewhere: 68 points, x then y of each, and three angles.

        Args:
            weight: Shape ``(139, dim)``.
            bias: Shape ``(139,)``.
        """
        for head, part in (
            (self.landmarks, slice(2 * POINTS)),
            (self.pose, slice(2 * POINTS, None)),
        ):
            head.weight.copy_(weight[part])
            head.bias.copy_(bias[part])

    def forward(self, vectors: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Look at each face.

        Args:
            vectors: Shape ``(B, T, dim)``.
            mask: True where there is a face, shape ``(B, T)``.

        Returns:
            Points in sides of the canonical face, x then y, shape ``(B, T, 68, 2)``, and yaw,
            pitch and roll in units of 90°, shape ``(B, T, 3)``; 0 where there is no face.
        """
        with torch.autocast(vectors.device.type, enabled=False):
            wide = vectors.float()
            points, pose = self.landmarks(wide), self.pose(wide)
        seen = mask[..., None]
        return (points * seen).unflatten(-1, (POINTS, 2)), pose * seen
