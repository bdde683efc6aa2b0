from argparse import Namespace

import pytest
import timm
import torch
from safetensors.torch import save_file

from unmask.errors import WeightsError
from unmask.models.backbones.pretrained import load_frame_weights

NAME = "lcnet_050"


@pytest.fixture(scope="module")
def trained():
    with torch.random.fork_rng():
        torch.manual_seed(5)
        return timm.create_model(NAME, pretrained=False, num_classes=10)


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_local_file_is_loaded_without_its_classifier(tmp_path, trained, suffix):
    file = tmp_path / f"weights.{suffix}"
    save = save_file if suffix == "safetensors" else torch.save
    save(trained.state_dict(), file)
    backbone = timm.create_model(NAME, pretrained=False, num_classes=0)
    load_frame_weights(backbone, NAME, str(file))
    for key, value in backbone.state_dict().items():
        assert torch.equal(value, trained.state_dict()[key])


def test_weights_of_another_model_are_refused(tmp_path, trained):
    file = tmp_path / "weights.safetensors"
    save_file({"nothing": torch.zeros(1)}, file)
    with pytest.raises(WeightsError, match=r"weights of lcnet_050.*model\.frame_weights"):
        load_frame_weights(timm.create_model(NAME, num_classes=0), NAME, str(file))


def test_damaged_file_is_refused(tmp_path):
    file = tmp_path / "weights.safetensors"
    file.write_bytes(b"not safe at all")
    with pytest.raises(WeightsError, match="these are not the weights"):
        load_frame_weights(timm.create_model(NAME, num_classes=0), NAME, str(file))


def test_missing_file_error_names_the_setting(tmp_path):
    with pytest.raises(WeightsError, match=r"model\.frame_weights is .*gone\.pth.*no such file"):
        load_frame_weights(timm.create_model(NAME, num_classes=0), NAME, str(tmp_path / "gone.pth"))


def test_failing_hub_is_not_retried_for_frame_weights(broken_hub):
    with pytest.raises(WeightsError) as caught:
        load_frame_weights(timm.create_model(NAME, num_classes=0), NAME, "pretrained")
    assert broken_hub == ["connection"]
    for word in ("timm/lcnet_050", "cannot be reached", "model.frame_weights", "profile demo"):
        assert word in str(caught.value)


def test_weights_that_the_model_does_not_have_are_refused(tmp_path, trained):
    file = tmp_path / "weights.safetensors"
    save_file({**trained.state_dict(), "blocks.9.conv.weight": torch.zeros(1)}, file)
    with pytest.raises(WeightsError, match=r"has 1 that the model does not .blocks\.9\.conv"):
        load_frame_weights(timm.create_model(NAME, num_classes=0), NAME, str(file))


def test_pickled_code_is_refused(tmp_path):
    file = tmp_path / "weights.pth"
    torch.save({"conv": Namespace()}, file)
    with pytest.raises(WeightsError, match="these are not the weights"):
        load_frame_weights(timm.create_model(NAME, num_classes=0), NAME, str(file))


def test_position_embeddings_are_resampled_to_another_input_size(tmp_path):
    large = timm.create_model("test_vit", num_classes=10)  # 160 px: 10 by 10 patches
    slope = torch.linspace(0, 1, 10)[None, :, None].expand(10, 10, 64)  # from left to right
    large.pos_embed.data[0, 1:] = slope.reshape(100, 64)
    file = tmp_path / "weights.safetensors"
    save_file(large.state_dict(), file)
    small = timm.create_model("test_vit", num_classes=0, img_size=64)
    load_frame_weights(small, "test_vit", str(file))
    assert torch.equal(small.pos_embed[:, 0], large.pos_embed[:, 0])  # the class token
    places = small.pos_embed[0, 1:].view(4, 4, 64).detach()
    assert (places.diff(dim=1) > 0.1).all()
    assert places.diff(dim=0).abs().max() < 0.01
    assert torch.equal(small.blocks[0].attn.qkv.weight, large.blocks[0].attn.qkv.weight)
