"""Where a run ends that fell short."""

from rich.console import Console
from zenml import step

from unmask.evaluation.gates import GateReport
from unmask.evaluation.tables import gate_table


@step(enable_cache=False)
def enforce_gates(gates: GateReport) -> None:
    """Show the gates, and fail the run if a required one fell short."""
    Console().print(gate_table(gates))
    gates.require()
