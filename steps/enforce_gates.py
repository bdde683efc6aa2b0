"""Where a run ends that fell short."""

from rich.console import Console
from zenml import step

from unmask.evaluation.console_tables import gate_table
from unmask.evaluation.gates import GateReport


@step(enable_cache=False)
def enforce_gates(gates: GateReport) -> None:
    """Show the gates, and fail the run if a required one fell short."""
    Console().print(gate_table(gates))
    gates.raise_if_failed()
