"""The page of a training run."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from tests.factories import make_evaluation
from unmask.evaluation.gates import GateReport, GateResult
from unmask.evaluation.intervals import Estimate
from unmask.robustness.adversarial_report import RobustnessReport
from unmask.robustness.codec_report import CodecReport, CodecRow
from unmask.robustness.run_page import render_run_page

GATES = GateReport((GateResult("auc", 0.8, 0.7, "at least", "required", True, "auc <0.8>"),), True)
ATTACKS = RobustnessReport("test", 4, 0.9, ())
CODECS = CodecReport(
    "test",
    9,
    0.95,
    Estimate(0.9, 0.8, 1.0),
    (CodecRow("h264:23", Estimate(0.88, 0.8, 0.95), Estimate(0.02, -0.01, 0.05), 38.2, 1),),
)
PNG = b"\x89PNG\r\n\x1a\n"


class Outline(HTMLParser):
    """Headings, links, targets, and what the page would load."""

    def __init__(self, page):
        super().__init__()
        self.levels, self.links, self.ids, self.sources, self.open = [], [], [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if re.fullmatch("h[1-6]", tag):
            self.levels.append(int(tag[1]))
        self.links += [values["href"]] if "href" in values else []
        self.ids += [values["id"]] if "id" in values else []
        self.sources += [values["src"]] if "src" in values else []
        if tag not in {"meta", "img", "path", "line"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def page(tmp_path):
    for name in ("roc.png", "scores.png"):  # reliability.png is missing
        (tmp_path / name).write_bytes(PNG)
    title = "phase-1-demo-seed-7 <x>"
    return render_run_page(title, make_evaluation(), tmp_path, ATTACKS, CODECS, GATES)


def test_the_page_has_every_part_and_loads_nothing(page):
    outline = Outline(page)
    assert outline.open == []
    assert outline.levels[0] == 1
    assert outline.levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(outline.levels))
    assert outline.links == [f"#{name}" for name in outline.ids]
    assert outline.ids == ["scores", "curves", "gates", "attacks", "codecs"]
    assert len(outline.sources) == 2
    assert all(source.startswith("data:image/png;base64,") for source in outline.sources)
    assert not re.search(r"https?://", page)


def test_the_page_has_the_numbers_and_escapes_names(page):
    assert "<h1>phase-1-demo-seed-7 &lt;x&gt;</h1><p>Gates: passed.</p>" in page
    assert "<td>AUC</td><td>0.875</td><td>0.700–0.950</td>" in page
    assert "auc &lt;0.8&gt;" in page
    assert "<td>h264:23</td><td>0.880 (0.800–0.950)</td>" in page
    assert "<td>38.2</td><td>1</td>" in page


def test_a_shortage_of_clips_is_told_where_the_scores_are(tmp_path):
    evaluation = replace(make_evaluation(), shortage="2 clips < 20")
    page = render_run_page("run", evaluation, tmp_path, ATTACKS, CODECS, GATES)
    scores = page.partition('<section id="scores">')[2].partition("</section>")[0]
    assert "2 clips &lt; 20" in scores
    assert "<figure>" not in page
