"""Quality effects: facts of the material, and verdicts on test clips that are like it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log2
from typing import Any

from unmask.models.footage_obstacles import UNLIKE_REASONS
from unmask.preprocessing.material.picture_facts import PictureFacts
from unmask.records import MediaInfo, Reason
from unmask.serving.aggregation.media_quality import MediaStatistics
from unmask.serving.report.quality import (
    PictureQuality,
    Quality,
    QualityEffect,
    QualityFact,
    ReportedCondition,
    SoundQuality,
)

MAX_OCTAVES = 0.6  # between a fact of a file and the median of the test clips that are like it
BLOCK_GRID = 0.25  # of the test clips of profile demo, as they are, none has half as strong a grid
ORIGINAL, HALF, AUDIO_CODECS = "original", "half", ("aac", "opus")
NOT_MEASURED = "What this does to verdicts was not measured."
OTHER_FOOTAGE = "What this does to verdicts on footage like this was not measured."


@dataclass(frozen=True, slots=True)
class _Fact:
    """A fact in words, with the conditions that vary it.

    Attributes:
        name: Of the fact in :attr:`ReportedCondition.facts`; empty if no condition varies it.
    """

    code: QualityFact
    message: str
    name: str = ""
    value: float | None = None


def complete_quality(
    media: MediaStatistics,
    info: MediaInfo,
    measured: Sequence[Mapping[str, Any]],
    obstacles: frozenset[Reason],
) -> Quality:
    """Return the quality of the material with its facts, and what they do to verdicts.

    Args:
        measured: Fields of each :class:`ReportedCondition`, as stored at promotion.
        obstacles: Of the verdict. Where the footage is unlike the calibration clips, rates of test
            clips say nothing about it.
    """
    quality = media.quality()
    conditions = tuple(ReportedCondition.model_validate(each) for each in measured)
    picture, sound = _picture(media.picture) if info.has_video else None, None
    if media.sound.cutoff_hz is not None:
        snr_db = media.sound.snr_db
        sound = SoundQuality(
            cutoff_hz=round(media.sound.cutoff_hz),
            snr_db=None if snr_db is None else round(snr_db, 1),
        )
    effects = tuple(
        _effect(fact, info, conditions, is_unlike=bool(obstacles & UNLIKE_REASONS))
        for fact in _facts(quality, info, picture, sound)
    )
    return quality.model_copy(update={"picture": picture, "sound": sound, "effects": effects})


def _picture(facts: PictureFacts) -> PictureQuality:
    grid, share = facts.grid_strength, facts.repeated_share
    return PictureQuality(
        noise=_rounded(facts.noise, 2),
        bits_per_pixel=_rounded(facts.bits_per_pixel, 4),
        grid_strength=_rounded(grid, 3),
        has_block_grid=None if grid is None else grid > BLOCK_GRID,
        repeated_share=_rounded(share, 3),
        is_converted=facts.is_converted,
    )


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _facts(
    quality: Quality, info: MediaInfo, picture: PictureQuality | None, sound: SoundQuality | None
) -> Iterator[_Fact]:
    if quality.face_width_px is not None:
        text = f"Faces are {quality.face_width_px:.0f} px wide on average."
        yield _Fact("face_size", text, "face_width_px", quality.face_width_px)
    if picture is not None:
        yield from _picture_facts(picture, info)
    if sound is not None and sound.cutoff_hz is not None:
        limit = ", the highest frequency that is looked at" if sound.cutoff_hz >= 7900 else ""
        text = f"Speech reaches up to {sound.cutoff_hz / 1000:.1f} kHz{limit}."
        yield _Fact("bandwidth", text, "cutoff_hz", sound.cutoff_hz)
    if sound is not None and sound.snr_db is not None:
        text = f"Speech is {sound.snr_db:.0f} dB above the pauses; music there counts as noise."
        yield _Fact("snr", text)


def _picture_facts(picture: PictureQuality, info: MediaInfo) -> Iterator[_Fact]:
    if (bits := picture.bits_per_pixel) is not None:
        text = f"Compression leaves {bits:.3f} bits per pixel ({info.video_codec})."
        yield _Fact("compression", text, "bits_per_pixel", bits)
    if picture.has_block_grid:
        text = "Blocks of 8 pixels show: the picture was compressed before by another codec, "
        yield _Fact("older_compression", f"{text}or is compressed very strongly.")
    if picture.noise is not None:
        text = f"Noise and fine texture amount to {picture.noise:.1f} of 255 grey levels."
        yield _Fact("noise", text)
    if picture.is_converted:
        text = f"{picture.repeated_share:.0%} of the pictures repeat the one before, regularly: "
        yield _Fact("frame_rate", f"{text}the frame rate was raised.")


def _effect(
    fact: _Fact, info: MediaInfo, conditions: Sequence[ReportedCondition], *, is_unlike: bool
) -> QualityEffect:
    alike = None if is_unlike else _find_alike(fact, info, conditions)
    if alike is not None:
        message = f"{fact.message} {_describe(alike)}"
        return QualityEffect(fact=fact.code, condition=alike.condition, message=message)
    unknown = OTHER_FOOTAGE if is_unlike else NOT_MEASURED
    return QualityEffect(fact=fact.code, condition=None, message=f"{fact.message} {unknown}")


def _find_alike(
    fact: _Fact, info: MediaInfo, conditions: Sequence[ReportedCondition]
) -> ReportedCondition | None:
    """Return the condition under which the fact is nearest to that of the file."""
    if not fact.value:
        return None
    distances = {
        index: abs(log2(fact.value / other))
        for index, each in enumerate(conditions)
        if _varies(each, fact, info) and (other := each.facts.get(fact.name, 0.0)) > 0
    }
    nearest = min(distances, key=distances.__getitem__, default=None)
    if nearest is None or distances[nearest] > MAX_OCTAVES:
        return None
    return conditions[nearest]


def _varies(condition: ReportedCondition, fact: _Fact, info: MediaInfo) -> bool:
    """Return whether a condition changes the fact, or nothing at all."""
    name = condition.condition
    is_audio = name.partition(":")[0] in AUDIO_CODECS
    if fact.code == "compression":
        return not is_audio and name != HALF and condition.video_codec == info.video_codec
    if fact.code == "face_size":
        return name in (ORIGINAL, HALF)
    return name == ORIGINAL or is_audio


def _describe(condition: ReportedCondition) -> str:
    """Return the verdicts on the test clips that are like the file, in a sentence."""
    name, rates = condition.condition, condition.verdicts
    which = "" if name == ORIGINAL else f", re-encoded ({name})"
    return (
        f"Of {rates.reals} genuine {rates.split} clips like this{which}, {rates.false_alarms} were "
        f"called fake and {rates.inconclusive_reals} got no verdict; of {rates.fakes} fakes, "
        f"{rates.misses} were called real and {rates.inconclusive_fakes} got no verdict."
    )
