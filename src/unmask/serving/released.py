"""Detector that is used if none is named: the champion, or the released one before there is one."""

from pathlib import Path

from unmask.errors import BundleError

CHAMPION = Path("outputs/champion")
RELEASED = Path("data/field-detector")  # pulled by `make setup`
MODEL_CARD = "MODEL_CARD.md"  # in that folder
CHECKOUT = Path(__file__).resolve().parents[3]  # of an editable installation


def find_detector() -> Path:
    """Return the champion or the released detector of the working folder, else of the checkout.

    Raises:
        BundleError: There is neither.
    """
    for root in (Path(), CHECKOUT):
        for folder in (root / CHAMPION, root / RELEASED):
            if folder.exists():
                return folder
    raise BundleError(
        f"{CHAMPION}: no champion yet, and no {RELEASED}; run make setup or make train in a "
        "checkout of unmask, or give --bundle"
    )
