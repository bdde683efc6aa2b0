"""The public names of the package."""

import subprocess
import sys

import pytest

import unmask

LAZY = [name for name in unmask.__all__ if name != "__version__"]


def test_public_names_are_sorted_and_listed():
    assert unmask.__all__ == sorted(unmask.__all__)
    assert set(unmask.__all__) <= set(dir(unmask))


@pytest.mark.parametrize("name", LAZY)
def test_public_name_is_imported_on_first_use(name):
    value = getattr(unmask, name)
    assert value.__name__ == name
    assert value.__module__.startswith("unmask.")


def test_unknown_name_raises_attribute_error():
    with pytest.raises(AttributeError, match="'unmask' has no attribute 'Analyser'"):
        _ = unmask.Analyser


def test_importing_the_package_loads_neither_torch_nor_av():
    code = "import sys, unmask; print([name for name in ('torch', 'av') if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_all_public_names_can_be_imported_from_the_package():
    namespace = {}
    exec(f"from unmask import {', '.join(unmask.__all__)}", namespace)
    assert set(unmask.__all__) <= set(namespace)
