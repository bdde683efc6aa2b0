"""Every reason has its words, on the page as in the other reports."""

import re
from pathlib import Path
from typing import get_args

from unmask.records import Reason
from unmask.serving.report.reasons import REASON_TEXTS

FORMAT_JS = Path(__file__).parents[3] / "bento/frontend/js/format.js"


def test_every_reason_is_put_into_words():
    assert set(REASON_TEXTS) == set(get_args(Reason))


def test_the_page_has_a_label_and_the_same_words_for_every_reason():
    script = FORMAT_JS.read_text(encoding="utf-8")
    (block,) = re.findall(r"export const REASONS = \{\n(.*?)\n\};", script, re.DOTALL)
    entries = re.findall(
        r"^  (\w+): \{\n    label: (.*?),\n    text:(.*?),\n  \}", block, re.M | re.S
    )
    assert [name for name, _, _ in entries] == list(get_args(Reason))
    for name, _, text in entries:
        assert "".join(re.findall(r'"(.*?)"', text)).startswith(REASON_TEXTS[name])
