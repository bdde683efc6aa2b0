"""Lightning callback that ends a fit which has lost too many clips."""

from collections.abc import Sequence
from typing import cast

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback

from unmask.data.skipped_clips import check_skipped
from unmask.records import Clip
from unmask.training.detector.lightning_module import DetectorModule


class SkippedClipsLimit(Callback):
    """Check of the clips left out so far, after each epoch's validation.

    Args:
        clips: The training and validation clips.
    """

    def __init__(self, clips: Sequence[Clip]) -> None:
        self.clips = tuple(clips)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Check that few clips were left out.

        Raises:
            DataError: A split is empty or too many clips were left out; see
                :func:`unmask.data.skipped_clips.check_skipped`.
        """
        check_skipped(self.clips, cast("DetectorModule", pl_module).problems)
