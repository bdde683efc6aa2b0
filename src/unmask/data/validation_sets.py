"""Validation clips in two sets: one that decisions are made on, and one that calibrates.

A choice among epochs or weights favours the clips that it was made on, so that these score better
than new ones. Thresholds that were fitted on them promise too much.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from unmask.config import Settings, ValidationSettings
from unmask.data.splits import GROUP_KEYS, assign_groups, connected_groups
from unmask.records import Clip


@dataclass(frozen=True, slots=True)
class ValidationSets:
    """The two sets, which share no person, no footage and no file.

    Attributes:
        select: Clips that the epoch, the lip-sync weight and everything else that is chosen by
            score is chosen on.
        calibrate: Clips that scales, thresholds and domain are fitted on.
        shared: Why both are all validation clips; empty where they are two sets.
    """

    select: tuple[Clip, ...]
    calibrate: tuple[Clip, ...]
    shared: str = ""


def selection_clips(clips: Sequence[Clip], settings: Settings) -> tuple[Clip, ...]:
    """Return the clips that the epoch and all else that is chosen by score are chosen on.

    They are all ``val`` clips where the calibration is cross-fitted.
    """
    if settings.training.cross_fit:
        return tuple(clip for clip in clips if clip.split == "val")
    return divide_validation(clips, settings.validation).select


def divide_validation(clips: Sequence[Clip], settings: ValidationSettings) -> ValidationSets:
    """Divide the ``val`` clips by person; clips of other splits are ignored.

    Each source is divided by itself. Where validation has sources of its own, which no other split
    shares, whole sources are divided instead. The order of ``clips`` has no effect.

    Returns:
        One set for both where a set would lack genuine or fake clips.
    """
    val = tuple(clip for clip in clips if clip.split == "val")
    fractions = [settings.select_share, 1 - settings.select_share]
    is_chosen = np.zeros(len(val), np.bool_)
    for positions, groups in _strata(clips, val):
        part = [val[position] for position in positions]
        numbers = np.array(assign_groups(part, groups, fractions, settings.seed))
        is_chosen[list(positions)] = numbers == 0
    select, calibrate = (
        tuple(clip for clip, chosen in zip(val, is_chosen, strict=True) if chosen == side)
        for side in (True, False)
    )
    if all(len({clip.is_fake for clip in subset}) == 2 for subset in (select, calibrate)):
        return ValidationSets(select, calibrate)
    people = len({clip.identity for clip in val})
    return ValidationSets(
        val,
        val,
        f"{len(val)} validation clips of {people} people do not make two sets that both have "
        "genuine and fake clips",
    )


def _strata(
    clips: Sequence[Clip], val: Sequence[Clip]
) -> Iterator[tuple[tuple[int, ...], Sequence[Sequence[int]]]]:
    """Yield the positions of clips that are divided together, and the groups among them.

    The numbers of a group are places in the positions. A single group is left to the second set.
    """
    sources = connected_groups(val, (*GROUP_KEYS, "source"))
    elsewhere = {clip.source for clip in clips if clip.split != "val"}
    if len(sources) > 1 and not elsewhere & {clip.source for clip in val}:
        yield tuple(range(len(val))), sources
        return
    for positions in sources:
        groups = connected_groups([val[position] for position in positions])
        if len(groups) > 1:
            yield positions, groups
