from dataclasses import replace

import pytest
from sklearn.metrics import roc_auc_score

from tests.factories import make_clip, make_evaluation
from unmask.config import (
    EvaluationSettings,
    Gate,
    GateSettings,
    PreprocessingSettings,
    SpeechSettings,
    TransmittedSettings,
)
from unmask.config.codec_conditions import parse_condition
from unmask.data.torch.evaluation_set import make_feature_loader
from unmask.evaluation.baseline_comparison import BaselineComparison
from unmask.evaluation.gates import check_gates
from unmask.models.bundle import save_bundle
from unmask.models.inference import decisive_score, score_samples
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.prepare import to_model_inputs
from unmask.robustness.transmitted_evaluation import evaluate_transmitted
from unmask.robustness.transmitted_video import Upload, transmit

EVALUATION = EvaluationSettings(resamples=20)
PREPROCESSING = PreprocessingSettings(speech=SpeechSettings(method="energy"))
SETTINGS = TransmittedSettings(enabled=True, attackers=("white_box",), steps=2, jobs=1)


@pytest.fixture(scope="module")
def uploads(tmp_path_factory, make_video):
    """Genuine and fake faces, one of them silent, a fake voice, and a recording of a voice."""
    folder = tmp_path_factory.mktemp("uploads")
    rows = []
    for name, video, audio in (
        ("genuine", False, False),
        ("silent", False, False),
        ("face", True, False),
        ("voice", False, True),
        ("audio-only", None, True),
    ):
        options = {"times": []} if name == "audio-only" else {}
        size = (320 - 2 * len(rows), 240)
        path = folder / f"{name}.mp4"
        make_video(path, seconds=0.4, size=size, audio=name != "silent", **options)
        labels = {"fake_video": video, "fake_audio": audio, "is_fake": bool(video or audio)}
        rows.append(make_clip(clip_id=name, path=path, identity=name[0], **labels))
    return tuple(rows)


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    return make_feature_loader(PREPROCESSING, Cache(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def scorer(bundle):
    return replace(bundle, preprocessing=PREPROCESSING)


@pytest.fixture(scope="module")
def report(scorer, uploads, load):
    return evaluate_transmitted(scorer, uploads, load, SETTINGS, EVALUATION)


def test_the_baseline_is_the_score_of_the_encoded_files(report, scorer, uploads, tmp_path):
    (row,) = report.rows
    assert (row.attacker, row.crf, row.clips, row.fakes, row.lost) == ("white_box", 23, 3, 1, 0)
    logits = []
    for clip in uploads[:3]:
        arrival = transmit(
            Upload(clip, parse_condition("h264:23"), tmp_path / "u.mp4"), PREPROCESSING
        )
        samples = to_model_inputs(arrival.features)
        logits.append(decisive_score(score_samples(scorer, samples)).logit)
    assert row.encoded_auc.value == roc_auc_score([False, False, True], logits)
    assert row.drop.value == row.encoded_auc.value - row.auc.value
    assert row.encoding_drop.value == row.original_auc.value - row.encoded_auc.value


def test_clips_without_a_face_and_fakes_of_the_voice_are_left_out_in_words(report):
    notes = ". ".join(report.notes)
    assert "1 test clips were left out, as they show no face" in notes
    assert "1 fakes were not attacked, as their face is genuine" in notes
    assert "by at most 8 of 255 grey levels" in report.attacker


def test_a_second_run_gives_the_same_report(report, scorer, uploads, load):
    assert evaluate_transmitted(scorer, uploads[::-1], load, SETTINGS, EVALUATION) == report


def test_transfer_scores_without_the_network_of_the_attacker(ensemble, uploads, load, tmp_path):
    settings = SETTINGS.replace(attackers=("transfer",))

    def evaluate(members, **changes):
        bundle = replace(ensemble, members=members, preprocessing=PREPROCESSING)
        given = settings.replace(**changes)
        return evaluate_transmitted(bundle, uploads, load, given, EVALUATION)

    first, second, last = ensemble.members
    save_bundle(tmp_path / "own", replace(ensemble, members=(last,)))
    known = evaluate((first, second), surrogate=str(tmp_path / "own"))
    assert evaluate(ensemble.members).rows == known.rows
    alone = evaluate((first,))
    assert alone.rows == ()
    assert "transfer was not measured" in ". ".join(alone.notes)


def test_clips_that_show_nothing_to_attack_are_no_missed_gate(scorer, uploads, load):
    report = evaluate_transmitted(scorer, uploads[3:], load, SETTINGS, EVALUATION)
    gates = GateSettings(transmitted_drop=Gate(limit=0.05))
    checked = check_gates(
        gates, make_evaluation(auc=0.95), 0.0, BaselineComparison(), None, report.to_gate()
    )
    (row,) = [row for row in checked.rows if row.name == "transmitted_drop"]
    assert (row.value, row.level) == (None, "reported")
    assert "lack genuine faces or fake ones" in row.message


def test_only_the_clips_to_encode_are_loaded(scorer, uploads, load):
    loaded = set()

    def note(clip):
        loaded.add(clip.clip_id)
        return load(clip)

    pairs = [replace(clip, pair_id="pair") for clip in uploads[1:3]]
    others = [replace(uploads[0], clip_id=f"other-{n}", pair_id=f"other-{n}") for n in range(4)]
    settings = SETTINGS.replace(attackers=("noise",), clips=2)
    report = evaluate_transmitted(scorer, [*others, *pairs], note, settings, EVALUATION)
    assert report.rows[0].clips == 2
    assert loaded == {"silent", "face"}
