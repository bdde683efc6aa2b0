"""`/app` gives the files of the page and nothing else."""

import re

import pytest

from bento.api.routes import frontend
from bento.security.api_keys import create_key


@pytest.fixture
def pages(tmp_path, monkeypatch):
    folder = tmp_path / "page"
    folder.mkdir()
    (folder / "index.html").write_text("<!doctype html><title>unmask</title>")
    (folder / "app.js").write_text("'use strict'")
    (tmp_path / "secret").write_text("secret")
    monkeypatch.setattr(frontend, "FRONTEND_DIR", folder)


def test_the_page_loads_from_this_service_alone(office, pages):
    client = office().client
    for path in ("/app", "/app/", "/app/index.html"):
        answer = client.get(path)
        assert answer.headers["content-type"].startswith("text/html")
        assert "<title>unmask" in answer.text
        rules = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in rules
        assert "script-src 'self';" in rules
        assert "unsafe" not in rules
    assert "javascript" in client.get("/app/app.js").headers["content-type"]


@pytest.mark.parametrize("path", ["../secret", "%2e%2e/secret", "..%2fsecret", "/etc/passwd", "x"])
def test_no_path_leads_out_of_it(office, pages, path):
    answer = office().client.get(f"/app/{path}")
    assert answer.status_code in (401, 404)
    assert "secret" not in answer.text


def test_pictures_may_come_from_the_store():
    assert "img-src 'self' blob: https://a.example:9000;" in frontend.content_security_policy(
        "https://a.example:9000"
    )


FILES = [
    path for path in frontend.PAGE.rglob("*") if path.suffix in (".html", ".js", ".css", ".svg")
]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_everything_it_loads_is_its_own(file):
    text = file.read_text()
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
    for name in re.findall(r'(?:src|href)="/app/([^"]+)"', text):
        assert (frontend.PAGE / name).is_file(), name
    for name in re.findall(r'from "\./([^"]+)"', text):
        assert (frontend.PAGE / name).is_file(), name


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_it_needs_nothing_that_its_policy_forbids_and_makes_no_html_of_data(file):
    text = file.read_text()
    if file.suffix == ".html":
        assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=", text)
    forbidden = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(")
    assert [word for word in forbidden if word in text] == []
    assert len(text.splitlines()) <= 250


def test_what_a_sender_has_to_know_is_told_before_something_is_sent(office):
    told = office(max_upload_mib=5, max_duration_s=60, keep_days=2).client.get("/limits").json()
    assert told == {
        "max_upload_mib": 5,
        "max_duration_s": 60.0,
        "keep_days": 2.0,
        "zero_minutes": 15.0,
    }


def test_it_is_told_to_nobody_without_a_key_where_keys_are_asked_for(office, tmp_path):
    keys = tmp_path / "keys"
    headers = {"Authorization": f"Bearer {create_key(keys, 'anna')}"}
    client = office(api_keys_file=keys).client
    assert client.get("/limits").status_code == 401
    assert client.get("/limits", headers=headers).status_code == 200
    assert client.get("/app").status_code == 200
