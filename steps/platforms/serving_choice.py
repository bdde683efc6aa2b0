"""Which detector is served: a candidate takes the champion's place only if it is better."""

import json
from pathlib import Path
from typing import Any

from steps.platforms.bento_build import build_bento
from steps.platforms.champion_store import publish_champion
from steps.platforms.model_registry import record_serving
from steps.platforms.paths import CHAMPION
from steps.platforms.run_summary import ServingChoice, add_serving, promotable
from unmask.evaluation.baseline_comparison import BaselineComparison
from unmask.evaluation.gates import GateReport
from unmask.files import file_sha256
from unmask.models.bundle_metadata import METADATA
from unmask.models.scoring_bundle import DEMO_PROFILE

TITLE = "served champion"
NOT_SHOWN = "that the candidate is better is not shown"
REMEDY = "the same command with `--promote` (make train: PROMOTE=1) serves the candidate"
OTHER_CLIPS = (
    "; it was trained on another list of clips: if these test clips are on that list, its AUC is "
    "too high"
)


def serve_candidate(
    bundle: Path, gates: GateReport, comparison: BaselineComparison, *, promote: bool
) -> str:
    """Make a promotable bundle the champion and build its Bento, if it is to be served.

    The choice is written to the summary of the run and to the registered version.

    Args:
        comparison, promote: See :func:`choose_served`.

    Returns:
        The Bento's tag; empty if no Bento was built.
    """
    if not promotable(gates):
        return ""
    choice, tag = choose_served(bundle, comparison, promote=promote), ""
    if choice.is_served:
        tag = build_bento(publish_champion(bundle, gates, graphs=True))
    record_serving(add_serving(choice, tag))
    return tag


def has_rival(bundle: Path) -> bool:
    """Return whether another bundle than this one is the served champion."""
    served = CHAMPION / METADATA
    return served.is_file() and file_sha256(served) != file_sha256(bundle / METADATA)


def choose_served(bundle: Path, comparison: BaselineComparison, *, promote: bool) -> ServingChoice:
    """Decide whether a candidate is served in place of the champion, of whichever phase.

    It is if its AUC is higher on its own test clips. Synthetic clips show nothing about real
    footage: a detector of profile ``demo`` takes the place of another one of ``demo`` alone.

    Args:
        comparison: Of the candidate with the champion; empty without :func:`has_rival`.
        promote: Serve the candidate whatever the comparison says.
    """
    if not has_rival(bundle):
        return ServingChoice(True, "there is no other champion")
    result = comparison.problem or _describe(bundle, comparison)
    if promote:
        return ServingChoice(True, f"as --promote asks; {result}")
    if comparison.problem:
        return ServingChoice(False, f"{result}; {REMEDY}")
    if _read(bundle)["profile"] == DEMO_PROFILE != _read(CHAMPION)["profile"]:
        apart = "a demo detector does not replace one of another profile"
        return ServingChoice(False, f"{result}; {apart}; {REMEDY}")
    if (comparison.difference or 0.0) > 0:
        return ServingChoice(True, result)
    return ServingChoice(False, f"{result}; {REMEDY}")


def _describe(bundle: Path, comparison: BaselineComparison) -> str:
    if comparison.auc is None or comparison.difference is None:
        return f"the {TITLE} was not compared"
    served = _read(CHAMPION)
    other = OTHER_CLIPS if _clips(_read(bundle)) != _clips(served) else ""
    return (
        f"AUC {comparison.auc + comparison.difference:.3f} against {comparison.auc:.3f} of the "
        f"{TITLE} (phase {served['phase']}, profile {served['profile']}) on the same "
        f"{comparison.clips} test clips{other}"
    )


def _read(bundle: Path) -> dict[str, Any]:
    metadata: dict[str, Any] = json.loads((bundle / METADATA).read_text())
    return metadata


def _clips(metadata: dict[str, Any]) -> str | None:
    """Return the hash of the manifest that a detector was trained on."""
    clips: str | None = metadata["provenance"].get("manifest_sha256")
    return clips
