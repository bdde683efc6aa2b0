"""HTTP service of the deepfake detector."""

import os
import sys
from pathlib import Path

# disable BentoML's telemetry, unless the user has set the variable
os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")

# A built Bento contains the library next to this package. `bentoml serve unmask:latest` has already
# tried to import `unmask`, so that another installed version may be loaded: unload it.
_packaged = Path(__file__).resolve().parents[1] / "unmask"
_loaded_file = getattr(sys.modules.get("unmask"), "__file__", None)
if _loaded_file and _packaged.is_dir() and Path(_loaded_file).resolve().parent != _packaged:
    for _name in [name for name in sys.modules if name.split(".")[0] == "unmask"]:
        del sys.modules[_name]
