"""Settings of the detector's architecture."""

from typing import Annotated, Literal

from pydantic import AliasChoices, Field, PositiveInt, field_validator

from unmask.config.base import Fraction, SettingsModel, Text


class ModelSettings(SettingsModel):
    """Architecture of the detector, and where its pretrained weights come from."""

    frame_backbone: Text = Field(
        default="efficientnet_b3",
        description="Image backbone: any timm model name, or `residual_tiny`, a small network on "
        "noise residuals that needs no pretrained weights.",
    )
    frame_weights: Text = Field(
        default="pretrained",
        description="Weights of the image backbone: `pretrained` (from the hub), `random`, a name "
        "that `unmask weights list` prints, or a local file.",
    )
    frame_blocks: Annotated[tuple[PositiveInt, ...], Field(strict=False)] = Field(
        default=(),
        description="Blocks of a vision transformer, numbered from 1, whose class tokens "
        "describe a frame; blocks above the last of them are left out. Empty: the output of the "
        "whole backbone.",
    )
    input_px: int = Field(
        default=224, ge=1, description="Side of the face image that the detector sees, in pixels."
    )
    flow: bool = Field(
        default=False, description="Feed optical flow with the image: 5 channels, not 3."
    )
    frame_dim: int = Field(default=2048, ge=1, description="Length of a frame's feature vector.")
    voice_backbone: Text = Field(
        default="facebook/wav2vec2-base",
        description="Speech backbone: a hub name or a local folder of wav2vec 2.0, XLS-R, HuBERT, "
        "WavLM, w2v-BERT 2.0 or Whisper, a name that `unmask weights list` prints, `tiny`, a "
        "small network with random weights, or `spectral`, fixed features without any weights.",
    )
    voice_weights: Literal["pretrained", "random"] = Field(
        default="pretrained", description="Weights of the speech backbone."
    )
    voice_frozen_layers: int = Field(
        default=8, ge=0, description="Number of lower speech layers that are not trained."
    )
    voice_layers: Literal["last", "weighted"] = Field(
        default="last",
        description="What is used of the speech layers: the output of the last, or the sum of all "
        "with learned weights.",
    )
    voice_dim: int = Field(default=512, ge=1, description="Length of an audio step's vector.")
    voice_context_s: float = Field(
        default=0.0,
        ge=0,
        le=4,
        description="Score each audio step by the mean over this many seconds around it, in which "
        "silence counts as undecided. 0: each step by itself.",
    )
    vad_mask: bool = Field(
        default=True, description="Ignore audio in which voice activity detection finds no speech."
    )
    temporal: Literal["conv", "transformer", "none"] = Field(
        default="conv",
        description="Temporal encoder over frames: dilated convolutions, windowed attention, or "
        "none, which judges each frame by itself.",
    )
    temporal_window: int = Field(
        default=8, ge=5, le=10, description="Frames in the attention window of the transformer."
    )
    frame_times: bool = Field(
        default=True,
        description="Give the times of frames and sound to the temporal encoder and to the "
        "attention: frames are neighbours by time and not by index, never across a cut or a gap, "
        "and attend to the sound within half a second. Off: as in bundles of before version 0.3.",
    )
    fusion: Literal["concat", "attention", "none"] = Field(
        default="concat",
        description="Fusion of face and voice: concatenation, cross-modal attention, or none, "
        "which judges a clip by the noisy-OR of both alone.",
    )
    pooling: Literal["mean", "odds"] = Field(
        default="mean",
        description="How a modality's score follows from those of its frames or audio steps: the "
        "mean of their log-odds, or the mean of their odds, which a short forged stretch moves.",
    )
    auxiliary: bool = Field(
        default=False, description="Add auxiliary heads for 68 landmarks and head pose."
    )
    trainable: Literal["all", "norms", "lora", "none"] = Field(
        default="all",
        validation_alias=AliasChoices("trainable", "tuned"),
        serialization_alias="tuned",
        description="Which parameters of the image backbone are trained: all, the normalisation "
        "layers only, low-rank adapters of its attention (LoRA), or none. With none, and without "
        "forged faces, each frame is encoded once for the whole training.",
    )
    lora_rank: int = Field(default=8, ge=1, description="Rank of the adapters, with `lora`.")
    lora_alpha: float = Field(
        default=16.0, gt=0, description="The adapters' product is scaled by this over the rank."
    )
    modalities: Annotated[tuple[Literal["video", "audio"], ...], Field(strict=False)] = Field(
        default=("video", "audio"),
        min_length=1,
        description="Modalities that the detector uses. A fit leaves out one that its clips cannot "
        "teach, such as the sound of a silent data set.",
    )
    dropout: Fraction = Field(default=0.3, description="Dropout probability.")
    modality_dropout: Fraction = Field(
        default=0.2,
        description="Probability that face or voice is hidden in a training sample that has both.",
    )

    @field_validator("frame_blocks")
    @classmethod
    def _check_order(cls, blocks: tuple[int, ...]) -> tuple[int, ...]:
        if list(blocks) != sorted(set(blocks)):
            raise ValueError("numbers of blocks must be ascending")
        return blocks
