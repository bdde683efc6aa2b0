"""A job in progress in a real browser: queue, steps, connection loss, cancellation, failure."""

import re

import pytest

from tests.bento.browser.page import (
    HTTP_ERROR,
    submit,
    text_of,
    video,
    wait_for_step,
    wait_for_text,
    wait_for_verdict,
)

pytestmark = pytest.mark.services


def test_job_is_followed_from_the_queue_to_its_result(
    make_service, running_worker, open_app, tmp_path
):
    service, finish = make_service(), tmp_path / "finish"
    page = open_app(service)
    service.submit("ok")
    submit(page, video(f"wait_for {finish}", "talk.mp4"))
    wait_for_text(page, "1 job ahead.")
    assert re.search(r"#job=[0-9a-f]{32}$", page.url)
    assert page.title() == "talk.mp4 – unmask"
    with running_worker(service):
        wait_for_step(page, "Detecting faces and speech")
        wait_for_text(page, "Now: detecting and tracking faces.")
        assert page.get_by_role("progressbar", name="Analyzed").get_attribute("value") == "40"
        assert text_of(page, "#live") == "Detecting faces and speech"
        finish.touch()
        wait_for_verdict(page)
    assert text_of(page, "#live") == "Done. Verdict: Fake."
    assert page.evaluate("document.activeElement.tagName") == "H1"
    page.reload()
    wait_for_verdict(page)


def test_page_polls_where_events_are_blocked(make_service, running_worker, open_app, tmp_path):
    service, finish = make_service(), tmp_path / "finish"
    page = open_app(service, HTTP_ERROR)
    page.route("**/events", lambda route: route.abort())
    with running_worker(service):
        submit(page, video(f"wait_for {finish}"))
        wait_for_step(page, "Detecting faces and speech")
        finish.touch()
        wait_for_verdict(page)


def test_lost_connection_is_announced_and_reestablished(
    make_service, running_worker, open_app, tmp_path
):
    service, finish = make_service(), tmp_path / "finish"
    page = open_app(service, HTTP_ERROR)
    page.route("**/events", lambda route: route.abort())
    with running_worker(service):
        submit(page, video(f"wait_for {finish}"))
        wait_for_step(page, "Detecting faces and speech")
        page.route("**/jobs/*", lambda route: route.abort())
        wait_for_text(page, "Connection lost; the job is still running. Reconnecting…")
        page.unroute("**/jobs/*")
        finish.touch()
        wait_for_verdict(page)


def test_job_is_cancelled_by_its_button(make_service, running_worker, open_app):
    service = make_service()
    page = open_app(service)
    with running_worker(service):
        submit(page, video("sleep 600"))
        wait_for_step(page, "Detecting faces and speech")
        page.get_by_role("button", name="Cancel this job").click()
        wait_for_text(page, "The job was cancelled and its upload deleted.")
    assert service.client.get("/jobs").json()["jobs"][0]["status"] == "cancelled"


def test_failure_is_shown_with_its_reason_and_the_job_can_be_deleted(
    make_service, running_worker, open_app
):
    service = make_service()
    page = open_app(service)
    name = "<img src=x onerror=alert(1)>.mp4"
    with running_worker(service):
        submit(page, video("refuse contains no streams", name))
        wait_for_text(page, "This video could not be analyzed")
    assert f"{name}: contains no streams" in text_of(page)
    page.get_by_role("button", name="Delete this job").click()
    assert page.evaluate("document.activeElement.textContent") == "Keep it"
    page.get_by_role("button", name="Delete result, images and video").click()
    wait_for_text(page, "No jobs yet. Upload a video to start one.")
    assert service.client.get("/jobs").json()["total"] == 0
