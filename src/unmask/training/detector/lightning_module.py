"""Lightning module of the detector: losses, optimiser, validation AUC."""

from collections.abc import Mapping
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
from unmask.models.losses import (
    Losses,
    LossWeights,
    Sum,
    Targets,
    detach_modalities,
    loss_sums,
    no_sums,
    weigh_losses,
)
from unmask.training.detector.fixed_weights import fixed_weights
from unmask.training.detector.learning_rate import WarmupCosine
from unmask.training.detector.parameter_groups import parameter_groups
from unmask.training.process_group import (
    average,
    average_batch_statistics,
    count_items,
    gather_objects,
    is_grouped,
    process_rank,
    share_counts,
)

MAX_PROBLEMS_SHOWN = 3
# keys of a checkpoint: the weights, and with a moving average the current ones
MODEL_STATES = {"state_dict", "current_model_state"}


class DetectorModule(pl.LightningModule):
    """Training and validation of a detector.

    Logs ``train_loss``, ``train_clip``, ``train_video``, ``train_audio``, ``train_parts``,
    ``train_temporal``, ``val_loss``, ``val_auc``, ``val_auc_video`` and ``val_auc_audio``; with
    auxiliary heads also ``train_landmarks`` and ``train_pose``, with a weight of moments
    ``train_frames`` and ``train_steps``. ``learning_rate`` is that of the heads, the mean over an
    epoch.

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
        return batch.to(device)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the problems, which a resumed fit does not meet again; leave fixed weights out."""
        checkpoint["problems"] = dict(self.problems)
        fixed = self._fixed_weights()
        for key in MODEL_STATES & checkpoint.keys():
            state = checkpoint[key]
            checkpoint[key] = {name: state[name] for name in state if name not in fixed}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the problems, and add the fixed weights to what the checkpoint has."""
        self.problems.update(checkpoint.get("problems", {}))
        for key in MODEL_STATES & checkpoint.keys():
            checkpoint[key] = {**self._fixed_weights(), **checkpoint[key]}

    def on_train_batch_start(self, batch: ClipBatch, batch_idx: int) -> None:
        """Seed dropout by seed, epoch, step and rank alone, so that a resumed fit is identical."""
        key = (self.seed, self.current_epoch, batch_idx)
        rank = process_rank()
        rng = np.random.default_rng((*key, rank) if rank else key)
        torch.manual_seed(int(rng.integers(2**63)))
        (optimiser,) = self.trainer.optimizers
        rate = max(group["lr"] for group in optimiser.param_groups)
        self.log("learning_rate", rate, on_step=False, on_epoch=True, batch_size=1)

    def training_step(self, clips: ClipBatch, _: int) -> Tensor | None:
        """Compute the loss; with adversarial training the mean with that of attacked faces.

        Without a usable clip it is ``None``, which skips the step. Lightning forbids that in a
        group of processes, where it is zero, so that all of them run backward.
        """
        self.problems.update(clips.problems)
        usable = count_items(len(clips.clips), self.device)
        if not usable:
            return self._connected_zero() if is_grouped() else None
        losses = self._weigh(self._sums(clips, clips.batch, clips.frame_features))
        total = losses.total
        if epsilon := self.settings.adversarial_epsilon:
            attacked = None
            if clips.batch is not None:
                attacked = fgsm(self.detector, clips.batch, clips.targets.is_fake, FRAMES, epsilon)
            total = (total + self._weigh(self._sums(clips, attacked)).total) / 2
        heads = ("landmarks", "pose") if self.detector.auxiliary else ()
        moments = ("frames", "steps") if self.settings.moment_weight else ()
        names = ("clip", "video", "audio", "parts", "temporal", *heads, *moments)
        terms = {f"train_{name}": getattr(losses, name) for name in names}
        self._log({**terms, "train_loss": total}, usable)
        if not total.requires_grad:  # no clip of this process, but of others, which wait for it
            total = total + self._connected_zero()
        return total

    def on_validation_epoch_start(self) -> None:
        """Give every process the same running statistics of batch norms."""
        average_batch_statistics(self.detector)

    def validation_step(self, clips: ClipBatch, _: int) -> None:
        """Collect the logits of a batch."""
        self.problems.update(clips.problems)
        usable = count_items(len(clips.clips), self.device)
        if not usable:
            return
        sums = no_sums(self.device)
        if clips.batch is not None:
            prediction = self._run(clips.batch, clips.frame_features)
            sums = loss_sums(prediction, clips.targets)
            self._validation_rows.append(_validation_row(prediction, clips.targets))
        self._log({"val_loss": self._weigh(sums).total}, usable)

    def on_validation_epoch_end(self) -> None:
        """Log the AUC of all processes' clips, and of each modality that has both classes.

        Raises:
            TrainingError: No validation clip could be scored, or those that could are all
                genuine or all fake.
        """
        gathered = gather_objects((self._validation_rows, self.problems))
        self._validation_rows = []
        rows = [row for process_rows, _ in gathered for row in process_rows]
        for _, problems in gathered:
            self.problems.update(problems)
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
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, WarmupCosine(steps))
        return [optimiser], [{"scheduler": schedule, "interval": "step"}]

    def _fixed_weights(self) -> dict[str, Tensor]:
        """Return the weights that the fit never changes, by their names in this module."""
        return {f"detector.{name}": value for name, value in fixed_weights(self.detector).items()}

    def _connected_zero(self) -> Tensor:
        """Return a loss of zero whose gradient can be computed."""
        return 0.0 * next(p for p in self.parameters() if p.requires_grad).sum()

    def _predict(self, batch: Batch, features: Tensor | None = None) -> DetectorOutput:
        prediction = self._run(batch, features)
        return detach_modalities(prediction) if self.settings.detach_fusion else prediction

    def _run(self, batch: Batch, features: Tensor | None) -> DetectorOutput:
        """Run the detector, on precomputed features of its backbone where there are any."""
        if features is not None:
            features = self.detector.project_frames(features, batch.frame_mask)
        prediction: DetectorOutput = self.detector(batch, frame_features=features)
        return prediction

    def _describe_problems(self) -> str:
        shown = list(self.problems.items())[:MAX_PROBLEMS_SHOWN]
        reasons = "; ".join(f"{clip_id}: {problem}" for clip_id, problem in shown)
        return f"{len(self.problems)} clips were left out ({reasons})"

    def _sums(
        self, clips: ClipBatch, batch: Batch | None, frame_features: Tensor | None = None
    ) -> tuple[Sum, ...]:
        """Return the sums of the losses of ``batch``, the clips' own or an attacked one."""
        if batch is None:
            return no_sums(self.device)
        return loss_sums(self._predict(batch, frame_features), clips.targets)

    def _weigh(self, sums: tuple[Sum, ...]) -> Losses:
        settings = self.settings
        weights = LossWeights(
            settings.modality_weight,
            settings.temporal_weight,
            settings.landmark_weight,
            settings.pose_weight,
            settings.moment_weight,
        )
        return weigh_losses(sums, weights, share_counts)

    def _log(self, values: Mapping[str, Tensor], batch_size: int) -> None:
        """Log losses, the mean over the processes, which is that over all their clips."""
        means = average(torch.stack([value.float() for value in values.values()]))
        for name, value in zip(values, means, strict=True):
            self.log(
                name,
                value,
                prog_bar=name.endswith("_loss"),
                on_step=False,
                on_epoch=True,
                batch_size=batch_size,
            )


def _validation_row(prediction: DetectorOutput, targets: Targets) -> dict[str, Tensor]:
    """Return labels and logits of a batch, on the CPU."""
    row = {
        "is_fake": targets.is_fake,
        "fake_video": targets.fake_video,
        "fake_audio": targets.fake_audio,
        "logit": prediction.logit,
        "video": prediction.video_logit,
        "audio": prediction.audio_logit,
        "knows_video": targets.knows_video & prediction.frame_mask.any(1),
        "knows_audio": targets.knows_audio & prediction.step_mask.any(1),
    }
    return {name: value.detach().cpu() for name, value in row.items()}
