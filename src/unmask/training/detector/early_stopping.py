"""Early stopping that lets the learning rate fall to 0 first."""

import logging
from math import ceil
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import EarlyStopping

COOLDOWN_SHARE = 0.2  # of all epochs; as good as a cosine in Hägele et al., NeurIPS 2024

log = logging.getLogger(__name__)


class CooldownStopping(EarlyStopping):
    """End of a fit once patience has run out and the learning rate has fallen to 0.

    The optimiser's schedule is a
    :class:`~unmask.training.detector.learning_rate.WarmupCosine`.

    A fit that stops in the middle of its schedule has trained at a high rate only; its weights
    still move a lot from step to step. So a fit whose patience runs out ends with a cool-down of a
    fifth of its epochs, or with the schedule if that is earlier. A metric that is not finite ends
    it at once.
    """

    def __init__(self, monitor: str, patience: int) -> None:
        super().__init__(monitor, patience=patience, mode="max", strict=False)
        self.last_epoch: int | None = None  # of the cool-down

    def state_dict(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {**super().state_dict(), "last_epoch": self.last_epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state of a checkpoint."""
        super().load_state_dict(state_dict)
        self.last_epoch = state_dict.get("last_epoch")

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the cool-down when patience runs out; stop at its end."""
        if self.last_epoch is None:
            super().on_train_epoch_end(trainer, pl_module)
            if not trainer.should_stop or self.wait_count < self.patience:
                return
            trainer.should_stop = False
            self._start_cooldown(trainer)
        trainer.should_stop = trainer.current_epoch >= (self.last_epoch or 0)

    def _start_cooldown(self, trainer: pl.Trainer) -> None:
        epochs = trainer.current_epoch + 1
        length = ceil(epochs * COOLDOWN_SHARE / (1 - COOLDOWN_SHARE))
        scheduler: Any = trainer.lr_scheduler_configs[0].scheduler
        step = scheduler.last_epoch
        for schedule in scheduler.lr_lambdas:  # one for all parameter groups, or each its copy
            schedule.start_cooldown(step, max(step * length // epochs, 1))
        self.last_epoch = min(trainer.current_epoch + length, (trainer.max_epochs or 0) - 1)
        log.info(
            "no better %s for %d epochs; the learning rate falls to 0 until the end of epoch %d",
            self.monitor,
            self.patience,
            self.last_epoch,
        )
