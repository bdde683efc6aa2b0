from io import StringIO

import pytest
from rich.console import Console

from tests.toy_fixtures import score_rows  # noqa: F401


@pytest.fixture
def render():
    """Print a Rich object as a wide terminal would show it."""

    def to_text(item):
        console = Console(file=StringIO(), width=160, force_terminal=False)
        console.print(item)
        return console.file.getvalue()

    return to_text
