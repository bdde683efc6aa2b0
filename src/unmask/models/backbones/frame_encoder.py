"""Frame encoder: a 2-D timm backbone over every aligned face.

EfficientNet-B3 by default: Tan & Le, "EfficientNet: Rethinking Model Scaling for
Convolutional Neural Networks", ICML 2019.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unmask.config import ModelSettings
from unmask.errors import ConfigError
from unmask.models.backbones.block_tokens import block_tokens, keep_blocks, tokens_width
from unmask.models.backbones.feature_store import Encode, FeatureStore
from unmask.models.backbones.lora import Adapters, add_adapters, merge_adapters
from unmask.models.backbones.noise_residual_net import BACKBONE_NAME, REGIONS, NoiseResidualNet
from unmask.models.backbones.norm_tuning import ParallelFlowConv, freeze_all_but_norms
from unmask.models.backbones.pretrained import load_frame_weights
from unmask.models.layers.tracing import is_traced

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
        settings: Backbone, weights, ``input_px``, ``frame_dim`` and ``frame_blocks``. With
            ``flow`` there are two more input channels. Their kernels start at zero, so that the
            output of a pretrained backbone is at first that on RGB alone; they get a gradient from
            the first step on, whatever is ``trainable``.

    Attributes:
        width: Length of the backbone's output vector.
        frozen, backbone_frozen: Whether nothing of the encoder is trained, or of its backbone.
        store: Keeps features where no gradient is computed; ``None`` computes them every time.

    Raises:
        ConfigError: There is no such backbone, or it does not support the other settings.
        WeightsError: The weights are not available.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        name = settings.frame_backbone
        self.frozen, self.backbone_frozen = False, settings.trainable == "none"
        self.store: FeatureStore | None = None
        self.backbone: Any = _backbone(name, settings.input_px, settings.flow)
        load_frame_weights(self.backbone, name, settings.frame_weights)
        self.blocks = settings.frame_blocks
        if self.blocks:
            keep_blocks(self.backbone, self.blocks)
        cfg = self.backbone.pretrained_cfg
        _freeze_untrained(self.backbone, settings)
        if settings.flow and name != BACKBONE_NAME:
            _widen(self.backbone, name, cfg["first_conv"], parallel=settings.trainable != "all")
        self.input_px, self.has_flow = settings.input_px, settings.flow
        self.register_buffer("mean", torch.tensor(cfg["mean"]).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(cfg["std"]).view(3, 1, 1), persistent=False)
        # an identity normalisation is skipped, which saves a pass over every pixel
        self.normalises = any(cfg["mean"]) or set(cfg["std"]) != {1.0}
        self.standardise: nn.Module = nn.Identity()
        self.standardise_fitted = False
        if self.blocks:
            self.width = tokens_width(self.backbone, self.blocks)
            self.standardise = nn.BatchNorm1d(self.width, affine=False)
        else:
            last = getattr(self.backbone, "head_hidden_size", None)
            self.width = last or self.backbone.num_features
        self.project = nn.Linear(self.width, settings.frame_dim)
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
        """Switch the training mode; what is frozen stays in evaluation mode."""
        super().train(mode and not self.frozen)
        if self.backbone_frozen:
            self.backbone.eval()
        if self.standardise_fitted:
            self.standardise.eval()
        return self

    def fit_standardisation(self, features: Tensor) -> None:
        """Take mean and variance of the backbone's features from faces, not from each batch.

        A batch holds few clips, whose statistics are far from those of all.

        Args:
            features: Of the training faces, shape ``(N, width)``, ``N`` at least 2.
        """
        if isinstance(self.standardise, nn.BatchNorm1d):
            norm: Any = self.standardise
            norm.running_mean.copy_(features.mean(0))
            norm.running_var.copy_(features.var(0))
            self.standardise_fitted = True
            norm.eval()

    def forward(self, frames: Tensor, flow: Tensor | None) -> Tensor:
        """Encode faces independently of each other.

        Args:
            frames: RGB in ``[0, 1]``, shape ``(N, 3, H, W)``; real faces only, since padding
                would distort the batch statistics.
            flow: Pixels, shape ``(N, 2, H, W)``, or ``None`` for an RGB backbone.

        Returns:
            Shape ``(N, out_dim)``.
        """
        return self.project_features(self.extract(frames, flow))

    def extract(self, frames: Tensor, flow: Tensor | None) -> Tensor:
        """Return the output of the backbone alone, shape ``(N, width)``; see :meth:`forward`."""
        if self.training and not self.backbone_frozen:
            return self._run_backbone(frames, flow)
        if self.store is not None and not torch.is_grad_enabled():
            return self.store.load_or_encode(frames, flow, self._run_in_chunks)
        return self._run_in_chunks(frames, flow)

    def _run_in_chunks(self, frames: Tensor, flow: Tensor | None) -> Tensor:
        return self._in_chunks(self._run_backbone, frames, flow)

    def _in_chunks(self, encode: Encode, frames: Tensor, flow: Tensor | None) -> Tensor:
        size = CHUNK_FRAMES if frames.device.type == "cpu" else CHUNK_FRAMES_GPU
        chunks = [slice(start, start + size) for start in range(0, len(frames), size)]
        return torch.cat(
            [encode(frames[rows], None if flow is None else flow[rows]) for rows in chunks]
        )

    def example_input(self) -> Tensor:
        """Return a black face as the backbone takes it, shape ``(1, channels, H, W)``."""
        black = self.mean.new_zeros(1, 3, self.input_px, self.input_px)
        flow = black[:, :2] if self.has_flow else None
        return self.to_backbone_input(black, flow)

    def project_features(self, features: Tensor) -> Tensor:
        """Return the features of faces, ``(N, out_dim)``, from those of :meth:`extract`."""
        out: Tensor = self.project(self.standardise(features))
        return out

    @property
    def fixed_width(self) -> int:
        """Values per face after the stage without weights that the backbone begins with.

        0 without such a stage. It takes most of the time of a backbone that has one.
        """
        net = self.backbone
        return net.bands * REGIONS**2 if isinstance(net, NoiseResidualNet) else 0

    @torch.no_grad()
    def extract_fixed(self, frames: Tensor, flow: Tensor | None) -> Tensor:
        """Return the output of the stage without weights, ``(N, fixed_width)``."""
        return self._in_chunks(self._energies, frames, flow).flatten(1)

    def complete(self, features: Tensor) -> Tensor:
        """Return the features of faces, ``(N, out_dim)``, from what was computed of them before.

        Args:
            features: Output of :meth:`extract`, or that of :meth:`extract_fixed`, which is wider.
        """
        if features.shape[1] == self.fixed_width:
            energies = features.view(len(features), -1, REGIONS, REGIONS)
            features = self.backbone.run_blocks(energies)
        return self.project_features(features)

    def _run_backbone(self, frames: Tensor, flow: Tensor | None) -> Tensor:
        if self.fixed_width:  # without a copy that joins all channels
            out: Tensor = self.backbone.run_blocks(self._energies(frames, flow))
            return out
        return self.run(self.backbone, self.to_backbone_input(frames, flow))

    def _energies(self, frames: Tensor, flow: Tensor | None) -> Tensor:
        rgb = self._resize(frames)
        scaled = None if flow is None else self._resize(flow) / FLOW_SCALE_PX
        energies: Tensor = self.backbone.energies(rgb, scaled)
        return energies

    def _resize(self, planes: Tensor) -> Tensor:
        """Return planes of ``input_px``, shape ``(N, channels, input_px, input_px)``."""
        if planes.shape[-1] == self.input_px:
            return planes
        if not is_traced():
            size = (self.input_px, self.input_px)
            return F.interpolate(planes, size, mode="bilinear", antialias=True)
        # ONNX has no such operation; it is linear, in rows and in columns
        rows, columns = (_resize_matrix(int(side), self.input_px) for side in planes.shape[-2:])
        return rows @ planes @ columns.T

    def to_backbone_input(self, frames: Tensor, flow: Tensor | None) -> Tensor:
        """Return what the backbone takes of faces, see :meth:`forward`: ``(N, channels, …)``."""
        x = (frames - self.mean) / self.std if self.normalises else frames
        if flow is not None:
            x = torch.cat([x, flow / FLOW_SCALE_PX], dim=1)  # (N, 5, H, W)
        return self._resize(x).contiguous(memory_format=torch.channels_last)

    def run(self, backbone: nn.Module, x: Tensor) -> Tensor:
        """Return the output of ``backbone``, this encoder's own or a copy, shape ``(N, width)``."""
        if self.blocks:
            return block_tokens(backbone, x, self.blocks)
        out: Tensor = backbone(x)
        return out


def _resize_matrix(length: int, side_px: int) -> Tensor:
    """Return the weights by which ``length`` pixels make ``side_px``, ``(side_px, length)``."""
    unit = torch.eye(length)[None, None]
    return F.interpolate(unit, (side_px, length), mode="bilinear", antialias=True)[0, 0]


def _backbone(name: str, input_px: int, flow: bool) -> Any:
    if name == BACKBONE_NAME:
        return NoiseResidualNet(flow=flow)
    import timm  # takes seconds

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


def _freeze_untrained(backbone: nn.Module, settings: ModelSettings) -> None:
    if settings.trainable == "norms":
        freeze_all_but_norms(backbone)
    elif settings.trainable == "lora":
        adapters = Adapters(settings.lora_rank, settings.lora_alpha)
        add_adapters(backbone, settings.frame_backbone, adapters)
    elif settings.trainable == "none":
        backbone.requires_grad_(False)


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
