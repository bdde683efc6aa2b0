import weakref
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from unmask.config import AttackSettings
from unmask.errors import ConfigError, DataError, SingleClassError
from unmask.evaluation.serialization import from_json, to_json
from unmask.models.scoring_bundle import not_trained
from unmask.robustness.adversarial_evaluation import evaluate_under_attack
from unmask.robustness.adversarial_report import RobustnessReport
from unmask.robustness.adversarial_scoring import Attack, score_under_attack
from unmask.robustness.evasion import evasion_rate
from unmask.robustness.robustness_page import render_page

SETTINGS = AttackSettings(epsilons=(0.0, 0.05), targets=("frames", "audio"), pgd_steps=3)
LABELS = [False, True] * 4


def test_rows_agree_with_scikit_learn_for_every_view(ensemble, clips, load, examples):
    settings = SETTINGS.replace(methods=("fgsm", "pgd"))
    report = evaluate_under_attack(ensemble, clips, load, settings)
    keys = [(row.view, row.method, row.target, row.epsilon) for row in report.rows]
    assert keys == [
        (view, method, target, epsilon)
        for view in ("white_box", "transfer", "final")
        for method in ("fgsm", "pgd")
        for target in ("frames", "audio")
        for epsilon in (0.0, 0.05)
    ]
    clean = score_under_attack(ensemble, examples, [Attack("frames", 0.0)], SETTINGS)
    attacked = score_under_attack(ensemble, examples, [Attack("audio", 0.05, "pgd")], settings)
    assert report.clean_auc == pytest.approx(roc_auc_score(LABELS, clean["white_box"][:, 0]))
    for row in report.rows:
        assert row.auc + row.drop == pytest.approx(roc_auc_score(LABELS, clean[row.view][:, 0]))
        assert row.epsilon or row.drop == 0
        if (row.method, row.target, row.epsilon) == ("pgd", "audio", 0.05):
            assert row.auc == pytest.approx(roc_auc_score(LABELS, attacked[row.view][:, 0]))
    assert report.protocol.startswith("PGD: 3 steps of 0.01 from the clean clip")


def test_the_threat_model_mentions_a_shared_frame_encoder(ensemble, make_detector, clips, load):
    separate = evaluate_under_attack(ensemble, clips, load, SETTINGS).threat_model.knows
    assert "the second, of which the attacker knows nothing" in separate
    first, second = make_detector(3), make_detector(4)
    second.frame = first.frame
    sharing = replace(ensemble, members=(first, second))
    shared = evaluate_under_attack(sharing, clips, load, SETTINGS).threat_model.knows
    assert "the second, which shares the first member's frame encoder" in shared


def test_a_single_detector_has_the_white_box_view_only(bundle, clips, load):
    report = evaluate_under_attack(bundle, clips, load, SETTINGS)
    assert {row.view for row in report.rows} == {"white_box"}
    assert report.clips == len(clips)
    assert report.protocol == ""


def test_a_sample_has_whole_pairs_and_the_gate_all_clips(ensemble, clips, load):
    pairs = [replace(clip, pair_id=str(n // 2)) for n, clip in enumerate(clips)]
    settings = AttackSettings(epsilons=(0.01, 0.05, 0.1), targets=("frames",), clips=3, frames=2)
    report = evaluate_under_attack(ensemble, pairs, load, settings)
    assert evaluate_under_attack(ensemble, pairs[::-1], load, settings).rows == report.rows
    full = evaluate_under_attack(ensemble, pairs, load, settings.replace(clips=0, frames=0))
    assert report.gate_drop == full.gate_drop
    assert report.clean_auc == full.clean_auc
    counts = {(row.view, row.epsilon): row.clips for row in report.rows}
    assert {counts.pop(("white_box", epsilon)) for epsilon in (0.01, 0.05)} == {len(pairs)}
    assert set(counts.values()) == {4}
    assert "2 contiguous frames" in report.protocol


def test_a_reported_gate_may_be_measured_on_some_clips(bundle, clips, load):
    pairs = [replace(clip, pair_id=str(n // 2)) for n, clip in enumerate(clips)]
    settings = AttackSettings(epsilons=(0.05,), targets=("frames",), frames=2, gate_clips=3)
    report = evaluate_under_attack(bundle, pairs, load, settings)
    (row,) = report.rows
    assert report.clips == row.clips == 4 < len(pairs)
    assert report.gate_drop == row.drop
    assert report.protocol.endswith(
        "the attacks of the gate use at least 3 clips in whole pairs and all frames"
    )


def test_a_limited_number_of_frames_is_taken_from_the_middle(bundle, clips, load, examples):
    report = evaluate_under_attack(
        bundle, clips, load, AttackSettings(epsilons=(0.0,), targets=("audio",), frames=1)
    )
    middle = []
    for example in examples:
        sample = example.samples[0]
        names = ("faces", "landmarks", "pose_deg", "times_s")
        part = {name: getattr(sample, name)[1:2] for name in names}
        middle.append(replace(example, samples=(replace(sample, **part),)))
    logits = score_under_attack(bundle, middle, [Attack("audio", 0.0)], SETTINGS)["white_box"][:, 0]
    assert report.rows[0].auc == pytest.approx(roc_auc_score(LABELS, logits))


def test_clips_that_cannot_be_read_are_left_out(bundle, clips, load):
    broken = replace(clips[0], clip_id="broken")
    report = evaluate_under_attack(
        bundle, [broken, *clips], load, AttackSettings(epsilons=(0.01,), targets=("audio",))
    )
    assert report.clips == len(clips)
    with pytest.raises(DataError, match="none of 1 clips of split 'test' can be attacked"):
        evaluate_under_attack(bundle, [broken], load, SETTINGS)


def test_clips_of_a_single_class_have_no_auc(bundle, clips, load):
    with pytest.raises(SingleClassError):
        evaluate_under_attack(
            bundle, clips[::2], load, AttackSettings(epsilons=(0.01,), targets=("frames",))
        )


@pytest.mark.parametrize("changes", [{"targets": ("lips",)}, {"methods": ("lips",)}])
def test_an_unknown_target_or_method_is_refused(changes):
    with pytest.raises(ConfigError, match="lips"):
        SETTINGS.replace(**changes)


def test_the_report_does_not_depend_on_the_order_of_clips(bundle, clips, load):
    settings = AttackSettings(epsilons=(0.05,), targets=("frames",))
    first = evaluate_under_attack(bundle, clips, load, settings)
    second = evaluate_under_attack(bundle, clips[::-1], load, settings)
    assert first.clean_auc == pytest.approx(second.clean_auc)
    assert np.isclose(first.rows[0].auc, second.rows[0].auc)


def test_clips_of_other_splits_are_not_attacked(bundle, clips, load):
    others = [replace(clip, clip_id=f"val-{clip.clip_id}", split="val") for clip in clips]
    settings = AttackSettings(epsilons=(0.01,), targets=("audio",))
    report = evaluate_under_attack(bundle, [*clips, *others], load, settings)
    assert (report.split, report.clips) == ("test", len(clips))
    assert evaluate_under_attack(bundle, others, load, settings, split="val").split == "val"


def test_evasion_counts_the_fakes_that_an_attack_hides_at_a_fixed_rate_of_false_alarms():
    genuine, fakes = np.linspace(-2, 0, 40), np.array([3.0, 2.0, 1.0, -1.0])
    clean = np.append(genuine, fakes)
    is_fake = np.arange(44) >= 40
    threshold = np.sort(genuine)[-3]  # two of forty genuine clips exceed it
    attacked = np.append(genuine + 9, [threshold + 0.01, threshold, -5.0, -5.0])
    assert evasion_rate(clean, attacked, is_fake) == pytest.approx(2 / 3)
    assert evasion_rate(clean, clean, is_fake) == 0


def test_no_fake_that_is_found_gives_no_evasion():
    clean = np.array([0.0, 1.0, -1.0, -2.0])
    is_fake = np.array([False, False, True, True])
    assert evasion_rate(clean, clean, is_fake) is None


def test_clips_that_no_attack_takes_are_not_loaded(bundle, clips, load):
    loaded = set()

    def note(clip):
        loaded.add(clip.clip_id)
        return load(clip)

    pairs = [replace(clip, pair_id=str(n // 2)) for n, clip in enumerate(clips)]
    settings = AttackSettings(epsilons=(0.1,), targets=("frames",), clips=3)
    report = evaluate_under_attack(bundle, pairs, note, settings)  # 0.1 is no attack of the gate
    assert len(loaded) == 4
    assert report.clips == report.rows[0].clips == 4


def test_the_attack_of_the_gate_keeps_no_more_than_two_clips_loaded(bundle, clips, load):
    faces, most = [], 0

    def note(clip):
        nonlocal most
        features = load(clip)
        faces.append(weakref.ref(features.people[0].faces))
        most = max(most, sum(ref() is not None for ref in faces))
        return features

    settings = AttackSettings(epsilons=(0.05,), targets=("frames",))
    assert evaluate_under_attack(bundle, clips, note, settings).clips == len(clips)
    assert most == 2


def test_silent_clips_have_no_sound_to_attack(bundle, clips, load):
    silent = [replace(clip, has_audio=False) for clip in clips]
    settings = AttackSettings(epsilons=(0.05,), targets=("frames", "audio", "both"))
    provenance = {**bundle.provenance, not_trained("audio"): "no training clip has sound"}
    bundle = replace(bundle, provenance=provenance)
    report = evaluate_under_attack(bundle, silent, load, settings)
    assert report.untrained == ("audio is not trained: no training clip has sound",)
    assert {row.target for row in report.rows} == {"frames"}
    reason = "no clip has sound"
    assert report.skipped == (
        f"audio attacks skipped: {reason}",
        f"attacks on both skipped: {reason}",
    )
    assert report.notes == report.skipped


def test_each_source_and_kind_has_the_rows_of_its_own_clips(ensemble, clips, load):
    mixed = [
        replace(
            clips[n % 2],
            clip_id=str(n),
            sha256=f"{n:064x}",
            pair_id=str(n // 2),
            source=("celebdf", "ffpp", "few")[0 if n < 10 else 1 if n < 20 else 2],
            manipulation="swap" if n % 2 else "none",
        )
        for n in range(24)
    ]
    settings = AttackSettings(epsilons=(0.05,), targets=("frames",))
    report = evaluate_under_attack(ensemble, mixed, load, settings)
    parts = {part.title: part for part in report.parts}
    sources = ("celebdf", "few", "ffpp")
    assert list(parts) == [
        *(f"source {name}" for name in sources),
        *(f"manipulation {name}/swap" for name in sources),
    ]
    alone = evaluate_under_attack(ensemble, mixed[10:20], load, settings)
    assert [row.drop for row in parts["source ffpp"].rows] == pytest.approx(
        [row.drop for row in alone.rows]
    )
    assert {row.clips for row in parts["source ffpp"].rows} == {10}
    assert parts["source few"].rows == ()
    reason = "too few clips, a row takes 5 of each"
    assert parts["source few"].not_measured == reason
    assert [part.title for part in alone.parts] == ["source ffpp", "manipulation swap"]
    key = "fgsm_drop_frames_0.05/source/ffpp"
    assert report.to_metrics()[key] == parts["source ffpp"].rows[0].drop
    assert from_json(RobustnessReport, to_json(report)) == report
    page = render_page(report)
    assert "<td>source celebdf</td><td>fgsm</td>" in page
    assert f"<td>source few (2 fake + 2 genuine): {reason}</td>" in page


def test_the_gated_attacks_of_a_part_use_all_its_clips(bundle, clips, load):
    mixed = [
        replace(
            clips[n % 2],
            clip_id=str(n),
            sha256=f"{n:064x}",
            pair_id=str(n // 2),
            source=("celebdf", "ffpp")[n // 10],
        )
        for n in range(20)
    ]
    settings = AttackSettings(epsilons=(0.05, 0.1), targets=("frames",), clips=4)
    report = evaluate_under_attack(bundle, mixed, load, settings)
    for part in report.parts:
        assert (part.fakes, part.reals, part.not_measured) == (5, 5, "")
        assert [(row.epsilon, row.clips) for row in part.rows] == [(0.05, 10)]
