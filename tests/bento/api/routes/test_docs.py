"""The documentation page and the webhook in the OpenAPI document."""


def test_docs_page_loads_only_local_scripts(make_service):
    response = make_service().client.get("/docs")
    assert response.status_code == 200
    assert "script-src 'self';" in response.headers["Content-Security-Policy"]
    assert 'src="/app/js/docs.js"' in response.text
    assert "https://" not in response.text


def test_webhook_is_documented_but_not_a_route(make_service):
    client = make_service().client
    assert client.post("/job-ended", json={}).status_code == 404
    assert list(client.get("/openapi.json").json()["webhooks"]) == ["job-ended"]
