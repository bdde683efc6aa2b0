"""One piece of evidence, as the report states it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EvidenceItem:
    """One piece of evidence.

    Attributes:
        kind: ``heat_map`` of a frame, or ``sound`` over time.
        person: ``None`` for sound.
        time_s: Time in the video; for sound, its start.
        fake_probability: Score of what is shown.
        faithfulness: Drop of the score, in log-odds, when the highlighted part is removed.
        random_drop: Mean drop when random parts of the same size are removed.
        insertion: Rise of the score of a genuine reference with the highlighted part.
        random_insertion: Mean rise with random parts.
        p_value: See :class:`.faithfulness.Faithfulness`.
        is_supported: Whether the highlighted part matters more than random parts; ``None`` where
            that was not measured.
        file: Name of the image; ``None`` where nothing is highlighted, and where the frame could
            not be read from the video again.
        original: Name of the same image without the drawing.
        importance: Time in the video and weight in ``[0, 1]`` of each bin of speech.
    """

    kind: str
    person: int | None
    time_s: float
    fake_probability: float
    description: str
    faithfulness: float | None = None
    random_drop: float | None = None
    insertion: float | None = None
    random_insertion: float | None = None
    p_value: float | None = None
    is_supported: bool | None = None
    file: str | None = None
    original: str | None = None
    importance: tuple[tuple[float, float], ...] = ()
