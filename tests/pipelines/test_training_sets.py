"""Profile `full`, from published data sets in their own layout to a packaged bundle.

Phase 3 with the settings of this folder's tests; phase 1 with the project's own `params.yaml`,
smaller in networks, samples and attacks, and with limits that random weights can meet.
"""

import csv
import json
import shutil
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # a run of all steps each

ROOT = Path(__file__).resolve().parents[2]
FFPP_PAIRS = [("071", "054"), ("720", "672"), ("953", "974")]  # train, val, test
COLUMNS = ("source", "target1", "target2", "method", "category", "type", "race", "gender", "path")
SIZES = (
    *("model.frame_backbone=resnet10t", "model.frame_weights=random", "model.input_px=64"),
    *("model.frame_dim=32", "model.voice_weights=random", "model.voice_frozen_layers=1"),
    *("model.voice_dim=16", "sync.dim=16", "sync.epochs=1", "evaluation.resamples=50"),
    *("training.epochs=1", "training.frames=3", "training.audio_s=0.5", "training.batch_clips=4"),
    *("attacks.clips=2", "attacks.frames=2", "attacks.pgd_steps=2"),
    *("attacks.transmitted.clips=2", "attacks.transmitted.steps=1"),
)
LIMITS = {
    **{"auc": 0, "ece": 1, "transmitted_drop": 1, "codec_gap": 1, "cross_dataset_auc": 0},
    **{"baseline_drop": 1, "non_inferiority": 1},
}
SOURCES = (
    "gates.sources=[{source: ffpp, limit: 0}, {source: celebdf, limit: 0}, "
    "{source: dfdc, limit: 0}, {source: ffpp, metric: fpr95, limit: 1}]"
)


@pytest.fixture
def overrides(platforms):
    """Put the project's settings into the checkout; return the overrides of a small run."""
    from transformers import WavLMConfig

    speech = WavLMConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        conv_dim=(16,) * 7, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4,
    )  # fmt: skip
    speech.save_pretrained(platforms / "wavlm")
    params = platforms / "params.yaml"
    before = params.read_text()
    shutil.copy(ROOT / "params.yaml", params)
    limits = (f"gates.{name}.limit={limit}" for name, limit in LIMITS.items())
    yield (*SIZES, f"model.voice_backbone={platforms / 'wavlm'}", *limits, SOURCES)
    params.write_text(before)


@pytest.fixture(scope="module")
def write_films(make_video):
    """Write short films, no two of the same bytes."""
    written = 0

    def write(folder, names, *, audio):
        nonlocal written
        for name in names:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            written += 1
            size = 320 + 2 * (written % 16), 240 + 2 * (written // 16)
            make_video(path, size=size, audio=audio)
        return folder

    return write


@pytest.fixture(scope="module")
def faceforensics(platforms, write_films):
    """Originals and face swaps without sound; the authors' splits are part of unmask."""
    pairs = [pair for first, second in FFPP_PAIRS for pair in ((first, second), (second, first))]
    names = [f"original_sequences/youtube/c23/videos/{target}.mp4" for target, _ in pairs]
    names += [
        f"manipulated_sequences/Deepfakes/c23/videos/{target}_{donor}.mp4"
        for target, donor in pairs
    ]
    return write_films(platforms / "FaceForensics++", names, audio=False)


@pytest.fixture(scope="module")
def celebdf(platforms, write_films):
    """Recordings and face swaps without sound, and the authors' list of test videos."""
    tests = ["1 Celeb-real/id0_0000.mp4", "0 Celeb-synthesis/id0_id1_0000.mp4"]
    tests += ["1 YouTube-real/00000.mp4", "0 Celeb-synthesis/id2_id0_0001.mp4"]
    names = [line.split()[1] for line in tests] + ["Celeb-real/id3_0000.mp4"]
    folder = write_films(platforms / "Celeb-DF-v2", names, audio=False)
    (folder / "List_of_testing_videos.txt").write_text("\n".join(tests) + "\n")
    return folder


@pytest.fixture(scope="module")
def fakeavceleb(platforms, write_films):
    """Each of four people genuine, with a forged voice, and with face and voice forged."""
    rows = []
    for number in range(6):
        for kind, method in (
            ("RealVideo-RealAudio", "real"),
            ("RealVideo-FakeAudio", "rtvc"),
            ("FakeVideo-FakeAudio", "wav2lip"),
        ):
            name = f"0010{number}{'' if method == 'real' else f'_{method}'}.mp4"
            rows.append([f"id0000{number}", "-", "-", method, "A", kind, "African", "men", name])
    folder = platforms / "FakeAVCeleb"
    names = [f"{row[5]}/{row[6]}/{row[7]}/{row[0]}/{row[8]}" for row in rows]
    write_films(folder, names, audio=True)
    with (folder / "meta_data.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([(*COLUMNS, ""), *([*row, "FakeAVCeleb"] for row in rows)])
    return folder


@pytest.fixture(scope="module")
def lavdf(platforms, write_films):
    """Genuine clips and clips with 0.3 s of forged face and voice, in the authors' splits."""
    rows = []
    for number, split in enumerate(("train", "train", "dev", "test")):
        name = f"{split}/{number:06d}.mp4"
        real = {"file": name, "split": split, "original": None, "n_fakes": 0, "fake_periods": []}
        forged = {**real, "file": f"{split}/{number + 100:06d}.mp4", "original": name}
        forged |= {"n_fakes": 1, "fake_periods": [[0.4, 0.7]]}
        rows += [{**real, "modify_video": False, "modify_audio": False}]
        rows += [{**forged, "modify_video": True, "modify_audio": True}]
    folder = write_films(platforms / "LAV-DF", [row["file"] for row in rows], audio=True)
    (folder / "metadata.json").write_text(json.dumps(rows))
    return folder


def train(*data, phase=3, overrides=()):
    from zenml.client import Client

    from pipelines.__main__ import training
    from unmask.models.bundle import load_bundle

    training(phase=phase, profile="full", data=list(data), set_=list(overrides))
    run = Client().get_pipeline("training_pipeline").last_run
    statuses = {str(step.status) for step in run.steps.values()}
    assert statuses <= {"completed", "cached"}
    gates = run.steps["check_gates"].outputs["gates"][0].load()
    return gates, load_bundle, run


def test_silent_sets_end_in_a_packaged_detector_of_faces(faceforensics, celebdf, platforms):
    import mlflow

    from steps.platforms.run_summary import load

    gates, load_bundle, run = train(f"ffpp={faceforensics}:both", f"celebdf={celebdf}:test")
    champion = load_bundle(platforms / "outputs/champion")
    assert champion.settings.modalities == ("video",)
    assert set(champion.untrained) == {"audio", "lip_sync"}
    assert len(gates.notes) == 2
    assert load(platforms / "outputs/summary.json").bento
    evaluation = run.steps["evaluate_detector"].outputs["evaluation"][0].load()
    assert {name: auc.fakes for name, auc in evaluation.by_source.items()} == {
        "celebdf": 2,
        "ffpp": 2,
    }
    cross = evaluation.cross_dataset  # of ffpp there are training clips
    assert [(each.name, each.clips) for each in cross.datasets] == [("celebdf", 4)]
    assert gates.cross_dataset == cross
    rows = {row.name: row for row in gates.rows}
    assert rows["cross_dataset_auc"].value == pytest.approx(evaluation.by_source["celebdf"].value)
    assert rows["auc@dfdc"].verdict == "not measured"
    run_id = run.steps["train_detector"].outputs["mlflow_run"][0].load()
    logged = mlflow.MlflowClient().get_run(run_id)
    assert logged.data.metrics["auc_at_celebdf"] == pytest.approx(rows["auc@celebdf"].value)
    assert logged.data.tags["gate.auc_at_celebdf"].startswith("required: auc@celebdf ")
    codecs = run.steps["evaluate_codecs"].outputs["codecs"][0].load()
    assert codecs.skipped == ("opus:16",)
    robustness = run.steps["evaluate_robustness"].outputs["robustness"][0].load()
    assert {row.target for row in robustness.rows} == {"frames"}
    (row,) = robustness.transmitted.rows
    assert (row.attacker, row.clips, row.lost) == ("transfer", 2, 0)
    assert "transmitted_drop" in {gate.name for gate in gates.rows if gate.passed}


def test_sets_with_sound_end_in_a_packaged_detector_of_face_and_voice(
    fakeavceleb, lavdf, platforms
):
    _, load_bundle, _ = train(f"fakeavceleb={fakeavceleb}", f"lavdf={lavdf}")
    champion = load_bundle(platforms / "outputs/champion")
    assert champion.settings.modalities == ("video", "audio")
    assert set(champion.untrained) == {"lip_sync"}  # the mouths of these films do not move


def test_the_settings_of_phase_1_end_in_a_packaged_detector_of_faces(
    faceforensics, celebdf, overrides, platforms
):
    from steps.platforms.run_summary import load

    sets = f"ffpp={faceforensics}:both", f"celebdf={celebdf}:test"
    gates, load_bundle, run = train(*sets, phase=1, overrides=overrides)
    assert gates.passed
    champion = load_bundle(platforms / "outputs/champion")
    assert (champion.phase, champion.settings.modalities) == (1, ("video",))
    assert set(champion.untrained) == {"audio"}
    assert len(gates.notes) == 1
    assert load(platforms / "outputs/summary.json").bento
    rows = {row.name: row for row in gates.rows}
    assert rows["auc@dfdc"].verdict == "not measured"
    assert {"transmitted_drop", "codec_gap"} <= {gate.name for gate in gates.rows if gate.passed}
    robustness = run.steps["evaluate_robustness"].outputs["robustness"][0].load()
    attacked = {row.attacker: (row.clips, row.lost) for row in robustness.transmitted.rows}
    assert attacked == {"white_box": (2, 0), "noise": (2, 0)}
