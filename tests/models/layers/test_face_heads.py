import torch

from unmask.models.layers.face_heads import FaceHeads


def seen(rows=2, frames=3):
    return torch.ones(rows, frames, dtype=torch.bool)


@torch.inference_mode()
def test_initial_prediction_is_frontal_with_central_landmarks():
    points, pose = FaceHeads(8)(torch.randn(2, 3, 8), seen())
    assert points.shape == (2, 3, 68, 2)
    assert (points == 0.5).all()
    assert pose.shape == (2, 3, 3)
    assert not pose.any()


@torch.inference_mode()
def test_heads_are_linear_and_masked():
    heads = FaceHeads(8)
    torch.nn.init.normal_(heads.landmarks.weight)
    torch.nn.init.normal_(heads.pose.weight)
    x, mask = torch.randn(2, 3, 8), seen()
    mask[1, 1:] = False
    points, pose = heads(x, mask)
    expected = x[0, 2] @ heads.landmarks.weight.T + 0.5
    torch.testing.assert_close(points[0, 2, 48], expected[96:98])
    torch.testing.assert_close(pose[1, 0], heads.pose.weight @ x[1, 0])
    assert not points[~mask].any()
    assert not pose[~mask].any()


def test_both_heads_get_a_gradient_from_the_first_step():
    heads = FaceHeads(8)
    points, pose = heads(torch.randn(2, 3, 8), seen())
    (points - 0.3).abs().sum().backward()
    (pose - 0.2).abs().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in heads.parameters())
