from collections import Counter
from dataclasses import replace

from unmask.evaluation.coverage import measure_coverage
from unmask.evaluation.generator_families import family_of


def test_each_fake_counts_once_in_its_kind(score_rows):
    verdicts = ["fake", "real", "inconclusive"]
    rows = [replace(row, verdict=verdicts[n % 3]) for n, row in enumerate(score_rows())]
    kinds = measure_coverage(rows)
    fakes = [row for row in rows if row.is_fake]
    assert {kind.manipulation: kind.clips for kind in kinds} == Counter(
        row.manipulation for row in fakes
    )
    assert sum(kind.misses for kind in kinds) == sum(row.verdict == "real" for row in fakes)
    withheld = sum(row.verdict == "inconclusive" for row in fakes)
    assert sum(kind.inconclusive for kind in kinds) == withheld
    for kind in kinds:
        own = [row for row in fakes if row.manipulation == kind.manipulation]
        assert kind.people == len({row.identity for row in own})
        assert {family_of(row) for row in own} == {kind.family}


def test_several_forgeries_in_one_clip_belong_to_the_first_known_family(score_rows):
    fake = next(row for row in score_rows() if row.is_fake)
    fake = replace(fake, fake_video=True, verdict="fake")
    names = ["odd+face-swap", "video+audio", "odd+odder"]
    kinds = measure_coverage([replace(fake, manipulation=name) for name in names])
    families = {kind.manipulation: kind.family for kind in kinds}
    assert families == dict(zip(names, ["face swap", "lip-sync", "other or unnamed"], strict=True))


def test_genuine_clips_are_no_kind(score_rows):
    assert measure_coverage([row for row in score_rows() if not row.is_fake]) == ()
