"""Measured verdicts as they are stored with a promoted bundle."""

from dataclasses import asdict
from typing import Any

from unmask.evaluation.condition_verdicts import ConditionVerdicts
from unmask.evaluation.measured_verdicts import MeasuredVerdicts
from unmask.serving.report.model_card import ReportedVerdicts
from unmask.serving.report.quality import ReportedCondition


def describe_verdicts(verdicts: MeasuredVerdicts) -> dict[str, Any]:
    """Return the fields of a :class:`ReportedVerdicts`, as JSON holds them."""
    return _reported(verdicts).model_dump(mode="json")


def describe_condition(condition: ConditionVerdicts) -> dict[str, Any]:
    """Return the fields of a :class:`ReportedCondition`, as JSON holds them."""
    fields = {name: value for name, value in asdict(condition).items() if name != "verdicts"}
    reported = ReportedCondition(**fields, verdicts=_reported(condition.verdicts))
    return reported.model_dump(mode="json")


def _reported(verdicts: MeasuredVerdicts) -> ReportedVerdicts:
    fpr, fnr = verdicts.fpr, verdicts.fnr
    counts = {name: value for name, value in asdict(verdicts).items() if "promised" not in name}
    return ReportedVerdicts(
        **counts,
        fpr=fpr.value,
        fpr_interval=(fpr.low or 0.0, fpr.high or 0.0),
        fnr=fnr.value,
        fnr_interval=(fnr.low or 0.0, fnr.high or 0.0),
    )
