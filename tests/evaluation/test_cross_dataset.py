import json
import re
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console
from sklearn.metrics import roc_auc_score

from tests.toy_fixtures import make_score_row
from unmask.config import EvaluationSettings
from unmask.evaluation.cross_dataset import (
    CrossEvaluation,
    DatasetScores,
    ScoredFrames,
    ScoredVideo,
    evaluate_datasets,
)
from unmask.evaluation.cross_dataset_tables import console_tables, render_page
from unmask.evaluation.measurement import METRICS
from unmask.evaluation.metric_keys import to_metric_keys
from unmask.evaluation.serialization import from_json, to_json

SETTINGS = EvaluationSettings(resamples=50)


def make_video(number, rng, frames=4, **changes):
    row = replace(make_score_row(number, rng), **{"source": "Celeb"} | changes)
    probabilities = np.round(np.clip(rng.normal(0.4 + 0.2 * row.is_fake, 0.2, frames), 0, 1), 2)
    is_fake = np.full(frames, row.is_fake)
    return ScoredVideo(
        row, row.probability > 0.5, ScoredFrames(probabilities, probabilities > 0.6, is_fake)
    )


@pytest.fixture
def videos():
    """Forty clips; two kinds of fakes, two sources, two compression levels."""
    rng = np.random.default_rng(0)
    videos = [make_video(number, rng) for number in range(40)]
    for number, video in enumerate(videos):
        changes = {
            "source": "Celeb" if number < 24 else "DFD",
            "compression": ("c23", "c40")[number % 8 // 4],
        }
        videos[number] = replace(video, row=replace(video.row, **changes))
    return tuple(videos)


def evaluate(videos, problems=None, name="celebdf"):
    problems = problems or {}
    scores = DatasetScores(name, len(videos) + len(problems), tuple(videos), problems)
    return evaluate_datasets([scores], SETTINGS, seed=0, bundle="ab" * 32)


def video_auc(videos):
    return roc_auc_score([v.row.is_fake for v in videos], [v.row.logit for v in videos])


def frame_auc(videos):
    labels = np.concatenate([v.frames.is_fake for v in videos])
    return roc_auc_score(labels, np.concatenate([v.frames.probabilities for v in videos]))


def test_each_slice_has_the_auc_of_its_clips_and_of_their_frames(videos):
    expected = {("all", ""): videos}
    for source in ("Celeb", "DFD"):
        expected["source", source] = [v for v in videos if v.row.source == source]
    for source in ("Celeb", "DFD"):
        for kind in ("face_swap", "voice"):
            expected["manipulation", f"{source}/{kind}"] = [
                v
                for v in expected["source", source]
                if v.row.manipulation == kind or not v.row.is_fake
            ]
    for source in ("Celeb", "DFD"):
        for level in ("c23", "c40"):
            own = [v for v in expected["source", source] if v.row.compression == level]
            expected["compression", f"{source}/{level}"] = own
    (report,) = evaluate(videos).datasets
    assert [(part.kind, part.name) for part in report.slices] == list(expected)
    for part in report.slices:
        subset = expected[part.kind, part.name]
        assert part.video.count == len(subset)
        assert part.frame.count == 4 * len(subset)
        assert part.video.identities == len({v.row.identity for v in subset})
        assert part.video.metrics["auc"].value == pytest.approx(video_auc(subset))
        assert part.frame.metrics["auc"].value == pytest.approx(frame_auc(subset))


@pytest.mark.parametrize("seed", range(3))
def test_shuffled_labels_give_an_auc_of_one_half_within_its_interval(seed):
    """A detector that separates its clips perfectly knows nothing about shuffled labels."""
    rng = np.random.default_rng(seed)
    videos = [make_video(number, rng) for number in range(300)]
    rows = [video.row for video in videos]
    labels = rng.permutation([row.is_fake for row in rows])
    videos = [
        replace(
            video,
            row=replace(video.row, is_fake=bool(label), identity=f"p{number // 3}"),
            frames=replace(video.frames, is_fake=np.full(4, label)),
        )
        for number, (video, label) in enumerate(zip(videos, labels, strict=True))
    ]
    evaluation = evaluate_datasets([DatasetScores("a", 300, tuple(videos))], SETTINGS, seed)
    whole = evaluation.datasets[0].whole
    for measured in (whole.video, whole.frame):
        auc = measured.metrics["auc"]
        assert auc.value == pytest.approx(0.5, abs=0.09)
        assert auc.low < 0.5 < auc.high


def test_frames_of_one_clip_are_resampled_together(videos):
    """Twelve copies of each frame add no information, so the intervals stay the same."""
    copies = [
        replace(
            video,
            frames=ScoredFrames(
                *(
                    np.repeat(getattr(video.frames, name), 12)
                    for name in ("probabilities", "called_fake", "is_fake")
                )
            ),
        )
        for video in videos
    ]
    few, many = (evaluate(table).datasets[0].whole.frame.metrics for table in (videos, copies))
    for name in few:
        assert many[name].value == pytest.approx(few[name].value), name
        assert many[name].low == pytest.approx(few[name].low), name
        assert many[name].high == pytest.approx(few[name].high), name


def test_clips_without_a_compression_level_have_a_slice_of_their_own(videos):
    mixed = [
        replace(v, row=replace(v.row, compression="c23" * (n < 20))) for n, v in enumerate(videos)
    ]
    none = [replace(v, row=replace(v.row, compression="")) for v in videos]
    names = [part.name for part in evaluate(mixed).datasets[0].slices][-3:]
    assert names == ["DFD/voice", "Celeb/not stated", "Celeb/c23"]  # no clip of DFD has a level
    assert {part.kind for part in evaluate(none).datasets[0].slices} == {
        "all",
        "source",
        "manipulation",
    }


def test_a_slice_of_one_class_is_not_measured_and_says_why(videos):
    fakes = [replace(v, row=replace(v.row, source="fakes")) for v in videos if v.row.is_fake]
    others = [v for v in videos if not v.row.is_fake]
    (report,) = evaluate([*fakes, *others]).datasets
    part = next(part for part in report.slices if part.name == "fakes")
    assert (part.video.metrics, part.frame.metrics) == ({}, {})
    assert part.video.not_measured == "no genuine clips"
    assert part.frame.not_measured == "no genuine frames"
    assert report.whole.video.not_measured == ""


@pytest.mark.parametrize(("source", "genuine"), [("DFD", 8), ("a source of fakes alone", 20)])
def test_fakes_of_one_kind_are_compared_with_genuine_clips_of_their_own_source(
    videos, source, genuine
):
    """Of twenty genuine clips, eight are of the source DFD."""
    moved = [
        replace(v, row=replace(v.row, source=source)) if v.row.manipulation == "voice" else v
        for v in videos
    ]
    (report,) = evaluate(moved).datasets
    part = next(part for part in report.slices if part.name == f"{source}/voice")
    assert (part.video.fakes, part.video.reals) == (10, genuine)


def test_a_data_set_of_which_nothing_was_scored_is_not_measured():
    (report,) = evaluate([], {"a.mp4": "a.mp4: cannot be decoded"}).datasets
    assert [part.kind for part in report.slices] == ["all"]
    assert report.whole.video.not_measured == "no fake and no genuine clips"
    assert report.clips == 1


def test_the_report_survives_json(videos):
    evaluation = evaluate(videos, {"a": "no face in the clip"})
    evaluation = replace(evaluation, notes=("audio is not trained: no sound",))
    assert from_json(CrossEvaluation, to_json(evaluation)) == evaluation


def test_a_report_without_notes_is_read(videos):
    fields = json.loads(to_json(evaluate(videos)))
    del fields["notes"]
    assert from_json(CrossEvaluation, json.dumps(fields)).notes == ()


def test_the_page_has_the_notes(videos):
    page = render_page(replace(evaluate(videos), notes=("audio is not trained: <no sound>",)))
    assert "<p>audio is not trained: &lt;no sound&gt;</p>" in page


def test_metrics_have_the_name_of_the_data_set_behind_an_at_sign(videos):
    values = evaluate(videos, {"a": "no face in the clip"}).to_metrics()
    assert values["auc@celebdf"] == pytest.approx(video_auc(videos))
    assert values["frame_auc@celebdf"] == pytest.approx(frame_auc(videos))
    assert values["auc_low@celebdf"] <= values["auc@celebdf"] <= values["auc_high@celebdf"]
    assert (values["clips@celebdf"], values["unscored@celebdf"]) == (41, 1)
    assert values["frames@celebdf"] == 160
    own = [v for v in videos if v.row.source == "DFD"]
    kind = [v for v in own if v.row.manipulation == "voice" or not v.row.is_fake]
    assert values["auc@celebdf/manipulation/DFD/voice"] == pytest.approx(video_auc(kind))
    part = next(p for p in evaluate(videos).datasets[0].slices if p.name == "DFD/voice")
    for name in METRICS:
        for prefix, measured in (("", part.video), ("frame_", part.frame)):
            estimate = measured.metrics[name]
            place = "@celebdf/manipulation/DFD/voice"
            assert values[f"{prefix}{name}{place}"] == estimate.value
            assert values[f"{prefix}{name}_low{place}"] == estimate.low


def test_the_mean_over_the_sets_gives_each_the_same_weight(videos):
    parts = {"a": videos[:8], "b": videos[8:], "genuine": [v for v in videos if not v.row.is_fake]}
    scored = [DatasetScores(name, len(part), tuple(part)) for name, part in parts.items()]
    evaluation = evaluate_datasets(scored, EvaluationSettings(resamples=1000), seed=0)
    mean = (video_auc(parts["a"]) + video_auc(parts["b"])) / 2
    assert evaluation.mean_auc.value == pytest.approx(mean)
    assert evaluation.to_metrics()["cross_dataset_auc"] == evaluation.mean_auc.value
    assert evaluation.mean_auc.low is None  # the first eight clips are of one person


def test_the_interval_of_the_mean_is_that_of_sets_resampled_apart(videos):
    scored = [
        DatasetScores(name, 20, part) for name, part in (("a", videos[:24]), ("b", videos[16:]))
    ]
    evaluation = evaluate_datasets(scored, EvaluationSettings(resamples=2000), seed=0)
    rng, draws = np.random.default_rng(1), []
    for _ in range(1500):
        aucs = []
        for dataset in scored:
            people = sorted({v.row.identity for v in dataset.videos})
            drawn = rng.choice(people, len(people))
            aucs.append(
                video_auc([v for name in drawn for v in dataset.videos if v.row.identity == name])
            )
        draws.append(np.mean(aucs))
    low, high = np.quantile(draws, [0.025, 0.975])
    assert evaluation.mean_auc.low == pytest.approx(low, abs=0.02)
    assert evaluation.mean_auc.high == pytest.approx(high, abs=0.02)


def test_tracking_servers_get_keys_that_mlflow_accepts(videos):
    named = [replace(v, row=replace(v.row, source="Celeb-DF++ (v3)")) for v in videos]
    values = to_metric_keys(evaluate(named).to_metrics())
    for key in values:
        assert re.fullmatch(r"[\w./ -]+", key)  # the characters that MLflow names in its error
    assert values["auc_at_celebdf"] == pytest.approx(video_auc(videos))
    assert "auc_at_celebdf/source/Celeb-DF_v3_" in values


def test_tables_show_every_slice_at_both_levels(videos, render):
    evaluation = evaluate(videos, {"a": "no face"})
    clips, frames = (render(table) for table in console_tables(evaluation))
    assert "celebdf, video level" in clips
    assert "celebdf, frame level" in frames
    auc = evaluation.datasets[0].whole.video.metrics["auc"]
    assert f"{auc.value:.3f}" in clips
    assert f"({auc.low:.3f}–" in clips
    assert f"{auc.high:.3f})" in clips
    assert "…" not in clips + frames  # nothing is cut off
    for name in ("by source", "DFD", "by manipulation", "voice", "by compression", "c40"):
        assert name in clips
        assert name in frames
    assert "41 clips, 5 people; 1 not scored" in clips


def test_tables_print_names_as_they_are_and_the_reason_of_what_is_not_measured(render):
    rng = np.random.default_rng(0)
    fakes = [make_video(number, rng, source="[b]x[/b]") for number in range(2, 40, 4)]
    clips, frames = (render(table) for table in console_tables(evaluate(fakes)))
    assert "[b]x[/b]" in clips
    assert "(no genuine clips)" in clips
    assert "(no genuine frames)" in frames


def test_tables_fit_a_terminal_of_120_columns(videos):
    console = Console(width=120, force_terminal=False, record=True, quiet=True)
    for table in console_tables(evaluate(videos)):
        assert console.measure(table).maximum <= 120


def test_the_page_shows_the_same_numbers_and_escapes_names(videos):
    part = [replace(v, row=replace(v.row, source="<b>x</b>")) for v in videos]
    evaluation = evaluate(part, {"<i>.mp4": "no face & no sound"})
    page = render_page(evaluation)
    for name, estimate in evaluation.datasets[0].whole.frame.metrics.items():
        assert f'<td class="number">{estimate.format()}</td>' in page, name
    auc = evaluation.datasets[0].whole.video.metrics["auc"]
    assert f'd="M{auc.low:.4f} 6H{auc.high:.4f}"' in page
    assert "source &lt;b&gt;x&lt;/b&gt;" in page
    assert "&lt;i&gt;.mp4: no face &amp; no sound" in page
    assert "1 of 41 clips were not scored" in page
    assert "http" not in page


def test_the_page_says_what_was_not_measured():
    rng = np.random.default_rng(0)
    fakes = [make_video(number, rng) for number in range(2, 40, 4)]
    assert "not measured: no genuine clips" in render_page(evaluate(fakes))
