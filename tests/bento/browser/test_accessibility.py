"""axe-core finds nothing serious in any state of the page, in light and in dark."""

import pytest

from bento.security.api_keys import create_key
from tests.bento.browser.page import HTTP_ERROR, submit, video, wait_for_step, wait_for_text

pytestmark = pytest.mark.services
Axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe

SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])
SERIOUS = ("serious", "critical")
# a report of the scripted worker, and a text that its page shows
RESULTS = {
    "rich": "Flagged segments",
    "unlike": "this footage is unlike the clips",
    "evidence": "No region is highlighted.",
    "calibrated": "86 to 99 in 100",
    "provenance": "Chain of custody",
    "material": "What the material does to verdicts",
    "refuse broken": "This video could not be analyzed",
}


def serious_violations(page):
    """Return rule, impact and elements of each serious violation that axe-core finds."""
    return [
        (each["id"], each["impact"], [node["html"][:120] for node in each["nodes"]])
        for each in Axe().run(page).response["violations"]
        if each["impact"] in SERIOUS
    ]


@pytest.fixture
def open_scheme(live_server, open_page):
    def start(service, scheme):
        page = open_page(expected=(HTTP_ERROR,), color_scheme=scheme)
        page.goto(f"{live_server(service)}/app")
        return page

    return start


@SCHEMES
def test_upload_form_error_progress_and_list(make_service, open_scheme, scheme):
    page = open_scheme(make_service(), scheme)
    wait_for_text(page, "No jobs yet")
    page.get_by_text("Options").click()
    assert serious_violations(page) == []
    page.set_input_files("#file", video("", "none.mp4"))
    page.get_by_role("alert").wait_for()
    assert serious_violations(page) == []
    submit(page, video())
    wait_for_step(page, "Waiting in the queue")
    assert serious_violations(page) == []
    page.get_by_role("link", name="All jobs").click()
    page.get_by_label("Select a.mp4").check()
    page.get_by_role("button", name="Delete selected").click()
    assert serious_violations(page) == []


@SCHEMES
@pytest.mark.parametrize("content", RESULTS)
def test_result(make_service, running_worker, open_scheme, content, scheme):
    service = make_service()
    page = open_scheme(service, scheme)
    with running_worker(service):
        submit(page, video(content))
        wait_for_text(page, RESULTS[content])
    for summary in page.locator("summary:visible").all():
        summary.click()
    assert serious_violations(page) == []
    page.emulate_media(media="print")
    assert serious_violations(page) == []


@SCHEMES
def test_batch_with_a_refused_file(make_service, open_scheme, scheme):
    page = open_scheme(make_service(max_upload_mib=1), scheme)
    page.set_input_files("#file", [video(), video("0" * 1_100_000, "long.mp4")])
    page.get_by_role("button", name="Analyze").click()
    wait_for_text(page, "Refused files")
    page.locator("#jobs .jobs").wait_for()
    assert serious_violations(page) == []


@SCHEMES
def test_api_key_dialog_and_unknown_job(make_service, open_scheme, tmp_path, scheme):
    keys = tmp_path / "keys"
    create_key(keys, "anna")
    page = open_scheme(make_service(api_keys_file=keys), scheme)
    page.get_by_role("button", name="Enter API key").click()
    assert serious_violations(page) == []
    page.keyboard.press("Escape")
    page.goto(f"{page.url}#job={'0' * 32}")
    page.locator("#job").get_by_text("API key required").wait_for()
    assert serious_violations(page) == []
