"""The page in a real browser, with a detector that obeys: progress, refusals, lists, keys."""

import json
import re

import numpy as np
import pytest

from bento.security.api_keys import create_key

pytestmark = pytest.mark.services
expect = pytest.importorskip("playwright.sync_api").expect

REFUSED = "Failed to load resource"  # what Chromium says of every answer that is no success


def video(text="ok", name="a.mp4"):
    return {"name": name, "mimeType": "video/mp4", "buffer": text.encode()}


def submit(page, file):
    page.set_input_files("#file", file)
    page.get_by_role("button", name="Analyze").click()


def inside(page):
    """What is seen; what only a screen reader is told lies beside it."""
    return page.get_by_role("main")


def words(page, selector="main"):
    return page.locator(selector).inner_text()


def test_a_job_is_followed_from_the_queue_to_its_result(office, working, served, browse):
    desk = office()
    address, page = served(desk), browse()
    desk.submit("ok")
    page.goto(f"{address}/app")
    submit(page, video("sleep 2", "talk.mp4"))
    inside(page).get_by_text("1 job is before it.").wait_for()
    assert re.search(r"#job=[0-9a-f]{32}$", page.url)
    assert page.title() == "talk.mp4 – unmask"
    with working(desk):
        current = page.locator("[aria-current=step]")
        current.get_by_text("Finding faces and speech").wait_for()
        assert page.get_by_role("progressbar", name="Analyzed").get_attribute("value") == "40"
        assert page.locator("#live").inner_text() == "Finding faces and speech"
        page.get_by_role("region", name="Verdict").wait_for()
    assert page.locator("#live").inner_text() == "Done. Verdict: Fake."
    assert page.evaluate("document.activeElement.tagName") == "H1"
    page.reload()
    page.get_by_role("region", name="Verdict").wait_for()


def test_without_events_the_page_asks_by_itself(office, working, served, browse):
    desk = office()
    address, page = served(desk), browse(expected=[REFUSED])
    page.route("**/events", lambda route: route.abort())
    page.goto(f"{address}/app")
    with working(desk):
        submit(page, video("sleep 3"))
        page.locator("[aria-current=step]").get_by_text("Finding faces").wait_for()
        page.get_by_role("region", name="Verdict").wait_for()


def test_a_job_is_cancelled_by_its_button(office, working, served, browse):
    desk = office()
    address, page = served(desk), browse()
    page.goto(f"{address}/app")
    with working(desk):
        submit(page, video("sleep 100"))
        page.locator("[aria-current=step]").get_by_text("Finding faces").wait_for()
        page.get_by_role("button", name="Cancel this job").click()
        inside(page).get_by_text("It was cancelled").wait_for()
    assert desk.client.get("/jobs").json()["jobs"][0]["status"] == "cancelled"


def test_a_failure_is_told_with_its_reason_and_a_finished_job_is_deleted(
    office, working, served, browse
):
    desk = office()
    address, page = served(desk), browse()
    page.goto(f"{address}/app")
    with working(desk):
        submit(page, video("refuse holds nothing to look at", "<img src=x onerror=alert(1)>.mp4"))
        inside(page).get_by_text("This video could not be analyzed").wait_for()
    assert "<img src=x onerror=alert(1)>.mp4: holds nothing to look at" in words(page)
    page.get_by_role("button", name="Delete this job").click()
    assert page.evaluate("document.activeElement.textContent") == "Keep it"
    page.get_by_role("button", name=re.compile("^Delete result")).click()
    inside(page).get_by_text("No jobs yet").wait_for()
    assert desk.client.get("/jobs").json()["total"] == 0


def test_refusals_are_told_in_plain_words(office, served, browse):
    desk = office(max_upload_mib=1, max_queued=1)
    address, page = served(desk), browse(expected=[REFUSED])
    page.goto(f"{address}/app")
    alert = page.get_by_role("alert")
    for file, said in (
        (video("", "none.mp4"), "none.mp4 is empty"),
        (video("0" * 1_100_000, "long.mp4"), "the service takes 1 MiB"),
    ):
        page.set_input_files("#file", file)
        alert.get_by_text(said).wait_for()
        assert page.get_by_role("button", name="Analyze").is_disabled()
    submit(page, video())
    inside(page).get_by_text("It is next.").wait_for()
    page.goto(f"{address}/app#")
    submit(page, video("another"))
    alert.get_by_text("too many jobs are waiting", exact=False).wait_for()
    assert "There may be room in 5 s." in words(page)
    page.context.set_offline(True)
    page.get_by_role("button", name="Try again").click()
    alert.get_by_text("cannot be reached").wait_for()
    page.context.set_offline(False)
    page.goto(f"{address}/app#job={'0' * 32}")
    alert.get_by_text("There is no such job").wait_for()


@pytest.mark.parametrize(
    ("status", "said", "shown"),
    [
        (413, "the upload is larger than 9 MiB; send a shorter video", "The video is too large"),
        (415, "send one video as multipart field `file`", "Not a video upload"),
        (422, "end_s must come after start_s", "End_s must come after start_s."),
        (500, "bundle: damaged", "The service failed"),
    ],
)
def test_what_the_service_says_is_passed_on(office, served, browse, status, said, shown):
    address, page = served(office()), browse(expected=[REFUSED])
    body = json.dumps({"error": said})
    page.route("**/analyze-video", lambda route: route.fulfill(status=status, body=body))
    page.goto(f"{address}/app")
    submit(page, video())
    page.get_by_role("alert").get_by_text(shown).wait_for()
    assert said[1:] in words(page, "[role=alert]")


def test_a_service_with_keys_asks_for_one_and_keeps_it_in_the_tab(
    office, working, served, browse, tmp_path
):
    keys = tmp_path / "keys"
    key, desk = create_key(keys, "anna"), office(api_keys_file=keys)
    address, page = served(desk), browse(expected=[REFUSED])
    page.goto(f"{address}/app")
    page.get_by_role("button", name="Enter API key").click()
    page.get_by_label("Key", exact=True).fill(key)
    page.keyboard.press("Enter")
    inside(page).get_by_text("No jobs yet").wait_for()
    with working(desk):
        submit(page, video("sleep 1"))
        page.get_by_role("region", name="Verdict").wait_for()
    with page.expect_download() as got:
        page.get_by_role("button", name="Report as JSON").click()
    assert json.loads(got.value.path().read_text())["verdict"] == "fake"
    assert page.evaluate("Object.values(sessionStorage)") == [key]
    assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
    page.reload()
    page.get_by_role("region", name="Verdict").wait_for()


def test_past_jobs_are_listed_by_page_status_and_verdict(office, working, served, browse):
    desk = office()
    with working(desk):
        ended = [desk.submit(text) for text in ["real"] * 2 + ["ok"] * 9 + ["refuse it"]]
        for job in ended:
            desk.until(job)
    address, page = served(desk), browse()
    page.goto(f"{address}/app")
    rows = page.locator(".jobs li")
    inside(page).get_by_text("1–10 of 12").wait_for()
    assert rows.count() == 10
    page.get_by_role("button", name="Older").click()
    inside(page).get_by_text("11–12 of 12").wait_for()
    assert rows.count() == 2
    page.get_by_label("Verdict").select_option("real")
    expect(rows).to_have_count(2)
    expect(page.locator(".jobs .real")).to_have_count(2)
    page.get_by_label("Verdict").select_option("")
    page.get_by_label("Status").select_option("failed")
    expect(rows).to_have_count(1)
    rows.get_by_role("link").click()
    inside(page).get_by_text("This video could not be analyzed").wait_for()


def test_a_video_that_no_browser_plays_still_has_its_timeline(office, working, served, browse):
    desk = office()
    address, page = served(desk), browse(expected=[REFUSED])
    page.goto(f"{address}/app")
    with working(desk):
        submit(page, video("rich"))
        inside(page).get_by_text("This browser does not play this file").wait_for()
    page.locator(".stretches").get_by_role("button").click()
    slider = page.get_by_role("slider", name="Moment of the video")
    assert slider.get_attribute("aria-valuetext") == "0:00.6 of 0:01.8, person 0 0.95"
    slider.press("ArrowLeft")
    assert slider.input_value() == "0.4"
    slider.press("Shift+ArrowRight")
    assert slider.input_value() == "1.4"
    box = page.locator(".stack").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 30)
    assert float(slider.input_value()) == pytest.approx(0.9, abs=0.03)
    assert "does not compare lips with the sound" in words(page)


def test_what_is_not_kept_is_said_and_seen_from_the_own_file_until_the_tab_is_reloaded(
    office, working, served, browse
):
    desk = office()
    address, page = served(desk), browse(expected=[REFUSED])
    page.goto(f"{address}/app")
    inside(page).get_by_text("Options").click()
    page.get_by_label("Nothing: no pictures are made").check()
    with working(desk):
        submit(page, video("rich"))
        inside(page).get_by_text("No pictures were made, as asked.").wait_for()
    page.reload()
    inside(page).get_by_text("The video was deleted at once, as asked.").wait_for()


def test_a_part_of_a_video_can_be_asked_for(office, working, served, browse):
    desk = office()
    address, page = served(desk), browse()
    page.goto(f"{address}/app")
    inside(page).get_by_text("Options").click()
    page.get_by_label("From second").fill("1.5")
    page.get_by_label("to second").fill("4")
    with working(desk):
        submit(page, video("sleep 1"))
        inside(page).get_by_text("only from 1.5 s to 4 s").wait_for()
        page.get_by_role("region", name="Verdict").wait_for()
    job = desk.client.get("/jobs").json()["jobs"][0]["job_id"]
    assert desk.job(job)["options"] == {
        "start_s": 1.5,
        "end_s": 4.0,
        "webhook_url": None,
        "retention": "keep",
    }


def test_a_dropped_video_is_taken_and_two_are_not(office, served, browse):
    address, page = served(office()), browse()
    page.goto(f"{address}/app")
    drop = """names => {
        const data = new DataTransfer();
        for (const name of names) data.items.add(new File(["x"], name));
        const event = new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true});
        document.getElementById("drop").dispatchEvent(event);
    }"""
    page.evaluate(drop, ["a.mp4", "b.mp4"])
    page.get_by_role("alert").get_by_text("One video at a time").wait_for()
    page.evaluate(drop, ["c.mp4"])
    assert "c.mp4" in words(page, "#chosen")
    assert page.evaluate("document.activeElement.id") == "send"
    expect(page.get_by_role("alert")).to_have_count(0)


def test_times_and_sizes_are_cut_as_they_are_said(office, served, browse):
    page = browse()
    page.goto(f"{served(office())}/app")
    say = """async ([name, values]) => {
        const words = await import("/app/words.js");
        return values.map((value) => words[name](value));
    }"""
    times = {0.0: "0:00.0", 0.29: "0:00.2", 0.6: "0:00.6", 59.99: "0:59.9", 63.25: "1:03.2"}
    assert page.evaluate(say, ["clockTime", list(times)]) == list(times.values())
    sizes = {999: "999 bytes", 1000: "1.0 kB", 2_500_000: "2.5 MB", 10**13: "10000.0 GB"}
    assert page.evaluate(say, ["bytes", list(sizes)]) == list(sizes.values())


def test_a_box_moves_along_a_line_between_two_frames_and_goes_where_nobody_is(
    office, served, browse, rng
):
    page = browse()
    page.goto(f"{served(office())}/app")
    times_s = np.array([0.2, 0.4, 0.6, 2.0, 2.2])
    left = rng.uniform(0, 300, 5)
    boxes = [
        {"time_s": time_s, "x": x, "y": 1, "width": 2, "height": 3}
        for time_s, x in zip(times_s.tolist(), left.tolist(), strict=True)
    ]
    asked = [0.2, 0.25, 0.33, 0.55, 0.65, 1.0, 1.95, 2.1, 2.3, 3.0]
    ask = """async ([boxes, times]) => {
        const { where } = await import("/app/boxes.js");
        return times.map((time) => where(boxes, time)?.x ?? null);
    }"""
    found = page.evaluate(ask, [boxes, asked])
    seen = [np.interp(time_s, times_s, left) for time_s in asked]
    wanted = [*seen[:4], left[2], None, left[3], seen[7], left[4], None]
    assert found == [one if one is None else pytest.approx(one) for one in wanted]
