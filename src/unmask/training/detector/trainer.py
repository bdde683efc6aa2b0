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
import torch
from lightning.pytorch.callbacks import (
    Callback,
    EarlyStopping,
    ModelCheckpoint,
)

from unmask.config import TrainingSettings
from unmask.files import atomic_write
from unmask.models.precision import use_bf16
from unmask.training.detector.weight_averaging import build_weight_averaging

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


def build_trainer(
    settings: TrainingSettings, run_dir: Path, logger: Any, callbacks: Sequence[Callback] = ()
) -> pl.Trainer:
    """Build a trainer that stores the best and the last epoch in ``run_dir``."""
    bf16 = use_bf16(settings.precision, best_device())
    overwrite: dict[str, Any] = {"enable_version_counter": False}
    checkpoints = [
        ModelCheckpoint(run_dir, BEST.removesuffix(".ckpt"), MONITOR, mode="max", **overwrite),
        # Lightning's own `save_last` stores the last epoch that was the best so far
        ModelCheckpoint(run_dir, LAST.removesuffix(".ckpt"), **overwrite),
    ]
    averaging = [build_weight_averaging(settings.ema_decay)] if settings.ema_decay else []
    early_stopping = EarlyStopping(MONITOR, patience=settings.patience, mode="max", strict=False)
    return pl.Trainer(
        accelerator="auto",
        devices=1,
        precision="bf16-mixed" if bf16 else "32-true",
        max_epochs=settings.epochs,
        accumulate_grad_batches=settings.accumulate,
        gradient_clip_val=GRADIENT_CLIP,
        num_sanity_val_steps=0,
        callbacks=[
            *(*averaging, *checkpoints, early_stopping),
            *(CsvHistory(run_dir / HISTORY), *callbacks),
        ],
        logger=logger or False,
        enable_progress_bar=sys.stderr.isatty(),
        enable_model_summary=False,
        default_root_dir=run_dir,
    )


def best_device() -> torch.device:
    """Return the device that Lightning's ``accelerator="auto"`` selects."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


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
