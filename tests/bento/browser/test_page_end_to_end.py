"""The page in a real browser, on the service under BentoML with a real detector and video."""

import json
import re
import urllib.request
from dataclasses import replace

import pytest

from bento.paths import ROOT
from tests.bento.servers import bentoml_serve
from tests.factories import TIMEOUT_S, wait_until

pytestmark = pytest.mark.services
expect = pytest.importorskip("playwright.sync_api").expect

PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
DISPLAYS = [{}, {"color_scheme": "dark"}, PHONE]

# Text whose contrast is below 4.5 : 1 (WCAG 2.2); text over video frames is excluded
LOW_CONTRAST = """() => {
    const channels = (colour) => {
        const canvas = document.createElement("canvas").getContext("2d");
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const luminance = (colour) => {
        const [r, g, b] = colour.map((value) => value / 255)
            .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const background = (node) => {
        for (let parent = node; parent; parent = parent.parentElement) {
            const colour = channels(getComputedStyle(parent).backgroundColor);
            if (colour[3] === 255) return colour.slice(0, 3);
        }
        return [255, 255, 255];
    };
    const violations = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const node = walker.currentNode.parentElement;
        const text = walker.currentNode.data.trim();
        if (!text || !node.checkVisibility()) continue;
        if (node.closest("svg, button:disabled, noscript")) continue;
        const style = getComputedStyle(node);
        const a = luminance(channels(style.color).slice(0, 3));
        const b = luminance(background(node));
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < 4.5) violations.push([text.slice(0, 40), ratio.toFixed(2)]);
    }
    return violations;
}"""
# Elements without an accessible name, skipped heading levels, repeated ids, tiny buttons
INACCESSIBLE = """() => {
    const nodes = [...document.querySelectorAll("*")].filter((node) => node.checkVisibility());
    const hasName = (node) => node.labels?.length || node.getAttribute("aria-label") ||
        node.getAttribute("aria-labelledby") || node.textContent.trim();
    const violations = nodes
        .filter((node) => node.matches("button, a, input, select, progress, [role=img], video"))
        .filter((node) => !hasName(node));
    violations.push(...nodes.filter((node) => node.matches("img:not([alt])")));
    const headings = nodes.filter((node) => /^H[1-6]$/.test(node.tagName));
    const level = (index) => Number(headings[index].tagName[1]);
    violations.push(...headings.filter((_, i) => i && level(i) - level(i - 1) > 1));
    const small = nodes.filter((node) => node.matches("button, select") && node.offsetHeight < 24);
    const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
    const repeated = ids.filter((id, index) => ids.indexOf(id) !== index);
    return [...violations, ...small].map((node) => node.outerHTML.slice(0, 80)).concat(repeated);
}"""


@pytest.fixture(scope="module")
def suspicious_bundle(bundle_folder, tmp_path_factory):
    """An untrained detector whose thresholds call nearly everything fake."""
    from unmask.models.bundle import load_bundle, save_bundle
    from unmask.models.calibration.platt import Calibration, SegmentThresholds

    bundle = load_bundle(bundle_folder)
    folder = tmp_path_factory.mktemp("suspicious") / "bundle"
    alarms = SegmentThresholds(0.1, 0.1, 0.1)
    calibration = Calibration(temperature=1.5, real_below=0.05, fake_above=0.1, alarms=alarms)
    save_bundle(folder, replace(bundle, calibration=calibration))
    return folder


@pytest.fixture(scope="module")
def base_url(suspicious_bundle, tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    variables = {"UNMASK_BUNDLE": suspicious_bundle, "UNMASK_FOLDER": folder}
    with bentoml_serve("bento.service:UnmaskService", ROOT, **variables) as (url, _):
        yield url


@pytest.fixture(scope="module")
def talk(make_video, tmp_path_factory):
    return make_video(tmp_path_factory.mktemp("videos") / "talk.mp4", seconds=3.0)


@pytest.fixture(scope="module")
def result_url(base_url, talk, chromium):
    """URL of a result, reached by an upload in the browser."""
    page = chromium.new_page()
    page.set_default_timeout(TIMEOUT_S * 1000)
    upload(page, base_url, talk)
    page.get_by_role("region", name="Verdict").wait_for()
    url = page.url
    page.close()
    return url


def upload(page, base_url, file):
    page.goto(f"{base_url}/app")
    page.set_input_files("#file", file)
    page.get_by_role("button", name="Analyze").click()
    page.get_by_role("region", name="Progress").wait_for()


def get_report(page_url):
    base_url, _, job_id = page_url.partition("/app/#job=")
    with urllib.request.urlopen(f"{base_url}/jobs/{job_id}") as response:
        return json.load(response)["result"]


def test_upload_leads_to_verdict_segments_and_downloads(base_url, talk, open_page):
    page = open_page()
    upload(page, base_url, talk)
    page.get_by_role("progressbar", name="Analyzed").wait_for()
    page.get_by_role("region", name="Verdict").wait_for()
    report = get_report(page.url)
    verdict = page.get_by_role("region", name="Verdict").inner_text()
    assert "Matches known forgery patterns." in verdict
    assert {"Fake", f"{report['fake_probability']:.2f}"} <= set(re.split(r"\s+", verdict))

    last = max(report["segments"], key=lambda segment: segment["start_s"])
    page.locator(".segments").get_by_role("button").last.click()
    position_s = page.locator("video").evaluate("video => video.currentTime")
    assert position_s == pytest.approx(last["start_s"], abs=0.05)
    slider = page.get_by_role("slider", name="Playback position")
    assert float(slider.input_value()) == pytest.approx(last["start_s"], abs=0.05)

    for name, start in (("Report as PDF", b"%PDF-"), ("Report as JSON", b"{")):
        with page.expect_download() as download:
            page.get_by_role("button", name=name).click()
        content = download.value.path().read_bytes()
        assert content.startswith(start)
    assert json.loads(content) == report
    page.get_by_text("Download the images").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="sound.png", exact=True).click()
    assert download.value.path().read_bytes().startswith(b"\x89PNG")


def test_video_plays_with_face_boxes_at_the_reported_positions(result_url, open_page):
    page, report = open_page(), get_report(result_url)
    page.goto(result_url)
    video = page.locator("video")
    expect(video).to_have_js_property("videoWidth", 320)
    expect(video).to_have_js_property("error", None)
    face = report["people"][0]["boxes"][7]
    slider = page.get_by_role("slider", name="Playback position")
    slider.fill(str(face["time_s"]))
    box = page.locator(".face-boxes rect").last
    for side in ("x", "y", "width", "height"):
        assert float(box.get_attribute(side)) == pytest.approx(face[side], abs=1.5)
    stage = video.bounding_box()
    scale = min(stage["width"] / 320, stage["height"] / 240)
    left = stage["x"] + (stage["width"] - 320 * scale) / 2
    assert box.bounding_box()["x"] == pytest.approx(left + face["x"] * scale, abs=6)
    page.get_by_label("show face boxes").uncheck()
    assert not box.is_visible()
    video.evaluate("video => { video.muted = true; video.currentTime = 0; return video.play(); }")
    wait_until(lambda: float(slider.input_value()) > 0.1)


def test_result_is_complete_after_a_reload(result_url, open_page):
    page = open_page()
    page.goto(result_url)
    page.reload()
    page.get_by_role("region", name="Verdict").wait_for()
    heat_maps = [item for item in get_report(result_url)["evidence"] if item["kind"] == "heat_map"]
    images = page.locator(".frames img")
    files = [name for item in heat_maps for name in (item["file"], item["original"]) if name]
    expect(images).to_have_count(len(files))
    for item in heat_maps:
        expect(page.locator(".frames")).to_contain_text(item["description"])
    for image in images.all():
        expect(image).to_have_js_property("complete", True)
        assert image.evaluate("image => image.naturalWidth") >= 320
    assert page.locator(".plot .sound").get_attribute("d").count("L") > 100


@pytest.mark.parametrize("display", DISPLAYS, ids=["desktop", "dark", "phone"])
def test_page_fits_the_display_and_is_accessible(result_url, base_url, open_page, display):
    page = open_page(**display)
    for url, ready in ((f"{base_url}/app", "#limits:not(:empty)"), (result_url, ".model")):
        page.goto(url)
        page.locator(ready).wait_for()
        for summary in page.locator("summary:visible").all():
            summary.click()
        width, available = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert width <= available
        assert page.evaluate(LOW_CONTRAST) == []
        assert page.evaluate(INACCESSIBLE) == []
        for role in ("main", "banner", "contentinfo"):
            assert page.get_by_role(role).count() == 1
        assert page.get_by_role("heading", level=1).count() == 1
        page.goto("about:blank")


def test_page_is_usable_by_keyboard_alone(base_url, talk, open_page):
    page = open_page()
    page.goto(f"{base_url}/app")
    reached = []
    for _ in range(9):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("document.activeElement.id || document.activeElement.textContent")
        )
    assert reached[0] == "skip"
    assert {"file", "Options", "by-status", "by-verdict"} <= set(reached)
    page.focus("#file")
    outline = page.locator("#drop").evaluate("node => getComputedStyle(node).outlineStyle")
    assert outline == "solid"
    page.set_input_files("#file", talk)  # a script cannot use the system's file dialog
    page.keyboard.press("Enter")
    page.get_by_role("region", name="Verdict").wait_for()
    page.locator(".segments button").first.focus()
    page.keyboard.press("Enter")
    page.get_by_role("slider", name="Playback position").focus()
    page.keyboard.press("End")
    assert float(page.locator(".seek").input_value()) == pytest.approx(3.0, abs=0.1)
