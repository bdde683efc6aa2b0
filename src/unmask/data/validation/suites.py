"""Expectation suites of a manifest: rows, splits, data leakage and shortcuts."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from unmask.data.manifest import COLUMNS
from unmask.data.splits import GROUP_KEYS, find_leaks, splits_by_group
from unmask.data.validation.gx_runner import Suite, import_gx
from unmask.data.validation.shortcut_audit import Shortcut
from unmask.records import SEALED, SPLITS, Clip

MIN_DURATION_S = 0.1
AUC_RANGE = (0.40, 0.60)  # of a nuisance feature that is no shortcut
TOLERANCE_S = 0.1  # a segment may end later than the container's duration


def clip_suite(clips: Sequence[Clip]) -> Suite:
    """Return the expectations of single rows, and that no clip occurs twice."""
    gxe = _gxe()
    table = pd.DataFrame([asdict(clip) for clip in clips], columns=list(COLUMNS))
    table["path"] = table["path"].map(str)
    table["fake_periods"] = [len(clip.fake_periods) for clip in clips]
    table["file_exists"] = [clip.path.is_file() for clip in clips]
    table["named_as_labelled"] = [(clip.manipulation == "none") != clip.is_fake for clip in clips]
    table["periods_fit"] = [_periods_fit(clip) for clip in clips]
    return Suite("clips", "clip_id", table, (*_presence(gxe, table), *_values(gxe)))


def _presence(gxe: Any, table: pd.DataFrame) -> list[Any]:
    types = {"is_fake": "bool", "has_audio": "bool", "mismatched": "bool"}
    types |= dict.fromkeys(("official_split", "from_pictures", "own_forgery"), "bool")
    types |= {"duration_s": "float64", "fps": "float64", "width": "int64", "height": "int64"}
    texts = ("clip_id", "path", "sha256", "source", "identity", "split", "manipulation", "pair_id")
    return [
        gxe.ExpectTableColumnsToMatchOrderedList(
            column_list=list(table), description="the columns are those of a manifest"
        ),
        gxe.ExpectTableRowCountToBeBetween(
            min_value=1, description="the manifest lists at least one clip"
        ),
        *[
            gxe.ExpectColumnValuesToBeOfType(column=c, type_=t, description=f"{c} is of type {t}")
            for c, t in types.items()
        ],
        *[
            gxe.ExpectColumnValuesToBeInSet(
                column=c, value_set=[True, False], description=f"{c} is true, false or unknown"
            )
            for c in ("fake_video", "fake_audio")
        ],
        *[
            gxe.ExpectColumnValueLengthsToBeBetween(
                column=c, min_value=1, description=f"{c} is never empty"
            )
            for c in texts
        ],
    ]


def _values(gxe: Any) -> list[Any]:
    descriptions = {
        "file_exists": "the file of every clip exists",
        "named_as_labelled": "the manipulation is none for genuine clips and only for them",
        "periods_fit": "forged segments lie within their clip, in a forged modality",
    }
    return [
        *[
            gxe.ExpectColumnValuesToBeUnique(column=c, description=f"no {c} occurs twice")
            for c in ("clip_id", "sha256")
        ],
        gxe.ExpectColumnValuesToBeInSet(
            column="split",
            value_set=[*SPLITS, SEALED],
            description=f"the split is one of {', '.join(SPLITS)} and {SEALED}",
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="duration_s",
            min_value=MIN_DURATION_S,
            strict_min=True,
            description=f"every clip lasts longer than {MIN_DURATION_S} s",
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="fps", min_value=0, max_value=240, description="fps lies between 0 and 240"
        ),
        *[
            gxe.ExpectColumnValuesToBeInSet(column=c, value_set=[True], description=text)
            for c, text in descriptions.items()
        ],
    ]


def _periods_fit(clip: Clip) -> bool:
    forged = {"video": clip.fake_video, "audio": clip.fake_audio}
    return all(
        forged[period.modality] is not False and period.end_s <= clip.duration_s + TOLERANCE_S
        for period in clip.fake_periods
    )


def split_suite(clips: Sequence[Clip], splits: Sequence[str] = SPLITS) -> Suite:
    """Return the expectation that each of ``splits`` has genuine and fake clips."""
    counts = {(split, label): 0 for split in splits for label in ("genuine", "fake")}
    for clip in clips:
        if clip.split in splits:
            counts[clip.split, "fake" if clip.is_fake else "genuine"] += 1
    table = pd.DataFrame(
        [{"split": f"{label} in {split}", "clips": n} for (split, label), n in counts.items()]
    )
    expectation = _gxe().ExpectColumnValuesToBeBetween(
        column="clips", min_value=1, description="every split has genuine and fake clips"
    )
    return Suite("splits", "split", table, (expectation,))


def leak_suite(clips: Sequence[Clip]) -> Suite:
    """Return the expectations that no person, footage or file occurs in two splits.

    Those that the authors of a data set publish in two splits are left to
    :func:`known_people_suite`.
    """
    official = {(leak.kind, leak.name) for leak in find_leaks(clips) if leak.official}
    table = pd.DataFrame(
        [
            {"kind": kind, "name": name, **{f"{other}_splits": 1 for other in GROUP_KEYS}}
            | {f"{kind}_splits": 1 if (kind, name) in official else len(splits)}
            for (kind, name), splits in splits_by_group(clips).items()
        ]
    )
    expectations = tuple(
        _gxe().ExpectColumnValuesToBeInSet(
            column=f"{kind}_splits", value_set=[1], description=f"no {kind} occurs in two splits"
        )
        for kind in GROUP_KEYS
    )
    return Suite("leaks", "name", table, expectations)


def known_people_suite(clips: Sequence[Clip]) -> Suite:
    """Return the expectation that the authors of a data set share nothing between its splits."""
    official = {(leak.kind, leak.name) for leak in find_leaks(clips) if leak.official}
    table = pd.DataFrame(
        [
            {"name": name, "splits": len(splits) if (kind, name) in official else 1}
            for (kind, name), splits in splits_by_group(clips).items()
        ]
    )
    expectation = _gxe().ExpectColumnValuesToBeInSet(
        column="splits", value_set=[1], description="official splits share no person or footage"
    )
    return Suite("known_people", "name", table, (expectation,), "reported")


def shortcut_suite(shortcuts: Sequence[Shortcut], level: str) -> Suite:
    """Return the expectation that no nuisance feature alone predicts the label."""
    rows = [
        {"name": row.name, **row.auc.to_metrics("auc"), "clips": row.clips} for row in shortcuts
    ]
    # name the columns, so that a table without rows passes
    table = pd.DataFrame(rows, columns=["name", "auc", "auc_low", "auc_high", "clips"])
    low, high = AUC_RANGE
    expectation = _gxe().ExpectColumnValuesToBeBetween(
        column="auc",
        min_value=low,
        max_value=high,
        description=f"each nuisance feature alone has an AUC of {low:.2f} to {high:.2f}",
    )
    return Suite("shortcuts", "name", table, (expectation,), level)


def _gxe() -> Any:
    return import_gx("great_expectations.expectations")
