"""The frozen records that cross packages; each refuses nonsense when it is built."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unmask.errors import DataError, MediaError

RATE_HZ = 16_000
FACE_PX = 224
FLOW_STEP_PX = 0.125  # one level of the int8 flow: ±15.9 px at the aligned face's 224 px
SPLITS = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class FakeSpan:
    """A forged stretch of a clip, for localisation sets such as LAV-DF.

    Attributes:
        modality: ``video`` or ``audio``.
    """

    start_s: float
    end_s: float
    modality: str


@dataclass(frozen=True, slots=True)
class Clip:
    """One row of a manifest.

    Attributes:
        clip_id: Unique within the manifest.
        path: Media file; absolute once a manifest has been read.
        sha256: Hash of the file's bytes, 64 hexadecimal digits.
        source: Data set the clip comes from.
        identity: Person shown; no identity may stand in two splits.
        split: ``train``, ``val`` or ``test``.
        manipulation: ``none`` or the name of the method.
        pair_id: Same for a genuine clip and the fakes made from its footage.
    """

    clip_id: str
    path: Path
    sha256: str
    source: str
    identity: str
    split: str
    is_fake: bool
    fake_video: bool
    fake_audio: bool
    manipulation: str
    pair_id: str
    duration_s: float
    fps: float
    width: int
    height: int
    has_audio: bool
    licence: str
    fake_periods: tuple[FakeSpan, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a label that contradicts itself and a split that does not exist."""
        if self.split not in SPLITS:
            raise DataError(f"{self.clip_id}: split is {self.split!r}; use one of {SPLITS}")
        if self.is_fake != (self.fake_video or self.fake_audio):
            raise DataError(
                f"{self.clip_id}: is_fake={self.is_fake} contradicts fake_video={self.fake_video}, "
                f"fake_audio={self.fake_audio}; correct the labels"
            )


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What a container says of itself.

    Attributes:
        width, height: Size in pixels as shown, after the rotation is applied.
        rotation_deg: Clockwise turn that the player applies: 0, 90, 180 or 270.
        fps: Mean frame rate; 0 where there is no video.
        video_codec, audio_codec: ``None`` where the stream is absent.
    """

    path: Path
    sha256: str
    size_bytes: int
    duration_s: float
    fps: float
    width: int
    height: int
    rotation_deg: int
    video_codec: str | None
    audio_codec: str | None

    @property
    def has_video(self) -> bool:
        """Whether there is a picture stream."""
        return self.video_codec is not None

    @property
    def has_audio(self) -> bool:
        """Whether there is a sound stream."""
        return self.audio_codec is not None


@dataclass(frozen=True, slots=True)
class Waveform:
    """Mono sound.

    Attributes:
        samples: Amplitudes in ``[-1, 1]``, shape ``(time,)``.
        rate_hz: Samples per second.
    """

    samples: NDArray[np.float32]
    rate_hz: int = RATE_HZ

    def __post_init__(self) -> None:
        """Refuse stereo here, so no later function needs to ask."""
        if self.samples.ndim != 1:
            raise MediaError(f"expected mono samples, shape (time,), got {self.samples.shape}")

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.rate_hz


@dataclass(frozen=True, slots=True)
class FaceTrack:
    """Where one person's face is, over the sampled frames in which it was found.

    Attributes:
        person: Number of the person in the video, from 0, in order of appearance.
        time_s: Presentation time of each frame, ascending, shape ``(frames,)``.
        boxes_px: Left, top, right, bottom in the shown picture, shape ``(frames, 4)``.
        landmarks_px: 68 points (iBUG order) in the shown picture, shape ``(frames, 68, 2)``.
        pose_deg: Yaw, pitch, roll, shape ``(frames, 3)``.
    """

    person: int
    time_s: NDArray[np.float64]
    boxes_px: NDArray[np.float32]
    landmarks_px: NDArray[np.float32]
    pose_deg: NDArray[np.float32]

    def __post_init__(self) -> None:
        """Refuse rows that do not belong together."""
        shapes = (self.boxes_px.shape[1:], self.landmarks_px.shape[1:], self.pose_deg.shape[1:])
        rows = {len(self.time_s), len(self.boxes_px), len(self.landmarks_px), len(self.pose_deg)}
        if shapes != ((4,), (68, 2), (3,)) or len(rows) != 1:
            raise MediaError(f"face track {self.person}: shapes {shapes}, rows {sorted(rows)}")


@dataclass(frozen=True, slots=True)
class MouthCrops:
    """One person's mouth, at a steady rate that follows speech.

    Where the mouth could not be seen there is no row, so ``time_s`` may have gaps.

    Attributes:
        mouths: Grey crops, turned and scaled with the face, shape ``(frames, crop, crop)``.
        time_s: Tick of each crop, ascending, whole multiples of ``1 / rate_hz``, on the clock
            of the sound that comes with it, shape ``(frames,)``.
        opening: Distance of the inner lips over the face's size, shape ``(frames,)``.
        rate_hz: Ticks per second.
    """

    mouths: NDArray[np.uint8]
    time_s: NDArray[np.float64]
    opening: NDArray[np.float32]
    rate_hz: float

    def __post_init__(self) -> None:
        """Refuse rows that do not belong together."""
        if self.mouths.ndim != 3 or self.mouths.shape[1] != self.mouths.shape[2]:
            raise MediaError(f"expected square mouths, (frames, crop, crop): {self.mouths.shape}")
        if not len(self.mouths) == len(self.time_s) == len(self.opening):
            raise MediaError(
                f"lips: {len(self.mouths)} crops, {len(self.time_s)} times, "
                f"{len(self.opening)} openings"
            )


@dataclass(frozen=True, slots=True)
class PersonFeatures:
    """One person, ready for the detector.

    Attributes:
        faces: Aligned RGB faces, shape ``(frames, 224, 224, 3)``, uint8.
        flow: Farneback flow from the previous aligned face, in levels of
            ``FLOW_STEP_PX`` pixels, x then y, shape ``(frames, 2, 224, 224)``, int8;
            the first frame has none and is zero. ``None`` where flow was not asked for.
        landmarks: The 68 points in the aligned face's pixels, shape ``(frames, 68, 2)``.
        lips: ``None`` where they were not asked for. In one window of a long video their times
            count from the window's start, as its sound does.
    """

    track: FaceTrack
    faces: NDArray[np.uint8]
    flow: NDArray[np.int8] | None
    landmarks: NDArray[np.float32]
    lips: MouthCrops | None = None


@dataclass(frozen=True, slots=True)
class ClipFeatures:
    """Everything the detector sees of a video, or of one window of a long one.

    Attributes:
        start_s: Where the window begins in the video; 0 for a whole clip.
        end_s: Where it ends.
        frames_sampled: Frames looked at, with a face or without.
        people: Largest screen presence first; empty where no face was found.
        waveform: ``None`` where there is no sound.
        speech_s: Start and end of each spoken stretch, in seconds from ``start_s``,
            shape ``(stretches, 2)``.
    """

    info: MediaInfo
    start_s: float
    end_s: float
    frames_sampled: int
    people: tuple[PersonFeatures, ...]
    waveform: Waveform | None
    speech_spans_s: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ModelInput:
    """One row of the detector's input: one person's face and the sound that goes with it.

    Attributes:
        faces: Shape ``(frames, 224, 224, 3)``, uint8; no frames where no face was found.
        flow: As in :class:`PersonFeatures`, or ``None``.
        waveform: 16 kHz mono, shape ``(time,)``; no samples where there is no sound.
        is_speech: True where somebody speaks, shape ``(time,)``.
        lips: As in :class:`PersonFeatures`, on the clock of ``waveform``.
        landmarks: 68 points in the aligned face's pixels, shape ``(frames, 68, 2)``, or ``None``.
        pose_deg: Yaw, pitch, roll, shape ``(frames, 3)``, or ``None``.
    """

    faces: NDArray[np.uint8]
    flow: NDArray[np.int8] | None
    waveform: NDArray[np.float32]
    is_speech: NDArray[np.bool_]
    lips: MouthCrops | None = None
    landmarks: NDArray[np.float32] | None = None
    pose_deg: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        """Refuse sound and speech mask, or faces and what is known of them, of two lengths."""
        if self.waveform.shape != self.is_speech.shape:
            raise MediaError(
                f"waveform {self.waveform.shape} and speech mask {self.is_speech.shape} differ"
            )
        for known in (self.landmarks, self.pose_deg):
            if known is not None and len(known) != len(self.faces):
                raise MediaError(f"{len(self.faces)} faces, and landmarks or pose of {len(known)}")


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """A detector's answer on one clip of known label.

    Attributes:
        logit: Fake score as calibrated log-odds, any real number; higher means more fake.
        probability: Calibrated fake probability in ``[0, 1]``.
        video_probability, audio_probability: Of one modality alone; ``None`` where absent.
        fake_video, fake_audio: Which modality is forged; ``None`` where nobody says.
        sync_probability: Of lips and speech together; ``None`` where they were not judged.
    """

    clip_id: str
    identity: str
    split: str
    manipulation: str
    is_fake: bool
    logit: float
    probability: float
    video_probability: float | None = None
    audio_probability: float | None = None
    fake_video: bool | None = None
    fake_audio: bool | None = None
    sync_probability: float | None = None
