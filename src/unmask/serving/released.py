"""Place of the released detector, which is used until another is trained."""

from pathlib import Path

RELEASED = Path("data/field-detector")  # pulled by `make setup`
