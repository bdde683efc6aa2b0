"""The view of a result in a real browser: timeline, retention, formats and face boxes."""

import numpy as np
import pytest

from tests.bento.browser.page import HTTP_ERROR, submit, text_of, video, wait_for_text

pytestmark = pytest.mark.services


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
    assert "nobody in view is seen to speak" in text_of(page)
    assert "Person 0: listens" in text_of(page)


def test_a_video_that_is_not_judged_has_a_reason_and_no_number(
    make_service, running_worker, open_app
):
    service = make_service()
    page = open_app(service, HTTP_ERROR)
    with running_worker(service):
        submit(page, video("unlike"))
        wait_for_text(page, "this footage is unlike the clips that it was calibrated on")
    card = text_of(page, ".verdict")
    assert "Inconclusive" in card
    assert "The picture does not move" in card
    assert not any(text in card for text in ("in 100", "0.", "1.0", "fake probability"))
    assert page.locator(".verdict .gauge, .badge.fake").count() == 0
    page.get_by_role("link", name="All jobs").click()
    wait_for_text(page, "Inconclusive: demonstration model")
    assert page.locator(".jobs .badge.fake").count() == 0


def test_a_heat_map_that_failed_its_test_is_explained_and_not_shown(
    make_service, running_worker, open_app
):
    service = make_service()
    page = open_app(service, HTTP_ERROR)
    with running_worker(service):
        submit(page, video("evidence"))
        wait_for_text(page, "No region is highlighted.")
    shown, failed = page.locator(".frames li").all()
    assert "Regions that raise the score." in shown.inner_text()
    assert "with its heat map" in shown.get_by_role("img").get_attribute("alt")
    assert failed.get_by_role("img").get_attribute("alt").endswith("original")


def test_no_number_is_shown_that_the_calibration_clips_cannot_bear(
    make_service, running_worker, open_app
):
    service = make_service()
    page = open_app(service, HTTP_ERROR)
    with running_worker(service):
        submit(page, video("calibrated"))
        wait_for_text(page, "86 to 99 in 100 videos with this score are fakes")
    assert "≥ 0.96 fake probability" in text_of(page, ".verdict")
    assert "1.00" not in text_of(page, ".verdict")
    page.get_by_role("link", name="All jobs").click()
    page.locator(".jobs tbody").get_by_text("≥ 0.96").wait_for()


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


def test_provenance_and_chain_of_custody_are_shown(make_service, running_worker, open_app):
    service = make_service()
    page = open_app(service, HTTP_ERROR)
    page.get_by_text("Options").click()
    page.get_by_label("Case number").fill("2026/117")
    page.get_by_label("Operator").fill("A. Examiner")
    with running_worker(service):
        submit(page, video("provenance"))
        wait_for_text(page, "Chain of custody")
    provenance, custody = text_of(page, ".provenance"), text_of(page, ".custody")
    assert "signed by Test Signer" in provenance
    assert "c2pa.edited, Test Editor" in provenance
    thumbnail = page.get_by_role("img", name="Thumbnail of camera.mp4")
    assert thumbnail.evaluate("image => image.decode().then(() => image.naturalWidth)") == 1
    assert "2026/117" in custody
    assert "A. Examiner" in custody
    hashes = [line for line in custody.splitlines() if len(line) == 64]
    assert len(hashes) == 2  # of the settings, and of the key


def test_the_effects_of_the_material_and_the_coverage_are_shown(
    make_service, running_worker, open_app
):
    service = make_service()
    page = open_app(service, HTTP_ERROR)
    with running_worker(service):
        submit(page, video("material"))
        wait_for_text(page, "What the material does to verdicts")
    assert "Of 42 genuine test clips like this" in text_of(page, ".material")
    assert "Never tested on fakes of the families lip-sync" in text_of(page, ".coverage")
    assert "The faces are rougher than genuine" in text_of(page, ".attack")
    page.get_by_text("Published generators without a test clip").click()
    assert "lip-sync: Wav2Lip" in text_of(page, ".coverage")
