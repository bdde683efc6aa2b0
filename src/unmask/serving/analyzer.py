"""One video in, one report out: the door that the command line and the service use."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Self

import torch

from unmask.config import FlowSettings, PreprocessingSettings
from unmask.errors import BundleError, MediaError
from unmask.models.bundle import Bundle, load_bundle
from unmask.models.detector import Detector
from unmask.models.folding import folded
from unmask.models.scoring import score_samples
from unmask.preprocessing.clock import Stopwatch
from unmask.preprocessing.faces import face_landmarker
from unmask.preprocessing.prepare import samples_of, windows
from unmask.serving.facts import Facts
from unmask.serving.report import Report, Timing
from unmask.serving.tally import Tally
from unmask.serving.timing import counting, tell_time
from unmask.serving.verdict import write_report

CHAMPION = Path("outputs/champion")
VARIABLE = "UNMASK_BUNDLE"
WINDOW_S = 30.0
STAGES = ("decode", "faces", "align", "flow", "speech", "frame_model", "voice_model")


class Analyzer:
    """A loaded detector; several threads may ask it at once.

    Args:
        bundle: Its detector is rearranged for speed, and no longer to be trained or saved.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        _hasten(bundle.detector)
        face_landmarker(bundle.preprocessing.faces)  # kept, so that no video waits for it
        tell_time(bundle.detector.frame, "frame_model")
        tell_time(bundle.detector.voice, "voice_model")

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
        """The bundle's input spec, without what its detector does not look at."""
        flow = FlowSettings(enabled=self.bundle.settings.flow)
        return replace(self.bundle.preprocessing, flow=flow)

    def analyze(
        self, path: Path, shown_as: str | None = None, watch: Stopwatch | None = None
    ) -> Report:
        """Watch and hear a video, and say what was found.

        A long video is taken in windows of ``WINDOW_S``, so that memory does not grow with it.

        Args:
            shown_as: Name of the file in the report and in errors, in place of ``path``.
            watch: Counts the seconds of each stage; give one to look on during the work.

        Raises:
            MediaError: ``path`` cannot be read as video or sound.
        """
        begin, watch = perf_counter(), watch or Stopwatch()
        facts, tally, info = Facts(), Tally(), None
        with _named(path, shown_as), counting(watch):
            for window in windows(path, self.preprocessing, WINDOW_S, watch):
                info = window.info
                facts.add(window)
                tally.add(window, score_samples(self.bundle, samples_of(window)))
                del window  # before the next one is made, so that two are never held
        if info is None:
            raise MediaError(f"{shown_as or path}: holds nothing to look at; use another file")
        shown = replace(info, path=Path(shown_as or path))
        timing = _timing(watch, perf_counter() - begin)
        return write_report(self.bundle, shown, facts, tally, timing)


@contextmanager
def _named(path: Path, shown_as: str | None) -> Iterator[None]:
    """Let errors name the file as the sender knows it, not where it lies for the moment."""
    try:
        yield
    except MediaError as error:
        if shown_as is None:
            raise
        raise MediaError(str(error).replace(str(path), shown_as)) from error


def _hasten(detector: Detector) -> None:
    settings, frame = detector.settings, detector.frame
    shape = (2, 5 if settings.flow else 3, settings.input_px, settings.input_px)
    example = torch.linspace(-2, 2, math.prod(shape)).view(shape)
    frame.backbone = folded(frame.backbone, example.to(next(frame.parameters()).device))


def _timing(watch: Stopwatch, total_s: float) -> Timing:
    seconds = {stage: watch.seconds.get(stage, 0.0) for stage in STAGES}
    rest = max(total_s - sum(seconds.values()), 0.0)
    return Timing(**seconds, rest=rest, total=total_s)
