import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from tests.factories import make_clip
from unmask.data.validation.validate import validate
from unmask.errors import DataError
from unmask.records import FakeSpan


def valid_clip(path, number, is_fake, split):
    return make_clip(
        clip_id=f"c{number}",
        path=path,
        sha256=f"{number:064x}",
        identity=f"p{number // 2}",
        split=split,
        fake_video=is_fake,
        manipulation="swap" if is_fake else "none",
        pair_id=f"f{number // 2}",
        duration_s=0.4,
        height=48,
    )


@pytest.fixture(scope="module")
def clips(make_video, tmp_path_factory):
    """Six people with a genuine clip and a fake each; two people per split."""
    file = make_video(tmp_path_factory.mktemp("set") / "a.mp4", size=(64, 48), seconds=0.4)
    splits = np.repeat(["train", "val", "test"], 4).tolist()
    return [valid_clip(file, n, n % 2 == 1, split) for n, split in enumerate(splits)]


def modify(clips, changes):
    """The clips with other values in some rows, given by index."""
    return [replace(clip, **changes.get(index, {})) for index, clip in enumerate(clips)]


def test_valid_manifest_passes_and_every_expectation_is_listed(clips, tmp_path):
    report = validate(clips, tmp_path / "new" / "report")
    assert report.passed
    assert (report.failures, report.remarks) == ((), ())
    report.raise_if_failed()
    assert {finding.suite for finding in report.findings} == {
        "clips",
        "splits",
        "leaks",
        "known_people",
        "shortcuts",
    }
    assert len(report.findings) > 25


def test_every_invalid_value_is_reported_with_its_row(clips, tmp_path):
    faults = {
        0: {"identity": ""},
        1: {"duration_s": 0.1},
        3: {"fps": 1000.0},
        5: {"manipulation": "none"},
        7: {"fake_periods": (FakeSpan(0.1, 0.9, "video"),)},
        9: {"fake_periods": (FakeSpan(0.1, 0.2, "audio"),)},
    }
    report = validate(modify(clips, faults), tmp_path, "reported")
    assert set(report.failures) == {
        "clips: failed: identity is never empty (1 of 12: c0)",
        "clips: failed: every clip lasts longer than 0.1 s (1 of 12: c1 0.100)",
        "clips: failed: fps lies between 0 and 240 (1 of 12: c3 1000.000)",
        "clips: failed: the manipulation is none for genuine clips and only for them "
        "(1 of 12: c5 False)",
        "clips: failed: forged segments lie within their clip, in a forged modality "
        "(2 of 12: c7 False, c9 False)",
    }
    assert not report.passed
    with pytest.raises(DataError, match="validation failed") as caught:
        report.raise_if_failed()
    assert all(failure in str(caught.value) for failure in report.failures)


def test_duplicate_ids_and_hashes_are_reported(clips, tmp_path):
    faults = {3: {"clip_id": "c2", "sha256": f"{2:064x}"}}
    report = validate(modify(clips, faults), tmp_path, "reported")
    assert report.failures == (
        "clips: failed: no clip_id occurs twice (2 of 12: c2, c2)",
        f"clips: failed: no sha256 occurs twice (2 of 12: c2 {2:064x}, c2 {2:064x})",
    )


def test_data_leakage_between_splits_is_reported_and_fails(clips, tmp_path):
    faults = {1: {"identity": "p4"}, 2: {"pair_id": "f4"}, 3: {"sha256": f"{8:064x}"}}
    report = validate(modify(clips, faults), tmp_path, "reported")
    leaks = [failure for failure in report.failures if failure.startswith("leaks")]
    assert not report.passed
    assert [failure.split("(")[0] for failure in leaks] == [
        "leaks: failed: no identity occurs in two splits ",
        "leaks: failed: no pair_id occurs in two splits ",
        "leaks: failed: no sha256 occurs in two splits ",
    ]
    assert ": p4 2)" in leaks[0]
    assert ": f4 2)" in leaks[1]
    assert f": {8:064x} 2)" in leaks[2]


def test_report_pages_are_self_contained(clips, tmp_path):
    report = validate(clips, tmp_path)
    summary = report.page.read_text()
    links = set(re.findall(r'href="(\w+\.html)"', summary))
    names = ("clips", "splits", "leaks", "known_people", "shortcuts")
    assert links == {f"{name}.html" for name in names}
    for name in links | {"index.html"}:
        page = (tmp_path / name).read_text()
        assert not re.search(r"(src|href)=\"?(https?:)?//", page)
        assert "url(" not in page
        assert "<script" not in page
    assert "every clip lasts longer than 0.1 s" in text_of(tmp_path / "clips.html")
    assert "12 clips: passed" in text_of(report.page)


def text_of(page):
    class TextParser(HTMLParser):
        text = ""

        def handle_data(self, data):
            self.text += data + " "

    parser = TextParser()
    parser.feed(page.read_text())
    return " ".join(parser.text.split())


def test_text_from_the_manifest_is_escaped_in_the_pages(clips, tmp_path):
    hostile = "<img src=x onerror=alert(1)>"
    report = validate(modify(clips, {3: {"clip_id": hostile, "duration_s": 0.01}}), tmp_path)
    for page in tmp_path.glob("*.html"):
        assert hostile not in page.read_text(), page
    assert hostile in text_of(report.page)


def test_missing_file_is_reported_and_no_shortcut_is_measured(clips, tmp_path):
    gone = modify(clips, {3: {"path": tmp_path / "gone.mp4"}})
    report = validate(gone, tmp_path)
    assert report.failures == ("clips: failed: the file of every clip exists (1 of 12: c3 False)",)
    assert report.shortcuts == ()


def test_split_without_fakes_is_reported(clips, tmp_path):
    report = validate([c for c in clips if not (c.is_fake and c.split == "val")], tmp_path)
    assert "splits: failed: every split has genuine and fake clips (1 of 6: fake in val 0)" in (
        report.failures
    )


@pytest.mark.parametrize(("level", "passed"), [("required", False), ("reported", True)])
def test_shortcut_fails_only_at_the_required_level(clips, tmp_path, level, passed):
    longer = [replace(c, duration_s=0.5) if c.is_fake else c for c in clips]
    report = validate(longer, tmp_path, level)
    message = (
        "shortcuts: failed: each nuisance feature alone has an AUC of 0.40 to 0.60 "
        "(2 of 2: duration_s 1.000, bitrate 0.000)"
    )
    assert report.passed == passed
    assert (report.remarks if passed else report.failures) == (message,)


def test_unknown_level_is_rejected(clips, tmp_path):
    with pytest.raises(DataError, match="required or reported"):
        validate(clips, tmp_path, "sometimes")
