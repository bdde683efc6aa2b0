"""`unmask analyze`: a verdict, or an error in one line without a traceback."""

import json
import re
import wave
from dataclasses import replace

import numpy as np
import pytest

from tests.sound_files import Part, tone, write_tracks
from unmask.cli import app as cli
from unmask.cli.analyze import print_report
from unmask.models.bundle import load_bundle, save_bundle
from unmask.serving import released
from unmask.serving.report.schema import Report


@pytest.fixture
def analyze(bundle_folder, run_unmask):
    def run(*arguments):
        return run_unmask("analyze", *arguments, "--bundle", bundle_folder)

    return run


def test_the_verdict_is_printed_for_people(analyze, make_video, tmp_path):
    code, out, err = analyze(make_video(tmp_path / "talk.mp4"))
    assert (code, err) == (0, "")
    report = Report.model_validate_json(analyze(tmp_path / "talk.mp4", "--json", "-")[1])
    assert "talk.mp4  1.0 s, 320×240, h264 + aac" in out
    assert f"{report.verdict.upper()}  fake probability {report.fake_probability:.2f}" in out
    assert f"(face {report.modalities.video:.2f}, voice {report.modalities.audio:.2f})" in out
    assert "over 5 frames" in out
    assert report.speaking_lines[-1].startswith("Person 0: ")
    assert all(f"  {line}\n" in out for line in report.speaking_lines)
    assert report.provenance_lines[0].startswith("The file has no Content Credentials.")
    assert all(f"  provenance: {line}\n" in out for line in report.provenance_lines)


def test_the_demonstration_model_gives_no_verdict_and_no_number_on_other_footage(
    bundle_folder, make_video, tmp_path, monkeypatch, capsys
):
    demo = replace(load_bundle(bundle_folder), profile="demo")
    save_bundle(tmp_path / "demo", demo)
    command = ["unmask", "analyze", str(make_video(tmp_path / "talk.mp4"))]
    monkeypatch.setattr("sys.argv", [*command, "--bundle", str(tmp_path / "demo")])
    with pytest.raises(SystemExit):
        cli.main()
    _, verdict, reason, *rest = capsys.readouterr().out.splitlines()
    assert verdict == "INCONCLUSIVE"
    assert "small demonstration model" in reason
    judged = [line for line in rest[:-1] if not line.startswith("  provenance:")]
    assert not re.search(r"\d\.\d", " ".join([verdict, reason, *judged]))


def test_the_report_is_the_same_in_a_file_and_on_standard_output(analyze, make_video, tmp_path):
    video, file = make_video(tmp_path / "talk.mp4"), tmp_path / "new folder" / "report.json"
    assert analyze(video, "--json", file)[0] == 0
    code, out, _ = analyze(video, "--json", "-")
    assert code == 0
    written, printed = (Report.model_validate_json(text) for text in (file.read_text(), out))
    measured = {"timing_s": printed.timing_s, "custody": printed.custody}
    assert written.model_copy(update=measured) == printed


def make_unreadable(kind, folder, make_video):
    """Return the path of a file that cannot be analyzed."""
    path = folder / "bad clip – ü.mp4"
    if kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("not a video\n" * 50)
    elif kind == "truncated":
        whole = make_video(folder / "whole.mp4").read_bytes()
        path.write_bytes(whole[: len(whole) // 2])  # the index is at the end of the file
    elif kind == "folder":
        path.mkdir()
    return path


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("empty", "is empty (0 bytes)"),
        ("text", "is not a readable media file"),
        ("truncated", "is not a readable media file"),
        ("folder", "contains no video or audio file"),
        ("missing", "does not exist"),
    ],
)
def test_an_unreadable_file_is_one_line_and_exit_code_2(
    analyze, make_video, tmp_path, kind, reason
):
    path = make_unreadable(kind, tmp_path, make_video)
    code, out, err = analyze(path)
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith(f"unmask: {path}: {reason}")
    assert "; " in line  # followed by a remedy


@pytest.mark.parametrize(
    ("how", "note"),
    [
        ({"times": []}, "The file has no video stream"),
        ({"audio": False}, "The file has no audio stream"),
        ({"face": False}, "No face was found"),
        ({"times": [0.0]}, "in only 1 frame"),
        ({"seconds": 0.2}, "in only 1 frame"),
        ({"times": [0.0, 0.04, 0.3, 0.31, 0.9]}, "in only 3 frame"),
        ({"size": (3840, 2160), "times": np.arange(0, 1, 0.1)}, "3840×2160"),
        ({"size": (300, 400), "rotated": True}, "300×400"),
    ],
)
def test_unusual_media_give_a_verdict_with_a_note(analyze, make_video, tmp_path, how, note):
    code, out, err = analyze(make_video(tmp_path / "odd clip – ü.mp4", **how))
    assert (code, err) == (0, "")
    assert note in out
    assert "odd clip – ü.mp4" in out


def test_a_report_that_cannot_be_written_is_one_line(analyze, make_video, tmp_path):
    (tmp_path / "taken").write_text("")
    code, out, err = analyze(
        make_video(tmp_path / "a.mp4"), "--json", tmp_path / "taken" / "r.json"
    )
    assert (code, out) == (2, "")
    assert "cannot be written" in err


def test_quiet_prints_the_verdict_alone(analyze, make_video, tmp_path):
    video = make_video(tmp_path / "a.mp4")
    _, everything, _ = analyze(video)
    code, out, _ = analyze(video, "--quiet", "--json", tmp_path / "r.json")
    report = Report.model_validate_json((tmp_path / "r.json").read_text())
    assert code == 0
    assert out.startswith(report.verdict.upper())
    assert out.splitlines() == [everything.splitlines()[1]]


def test_the_verdict_of_one_video_fails_by_policy_alone(analyze, make_video, tmp_path):
    video = make_video(tmp_path / "a.mp4")
    verdict = json.loads(analyze(video, "--json", "-")[1])["verdict"]
    others = {"fake", "inconclusive", "error", "none"} - {verdict}
    for outcome in others:
        assert analyze(video, "--quiet", "--fail-on", outcome)[0] == 0
    if verdict != "real":
        assert analyze(video, "--quiet", "--fail-on", "error", "--fail-on", verdict)[0] == 3


def test_a_missing_bundle_is_one_line(make_video, tmp_path, monkeypatch, capsys):
    video = make_video(tmp_path / "a.mp4")
    monkeypatch.setattr("sys.argv", ["unmask", "analyze", str(video)])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(released, "CHECKOUT", tmp_path)
    monkeypatch.delenv("UNMASK_BUNDLE", raising=False)
    with pytest.raises(SystemExit) as exit_info:
        cli.main()
    assert exit_info.value.code == 2
    assert capsys.readouterr().err == (
        "unmask: outputs/champion: no champion yet, and no data/field-detector; run make setup or "
        "make train in a checkout of unmask, or give --bundle\n"
    )


def test_json_holds_no_value_that_is_not_json(analyze, make_video, tmp_path):
    def refuse(word):
        raise AssertionError(word)

    _, out, _ = analyze(make_video(tmp_path / "a.mp4", face=False, audio=False), "--json", "-")
    assert json.loads(out, parse_constant=refuse)["fake_probability"] is None


def test_interval_members_lip_sync_and_evidence_are_printed(capsys):
    person = {
        "id": 0,
        "fake_probability": 0.91,
        "frames": 9,
        "timeline": [],
        "lip_sync": {"fake_probability": 0.8, "offset_ms": -200.0, "timeline": []},
    }
    segment = {"modality": "lip_sync", "person": 0, "start_s": 1, "end_s": 2}
    evidence = {
        "kind": "heat_map",
        "person": 0,
        "time_s": 1,
        "description": "Here.",
        "file": "a.png",
    }
    quality = {"frames_sampled": 9, "frames_with_face": 9, "people": 1, "face_width_px": 200}
    media = {"file": "a.mp4", "sha256": "", "size_bytes": 1, "duration_s": 2, "width": 1}
    media |= {
        "height": 1,
        "rotation_deg": 0,
        "fps": 25,
        "video_codec": "h264",
        "audio_codec": "aac",
    }
    model = {"sha256": "", "phase": 3, "profile": "full", "frame_backbone": "x"}
    model |= {"voice_backbone": "y", "temperature": 1, "real_below": 0.4, "fake_above": 0.6}
    stages = ("decode", "faces", "align", "flow", "speech", "frame_model", "voice_model", "rest")
    report = Report(
        verdict="fake",
        fake_probability=0.91,
        confidence_interval=(0.8, 0.95),
        dropout_range=(0.85, 0.92),
        uncertainty_score=0.0123,
        modalities={"video": 0.9, "audio": 0.4, "lip_sync": 0.8},
        members=[{"name": "member 1", "fake_probability": p} for p in (0.9, 0.92)],
        people=[person],
        segments=[{**segment, "fake_probability": 0.8}],
        evidence=[evidence],
        quality={**quality, "sharpness": 9, "sound_s": 2, "speech_s": 2},
        notes=[],
        media=media,
        model=model,
        timing_s=dict.fromkeys((*stages, "total"), 0.5),
    )
    print_report(report)
    out = capsys.readouterr().out
    for text in (
        "FAKE  fake probability 0.91  (face 0.90, voice 0.40, lip-sync 0.80)",
        "95 % interval: 0.80 to 0.95",
        "dropout range: 0.85 to 0.92, uncertainty 0.012",
        "2 members: 0.90, 0.92",
        "person 0: 0.91 over 9 frames; audio 200 ms early",
        "1.0 to 2.0 s: lips of person 0 0.80",
        "a.png: Here.",
    ):
        assert text in out


def test_several_sound_tracks_are_printed(analyze, tmp_path):
    parts = [Part(0.0, tone(400, 1.0)[None]), Part(0.0, np.repeat(tone(800, 1.0)[None], 2, 0))]
    path = write_tracks(tmp_path / "a.mkv", parts, "aac", defaults=[1], languages=["eng", "deu"])
    code, out, _ = analyze(path)
    assert code == 0
    assert (
        "sound tracks: 0: aac, eng, 1 channel(s); 1: aac, deu, 2 channel(s), default, analyzed\n"
        in out
    )


def test_sound_that_cannot_be_converted_is_one_line(analyze, tmp_path):
    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as out:
        out.setparams((65, 2, 16_000, 0, "NONE", "not compressed"))
        out.writeframes(bytes(65 * 2 * 1600))
    code, out, err = analyze(path)
    assert (code, out) == (2, "")
    assert err == (
        f"unmask: {path}: has sound with 65 channels; the limit is 64, export the file with fewer\n"
    )
