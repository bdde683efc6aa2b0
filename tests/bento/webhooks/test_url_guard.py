"""SSRF guard: webhooks go to public addresses only."""

import socket

import pytest

from bento.errors import WebhookUrlError
from bento.webhooks.url_guard import resolve_public_target

PUBLIC, PRIVATE = "93.184.216.34", "127.0.0.1"


def resolve_to(monkeypatch, *answers):
    """Let each host name lookup return the next list of addresses."""
    remaining = iter(answers)

    def getaddrinfo(*_, **__):
        return [(0, 0, 0, "", (address, 443)) for address in next(remaining)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://localhost/",
        "https://[::1]/",
        "https://10.1.2.3/",
        "https://192.168.1.1:8080/",
        "https://169.254.169.254/latest/meta-data",
        "https://0.0.0.0/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[fd00::1]/",
        "https://[fec0::1]/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://user:word@93.184.216.34/",
        "http://93.184.216.34/",
        "ftp://93.184.216.34/",
        "https://",
        "https://[x/",
        "https://a:b/",
        "//93.184.216.34/",
        "x" * 1000,
    ],
)
def test_private_or_malformed_url_is_rejected(make_service, url):
    with pytest.raises(WebhookUrlError):
        resolve_public_target(url, private=False, tenant="anna")
    service = make_service()
    response = service.client.post(
        "/analyze-video", files={"file": ("a", b"x")}, data={"webhook_url": url}
    )
    assert response.status_code == 422
    assert "webhook_url" in response.json()["error"]
    assert service.client.get("/jobs").json()["total"] == 0


@pytest.mark.parametrize("character", ["\x00", "\n", " ", "\u0430"])
def test_unprintable_or_non_ascii_character_is_rejected(make_service, character):
    form = {"webhook_url": f"http://localhost/{character}x"}
    response = make_service(webhook_private=True).client.post(
        "/analyze-video", files={"file": ("a", b"x")}, data=form
    )
    assert response.status_code == 422
    assert "webhook_url" in response.json()["error"]


def test_request_goes_to_the_checked_address(monkeypatch):
    resolve_to(monkeypatch, [PUBLIC])
    target = resolve_public_target("https://example.org/a", private=False, tenant="anna")
    assert (target.address, target.host, target.port) == (PUBLIC, "example.org", 443)


def test_one_private_address_among_public_ones_is_rejected(monkeypatch):
    resolve_to(monkeypatch, [PUBLIC, PRIVATE])
    with pytest.raises(WebhookUrlError):
        resolve_public_target("https://example.org/", private=False, tenant="anna")
