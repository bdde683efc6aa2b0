import logging
from types import SimpleNamespace

import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from unmask.config import TrainingSettings
from unmask.training.detector.trainer import BEST, LAST, CsvHistory, build_trainer, quiet_lightning


def write_epoch(history, epoch, **metrics):
    values = {name: torch.tensor(value) for name, value in metrics.items()}
    trainer = SimpleNamespace(current_epoch=epoch, callback_metrics=values)
    history.on_train_epoch_end(trainer, None)


def test_the_history_has_one_line_per_epoch(tmp_path):
    history = CsvHistory(tmp_path / "history.csv")
    write_epoch(history, 0, val_auc=0.5)
    write_epoch(history, 1, val_auc=0.75, train_loss=1 / 3)
    assert (tmp_path / "history.csv").read_text() == (
        "epoch,val_auc,train_loss\n0,0.5,\n1,0.75,0.333333\n"
    )


def test_a_repeated_epoch_replaces_its_line_and_later_ones(tmp_path):
    history = CsvHistory(tmp_path / "history.csv")
    for epoch in range(3):
        write_epoch(history, epoch, val_auc=0.5)
    write_epoch(CsvHistory(tmp_path / "history.csv"), 1, val_auc=0.75)
    assert (tmp_path / "history.csv").read_text() == "epoch,val_auc\n0,0.5\n1,0.75\n"


def test_the_trainer_stores_best_and_last_epoch(tmp_path):
    with quiet_lightning():
        trainer = build_trainer(TrainingSettings(epochs=3, precision="32"), tmp_path, None)
    checkpoints = [c for c in trainer.callbacks if isinstance(c, ModelCheckpoint)]
    assert [f"{c.filename}.ckpt" for c in checkpoints] == [BEST, LAST]
    assert (checkpoints[0].monitor, checkpoints[0].mode) == ("val_auc", "max")
    assert trainer.max_epochs == 3


def test_log_levels_are_restored():
    logger = logging.getLogger("lightning.pytorch")
    before = logger.level
    with quiet_lightning():
        assert logger.level == logging.ERROR
    assert logger.level == before
