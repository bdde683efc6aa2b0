"""A built Bento uses the library that it was packaged with."""

import shutil
import subprocess
import sys
from pathlib import Path

import bento

SCRIPT = """
import sys
import unmask  # like `bentoml serve unmask:latest`, before it has loaded the Bento
sys.path.insert(0, sys.argv[1])
import bento
import unmask
print(unmask.__version__)
"""


def imported_version(context):
    command = [sys.executable, "-c", SCRIPT, str(context)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_packaged_library_takes_precedence_over_an_installed_one(tmp_path):
    (tmp_path / "bento").mkdir()
    shutil.copy(bento.__file__, tmp_path / "bento" / "__init__.py")
    (tmp_path / "unmask").mkdir()
    (tmp_path / "unmask" / "__init__.py").write_text('__version__ = "packaged"\n')
    assert imported_version(tmp_path) == "packaged"


def test_checkout_uses_the_installed_library():
    root = Path(bento.__file__).parents[1]
    assert imported_version(root) == __import__("unmask").__version__
