"""Whether a data set has enough clips for what a run promises, asked before the work starts."""

from collections.abc import Iterator, Sequence

from unmask.config import Settings
from unmask.data.validation_sets import divide_validation
from unmask.evaluation.sample_size import describe_shortage
from unmask.models.calibration.conformal import min_calibration_size
from unmask.records import Clip


def describe_too_few(clips: Sequence[Clip], settings: Settings) -> Iterator[str]:
    """Yield a sentence for each promise that the clips are too few for.

    Args:
        clips: Clips of train, val and test, before any is forged or left out.
    """
    test = [clip for clip in clips if clip.split == "test"]
    fakes = sum(clip.is_fake for clip in test)
    people = len({clip.identity for clip in test})
    evaluation = settings.evaluation
    if shortage := describe_shortage(fakes, len(test) - fakes, people, evaluation):
        yield f"too few clips: {shortage}, so none will be decided and nothing promoted"
    rates = settings.uncertainty
    for verdict, is_fake, rate in (("fake", False, rates.fpr), ("real", True, rates.fnr)):
        count = len({c.identity for c in _calibration(clips, settings) if c.is_fake == is_fake})
        if count < (needed := min_calibration_size(rate)):
            kind = "fake" if is_fake else "genuine"
            yield (
                f"too few clips: {count} people in the {kind} clips that calibrate; an error rate "
                f"of at most {rate:.3g} takes {needed}, so the verdict {verdict!r} will never be "
                f"given (uncertainty.{'fnr' if is_fake else 'fpr'} sets the rate)"
            )


def _calibration(clips: Sequence[Clip], settings: Settings) -> Sequence[Clip]:
    if settings.training.cross_fit:
        return [clip for clip in clips if clip.split in ("train", "val")]
    return divide_validation(clips, settings.validation).calibrate
