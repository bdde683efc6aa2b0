"""Actions on the page that the browser tests share."""

HTTP_ERROR = "Failed to load resource"  # Chromium's console message for every error response


def video(content="ok", name="a.mp4"):
    return {"name": name, "mimeType": "video/mp4", "buffer": content.encode()}


def submit(page, file):
    page.set_input_files("#file", file)
    page.get_by_role("button", name="Analyze").click()


def text_of(page, selector="main"):
    return page.locator(selector).inner_text()


def wait_for_text(page, text):
    """Wait for visible text; the messages for screen readers lie outside of `main`."""
    page.get_by_role("main").get_by_text(text).wait_for()


def wait_for_step(page, name):
    page.locator("[aria-current=step]").get_by_text(name).wait_for()


def wait_for_verdict(page):
    page.get_by_role("region", name="Verdict").wait_for()
