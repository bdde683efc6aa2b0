"""Frozen records that are passed between packages; each validates itself when created."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unmask.errors import DataError, MediaError

RATE_HZ, FACE_PX = 16_000, 224
FLOW_STEP_PX = 0.125  # one level of the int8 flow, which covers ±15.9 px of the 224 px face
SPLITS, SEALED = ("train", "val", "test"), "sealed"  # a release alone opens the sealed split
FACE_BANDS, SOUND_BANDS = 10, 12  # of the spectra of faces and of speech
FOOTAGE_FACTS = (
    *("width", "height", "frame_rate", "bits_per_pixel", "still_share", "face_width"),
    *(f"face_band_{band}" for band in range(FACE_BANDS)),
    *("red", "green", "blue", "red_contrast", "green_contrast", "blue_contrast", "loudness"),
    *(f"sound_band_{band}" for band in range(SOUND_BANDS)),
)

Verdict = Literal["fake", "real", "inconclusive"]
# codes of why a verdict is inconclusive, in the order in which they are given
Reason = Literal["nothing_to_score", "demo_model", "too_little_evidence", "still_picture",
                 "telephone_band", "experimental", "unlike_calibration", "segment_alarm",
                 "between_thresholds"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class FakeSpan:
    """A forged segment of a clip, as labelled by localisation data sets such as LAV-DF.

    Attributes:
        start_s, end_s: Segment in seconds from the start of the clip.
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
        source: Data set that the clip comes from.
        identity: Person shown; belongs to one split only, but for official splits.
        split: ``train``, ``val``, ``test`` or ``sealed``.
        is_fake: Whether anything about the clip is forged; always known.
        fake_video, fake_audio: Whether face or voice is forged; ``None`` if not labelled apart.
        manipulation: ``none``, or the name of the forgery method.
        pair_id: Shared by a genuine clip and the fakes made from it.
        mismatched: Whether face and voice do not belong together, as with the voice of another.
        compression: Level named by the data set, such as ``c23``; empty if it names none.
        official_split: Whether the authors assign the clip to its split, to test if it is sealed.
        from_pictures: Whether it was made of pictures of a cut-out face, so that times are nominal.
        own_forgery: Whether it is a pseudo-fake that this project made, or the control of one.
        generator: Tool that made the fake, as the data set names it; empty if it names none.
        published_set: Registry's name of its published data set; empty if ``source`` says it.
    """

    clip_id: str
    path: Path
    sha256: str
    source: str
    identity: str
    split: str
    is_fake: bool
    fake_video: bool | None
    fake_audio: bool | None
    manipulation: str
    pair_id: str
    duration_s: float
    fps: float
    width: int
    height: int
    has_audio: bool
    licence: str
    fake_periods: tuple[FakeSpan, ...] = ()
    mismatched: bool = False
    compression: str = ""
    official_split: bool = False
    from_pictures: bool = False
    own_forgery: bool = False
    generator: str = ""
    published_set: str = ""

    def __post_init__(self) -> None:
        """Reject contradictory labels and unknown splits."""
        if self.split not in (known := (*SPLITS, SEALED)):
            raise DataError(f"{self.clip_id}: unknown split {self.split!r}; use one of {known}")
        parts = self.fake_video, self.fake_audio, self.mismatched
        # a part of a fake may be unknown, but all parts of a genuine clip are genuine
        if self.is_fake == (parts == (False, False, False)):
            raise DataError(
                f"{self.clip_id}: is_fake={self.is_fake} contradicts fake_video={self.fake_video}, "
                f"fake_audio={self.fake_audio}, mismatched={self.mismatched}; correct the labels"
            )


@dataclass(frozen=True, slots=True)
class SoundTrack:
    """One audio stream of a media file.

    Attributes:
        index: Index of the stream in the file.
        codec: FFmpeg's name; ``None`` if FFmpeg does not know the codec.
        language: As the file states it, such as ``eng``; ``None`` if it states none.
        channels: Number of channels; 0 if the codec is unknown.
        is_default: Whether the file marks the stream as a default one.
        is_analyzed: Whether this is the stream that is listened to.
    """

    index: int
    codec: str | None
    language: str | None
    channels: int
    is_default: bool
    is_analyzed: bool


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """Metadata of a media file.

    Attributes:
        sha256: Hash of the file's bytes, 64 hexadecimal digits.
        fps, width, height: Mean rate; displayed size in square pixels, rotated; 0 without video.
        rotation_deg: Clockwise rotation that a player applies: 0, 90, 180 or 270.
        video_codec, audio_codec: ``None`` without such a stream.
        mirrored: Whether a player then exchanges left and right.
        tilt_deg: Clockwise rotation beyond ``rotation_deg`` that the file states; not applied.
        hdr: ``pq`` or ``hlg`` for HDR video, which is tone-mapped; ``None`` for others.
        sound_tracks: All audio streams, decodable or not.
        video_index: Index of the video stream; ``None`` without video.
        video_tracks: Number of decodable video streams, without cover art.
        lost_end_s: Length that the container states beyond the end of what the file holds.
        clock_jumps_s: Where the clock of the file starts again or jumps, in running time.
        clocks_apart: Whether it does so in one stream alone, so that picture and sound are apart.
        bits_per_pixel: Of the compressed video, per pixel and picture; ``None`` without video.
        second_file_at: Byte at which a second file begins behind the first, which is not read.
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
    mirrored: bool = False
    tilt_deg: float = 0.0
    hdr: str | None = None
    sound_tracks: tuple[SoundTrack, ...] = ()
    video_index: int | None = None
    video_tracks: int = 0
    lost_end_s: float = 0.0
    clock_jumps_s: tuple[float, ...] = ()
    clocks_apart: bool = False
    bits_per_pixel: float | None = None
    second_file_at: int | None = None

    @property
    def has_video(self) -> bool:
        """Whether the file has a video stream."""
        return self.video_codec is not None

    @property
    def has_audio(self) -> bool:
        """Whether the file has an audio stream."""
        return self.audio_codec is not None


@dataclass(frozen=True, slots=True)
class Waveform:
    """Mono audio.

    Attributes:
        samples: Amplitudes in ``[-1, 1]``, shape ``(time,)``.
        rate_hz: Samples per second.
        missing_spans_s: Start and end in seconds of each hole, now silent, shape ``(holes, 2)``.
    """

    samples: NDArray[np.float32]
    rate_hz: int = RATE_HZ
    missing_spans_s: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 2)))

    def __post_init__(self) -> None:
        """Reject stereo, so that no other function has to check."""
        if self.samples.ndim != 1:
            raise MediaError(f"expected mono samples, shape (time,), got {self.samples.shape}")

    @property
    def duration_s(self) -> float:
        """Duration in seconds."""
        return len(self.samples) / self.rate_hz

    @property
    def missing_s(self) -> float:
        """Duration of all holes in seconds."""
        return float(np.diff(self.missing_spans_s, axis=1).sum())


@dataclass(frozen=True, slots=True)
class FaceTrack:
    """One person's face in the sampled frames in which it was detected.

    Attributes:
        person: Index of the person in the video, from 0, in order of appearance.
        time_s: Presentation time of each frame, ascending, shape ``(frames,)``.
        boxes_px: Left, top, right, bottom in the displayed frame, shape ``(frames, 4)``.
        landmarks_px: 68 points (iBUG order) in the displayed frame, shape ``(frames, 68, 2)``.
        pose_deg: Yaw, pitch, roll in the image, shape ``(frames, 3)``.
        shots: Number of the shot of each frame, ascending, ``(frames,)``; ``None`` for one shot.
    """

    person: int
    time_s: NDArray[np.float64]
    boxes_px: NDArray[np.float32]
    landmarks_px: NDArray[np.float32]
    pose_deg: NDArray[np.float32]
    shots: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        """Refuse rows that do not belong together."""
        shapes = (self.boxes_px.shape[1:], self.landmarks_px.shape[1:], self.pose_deg.shape[1:])
        rows = {len(self.time_s), len(self.boxes_px), len(self.landmarks_px), len(self.pose_deg)}
        rows |= set() if self.shots is None else {len(self.shots)}
        if shapes != ((4,), (68, 2), (3,)) or len(rows) != 1:
            raise MediaError(f"face track {self.person}: {shapes} differ, or rows {sorted(rows)}")


@dataclass(frozen=True, slots=True)
class MouthCrops:
    """Crops of one person's mouth at a constant rate.

    Attributes:
        mouths: Greyscale crops, aligned with the face, shape ``(frames, crop, crop)``.
        time_s: Tick of each crop, ascending, integer multiples of ``1 / rate_hz`` on the time
            axis of the sound, shape ``(frames,)``; with gaps where the mouth is not visible.
        opening: Distance between the inner lips divided by the face size, shape ``(frames,)``.
        rate_hz: Ticks per second.
    """

    mouths: NDArray[np.uint8]
    time_s: NDArray[np.float64]
    opening: NDArray[np.float32]
    rate_hz: float

    def __post_init__(self) -> None:
        """Refuse rows that do not belong together."""
        if self.mouths.ndim != 3 or self.mouths.shape[1] != self.mouths.shape[2]:
            raise MediaError(f"expected mouths of shape (n, crop, crop), got {self.mouths.shape}")
        crops, times, openings = len(self.mouths), len(self.time_s), len(self.opening)
        if not crops == times == openings:
            raise MediaError(f"mouths: {crops} crops, {times} times, {openings} openings differ")


@dataclass(frozen=True, slots=True)
class SourceFaces:
    """Crops around one person's face in the frames of the file, before alignment.

    Attributes:
        encoded, ends: The image files of all crops one after the other, and where each ends.
        landmarks_px: 68 points in pixels of the crop, shape ``(frames, 68, 2)``.
        matrices: Similarity from crop to aligned face, in pixels, shape ``(frames, 2, 3)``.
    """

    encoded: NDArray[np.uint8]
    ends: NDArray[np.int64]
    landmarks_px: NDArray[np.float32]
    matrices: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Refuse rows that do not belong together."""
        if not len(self.ends) == len(self.landmarks_px) == len(self.matrices):
            raise MediaError("source faces: images, landmarks and matrices differ in number")


@dataclass(frozen=True, slots=True)
class PersonFeatures:
    """Visual features of one person.

    Attributes:
        faces: Aligned RGB faces, shape ``(frames, 224, 224, 3)``, uint8.
        flow: Farnebäck flow from the previous aligned face, in levels of ``FLOW_STEP_PX`` pixels,
            x then y, shape ``(frames, 2, 224, 224)``, int8; 0 at first, ``None`` if disabled.
        landmarks: 68 points in pixels of the aligned face, shape ``(frames, 68, 2)``.
        lips: Mouth crops, ``None`` if disabled. In a window of a long video, their times are
            relative to the start of the window, like its audio.
        source: The faces before alignment; ``None`` if disabled.
    """

    track: FaceTrack
    faces: NDArray[np.uint8]
    flow: NDArray[np.int8] | None
    landmarks: NDArray[np.float32]
    lips: MouthCrops | None = None
    source: SourceFaces | None = None


@dataclass(frozen=True, slots=True)
class ClipFeatures:
    """Features of a video, or of one window of a long video.

    Attributes:
        start_s, end_s: Window within the video; ``start_s`` is 0 for a whole clip.
        frames_sampled: Number of sampled frames, with or without a face.
        people: In descending order of screen presence; empty if no face was detected.
        waveform: ``None`` without audio.
        speech_spans_s: Start and end of each, in seconds from ``start_s``, shape ``(spans, 2)``.
        frames_still: Sampled frames in which nothing moves since the one before.
        compared: Whether people kept their number across shots, by their faces.
    """

    info: MediaInfo
    start_s: float
    end_s: float
    frames_sampled: int
    people: tuple[PersonFeatures, ...]
    waveform: Waveform | None
    speech_spans_s: NDArray[np.float64]
    frames_still: int = 0
    compared: bool = True


@dataclass(frozen=True, slots=True)
class ModelInput:
    """One sample for the detector: one person's faces and the accompanying audio.

    Attributes:
        faces: Shape ``(frames, 224, 224, 3)``, uint8; no frames if no face was detected.
        flow, lips: As in :class:`PersonFeatures`, lips on the time axis of ``waveform``.
        waveform: 16 kHz mono, shape ``(time,)``; no samples without audio.
        is_speech: True where there is speech, shape ``(time,)``.
        landmarks, pose_deg: Points in pixels and angles in the aligned face, or ``None``.
        times_s, shots: Of each face, seconds from the start of ``waveform``; its shot, or ``None``.
        speaks: Where this person speaks, shape ``(time,)``; ``None``: wherever there is speech.
    """

    faces: NDArray[np.uint8]
    flow: NDArray[np.int8] | None
    waveform: NDArray[np.float32]
    is_speech: NDArray[np.bool_]
    lips: MouthCrops | None = None
    landmarks: NDArray[np.float32] | None = None
    pose_deg: NDArray[np.float32] | None = None
    times_s: NDArray[np.float64] | None = None
    shots: NDArray[np.int64] | None = None
    speaks: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        """Reject arrays of inconsistent length."""
        masks = [mask.shape for mask in (self.is_speech, self.speaks) if mask is not None]
        if {*masks} != {self.waveform.shape}:
            raise MediaError(f"{self.waveform.shape} samples, speech masks {masks}")
        for rows in (self.landmarks, self.pose_deg, self.times_s, self.shots):
            if rows is not None and len(rows) != len(self.faces):
                raise MediaError(f"{len(self.faces)} faces, but {len(rows)} rows of another kind")


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """Scores of a detector for one labelled clip.

    Attributes:
        logit, probability: Calibrated; log-odds of being fake, and the same in ``[0, 1]``.
        video_probability, audio_probability, sync_probability: From face, voice or lip-sync alone;
            ``None`` where it was not scored.
        fake_video, fake_audio: Label of each modality; ``None`` if unknown.
        source, compression: As of the clip; empty in tables of before version 0.3.
        verdict, prevalence: By the rules of serving; share of fakes that the probabilities are
            stated for. ``None`` in older tables.
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
    source: str = ""
    compression: str = ""
    verdict: Verdict | None = None
    prevalence: float | None = None
