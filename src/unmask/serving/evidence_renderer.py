"""Evidence renderer: the one place where an analysis needs torch, imported on first use."""

from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from unmask.explainability.evidence_item import EvidenceItem
from unmask.explainability.top_moments import TopMoments
from unmask.models.graphs.loading import load_weights
from unmask.models.scoring_bundle import ScoringBundle
from unmask.optional_deps import require

if TYPE_CHECKING:
    from unmask.models.bundle import Bundle

PACKAGES = ("torch", "timm", "transformers", "captum")  # of the extra `explain`


def missing_packages() -> tuple[str, ...]:
    """Return the packages that evidence needs and that are not installed, without importing any."""
    return tuple(package for package in PACKAGES if find_spec(package) is None)


class EvidenceRenderer:
    """Renders evidence with the weights of a bundle; thread-safe."""

    def __init__(self, bundle: ScoringBundle) -> None:
        self._scoring = bundle
        self._weights: Bundle | None = None
        self._lock = Lock()

    def load(self) -> "Bundle":
        """Import torch and load the weights, if that was not done before.

        Raises:
            BundleError: A file is damaged.
            WeightsError: Weights that the bundle leaves out cannot be had.
            MissingExtraError: torch, or another package that only evidence needs, is missing.
        """
        with self._lock:
            if self._weights is None:
                for package in PACKAGES:
                    require(package, extra="explain")
                self._weights = load_weights(self._scoring)
            return self._weights

    def render(self, path: Path, moments: TopMoments, folder: Path) -> tuple[EvidenceItem, ...]:
        """Render moments; see :func:`unmask.explainability.evidence.render_evidence`.

        Raises:
            BundleError, WeightsError, MissingExtraError: As for :meth:`load`.
        """
        weights = self.load()
        from unmask.explainability.evidence import render_evidence

        return render_evidence(weights, path, moments, folder)
