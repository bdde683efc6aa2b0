"""The documentation page and the webhook in the OpenAPI document."""


def test_docs_page_loads_only_local_scripts(make_service):
    response = make_service().client.get("/docs")
    assert response.status_code == 200
    assert "script-src 'self';" in response.headers["Content-Security-Policy"]
    assert 'src="app/js/docs.js"' in response.text
    assert "https://" not in response.text


def test_only_the_files_of_swagger_ui_are_served(make_service):
    client = make_service().client
    assert "SwaggerUIBundle" in client.get("/docs/swagger-ui-bundle.js").text
    assert client.get("/docs/swagger-ui.css").headers["content-type"].startswith("text/css")
    for name in ("index.html", "../__init__.py", "..%2f__init__.py", "%2e%2e/__init__.py"):
        assert client.get(f"/docs/{name}").status_code == 404


def test_webhook_is_documented_but_not_a_route(make_service):
    client = make_service().client
    assert client.post("/job-ended", json={}).status_code == 404
    assert list(client.get("/openapi.json").json()["webhooks"]) == ["job-ended"]
