"""The PDF says what a reader must know who was not there."""

import re
import zlib

import pytest

from bento.db.models import Job

pytest.importorskip("reportlab")


def words_in(pdf):
    """All text that the pages draw, joined; fonts of one byte a letter."""
    import base64

    text = b""
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL):
        content = stream.strip()
        try:
            content = base64.a85decode(content, adobe=False) if content.endswith(b"~>") else content
            content = zlib.decompress(content)
        except (ValueError, zlib.error):
            try:
                content = zlib.decompress(base64.a85decode(b"<~" + stream.strip(), adobe=True))
            except (ValueError, zlib.error):
                continue
        drawn = re.findall(rb"\(((?:\\.|[^\\)])*)\)", content)
        text += b" ".join(drawn) + b" "
    return re.sub(r"\s+", " ", re.sub(rb"\\([()\\])", rb"\1", text).decode("latin-1"))


def test_it_names_verdict_file_detector_thresholds_meaning_and_limits(office, working):
    desk = office()
    with working(desk):
        job = desk.until(desk.submit("ok", name="Müller – Ё.mp4"))
    answer = desk.client.get(f"/jobs/{job['job_id']}/report.pdf")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")
    words = words_in(answer.content)
    for wanted in ("FAKE", "0.900", job["sha256"], "5" * 64, "temperature 1.000", "above 0.700"):
        assert wanted in words, wanted
    for wanted in (
        "What the score means",
        "Limits:",
        "Gates",
        "no judgement on a person",
        "Gate auc",
        "0.8622",
    ):
        assert wanted in words, wanted


@pytest.mark.parametrize("name", ["<b>&amp;<script>", "a" * 180 + ".mp4", "视频.mp4"])
def test_no_name_of_a_file_breaks_it(office, working, name):
    desk = office()
    with working(desk):
        job = desk.until(desk.submit("ok", name=name))
    assert desk.client.get(f"/jobs/{job['job_id']}/report.pdf").status_code == 200


def test_there_is_none_before_the_end(office):
    desk = office()
    for kind in ("pdf", "json"):
        answer = desk.client.get(f"/jobs/{desk.submit()}/report.{kind}")
        assert answer.status_code == 409
        assert "the job is queued" in answer.json()["error"]
    assert Job.__tablename__ == "detection_results"
