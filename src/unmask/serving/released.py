"""Place of the released detector, which is used until another is trained."""

from pathlib import Path

RELEASED = Path("data/field-detector")  # pulled by `make setup`
MODEL_CARD = "MODEL_CARD.md"  # in that folder
