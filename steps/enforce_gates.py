"""End of a run whose detector missed a required gate."""

from rich.console import Console
from zenml import step

from unmask.evaluation.console_tables import gate_table
from unmask.evaluation.gates import GateReport


@step(enable_cache=False)
def enforce_gates(gates: GateReport) -> None:
    """Print the gates, and fail the run if a required one was missed."""
    Console().print(gate_table(gates))
    gates.raise_if_failed()
