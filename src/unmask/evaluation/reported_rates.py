"""Measured verdicts as a promoted bundle stores them for its reports."""

from dataclasses import asdict
from typing import Any

from unmask.evaluation.condition_verdicts import ConditionVerdicts
from unmask.evaluation.measured_verdicts import MeasuredVerdicts


def describe_verdicts(verdicts: MeasuredVerdicts) -> dict[str, Any]:
    """Return counts, rates and their intervals, as `ReportedVerdicts` of the report has them."""
    counts = {name: value for name, value in asdict(verdicts).items() if "promised" not in name}
    rates: dict[str, Any] = {}
    for name, rate in (("fpr", verdicts.fpr), ("fnr", verdicts.fnr)):
        rates[name] = rate.value
        rates[f"{name}_interval"] = (rate.low or 0.0, rate.high or 0.0)
    return counts | rates


def describe_condition(condition: ConditionVerdicts) -> dict[str, Any]:
    """Return verdicts and facts under one condition, as `ReportedCondition` has them."""
    return asdict(condition) | {"verdicts": describe_verdicts(condition.verdicts)}
