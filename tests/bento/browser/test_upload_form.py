"""The upload form in a real browser: file checks, options and error messages."""

import json

import pytest

from tests.bento.browser.page import (
    HTTP_ERROR,
    submit,
    text_of,
    video,
    wait_for_text,
    wait_for_verdict,
)

pytestmark = pytest.mark.services
expect = pytest.importorskip("playwright.sync_api").expect


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (video("", "none.mp4"), "none.mp4 is empty (0 bytes)"),
        (video("0" * 1_100_000, "long.mp4"), "long.mp4 is 1.1 MB; the limit is 1.0 MB"),
    ],
    ids=["empty", "too large"],
)
def test_unsuitable_file_is_refused_before_the_upload(make_service, open_app, file, message):
    page = open_app(make_service(max_upload_mib=1))
    page.set_input_files("#file", file)
    page.get_by_role("alert").get_by_text(message, exact=False).wait_for()
    assert page.get_by_role("button", name="Analyze").is_disabled()


def test_full_queue_and_lost_connection_offer_a_retry(make_service, open_app):
    page = open_app(make_service(max_queued=1), HTTP_ERROR)
    alert = page.get_by_role("alert")
    submit(page, video())
    wait_for_text(page, "Next in the queue.")
    page.get_by_role("link", name="All jobs").click()
    submit(page, video("another"))
    alert.get_by_text("The service is busy").wait_for()
    assert "Retry in 5 s." in text_of(page)
    page.context.set_offline(True)
    page.get_by_role("button", name="Try again").click()
    alert.get_by_text("The service cannot be reached.").wait_for()
    page.context.set_offline(False)


def test_name_of_a_refused_file_is_shown_as_it_is(make_service, open_app):
    page = open_app(make_service(), HTTP_ERROR)
    body = json.dumps({"detail": "notes.mp4: is not a readable media file"})
    page.route("**/analyze-video", lambda route: route.fulfill(status=422, body=body))
    submit(page, video())
    page.get_by_role("alert").get_by_text("This video cannot be analyzed").wait_for()
    assert "notes.mp4: is not a readable media file." in text_of(page, "[role=alert]")


@pytest.mark.parametrize(
    ("status", "message", "title"),
    [
        (413, "the upload is larger than 9 MiB; send a shorter video", "The video is too large"),
        (415, "upload one video as multipart field `file`", "Unsupported upload"),
        (422, "end_s must be greater than start_s", "This video cannot be analyzed"),
        (500, "the service is misconfigured", "Service error"),
    ],
)
def test_error_of_the_service_is_shown_as_a_sentence(
    make_service, open_app, status, message, title
):
    page = open_app(make_service(), HTTP_ERROR)
    body = json.dumps({"detail": message})
    page.route("**/analyze-video", lambda route: route.fulfill(status=status, body=body))
    submit(page, video())
    page.get_by_role("alert").get_by_text(title).wait_for()
    assert f"{message[0].upper()}{message[1:]}." in text_of(page, "[role=alert]")


def test_region_of_a_video_can_be_selected(make_service, running_worker, open_app):
    service = make_service()
    page = open_app(service, HTTP_ERROR)
    page.get_by_text("Options").click()
    page.get_by_label("From second").fill("1.5")
    page.get_by_label("to second").fill("4")
    with running_worker(service):
        submit(page, video())
        wait_for_text(page, "analyzed from 1.5 s to 4 s")
        wait_for_verdict(page)
    job = service.client.get("/jobs").json()["jobs"][0]["job_id"]
    options = service.job(job)["options"]
    assert (options["start_s"], options["end_s"]) == (1.5, 4.0)


DROP = """names => {
    const data = new DataTransfer();
    for (const name of names) data.items.add(new File(["x"], name));
    const event = new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true});
    document.getElementById("drop").dispatchEvent(event);
}"""


def test_dropped_files_are_selected(make_service, open_app):
    page = open_app(make_service())
    page.evaluate(DROP, ["a.mp4", "b.mp4"])
    wait_for_text(page, "2 files, 2 bytes")
    page.evaluate(DROP, ["c.mp4"])
    wait_for_text(page, "c.mp4, 1 bytes")
    assert page.evaluate("document.activeElement.id") == "send"
    expect(page.get_by_role("alert")).to_have_count(0)
