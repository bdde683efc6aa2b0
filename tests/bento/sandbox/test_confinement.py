"""A confined process has its folder and nothing else; each attempt is made in a real process."""

import json
import subprocess
import sys

import pytest

from bento.paths import PACKAGE_DIR
from bento.sandbox.channel import CHILD_COMMAND, child_environment
from bento.sandbox.confinement import (
    CALLS,
    FILES,
    INPUT,
    OUTPUT,
    bare_environment,
    missing_protections,
)

pytestmark = pytest.mark.skipif(missing_protections() != [], reason="the kernel has no Landlock")

ATTEMPTS = """
import errno, json, os, socket, subprocess, sys
from pathlib import Path
from bento.sandbox.confinement import confine

folder, outside = Path(sys.argv[1]), Path(sys.argv[2])
confine(folder)
parent = os.getppid()
attempts = {
    "read the video": lambda: (folder / "input/upload").read_bytes(),
    "write an image": lambda: (folder / "output/a.png").write_bytes(b"x"),
    "delete the image": lambda: (folder / "output/a.png").unlink(),
    "import a package": lambda: __import__("fractions"),
    "load a library": lambda: __import__("sqlite3"),
    "read own memory use": lambda: Path("/proc/self/statm").read_text(),
    "open a TCP socket": lambda: socket.socket(),
    "open a UDP socket": lambda: socket.socket(type=socket.SOCK_DGRAM),
    "open a UNIX socket": lambda: socket.socket(socket.AF_UNIX),
    "read the key file": lambda: (outside / "keys").read_bytes(),
    "read the database": lambda: (outside / "jobs.db").read_bytes(),
    "list uploads": lambda: os.listdir(outside),
    "write the video": lambda: (folder / "input/upload").write_bytes(b"x"),
    "write the database": lambda: (outside / "jobs.db").open("ab"),
    "create a file": lambda: (outside / "new").touch(),
    "create a file in /tmp": lambda: Path("/tmp/unmask-test-of-confinement").touch(),
    "create a file in the package": lambda: Path(sys.argv[3], "new").touch(),
    "delete a file": lambda: (outside / "keys").unlink(),
    "link a file": lambda: os.link(outside / "keys", folder / "output/keys"),
    "move a file": lambda: os.rename(outside / "keys", folder / "output/keys"),
    "truncate a file": lambda: os.truncate(outside / "keys", 0),
    "change a mode": lambda: (outside / "keys").chmod(0o644),
    "change an owner": lambda: os.chown(outside / "keys", os.getuid(), os.getgid()),
    "read the parent's environment": lambda: Path(f"/proc/{parent}/environ").read_bytes(),
    "signal the parent": lambda: os.kill(parent, 0),
    "start a program": lambda: subprocess.run(["/bin/true"]),
}
results = {}
for name, attempt in attempts.items():
    try:
        attempt()
        results[name] = "done"
    except OSError as error:
        refused = error.errno in (errno.EPERM, errno.EACCES, errno.EXDEV)  # EXDEV: of a move
        results[name] = "refused" if refused else str(error)
status = Path("/proc/self/status").read_text()
results["no_new_privs"] = status.split("NoNewPrivs:")[1].split()[0]
print(json.dumps(results))
"""
ALLOWED = {
    "read the video", "write an image", "delete the image", "import a package", "load a library",
    "read own memory use",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "work" / "sandbox"
    for name in (INPUT, OUTPUT):
        (folder / name).mkdir(parents=True)
    (folder / INPUT / "upload").write_bytes(b"video")
    return folder


def run(folder, code, *arguments):
    process = subprocess.run(
        [sys.executable, "-P", "-c", code, str(folder), *map(str, arguments)],
        env=bare_environment(child_environment(), folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


def test_a_confined_process_has_its_folder_and_nothing_else(folder, tmp_path):
    outside = tmp_path / "service"
    outside.mkdir()
    for name in ("keys", "jobs.db"):
        (outside / name).write_bytes(b"secret")
    results = run(folder, ATTEMPTS, outside, PACKAGE_DIR)
    assert results.pop("no_new_privs") == "1"
    assert {name for name, result in results.items() if result == "done"} == ALLOWED
    assert set(results.values()) == {"done", "refused"}
    assert (outside / "keys").read_bytes() == (outside / "jobs.db").read_bytes() == b"secret"
    assert (folder / INPUT / "upload").read_bytes() == b"video"


def test_the_checkout_is_not_readable_as_a_whole(folder):
    """The service's folder lies in the checkout by default."""
    code = (
        "import json, sys; from pathlib import Path; from bento.paths import ROOT\n"
        "from bento.sandbox.confinement import confine\n"
        "confine(Path(sys.argv[1]))\n"
        "def readable(name):\n"
        "    try: return bool((ROOT / name).read_bytes())\n"
        "    except PermissionError: return False\n"
        "print(json.dumps([readable('README.md'), readable('bento/paths.py')]))"
    )
    assert run(folder, code) == [False, True]


def test_the_environment_holds_no_secrets(tmp_path):
    secrets = {
        "UNMASK_SECRET": "s", "UNMASK_DATABASE": "postgresql://u:p@h/d", "UNMASK_QUEUE": "redis://",
        "AWS_SECRET_ACCESS_KEY": "k", "AWS_ACCESS_KEY_ID": "i", "DATABASE_PASSWORD": "p",
        "HOME": "/root", "SSH_AUTH_SOCK": "/tmp/a",
    }  # fmt: skip
    needed = {"PATH": "/usr/bin", "OMP_NUM_THREADS": "2", "UNMASK_BUNDLE": "/b", "LC_ALL": "C"}
    needed["UNMASK_ENGINE"] = "onnxruntime"
    bare = bare_environment({**secrets, **needed}, tmp_path)
    assert needed.items() <= bare.items()
    assert not set(secrets) & set(bare) - {"HOME"}
    assert bare["HOME"] == bare["TMPDIR"] == str(tmp_path / OUTPUT)


def test_blas_of_numpy_has_one_thread_unless_the_operator_asks_for_more(tmp_path):
    assert bare_environment({}, tmp_path)["OPENBLAS_NUM_THREADS"] == "1"
    asked = bare_environment({"OPENBLAS_NUM_THREADS": "4"}, tmp_path)
    assert asked["OPENBLAS_NUM_THREADS"] == "4"


def test_the_child_confines_itself_before_any_thread_starts(folder):
    code = (
        "import json, os, runpy, sys\n"
        "import bento.sandbox.__main__ as entry\n"
        "print(json.dumps([len(os.listdir('/proc/self/task')), 'numpy' in sys.modules]))"
    )
    assert run(folder, code) == [1, False]
    assert CHILD_COMMAND[-2:] == ("-m", "bento.sandbox")


def test_missing_protections_are_named(monkeypatch):
    monkeypatch.setattr("bento.sandbox.landlock.abi_version", lambda: 0)
    monkeypatch.setattr("bento.sandbox.syscall_filter.is_supported", lambda: False)
    assert missing_protections() == [FILES, CALLS]


READ_CREDENTIALS = """
import json, sys
from pathlib import Path
from bento.sandbox.confinement import confine

folder = Path(sys.argv[1])
confine(folder)
from unmask.serving.provenance.reader import read_provenance

provenance = read_provenance(folder / "input/signed.mp4", folder / "output")
print(json.dumps([provenance.credentials.validation, provenance.credentials.signer]))
"""


def test_content_credentials_are_read_in_the_confined_process(
    folder, sign_video, make_video, tmp_path
):
    sign_video(make_video(tmp_path / "plain.mp4"), folder / INPUT / "signed.mp4")
    assert run(folder, READ_CREDENTIALS) == ["valid", "Test Signer"]
    assert (folder / OUTPUT / "ingredient-1.png").stat().st_size > 0
