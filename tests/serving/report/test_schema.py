"""The contract keeps its promises, whoever reads it."""

import json

import pytest
from pydantic import ValidationError

from unmask.serving.report.schema import Report, Segment

PROMISED = [
    *("schema_version", "verdict", "fake_probability", "confidence_interval"),
    *("uncertainty_score", "repeated_mean", "repeated_variance", "modalities"),
    *("members", "members_spread", "people", "audio_timeline"),
    *("envelope", "segments", "evidence"),
    *("quality", "notes", "media", "model", "timing_s"),
]


def test_a_report_has_the_promised_fields_in_the_promised_order(values):
    assert list(json.loads(Report(**values).model_dump_json())) == PROMISED


def test_what_phase_1_cannot_fill_is_null_or_empty(values):
    written = json.loads(Report(**values).model_dump_json())
    assert written["confidence_interval"] is None
    for name in ("uncertainty_score", "repeated_mean", "repeated_variance", "members_spread"):
        assert written[name] is None
    assert written["modalities"]["lip_sync"] is None
    assert written["members"] == written["evidence"] == []


def test_a_reader_of_schema_1_finds_all_it_knows(values):
    """What was promised then is still there; what is new may be left out by who writes it."""
    written = json.loads(Report(**values).model_dump_json())
    assert written["schema_version"] == 2
    for part in ("modalities", "quality", "media", "model", "timing_s"):
        assert set(values[part]) <= set(written[part]), part
    assert written["audio_timeline"] == []
    assert written["model"]["promise"] is None


def test_a_report_reads_back_from_its_json(values):
    report = Report(**values)
    assert Report.model_validate_json(report.model_dump_json()) == report


def test_a_field_that_nobody_promised_is_refused(values):
    with pytest.raises(ValidationError, match="surprise"):
        Report(**values, surprise=1)


def test_a_verdict_without_a_score_is_refused(values):
    with pytest.raises(ValidationError, match="without a probability"):
        Report(**{**values, "verdict": "fake"})


def test_a_segment_cannot_end_before_it_starts():
    with pytest.raises(ValidationError, match="before it starts"):
        Segment(modality="audio", person=None, start_s=2, end_s=1, fake_probability=0.9)


def test_every_field_says_what_it_is():
    schema = Report.model_json_schema()
    for name, part in [("Report", schema), *schema["$defs"].items()]:
        assert part["additionalProperties"] is False, name
        for field, facts in part["properties"].items():
            assert facts.get("description"), f"{name}.{field}"
