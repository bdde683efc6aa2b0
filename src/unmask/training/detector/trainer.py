"""Lightning trainer with this project's checkpoints, early stopping and history."""

import csv
import logging
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.plugins.environments import TorchElasticEnvironment
from lightning.pytorch.strategies import DDPStrategy

from unmask import messages
from unmask.config import TrainingSettings
from unmask.files import atomic_write
from unmask.models.precision import use_bf16
from unmask.progress_bar import ProgressLines
from unmask.training.detector.early_stopping import CooldownStopping
from unmask.training.detector.weight_averaging import build_weight_averaging
from unmask.training.devices import training_device
from unmask.training.process_group import count_processes, is_grouped, is_leader

BEST = "best.ckpt"
LAST = "last.ckpt"
HISTORY = "history.csv"
MONITOR = "val_auc"
GRADIENT_CLIP = 1.0  # norm


class CsvHistory(Callback):
    """Metrics as a CSV file with one line per epoch; a resumed fit repeats no line."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Rewrite the file with the metrics of this epoch added."""
        if not is_leader():
            return
        rows = self._earlier_rows(trainer.current_epoch)
        metrics = {name: f"{float(value):.6g}" for name, value in trainer.callback_metrics.items()}
        rows.append({"epoch": str(trainer.current_epoch), **metrics})
        columns = list(dict.fromkeys(name for row in rows for name in row))
        with atomic_write(self.path) as temporary, temporary.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)

    def _earlier_rows(self, epoch: int) -> list[dict[str, str]]:
        if not self.path.is_file():
            return []
        with self.path.open(newline="") as stream:
            return [row for row in csv.DictReader(stream) if int(row["epoch"]) < epoch]


class EpochLines(Callback):
    """A line a minute with the epoch and the time left, for standard error without a bar."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin to count, at the first epoch of this process."""
        epochs = None if (trainer.max_epochs or -1) < 0 else trainer.max_epochs
        left = None if epochs is None else epochs - trainer.current_epoch
        self._lines = ProgressLines("epoch", left)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Count an epoch."""
        auc = trainer.callback_metrics.get(MONITOR)
        self._lines.advance("" if auc is None else f", {MONITOR} {float(auc):.3f}")


def build_trainer(
    settings: TrainingSettings, run_dir: Path, logger: Any, callbacks: Sequence[Callback] = ()
) -> pl.Trainer:
    """Build a trainer that stores the best and the last epoch in ``run_dir``."""
    bf16 = use_bf16(settings.precision, training_device(settings))
    overwrite: dict[str, Any] = {"enable_version_counter": False}
    checkpoints = [
        ModelCheckpoint(run_dir, BEST.removesuffix(".ckpt"), MONITOR, mode="max", **overwrite),
        # Lightning's own `save_last` stores the last epoch that was the best so far
        ModelCheckpoint(run_dir, LAST.removesuffix(".ckpt"), **overwrite),
    ]
    has_bar = sys.stderr.isatty() and messages.is_plain()
    lines = [] if has_bar or not is_leader() else [EpochLines()]
    averaging = [build_weight_averaging(settings.ema_decay)] if settings.ema_decay else []
    return pl.Trainer(
        accelerator=settings.accelerator,
        deterministic=settings.deterministic or None,
        precision="bf16-mixed" if bf16 else "32-true",
        max_epochs=settings.epochs,
        accumulate_grad_batches=settings.accumulate,
        gradient_clip_val=GRADIENT_CLIP,
        num_sanity_val_steps=0,
        callbacks=[
            *(*averaging, *checkpoints, CooldownStopping(MONITOR, settings.patience)),
            *(CsvHistory(run_dir / HISTORY), *lines, *callbacks),
        ],
        logger=logger or False,
        enable_progress_bar=has_bar,
        enable_model_summary=False,
        default_root_dir=run_dir,
        **_distribute(settings),
    )


def _distribute(settings: TrainingSettings) -> dict[str, Any]:
    """Return the trainer's options for the processes of the group, which run already."""
    if not is_grouped():
        return {"devices": 1}
    # a part of the detector without input in a batch has no gradient there
    strategy = DDPStrategy(find_unused_parameters=True, broadcast_buffers=False)
    return {
        "devices": count_processes() // settings.nodes,
        "num_nodes": settings.nodes,
        "strategy": strategy,
        "plugins": [TorchElasticEnvironment()],  # reads rank and size that both launchers set
        "use_distributed_sampler": False,  # the samplers of the loaders do that
    }


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Suppress Lightning's tips and its warnings about data loaders while in the block."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"lightning\..*")
            warnings.filterwarnings("ignore", message=".*does not have many workers.*")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
