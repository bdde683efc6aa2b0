"""What must hold of a manifest, as Great Expectations' expectations on plain tables."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

import pandas as pd

from unmask.data.manifest import COLUMNS
from unmask.data.splits import GROUP_KEYS
from unmask.data.validation.gx_runner import Suite, import_gx
from unmask.data.validation.shortcut_audit import Shortcut
from unmask.records import SPLITS, Clip

SHORTEST_S = 0.1
FAIR_AUC = (0.40, 0.60)
PERIOD_SLACK_S = 0.1  # a last frame may be shown for a little longer than the container says


def clip_suite(clips: Sequence[Clip]) -> Suite:
    """Every row by itself, and that no clip stands twice."""
    gxe = _gxe()
    table = pd.DataFrame([asdict(clip) for clip in clips], columns=list(COLUMNS))
    table["path"] = table["path"].map(str)
    table["fake_periods"] = [len(clip.fake_periods) for clip in clips]
    table["file_exists"] = [clip.path.is_file() for clip in clips]
    table["named_as_labelled"] = [(clip.manipulation == "none") != clip.is_fake for clip in clips]
    table["periods_fit"] = [_periods_fit(clip) for clip in clips]
    return Suite("clips", "clip_id", table, (*_presence(gxe, table), *_values(gxe)))


def _presence(gxe: Any, table: pd.DataFrame) -> list[Any]:
    types = {"is_fake": "bool", "fake_video": "bool", "fake_audio": "bool", "has_audio": "bool"}
    types |= {"duration_s": "float64", "fps": "float64", "width": "int64", "height": "int64"}
    texts = ("clip_id", "path", "sha256", "source", "identity", "split", "manipulation", "pair_id")
    return [
        gxe.ExpectTableColumnsToMatchOrderedList(
            column_list=list(table), description="the columns are those of a manifest"
        ),
        gxe.ExpectTableRowCountToBeBetween(min_value=1, description="there is a clip"),
        *[
            gxe.ExpectColumnValuesToBeOfType(column=c, type_=t, description=f"{c} is of type {t}")
            for c, t in types.items()
        ],
        *[
            gxe.ExpectColumnValueLengthsToBeBetween(
                column=c, min_value=1, description=f"{c} is never empty"
            )
            for c in texts
        ],
    ]


def _values(gxe: Any) -> list[Any]:
    demands = {
        "file_exists": "every clip's file is there",
        "named_as_labelled": "the manipulation is none for genuine clips and for no other",
        "periods_fit": "forged stretches lie within their clip, in a modality that is forged",
    }
    return [
        *[
            gxe.ExpectColumnValuesToBeUnique(column=c, description=f"no {c} stands twice")
            for c in ("clip_id", "sha256")
        ],
        gxe.ExpectColumnValuesToBeInSet(
            column="split", value_set=list(SPLITS), description="the split is one of the three"
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="duration_s",
            min_value=SHORTEST_S,
            strict_min=True,
            description=f"every clip lasts longer than {SHORTEST_S} s",
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="fps", min_value=0, max_value=240, description="fps lies between 0 and 240"
        ),
        *[
            gxe.ExpectColumnValuesToBeInSet(column=c, value_set=[True], description=words)
            for c, words in demands.items()
        ],
    ]


def _periods_fit(clip: Clip) -> bool:
    forged = {"video": clip.fake_video, "audio": clip.fake_audio}
    return all(
        forged[period.modality] and period.end_s <= clip.duration_s + PERIOD_SLACK_S
        for period in clip.fake_periods
    )


def split_check(clips: Sequence[Clip]) -> Suite:
    """Both classes in every split."""
    held = {(split, label): 0 for split in SPLITS for label in ("genuine", "fake")}
    for clip in clips:
        held[clip.split, "fake" if clip.is_fake else "genuine"] += 1
    table = pd.DataFrame(
        [{"split": f"{label} in {split}", "clips": n} for (split, label), n in held.items()]
    )
    expectation = _gxe().ExpectColumnValuesToBeBetween(
        column="clips", min_value=1, description="every split holds genuine and fake clips"
    )
    return Suite("splits", "split", table, (expectation,))


def leak_check(clips: Sequence[Clip]) -> Suite:
    """Nothing that binds clips together stands in two splits."""
    seen: dict[tuple[str, str], set[str]] = {}
    for clip in clips:
        for kind in GROUP_KEYS:
            seen.setdefault((kind, getattr(clip, kind)), set()).add(clip.split)
    table = pd.DataFrame(
        [
            {"kind": kind, "name": name, **{f"{other}_splits": 1 for other in GROUP_KEYS}}
            | {f"{kind}_splits": len(splits)}
            for (kind, name), splits in seen.items()
        ]
    )
    expectations = tuple(
        _gxe().ExpectColumnValuesToBeInSet(
            column=f"{kind}_splits", value_set=[1], description=f"no {kind} stands in two splits"
        )
        for kind in GROUP_KEYS
    )
    return Suite("leaks", "name", table, expectations)


def shortcut_check(shortcuts: Sequence[Shortcut], level: str) -> Suite:
    """No nuisance alone gives the label away."""
    # with its columns even where nothing varies, so that there is nothing to fail
    columns = [field.name for field in fields(Shortcut)]
    table = pd.DataFrame([asdict(shortcut) for shortcut in shortcuts], columns=columns)
    low, high = FAIR_AUC
    expectation = _gxe().ExpectColumnValuesToBeBetween(
        column="auc",
        min_value=low,
        max_value=high,
        description=f"each nuisance alone has an AUC of {low:.2f} to {high:.2f}",
    )
    return Suite("shortcuts", "name", table, (expectation,), level)


def _gxe() -> Any:
    return import_gx("great_expectations.expectations")
