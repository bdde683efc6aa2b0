"""Which test clips an attack takes: whole pairs, chosen before the clips are loaded."""

from collections.abc import Callable, Sequence
from zlib import crc32

from unmask.records import Clip


def choose_clips(
    clips: Sequence[Clip],
    min_clips: int,
    is_usable: Callable[[Clip], bool],
    both_classes: bool = False,
) -> list[Clip]:
    """Return usable clips of whole pairs; the choice does not depend on the order of ``clips``.

    Args:
        min_clips: At least so many; 0 returns all usable clips in their order.
        is_usable: May load a clip. It is called once for each clip of the pairs that are needed.
        both_classes: Whether pairs of a genuine clip and a fake come first, and pairs are added
            until both classes are present.
    """
    if not min_clips:
        return [clip for clip in clips if is_usable(clip)]
    pairs: dict[str, list[Clip]] = {}
    for clip in clips:
        pairs.setdefault(clip.pair_id, []).append(clip)

    def order(name: str) -> tuple[int, int, str]:
        classes = {clip.is_fake for clip in pairs[name]}
        return (-len(classes) if both_classes else 0, crc32(name.encode()), name)

    chosen: list[Clip] = []
    for name in sorted(pairs, key=order):
        if len(chosen) >= min_clips and not (both_classes and _is_single_class(chosen)):
            break
        pair = sorted(pairs[name], key=lambda clip: clip.clip_id)
        chosen += [clip for clip in pair if is_usable(clip)]
    return chosen


def _is_single_class(clips: Sequence[Clip]) -> bool:
    return len({clip.is_fake for clip in clips}) < 2
