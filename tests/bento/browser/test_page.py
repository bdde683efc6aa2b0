"""The page in a real browser with a scripted detector: progress, errors, job list, API keys."""

import json
import re

import numpy as np
import pytest

from bento.security.api_keys import create_key

pytestmark = pytest.mark.services
expect = pytest.importorskip("playwright.sync_api").expect

HTTP_ERROR = "Failed to load resource"  # Chromium's console message for every error response


@pytest.fixture
def open_app(live_server, open_page):
    """Open the page of a service; console messages that contain ``expected`` are allowed."""

    def start(service, *expected):
        page = open_page(expected=expected)
        page.goto(f"{live_server(service)}/app")
        return page

    return start


def video(content="ok", name="a.mp4"):
    return {"name": name, "mimeType": "video/mp4", "buffer": content.encode()}


def submit(page, file):
    page.set_input_files("#file", file)
    page.get_by_role("button", name="Analyze").click()


def text_of(page, selector="main"):
    return page.locator(selector).inner_text()


def wait_for_text(page, text):
    """Wait for visible text; the messages for screen readers lie outside of `main`."""
    page.get_by_role("main").get_by_text(text).wait_for()


def wait_for_step(page, name):
    page.locator("[aria-current=step]").get_by_text(name).wait_for()


def wait_for_verdict(page):
    page.get_by_role("region", name="Verdict").wait_for()


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


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (video("", "none.mp4"), "none.mp4 is empty (0 bytes)"),
        (video("0" * 1_100_000, "long.mp4"), "long.mp4 is 1.1 MB; the limit is 1 MiB"),
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


def test_unknown_job_is_reported(make_service, open_app):
    page = open_app(make_service(), HTTP_ERROR)
    page.goto(f"{page.url}#job={'0' * 32}")
    page.get_by_role("alert").get_by_text("Job not found").wait_for()


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
    body = json.dumps({"error": message})
    page.route("**/analyze-video", lambda route: route.fulfill(status=status, body=body))
    submit(page, video())
    page.get_by_role("alert").get_by_text(title).wait_for()
    assert f"{message[0].upper()}{message[1:]}." in text_of(page, "[role=alert]")


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


def test_unplayable_video_still_has_a_timeline(make_service, running_worker, open_app):
    service = make_service()
    page = open_app(service, HTTP_ERROR)
    with running_worker(service):
        submit(page, video("rich"))
        wait_for_text(page, "This browser cannot play this file (h264)")
    page.locator(".segments").get_by_role("button").click()
    slider = page.get_by_role("slider", name="Playback position")
    assert slider.get_attribute("aria-valuetext") == "0:00.6 of 0:01.8, person 0 0.95"
    slider.press("ArrowLeft")
    assert slider.input_value() == "0.4"
    slider.press("Shift+ArrowRight")
    assert slider.input_value() == "1.4"
    box = page.locator(".stack").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 30)
    assert float(slider.input_value()) == pytest.approx(0.9, abs=0.03)
    assert "this detector (phase 1) does not compare lips with the audio" in text_of(page)


def test_zero_retention_shows_the_local_file_until_the_tab_is_reloaded(
    make_service, running_worker, open_app
):
    service = make_service()
    page = open_app(service, HTTP_ERROR)
    page.get_by_text("Options").click()
    page.get_by_label("Nothing: no images are made").check()
    with running_worker(service):
        submit(page, video("rich"))
        wait_for_text(page, "No images were made, as requested.")
    page.reload()
    wait_for_text(page, "The video was deleted immediately, as requested.")


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


def test_one_dropped_file_is_selected_and_two_are_refused(make_service, open_app):
    page = open_app(make_service())
    drop = """names => {
        const data = new DataTransfer();
        for (const name of names) data.items.add(new File(["x"], name));
        const event = new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true});
        document.getElementById("drop").dispatchEvent(event);
    }"""
    page.evaluate(drop, ["a.mp4", "b.mp4"])
    page.get_by_role("alert").get_by_text("Upload one video at a time").wait_for()
    page.evaluate(drop, ["c.mp4"])
    assert text_of(page, "#selected") == "c.mp4, 1 bytes"
    assert page.evaluate("document.activeElement.id") == "send"
    expect(page.get_by_role("alert")).to_have_count(0)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (
            "formatTimecode",
            {0.0: "0:00.0", 0.29: "0:00.2", 0.6: "0:00.6", 59.99: "0:59.9", 63.25: "1:03.2"},
        ),
        (
            "formatBytes",
            {999: "999 bytes", 1000: "1.0 kB", 2_500_000: "2.5 MB", 10**13: "10000.0 GB"},
        ),
    ],
)
def test_times_are_truncated_and_sizes_rounded(make_service, open_app, function, expected):
    page = open_app(make_service())
    script = """async ([name, values]) => {
        const format = await import("/app/js/format.js");
        return values.map((value) => format[name](value));
    }"""
    assert page.evaluate(script, [function, list(expected)]) == list(expected.values())


def test_face_box_is_interpolated_between_frames_and_hidden_in_gaps(make_service, open_app, rng):
    page = open_app(make_service())
    times_s = np.array([0.2, 0.4, 0.6, 2.0, 2.2])
    left = rng.uniform(0, 300, 5)
    boxes = [
        {"time_s": time_s, "x": x, "y": 1, "width": 2, "height": 3}
        for time_s, x in zip(times_s.tolist(), left.tolist(), strict=True)
    ]
    queries = [0.2, 0.25, 0.33, 0.55, 0.65, 1.0, 1.95, 2.1, 2.3, 3.0]
    script = """async ([boxes, times]) => {
        const { boxAt } = await import("/app/js/face_boxes.js");
        return times.map((time) => boxAt(boxes, time)?.x ?? null);
    }"""
    positions = page.evaluate(script, [boxes, queries])
    linear = [np.interp(time_s, times_s, left) for time_s in queries]
    expected = [*linear[:4], left[2], None, left[3], linear[7], left[4], None]
    assert positions == [x if x is None else pytest.approx(x) for x in expected]
