"""Notes on the time of a file: which part was analyzed, and what of it was lost."""

import math
from collections.abc import Iterator

from unmask.records import MediaInfo
from unmask.serving.report.quality import Quality

DURATION_TOLERANCE_S = 1.0  # containers round; a smaller difference is not a missing part
MIN_MISSING_S = 0.5


def time_notes(
    quality: Quality, info: MediaInfo, decoded_end_s: float, part_s: tuple[float, float]
) -> Iterator[str]:
    """Yield every note on the time of a file that applies.

    Args:
        decoded_end_s: End of what could be decoded.
        part_s: Start and end of what was to be analyzed.
    """
    start_s, end_s = part_s
    if part_s != (0.0, math.inf):
        until_s = min(end_s, info.duration_s)
        yield f"Only a part of the video was analyzed: from {start_s:g} s to {until_s:g} s."
    stated_s = info.duration_s + info.lost_end_s
    if min(stated_s, end_s) - decoded_end_s > DURATION_TOLERANCE_S:
        yield (
            f"The file is truncated or damaged: only {decoded_end_s:.1f} s of its stated "
            f"{stated_s:.1f} s could be decoded."
        )
    if quality.missing_picture_s >= MIN_MISSING_S:
        yield f"{quality.missing_picture_s:.1f} s of the picture are missing or damaged."
    if info.clock_jumps_s:
        places = ", ".join(f"{time_s:.1f} s" for time_s in info.clock_jumps_s)
        yield (
            f"The clock of the file starts again or jumps at {places}, as in joined recordings; "
            "times in this report run on."
        )
    if info.clocks_apart:
        yield (
            "It does so in one stream alone, so picture and sound may be apart, and lip-sync "
            "says nothing behind it."
        )
    if info.second_file_at is not None:
        yield (
            f"A second file begins behind the first, at byte {info.second_file_at} of "
            f"{info.size_bytes}; it was not looked at. Split them and analyze both."
        )
