"""The page in a real browser on the service as BentoML serves it, with a real detector and film."""

import json
import re
import urllib.error
import urllib.request
from dataclasses import replace

import pytest

from bento.sandbox.channel import ROOT
from tests.bento.servers import bentoml_serve

pytestmark = pytest.mark.services
expect = pytest.importorskip("playwright.sync_api").expect

PATIENCE_S = 150
PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
LOOKS = [{}, {"color_scheme": "dark"}, PHONE]

# Text against what lies behind it, by WCAG 2.2; boxes over pictures are left out
CONTRASTS = """() => {
    const channels = (colour) => {
        const probe = document.createElement("canvas").getContext("2d");
        probe.fillStyle = colour;
        probe.fillRect(0, 0, 1, 1);
        return [...probe.getImageData(0, 0, 1, 1).data];
    };
    const light = (colour) => {
        const [r, g, b] = colour.map((one) => one / 255)
            .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (node) => {
        for (let one = node; one; one = one.parentElement) {
            const colour = channels(getComputedStyle(one).backgroundColor);
            if (colour[3] === 255) return colour.slice(0, 3);
        }
        return [255, 255, 255];
    };
    const poor = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const node = walker.currentNode.parentElement;
        if (!walker.currentNode.data.trim() || !node.checkVisibility()) continue;
        if (node.closest("svg, button:disabled, noscript")) continue;
        const style = getComputedStyle(node);
        const [a, b] = [light(channels(style.color).slice(0, 3)), light(behind(node))];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < 4.5) poor.push([walker.currentNode.data.trim().slice(0, 40), ratio.toFixed(2)]);
    }
    return poor;
}"""
# What a screen reader could not name, and headings that skip a level
NAMELESS = """() => {
    const seen = [...document.querySelectorAll("*")].filter((node) => node.checkVisibility());
    const named = (node) => node.labels?.length || node.getAttribute("aria-label") ||
        node.getAttribute("aria-labelledby") || node.textContent.trim();
    const wrong = seen
        .filter((node) => node.matches("button, a, input, select, progress, [role=img], video"))
        .filter((node) => !named(node));
    wrong.push(...seen.filter((node) => node.matches("img:not([alt])")));
    const levels = seen.filter((node) => /^H[1-6]$/.test(node.tagName));
    const level = (at) => Number(levels[at].tagName[1]);
    wrong.push(...levels.filter((_, at) => at && level(at) - level(at - 1) > 1));
    const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
    const twice = ids.filter((id, at) => ids.indexOf(id) !== at);
    const small = seen.filter((node) => node.matches("button, select") && node.offsetHeight < 24);
    return [...wrong, ...small].map((node) => node.outerHTML.slice(0, 80)).concat(twice);
}"""


@pytest.fixture(scope="module")
def suspicious(bundle_folder, tmp_path_factory):
    """A detector that has learned nothing and calls nearly everything fake."""
    from unmask.models.bundle import load_bundle, save_bundle
    from unmask.models.calibration.platt import Calibration, SegmentThresholds

    bundle = load_bundle(bundle_folder)
    folder = tmp_path_factory.mktemp("suspicious") / "bundle"
    alarms = SegmentThresholds(0.1, 0.1, 0.1)
    low = Calibration(temperature=1.5, real_below=0.05, fake_above=0.1, alarms=alarms)
    save_bundle(folder, replace(bundle, calibration=low))
    return folder


@pytest.fixture(scope="module")
def address(suspicious, tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    told = {"UNMASK_BUNDLE": suspicious, "UNMASK_FOLDER": folder}
    with bentoml_serve("bento.service:UnmaskService", ROOT, **told) as (base, _):
        yield base


@pytest.fixture(scope="module")
def talk(film, tmp_path_factory):
    return film(tmp_path_factory.mktemp("films") / "talk.mp4", seconds=3.0)


@pytest.fixture(scope="module")
def result(address, talk, chromium):
    """Address of a result, reached by uploading in the browser."""
    page = chromium.new_page()
    page.goto(f"{address}/app")
    page.set_input_files("#file", talk)
    page.get_by_role("button", name="Analyze").click()
    page.get_by_role("region", name="Progress").wait_for(timeout=PATIENCE_S * 1000)
    page.get_by_role("region", name="Verdict").wait_for(timeout=PATIENCE_S * 1000)
    url = page.url
    page.close()
    return url


def job_of(url):
    api, _, job_id = url.partition("/app#job=")
    with urllib.request.urlopen(f"{api}/jobs/{job_id}") as answer:
        return json.load(answer)


def test_it_leads_from_the_upload_over_an_anomaly_to_the_report(address, talk, browse):
    page = browse()
    page.goto(f"{address}/app")
    page.set_input_files("#file", talk)
    page.get_by_role("button", name="Analyze").click()
    page.get_by_role("progressbar", name="Analyzed").wait_for()
    page.get_by_role("region", name="Verdict").wait_for()
    told = job_of(page.url)
    report = told["result"]
    score = f"{report['fake_probability']:.2f}"
    verdict = page.get_by_role("region", name="Verdict").inner_text()
    assert {"Fake", score} <= set(re.split(r"\s+", verdict))

    stretch = sorted(report["segments"], key=lambda one: one["start_s"])[-1]
    page.locator(".stretches").get_by_role("button").last.click()
    shown_s = page.locator("video").evaluate("video => video.currentTime")
    assert shown_s == pytest.approx(stretch["start_s"], abs=0.05)
    slider = page.get_by_role("slider", name="Moment of the video")
    assert float(slider.input_value()) == pytest.approx(stretch["start_s"], abs=0.05)

    for name, start in (("Report as PDF", b"%PDF-"), ("Report as JSON", b"{")):
        with page.expect_download() as got:
            page.get_by_role("button", name=name).click()
        content = got.value.path().read_bytes()
        assert content.startswith(start)
    assert json.loads(content) == report
    page.get_by_text("Download the pictures").click()
    with page.expect_download() as got:
        page.get_by_role("button", name="sound.png", exact=True).click()
    assert got.value.path().read_bytes().startswith(b"\x89PNG")


def test_the_video_plays_and_its_face_is_marked_where_the_report_says(result, browse):
    page, report = browse(), job_of(result)["result"]
    page.goto(result)
    video = page.locator("video")
    expect(video).to_have_js_property("videoWidth", 320)
    expect(video).to_have_js_property("error", None)
    face = report["people"][0]["boxes"][7]
    slider = page.get_by_role("slider", name="Moment of the video")
    slider.fill(str(face["time_s"]))
    mark = page.locator(".boxes rect").last
    for side in ("x", "y", "width", "height"):
        assert float(mark.get_attribute(side)) == pytest.approx(face[side], abs=1.5)
    stage = video.bounding_box()
    scale = min(stage["width"] / 320, stage["height"] / 240)
    left = stage["x"] + (stage["width"] - 320 * scale) / 2
    assert mark.bounding_box()["x"] == pytest.approx(left + face["x"] * scale, abs=6)
    page.get_by_label("mark the faces").uncheck()
    assert not mark.is_visible()
    video.evaluate("video => { video.muted = true; video.currentTime = 0; return video.play(); }")
    page.wait_for_timeout(700)
    assert float(slider.input_value()) > 0.1


def test_after_a_reload_everything_is_still_there(result, browse):
    page = browse()
    page.goto(result)
    page.reload()
    page.get_by_role("region", name="Verdict").wait_for()
    evidence = job_of(result)["result"]["evidence"]
    frames = [one for one in evidence if one["kind"] == "heat_map"]
    pictures = page.locator(".frames img")
    expect(pictures).to_have_count(2 * len(frames))
    for picture in pictures.all():
        expect(picture).to_have_js_property("complete", True)
        assert picture.evaluate("picture => picture.naturalWidth") >= 320
    assert page.locator(".plot .sound").get_attribute("d").count("L") > 100


@pytest.mark.parametrize("look", LOOKS, ids=["desktop", "dark", "phone"])
def test_it_fits_is_legible_and_everything_has_a_name(result, address, browse, look):
    page = browse(**look)
    for url in (f"{address}/app", result):
        page.goto(url)
        page.get_by_role("heading", level=1).wait_for()
        page.wait_for_timeout(500)
        for summary in page.locator("summary:visible").all():
            summary.click()
        wide = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide[0] <= wide[1]
        assert page.evaluate(CONTRASTS) == []
        assert page.evaluate(NAMELESS) == []
        assert page.get_by_role("main").count() == 1
        assert page.get_by_role("banner").count() == 1
        assert page.get_by_role("contentinfo").count() == 1
        assert page.get_by_role("heading", level=1).count() == 1
        page.goto("about:blank")


def test_the_keyboard_alone_reaches_upload_options_and_result(address, talk, browse):
    page = browse()
    page.goto(f"{address}/app")
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
    page.set_input_files("#file", talk)  # no script may open the system's own dialogue
    page.keyboard.press("Enter")
    page.get_by_role("region", name="Verdict").wait_for()
    page.locator(".stretches button").first.focus()
    page.keyboard.press("Enter")
    page.get_by_role("slider", name="Moment of the video").focus()
    page.keyboard.press("End")
    assert float(page.locator(".seek").input_value()) == pytest.approx(3.0, abs=0.1)
