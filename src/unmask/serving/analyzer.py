"""Analyzer: analyzes one video and returns a report; used by the command line and the service."""

import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any, Self

from unmask.config import FlowSettings, PreprocessingSettings, to_dict
from unmask.engine.options import EngineOptions
from unmask.errors import MediaError, MissingExtraError
from unmask.explainability.evidence_item import EvidenceItem
from unmask.explainability.top_moments import TopMoments
from unmask.models.aggregation import ScoreAggregator
from unmask.models.graphs.loading import load_for_scoring
from unmask.models.scoring_bundle import ScoringBundle
from unmask.models.window_scores import score_windows
from unmask.preprocessing import clip_windows
from unmask.preprocessing.faces.detection import get_landmarker
from unmask.preprocessing.footage import FootageStatistics
from unmask.preprocessing.material.picture_facts import measure_picture
from unmask.preprocessing.media.missing_pictures import missing_picture_s
from unmask.preprocessing.prepare import iter_windows
from unmask.preprocessing.timing import StageTimer
from unmask.records import ClipFeatures, MediaInfo
from unmask.serving.aggregation.media_quality import MediaStatistics
from unmask.serving.custody.record import CustodyRecorder, hash_bundle
from unmask.serving.evidence_renderer import EvidenceRenderer
from unmask.serving.memory import release_free_memory
from unmask.serving.profiling import STAGES, attach_timer, use_timer
from unmask.serving.provenance.reader import check_trust_file, read_provenance
from unmask.serving.released import find_detector
from unmask.serving.report.schema import Report, Timing
from unmask.serving.report_builder import AnalysisResult, build_report

BUNDLE_VARIABLE = "UNMASK_BUNDLE"
WINDOW_S = clip_windows.WINDOW_S


class Analyzer:
    """A loaded bundle ready to analyze videos; thread-safe.

    Args:
        bundle: Its networks are optimised for inference in place, and must not be trained or
            saved afterwards.
        bundle_files: Hash of each file of the bundle, for the chain of custody.
    """

    def __init__(
        self, bundle: ScoringBundle, bundle_files: Mapping[str, str] | None = None
    ) -> None:
        self.bundle = bundle
        self._bundle_files = dict(bundle_files or {})
        self._evidence = EvidenceRenderer(bundle)
        bundle.optimise()
        get_landmarker(bundle.preprocessing.faces)  # cached, so that no video waits for it
        for call in bundle.network_calls():
            attach_timer(call)

    @classmethod
    def load(cls, folder: Path | None = None) -> Self:
        """Load a bundle: ``folder``, else ``UNMASK_BUNDLE``, or that of :func:`find_detector`.

        Raises:
            BundleError: The folder has no bundle, or the bundle is damaged.
            WeightsError: The released bundle's backbone was not fetched and cannot be.
            ConfigError: As for :func:`load_for_scoring`, or the file that
                ``UNMASK_C2PA_TRUST_FILE`` names cannot be read.
            MissingExtraError, EngineError: As for :func:`load_for_scoring`.
        """
        check_trust_file()
        named = folder or os.environ.get(BUNDLE_VARIABLE)
        chosen = Path(named) if named else find_detector()
        return cls(load_for_scoring(chosen), hash_bundle(chosen))

    @property
    def preprocessing(self) -> PreprocessingSettings:
        """The bundle's preprocessing settings, without flow if its networks do not use it.

        Mouths are cropped for every detector: a report says who speaks.
        """
        spec = self.bundle.preprocessing
        flow = FlowSettings(enabled=self.bundle.settings.flow)
        lips = spec.lips.replace(enabled=True)
        return spec.replace(flow=flow, lips=lips)

    def prepare_evidence(self) -> None:
        """Load what evidence takes, which otherwise the first analysis with evidence does.

        Raises:
            BundleError: A file is damaged.
            WeightsError: Weights that the bundle leaves out cannot be had.
            MissingExtraError: torch, or another package that only evidence needs, is missing.
        """
        self._evidence.load()

    def analyze(
        self,
        path: Path,
        shown_as: str | None = None,
        timer: StageTimer | None = None,
        evidence_dir: Path | None = None,
        time_range_s: tuple[float, float] = (0.0, math.inf),
    ) -> Report:
        """Analyze a video.

        A long video is processed in windows of ``WINDOW_S``, so memory does not grow with its
        length.

        Args:
            shown_as: Name of the file in the report and in errors, in place of ``path``.
            timer: Counts the seconds of each stage and can be read while the analysis runs.
            evidence_dir: Folder for evidence images; no evidence is drawn without one. Without
                torch none is drawn either, and a note in the report says so.
            time_range_s: Start and end of what is analyzed.

        Raises:
            MediaError: ``path`` cannot be read as video or audio, ends before the time range, or
                was changed meanwhile.
        """
        start, timer = perf_counter(), timer or StageTimer()
        moments = None if evidence_dir is None else TopMoments()
        evidence: tuple[EvidenceItem, ...] = ()
        missing = ""
        with _rename_in_errors(path, shown_as):
            recorder = CustodyRecorder.start(path)
            with use_timer(timer):
                media, scores, footage = self._score_windows(path, time_range_s, moments, timer)
            info, facts = footage.info, footage.facts()
            if info is None:
                raise MediaError(f"{path}: has no frames and no sound; use another file")
            if time_range_s[0] and time_range_s[0] >= info.duration_s:
                raise MediaError(f"{path}: {_nothing_in(time_range_s)}")
            media.missing_picture_s = self._missing_picture_s(info, media, time_range_s)
            with timer.measure("decode"):
                media.picture = measure_picture(info, time_range_s[0])
            judges = self.bundle.judges(facts)
            if moments is not None and evidence_dir is not None and judges:
                with timer.measure("evidence"):
                    evidence, missing = self._render(path, moments, evidence_dir)
            provenance = read_provenance(path, evidence_dir)
            custody = recorder.finish(self._settings(), self._bundle_files, time_range_s)
        renamed = replace(info, path=Path(shown_as or path))
        timing = _timing(timer, perf_counter() - start)
        result = AnalysisResult(media, scores, facts, evidence, time_range_s, missing)
        report = build_report(self.bundle, renamed, result, timing)
        return report.model_copy(update={"provenance": provenance, "custody": custody})

    def _settings(self) -> dict[str, Any]:
        """Return what decides a result besides file and bundle, for the chain of custody."""
        return {
            "preprocessing": to_dict(self.preprocessing),
            "uncertainty": to_dict(self.bundle.uncertainty),
            "engine": EngineOptions.from_environment().engine,
        }

    def _render(
        self, path: Path, moments: TopMoments, folder: Path
    ) -> tuple[tuple[EvidenceItem, ...], str]:
        """Return the evidence, and a note if the packages that draw it are not installed."""
        try:
            return self._evidence.render(path, moments, folder), ""
        except MissingExtraError as error:
            return (), str(error)

    def _missing_picture_s(
        self, info: MediaInfo, media: MediaStatistics, time_range_s: tuple[float, float]
    ) -> float:
        if info.video_index is None:
            return 0.0
        rate_hz = self.preprocessing.sampling.rate_hz
        counted = media.frames_sampled, rate_hz
        return missing_picture_s(info.path, info.video_index, time_range_s, *counted)

    def _score_windows(
        self,
        path: Path,
        time_range_s: tuple[float, float],
        moments: TopMoments | None,
        timer: StageTimer,
    ) -> tuple[MediaStatistics, ScoreAggregator, FootageStatistics]:
        """Score the windows one after another, freeing each before the next is prepared."""
        media, footage = MediaStatistics(), FootageStatistics()

        def prepare() -> Iterator[ClipFeatures]:
            for window in iter_windows(path, self.preprocessing, WINDOW_S, timer, time_range_s):
                media.add(window)
                footage.add(window)
                yield window
                del window
                release_free_memory()

        scores = score_windows(
            self.bundle,
            clip_windows.with_model_inputs(prepare()),
            self.bundle.uncertainty.passes,
            None if moments is None else moments.add,
        )
        return media, scores, footage


def _nothing_in(time_range_s: tuple[float, float]) -> str:
    start_s, end_s = time_range_s
    until = "to the end" if math.isinf(end_s) else f"to {end_s:g} s"
    return f"nothing to analyze from {start_s:g} s {until}; choose another time range"


@contextmanager
def _rename_in_errors(path: Path, shown_as: str | None) -> Iterator[None]:
    """Replace the temporary path in error messages by the name of the sent file."""
    try:
        yield
    except MediaError as error:
        if shown_as is None:
            raise
        raise MediaError(str(error).replace(str(path), shown_as)) from error


def _timing(timer: StageTimer, total_s: float) -> Timing:
    seconds = {stage: timer.seconds.get(stage, 0.0) for stage in STAGES}
    rest = max(total_s - sum(seconds.values()), 0.0)
    return Timing(**seconds, rest=rest, total=total_s)
