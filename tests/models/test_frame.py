import pytest
import timm
import torch

from unmask.errors import ConfigError
from unmask.models.frame import CHUNK_FRAMES, FrameEncoder


@pytest.fixture(scope="module")
def faces():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return torch.rand(CHUNK_FRAMES + 3, 3, 32, 32)


def an_encoder(flow=False, weights="random", input_px=32):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        encoder = FrameEncoder("resnet10t", weights, input_px, flow=flow, out_dim=8)
    return encoder.eval()


@torch.inference_mode()
def test_it_is_timms_own_model_behind_timms_own_normalisation(faces):
    encoder = an_encoder()
    cfg = timm.get_pretrained_cfg("resnet10t")
    mean, std = torch.tensor(cfg.mean)[:, None, None], torch.tensor(cfg.std)[:, None, None]
    expected = encoder.project(encoder.backbone((faces[:4] - mean) / std))
    torch.testing.assert_close(encoder(faces[:4], None), expected)


@torch.inference_mode()
def test_many_frames_come_out_as_each_by_itself(faces):
    encoder = an_encoder()
    alone = torch.cat([encoder(face[None], None) for face in faces])
    torch.testing.assert_close(encoder(faces, None), alone, atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_flow_changes_nothing_before_training_and_keeps_the_rgb_kernels(faces):
    rgb, wide = an_encoder(), an_encoder(flow=True)
    assert wide.backbone.conv1[0].weight.shape[1] == 5
    flow = torch.randn(4, 2, 32, 32) * 3
    wide.project.load_state_dict(rgb.project.state_dict())
    torch.testing.assert_close(wide(faces[:4], flow), rgb(faces[:4], None))


def test_flow_gets_a_gradient_from_the_first_step_on(faces):
    wide = an_encoder(flow=True)
    wide(faces[:4], torch.ones(4, 2, 32, 32)).square().sum().backward()
    assert wide.backbone.conv1[0].weight.grad[:, 3:].abs().sum() > 0


@torch.inference_mode()
def test_a_face_of_another_size_is_resized():
    encoder = an_encoder()
    grey = torch.full((1, 3, 64, 64), 0.3)
    torch.testing.assert_close(encoder(grey, None), encoder(grey[..., :32, :32], None))


def test_a_backbone_that_does_not_exist_is_named():
    with pytest.raises(ConfigError, match="resnet9000"):
        FrameEncoder("resnet9000", "random", 32, flow=False, out_dim=8)
