"""The stages of one file, each computed once: taken from the cache, or worked out and kept.

`media` (what the container says) ← `faces` (tracks and aligned faces) ← `flow`, `lips`, and
beside them `speech` (sound and spoken stretches). A stage's entry hangs on the file's bytes, on its
own settings and on the stage before it, and on nothing else.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.config import PreprocessingSettings, SpeechSettings
from unmask.preprocessing.cache import Arrays, Cache, Entry, cache_key
from unmask.preprocessing.faces.mouth_crops import MouthCropper, extract_mouth_crops
from unmask.preprocessing.faces.optical_flow import Levels, face_flow
from unmask.preprocessing.faces.person_tracks import PeopleWindow, iter_person_windows
from unmask.preprocessing.hashing import file_sha256
from unmask.preprocessing.media.decode import probe, read_waveform
from unmask.preprocessing.speech.vad import detect_speech
from unmask.preprocessing.timing import StageTimer
from unmask.records import FLOW_STEP_PX, FaceTrack, MediaInfo, MouthCrops, PersonFeatures, Waveform

# Raise a stage's number when its code changes what it gives: older entries are then left alone
VERSIONS = {"media": 1, "faces": 3, "flow": 1, "lips": 1, "speech": 2}
TRACK = tuple(item.name for item in fields(FaceTrack) if item.name != "person")


@dataclass(frozen=True, slots=True)
class Speech:
    """A file's sound, and where in it somebody speaks.

    Attributes:
        waveform: ``None`` where there is no sound.
        speech_s: Start and end of each stretch, shape ``(stretches, 2)``.
    """

    waveform: Waveform | None
    speech_s: NDArray[np.float64]


class CachedStages:
    """One file under one set of settings.

    Attributes:
        cached: Stage to whether it was taken from the cache, for the stages asked for so far.
    """

    def __init__(
        self,
        path: Path,
        settings: PreprocessingSettings,
        cache: Cache | None = None,
        watch: StageTimer | None = None,
    ) -> None:
        self._path, self._settings, self._cache = path, settings, cache
        self._watch = watch or StageTimer()
        self._made: dict[str, Any] = {}
        self._read: dict[int, MouthCrops] | None = (
            None  # lips that were read on the way to the faces
        )
        self.cached: dict[str, bool] = {}

    def info(self) -> MediaInfo:
        """What the container says of itself.

        Raises:
            MediaError: The file cannot be read as video or sound.
        """

        def work() -> Entry:
            with self._watch.measure("decode"):
                facts = asdict(probe(self._path))
            return Entry({**facts, "path": ""}, {})

        entry = self._entry("media", work)
        return MediaInfo(**{**entry.facts, "path": self._path})

    def people(self) -> PeopleWindow:
        """Everybody in the whole video, without flow."""

        def work() -> Entry:
            wanted = self._settings.lips
            mouths = MouthCropper(wanted) if wanted.enabled else None
            seen = [*iter_person_windows(self.info(), self._settings, inf, self._watch, mouths)]
            self._read = mouths.pop() if mouths else None
            return _packed(seen[0] if seen else PeopleWindow(0, 0.0, 0, ()))

        return _unpacked(self._entry("faces", work))

    def flow(self) -> tuple[Levels, ...] | None:
        """Flow of each of :meth:`people`; ``None`` where the settings ask for none."""
        if not self._settings.flow.enabled:
            return None

        def work() -> Entry:
            people = self.people().people
            with self._watch.measure("flow"):
                levels = [face_flow(one.faces, one.track.time_s) for one in people]
            return Entry({"people": len(people)}, {str(n): one for n, one in enumerate(levels)})

        entry = self._entry("flow", work)
        return tuple(entry.arrays[str(number)] for number in range(entry.facts["people"]))

    def lips(self) -> dict[int, MouthCrops] | None:
        """Lips by person, those with any; ``None`` where the settings ask for none.

        Faces that are worked out now give them in the same pass over the file.
        """
        if not self._settings.lips.enabled:
            return None

        def work() -> Entry:
            people = self.people().people
            if self._read is not None:
                return _packed_lips(self._read)
            return _packed_lips(
                extract_mouth_crops(self.info(), self._settings, people, self._watch)
            )

        return _unpacked_lips(self._entry("lips", work), self._settings.lips.rate_hz)

    def sound(self) -> Speech:
        """The whole sound and its spoken stretches."""

        def work() -> Entry:
            heard = read_speech(self.info(), self._settings.speech, self._watch)
            arrays: Arrays = {"speech_s": heard.speech_s}
            if heard.waveform is not None:
                arrays["samples"] = heard.waveform.samples
            return Entry({}, arrays)

        arrays = self._entry("speech", work).arrays
        samples = arrays.get("samples")
        return Speech(None if samples is None else Waveform(samples), arrays["speech_s"])

    def _entry(self, stage: str, work: Callable[[], Entry]) -> Entry:
        if stage not in self._made:
            self._made[stage] = self._found(stage, work)
        found: Entry = self._made[stage]
        return found

    def _found(self, stage: str, work: Callable[[], Entry]) -> Entry:
        if self._cache is None:
            self.cached[stage] = False
            return work()
        key = self._key(stage)
        entry = self._cache.load(stage, key)
        self.cached[stage] = entry is not None
        if entry is None:
            entry = work()
            self._cache.save(stage, key, entry)
        return entry

    def _key(self, stage: str) -> str:
        chosen, upstream = asdict(self._settings), ""
        own: dict[str, Any] = {"version": VERSIONS[stage]}
        if chosen["align"]["method"] == "similarity":  # entries older than the choice stay good
            del chosen["align"]["method"]
        if stage == "faces":
            own |= {name: chosen[name] for name in ("sampling", "faces", "align")}
        elif stage == "flow":
            own |= {**chosen["flow"], "step_px": FLOW_STEP_PX}
            upstream = self._key("faces")
        elif stage == "lips":
            own |= {name: chosen["lips"][name] for name in ("rate_hz", "crop_px")}
            upstream = self._key("faces")
        elif stage == "speech":
            own |= chosen["speech"]
        return cache_key(stage, file_sha256(self._path), own, upstream)


def read_speech(info: MediaInfo, settings: SpeechSettings, watch: StageTimer) -> Speech:
    """Decode a file's sound and find the speech in it."""
    silent = np.zeros((0, 2))
    if not info.has_audio:
        return Speech(None, silent)
    with watch.measure("decode"):
        heard = read_waveform(info.path)
    with watch.measure("speech"):
        return Speech(heard, silent if heard is None else detect_speech(heard, settings))


def attach_flow(
    people: tuple[PersonFeatures, ...], flow: tuple[Levels, ...] | None
) -> tuple[PersonFeatures, ...]:
    """The same people, each with its flow."""
    if flow is None:
        return people
    return tuple(replace(one, flow=own) for one, own in zip(people, flow, strict=True))


def _packed(seen: PeopleWindow) -> Entry:
    arrays: Arrays = {}
    for number, one in enumerate(seen.people):
        arrays |= {f"{number}.track.{name}": getattr(one.track, name) for name in TRACK}
        arrays |= {f"{number}.faces": one.faces, f"{number}.landmarks": one.landmarks}
    persons = [one.track.person for one in seen.people]
    facts = {"last_s": seen.last_s, "frames_sampled": seen.frames_sampled, "persons": persons}
    return Entry(facts, arrays)


def _unpacked(entry: Entry) -> PeopleWindow:
    facts, arrays = entry.facts, entry.arrays
    people = []
    for number, person in enumerate(facts["persons"]):
        track = FaceTrack(person, **{name: arrays[f"{number}.track.{name}"] for name in TRACK})
        faces, landmarks = arrays[f"{number}.faces"], arrays[f"{number}.landmarks"]
        people.append(PersonFeatures(track, faces, None, landmarks))
    return PeopleWindow(0, facts["last_s"], facts["frames_sampled"], tuple(people))


def _packed_lips(lips: Mapping[int, MouthCrops]) -> Entry:
    arrays = {
        f"{person}.{name}": getattr(one, name)
        for person, one in lips.items()
        for name in ("mouths", "time_s", "opening")
    }
    return Entry({"persons": list(lips)}, arrays)


def _unpacked_lips(entry: Entry, rate_hz: float) -> dict[int, MouthCrops]:
    def lips(person: int) -> MouthCrops:
        mouths, time_s, opening = (
            entry.arrays[f"{person}.{name}"] for name in ("mouths", "time_s", "opening")
        )
        return MouthCrops(mouths, time_s, opening, rate_hz)

    return {person: lips(person) for person in entry.facts["persons"]}
