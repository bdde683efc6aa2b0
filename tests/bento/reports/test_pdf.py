"""The PDF report contains everything that a reader without the JSON report needs."""

import base64
import re
import zlib

import pytest

pytest.importorskip("reportlab")


def extract_text(pdf):
    """Return all text that the pages draw, joined; for fonts of one byte a letter."""
    text = b""
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL):
        try:
            content = zlib.decompress(base64.a85decode(b"<~" + stream.strip(), adobe=True))
        except (ValueError, zlib.error):  # not text
            continue
        text += b" ".join(re.findall(rb"\(((?:\\.|[^\\)])*)\)", content)) + b" "
    return re.sub(r"\s+", " ", re.sub(rb"\\([()\\])", rb"\1", text).decode("latin-1"))


@pytest.fixture
def download_pdf(make_service, running_worker):
    """Analyze a file with the given name; return the job and its PDF report."""

    def download(name, content="ok", **form):
        service = make_service()
        with running_worker(service):
            job = service.wait_for(service.submit(content, name=name, **form))
        response = service.client.get(f"/jobs/{job['job_id']}/report.pdf")
        assert response.status_code == 200
        assert response.headers["content-type"] == "application/pdf"
        assert response.content.startswith(b"%PDF-")
        return job, response.content

    return download


def test_report_states_verdict_file_detector_and_limitations(download_pdf):
    job, pdf = download_pdf("Müller – Ё.mp4", start_s=0.5)
    text = extract_text(pdf)
    expected = (
        "FAKE. The video matches known forgery patterns.",
        "0.90",
        job["sha256"],
        "5" * 64,
        "0.5 s to the end",
        "temperature 1.000",
        "real below 0.300, fake above 0.700",
        "Interpretation",
        "Limitations:",
        "not a judgement on a person",
        "Gate auc",
        "passed: 0.8622 (at least 0.75, required)",
        "not measured (at most 0, reported)",
        "No segment of face, voice or lip-sync exceeds its threshold.",
    )
    assert [phrase for phrase in expected if phrase not in text] == []


def test_report_lists_flagged_segments_and_people(download_pdf):
    _, pdf = download_pdf("a.mp4", content="rich")
    text = extract_text(pdf)
    assert "0.6 to 1.4 s video, person 0: 0.95" in text
    assert "Person 0 0.90, visible in 10 sampled frames" in text
    assert "Who speaks" in text
    assert "Speech is heard and nobody in view is seen to speak, as with a narrator." in text
    assert "Person 0: listens: the lips are still while speech is heard" in text


def test_each_image_has_the_words_of_its_test(download_pdf):
    _, pdf = download_pdf("a.mp4", content="evidence")
    text = extract_text(pdf)
    assert "frame-1. Regions that raise the score" in text
    assert "frame-2. No region is highlighted" in text


def test_report_without_a_score_gives_the_reasons_and_no_number(download_pdf):
    _, pdf = download_pdf("a.mp4", content="unlike")
    text = extract_text(pdf)
    assert "INCONCLUSIVE. The detector cannot decide." in text
    assert "unlike the clips that it was calibrated on" in text
    assert "The picture does not move" in text
    assert "Fake probability" not in text
    assert "not scored" not in text


def test_report_shows_no_probability_that_the_calibration_clips_cannot_bear(download_pdf):
    _, pdf = download_pdf("a.mp4", content="calibrated")
    text = extract_text(pdf)
    assert "Fake probability at least 0.96" in text
    assert "1.00" not in text.replace("temperature 1.000", "")


@pytest.mark.parametrize("name", ["<b>&amp;<script>", "a" * 180 + ".mp4", "视频.mp4"])
def test_any_file_name_can_be_printed(download_pdf, name):
    job, _ = download_pdf(name)
    assert job["file"] == name


def test_report_states_the_chain_of_custody(download_pdf):
    job, pdf = download_pdf("a.mp4", operator="A. Examiner", case_number="2026/117")
    text = extract_text(pdf)
    expected = (
        "Case number 2026/117",
        "Operator A. Examiner",
        "Analysis 2026-11-30 10:00:00 UTC to 2026-11-30 10:00:00 UTC",
        "File received 20",
        "Ed25519, key",
        job["result"]["signature"]["key_id"],
        job["result"]["custody"]["settings_sha256"],
        "unmask 0",
    )
    assert [phrase for phrase in expected if phrase not in text] == []


def test_what_was_not_stated_is_said(download_pdf):
    assert "Case number not stated Operator not stated" in extract_text(download_pdf("a.mp4")[1])


def test_report_states_the_provenance(download_pdf):
    text = extract_text(download_pdf("a.mp4", content="provenance")[1])
    expected = (
        "Provenance The file's Content Credentials are intact, and signed by Test Signer.",
        "Content Credentials valid",
        "Signed by Test Signer, Test Newsroom",
        "Signed at no time stamp",
        "Failed check signingCredential.untrusted: untrusted",
        "Claimed action c2pa.edited, Test Editor",
        "Claimed ingredient camera.mp4",
        "Thumbnail of the claimed ingredient camera.mp4",
        "Device Apple iPhone 15",
        "Editing programs none stated",
    )
    assert [phrase for phrase in expected if phrase not in text] == []


def test_report_states_what_the_material_does_and_what_was_tested(download_pdf):
    text = extract_text(download_pdf("a.mp4", content="material")[1])
    assert "What the material does to verdicts Compression leaves 0.010 bits per pixel" in text
    assert "What the detector was tested on Never tested on fakes of the families lip-sync" in text
    assert "Adversarial attack The faces are rougher than genuine and fake ones." in text
