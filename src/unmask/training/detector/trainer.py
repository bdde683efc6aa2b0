"""Lightning's trainer as this project uses it."""

import csv
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint

from unmask.config import TrainingSettings
from unmask.files import atomic_write
from unmask.models.precision import use_bf16

BEST = "best.ckpt"
LAST = "last.ckpt"
HISTORY = "history.csv"
WATCHED = "val_auc"
_OVER: dict[str, Any] = {"enable_version_counter": False}  # the same name again, not a number


class CsvHistory(Callback):
    """One line per epoch in a CSV file; after a kill the lines go on, none twice."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the file anew with this epoch's numbers."""
        rows = self._before(trainer.current_epoch)
        metrics = {name: f"{float(value):.6g}" for name, value in trainer.callback_metrics.items()}
        rows.append({"epoch": str(trainer.current_epoch), **metrics})
        columns = list(dict.fromkeys(name for row in rows for name in row))
        with atomic_write(self.path) as unfinished, unfinished.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)

    def _before(self, epoch: int) -> list[dict[str, str]]:
        if not self.path.is_file():
            return []
        with self.path.open(newline="") as stream:
            return [row for row in csv.DictReader(stream) if int(row["epoch"]) < epoch]


def build_trainer(settings: TrainingSettings, folder: Path, logger: Any) -> pl.Trainer:
    """A trainer that keeps the best and the last epoch in ``folder``."""
    bf16 = use_bf16(settings.precision, best_device())
    # Lightning's own `save_last` keeps the last of the epochs that were the best so far
    kept = [
        ModelCheckpoint(folder, BEST.removesuffix(".ckpt"), WATCHED, mode="max", **_OVER),
        ModelCheckpoint(folder, LAST.removesuffix(".ckpt"), **_OVER),
    ]
    stop = EarlyStopping(WATCHED, patience=settings.patience, mode="max", strict=False)
    return pl.Trainer(
        accelerator="auto",
        devices=1,
        precision="bf16-mixed" if bf16 else "32-true",
        max_epochs=settings.epochs,
        accumulate_grad_batches=settings.accumulate,
        gradient_clip_val=1.0,
        num_sanity_val_steps=0,
        callbacks=[*kept, stop, CsvHistory(folder / HISTORY)],
        logger=logger or False,
        enable_progress_bar=sys.stderr.isatty(),
        enable_model_summary=False,
        default_root_dir=folder,
    )


def best_device() -> torch.device:
    """The device that Lightning's ``auto`` picks."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Lightning's tips and its advice on loaders are no news; afterwards all is as it was."""
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
