"""No part of a form is lost without a word, and what it lacks is named."""

import pytest


@pytest.mark.parametrize(
    ("query", "form", "words"),
    [
        ("", {"Retention": "zero"}, "wanted retention"),
        ("", {"retention": ["zero", "keep"]}, "is given 2 times"),
        ("?retention=zero", {}, "not in the address"),
    ],
)
@pytest.mark.parametrize(("route", "field"), [("/analyze-video", "file"), ("/batch", "files")])
def test_an_option_is_never_lost_without_a_word(office, route, field, query, form, words):
    desk = office()
    answer = desk.client.post(f"{route}{query}", files={field: ("a", b"ok")}, data=form)
    assert answer.status_code == 422
    assert words in answer.json()["error"]
    assert desk.client.get("/jobs").json()["total"] == 0


def test_two_videos_where_one_is_taken_are_refused(office):
    files = [("file", ("a", b"ok")), ("file", ("b", b"ok"))]
    answer = office().client.post("/analyze-video", files=files)
    assert answer.status_code == 422
    assert "file: is given 2 times" in answer.json()["error"]


@pytest.mark.parametrize(("sent", "status"), [({}, 415), ({"files": "abc"}, 415)])
def test_a_batch_without_files_is_told_the_field(office, sent, status):
    answer = office().client.post("/batch", data=sent)
    assert answer.status_code == status
    assert "multipart fields `files`" in answer.json()["error"]
    answer = office().client.post("/batch", files={"file": ("a", b"ok")})
    assert answer.status_code == 422
    assert "multipart fields `files`" in answer.json()["error"]
