"""The service below a path, behind a reverse proxy."""

import re
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from tests.bento.reverse_proxy import reverse_proxy
from tests.bento.tenants import finish_as, make_tenants

PREFIX = "/tools/unmask"


@pytest.fixture(params=[True, False], ids=["prefix stripped", "prefix kept"])
def behind_proxy(request, make_service, live_server, tmp_path):
    """A service, the headers of its tenant, and a client of the proxy."""
    service, headers = make_tenants(make_service, tmp_path, "anna", root_path=PREFIX)
    proxy = reverse_proxy([live_server(service)], PREFIX, strip=request.param)
    with proxy as url, httpx.Client(timeout=20, follow_redirects=True) as client:
        yield service, headers, client, url


def forged(address):
    return address[:-1] + ("0" if address[-1] != "0" else "1")


def origin(url):
    return urljoin(url, "/")


@pytest.mark.parametrize("path", ["", "/", "/app", "/app/"])
def test_page_and_everything_that_it_loads_are_found(behind_proxy, path):
    _, _, client, url = behind_proxy
    page = client.get(f"{url}{path}")
    assert page.status_code == 200
    assert page.url.path == f"{PREFIX}/app/"
    links = re.findall(r'(?:src|href)="([^"#]+)"', page.text)
    assert len(links) > 10
    for link in links:
        assert client.get(urljoin(str(page.url), link)).status_code == 200, link


def test_documentation_loads_its_files_and_names_the_prefix_as_server(behind_proxy):
    _, _, client, url = behind_proxy
    page = client.get(f"{url}/docs")
    for link in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert client.get(urljoin(str(page.url), link)).status_code == 200, link
    document = client.get(f"{url}/openapi.json").json()
    assert [server["url"] for server in document["servers"]] == [f"{PREFIX}/v1"]


def test_every_address_in_a_response_leads_back_through_the_proxy(behind_proxy, running_worker):
    service, headers, client, url = behind_proxy
    response = client.post(f"{url}/analyze-video", files={"file": ("a", b"ok")}, headers=headers)
    addresses = {response.headers["Location"], response.json()["status_url"]}
    batch = client.post(f"{url}/batch", files={"files": ("b", b"ok")}, headers=headers)
    addresses.add(batch.json()["items"][0]["status_url"])
    job_id = finish_as(service, running_worker, headers)["job_id"]
    job = client.get(f"{url}/jobs/{job_id}", headers=headers).json()
    addresses.add(client.get(f"{url}/jobs?limit=1", headers=headers).json()["next"])
    for address in addresses:
        assert urlsplit(address).path.startswith(PREFIX)
        assert client.get(urljoin(origin(url), address), headers=headers).status_code == 200
    for address in (job["video_url"], *(image["url"] for image in job["evidence"])):
        assert client.get(urljoin(origin(url), address)).status_code == 200  # without a key
        assert client.get(urljoin(origin(url), forged(address))).status_code == 403


@pytest.mark.parametrize("path", ["/app", "/jobs/", "/jobs/?limit=1"])
def test_redirects_name_no_host(behind_proxy, path):
    _, headers, client, url = behind_proxy
    response = client.get(f"{url}{path}", headers=headers, follow_redirects=False)
    assert response.status_code == 307
    location = response.headers["Location"]
    assert location.startswith(f"{PREFIX}/")
    assert client.get(urljoin(origin(url), location), headers=headers).status_code == 200


def test_key_is_required_below_the_prefix_as_well(behind_proxy):
    _, _, client, url = behind_proxy
    assert client.get(f"{url}/jobs").status_code == 401


def test_root_path_has_no_trailing_slash(make_service):
    with pytest.raises(ValueError, match="root_path"):
        make_service(root_path="/unmask/")
