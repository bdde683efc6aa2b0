"""Face heads: auxiliary prediction of 68 landmarks and head pose.

Auxiliary tasks make a network represent the face's geometry (Zhang et al., "Facial Landmark
Detection by Deep Multi-task Learning", ECCV 2014).
"""

import torch
from torch import Tensor, nn

POINTS = 68
QUARTER_DEG = 90.0  # unit of the predicted angles
FACE_CENTRE = 0.5  # initial prediction of every landmark, as a fraction of the face's side


class FaceHeads(nn.Module):
    """Linear heads for landmarks and pose on frame features before the temporal encoder.

    Args:
        dim: Length of the frame features.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.landmarks = nn.Linear(dim, 2 * POINTS)
        self.pose = nn.Linear(dim, 3)
        for head in (self.landmarks, self.pose):
            nn.init.zeros_(head.weight)  # the same prediction for every face before training
        nn.init.constant_(self.landmarks.bias, FACE_CENTRE)
        nn.init.zeros_(self.pose.bias)

    @torch.no_grad()
    def load_linear(self, weight: Tensor, bias: Tensor) -> None:
        """Set the weights of one linear map: x and y of 68 points, then three angles.

        Args:
            weight: Shape ``(139, dim)``.
            bias: Shape ``(139,)``.
        """
        for head, rows in (
            (self.landmarks, slice(2 * POINTS)),
            (self.pose, slice(2 * POINTS, None)),
        ):
            head.weight.copy_(weight[rows])
            head.bias.copy_(bias[rows])

    def forward(self, vectors: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Predict landmarks and pose of each face.

        Args:
            vectors: Shape ``(B, T, dim)``.
            mask: True where there is a face, shape ``(B, T)``.

        Returns:
            Landmarks as fractions of the aligned face's side, x then y, shape ``(B, T, 68, 2)``,
            and yaw, pitch and roll in units of 90°, shape ``(B, T, 3)``; 0 without a face.
        """
        with torch.autocast(vectors.device.type, enabled=False):
            features = vectors.float()
            points, pose = self.landmarks(features), self.pose(features)
        has_face = mask[..., None]
        return (points * has_face).unflatten(-1, (POINTS, 2)), pose * has_face
