"""Opens the page of a service in the browser."""

import pytest


@pytest.fixture
def open_app(live_server, open_page):
    """Open the page of a service; console messages that contain ``expected`` are allowed."""

    def start(service, *expected):
        page = open_page(expected=expected)
        page.goto(f"{live_server(service)}/app")
        return page

    return start
