"""Test clips of an attack, loaded one at a time: those of a large data set do not fit in memory."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace

from unmask.config import ModelSettings
from unmask.data.torch.evaluation_set import EvaluationClips, Example, FeatureLoader, slice_frames
from unmask.models.padding import usable_samples
from unmask.records import Clip

log = logging.getLogger(__name__)


class UsableClips:
    """Loader of the clips with a face, or sound, that the detector uses.

    Args:
        settings: Of the detector.

    Attributes:
        tried: Clips that were loaded so far, by ``clip_id``.
        problems: ``clip_id`` and reason of those that could not be.
    """

    def __init__(self, load: FeatureLoader, settings: ModelSettings) -> None:
        self.tried: dict[str, Clip] = {}
        self.problems: dict[str, str] = {}
        self._load, self._settings = load, settings

    def is_usable(self, clip: Clip) -> bool:
        """Load a clip and return whether it can be attacked."""
        return any(self.iterate([clip]))

    def iterate(self, clips: Sequence[Clip], frames: int = 0) -> Iterator[Example]:
        """Load the usable ones of ``clips`` in turn.

        Args:
            frames: Contiguous frames of the first person, from the middle of each clip; 0 takes
                all frames and people.
        """
        for example in EvaluationClips(clips, self._load):
            clip = example.clip
            if example.problem and clip.clip_id not in self.problems:
                log.warning("clip %s was not attacked: %s", clip.clip_id, example.problem)
                self.problems[clip.clip_id] = example.problem
            self.tried[clip.clip_id] = clip
            samples = usable_samples(example.samples, self._settings)
            if samples:
                yield _middle_frames(replace(example, samples=samples), frames)


def _middle_frames(example: Example, frames: int) -> Example:
    if not frames:
        return example
    sample = example.samples[0]
    start = max((len(sample.faces) - frames) // 2, 0)
    return replace(example, samples=(slice_frames(sample, slice(start, start + frames)),))
