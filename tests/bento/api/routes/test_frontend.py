"""`/app` serves the files of the page and nothing else."""

import re

import pytest

from bento.api.routes import frontend
from bento.paths import FRONTEND_DIR
from bento.security.api_keys import create_key

FILES = sorted(
    path for path in FRONTEND_DIR.rglob("*") if path.suffix in (".html", ".js", ".css", ".svg")
)


@pytest.fixture
def frontend_dir(tmp_path, monkeypatch):
    folder = tmp_path / "frontend"
    (folder / "js").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>unmask</title>")
    (folder / "js" / "app.js").write_text("'use strict'")
    (tmp_path / "secret").write_text("secret")
    monkeypatch.setattr(frontend, "FRONTEND_DIR", folder)


@pytest.mark.usefixtures("frontend_dir")
def test_page_and_scripts_are_served_with_their_policy(make_service):
    client = make_service().client
    for path in ("/app", "/app/", "/app/index.html"):
        response = client.get(path)
        assert response.headers["content-type"].startswith("text/html")
        assert "<title>unmask" in response.text
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
    assert "javascript" in client.get("/app/js/app.js").headers["content-type"]


@pytest.mark.usefixtures("frontend_dir")
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/app/../secret", 404),
        ("/app/%2e%2e/secret", 404),
        ("/app/..%2fsecret", 404),
        ("/app//etc/passwd", 404),
        ("/app/x", 404),
    ],
)
def test_path_outside_the_folder_gets_404(make_service, path, status):
    response = make_service().client.get(path)
    assert response.status_code == status
    assert "secret" not in response.text


def test_policy_allows_media_of_the_object_store():
    policy = frontend.content_security_policy("https://a.example:9000")
    assert "img-src 'self' blob: https://a.example:9000;" in policy


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_file_references_only_files_of_the_page(file):
    text = file.read_text()
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
    for name in re.findall(r'(?:src|href)="(?:app/)?((?:css|js)/[^"]+|icon.svg)"', text):
        assert (FRONTEND_DIR / name).is_file(), name
    assert not re.search(r'(?:src|href|fetch\(|open\("[A-Z]+", )="/', text)
    for name in re.findall(r'from "\./([^"]+)"', text):
        assert (file.parent / name).is_file(), name


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_file_works_under_the_policy_and_builds_no_html_from_data(file):
    text = file.read_text()
    if file.suffix == ".html":
        assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=", text)
    forbidden = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(")
    assert [name for name in forbidden if name in text] == []
    assert len(text.splitlines()) <= 250


def test_page_is_public_where_keys_are_required(make_service, tmp_path):
    keys = tmp_path / "keys"
    create_key(keys, "anna")
    client = make_service(api_keys_file=keys).client
    assert client.get("/app").status_code == 200
    assert client.get("/docs").status_code == 200
