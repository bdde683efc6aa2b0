"""Serving, which prepares window by window, decides a clip like the scoring of labelled clips.

A clip of two minutes with stationary faces and sound is scored both ways by a bundle whose
encoders are replaced by stand-ins, so that its scores are known; and one of noise by a detector
with all its parts, by every way in which a clip is scored.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.factories import NO_FOOTAGE, make_clip, make_model_settings
from unmask.config import PreprocessingSettings, SamplingSettings
from unmask.models.bundle import Bundle
from unmask.models.calibration.platt import Calibration, SegmentThresholds
from unmask.models.calibration.segments import bin_audio_steps
from unmask.models.clip_decision import MIN_FRAMES, VerdictBasis, decide_verdict
from unmask.models.detector import Detector
from unmask.models.evidence_lines import evidence_lines
from unmask.models.inference import decisive_score, scored_moments
from unmask.models.lipsync.network import SyncNet
from unmask.models.lipsync.windows import REACH_TICKS
from unmask.models.window_scores import score_windows
from unmask.preprocessing.clip_windows import WINDOW_S, with_model_inputs
from unmask.records import (
    ClipFeatures,
    FaceTrack,
    MediaInfo,
    MouthCrops,
    PersonFeatures,
    Waveform,
)
from unmask.robustness.clip_score import score_clip
from unmask.serving.aggregation.media_quality import MediaStatistics
from unmask.serving.analyzer import STAGES
from unmask.serving.report.schema import Timing
from unmask.serving.report_builder import AnalysisResult, build_report
from unmask.training.flagged_segments import has_flagged_segment, peak_segment_scores
from unmask.training.score_clips import score_clip_people, to_score_row
from unmask.training.score_frames import score_videos

DURATION_S = 120.0
SPEECH_S = np.array([[2.0, 40.0], [50.0, 85.0]])  # no speech at all in the last window
RATE_HZ, TICK_HZ, TICK_SAMPLES = 16_000, 25, 640
PERIOD = 150  # ticks after which mouths and sound repeat
TOLERANCE = 1e-5


class MeanBrightness(nn.Module):
    """Stand-in for the frame encoder: the mean pixel as the first feature."""

    backbone_frozen = False

    def forward(self, frames, flow):
        return F.pad(frames.mean((1, 2, 3))[:, None], (0, 15))


class Unchanged(nn.Module):
    """Stand-in for the temporal encoder: no frame depends on its neighbours."""

    def forward(self, x, mask, times=None):
        return x * mask[..., None]


class SpeechMask(nn.Module):
    """Stand-in for the voice encoder: features of zero wherever there is speech."""

    def forward_frozen(self, waveform, sample_mask, speech_mask):
        share = F.avg_pool1d(speech_mask.float()[:, None], 400, 320)[:, 0]
        return share.new_zeros(*share.shape, 8), share >= 0.5

    def forward_tuned(self, activations):
        return activations


class TickLookup(SyncNet):
    """Stand-in for the lip-sync network: mouths and sound state their tick, which is looked up."""

    def __init__(self):
        super().__init__(dim=64)
        table = torch.randn(PERIOD, 64, generator=torch.Generator().manual_seed(0))
        self.register_buffer("table", F.normalize(table, dim=1))

    def embed_mouths(self, mouths):
        return self._lookup(mouths[:, :, 0, 0].long())

    def embed_audio(self, waveform):
        ticks = waveform.shape[1] // TICK_SAMPLES
        values = waveform[:, : ticks * TICK_SAMPLES : TICK_SAMPLES]
        return self._lookup((values * 256).round().long())

    def _lookup(self, ticks):
        return self.table[ticks[:, REACH_TICKS:-REACH_TICKS]]


def make_bundle(voice_logit, sync=True):
    settings = make_model_settings()
    members = []
    for bias in (-3.5, -3.3):  # logit of a face: 10 · brightness + bias
        member = Detector(settings).eval()
        member.frame, member.temporal, member.voice = MeanBrightness(), Unchanged(), SpeechMask()
        for head, weight, offset in (
            (member.frame_head, 10.0, bias),
            (member.step_head, 0.0, voice_logit),
        ):
            head.weight.data.fill_(weight)
            head.bias.data.fill_(offset)
        members.append(member)
    calibration = Calibration(
        1.3,
        0.3,
        0.55,
        0.3,
        bias=0.2,
        alone=Calibration(1.1, 0.4, 0.8, bias=-0.1),
        alarms=SegmentThresholds(0.5, 0.5, 0.5),
    )
    spec = PreprocessingSettings(sampling=SamplingSettings(rate_hz=1.0))
    return Bundle(tuple(members), spec, calibration, 3, "full", sync=TickLookup() if sync else None)


INFO = MediaInfo(Path("a.mp4"), "0" * 64, 1, DURATION_S, 25.0, 320, 240, 0, "h264", "aac")


def make_person(number, brightness, seen_s, delay_ticks, span_s):
    """A person in one window; `delay_ticks`: how late the sound comes, None without mouth crops."""
    first, last = (min(max(time_s, span_s[0]), span_s[1]) for time_s in seen_s)
    times_s = np.arange(np.ceil(first), last)
    if not len(times_s):
        return None
    count = len(times_s)
    track = FaceTrack(
        number,
        times_s,
        np.tile(np.float32([0, 0, 100, 100]), (count, 1)),
        np.zeros((count, 68, 2), np.float32),
        np.zeros((count, 3), np.float32),
    )
    faces = np.broadcast_to(np.uint8(brightness), (count, 224, 224, 3))
    lips = None
    if delay_ticks is not None:
        ticks = np.arange(round(first * TICK_HZ), round(last * TICK_HZ))
        values = ((ticks + delay_ticks) % PERIOD).astype(np.uint8)
        mouths = np.broadcast_to(values[:, None, None], (len(ticks), 12, 12))
        clock_s = ticks / TICK_HZ - span_s[0]
        lips = MouthCrops(mouths, clock_s, np.zeros(len(ticks), np.float32), float(TICK_HZ))
    return PersonFeatures(track, faces, None, np.zeros((count, 68, 2), np.float32), lips)


def make_features(people, start_s, end_s):
    ticks = np.arange(round(start_s * TICK_HZ), round(end_s * TICK_HZ)) % PERIOD
    samples = np.repeat(ticks / 256, TICK_SAMPLES).astype(np.float32)
    speech = np.clip(SPEECH_S, start_s, end_s) - start_s
    made = [make_person(*person, (start_s, end_s)) for person in people]
    present = tuple(person for person in made if person is not None)
    frames = round(end_s - start_s)
    kept = speech[speech[:, 1] > speech[:, 0]]
    return ClipFeatures(INFO, start_s, end_s, frames, present, Waveform(samples), kept)


def score_as_in_training(bundle, people):
    clip = make_clip(path=INFO.path, duration_s=DURATION_S)
    (scored,) = score_clip_people(bundle, [clip], lambda _: make_features(people, 0.0, DURATION_S))
    row = to_score_row(scored, bundle)
    in_effect = bundle.calibration.for_clip(row.sync_probability)
    moments = scored_moments(decisive_score(scored.scores))
    basis = VerdictBasis(row.probability, moments, has_flagged_segment(bundle, scored))
    return row, decide_verdict(basis, in_effect), peak_segment_scores(bundle, scored)


def score_as_in_serving(bundle, people):
    starts_s = np.arange(0.0, DURATION_S, WINDOW_S)
    windows = [make_features(people, start_s, start_s + WINDOW_S) for start_s in starts_s]
    aggregator = score_windows(bundle, with_model_inputs(windows))
    timing = Timing(**dict.fromkeys((*STAGES, "rest", "total"), 0.0))
    report = build_report(
        bundle, INFO, AnalysisResult(MediaStatistics(), aggregator, NO_FOOTAGE), timing
    )
    peaks = {}
    for line in evidence_lines(bundle, aggregator.evidence(), aggregator.sound.scores()):
        if len(line.probabilities):
            peaks[line.kind] = max(peaks.get(line.kind, 0.0), line.peak())
    return report, peaks


# number, brightness, seen from and to in seconds, delay of the sound in ticks
GENUINE = (0, 50, (0.0, 120.0), 0)
FAKE_LIPS = (1, 100, (20.0, 80.0), 5)
GLIMPSE = (2, 200, (100.0, 104.0), None)
SILENT_FAKE = (3, 160, (86.0, 120.0), 0)

CASES = {
    "several people, the decisive one out of sync": (
        (GENUINE, FAKE_LIPS, GLIMPSE), -20.0, True, 1, "fake",
    ),
    "only a genuine person": ((GENUINE,), -20.0, True, 0, "real"),
    "only a genuine person and a flagged glimpse": (
        (GENUINE, GLIMPSE), -20.0, True, 0, "inconclusive",
    ),
    "decisive person seen during silence": ((GENUINE, SILENT_FAKE), -20.0, True, 3, "fake"),
    "without a lip-sync network": (
        (GENUINE, FAKE_LIPS, GLIMPSE), -20.0, False, 1, "inconclusive",
    ),
    "nobody seen": ((), 1.0, True, None, "inconclusive"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_windows_and_whole_clip_give_the_same_decision(case):
    people, voice_logit, sync, person, expected_verdict = CASES[case]
    bundle = make_bundle(voice_logit, sync)
    row, decision, peaks = score_as_in_training(bundle, people)
    report, serving_peaks = score_as_in_serving(bundle, people)
    assert (decision.verdict, decision.reason) == (report.verdict, report.reason)
    assert report.verdict == expected_verdict
    assert report.fake_probability == pytest.approx(row.probability, abs=TOLERANCE)
    for modality, probability in (
        (report.modalities.video, row.video_probability),
        (report.modalities.audio, row.audio_probability),
        (report.modalities.lip_sync, row.sync_probability),
    ):
        if modality is None or probability is None:
            assert modality is probability is None
        else:
            assert modality == pytest.approx(probability, abs=TOLERANCE)
    assert serving_peaks == pytest.approx(peaks, abs=TOLERANCE)
    if person is not None:
        candidates = [item for item in report.people if item.frames >= MIN_FRAMES]
        decisive = max(candidates, key=lambda item: item.fake_probability)
        assert decisive.id == person
        odds = [item.fake_probability / (1 - item.fake_probability) for item in candidates]
        assert report.fake_probability == pytest.approx(np.mean(odds) / (1 + np.mean(odds)))


def test_both_agree_with_the_score_computed_by_hand():
    bundle = make_bundle(-20.0)
    row, _, _ = score_as_in_training(bundle, (GENUINE, FAKE_LIPS, GLIMPSE))
    desync = 1 - 0.5 ** ((0.2 / 0.1) ** 2)  # 200 ms, where 100 ms count half
    odds = []
    for brightness, sync in ((100, desync), (50, 0.0)):  # the glimpse is too short
        logits = 10 * brightness / 255 + np.array([-3.5, -3.3])
        fused = 0.7 * (1 / (1 + np.exp(-logits))).mean() + 0.3 * sync
        odds.append(np.exp(np.log(fused / (1 - fused)) / 1.3 + 0.2))
    log_odds = np.log(np.mean(odds))
    assert row.sync_probability == pytest.approx(desync, abs=1e-4)
    assert row.logit == pytest.approx(log_odds, abs=1e-4)


def test_flagged_segments_are_those_of_the_people_above_the_threshold():
    report, _ = score_as_in_serving(make_bundle(-20.0), (GENUINE, FAKE_LIPS, GLIMPSE))
    flagged = {(segment.modality, segment.person) for segment in report.segments}
    assert flagged == {("video", 1), ("lip_sync", 1), ("video", 2)}
    (face,) = (s for s in report.segments if (s.modality, s.person) == ("video", 1))
    assert (face.start_s, face.end_s) == (19.5, 79.5)  # frames at 1 Hz


def test_people_who_change_places_do_not_change_the_decision():
    bundle = make_bundle(-20.0)
    swapped = ((0, *FAKE_LIPS[1:]), (1, *GENUINE[1:]))
    first, _ = score_as_in_serving(bundle, (GENUINE, FAKE_LIPS))
    second, _ = score_as_in_serving(bundle, swapped)
    assert first.fake_probability == second.fake_probability


def noisy_features(start_s, end_s, mouths):
    """Faces at 2 frames a second, but for some, and sound that nothing else has."""
    times_s = np.arange(round(start_s * 2), round(end_s * 2)) / 2
    times_s = times_s[(times_s < 50) | (times_s >= 53)]
    blocks = np.stack(
        [
            np.random.default_rng(round(time_s * 2)).integers(0, 128, (5, 14, 14), dtype=np.uint8)
            for time_s in times_s
        ]
    )
    pixels = blocks.repeat(16, axis=2).repeat(16, axis=3)
    faces = np.ascontiguousarray(np.moveaxis(pixels[:, :3], 1, 3))
    flow = pixels[:, 3:].astype(np.int8) - 64
    count = len(times_s)
    track = FaceTrack(
        *(4, times_s, np.zeros((count, 4), np.float32)),
        *(np.zeros((count, 68, 2), np.float32), np.zeros((count, 3), np.float32)),
    )
    ticks = np.arange(round(start_s * TICK_HZ), round(end_s * TICK_HZ))
    lips = MouthCrops(
        mouths[ticks], ticks / TICK_HZ - start_s, np.zeros(len(ticks), np.float32), float(TICK_HZ)
    )
    person = PersonFeatures(track, faces, flow, np.zeros((count, 68, 2), np.float32), lips)
    seconds = range(round(start_s), round(end_s))
    waveform = [np.random.default_rng(1000 + s).normal(0, 0.1, RATE_HZ) for s in seconds]
    speech = np.clip(SPEECH_S, start_s, end_s) - start_s
    return ClipFeatures(
        *(INFO, start_s, end_s, round(2 * (end_s - start_s)), (person,)),
        Waveform(np.concatenate(waveform).astype(np.float32)),
        speech[speech[:, 1] > speech[:, 0]],
    )


def test_all_ways_to_score_a_clip_of_two_minutes_agree_to_the_last_digits():
    options = {"fusion": "attention", "temporal": "transformer", "flow": True, "auxiliary": True}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        members = tuple(Detector(make_model_settings(**options)).eval() for _ in range(2))
        for member in members:
            torch.nn.init.normal_(member.head[-1].weight)
            for block in member.temporal.blocks:
                torch.nn.init.normal_(block.widen.weight)
        sync = SyncNet().eval()
        sync.mapping.copy_(torch.tensor([2.0, 1.0, 1.0, 0.0]))
    bundle = replace(make_bundle(0.0), members=members, sync=sync)
    mouths = np.random.default_rng(9).integers(0, 256, (3000, 12, 12), dtype=np.uint8)
    whole = noisy_features(0.0, DURATION_S, mouths)
    clip = make_clip(path=INFO.path, duration_s=DURATION_S, is_fake=True, fake_video=True)
    served = score_windows(
        bundle,
        with_model_inputs(
            noisy_features(start_s, start_s + WINDOW_S, mouths)
            for start_s in np.arange(0.0, DURATION_S, WINDOW_S)
        ),
    )
    track = served.decisive_track()
    (scored,) = score_clip_people(bundle, [clip], lambda _: whole)
    (video,), _ = score_videos(bundle, [clip], lambda _: whole)
    logit, close = track.logit(bundle.calibration), {"rel": 1e-12, "abs": 1e-12}
    row = to_score_row(scored, bundle)
    assert row.logit == pytest.approx(logit, **close)
    assert score_clip(bundle, whole) == pytest.approx(logit, **close)
    assert replace(video.row, verdict=row.verdict) == row  # a video has no verdict
    assert row.video_probability == pytest.approx(track.modality_probability, **close)
    assert row.audio_probability == pytest.approx(served.sound.modality_probability, **close)
    assert row.sync_probability == pytest.approx(track.sync.probability.value, **close)
    np.testing.assert_allclose(scored.scores[0].frame_probabilities, track.probabilities, 1e-12)
    starts_s, means = bin_audio_steps(scored.scores[0].step_probabilities)
    np.testing.assert_allclose(starts_s, served.sound.times_s)
    np.testing.assert_allclose(means, served.sound.probabilities, 1e-12)
    assert np.std(track.probabilities) > 1e-3
    assert row.sync_probability is not None
