"""Evidence texts: what an image shows, and whether a test supports it, in words."""

from unmask.explainability.faithfulness import Faithfulness

NOT_TESTED = (
    "Whether they matter more than random regions was not tested, since the detector was stored "
    "without features of genuine faces; calibrate it again to have that measured."
)
TOO_LITTLE_SPEECH = "There is too little speech to compare its parts with random ones."


def describe_face(test: Faithfulness | None, has_heat: bool, members: int) -> str:
    """Describe the heat map of a frame.

    Args:
        test: ``None`` where the map was not tested.
        has_heat: Whether anything raises the frame's score.
        members: Of the ensemble whose first member was explained.
    """
    of_member = _of_member(members)
    if not has_heat:
        return f"No face region raises the frame model's fake score{of_member}."
    if test is None:
        return f"Face regions that raise the frame model's fake score{of_member}. {NOT_TESTED}"
    deleted = (
        f"with genuine features in the hottest fifth of the face the score changes by "
        f"{-test.deletion:+.2f} log-odds, with them in random fifths by "
        f"{-test.random_deletion:+.2f} on average"
    )
    if test.insertion is not None and test.random_insertion is not None:
        deleted += (
            f"; the hottest fifth put into a genuine face changes it by {test.insertion:+.2f}, "
            f"random fifths by {test.random_insertion:+.2f}"
        )
    if test.is_supported:
        return f"Face regions that raise the frame model's fake score{of_member}: {deleted}."
    return (
        f"No region is highlighted, because the heat map{of_member} is no better than random "
        f"regions: {deleted}."
    )


def describe_sound(test: Faithfulness | None, has_weight: bool, members: int) -> str:
    """Describe the importance of speech; arguments as in :func:`describe_face`."""
    of_member = _of_member(members)
    what = f"How much each fifth of a second of speech raises the voice's fake score{of_member}"
    if not has_weight:
        return f"No part of this speech raises the voice's fake score{of_member}."
    if test is None:
        return f"{what}. {TOO_LITTLE_SPEECH}"
    muted = (
        f"muting the most important fifth of the speech changes the score by "
        f"{-test.deletion:+.2f} log-odds, muting random fifths by "
        f"{-test.random_deletion:+.2f} on average"
    )
    if test.is_supported:
        return f"{what}: {muted}."
    return (
        f"No part of the speech is highlighted, because the most important one{of_member} is no "
        f"better than random parts: {muted}."
    )


def _of_member(members: int) -> str:
    return f" (first of {members} members)" if members > 1 else ""
