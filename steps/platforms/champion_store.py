"""The current champion: `outputs/champion` for the command line, a copy for the service."""

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from steps.platforms.materializers import hash_folder
from steps.platforms.packaged_bundle import write_graphs
from steps.platforms.paths import CHAMPION, CHAMPIONS, SERVICE, SERVICE_BUNDLE
from unmask.evaluation.coverage_summary import summarise_coverage
from unmask.evaluation.gates import GateReport
from unmask.evaluation.reported_rates import describe_condition, describe_verdicts
from unmask.files import atomic_write
from unmask.models.bundle import load_bundle
from unmask.models.bundle_metadata import CONDITIONS, GATES
from unmask.serving.report.model_card import ReportedGate
from unmask.serving.report.model_card_markdown import to_markdown
from unmask.serving.report_builder import build_model_card


def publish_champion(
    bundle: Path, gates: GateReport | None = None, *, graphs: bool = False
) -> Path:
    """Make ``bundle`` the champion that `unmask analyze` loads, atomically.

    Args:
        gates: Results of its gates and their notes, for the model card in every report.
        graphs: Also write its networks as ONNX graphs, each checked against torch.

    Returns:
        ``outputs/champion``, a link to the copy in ``outputs/champions``.
    """
    name = hash_folder(bundle)[:12]
    target = CHAMPIONS / name
    if not target.is_dir():
        partial = CHAMPIONS / f".{name}"
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(bundle, partial)
        if graphs:
            write_graphs(partial)
        partial.rename(target)
    if gates is not None:
        _write_gates(target / GATES, gates)
    link = CHAMPION.with_name(f".{CHAMPION.name}")
    link.unlink(missing_ok=True)
    link.symlink_to(target.relative_to(CHAMPION.parent))
    link.replace(CHAMPION)
    _copy_into_service(target)
    return CHAMPION


def _copy_into_service(champion: Path) -> None:
    """Copy the champion beside the service's code, for `bentoml build`."""
    partial, target = SERVICE / f".{SERVICE_BUNDLE}", SERVICE / SERVICE_BUNDLE
    for outdated in (partial, target):  # without a copy, the service loads the champion itself
        shutil.rmtree(outdated, ignore_errors=True)
    shutil.copytree(champion, partial)
    partial.rename(target)


def render_model_card(bundle: Path, gates: GateReport) -> str:
    """Return the model card, in Markdown, of a bundle with these gate results."""
    measured = None if gates.verdicts is None else describe_verdicts(gates.verdicts)
    rows, loaded = _list_rows(gates), load_bundle(bundle)
    described = replace(
        loaded, gates=rows, notes=gates.notes, measured=measured, coverage=_coverage(gates)
    )
    return to_markdown(build_model_card(described, described.calibration))


def _write_gates(path: Path, gates: GateReport) -> None:
    measured = None if gates.verdicts is None else describe_verdicts(gates.verdicts)
    conditions = [describe_condition(each) for each in gates.conditions]
    content: dict[str, Any] = {
        "rows": _list_rows(gates),
        "notes": gates.notes,
        "measured": measured,
        "coverage": _coverage(gates),
        "attack_flag": None if gates.attack_flag is None else asdict(gates.attack_flag),
        CONDITIONS: conditions,
    }
    with atomic_write(path) as partial:
        partial.write_text(json.dumps(content, indent=2) + "\n")


def _list_rows(gates: GateReport) -> tuple[dict[str, Any], ...]:
    fields = ReportedGate.model_fields
    return tuple({name: asdict(row)[name] for name in fields} for row in gates.rows)


def _coverage(gates: GateReport) -> dict[str, Any] | None:
    kinds = () if gates.verdicts is None else gates.verdicts.by_manipulation
    coverage = summarise_coverage(kinds)
    return None if coverage is None else asdict(coverage)
