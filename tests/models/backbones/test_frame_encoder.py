import pytest
import timm
import torch

from unmask.config import ModelSettings
from unmask.errors import ConfigError
from unmask.models.backbones.frame_encoder import CHUNK_FRAMES, FrameEncoder
from unmask.models.batchnorm_folding import fold_batch_norms


@pytest.fixture(scope="module")
def faces():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return torch.rand(CHUNK_FRAMES + 3, 3, 32, 32)


def make_encoder(flow=False, weights="random", input_px=32):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        encoder = FrameEncoder(
            ModelSettings(
                frame_backbone="resnet10t",
                frame_weights=weights,
                input_px=input_px,
                flow=flow,
                frame_dim=8,
            )
        )
    return encoder.eval()


@torch.inference_mode()
def test_encoder_equals_timm_model_with_timm_normalisation(faces):
    encoder = make_encoder()
    cfg = timm.get_pretrained_cfg("resnet10t")
    mean, std = torch.tensor(cfg.mean)[:, None, None], torch.tensor(cfg.std)[:, None, None]
    expected = encoder.project(encoder.backbone((faces[:4] - mean) / std))
    torch.testing.assert_close(encoder(faces[:4], None), expected)


@torch.inference_mode()
def test_frames_are_encoded_independently(faces):
    encoder = make_encoder()
    alone = torch.cat([encoder(face[None], None) for face in faces])
    torch.testing.assert_close(encoder(faces, None), alone, atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_flow_changes_no_output_before_training(faces):
    rgb, wide = make_encoder(), make_encoder(flow=True)
    assert wide.backbone.conv1[0].weight.shape[1] == 5
    flow = torch.randn(4, 2, 32, 32) * 3
    wide.project.load_state_dict(rgb.project.state_dict())
    torch.testing.assert_close(wide(faces[:4], flow), rgb(faces[:4], None))


def test_flow_kernels_get_a_gradient_from_the_first_step(faces):
    wide = make_encoder(flow=True)
    wide(faces[:4], torch.ones(4, 2, 32, 32)).square().sum().backward()
    assert wide.backbone.conv1[0].weight.grad[:, 3:].abs().sum() > 0


@torch.inference_mode()
def test_face_of_another_size_is_resized():
    encoder = make_encoder()
    grey = torch.full((1, 3, 64, 64), 0.3)
    torch.testing.assert_close(encoder(grey, None), encoder(grey[..., :32, :32], None))


def test_unknown_backbone_is_refused():
    with pytest.raises(ConfigError, match="resnet9000"):
        FrameEncoder(
            ModelSettings(
                frame_backbone="resnet9000",
                frame_weights="random",
                input_px=32,
                flow=False,
                frame_dim=8,
            )
        )


def make_transformer(**changes):
    chosen = {"input_px": 32, "frame_dim": 8, **changes}
    settings = ModelSettings(frame_backbone="test_vit", frame_weights="random", **chosen)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return FrameEncoder(settings).eval()


@torch.inference_mode()
@pytest.mark.parametrize("input_px", [32, 160])
def test_transformer_is_built_for_the_input_size(faces, input_px):
    encoder = make_transformer(input_px=input_px)
    assert encoder.backbone.pos_embed.shape[1] == 1 + (input_px // 16) ** 2
    assert encoder(faces[:2], None).shape == (2, 8)


def test_input_size_that_is_no_multiple_of_the_patch_is_refused():
    with pytest.raises(ConfigError, match=r"patches of 16 px.*model\.input_px 40"):
        make_transformer(input_px=40)


@torch.inference_mode()
@pytest.mark.parametrize("trainable", ["all", "norms", "none"])
def test_flow_changes_no_output_of_a_transformer_before_training(faces, trainable):
    rgb, wide = make_transformer(), make_transformer(flow=True, trainable=trainable)
    wide.project.load_state_dict(rgb.project.state_dict())
    flow = torch.randn(4, 2, 32, 32) * 3
    torch.testing.assert_close(wide(faces[:4], flow), rgb(faces[:4], None))


@torch.inference_mode()
def test_backbone_with_flow_can_be_folded(faces):
    for trainable in ("all", "norms", "none"):
        encoder = FrameEncoder(
            ModelSettings(
                frame_backbone="resnet10t",
                frame_weights="random",
                input_px=32,
                flow=True,
                frame_dim=8,
                trainable=trainable,
            )
        ).eval()
        x = torch.cat([faces[:2], torch.randn(2, 2, 32, 32)], dim=1)
        folded = fold_batch_norms(encoder.backbone, x)
        assert folded is not encoder.backbone
        torch.testing.assert_close(folded(x), encoder.backbone(x), atol=1e-4, rtol=1e-3)
