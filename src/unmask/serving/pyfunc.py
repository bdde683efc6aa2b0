"""MLflow pyfunc: ``loader_module`` of registered bundles.

It does not import MLflow. A bundle is safetensors and JSON, and nothing is pickled.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unmask.errors import MediaError
from unmask.serving.analyzer import Analyzer


class VideoPathModel:
    """Pyfunc model that analyzes videos given by their paths."""

    def __init__(self, analyzer: Analyzer) -> None:
        self.analyzer = analyzer

    def predict(
        self, model_input: Mapping[str, Sequence[str]], params: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """Return one row per path.

        Args:
            model_input: A data frame or a mapping with a column ``path``.
            params: Not used; MLflow passes it.

        Returns:
            ``path``, ``verdict``, ``reason`` (of an inconclusive verdict), ``fake_probability``
            (``None`` without a score) and the ``report`` as JSON. A file that cannot be read is
            ``inconclusive`` without a reason, with the error message as its report.
        """
        return [self._row(str(path)) for path in model_input["path"]]

    def _row(self, path: str) -> dict[str, Any]:
        row: dict[str, Any] = {"path": path, "verdict": "inconclusive", "reason": None}
        row["fake_probability"] = None
        try:
            report = self.analyzer.analyze(Path(path))
        except MediaError as error:
            return {**row, "report": str(error)}
        return {
            "path": path,
            "verdict": report.verdict,
            "reason": report.reason,
            "fake_probability": report.fake_probability,
            "report": report.model_dump_json(),
        }


def _load_pyfunc(data_path: str) -> VideoPathModel:  # the name that MLflow calls
    return VideoPathModel(Analyzer.load(Path(data_path)))
