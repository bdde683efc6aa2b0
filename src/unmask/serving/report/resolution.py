"""Resolution of shown probabilities: no finer than the calibration clips can bear.

A probability that was fitted on ``n`` clips of a class cannot be closer to 0 or 1 than Platt's
smoothed targets, ``1 / (n + 2)`` and ``(n + 1) / (n + 2)``. The JSON report keeps the exact score,
so that programs can compare and sort; whatever people read is limited to this range.
"""

from unmask.serving.report.model_card import ReportedGuarantee

UNCALIBRATED_RANGE = (0.01, 0.99)  # where the number of calibration clips is unknown


def probability_range(guarantee: ReportedGuarantee | None) -> tuple[float, float]:
    """Return the lowest and the highest probability that may be shown.

    Example:
        >>> clips = ReportedGuarantee(fpr=0.1, fnr=0.1, real_clips=24, fake_clips=24)
        >>> [round(end, 3) for end in probability_range(clips)]
        [0.038, 0.962]
    """
    if guarantee is None:
        return UNCALIBRATED_RANGE
    reals, fakes = guarantee.real_clips, guarantee.fake_clips
    return 1 / (reals + 2), (fakes + 1) / (fakes + 2)


def format_probability(value: float, guarantee: ReportedGuarantee | None) -> str:
    """Return a probability with two digits, or the end of the range that it lies beyond.

    Example:
        >>> format_probability(0.5, None), format_probability(1.0, None)
        ('0.50', '≥ 0.99')
    """
    low, high = probability_range(guarantee)
    # rounded inwards: two digits must not lie beyond the range, and never are 0.00 or 1.00
    lowest, highest = max(-(-low * 100 // 1), 1.0) / 100, min(high * 100 // 1, 99.0) / 100
    if value < lowest:
        return f"≤ {lowest:.2f}"
    if value > highest:
        return f"≥ {highest:.2f}"
    return f"{value:.2f}"


def format_range(low: float, high: float, guarantee: ReportedGuarantee | None) -> str:
    """Return both ends of an interval of probabilities, or the end that can be stated.

    Example:
        >>> format_range(0.5, 0.75, None), format_range(0.9, 1.0, None)
        ('0.50 to 0.75', '≥ 0.90')
    """
    start, end = format_probability(low, guarantee), format_probability(high, guarantee)
    is_open_below, is_open_above = start.startswith("≤"), end.startswith("≥")
    if is_open_below == is_open_above:
        return f"{start} to {end}"
    return f"≥ {start.removeprefix('≥ ')}" if is_open_above else f"≤ {end.removeprefix('≤ ')}"
