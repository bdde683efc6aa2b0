"""The door through which MLflow loads a registered bundle: ``loader_module`` of a pyfunc model.

MLflow itself is not needed here; the bundle is safetensors and JSON, and nothing is pickled.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unmask.errors import MediaError
from unmask.serving.analyzer import Analyzer


class VideoPathModel:
    """Analyzes the videos whose paths it is given."""

    def __init__(self, analyzer: Analyzer) -> None:
        self.analyzer = analyzer

    def predict(
        self, model_input: Mapping[str, Sequence[str]], params: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """One row per path.

        Args:
            model_input: A table, or a mapping, with a column ``path``.
            params: Not used; MLflow passes it.

        Returns:
            ``path``, ``verdict``, ``fake_probability`` (``None`` where there is no score) and
            the whole ``report`` as JSON; a file that cannot be read is ``inconclusive``, and
            its report is the reason.
        """
        return [self._row(str(path)) for path in model_input["path"]]

    def _row(self, path: str) -> dict[str, Any]:
        row: dict[str, Any] = {"path": path, "verdict": "inconclusive", "fake_probability": None}
        try:
            report = self.analyzer.analyze(Path(path))
        except MediaError as error:
            return {**row, "report": str(error)}
        score = report.fake_probability
        return {
            "path": path,
            "verdict": report.verdict,
            "fake_probability": score,
            "report": report.model_dump_json(),
        }


def _load_pyfunc(data_path: str) -> VideoPathModel:  # the name that MLflow asks for
    return VideoPathModel(Analyzer.load(Path(data_path)))
