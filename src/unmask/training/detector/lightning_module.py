"""The detector as Lightning trains it."""

from collections.abc import Callable
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from torch import Tensor

from unmask.config import TrainingSettings
from unmask.data.torch.evaluation_set import ClipBatch
from unmask.errors import TrainingError
from unmask.evaluation.metrics import roc_auc
from unmask.models.adversarial import FRAMES, fgsm
from unmask.models.collate import Batch
from unmask.models.detector import Detector, DetectorOutput
from unmask.models.losses import Losses, Targets, detach_modalities, detector_loss

WARM_UP = 0.1  # share of the steps in which the learning rate rises


class DetectorModule(pl.LightningModule):
    """Losses, optimiser and validation metrics.

    The metrics are ``train_loss``, ``train_clip``, ``train_video``, ``train_audio``,
    ``train_temporal``, ``val_loss``, ``val_auc``, ``val_auc_video`` and ``val_auc_audio``; with
    auxiliary heads ``train_landmarks`` and ``train_pose`` too.

    Attributes:
        problems: Clips that could not be used, and why.
    """

    def __init__(self, detector: Detector, settings: TrainingSettings, seed: int) -> None:
        super().__init__()
        self.detector = detector
        self.settings = settings
        self.seed = seed
        self.problems: dict[str, str] = {}
        self._seen: list[dict[str, Tensor]] = []

    def transfer_batch_to_device(self, batch: ClipBatch, device: torch.device, _: int) -> ClipBatch:
        """Move the tensors of a batch."""
        moved = None if batch.batch is None else batch.batch.to(device)
        seen = None if batch.seen is None else batch.seen.to(device)
        return ClipBatch(batch.clips, moved, batch.targets.to(device), batch.problems, seen)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what could not be used, too: a fit that goes on does not meet it again."""
        checkpoint["problems"] = dict(self.problems)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Remember it."""
        self.problems.update(checkpoint.get("problems", {}))

    def on_train_batch_start(self, batch: ClipBatch, batch_idx: int) -> None:
        """Make dropout depend on seed, epoch and step alone, for the sake of resuming."""
        rng = np.random.default_rng((self.seed, self.current_epoch, batch_idx))
        torch.manual_seed(int(rng.integers(2**63)))

    def training_step(self, clips: ClipBatch, _: int) -> Tensor | None:
        """One batch; with adversarial training half of the loss is that of attacked faces."""
        self.problems.update(clips.problems)
        if clips.batch is None:
            return None
        losses = self._losses(self._predicted(clips.batch, clips.seen), clips.targets)
        total = losses.total
        if epsilon := self.settings.adversarial_epsilon:
            attacked = fgsm(self.detector, clips.batch, clips.targets.is_fake, FRAMES, epsilon)
            harder = self._losses(self._predicted(attacked), clips.targets)
            total = (total + harder.total) / 2
        heads = ("landmarks", "pose") if self.detector.auxiliary else ()
        for name in ("clip", "video", "audio", "temporal", *heads):
            self._log(f"train_{name}", getattr(losses, name), clips)
        self._log("train_loss", total, clips, prog_bar=True)
        return total

    def validation_step(self, clips: ClipBatch, _: int) -> None:
        """Remember what was said of a batch."""
        self.problems.update(clips.problems)
        if clips.batch is None:
            return
        prediction: DetectorOutput = self.detector(clips.batch, seen=clips.seen)
        losses = self._losses(prediction, clips.targets)
        self._log("val_loss", losses.total, clips, prog_bar=True)
        row = {
            "fake_video": clips.targets.fake_video,
            "fake_audio": clips.targets.fake_audio,
            "logit": prediction.logit,
            "video": prediction.video_logit,
            "audio": prediction.audio_logit,
            "seen": prediction.frame_mask.any(1),
            "heard": prediction.step_mask.any(1),
        }
        self._seen.append({name: value.detach().cpu() for name, value in row.items()})

    def on_validation_epoch_end(self) -> None:
        """Turn an epoch's scores into AUCs; one modality's is left out where it has one class.

        Raises:
            TrainingError: The clips that could be scored are all genuine, or all fake.
        """
        seen, self._seen = self._seen, []
        if not seen:
            raise TrainingError(f"no validation clip could be scored; {self._reasons()}")
        all_of = {name: torch.cat([row[name] for row in seen]).numpy() for name in seen[0]}
        everyone = np.ones(len(all_of["logit"]), bool)
        is_fake = all_of["fake_video"] | all_of["fake_audio"]
        if is_fake.all() or not is_fake.any():
            raise TrainingError(
                f"{is_fake.sum()} of {len(is_fake)} validation clips are fake; an AUC needs "
                f"genuine and fake ones; {self._reasons()}"
            )
        for name, logits, labels, mask in (
            ("val_auc", all_of["logit"], is_fake, everyone),
            ("val_auc_video", all_of["video"], all_of["fake_video"], all_of["seen"]),
            ("val_auc_audio", all_of["audio"], all_of["fake_audio"], all_of["heard"]),
        ):
            if len(set(labels[mask].tolist())) == 2:
                auc = roc_auc(logits[mask].astype(np.float64), labels[mask])
                self.log(name, auc, prog_bar=name == "val_auc")

    def configure_optimizers(self) -> Any:
        """AdamW without decay on norms and biases; a short rise, then a cosine down to zero."""
        tuned = [p for p in self.parameters() if p.requires_grad]
        groups: list[dict[str, Any]] = [
            {"params": [p for p in tuned if p.ndim > 1]},
            {"params": [p for p in tuned if p.ndim <= 1], "weight_decay": 0.0},
        ]
        optimiser = torch.optim.AdamW(
            groups, lr=self.settings.learning_rate, weight_decay=self.settings.weight_decay
        )
        steps = max(int(self.trainer.estimated_stepping_batches), 1)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, _warmup_cosine(steps))
        return [optimiser], [{"scheduler": schedule, "interval": "step"}]

    def _predicted(self, batch: Batch, seen: Tensor | None = None) -> DetectorOutput:
        prediction: DetectorOutput = self.detector(batch, seen=seen)
        return detach_modalities(prediction) if self.settings.detached else prediction

    def _reasons(self) -> str:
        shown = [f"{clip_id}: {why}" for clip_id, why in list(self.problems.items())[:3]]
        return f"{len(self.problems)} were left out ({'; '.join(shown)})"

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


def _warmup_cosine(steps: int) -> Callable[[int], float]:
    """Factor of the learning rate at each step: linear up, half a cosine down."""
    rise = max(round(steps * WARM_UP), 1)

    def factor(step: int) -> float:
        if step < rise:
            return (step + 1) / rise
        done = min((step - rise) / max(steps - rise, 1), 1.0)
        return float(0.5 * (1 + np.cos(np.pi * done)))

    return factor
