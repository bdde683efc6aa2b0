from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.evaluation.test_file_facts import random_facts
from unmask.config import EvaluationSettings
from unmask.data.datasets import df40
from unmask.evaluation.family_rows import ALTERED_PICTURE
from unmask.evaluation.generator_families import OTHER, PUBLISHED, family_of
from unmask.evaluation.held_out import HeldOutClip, tabulate_held_out, to_metrics
from unmask.evaluation.held_out_markdown import held_out_page
from unmask.evaluation.serialization import from_json, to_json
from unmask.records import ScoreRow

KINDS = ("none", "none", "none", "faceswap", "lipsync", "reenactment", "synthesis", "audio")
SETTINGS = EvaluationSettings(resamples=200)


def make_held_out(count=320, shift=1.5, seed=0):
    rng = np.random.default_rng(seed)
    facts = random_facts(count, seed)
    return tuple(_clip(number, facts[number], shift, rng) for number in range(count))


def _clip(number, facts, shift, rng):
    kind = KINDS[rng.integers(len(KINDS))]
    is_fake = kind != "none"
    logit = float(rng.normal(shift * is_fake, 1))
    source = int(rng.integers(20))
    row = ScoreRow(
        clip_id=f"clip-{number}",
        identity=f"person-{source}-{rng.integers(4)}",
        split="test",
        manipulation=kind,
        is_fake=is_fake,
        logit=logit,
        probability=float(1 / (1 + np.exp(-logit))),
        video_probability=float(rng.random()) if number % 5 else None,
        audio_probability=None if kind in ("faceswap", "none") else float(rng.random()),
        fake_video=is_fake and kind != "audio",
        fake_audio=kind == "audio",
        source=f"source-{source}",
    )
    return HeldOutClip(row, source // 4, "", logit > 0.5, facts, called_real=logit < -0.5)


@pytest.fixture(scope="module")
def clips():
    return make_held_out()


@pytest.fixture(scope="module")
def table(clips):
    return tabulate_held_out(clips, {"lost": "no face"}, SETTINGS, 0)


@pytest.mark.parametrize(
    ("family", "kinds"),
    [
        (ALTERED_PICTURE, {"faceswap", "lipsync", "reenactment", "synthesis"}),
        ("face swap", {"faceswap"}),
        ("lip-sync", {"lipsync"}),
        ("talking head", {"reenactment", "synthesis"}),
        ("voice", {"audio"}),
    ],
)
def test_each_family_is_compared_with_all_genuine_clips(table, clips, family, kinds):
    row = next(row for row in table.families if (row.family, row.score) == (family, "clip"))
    compared = [c for c in clips if c.row.manipulation in kinds | {"none"}]
    labels = [c.row.is_fake for c in compared]
    assert row.auc.value == pytest.approx(roc_auc_score(labels, [c.row.logit for c in compared]))
    assert (row.fakes, row.reals) == (sum(labels), len(labels) - sum(labels))
    fakes = [c.row for c in compared if c.row.is_fake]
    assert row.people == len({fake.identity for fake in fakes})
    assert row.sources == len({fake.source for fake in fakes})


def test_the_score_of_the_face_leaves_out_clips_without_it(table, clips):
    row = next(row for row in table.families if (row.family, row.score) == ("face swap", "face"))
    scored = [
        c.row
        for c in clips
        if c.row.manipulation in ("faceswap", "none") and c.row.video_probability is not None
    ]
    expected = roc_auc_score([c.is_fake for c in scored], [c.video_probability for c in scored])
    assert row.auc.value == pytest.approx(expected)
    assert row.fakes + row.reals == len(scored) < 0.9 * len(clips)


def test_a_score_that_no_genuine_clip_has_gives_no_row(table):
    assert {row.score for row in table.families} == {"clip", "face"}


def test_intervals_hold_the_value_and_differ_between_people_and_sources(table):
    for row in table.families:
        for estimate in (row.auc.by_person, row.auc.by_source):
            assert estimate.low <= row.auc.value <= estimate.high
        assert row.auc.by_person != row.auc.by_source


def test_facts_drawn_independently_of_the_label_explain_nothing(table):
    row = table.families[0]
    assert row.facts_auc.by_source.low <= 0.5 <= row.facts_auc.by_source.high
    # so the score is as good at equal facts
    assert row.equal_facts_auc.value == pytest.approx(row.auc.value, abs=0.05)
    assert row.matched_fakes <= row.fakes
    assert 0.5 <= row.unequal_fact_auc < 0.6


def test_a_fact_that_gives_the_label_away_is_named(clips):
    marked = [
        replace(c, facts=replace(c.facts, fps=30.0 if c.row.is_fake else 25.0)) for c in clips
    ]
    row = tabulate_held_out(marked, {}, SETTINGS, 0).families[0]
    assert row.facts_auc.value > 0.99
    assert max(row.single_facts_auc, key=row.single_facts_auc.get) == "frame rate"
    assert row.single_facts_auc["sample rate"] < 0.7


def test_sources_count_what_was_called_fake(table, clips):
    assert [row.source for row in table.sources] == sorted({c.row.source for c in clips})
    for row in table.sources:
        own = [c for c in clips if c.row.source == row.source]
        reals = [c for c in own if not c.row.is_fake]
        assert row.reals == len(reals)
        assert row.reals_called_fake == sum(c.row.logit > 0.5 for c in reals)
        assert row.fakes == len(own) - len(reals)
        assert row.fold == own[0].fold
        assert row.verdicts == sum(abs(c.row.logit) > 0.5 for c in own)
    metrics = to_metrics(table)
    decided = np.mean([abs(c.row.logit) > 0.5 for c in clips])
    assert metrics["verdict_share"] == pytest.approx(decided)
    reals = [c for c in clips if not c.row.is_fake]
    assert metrics["called_fake_share"] == pytest.approx(np.mean([c.called_fake for c in reals]))
    assert metrics["auc_of_talking_head"] == table.families[6].auc.value


def test_the_table_survives_json_and_is_written_in_full(table):
    assert from_json(type(table), to_json(table)) == table
    page = held_out_page(table, "Leave one source out", ["Note."])
    assert page.startswith("# Leave one source out\n\nNote.")
    for row in table.families:
        assert f"| {row.family} | {row.score} | {row.fakes} + {row.reals} |" in page
        assert row.auc.by_source.format_interval() in page
    for source in table.sources:
        assert f"| {source.source} |" in page
    assert "1 tested clip has no score" in page


def test_no_published_name_has_two_families():
    families = {}
    for record in PUBLISHED:
        for family, names in record.families.items():
            for name in names:
                families.setdefault(name.lower(), set()).add(family)
    assert {name: own for name, own in families.items() if len(own) > 1} == {}
    assert all(record.source for record in PUBLISHED)


@pytest.mark.parametrize("name", [*df40.METHODS, *df40.OWN_DOMAIN])
def test_every_method_of_df40_has_a_family(clips, name):
    row = replace(clips[0].row, is_fake=True, fake_video=True, manipulation=name)
    assert family_of(row) in {"face swap", "lip-sync", "talking head"}


@pytest.mark.parametrize(
    ("changes", "family"),
    [
        ({"manipulation": "Face-Swap"}, "face swap"),
        ({"manipulation": "lip_sync"}, "lip-sync"),
        ({"manipulation": "lip-desync"}, "lip-sync"),
        ({"manipulation": "lipsync", "fake_video": False}, "voice"),
        ({"manipulation": "face-swap+voice-convert"}, OTHER),
        ({"manipulation": "unknown"}, OTHER),
        ({"manipulation": "deepfake"}, OTHER),
        ({"manipulation": "audio-driven"}, OTHER),
        ({"manipulation": "Face2Face"}, "talking head"),
        ({"manipulation": "FaceSwap-Celeb-DF"}, "face swap"),
        ({"manipulation": "FaceReenact-TPSMM"}, "talking head"),
        ({"manipulation": "fsgan-wav2lip"}, "face swap"),
        ({"manipulation": "e4s"}, "face swap"),
        ({"manipulation": "e4e"}, "edited face"),
        ({"manipulation": "StyleGAN2"}, "synthesised face"),
        ({"manipulation": "latentsync"}, "lip-sync"),
        ({"manipulation": "video+audio"}, "lip-sync"),
    ],
)
def test_families_follow_words_and_labels(clips, changes, family):
    row = replace(clips[0].row, is_fake=True, **{"fake_video": True, **changes})
    assert family_of(row) == family
