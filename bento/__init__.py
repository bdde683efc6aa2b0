"""The HTTP service."""

import os
import sys
from pathlib import Path

# BentoML asks this once, at the first event it would report; whoever sets it keeps their word
os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")

# A built Bento carries the library beside this package. `bentoml serve unmask:latest` first tries
# `unmask` as a module, and where another version is installed that one is loaded by now.
_packed = Path(__file__).resolve().parents[1] / "unmask"
_loaded = getattr(sys.modules.get("unmask"), "__file__", None)
if _loaded and _packed.is_dir() and Path(_loaded).resolve().parent != _packed:
    for _name in [name for name in sys.modules if name.split(".")[0] == "unmask"]:
        del sys.modules[_name]
