"""Upgrades of the metadata of a bundle, from each older schema to the present one."""

from collections.abc import Mapping
from typing import Any

from unmask.models.calibration.platt import NEUTRAL_PROBABILITY


def upgrade_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of ``bundle.json`` with the keys that its schema did not have."""
    schema = metadata["schema_version"]
    if schema < 7:
        metadata = {**metadata, "genuine_features_sha256": None}
    if schema < 5:
        metadata = {**metadata, "domain": None}
    if schema < 4:
        metadata = _with_segment_thresholds(metadata)
    if schema == 1 and "model" in metadata:
        added_later: dict[str, Any] = {"uncertainty": {}, "sync": None, "sync_sha256": None}
        metadata = {**metadata, "members": [metadata["model"]], **added_later}
    if schema < 6 and {"members", "voice_config"} <= metadata.keys():
        one_for_all = [metadata["voice_config"]] * len(metadata["members"])
        metadata = {**metadata, "voice_configs": one_for_all}
    # detectors that do not say so are of before version 0.3, and ignore time
    members = [{"frame_times": False, **member} for member in metadata.get("members", ())]
    metadata = {**metadata, "members": members}
    if "preprocessing" in metadata:  # who speaks was not asked either
        preprocessing = metadata["preprocessing"]
        lips = {"active_speaker": False, **preprocessing.get("lips", {})}
        metadata["preprocessing"] = {**preprocessing, "lips": lips}
    return metadata


def _with_segment_thresholds(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Add what older schemas applied to segments: ``fake_above``, or one half if that was 1."""
    calibration = dict(metadata.get("calibration") or {})
    above = calibration.get("fake_above", NEUTRAL_PROBABILITY)
    thresholds = dict.fromkeys(
        ("video", "audio", "lip_sync"), NEUTRAL_PROBABILITY if above == 1.0 else above
    )
    return {**metadata, "calibration": {**calibration, "alarms": thresholds}}
