"""Coverage: what was tested, and what never."""

from dataclasses import asdict

from unmask.evaluation.coverage import TestedKind
from unmask.evaluation.coverage_summary import PEOPLE, summarise_coverage
from unmask.serving.report.coverage import Coverage


def kind(manipulation, family, clips=5, misses=1, inconclusive=2):
    return TestedKind(
        manipulation=manipulation,
        family=family,
        clips=clips,
        people=2,
        misses=misses,
        inconclusive=inconclusive,
    )


def test_kinds_are_joined_by_family_and_the_others_are_named():
    kinds = [kind("face-swap", "face swap"), kind("SimSwap", "face swap", clips=7)]
    coverage = summarise_coverage([*kinds, kind("odd", "other or unnamed")])
    first, other = coverage.tested
    assert (first.clips, first.misses, first.inconclusive) == (12, 2, 4)
    assert first.manipulations == ("face-swap", "SimSwap")
    assert other.family == "other or unnamed"
    assert coverage.untested[:2] == ("lip-sync", "talking head")
    assert "face swap" not in coverage.untested
    assert "other or unnamed" not in coverage.untested
    assert coverage.messages[-1] == PEOPLE
    assert "Never tested on fakes of the families lip-sync, talking head" in coverage.messages[-2]


def test_published_generators_without_a_clip_are_listed_once():
    coverage = summarise_coverage([kind("Sim-Swap", "face swap")])
    swaps = coverage.untested_generators["face swap"]
    assert "SimSwap" not in swaps
    assert "InSwapper" in swaps
    assert len({name.lower() for name in swaps}) == len(swaps)
    assert "Wav2Lip".lower() in {name.lower() for name in coverage.untested_generators["lip-sync"]}


def test_without_measured_kinds_nothing_is_claimed():
    assert summarise_coverage([]) is None


def test_a_report_holds_the_summary_as_it_is():
    coverage = summarise_coverage([kind("face-swap", "face swap")])
    assert Coverage.model_validate(asdict(coverage)).model_dump() == asdict(coverage)
