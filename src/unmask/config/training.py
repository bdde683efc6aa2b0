"""Settings of training: the detector, augmentation, the lip-sync model and the ensemble."""

from typing import Annotated, Literal

from pydantic import AliasChoices, BeforeValidator, Field

from unmask.config.base import Fraction, SettingsModel, Text, number_to_text
from unmask.config.codec_conditions import VideoConditionName

VoiceForgery = Literal["griffin_lim", "convert", "hifigan-ljspeech", "hifigan-universal"]


class SourceWeight(SettingsModel):
    """How often the clips of a data set are drawn."""

    source: Text = Field(description="Name that `--data NAME=FOLDER` gives the data set.")
    weight: float = Field(gt=0, description="Share, relative to 1 for the other data sets.")


class TrainingSettings(SettingsModel):
    """Optimisation of the detector."""

    epochs: int = Field(default=30, ge=1, description="Maximum number of epochs.")
    batch_clips: int = Field(
        default=8, ge=1, description="Clips per batch, of all devices together."
    )
    accumulate: int = Field(default=1, ge=1, description="Batches per optimiser step.")
    frames: int = Field(default=16, ge=1, description="Consecutive frames of a training sample.")
    audio_s: float = Field(default=4.0, description="Seconds of audio of a training sample.")
    learning_rate: float = Field(default=3e-4, description="Peak learning rate of AdamW.")
    weight_decay: float = Field(default=0.01, description="Weight decay of AdamW.")
    backbone_rate: float = Field(
        default=1.0, gt=0, description="Learning rate of both backbones, relative to the heads'."
    )
    layer_decay: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="Factor of the learning rate from one backbone layer to the one below it.",
    )
    ema_decay: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Decay of the moving average of the weights (EMA) that is validated and kept; "
        "0 keeps the weights themselves.",
    )
    temporal_weight: float = Field(
        default=0.1, description="Weight of the temporal consistency loss."
    )
    modality_weight: float = Field(
        default=0.5, description="Weight of the losses of the single-modality heads."
    )
    landmark_weight: float = Field(
        default=0.1, description="Weight of the landmark loss, with `model.auxiliary`."
    )
    pose_weight: float = Field(
        default=0.1, description="Weight of the head pose loss, with `model.auxiliary`."
    )
    moment_weight: float = Field(
        default=0.0,
        ge=0,
        description="Weight of the losses of single frames and audio steps, whose labels are the "
        "forged segments of the manifest, or else those of the whole clip.",
    )
    partial: Fraction = Field(
        default=0.0,
        description="Share of the labelled fakes of which, in an epoch, only a stretch is cut into "
        "the genuine clip of their pair.",
    )
    fake_source: Literal["labelled", "forged", "both"] = Field(
        default="labelled",
        validation_alias=AliasChoices("fake_source", "fakes"),
        serialization_alias="fakes",
        description="Fakes to train on: the labelled ones, pseudo-fakes synthesised online, or "
        "both. Forged faces need `preprocessing.source_faces`.",
    )
    forged_parts: Annotated[tuple[Literal["face", "voice", "sync"], ...], Field(strict=False)] = (
        Field(
            default=("face", "voice", "sync"),
            min_length=1,
            description="What of a pseudo-fake is forged: the face, the voice, or the time between "
            "them. Only faces take `preprocessing.source_faces`; without them, the features of a "
            "backbone that is not trained are computed once.",
        )
    )
    voice_forgeries: Annotated[tuple[VoiceForgery, ...], Field(strict=False)] = Field(
        default=("griffin_lim", "convert"),
        min_length=1,
        description="How pseudo-fakes have their voice forged, drawn alike: vocoded with "
        "Griffin-Lim, converted to another pitch, or vocoded with HiFi-GAN, whose weights "
        "`unmask weights get` fetches.",
    )
    paired: bool = Field(
        default=True, description="Put a genuine clip and its fakes into the same batch."
    )
    balanced: bool = Field(
        default=False,
        description="Draw data sets, kinds of forgery, and genuine and fake clips alike, in pairs "
        "of a fake and its genuine clip; otherwise each clip once per epoch.",
    )
    source_weights: Annotated[tuple[SourceWeight, ...], Field(strict=False)] = Field(
        default=(),
        description="With `balanced`: shares of single data sets, relative to 1 for the others.",
    )
    patience: int = Field(
        default=8,
        description="Epochs without a better validation AUC before the learning rate falls to "
        "0 and training stops.",
    )
    keep_epoch: Literal["best", "last"] = Field(
        default="best",
        description="Epoch whose weights are kept: that of the best validation AUC, or the last, "
        "where few validation clips would choose by chance.",
    )
    heads: Literal["gradient", "logistic"] = Field(
        default="gradient",
        description="How the heads of face and voice are fitted at last: by gradient steps alone, "
        "or again by logistic regression on the mean features of whole clips. The second takes "
        "`model.trainable=none`, `model.temporal=none` and `model.fusion=none`.",
    )
    cross_fit: int = Field(
        default=0,
        ge=0,
        description="Folds of a cross-fitted calibration: the heads are fitted on training and "
        "validation clips, and calibrated on all of them by heads that saw neither source nor "
        "person of the clip. 0 calibrates on the validation clips alone. It takes "
        "`training.heads=logistic`.",
    )
    validation_frames: int = Field(
        default=0, description="Frames of each clip used for validation in an epoch; 0 uses all."
    )
    detach_fusion: bool = Field(
        default=False,
        validation_alias=AliasChoices("detach_fusion", "detached"),
        serialization_alias="detached",
        description="Stop the gradient of the clip's loss into the single-modality heads.",
    )
    precision: Annotated[Literal["auto", "32", "bf16"], BeforeValidator(number_to_text)] = Field(
        default="auto", description="Floating-point precision of training."
    )
    grad_checkpoint: bool = Field(
        default=False, description="Recompute activations to save memory (gradient checkpointing)."
    )
    workers: int = Field(default=0, description="Data loader processes of each device.")
    accelerator: Literal["auto", "cpu", "gpu"] = Field(
        default="auto", description="Where to train; `auto` takes a GPU if there is one."
    )
    devices: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(
        default=1,
        description="Devices per machine, each with its own process and share of the batch; `auto` "
        "takes all GPUs.",
    )
    nodes: int = Field(default=1, ge=1, description="Machines; more than one take `torchrun`.")
    strategy: Literal["auto", "ddp"] = Field(
        default="auto",
        description="`ddp` starts a process also for a single device; `auto` for several.",
    )
    deterministic: bool = Field(
        default=False,
        description="Use deterministic algorithms alone, so that training on a GPU repeats.",
    )
    compile: bool = Field(default=False, description="Compile the encoders with `torch.compile`.")
    adversarial_epsilon: float = Field(
        default=0.0,
        ge=0,
        description="Budget of adversarial training with FGSM on frames; 0 turns it off.",
    )

    def forges(self, part: Literal["face", "voice", "sync"]) -> bool:
        """Return whether pseudo-fakes with this part forged are synthesised online."""
        return self.fake_source != "labelled" and part in self.forged_parts


class AugmentationSettings(SettingsModel):
    """Probability of each augmentation of a training sample."""

    mirror: Fraction = Field(default=0.5, description="Horizontal flip.")
    light: Fraction = Field(default=1.0, description="Brightness and contrast.")
    colour: Fraction = Field(default=0.0, description="White balance and saturation.")
    blur: Fraction = Field(default=0.0, description="Gaussian blur.")
    resize: Fraction = Field(
        default=0.0,
        description="Scaling down or up, and back; before alignment with "
        "`preprocessing.source_faces`.",
    )
    codec: Fraction = Field(
        default=0.0,
        description="Re-encoding of video and audio; frames as JPEG or H.264 key frames before "
        "alignment with `preprocessing.source_faces`.",
    )
    reencode: Fraction = Field(
        default=0.0,
        description="Taking the clip from a re-encoded copy of its file, which is kept in the "
        "cache.",
    )
    reencodings: Annotated[tuple[VideoConditionName, ...], Field(strict=False)] = Field(
        default=("h264:23", "h264:40"),
        min_length=1,
        description="Codec conditions of these copies, such as `h264:23` or `half`; each takes "
        "about the time and the disk of preprocessing once more.",
    )
    cutout: Fraction = Field(default=0.0, description="Masking of a part of the face.")
    pitch: Fraction = Field(default=0.0, description="Pitch shift of the audio.")
    stretch: Fraction = Field(default=0.0, description="Time stretch of the audio.")
    noise: Fraction = Field(default=0.0, description="White noise added to the audio.")
    tilt: Fraction = Field(default=0.0, description="Spectral tilt of the audio.")


class LipSyncSettings(SettingsModel):
    """Lip-sync model: two towers, trained on genuine clips only."""

    enabled: bool = Field(default=False, description="Train and use the lip-sync model.")
    voice_backbone: str = Field(
        default="",
        description="Frozen speech model whose features the lips are compared with: a name that "
        "`unmask weights list` prints, such as whisper-base, a hub name or a local folder. The "
        "towers are then linear and fitted in closed form, and `epochs`, `batch_windows` and "
        "`learning_rate` have no effect. Empty: two small networks trained by contrast.",
    )
    voice_layer: int = Field(
        default=4, ge=1, description="Layer of `voice_backbone` whose output is used, from 1."
    )
    dim: int = Field(default=64, ge=1, description="Length of an embedding.")
    epochs: int = Field(default=20, ge=0, description="Number of epochs.")
    batch_windows: int = Field(default=512, ge=1, description="Windows of 13 frames per batch.")
    learning_rate: float = Field(default=1e-3, description="Learning rate of AdamW.")
    weight: Fraction = Field(
        default=0.3,
        description="Weight of the lip-sync score in the clip's score, before it is tuned on the "
        "validation clips.",
    )


class EnsembleSettings(SettingsModel):
    """Deep ensemble.

    Each further member takes the next seed, dropout, learning-rate factor and encoders.
    """

    members: int = Field(default=1, description="Number of detectors.")
    shared_frames: bool = Field(
        default=False,
        description="Train and run one frame encoder, that of the first member, for all members. "
        "Five members then take 1.6 times as long as one, not 3.3 times. With "
        "`training.fake_source: labelled` and without adversarial training, the further members "
        "see faces without augmentation.",
    )
    dropouts: Annotated[tuple[Fraction, ...], Field(strict=False)] = Field(
        default=(), description="Dropout probabilities that further members take in turn."
    )
    rate_factors: Annotated[tuple[float, ...], Field(strict=False)] = Field(
        default=(), description="Learning-rate factors that further members take in turn."
    )
    frame_backbones: Annotated[tuple[Text, ...], Field(strict=False)] = Field(
        default=(),
        description="Image backbones that further members take in turn; without any, all have "
        "that of `model`. The first member always has that of `model`.",
    )
    inputs_px: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(strict=False)] = Field(
        default=(), description="Values of `model.input_px` that further members take in turn."
    )
    trainables: Annotated[
        tuple[Literal["all", "norms", "lora", "none"], ...], Field(strict=False)
    ] = Field(
        default=(), description="Values of `model.trainable` that further members take in turn."
    )
    voice_backbones: Annotated[tuple[Text, ...], Field(strict=False)] = Field(
        default=(), description="Speech backbones that further members take in turn."
    )
