"""The notebook runs from top to bottom on a real report."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.mark.slow
def test_the_notebook_reads_and_plots_the_report():
    notebook = nbformat.read(EXAMPLES / "reading_a_report.ipynb", as_version=4)
    nbformat.validate(notebook)
    resources = {"metadata": {"path": str(EXAMPLES)}}
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources=resources).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("fake" in output.get("text", "") for output in outputs)
    assert any("image/png" in output.get("data", {}) for output in outputs)


def test_the_committed_notebook_holds_no_outputs():
    notebook = nbformat.read(EXAMPLES / "reading_a_report.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
