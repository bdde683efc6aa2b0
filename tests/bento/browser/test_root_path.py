"""The page below a path, through a reverse proxy that strips it."""

import pytest

from tests.bento.browser.page import submit, video, wait_for_verdict
from tests.bento.reverse_proxy import reverse_proxy
from tests.bento.tenants import make_tenants

pytestmark = pytest.mark.services
PREFIX = "/tools/unmask"


def test_upload_and_result_work_below_a_path(
    make_service, running_worker, live_server, open_page, tmp_path
):
    service, headers = make_tenants(make_service, tmp_path, "anna", root_path=PREFIX)
    page = open_page(extra_http_headers=headers)
    with running_worker(service), reverse_proxy([live_server(service)], PREFIX) as url:
        page.goto(url)
        assert page.url.startswith(f"{url}/app/")
        submit(page, video())
        wait_for_verdict(page)
        sources = page.evaluate("[...document.images].map((image) => image.currentSrc)")
        assert all(PREFIX in source for source in sources if source.startswith("http"))
