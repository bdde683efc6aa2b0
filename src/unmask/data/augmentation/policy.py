"""Augmentation policy: samples the parameters of all transforms and applies them.

The parameters are sampled before any transform and do not depend on the sample: with equal
generators, a genuine clip and its fakes are augmented alike. By default only mirroring and
brightness are on; blur, noise and compression also remove traces of forgeries.
"""

from dataclasses import dataclass, replace

import numpy as np

from unmask.config import AugmentationSettings
from unmask.data.augmentation.audio import pitch_shift, spectral_tilt, time_stretch
from unmask.data.augmentation.faces import (
    PARTS,
    Faces,
    adjust_brightness_contrast,
    adjust_colour,
    downscale_upscale,
    face_cutout,
    mirror,
)
from unmask.preprocessing.media.degradations import add_noise, blur, reencode_audio, reencode_frames
from unmask.records import ModelInput

BRIGHTNESS = 0.15  # of full scale, up or down
CONTRAST = 0.2  # relative, up or down
BALANCE = 0.1  # relative, for each of red, green and blue
SATURATION = 0.4  # relative, up or down
BLUR_PX = (0.4, 1.5)
SCALE = (0.5, 1.5)
VIDEO_CRF = (20, 34)  # of H.264
JPEG_QUALITY = (40, 101)  # as in Shiohara & Yamasaki's training, CVPR 2022, at random in half of it
# codecs, and what is added to the CRF of H.264 for about the same quality
VIDEO_CODECS = (("h264", 0), ("h265", 5), ("vp9", 10), ("av1", 10))
AUDIO_CODECS = ("opus", "aac")
AUDIO_KBIT = (16, 48)
SEMITONES = 2.0
STRETCH = 0.1  # relative, longer or shorter
SNR_DB = (15.0, 40.0)
TILT_DB = 3.0  # per octave, up or down


@dataclass(frozen=True, slots=True)
class AugmentationParams:
    """Parameters of the transforms of one sample; ``None`` skips a transform.

    Attributes:
        light: Factor of the contrast and offset of the brightness.
        colour: Factors of red, green, blue and the saturation.
        blur_px: Sigma of the Gaussian blur.
        scale: Factor of the intermediate size of the faces.
        video: Codec and constant rate factor (CRF) of the re-encoded faces.
        audio: Codec and kbit/s of the re-encoded sound.
        part: Part of the face that is cut out.
        semitones: Pitch shift.
        stretch: Factor of the duration of the sound.
        snr_db: Signal-to-noise ratio of the added white noise.
        noise_seed: Seed of that noise.
        tilt_db: Spectral tilt per octave.
        image: Codec and quality of faces that are re-encoded before alignment, in place of
            ``video``; see :func:`unmask.preprocessing.media.degradations.reencode_images`.
    """

    mirror: bool
    light: tuple[float, float] | None
    colour: tuple[float, float, float, float] | None
    blur_px: float | None
    scale: float | None
    video: tuple[str, int] | None
    audio: tuple[str, int] | None
    part: int | None
    semitones: float | None
    stretch: float | None
    snr_db: float | None
    noise_seed: int
    tilt_db: float | None
    image: tuple[str, int] | None = None


def sample_augmentation(
    settings: AugmentationSettings, rng: np.random.Generator
) -> AugmentationParams:
    """Sample the parameters of all transforms.

    Every number is drawn whether its transform is applied or not, so that changing one
    probability does not change the other transforms.
    """
    mirror = rng.random() < settings.mirror
    light = 1 + rng.uniform(-CONTRAST, CONTRAST), rng.uniform(-BRIGHTNESS, BRIGHTNESS)

    def happens(probability: float) -> bool:
        return bool(rng.random() < probability)

    # the order of the draws is part of the result of a seed
    use_light, use_blur = happens(settings.light), happens(settings.blur)
    blur_px = rng.uniform(*BLUR_PX)
    use_scale, scale = happens(settings.resize), rng.uniform(*SCALE)
    use_codec = happens(settings.codec)
    video_codec, crf_offset = VIDEO_CODECS[rng.integers(len(VIDEO_CODECS))]
    crf, kbit = int(rng.integers(*VIDEO_CRF)) + crf_offset, int(rng.integers(*AUDIO_KBIT))
    audio_codec = AUDIO_CODECS[rng.integers(len(AUDIO_CODECS))]
    use_cutout, part = happens(settings.cutout), int(rng.integers(len(PARTS)))
    use_pitch, semitones = happens(settings.pitch), rng.uniform(-SEMITONES, SEMITONES)
    use_stretch, stretch = happens(settings.stretch), 1 + rng.uniform(-STRETCH, STRETCH)
    use_noise, snr_db = happens(settings.noise), rng.uniform(*SNR_DB)
    noise_seed = rng.integers(2**31)
    use_tilt, tilt_db = happens(settings.tilt), rng.uniform(-TILT_DB, TILT_DB)
    use_colour = happens(settings.colour)
    red, green, blue = 1 + rng.uniform(-BALANCE, BALANCE, 3)
    saturation = 1 + rng.uniform(-SATURATION, SATURATION)
    image = _sample_image_codec(crf - crf_offset, rng)
    return AugmentationParams(
        mirror=mirror,
        light=light if use_light else None,
        colour=(red, green, blue, saturation) if use_colour else None,
        blur_px=blur_px if use_blur else None,
        scale=scale if use_scale else None,
        video=(video_codec, crf) if use_codec else None,
        audio=(audio_codec, kbit) if use_codec else None,
        part=part if use_cutout else None,
        semitones=semitones if use_pitch else None,
        stretch=stretch if use_stretch else None,
        snr_db=snr_db if use_noise else None,
        noise_seed=int(noise_seed),
        tilt_db=tilt_db if use_tilt else None,
        image=image if use_codec else None,
    )


def _sample_image_codec(crf: int, rng: np.random.Generator) -> tuple[str, int]:
    use_jpeg, quality = rng.random() < 0.5, int(rng.integers(*JPEG_QUALITY))
    return ("jpeg", quality) if use_jpeg else ("h264", crf)


def augment_sample(sample: ModelInput, params: AugmentationParams) -> ModelInput:
    """Apply the transforms, alike in all frames; the optical flow changes only by mirroring."""
    return augment_audio(_augment_faces(sample, params), params)


def _augment_faces(sample: ModelInput, params: AugmentationParams) -> ModelInput:
    if not len(sample.faces):
        return sample
    if params.mirror:
        sample = mirror(sample)
    faces = sample.faces
    if params.light is not None:
        faces = adjust_brightness_contrast(faces, *params.light)
    if params.colour is not None:
        faces = adjust_colour(faces, params.colour)
    faces = _degrade_faces(faces, params)
    if params.part is not None and sample.landmarks is not None:
        faces = face_cutout(faces, sample.landmarks, params.part)
    return replace(sample, faces=faces)


def _degrade_faces(faces: Faces, params: AugmentationParams) -> Faces:
    """Blur, resize and re-encode, in this order."""
    if params.blur_px is not None:
        faces = blur(faces, params.blur_px)
    if params.scale is not None:
        faces = downscale_upscale(faces, params.scale)
    if params.video is not None:
        faces = reencode_frames(faces, *params.video)
    return faces


def augment_audio(sample: ModelInput, params: AugmentationParams) -> ModelInput:
    """Apply the transforms of the sound only."""
    samples, is_speech = sample.waveform, sample.is_speech
    if not len(samples):
        return sample
    if params.stretch is not None:
        samples, is_speech = time_stretch(samples, is_speech, params.stretch)
    if params.semitones is not None:
        samples = pitch_shift(samples, params.semitones)
    if params.tilt_db is not None:
        samples = spectral_tilt(samples, params.tilt_db)
    if params.audio is not None:
        samples = reencode_audio(samples, *params.audio)
    if params.snr_db is not None:
        samples = add_noise(samples, params.snr_db, np.random.default_rng(params.noise_seed))
    return replace(sample, waveform=samples, is_speech=is_speech)
