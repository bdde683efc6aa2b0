"""The printed page of a result: what a reader needs, and no controls."""

import pytest

from tests.bento.browser.page import HTTP_ERROR, submit, video, wait_for_text

pytestmark = pytest.mark.services
expect = pytest.importorskip("playwright.sync_api").expect


def test_printed_result_keeps_the_times_of_frames_and_leaves_out_controls(
    make_service, running_worker, open_app
):
    service = make_service()
    page = open_app(service, HTTP_ERROR)
    with running_worker(service):
        submit(page, video("evidence"))
        wait_for_text(page, "No region is highlighted.")
    page.emulate_media(media="print")
    caption = page.locator(".frames figcaption").first
    expect(caption.get_by_text("0:00.6")).to_be_visible()
    for hidden in ("header.title a", "#delete", ".evidence details", ".seek"):
        expect(page.locator(hidden).first).to_be_hidden()
    page.emulate_media(media="screen")
    expect(page.locator(".evidence details")).to_be_visible()
