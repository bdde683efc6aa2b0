"""Job list, unknown jobs and API keys in a real browser."""

import json

import pytest

from bento.security.api_keys import create_key
from tests.bento.browser.page import HTTP_ERROR, submit, video, wait_for_text, wait_for_verdict

pytestmark = pytest.mark.services
expect = pytest.importorskip("playwright.sync_api").expect


def test_job_list_is_paged_and_filtered(make_service, running_worker, open_app):
    service = make_service()
    with running_worker(service):
        jobs = [service.submit(text) for text in ["real"] * 2 + ["ok"] * 9 + ["refuse it"]]
        for job in jobs:
            service.wait_for(job)
    page = open_app(service)
    rows = page.locator(".jobs li")
    wait_for_text(page, "1–10 of 12")
    assert rows.count() == 10
    page.get_by_role("button", name="Older").click()
    wait_for_text(page, "11–12 of 12")
    assert rows.count() == 2
    page.get_by_label("Verdict").select_option("real")
    expect(rows).to_have_count(2)
    expect(page.locator(".jobs .real")).to_have_count(2)
    page.get_by_label("Status").select_option("failed")
    wait_for_text(page, "No jobs match this filter.")
    page.get_by_label("Verdict").select_option("")
    expect(rows).to_have_count(1)
    rows.get_by_role("link").click()
    wait_for_text(page, "This video could not be analyzed")


def test_unknown_job_is_reported(make_service, open_app):
    page = open_app(make_service(), HTTP_ERROR)
    page.goto(f"{page.url}#job={'0' * 32}")
    page.get_by_role("alert").get_by_text("Job not found").wait_for()


def test_api_key_is_requested_and_kept_in_the_tab_only(
    make_service, running_worker, open_app, tmp_path
):
    keys = tmp_path / "keys"
    key, service = create_key(keys, "anna"), make_service(api_keys_file=keys)
    page = open_app(service, HTTP_ERROR)
    page.get_by_role("button", name="Enter API key").click()
    page.get_by_label("Key", exact=True).fill(key)
    page.keyboard.press("Enter")
    wait_for_text(page, "No jobs yet")
    with running_worker(service):
        submit(page, video())
        wait_for_verdict(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Report as JSON").click()
    assert json.loads(download.value.path().read_text())["verdict"] == "fake"
    assert page.evaluate("Object.values(sessionStorage)") == [key]
    assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
    page.reload()
    wait_for_verdict(page)
