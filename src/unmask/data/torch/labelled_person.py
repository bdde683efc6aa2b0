"""Which of several people a clip's label is about: the one whose face differs from the original's.

Data sets label whole clips. In a fake that shows several people, such as those of FFIW and many of
DFDC, one face is forged and the others are genuine; training on one of these would teach that
genuine faces are fake. The genuine clip of the same footage tells them apart: there, the forged
face is another one.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from unmask.data.torch.evaluation_set import FeatureLoader, feature_cache
from unmask.errors import UnmaskError
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.faces.boxes import iou
from unmask.records import Clip, ClipFeatures, FaceTrack, PersonFeatures

MIN_OVERLAP = 0.5  # of the boxes of one person in both clips, mean over their common frames
MAX_FRAMES = 8  # compared of each person
TIME_DECIMALS = 3  # frames of both clips are the same if they agree to a millisecond

Rows = NDArray[np.int64]

log = logging.getLogger(__name__)


class LabelledPersonLoader:
    """A feature loader that puts the person whom the label is about first.

    Fakes whose face is, or may be, forged are compared with a genuine clip of their footage in the
    same split, and that person also comes first in the genuine clip. All other clips stay as they
    are: in genuine ones, and in those with a forged voice alone, every face is genuine. So do fakes
    without such a genuine clip; the first time, the log says so.

    Args:
        load: Loads the features of a clip, those of the person seen most first.
        clips: All clips that are loaded, with the genuine clips of their footage.
    """

    def __init__(self, load: FeatureLoader, clips: Sequence[Clip]) -> None:
        self.load = load
        originals = {(clip.split, clip.pair_id): clip for clip in clips if not clip.is_fake}
        fakes = [clip for clip in clips if clip.is_fake and clip.fake_video is not False]
        self._pairs: dict[str, tuple[Clip, Clip]] = {}  # fake and original, by SHA-256 of either
        for fake in fakes:
            if (original := originals.get((fake.split, fake.pair_id))) is not None:
                self._pairs[fake.sha256] = fake, original
                self._pairs.setdefault(original.sha256, (fake, original))
        self._alone = {fake.sha256 for fake in fakes} - self._pairs.keys()
        self._tracks: dict[str, FaceTrack | None] = {}  # of that person, by SHA-256

    @property
    def cache(self) -> Cache | None:
        """Cache of the inner loader, if there is one."""
        return feature_cache(self.load)

    def __call__(self, clip: Clip, condition: str = "") -> ClipFeatures:
        """Return the features of a clip, or of its copy under a codec condition."""
        features = self.load(clip, condition) if condition else self.load(clip)
        if len(features.people) < 2:
            return features
        if clip.sha256 not in self._tracks:
            self._tracks[clip.sha256] = self._find_track(clip)
        track = self._tracks[clip.sha256]
        if track is None:
            return features
        overlaps = [mean_overlap(person.track, track) for person in features.people]
        people = list(features.people)
        return replace(features, people=(people.pop(int(np.argmax(overlaps))), *people))

    def _find_track(self, clip: Clip) -> FaceTrack | None:
        """Return the track of the person in the clip; ``None`` where nothing tells."""
        if clip.sha256 in self._pairs:
            fake, original = self._pairs[clip.sha256]
            try:
                changed = find_changed_person(self.load(fake), self.load(original))
            except UnmaskError:  # the other clip cannot be read, which is told where it is used
                return None
            if changed is not None:
                return changed[0 if clip.sha256 == fake.sha256 else 1]
        elif clip.sha256 in self._alone:
            self._alone.clear()  # said once
            log.warning(
                "%s shows several people, and no genuine clip of its footage tells which face is "
                "forged: the one seen most carries the label, here and in all such clips",
                clip.path,
            )
        return None


def find_changed_person(
    forged: ClipFeatures, genuine: ClipFeatures
) -> tuple[FaceTrack, FaceTrack] | None:
    """Return the tracks of the person whose face differs most between a fake and its original.

    People are matched by the overlap of their boxes in common frames.

    Returns:
        The track in the fake and that in the original; ``None`` if nobody is seen in both.
    """
    pairs = [
        (mean_difference(person, original), person.track, original.track)
        for person in forged.people
        for original in genuine.people
        if mean_overlap(person.track, original.track) >= MIN_OVERLAP
    ]
    if not pairs:
        return None
    _, track, original_track = max(pairs, key=lambda pair: pair[0])
    return track, original_track


def mean_difference(person: PersonFeatures, original: PersonFeatures) -> float:
    """Return the mean difference of aligned faces in common frames, in grey levels."""
    rows, original_rows = common_rows(person.track, original.track)
    faces = person.faces[rows].astype(np.int16)
    return float(np.abs(faces - original.faces[original_rows]).mean())


def mean_overlap(track: FaceTrack, other: FaceTrack) -> float:
    """Return the mean intersection over union of two people's boxes; 0 without a common frame."""
    rows, other_rows = common_rows(track, other)
    boxes = zip(track.boxes_px[rows], other.boxes_px[other_rows], strict=True)
    return float(np.mean([iou(*pair) for pair in boxes])) if len(rows) else 0.0


def common_rows(track: FaceTrack, other: FaceTrack) -> tuple[Rows, Rows]:
    """Return the rows of up to ``MAX_FRAMES`` evenly spaced frames in which both are seen."""
    times, other_times = (np.round(each.time_s, TIME_DECIMALS) for each in (track, other))
    common, rows, other_rows = np.intersect1d(times, other_times, return_indices=True)
    count = min(len(common), MAX_FRAMES)
    chosen = np.linspace(0, max(len(common) - 1, 0), count).round().astype(np.int64)
    return rows[chosen], other_rows[chosen]
