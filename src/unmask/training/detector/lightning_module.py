"""Lightning module of the detector: losses, optimiser, validation AUC."""

from collections.abc import Callable
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from torch import Tensor

from unmask.config import TrainingSettings
from unmask.data.torch.collate import ClipBatch
from unmask.errors import TrainingError
from unmask.evaluation.metrics import roc_auc
from unmask.models.adversarial import FRAMES, fgsm
from unmask.models.collate import Batch
from unmask.models.detector import Detector, DetectorOutput
from unmask.models.losses import Losses, Targets, detach_modalities, detector_loss
from unmask.training.detector.parameter_groups import parameter_groups

WARMUP_SHARE = 0.1  # share of the steps with a rising learning rate
MAX_PROBLEMS_SHOWN = 3


class DetectorModule(pl.LightningModule):
    """Training and validation of a detector.

    Logs ``train_loss``, ``train_clip``, ``train_video``, ``train_audio``, ``train_temporal``,
    ``val_loss``, ``val_auc``, ``val_auc_video`` and ``val_auc_audio``; with auxiliary heads also
    ``train_landmarks`` and ``train_pose``.

    Attributes:
        problems: ``clip_id`` and reason of clips that could not be used.
    """

    def __init__(self, detector: Detector, settings: TrainingSettings, seed: int) -> None:
        super().__init__()
        self.detector = detector
        self.settings = settings
        self.seed = seed
        self.problems: dict[str, str] = {}
        self._validation_rows: list[dict[str, Tensor]] = []

    def transfer_batch_to_device(self, batch: ClipBatch, device: torch.device, _: int) -> ClipBatch:
        """Move the tensors of a batch."""
        inputs = None if batch.batch is None else batch.batch.to(device)
        features = None if batch.frame_features is None else batch.frame_features.to(device)
        return ClipBatch(batch.clips, inputs, batch.targets.to(device), batch.problems, features)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the problems: a resumed fit does not load earlier batches again."""
        checkpoint["problems"] = dict(self.problems)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the problems."""
        self.problems.update(checkpoint.get("problems", {}))

    def on_train_batch_start(self, batch: ClipBatch, batch_idx: int) -> None:
        """Seed dropout by seed, epoch and step alone, so that a resumed fit is identical."""
        rng = np.random.default_rng((self.seed, self.current_epoch, batch_idx))
        torch.manual_seed(int(rng.integers(2**63)))

    def training_step(self, clips: ClipBatch, _: int) -> Tensor | None:
        """Compute the loss; with adversarial training the mean with that of attacked faces."""
        self.problems.update(clips.problems)
        if clips.batch is None:
            return None
        losses = self._losses(self._predict(clips.batch, clips.frame_features), clips.targets)
        total = losses.total
        if epsilon := self.settings.adversarial_epsilon:
            attacked = fgsm(self.detector, clips.batch, clips.targets.is_fake, FRAMES, epsilon)
            adversarial = self._losses(self._predict(attacked), clips.targets)
            total = (total + adversarial.total) / 2
        heads = ("landmarks", "pose") if self.detector.auxiliary else ()
        for name in ("clip", "video", "audio", "temporal", *heads):
            self._log(f"train_{name}", getattr(losses, name), clips)
        self._log("train_loss", total, clips, prog_bar=True)
        return total

    def validation_step(self, clips: ClipBatch, _: int) -> None:
        """Collect the logits of a batch."""
        self.problems.update(clips.problems)
        if clips.batch is None:
            return
        prediction: DetectorOutput = self.detector(clips.batch, frame_features=clips.frame_features)
        losses = self._losses(prediction, clips.targets)
        self._log("val_loss", losses.total, clips, prog_bar=True)
        row = {
            "is_fake": clips.targets.is_fake,
            "fake_video": clips.targets.fake_video,
            "fake_audio": clips.targets.fake_audio,
            "logit": prediction.logit,
            "video": prediction.video_logit,
            "audio": prediction.audio_logit,
            "knows_video": clips.targets.knows_video & prediction.frame_mask.any(1),
            "knows_audio": clips.targets.knows_audio & prediction.step_mask.any(1),
        }
        self._validation_rows.append({name: value.detach().cpu() for name, value in row.items()})

    def on_validation_epoch_end(self) -> None:
        """Log the AUC of all clips and of each modality that has both classes.

        Raises:
            TrainingError: No validation clip could be scored, or those that could are all
                genuine or all fake.
        """
        rows, self._validation_rows = self._validation_rows, []
        if not rows:
            raise TrainingError(f"no validation clip could be scored; {self._describe_problems()}")
        columns = {name: torch.cat([row[name] for row in rows]).numpy() for name in rows[0]}
        all_clips = np.ones(len(columns["logit"]), bool)
        is_fake = columns["is_fake"]
        if is_fake.all() or not is_fake.any():
            raise TrainingError(
                f"{is_fake.sum()} of {len(is_fake)} validation clips are fake; an AUC needs "
                f"genuine and fake ones; {self._describe_problems()}"
            )
        for name, logits, labels, mask in (
            ("val_auc", columns["logit"], is_fake, all_clips),
            ("val_auc_video", columns["video"], columns["fake_video"], columns["knows_video"]),
            ("val_auc_audio", columns["audio"], columns["fake_audio"], columns["knows_audio"]),
        ):
            if len(set(labels[mask].tolist())) == 2:
                auc = roc_auc(logits[mask].astype(np.float64), labels[mask])
                self.log(name, auc, prog_bar=name == "val_auc")

    def configure_optimizers(self) -> Any:
        """Build AdamW with its parameter groups, and a warm-up-cosine schedule."""
        optimiser = torch.optim.AdamW(parameter_groups(self.detector, self.settings))
        steps = max(int(self.trainer.estimated_stepping_batches), 1)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, warmup_cosine(steps))
        return [optimiser], [{"scheduler": schedule, "interval": "step"}]

    def _predict(self, batch: Batch, frame_features: Tensor | None = None) -> DetectorOutput:
        prediction: DetectorOutput = self.detector(batch, frame_features=frame_features)
        return detach_modalities(prediction) if self.settings.detach_fusion else prediction

    def _describe_problems(self) -> str:
        shown = list(self.problems.items())[:MAX_PROBLEMS_SHOWN]
        reasons = "; ".join(f"{clip_id}: {problem}" for clip_id, problem in shown)
        return f"{len(self.problems)} clips were left out ({reasons})"

    def _losses(self, prediction: DetectorOutput, targets: Targets) -> Losses:
        settings = self.settings
        return detector_loss(
            prediction,
            targets,
            settings.modality_weight,
            settings.temporal_weight,
            settings.landmark_weight,
            settings.pose_weight,
        )

    def _log(self, name: str, value: Tensor, clips: ClipBatch, *, prog_bar: bool = False) -> None:
        self.log(
            name,
            value,
            prog_bar=prog_bar,
            on_step=False,
            on_epoch=True,
            batch_size=len(clips.clips),
        )


def warmup_cosine(steps: int) -> Callable[[int], float]:
    """Return the factor of the learning rate at each step: linear warm-up, half a cosine decay.

    Unlike ``transformers.get_cosine_schedule_with_warmup``, whose first step has a rate of 0, the
    warm-up starts above 0 and reaches 1 in its last step.

    Example:
        >>> factor = warmup_cosine(20)
        >>> [factor(0), factor(1), factor(20)]
        [0.5, 1.0, 0.0]
    """
    warmup = max(round(steps * WARMUP_SHARE), 1)

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        progress = min((step - warmup) / max(steps - warmup, 1), 1.0)
        return float(0.5 * (1 + np.cos(np.pi * progress)))

    return factor
