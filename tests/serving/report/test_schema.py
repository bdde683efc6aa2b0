"""The report schema is complete, stable and strict."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from unmask.explainability.evidence_item import EvidenceItem
from unmask.models.calibration.platt import ConformalGuarantee, SegmentThresholds
from unmask.records import MediaInfo
from unmask.serving.report.model_card import ReportedGuarantee, ReportedThresholds
from unmask.serving.report.reasons import REASON_TEXTS, describe_reasons
from unmask.serving.report.schema import Evidence, Media, Report, Segment

REPORT_FIELDS = [
    *("schema_version", "verdict", "reason", "reasons", "fake_probability"),
    *("confidence_interval", "dropout_range"),
    *("uncertainty_score", "repeated_mean", "repeated_variance", "modalities"),
    *("members", "members_spread", "people", "audio_timeline"),
    *("envelope", "segments", "evidence"),
    *("speaking", "quality", "notes", "media", "model", "timing_s"),
    *("attack", "provenance", "custody", "signature"),
]


def test_report_has_all_fields_in_order(report_fields):
    assert list(json.loads(Report(**report_fields).model_dump_json())) == REPORT_FIELDS


def test_fields_of_later_phases_are_null_or_empty(report_fields):
    written = json.loads(Report(**report_fields).model_dump_json())
    assert written["confidence_interval"] is None
    for name in ("uncertainty_score", "repeated_mean", "repeated_variance", "members_spread"):
        assert written[name] is None
    assert written["modalities"]["lip_sync"] is None
    assert written["members"] == written["evidence"] == []


def test_schema_5_only_adds_fields_to_schema_1(report_fields):
    written = json.loads(Report(**report_fields).model_dump_json())
    assert written["schema_version"] == 5
    for part in ("modalities", "quality", "media", "model", "timing_s"):
        assert set(report_fields[part]) <= set(written[part]), part
    assert written["audio_timeline"] == []
    assert written["model"]["promise"] is None


def test_report_survives_a_json_round_trip(report_fields):
    report = Report(**report_fields)
    assert Report.model_validate_json(report.model_dump_json()) == report


def test_unknown_field_is_refused(report_fields):
    with pytest.raises(ValidationError, match="surprise"):
        Report(**report_fields, surprise=1)


def test_verdict_without_a_score_is_refused(report_fields):
    with pytest.raises(ValidationError, match="without a probability"):
        Report(**{**report_fields, "verdict": "fake"})


def test_reason_belongs_to_an_inconclusive_verdict_alone(report_fields):
    reason = {**report_fields, "reason": "between_thresholds"}
    assert Report(**reason).reason == "between_thresholds"
    with pytest.raises(ValidationError, match="with the reason"):
        Report(**{**reason, "verdict": "fake", "fake_probability": 0.9})


def test_what_older_schemas_call_an_interval_is_the_dropout_range(report_fields):
    values = {**report_fields, "confidence_interval": (0.2, 0.4)}
    assert Report(**values).confidence_interval == (0.2, 0.4)
    older = Report(**values, schema_version=3)
    assert (older.confidence_interval, older.dropout_range) == (None, (0.2, 0.4))


def test_the_reason_is_the_first_of_all(report_fields):
    reasons = describe_reasons(["still_picture", "experimental"])
    both = {**report_fields, "reasons": reasons}
    report = Report(**both, reason="still_picture")
    written = json.loads(report.model_dump_json())["reasons"]
    assert written == [
        {"code": "still_picture", "message": REASON_TEXTS["still_picture"]},
        {"code": "experimental", "message": REASON_TEXTS["experimental"]},
    ]
    assert report.reason_messages == tuple(reason["message"] for reason in written)
    for first in (None, "experimental"):
        with pytest.raises(ValidationError, match="not the first of the reasons"):
            Report(**both, reason=first)


def test_a_report_of_one_code_has_its_words(report_fields):
    older = json.loads(Report(**report_fields, reason="demo_model").model_dump_json())
    del older["reasons"]
    assert Report.model_validate(older).reason_messages == (REASON_TEXTS["demo_model"],)


def test_report_of_an_older_schema_has_no_reason(report_fields):
    older = json.loads(Report(**report_fields, schema_version=2).model_dump_json())
    del older["reason"], older["reasons"]
    report = Report.model_validate(older)
    assert (report.schema_version, report.reason) == (2, None)


def test_segment_that_ends_before_it_starts_is_refused():
    with pytest.raises(ValidationError, match="before it starts"):
        Segment(modality="audio", person=None, start_s=2, end_s=1, fake_probability=0.9)


def test_every_field_has_a_description():
    schema = Report.model_json_schema()
    for name, part in [("Report", schema), *schema["$defs"].items()]:
        assert part["additionalProperties"] is False, name
        for field, facts in part["properties"].items():
            assert facts.get("description"), f"{name}.{field}"


def test_json_schema_names_fields_as_reports_do_and_not_as_internal_records():
    schemas = Report.model_json_schema()["$defs"]
    guarantee = ["fpr", "fnr", "real_clips", "fake_clips", "people", "folds"]
    guarantee += ["by_person", "selection_clips"]
    assert list(schemas["ReportedGuarantee"]["properties"]) == guarantee
    assert list(schemas["Media"]["properties"])[:2] == ["file", "sha256"]


def test_guarantee_is_read_from_the_calibration_record():
    guarantee = ReportedGuarantee.model_validate(ConformalGuarantee(0.1, 0.05, 24, 23, 8))
    assert guarantee.model_dump() == {
        "fpr": 0.1,
        "fnr": 0.05,
        "real_clips": 24,
        "fake_clips": 23,
        "people": 8,
        "folds": 0,
        "by_person": False,
        "selection_clips": 0,
    }
    assert ReportedGuarantee.model_validate(guarantee.model_dump()) == guarantee


def test_guarantee_without_clips_is_refused():
    with pytest.raises(ValidationError, match="reals"):
        ReportedGuarantee.model_validate(ConformalGuarantee())


def test_segment_thresholds_are_read_from_the_calibration_record():
    thresholds = ReportedThresholds.model_validate(SegmentThresholds(0.5, 0.7, 0.9))
    expected = {"video": 0.5, "audio": 0.7, "lip_sync": 0.9, "per_hour": 0.0}
    assert thresholds.model_dump() == expected


def test_evidence_is_read_from_the_evidence_item():
    effects = {"faithfulness": 0.5, "random_drop": 0.1, "insertion": 0.4, "random_insertion": 0.2}
    tested = {**effects, "p_value": 0.05, "is_supported": True}
    item = EvidenceItem(
        "sound", None, 1.25, 0.9, "d", **tested, file="f.png", importance=((1.0, 0.5),)
    )
    assert Evidence.model_validate(item).model_dump() == {
        "kind": "sound",
        "person": None,
        "time_s": 1.25,
        "description": "d",
        "fake_probability": 0.9,
        "faithfulness": 0.5,
        "random_drop": 0.1,
        "insertion": 0.4,
        "random_insertion": 0.2,
        "p_value": 0.05,
        "is_supported": True,
        "file": "f.png",
        "original": None,
        "importance": ((1.0, 0.5),),
    }


def test_media_is_read_from_media_info_without_the_folder():
    info = MediaInfo(Path("/secret/a b.mp4"), "0" * 64, 7, 2.5, 25.0, 320, 240, 90, "h264", None)
    media = Media.model_validate(info)
    assert media.model_dump() == {
        "file": "a b.mp4",
        "sha256": "0" * 64,
        "size_bytes": 7,
        "duration_s": 2.5,
        "width": 320,
        "height": 240,
        "rotation_deg": 90,
        "mirrored": False,
        "tilt_deg": 0.0,
        "hdr": None,
        "fps": 25.0,
        "video_codec": "h264",
        "audio_codec": None,
        "sound_tracks": (),
    }
    assert Media.model_validate(media.model_dump()) == media
