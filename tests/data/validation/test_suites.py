"""Expectation suites of a manifest."""

from dataclasses import replace

import pytest

from tests.factories import make_clip
from unmask.data.validation.gx_runner import run_suites
from unmask.data.validation.shortcut_audit import Shortcut
from unmask.data.validation.suites import clip_suite, leak_suite, shortcut_suite, split_suite
from unmask.evaluation.intervals import Estimate
from unmask.records import FakeSpan


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    file = tmp_path_factory.mktemp("set") / "a.mp4"
    file.touch()
    return make_clip(path=file, fake_video=True, manipulation="swap")


def failures(suite):
    findings, _ = run_suites([suite])
    return {finding.expectation: finding.observed for finding in findings if not finding.passed}


def test_segment_may_end_a_tenth_of_a_second_after_its_clip(clip):
    ends = (2.0, 2.09, 2.2)  # of a clip of 2 s
    clips = [
        replace(
            clip, clip_id=f"c{n}", sha256=f"{n:064x}", fake_periods=(FakeSpan(1.0, e, "video"),)
        )
        for n, e in enumerate(ends)
    ]
    assert failures(clip_suite(clips)) == {
        "forged segments lie within their clip, in a forged modality": "1 of 3: c2 False"
    }


def test_empty_manifest_is_reported():
    assert failures(clip_suite([]))["the manifest lists at least one clip"] == "found 0"


def test_split_needs_both_classes(clip):
    clips = [
        replace(clip, split=split, is_fake=fake, fake_video=fake)
        for split, fake in [
            ("train", False),
            ("train", True),
            ("val", True),
            ("test", False),
            ("test", True),
        ]
    ]
    (observed,) = failures(split_suite(clips)).values()
    assert observed == "1 of 6: genuine in val 0"
    assert failures(split_suite(clips, ("test",))) == {}


def test_only_the_shared_value_leaks(clip):
    first = replace(clip, split="train")
    second = replace(first, split="val", identity="bob", pair_id="other")  # the same file
    assert list(failures(leak_suite([first, second]))) == ["no sha256 occurs in two splits"]
    assert failures(leak_suite([first, replace(second, split="train")])) == {}


def test_shortcut_is_an_auc_far_from_one_half_on_either_side():
    shortcuts = [
        Shortcut(name, Estimate(auc, auc - 0.05, auc + 0.05), 9)
        for name, auc in [("fps", 0.59), ("width", 0.61), ("bitrate", 0.39), ("loudness", 0.41)]
    ]
    (observed,) = failures(shortcut_suite(shortcuts, "required")).values()
    assert observed == "2 of 4: width 0.610, bitrate 0.390"
    assert failures(shortcut_suite([], "required")) == {}
