import shutil
from pathlib import Path

import pytest

from tests.factories import make_clip

ROOT = Path(__file__).parents[3]


@pytest.fixture
def run(tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from unmask.cli.app import app

    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    chosen = ["preprocessing.speech.method=energy", "sync.epochs=1", "sync.dim=16"]
    sets = [
        argument
        for override in [*chosen, "evaluation.resamples=10"]
        for argument in ("--set", override)
    ]

    def run(*arguments):
        return CliRunner().invoke(app, [*map(str, arguments), "--profile", "demo", *sets])

    return run


@pytest.fixture
def talks(tmp_path):
    """A manifest of three people who talk for a few seconds each."""
    from unmask.data.demo.benchmark_clip import write_benchmark_clip
    from unmask.data.manifest import write_manifest
    from unmask.files import file_sha256

    clips = []
    for number in range(3):
        path = tmp_path / f"{number}.mp4"
        write_benchmark_clip(path, 2.6, (256, 256), seed=number)
        facts = {"path": path, "sha256": file_sha256(path), "identity": str(number)}
        split = "val" if number == 2 else "train"
        clips.append(make_clip(clip_id=str(number), split=split, duration_s=2.6, **facts))
    return write_manifest(clips, tmp_path)


@pytest.mark.slow
def test_a_net_is_trained_and_held_against_the_plain_signal(run, talks, tmp_path):
    from unmask.evaluation.serialization import load
    from unmask.training.lipsync.evaluation import SyncComparison

    result = run("train", "lipsync", talks, "--out", tmp_path / "runs")
    assert result.exit_code == 0, result.exception
    (weights,) = (tmp_path / "runs").glob("*/sync.safetensors")
    assert str(weights) in result.output.replace("\n", "")
    numbers = tmp_path / "numbers.json"
    result = run("eval", "lipsync", talks, weights, "--split", "train", "--json", numbers)
    assert result.exit_code == 0, result.exception
    comparison = load(SyncComparison, numbers)
    assert [report.scorer for report in comparison.reports] == ["net", "lip energy"]
    assert all(report.genuine == 2 for report in comparison.reports)
    assert "±400 ms" in result.output
    assert "made: dubbed" in result.output


def test_clips_without_a_face_teach_nothing(run, make_video, tmp_path):
    media = tmp_path / "clips"
    media.mkdir()
    make_video(media / "a.mp4", face=False)
    (media / "manifest.csv").write_text(
        "clip_id,path,sha256,source,identity,split,is_fake,fake_video,fake_audio,manipulation,"
        "pair_id,duration_s,fps,width,height,has_audio,licence,fake_periods\n"
        f"a,a.mp4,{'0' * 64},toy,a,train,false,false,false,none,a,1,25,320,240,true,,[]\n"
    )
    result = run("train", "lipsync", media, "--out", tmp_path / "runs")
    assert "0 genuine training clip(s)" in str(result.exception)
