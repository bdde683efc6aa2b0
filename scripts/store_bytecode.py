"""Import modules, so that Python stores the byte code of all that they import.

`make setup` runs it: `python scripts/store_bytecode.py MODULE …`. It stores nothing where
PYTHONDONTWRITEBYTECODE is set.
"""

import sys
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
for module in sys.argv[1:]:
    import_module(module)
