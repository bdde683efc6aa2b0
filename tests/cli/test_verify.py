"""`unmask analyze --sign`, and `unmask verify` of what it wrote."""

import json
import shutil

import pytest

from unmask.serving.custody import signing_key
from unmask.serving.report.schema import Report


@pytest.fixture(autouse=True)
def own_key(tmp_path, monkeypatch):
    """Keep the key of this user out of the tests."""
    path = tmp_path / "data" / "report-key.pem"
    monkeypatch.setattr(signing_key, "default_key_path", lambda: path)
    return path


@pytest.fixture
def signed(bundle_folder, run_unmask, make_video, tmp_path):
    """Return a video and its signed report."""
    video, report = make_video(tmp_path / "talk.mp4"), tmp_path / "report.json"
    stated = ("--operator", "A. Examiner", "--case", "2026/117")
    code, _, err = run_unmask(
        "analyze", video, "--bundle", bundle_folder, "--json", report, "--sign", *stated
    )
    assert (code, err) == (0, "")
    return video, report


def test_report_file_and_detector_are_verified(signed, run_unmask, bundle_folder):
    video, report = signed
    code, out, err = run_unmask("verify", report, "--file", video, "--bundle", bundle_folder)
    assert (code, err) == (0, "")
    first, *checks = out.splitlines()
    assert first.startswith("talk.mp4: ")
    assert "case 2026/117; operator A. Examiner; analyzed 20" in first
    assert [line.split()[:2] for line in checks] == [
        ["OK", name] for name in ("signature", "signer", "settings", "file", "detector")
    ]


def test_the_report_states_who_asked_for_what_case(signed):
    custody = Report.model_validate_json(signed[1].read_text()).custody
    assert (custody.operator, custody.case_number) == ("A. Examiner", "2026/117")
    assert custody.received_at is None
    assert {"bundle.json", "model.safetensors"} <= set(custody.bundle_files)
    assert custody.settings["preprocessing"]["lips"][
        "enabled"
    ]  # as in effect, not as in the bundle
    assert "torch" in custody.versions


def change(report, verdict):
    values = json.loads(report.read_text())
    values["verdict"] = verdict
    report.write_text(json.dumps(values))


@pytest.mark.parametrize(
    ("tamper", "subject"),
    [
        (lambda video, report, bundle: change(report, "other"), "signature"),
        (lambda video, report, bundle: video.write_bytes(video.read_bytes() + b"x"), "file"),
        (lambda video, report, bundle: (bundle / "gates.json").write_text("[]"), "detector"),
    ],
)
def test_what_was_changed_is_named(signed, run_unmask, bundle_folder, tmp_path, tamper, subject):
    video, report = signed
    bundle = shutil.copytree(bundle_folder, tmp_path / "bundle")
    tamper(video, report, bundle)
    code, out, err = run_unmask("verify", report, "--file", video, "--bundle", bundle)
    assert (code, err) == (1, f"unmask: not verified: {subject}\n")
    differing = [line for line in out.splitlines() if line.startswith("DIFFERS")]
    assert [line.split()[1] for line in differing] == [subject]


def test_an_unknown_signer_is_not_trusted(signed, run_unmask, own_key, tmp_path):
    report = signed[1]
    public = signing_key.public_key_path(own_key)
    elsewhere = public.rename(tmp_path / "published.pem")
    code, out, err = run_unmask("verify", report)
    assert (code, err) == (1, "unmask: not verified: signer\n")
    assert "give the public key" in out
    assert run_unmask("verify", report, "--key", elsewhere)[0] == 0
    signing_key.load_or_create_key(tmp_path / "other.pem")
    assert run_unmask("verify", report, "--key", tmp_path / "other.pub.pem")[0] == 1
    both = ("--key", tmp_path / "other.pub.pem", "--key", elsewhere)
    assert run_unmask("verify", report, *both)[0] == 0


def test_an_unsigned_report_is_not_verified(signed, run_unmask, tmp_path):
    values = json.loads(signed[1].read_text())
    del values["signature"]
    (tmp_path / "unsigned.json").write_text(json.dumps(values))
    code, out, err = run_unmask("verify", tmp_path / "unsigned.json")
    assert (code, err) == (1, "unmask: not verified: signature\n")
    assert "the report is not signed" in out


def test_a_report_cannot_command_the_terminal(signed, run_unmask):
    values = json.loads(signed[1].read_text())
    values["media"]["file"] = "\x1b]0;title\x07a.mp4"
    values["custody"]["bundle_files"] = {"\x1b[2J": "0" * 64}
    signed[1].write_text(json.dumps(values))
    code, out, err = run_unmask("verify", signed[1], "--bundle", "data/field-detector")
    assert code in (1, 2)
    assert "\x1b" not in out + err
    assert r"\x1b]0;title\x07a.mp4" in out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--file", "missing.mp4"), "missing.mp4: cannot be read"),
        (("--bundle", "."), "bundle.json"),
        (("--key", "missing.pem"), "missing.pem: cannot be read"),
    ],
)
def test_what_cannot_be_read_is_exit_code_2(signed, run_unmask, tmp_path, monkeypatch, options,
                                            message):  # fmt: skip
    monkeypatch.chdir(tmp_path / "data")
    code, out, err = run_unmask("verify", signed[1], *options)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1


def test_options_of_a_signature_are_checked_before_the_analysis(run_unmask, tmp_path):
    code, _, err = run_unmask("analyze", "missing.mp4", "--sign")
    assert (code, err) == (
        2,
        "unmask: --sign signs the report that --json writes; add --json FILE\n",
    )
    code, _, err = run_unmask("analyze", "missing.mp4", "--case", "a\nb")
    assert (code, err) == (
        2,
        r"unmask: --case: 'a\nb' cannot be recorded; use 1 to 200 printable characters" + "\n",
    )
    code, _, err = run_unmask("analyze", tmp_path, "--operator", "A")
    assert (code, err) == (2, "unmask: --operator takes one video; use --out for a table of many\n")


def test_a_signed_report_goes_to_standard_output(
    bundle_folder, run_unmask, make_video, tmp_path, own_key
):
    chosen = tmp_path / "chosen.pem"
    options = ("--bundle", bundle_folder, "--json", "-", "--sign", "--signing-key", chosen)
    code, out, _ = run_unmask("analyze", make_video(tmp_path / "talk.mp4"), *options)
    assert code == 0
    (tmp_path / "report.json").write_text(out)
    public = tmp_path / "chosen.pub.pem"
    assert run_unmask("verify", tmp_path / "report.json", "--key", public)[0] == 0
    assert not own_key.exists()
