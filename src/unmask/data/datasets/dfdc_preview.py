"""Adapter for the preview of the Deepfake Detection Challenge (Dolhansky et al., 2019).

``dataset.json`` maps paths such as ``method_B/1260311/1260311_C/1255229_1260311_C_001.mp4`` and
``original_videos/643049/643049_A_001.mp4`` to ``label`` (``real`` or ``fake``), ``set`` (``train``
or ``test``), ``target_id``, the person of the footage, and ``swapped_id``, whose face was put in.
Read from public loaders, among them DeepfakeBench (Yan et al., 2023) and that of Shiohara &
Yamasaki, CVPR 2022 (github.com/mapooon/SelfBlendedImages), who keep the videos in
``method_B/videos/1260311/…`` and ``original_videos/videos/…``. Only faces were forged.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from unmask.data.datasets.entry import NONE, DatasetEntry, get_field, look_up, read_json
from unmask.data.protocols.video_sets import DFDC_PREVIEW

INDEX = "dataset.json"
SPLITS = {"train": "train", "test": "test"}
FIELDS = ("label", "set")


def matches(folder: Path) -> bool:
    """Return whether the index of this form exists."""
    return (folder / INDEX).is_file() and bool(_rows(folder))


def iter_entries(folder: Path) -> Iterator[DatasetEntry]:
    """Yield an entry per video of the index.

    Raises:
        DataError: A label or a set is absent or unknown.
    """
    file = folder / INDEX
    for number, (name, row) in enumerate(_rows(folder).items(), start=1):
        label, part = (get_field(row, field, str, file, number) for field in FIELDS)
        is_fake = look_up(label, DFDC_PREVIEW.labels, file, number)
        path, swapped = PurePosixPath(name), str(row.get("swapped_id") or "")
        footage = path.stem.removeprefix(f"{swapped}_")
        yield DatasetEntry(
            path=_find_video(folder, path),
            source=DFDC_PREVIEW.name,
            identity=str(row.get("target_id") or footage.split("_")[0]),
            pair_id=footage,
            manipulation=path.parts[0] if is_fake else NONE,
            fake_video=is_fake,
            fake_audio=False,
            licence=DFDC_PREVIEW.licence,
            split=look_up(part, SPLITS, file, number),
        )


def _find_video(folder: Path, path: PurePosixPath) -> Path:
    """Return the place of a video of the index, which may be in ``videos/`` of its method."""
    nested = folder / path.parts[0] / "videos"
    places = (folder / path, nested.joinpath(*path.parts[1:]), nested / path.name)
    return next((place for place in places if place.is_file()), places[0])


def _rows(folder: Path) -> dict[str, Any]:
    """Return the rows of the index, or none if no row is of this form."""
    content = read_json(folder / INDEX)
    rows = content if isinstance(content, dict) else {}
    forms = (isinstance(row, dict) and row.keys() >= set(FIELDS) for row in rows.values())
    return rows if any(forms) else {}
