"""Which validation clips calibrate a bundle, and which it was chosen on."""

from collections.abc import Sequence

from unmask.config import UncertaintySettings
from unmask.data.splits import select_split
from unmask.data.validation_sets import ValidationSets, divide_validation
from unmask.models.bundle import Bundle
from unmask.models.calibration.conformal import min_calibration_size
from unmask.records import Clip


def calibration_sets(
    bundle: Bundle, clips: Sequence[Clip], rates: UncertaintySettings
) -> ValidationSets:
    """Return the validation clips, divided as for the fit of the bundle.

    One set does both for bundles that were fitted so, and where verdicts take more people than
    those that no choice was made on.
    """
    val = select_split(clips, "val")
    if bundle.validation is None:
        return ValidationSets(val, val, "all validation clips chose the epoch of this bundle")
    sets = divide_validation(clips, bundle.validation)
    if sets.shared or _bears(sets.calibrate, rates) or not _bears(val, rates):
        return sets
    return ValidationSets(
        val, val, f"the verdicts take more people than {len(sets.calibrate)} clips have"
    )


def _bears(clips: Sequence[Clip], rates: UncertaintySettings) -> bool:
    """Return whether clips of so many people can guarantee the rates of both verdicts."""
    return all(
        len({clip.identity for clip in clips if clip.is_fake == is_fake})
        >= min_calibration_size(rate)
        for is_fake, rate in ((False, rates.fpr), (True, rates.fnr))
    )
