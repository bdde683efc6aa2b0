#!/usr/bin/env bash
# fsspec says of a file on a busy web server that it does not exist.
#
# Expected: FileNotFoundError and exists() == False where the server answers 404 or 410. Where it
#           answers 429 or 503 (too many requests, busy), 500 or 403, another error that has the
#           status, as for s3 and as cat() raises it here.
# Seen:     With the http file system exists() and isfile() are False, and info() and open() raise
#           FileNotFoundError, for every status of 400 and more. The status is in no message of
#           these; only __cause__ has it. Retry-After is not read. cat() with on_error="omit" leaves
#           such a file out like a missing one.
# Matters:  Videos of a data set on a web server that limits requests: code that leaves out files
#           that are missing trains on fewer clips whenever the server is busy, and says nothing.
# Remedy:   Look at __cause__.status of a FileNotFoundError, and try again unless it is 404 or 410.
#           Do not ask exists() or isfile().
#
# Installs about 20 MB. Takes a quarter of a minute.

set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python="$work/venv/bin/python"

"${PYTHON:-python3}" -m venv "$work/venv" || exit 2
"$python" -m pip install --quiet --disable-pip-version-check \
    fsspec==2026.9.0 aiohttp==3.14.5 || exit 2

cat > "$work/statuses.py" <<'PYTHON'
"""Ask for one file at a server that answers with each status in turn."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import aiohttp
import fsspec

STATUSES = (404, 410, 403, 429, 500, 503)


class Server(BaseHTTPRequestHandler):
    """Answers with the status that the path names, and a body if that is 200."""

    def do_GET(self):
        """Answer GET and HEAD."""
        status = int(self.path.split("/")[1])
        body = b"clip" if status == 200 else b""
        self.send_response(status)
        if status in (429, 503):
            self.send_header("Retry-After", "1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_):
        """Print nothing."""


def outcome(function, url):
    """Return the result, or the error with the status that it has and that of its cause."""
    try:
        return function(url)
    except Exception as error:
        cause = getattr(error.__cause__, "status", None)
        return type(error).__name__, getattr(error, "status", None), cause


def main():
    """Print what fsspec says of each status; exit with 1 where it is not as documented."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    Thread(target=server.serve_forever, daemon=True).start()
    root = f"http://127.0.0.1:{server.server_port}"
    files = fsspec.filesystem("http", use_listings_cache=False)
    print(f"fsspec {fsspec.__version__}, aiohttp {aiohttp.__version__}")
    assert files.exists(f"{root}/200/clip.mp4")
    assert files.cat(f"{root}/200/clip.mp4") == b"clip"
    same = True
    for status in STATUSES:
        url = f"{root}/{status}/clip.mp4"
        exists, isfile = files.exists(url), files.isfile(url)
        info, opened, cat = (outcome(call, url) for call in (files.info, files.open, files.cat))
        print(f"{status}: exists {exists}, info {info}, cat {cat}")
        same &= exists is isfile is False
        same &= info == opened == ("FileNotFoundError", None, status)
        same &= cat[0] == ("FileNotFoundError" if status == 404 else "ClientResponseError")
    kept = files.cat([f"{root}/200/a.mp4", f"{root}/503/b.mp4"], on_error="omit")
    print(f"cat of two, one of them busy, omitting errors: {len(kept)} file")
    same &= len(kept) == 1
    if not same:
        print("CHANGED: a status other than 404 is told from a missing file.")
        sys.exit(1)
    print("UNCHANGED: a busy server's file does not exist, for exists, isfile, info and open.")


main()
PYTHON

"$python" "$work/statuses.py"
