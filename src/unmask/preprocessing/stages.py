"""Cached preprocessing stages of one file.

``media`` (metadata) ← ``faces`` (tracks and aligned faces) ← ``flow``, ``lips`` and ``identity``
(the tracks of each person) ← ``source`` (faces before alignment); ``speech`` (waveform and speech
spans) depends on the file alone. The key
of an entry contains the hash of the file, the settings of the stage, the version of the decoder,
and the key of the stage it depends on.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, fields
from math import inf
from pathlib import Path
from typing import Any

from unmask.config import PreprocessingSettings, to_dict
from unmask.preprocessing.cache import Arrays, Cache, Entry, cache_key
from unmask.preprocessing.crash_record import raise_if_crashed
from unmask.preprocessing.faces.face_embedding import find_embedder, has_embedder
from unmask.preprocessing.faces.identities import IdentityMatcher
from unmask.preprocessing.faces.merged_tracks import merge_tracks
from unmask.preprocessing.faces.mouth_crops import MouthCropper, extract_mouth_crops
from unmask.preprocessing.faces.optical_flow import Levels, face_flow
from unmask.preprocessing.faces.person_tracks import PeopleWindow, iter_person_windows
from unmask.preprocessing.faces.source_faces import extract_source_faces
from unmask.preprocessing.features import Speech, read_speech
from unmask.preprocessing.media.container import decoder_version, media_sha256
from unmask.preprocessing.media.probe import probe
from unmask.preprocessing.timing import StageTimer
from unmask.records import (
    FLOW_STEP_PX,
    FaceTrack,
    MediaInfo,
    MouthCrops,
    PersonFeatures,
    SoundTrack,
    SourceFaces,
    Waveform,
)

# Increase a stage's version when its code changes the result; older entries are then ignored
VERSIONS = {
    **{"media": 9, "faces": 12, "identity": 1, "flow": 1, "lips": 1, "source": 2, "speech": 4}
}
BASED_ON_FACES = ("identity", "flow", "lips", "source")
TRACK_FIELDS = tuple(field.name for field in fields(FaceTrack) if field.name != "person")
CROP_FIELDS = ("mouths", "time_s", "opening")
SOURCE_FIELDS = tuple(field.name for field in fields(SourceFaces))


@dataclass(frozen=True, slots=True)
class Identity:
    """The tracks of each person.

    Attributes:
        people: Number of the person of each track.
        compared: As in :class:`unmask.records.ClipFeatures`.
    """

    people: tuple[int, ...]
    compared: bool


class CachedStages:
    """The stages of one file under one set of settings.

    Attributes:
        cached: Whether each stage that was needed so far came from the cache.
    """

    def __init__(
        self,
        path: Path,
        settings: PreprocessingSettings,
        cache: Cache | None = None,
        timer: StageTimer | None = None,
    ) -> None:
        self._path, self._settings, self._cache = path, settings, cache
        self._timer = timer or StageTimer()
        self._entries: dict[str, Entry] = {}
        self._may_decode = False
        self.cached: dict[str, bool] = {}

    def info(self) -> MediaInfo:
        """Return the metadata of the file.

        Raises:
            MediaError: The file cannot be decoded.
        """

        def compute() -> Entry:
            with self._timer.measure("decode"):
                facts = asdict(probe(self._path))
            return Entry({**facts, "path": ""}, {})

        entry = self._entry("media", compute)
        tracks = tuple(SoundTrack(**track) for track in entry.facts["sound_tracks"])
        return MediaInfo(
            **{
                **entry.facts,
                "path": self._path,
                "sound_tracks": tracks,
                "clock_jumps_s": tuple(entry.facts["clock_jumps_s"]),
            }
        )

    def people(self) -> PeopleWindow:
        """Return all face tracks of the whole video, without flow; see :meth:`identity`.

        Mouth crops, if enabled, are extracted and stored in the same pass over the file.
        """

        def compute() -> Entry:
            lips = self._settings.lips
            mouths = MouthCropper(lips) if lips.enabled else None
            windows = list(
                iter_person_windows(self.info(), self._settings, inf, self._timer, mouths)
            )
            if mouths:
                self._store("lips", _pack_mouth_crops(mouths.pop()))
            return _pack_people(windows[0] if windows else PeopleWindow(0, 0.0, 0, ()))

        return _unpack_people(self._entry("faces", compute))

    def identity(self) -> Identity:
        """Return the person of each of :meth:`people`.

        If faces could not be compared, because the network was not fetched, nothing is stored.
        """

        def compute() -> Entry:
            tracks = self.people().people
            with self._timer.measure("faces"):
                matcher = IdentityMatcher(find_embedder())
                people = matcher.number_tracks(tracks)
            return Entry({"people": people, "compared": matcher.compared}, {})

        facts = self._entry("identity", compute).facts
        return Identity(tuple(facts["people"]), facts["compared"])

    def flow(self) -> tuple[Levels, ...] | None:
        """Return the flow of each of :meth:`people`; ``None`` if disabled."""
        if not self._settings.flow.enabled:
            return None

        def compute() -> Entry:
            people = self.people().people
            with self._timer.measure("flow"):
                levels = [face_flow(person.faces, person.track.time_s) for person in people]
            return Entry({"people": len(people)}, {str(n): flow for n, flow in enumerate(levels)})

        entry = self._entry("flow", compute)
        return tuple(entry.arrays[str(n)] for n in range(entry.facts["people"]))

    def mouth_crops(self) -> dict[int, MouthCrops] | None:
        """Return mouth crops by person, for those who have any; ``None`` if disabled."""
        if not self._settings.lips.enabled:
            return None

        def compute() -> Entry:
            people = self.people().people
            if "lips" in self._entries:  # stored while the faces were computed
                return self._entries["lips"]
            crops = extract_mouth_crops(self.info(), self._settings, people, self._timer)
            return _pack_mouth_crops(crops)

        return _unpack_mouth_crops(self._entry("lips", compute), self._settings.lips.rate_hz)

    def source_faces(self) -> tuple[SourceFaces, ...] | None:
        """Return each person's faces before alignment; ``None`` if disabled.

        People are in the order of :func:`.merge_tracks`. The file is decoded once more.
        """
        if not self._settings.source_faces.enabled:
            return None

        def compute() -> Entry:
            people = merge_tracks(self.people().people, self.identity().people)
            tracks = [person.track for person in people]
            if not tracks:
                return Entry({"people": 0}, {})
            sources = extract_source_faces(self.info(), self._settings, tracks, self._timer)
            arrays = {
                f"{number}.{name}": getattr(source, name)
                for number, source in enumerate(sources)
                for name in SOURCE_FIELDS
            }
            return Entry({"people": len(sources)}, arrays)

        entry = self._entry("source", compute)
        return tuple(
            SourceFaces(**{name: entry.arrays[f"{number}.{name}"] for name in SOURCE_FIELDS})
            for number in range(entry.facts["people"])
        )

    def speech(self) -> Speech:
        """Return the audio of the whole file and its speech spans."""

        def compute() -> Entry:
            speech = read_speech(self.info(), self._settings.speech, self._timer)
            arrays: Arrays = {"speech_s": speech.spans_s}
            if speech.waveform is not None:
                arrays["samples"] = speech.waveform.samples
                arrays["missing_s"] = speech.waveform.missing_spans_s
            return Entry({}, arrays)

        arrays = self._entry("speech", compute).arrays
        if "samples" not in arrays:
            return Speech(None, arrays["speech_s"])
        waveform = Waveform(arrays["samples"], missing_spans_s=arrays["missing_s"])
        return Speech(waveform, arrays["speech_s"])

    def missing(self) -> tuple[str, ...]:
        """Return the stages that the settings enable and of which the cache has no entry.

        Raises:
            MediaError: The file cannot be read.
        """
        enabled = {
            "flow": self._settings.flow.enabled,
            "lips": self._settings.lips.enabled,
            "source": self._settings.source_faces.enabled,
            "identity": has_embedder(),
        }
        lacking: list[str] = []
        for stage in VERSIONS:
            if enabled.get(stage, True) and self._lacks(stage, lacking):
                lacking.append(stage)
        return tuple(lacking)

    def _lacks(self, stage: str, missing: Collection[str]) -> bool:
        """Return whether the cache has no entry of a stage, given the stages before it."""
        if self._cache is None or (stage == "source" and {"faces", "identity"} & {*missing}):
            return True
        return not self._cache.holds(self._cache.path(stage, self._key(stage)))

    def _entry(self, stage: str, compute: Callable[[], Entry]) -> Entry:
        """Return the entry of a stage: from memory, from the cache, or computed and stored."""
        if stage not in self._entries:
            entry = self._cache.load(stage, self._key(stage)) if self._cache else None
            if entry is None:
                self._raise_if_crashed()
                self._store(stage, compute())
            else:
                self._entries[stage], self.cached[stage] = entry, True
        return self._entries[stage]

    def _raise_if_crashed(self) -> None:
        if self._cache and not self._may_decode:
            raise_if_crashed(self._path, self._cache, VERSIONS)
            self._may_decode = True

    def _store(self, stage: str, entry: Entry) -> None:
        if self._entries.get(stage) is entry:
            return
        self._entries[stage], self.cached[stage] = entry, False
        if self._cache and entry.facts.get("compared", True):
            self._cache.save(stage, self._key(stage), entry)

    def _key(self, stage: str) -> str:
        settings = to_dict(self._settings)
        own: dict[str, Any] = {"version": VERSIONS[stage], "av": decoder_version()}
        if settings["align"]["method"] == "similarity":  # older entries do not name the method
            del settings["align"]["method"]
        if stage == "faces":
            own |= {name: settings[name] for name in ("sampling", "faces", "align")}
        elif stage == "flow":
            own |= {**settings["flow"], "step_px": FLOW_STEP_PX}
        elif stage == "lips":
            own |= {name: settings["lips"][name] for name in ("rate_hz", "crop_px")}
        elif stage == "source":
            own["max_side_px"] = settings["source_faces"]["max_side_px"]
            people = self.identity().people
            if len(set(people)) < len(people):
                own["people"] = list(people)
        elif stage == "speech":
            own |= settings["speech"]
        upstream = self._key("faces") if stage in BASED_ON_FACES else ""
        return cache_key(stage, media_sha256(self._path), own, upstream)


def _pack_people(window: PeopleWindow) -> Entry:
    arrays: Arrays = {}
    for index, person in enumerate(window.people):
        arrays |= {f"{index}.track.{name}": getattr(person.track, name) for name in TRACK_FIELDS}
        arrays |= {f"{index}.faces": person.faces, f"{index}.landmarks": person.landmarks}
    persons = [person.track.person for person in window.people]
    facts = {"last_s": window.last_s, "frames_sampled": window.frames_sampled, "persons": persons}
    facts["frames_still"] = window.frames_still
    return Entry(facts, arrays)


def _unpack_people(entry: Entry) -> PeopleWindow:
    facts, arrays = entry.facts, entry.arrays
    people = []
    for index, person in enumerate(facts["persons"]):
        columns = {name: arrays[f"{index}.track.{name}"] for name in TRACK_FIELDS}
        faces, landmarks = arrays[f"{index}.faces"], arrays[f"{index}.landmarks"]
        people.append(PersonFeatures(FaceTrack(person, **columns), faces, None, landmarks))
    counts = facts["last_s"], facts["frames_sampled"]
    return PeopleWindow(0, *counts, tuple(people), facts["frames_still"])


def _pack_mouth_crops(crops: Mapping[int, MouthCrops]) -> Entry:
    persons = sorted(crops)
    arrays = {
        f"{person}.{name}": getattr(crops[person], name)
        for person in persons
        for name in CROP_FIELDS
    }
    return Entry({"persons": persons}, arrays)


def _unpack_mouth_crops(entry: Entry, rate_hz: float) -> dict[int, MouthCrops]:
    return {
        person: MouthCrops(
            **{name: entry.arrays[f"{person}.{name}"] for name in CROP_FIELDS}, rate_hz=rate_hz
        )
        for person in entry.facts["persons"]
    }
