"""Frame encoder: a 2-D timm backbone over every aligned face.

EfficientNet-B3 by default: Tan & Le, "EfficientNet: Rethinking Model Scaling for
Convolutional Neural Networks", ICML 2019.
"""

from typing import Any

import timm
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unmask.errors import ConfigError
from unmask.models.backbones.lora import Adapters, add_adapters, merge_adapters
from unmask.models.backbones.noise_residual_net import BACKBONE_NAME, NoiseResidualNet
from unmask.models.backbones.norm_tuning import ParallelFlowConv, freeze_all_but_norms
from unmask.models.backbones.pretrained import load_frame_weights

# Flow is in pixels of the aligned face and so does not depend on the face's size in the video.
# A talking face rarely moves further than this, 1/56 of its side, between two frames at 5 Hz.
FLOW_SCALE_PX = 4.0
# Faces per forward pass in evaluation, so that memory does not grow with the video. On a CPU,
# activations of few faces fit into memory the process already has, which takes a third less time.
CHUNK_FRAMES, CHUNK_FRAMES_GPU = 8, 64


class FrameEncoder(nn.Module):
    """Backbone and projection, with the backbone's own normalisation and input size.

    Normalising inside keeps the input in pixel range ``[0, 1]``, in which attack budgets are
    measured.

    Args:
        backbone: Any timm name, or ``residual_tiny`` of :mod:`.noise_residual_net`.
        weights: ``pretrained``, ``random``, or a local file of the backbone's weights.
        input_px: Side that faces are resized to.
        flow: Whether there are two more input channels for optical flow. Their kernels start at
            zero, so that the output of a pretrained backbone is at first that on RGB alone; they
            get a gradient from the first step on.
        out_dim: Length of the output vector.
        tuned: ``all``; ``norms``: the backbone is frozen except for its norms; or adapters: it
            is frozen, and its attention gets them. The kernels of flow, which are not pretrained,
            are trained in any case.

    Raises:
        ConfigError: There is no such backbone, or it does not support the other arguments.
        WeightsError: The weights are not available.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        backbone: str,
        weights: str,
        input_px: int,
        *,
        flow: bool,
        out_dim: int,
        tuned: str | Adapters = "all",
    ) -> None:
        super().__init__()
        self.frozen = False
        self.backbone: Any = _backbone(backbone, input_px, flow)
        load_frame_weights(self.backbone, backbone, weights)
        cfg = self.backbone.pretrained_cfg
        if tuned == "norms":
            freeze_all_but_norms(self.backbone)
        elif isinstance(tuned, Adapters):
            add_adapters(self.backbone, backbone, tuned)
        if flow and backbone != BACKBONE_NAME:
            _widen(self.backbone, backbone, cfg["first_conv"], parallel=tuned != "all")
        self.input_px = input_px
        self.register_buffer("mean", torch.tensor(cfg["mean"]).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(cfg["std"]).view(3, 1, 1), persistent=False)
        # an identity normalisation is skipped, which saves a pass over every pixel
        self.normalises = any(cfg["mean"]) or set(cfg["std"]) != {1.0}
        width = getattr(self.backbone, "head_hidden_size", None) or self.backbone.num_features
        self.project = nn.Linear(width, out_dim)
        self.to(memory_format=torch.channels_last)

    def freeze(self) -> None:
        """Freeze all parameters, and use the running batch-norm statistics in training too."""
        self.requires_grad_(False)
        self.frozen = True
        self.train()

    def merge_adapters(self) -> None:
        """Add low-rank adapters to the weights that they belong to, in place."""
        merge_adapters(self.backbone)

    def train(self, mode: bool = True) -> "FrameEncoder":
        """Switch the training mode; a frozen encoder stays in evaluation mode."""
        super().train(mode and not self.frozen)
        return self

    def forward(self, frames: Tensor, flow: Tensor | None) -> Tensor:
        """Encode faces independently of each other.

        Args:
            frames: RGB in ``[0, 1]``, shape ``(N, 3, H, W)``; real faces only, since padding
                would distort the batch statistics.
            flow: Pixels, shape ``(N, 2, H, W)``, or ``None`` for an RGB backbone.

        Returns:
            Shape ``(N, out_dim)``.
        """
        if self.training:
            return self._encode(frames, flow)
        size = CHUNK_FRAMES if frames.device.type == "cpu" else CHUNK_FRAMES_GPU
        chunks = [slice(start, start + size) for start in range(0, len(frames), size)]
        return torch.cat(
            [self._encode(frames[rows], None if flow is None else flow[rows]) for rows in chunks]
        )

    def _encode(self, frames: Tensor, flow: Tensor | None) -> Tensor:
        x = (frames - self.mean) / self.std if self.normalises else frames
        if flow is not None:
            x = torch.cat([x, flow / FLOW_SCALE_PX], dim=1)  # (N, 5, H, W)
        if x.shape[-1] != self.input_px:
            size = (self.input_px, self.input_px)
            x = F.interpolate(x, size, mode="bilinear", antialias=True)
        x = self.backbone(x.contiguous(memory_format=torch.channels_last))  # (N, width)
        out: Tensor = self.project(x)
        return out


def _backbone(name: str, input_px: int, flow: bool) -> Any:
    if name == BACKBONE_NAME:
        return NoiseResidualNet(flow=flow)
    cfg = timm.get_pretrained_cfg(name)
    # a transformer's position embeddings are learned, so it is built for the input size
    sized = {"img_size": input_px} if cfg is not None and cfg.fixed_input_size else {}
    try:
        model = timm.create_model(name, pretrained=False, num_classes=0, **sized)
    except RuntimeError as error:
        raise ConfigError(f"model.frame_backbone {name}: timm has no such model") from error
    except (TypeError, AssertionError) as error:
        raise ConfigError(
            f"model.frame_backbone {name} does not support {input_px} px; change model.input_px"
        ) from error
    patch_px = getattr(getattr(model, "patch_embed", None), "patch_size", (1, 1))
    if any(input_px % side for side in patch_px):
        raise ConfigError(
            f"model.frame_backbone {name} has patches of {patch_px[0]} px, and "
            f"model.input_px {input_px} is not a multiple of that; change model.input_px"
        )
    return model


def _widen(backbone: nn.Module, name: str, first_conv: str | None, *, parallel: bool) -> None:
    """Give the first convolution two more input channels with kernels of zero.

    Args:
        parallel: Put them into a separate trainable convolution beside the frozen one.

    Raises:
        ConfigError: The backbone's first layer is not a convolution.
    """
    if not isinstance(first_conv, str):
        raise ConfigError(
            f"model.frame_backbone {name} does not support optical flow; set model.flow to false"
        )
    conv = backbone.get_submodule(first_conv)
    if not isinstance(conv, nn.Conv2d):
        raise ConfigError(
            f"model.frame_backbone {name} does not support optical flow; set model.flow to false"
        )
    if parallel:
        backbone.set_submodule(first_conv, ParallelFlowConv(conv))
        return
    with torch.no_grad():
        extra = torch.zeros_like(conv.weight[:, :2])
        conv.weight = nn.Parameter(torch.cat([conv.weight, extra], dim=1))
    conv.in_channels += 2
