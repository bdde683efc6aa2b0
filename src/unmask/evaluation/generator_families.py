"""Families of generators, by the words that data sets use for manipulations."""

import re

from unmask.records import Clip, ScoreRow

FACE_SWAP, LIP_SYNC, TALKING_HEAD, VOICE = "face swap", "lip-sync", "talking head", "voice"
OTHER = "other or unnamed"
FAMILIES = {
    "faceswap": FACE_SWAP,
    "lipsync": LIP_SYNC,
    "reenactment": TALKING_HEAD,
    "synthesis": TALKING_HEAD,
    "audio": VOICE,
}


def family_of(row: ScoreRow | Clip) -> str:
    """Return the family of a fake: one of the values of ``FAMILIES``, or ``OTHER``.

    A fake whose picture is labelled genuine is one of the voice, whatever it is called.

    Example:
        >>> common = {"clip_id": "a", "identity": "ann", "split": "test", "is_fake": True}
        >>> row = ScoreRow(manipulation="Face-Swap", logit=0.0, probability=0.5, **common)
        >>> family_of(row)
        'face swap'
    """
    if row.fake_video is False:
        return VOICE
    return FAMILIES.get(re.sub(r"[^a-z]", "", row.manipulation.lower()), OTHER)
