"""A built Bento runs the library it was packed with."""

import shutil
import subprocess
import sys
from pathlib import Path

import bento

SCRIPT = """
import sys
import unmask  # as `bentoml serve unmask:latest` does, before it knows the Bento
sys.path.insert(0, sys.argv[1])
import bento
import unmask
print(unmask.__version__)
"""


def version_seen_by(context):
    words = [sys.executable, "-c", SCRIPT, str(context)]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def test_the_packed_library_comes_before_an_installed_one(tmp_path):
    (tmp_path / "bento").mkdir()
    shutil.copy(bento.__file__, tmp_path / "bento" / "__init__.py")
    (tmp_path / "unmask").mkdir()
    (tmp_path / "unmask" / "__init__.py").write_text('__version__ = "as packed"\n')
    assert version_seen_by(tmp_path) == "as packed"


def test_in_a_checkout_the_installed_library_stays():
    root = Path(bento.__file__).parents[1]
    assert version_seen_by(root) == __import__("unmask").__version__
