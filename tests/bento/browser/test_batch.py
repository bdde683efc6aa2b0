"""Many files and whole folders in a real browser: upload, batch view, refusals."""

import pytest

from tests.bento.browser.page import HTTP_ERROR, text_of, video, wait_for_text

pytestmark = pytest.mark.services
expect = pytest.importorskip("playwright.sync_api").expect


def start_batch(page, *files):
    page.set_input_files("#file", list(files))
    page.get_by_role("button", name="Analyze").click()


def test_many_files_become_one_batch_with_a_row_each(make_service, running_worker, open_app):
    service = make_service()
    service.submit("alone", name="alone.mp4")
    page = open_app(service, HTTP_ERROR)
    page.get_by_text("Options").click()
    page.get_by_label("Case number").fill("2026/7")
    with running_worker(service):
        start_batch(
            page,
            video("ok", "a.mp4"),
            video("", "empty.mp4"),
            video("real", "b.mp4"),
            video("refuse no video", "c.mp4"),
        )
        wait_for_text(page, "Uploaded: 4 of 4 files; 1 refused.")
        rows = page.locator("#jobs tbody tr")
        for name, text in (("a.mp4", "Fake"), ("b.mp4", "Real"), ("c.mp4", "no video")):
            expect(rows.filter(has_text=name)).to_contain_text(text, timeout=30_000)
    assert rows.count() == 3
    refused = page.locator(".refused tbody tr")
    expect(refused).to_contain_text("empty.mp4")
    expect(refused).to_contain_text("is empty (0 bytes)")
    assert "alone.mp4" not in text_of(page)
    page.reload()  # the batch has an address of its own
    expect(rows).to_have_count(3)
    jobs = service.client.get("/jobs").json()["jobs"]
    (batch,) = {job["batch_id"] for job in jobs if job["file"] != "alone.mp4"}
    assert page.url.endswith(f"#batch={batch}")
    assert service.job(jobs[0]["job_id"])["options"]["case_number"] == "2026/7"


def test_a_batch_waits_while_the_queue_is_full(make_service, running_worker, open_app):
    service = make_service(max_queued=1)
    page = open_app(service, HTTP_ERROR)
    start_batch(page, video("ok", "a.mp4"), video("real", "b.mp4"))
    wait_for_text(page, "The service is busy; the upload goes on shortly.")
    with running_worker(service):
        wait_for_text(page, "Uploaded: 2 of 2 files.")


def test_a_folder_is_read_to_the_bottom_without_other_files(make_service, open_app, tmp_path):
    service = make_service()
    page = open_app(service)
    (tmp_path / "videos" / "below").mkdir(parents=True)
    for name in ("a.mp4", "below/b.mkv", "notes.txt"):
        (tmp_path / "videos" / name).write_text(name)
    page.set_input_files("#folder", tmp_path / "videos")
    wait_for_text(page, "2 files")
    page.get_by_role("button", name="Analyze").click()
    wait_for_text(page, "Uploaded: 2 of 2 files.")
    files = {job["file"] for job in service.client.get("/jobs").json()["jobs"]}
    assert files == {"a.mp4", "b.mkv"}
