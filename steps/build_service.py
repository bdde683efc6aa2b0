"""The service's Bento, with the champion that is served."""

from pathlib import Path
from typing import Annotated

from zenml import step

from steps.platforms.run_summary import RunRequest
from steps.platforms.serving_choice import serve_candidate
from unmask.evaluation.baseline_comparison import BaselineComparison
from unmask.evaluation.gates import GateReport


@step(enable_cache=False)
def build_service(
    bundle: Path, gates: GateReport, comparison: BaselineComparison, request: RunRequest
) -> Annotated[str, "bento"]:
    """Serve the bundle, and build the Bento, if it is better than what is served or promoted."""
    return serve_candidate(bundle, gates, comparison, promote=request.promote)
