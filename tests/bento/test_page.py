"""`/app` gives the files of the page and nothing else."""

import pytest

from bento.routes import page


@pytest.fixture
def pages(tmp_path, monkeypatch):
    folder = tmp_path / "page"
    folder.mkdir()
    (folder / "index.html").write_text("<!doctype html><title>unmask</title>")
    (folder / "app.js").write_text("'use strict'")
    (tmp_path / "secret").write_text("secret")
    monkeypatch.setattr(page, "PAGE", folder)


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


def test_pictures_may_come_from_the_store(office, pages):
    desk = office(s3_endpoint="https://store.example:9000/x")
    assert "store.example" not in desk.client.get("/app").headers["Content-Security-Policy"]
    assert "https://store.example:9000" in page.policy(page._origin("https://store.example:9000/x"))
