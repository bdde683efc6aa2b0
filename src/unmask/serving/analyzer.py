"""One video in, one report out: the door that the command line and the service use."""

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Self

import torch

from unmask.config import FlowSettings, PreprocessingSettings
from unmask.errors import BundleError, MediaError
from unmask.explainability.evidence import EvidenceItem, render_evidence
from unmask.explainability.top_moments import TopMoments
from unmask.models.batchnorm_folding import fold_batch_norms
from unmask.models.bundle import Bundle, load_bundle
from unmask.models.detector import Detector
from unmask.models.ensemble.shared_encoders import shares_parameters
from unmask.models.inference import score_samples
from unmask.preprocessing.faces.detection import get_landmarker
from unmask.preprocessing.prepare import iter_windows, to_model_inputs
from unmask.preprocessing.timing import StageTimer
from unmask.records import MediaInfo
from unmask.serving.aggregation.media_quality import MediaStatistics
from unmask.serving.aggregation.scores import ScoreAggregator
from unmask.serving.memory import release_free_memory
from unmask.serving.report.schema import Report, Timing
from unmask.serving.report_builder import AnalysisResult, build_report
from unmask.serving.stage_hooks import attach_timer, use_timer

CHAMPION = Path("outputs/champion")
VARIABLE = "UNMASK_BUNDLE"
WINDOW_S = 30.0
STAGES = (
    *("decode", "faces", "align", "lips", "flow", "speech"),
    *("frame_model", "voice_model", "sync_model", "evidence"),
)


class Analyzer:
    """A loaded bundle; several threads may ask it at once.

    Args:
        bundle: Its detectors are rearranged for speed, and no longer to be trained or saved.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        _optimise_for_inference(bundle.members)
        get_landmarker(bundle.preprocessing.faces)  # kept, so that no video waits for it
        for member in bundle.members:
            attach_timer(member.frame, "frame_model")
            for half in ("begin", "finish"):
                attach_timer(member.voice, "voice_model", half)
        if bundle.sync is not None:
            for tower in ("lips", "speech"):
                attach_timer(bundle.sync, "sync_model", tower)

    @classmethod
    def load(cls, folder: Path | None = None) -> Self:
        """Load a bundle: ``folder``, else ``UNMASK_BUNDLE``, else the champion.

        Raises:
            BundleError: There is none, or it is damaged.
        """
        chosen = folder or Path(os.environ.get(VARIABLE) or CHAMPION)
        if chosen == CHAMPION and not chosen.exists():
            raise BundleError(f"{chosen}: no champion yet; run make train, or give --bundle")
        return cls(load_bundle(chosen))

    @property
    def preprocessing(self) -> PreprocessingSettings:
        """The bundle's input spec, without what its models do not look at."""
        spec = self.bundle.preprocessing
        flow = FlowSettings(enabled=self.bundle.settings.flow)
        lips = replace(spec.lips, enabled=self.bundle.sync is not None)
        return replace(spec, flow=flow, lips=lips)

    def analyze(
        self,
        path: Path,
        shown_as: str | None = None,
        watch: StageTimer | None = None,
        evidence_dir: Path | None = None,
        part_s: tuple[float, float] = (0.0, math.inf),
    ) -> Report:
        """Watch and hear a video, and say what was found.

        A long video is taken in windows of ``WINDOW_S``, so that memory does not grow with it.

        Args:
            shown_as: Name of the file in the report and in errors, in place of ``path``.
            watch: Counts the seconds of each stage; give one to look on during the work.
            evidence_dir: Where pictures go of what the detector saw; without one there are none.
            part_s: Begin and end of what is looked at and listened to.

        Raises:
            MediaError: ``path`` cannot be read as video or sound.
        """
        begin, watch = perf_counter(), watch or StageTimer()
        suspects = None if evidence_dir is None else TopMoments()
        exhibits: tuple[EvidenceItem, ...] = ()
        with _rename_in_errors(path, shown_as):
            with use_timer(watch):
                facts, tally, info = self._score_windows(path, part_s, suspects, watch)
            if info is None:
                raise MediaError(f"{path}: holds nothing to look at; use another file")
            if suspects is not None and evidence_dir is not None:
                with watch.measure("evidence"):
                    exhibits = render_evidence(self.bundle, path, suspects, evidence_dir)
        shown = replace(info, path=Path(shown_as or path))
        timing = _timing(watch, perf_counter() - begin)
        return build_report(self.bundle, shown, AnalysisResult(facts, tally, exhibits), timing)

    def _score_windows(
        self,
        path: Path,
        part_s: tuple[float, float],
        suspects: TopMoments | None,
        watch: StageTimer,
    ) -> tuple[MediaStatistics, ScoreAggregator, MediaInfo | None]:
        """Score window after window, and forget each before the next is made."""
        facts, tally, info = MediaStatistics(), ScoreAggregator(self.bundle.calibration), None
        passes = self.bundle.uncertainty.passes
        for window in iter_windows(path, self.preprocessing, WINDOW_S, watch, part_s):
            info = window.info
            facts.add(window)
            scores = score_samples(self.bundle, to_model_inputs(window), passes=passes)
            tally.add(window, scores)
            if suspects is not None:
                suspects.add(window, scores)
            del window, scores  # before the next ones are made, so that two are never held
            release_free_memory()
        return facts, tally, info


@contextmanager
def _rename_in_errors(path: Path, shown_as: str | None) -> Iterator[None]:
    """Let errors name the file as the sender knows it, not where it lies for the moment."""
    try:
        yield
    except MediaError as error:
        if shown_as is None:
            raise
        raise MediaError(str(error).replace(str(path), shown_as)) from error


def _optimise_for_inference(members: Sequence[Detector]) -> None:
    first, *others = members
    for member in others:
        if shares_parameters(first.frame, member.frame):
            member.frame = first.frame
        else:
            _fold(member)
    _fold(first)


def _fold(detector: Detector) -> None:
    settings, frame = detector.settings, detector.frame
    shape = (2, 5 if settings.flow else 3, settings.input_px, settings.input_px)
    example = torch.linspace(-2, 2, math.prod(shape)).view(shape)
    frame.backbone = fold_batch_norms(frame.backbone, example.to(next(frame.parameters()).device))


def _timing(watch: StageTimer, total_s: float) -> Timing:
    seconds = {stage: watch.seconds.get(stage, 0.0) for stage in STAGES}
    rest = max(total_s - sum(seconds.values()), 0.0)
    return Timing(**seconds, rest=rest, total=total_s)
