from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from unmask.errors import DataError
from unmask.evaluation.metrics import roc_auc
from unmask.models.lipsync.energy_baseline import lip_energy_score
from unmask.models.lipsync.scoring import NOT_SCORED, SyncScore, sync_score
from unmask.training.lipsync.evaluation import evaluate_lipsync


@pytest.fixture(scope="module")
def report(net, held_out):
    return evaluate_lipsync("net", partial(sync_score, net), held_out, seed=0, resamples=50)


def test_the_score_grows_with_the_delay_of_the_sound(report):
    assert [row.shift_ms for row in report.shifts] == [0, 80, 200, 400]
    means = [row.mean_score for row in report.shifts]
    assert means[0] < means[1] < means[2] < means[3]
    assert means[0] < 0.3
    assert means[3] > 0.8


def test_the_offset_is_found_within_80_ms_on_most_clips(report):
    assert all(row.found_share > 0.8 for row in report.shifts)
    assert [row.scored for row in report.shifts] == [8, 16, 16, 16]


def test_unseen_kinds_of_fakes_are_distinguished_from_genuine_clips(report):
    aucs = {row.kind: row.auc.value for row in report.kinds}
    assert set(aucs) == {"made: shifted 200 ms or more", "made: dubbed", "voice-swap"}
    assert min(aucs.values()) > 0.85


def test_the_auc_of_a_kind_compares_its_fakes_with_all_genuine_clips(report, net, held_out):
    scores = np.array(
        [
            sync_score(net, clip.lips, clip.sample.waveform, clip.sample.is_speech).probability
            for clip in held_out
        ]
    )
    is_fake = np.array([clip.clip.is_fake for clip in held_out])
    (row,) = [row for row in report.kinds if row.kind == "voice-swap"]
    assert row.fakes == 8
    assert row.auc.value == pytest.approx(roc_auc(scores, is_fake))
    assert row.auc.low <= row.auc.value <= row.auc.high


def test_each_source_has_an_auc_or_its_counts(held_out, net):
    fakes = [clip for clip in held_out if clip.clip.is_fake]
    lost = {fakes[0].clip.clip_id}
    clips = [
        replace(c, clip=replace(c.clip, source="few" if c.clip.clip_id in lost else "web"))
        for c in held_out
    ]
    score = partial(sync_score, net)
    few, web = evaluate_lipsync("net", score, clips, seed=0, resamples=10).sources
    assert (few.fakes, few.reals, few.auc) == (1, 0, None)
    assert few.not_measured == "no genuine clips"
    scores = [
        score(c.lips, c.sample.waveform, c.sample.is_speech).probability
        for c in clips
        if c.clip.source == "web"
    ]
    is_fake = [clip.clip.is_fake for clip in clips if clip.clip.source == "web"]
    assert web.auc.value == pytest.approx(roc_auc(np.array(scores), np.array(is_fake)))


def test_a_kind_is_compared_with_the_genuine_clips_of_its_source(held_out):
    """Every clip of source ``b`` scores above every clip of ``a``, genuine ones included."""
    values, clips = {}, []
    for number, clip in enumerate(held_out):
        source = "ab"[number % 2]
        clips.append(replace(clip, clip=replace(clip.clip, source=source)))
        base = 0.5 * (source == "b") + 0.01 * (number % 3)
        values[clip.sample.waveform.tobytes()] = base + 0.1 * clip.clip.is_fake

    def score(lips, waveform, is_speech):
        value = values.get(waveform.tobytes(), 0.9)
        return SyncScore(value, 0.0, 0.9, np.zeros(1), np.zeros(1), np.zeros(1))

    report = evaluate_lipsync("two sources", score, clips, seed=0, resamples=10)
    rows = [(row.kind, row.fakes, row.genuine, row.auc.value) for row in report.kinds[2:]]
    assert rows == [("a/voice-swap", 4, 4, 1.0), ("b/voice-swap", 4, 4, 1.0)]
    assert [row.genuine for row in report.kinds[:2]] == [8, 8]


def test_clips_without_a_score_are_counted_and_left_out(held_out):
    """A scorer that refuses fakes and finds genuine clips in sync."""
    waveforms = {clip.sample.waveform.tobytes() for clip in held_out if clip.clip.is_fake}

    def score(lips, waveform, is_speech):
        if waveform.tobytes() in waveforms:
            return NOT_SCORED
        return SyncScore(0.1, 0.0, 0.9, np.zeros(1), np.zeros(1), np.zeros(1))

    report = evaluate_lipsync("partial", score, held_out, seed=0, resamples=10)
    assert (report.genuine, report.unscored) == (8, 8)
    assert [row.found_share for row in report.shifts] == [1.0, 1.0, 0.0, 0.0]
    assert [row.kind for row in report.kinds] == ["made: shifted 200 ms or more", "made: dubbed"]


def test_without_a_scored_genuine_clip_nothing_is_measured(held_out):
    with pytest.raises(DataError, match="none of 8 genuine"):
        evaluate_lipsync("none", lambda *_: NOT_SCORED, held_out, seed=0)


def test_the_lip_energy_baseline_is_evaluated_in_the_same_way(held_out):
    report = evaluate_lipsync("lip energy", lip_energy_score, held_out, seed=0, resamples=20)
    assert report.genuine == 8
    assert [row.scored for row in report.shifts] == [8, 16, 16, 16]
