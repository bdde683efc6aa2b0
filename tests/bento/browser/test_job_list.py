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
    rows = page.locator(".jobs tbody tr")
    wait_for_text(page, "1–10 of 12")
    assert rows.count() == 10
    page.get_by_role("button", name="Next").click()
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


@pytest.fixture
def listed(make_service, running_worker, open_app):
    """A page that lists a fake, a genuine and an unreadable video."""
    service = make_service()
    with running_worker(service):
        for content, name in (("ok", "talk.mp4"), ("real", "walk.mp4"), ("refuse it", "b.mp4")):
            service.wait_for(service.submit(content, name=name))
    return service, open_app(service)


def names_in(page):
    return page.locator(".jobs tbody .name a").all_inner_texts()


def test_job_list_is_searched_and_sorted_by_the_service(listed):
    _, page = listed
    rows = page.locator(".jobs tbody tr")
    expect(rows).to_have_count(3)
    page.get_by_label("Sort by").select_option("name")
    expect(rows.first).to_contain_text("b.mp4")
    assert names_in(page) == ["b.mp4", "talk.mp4", "walk.mp4"]
    page.get_by_label("Sort by").select_option("probability")
    expect(rows.first).to_contain_text("talk.mp4")
    page.get_by_role("searchbox", name="Name").fill("ALK")
    expect(rows).to_have_count(2)
    page.get_by_role("searchbox", name="Name").fill("nothing")
    wait_for_text(page, "No jobs match this filter.")


def test_selected_jobs_are_exported_and_deleted(listed):
    service, page = listed
    page.get_by_label("Select talk.mp4").check()
    page.get_by_label("Select b.mp4").check()
    wait_for_text(page, "2 selected")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert download.value.suggested_filename == "unmask-jobs.csv"
    assert len(lines) == 3
    page.get_by_role("button", name="Delete selected").click()
    page.get_by_role("button", name="Keep them").click()
    page.get_by_role("button", name="Delete selected").click()
    page.get_by_role("button", name="Delete 2 jobs with video and images").click()
    expect(page.locator(".jobs tbody tr")).to_have_count(1)
    assert [job["file"] for job in service.client.get("/jobs").json()["jobs"]] == ["walk.mp4"]


def test_without_a_selection_all_that_match_are_exported(listed):
    _, page = listed
    page.get_by_label("Status").select_option("done")
    wait_for_text(page, "All 2 are exported; none selected")
    assert page.get_by_role("button", name="Delete selected").is_disabled()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export JSON").click()
    jobs = json.loads(download.value.path().read_text())["jobs"]
    assert {job["status"] for job in jobs} == {"done"}
    page.get_by_label("Select all jobs on this page").check()
    wait_for_text(page, "2 selected")


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
