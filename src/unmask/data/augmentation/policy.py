"""What a training sample may look and sound like without its label changing.

What is done is drawn before it is done, and depends on chance alone: a genuine clip and a fake
made of it, drawn from the same chance, change alike. By default only the side and the light
change; blur, noise and compression also wash away the traces of a forgery.
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
BALANCE = 0.1  # relative, of red, green and blue each
SATURATION = 0.4  # relative, more colourful or less
BLUR_PX = (0.4, 1.5)
SCALES = (0.5, 1.5)
FILM_CRF = (20, 34)  # of H.264
# what the other codecs' scales add for about the same look
FILM_CODECS = (("h264", 0), ("h265", 5), ("vp9", 10), ("av1", 10))
VOICE_CODECS = ("opus", "aac")
VOICE_KBIT = (16, 48)
SEMITONES = 2.0
STRETCH = 0.1  # relative, longer or shorter
SNR_DB = (15.0, 40.0)
TILT_DB = 3.0  # per octave, up or down


@dataclass(frozen=True, slots=True)
class AugmentationParams:
    """What is done to one sample; ``None`` leaves it out.

    Attributes:
        light: Factor of contrast, and what is added to brightness.
        colour: Factors of red, green and blue, and of saturation.
        scale: Size that faces are brought to, and back from.
        film: Codec and constant quality of the faces as a film.
        voice: Codec and kbit/s of the sound.
        part: Which part of the face is cut out.
        stretch: Factor of the sound's length.
        noise_seed: Of the hiss that lies ``snr_db`` below the sound.
        tilt_db: Per octave.
    """

    mirror: bool
    light: tuple[float, float] | None
    colour: tuple[float, float, float, float] | None
    blur_px: float | None
    scale: float | None
    film: tuple[str, int] | None
    voice: tuple[str, int] | None
    part: int | None
    semitones: float | None
    stretch: float | None
    snr_db: float | None
    noise_seed: int
    tilt_db: float | None


def sample_augmentation(
    settings: AugmentationSettings, rng: np.random.Generator
) -> AugmentationParams:
    """Throw every die there is, so that one probability never moves what another decides."""
    mirror = rng.random() < settings.mirror
    light = 1 + rng.uniform(-CONTRAST, CONTRAST), rng.uniform(-BRIGHTNESS, BRIGHTNESS)

    def often(probability: float) -> bool:
        return bool(rng.random() < probability)

    lights, blurs, blur_px = often(settings.light), often(settings.blur), rng.uniform(*BLUR_PX)
    resizes, scale = often(settings.resize), rng.uniform(*SCALES)
    codec, (film, coarser) = often(settings.codec), FILM_CODECS[rng.integers(len(FILM_CODECS))]
    crf, kbit = int(rng.integers(*FILM_CRF)) + coarser, int(rng.integers(*VOICE_KBIT))
    spoken = VOICE_CODECS[rng.integers(len(VOICE_CODECS))]
    cutout, part = often(settings.cutout), int(rng.integers(len(PARTS)))
    pitches, semitones = often(settings.pitch), rng.uniform(-SEMITONES, SEMITONES)
    stretches, stretch = often(settings.stretch), 1 + rng.uniform(-STRETCH, STRETCH)
    noises, snr_db, noise_seed = often(settings.noise), rng.uniform(*SNR_DB), rng.integers(2**31)
    tilts, tilt_db = often(settings.tilt), rng.uniform(-TILT_DB, TILT_DB)
    colours = often(settings.colour)
    red, green, blue = 1 + rng.uniform(-BALANCE, BALANCE, 3)
    saturation = 1 + rng.uniform(-SATURATION, SATURATION)
    return AugmentationParams(
        mirror=mirror,
        light=light if lights else None,
        colour=(red, green, blue, saturation) if colours else None,
        blur_px=blur_px if blurs else None,
        scale=scale if resizes else None,
        film=(film, crf) if codec else None,
        voice=(spoken, kbit) if codec else None,
        part=part if cutout else None,
        semitones=semitones if pitches else None,
        stretch=stretch if stretches else None,
        snr_db=snr_db if noises else None,
        noise_seed=int(noise_seed),
        tilt_db=tilt_db if tilts else None,
    )


def augment_sample(sample: ModelInput, changes: AugmentationParams) -> ModelInput:
    """The sample changed, alike in all frames; flow stays that of the faces, as they move."""
    return augment_audio(_changed_faces(sample, changes), changes)


def _changed_faces(sample: ModelInput, changes: AugmentationParams) -> ModelInput:
    if not len(sample.faces):
        return sample
    if changes.mirror:
        sample = mirror(sample)
    faces = sample.faces
    if changes.light is not None:
        faces = adjust_brightness_contrast(faces, *changes.light)
    if changes.colour is not None:
        faces = adjust_colour(faces, changes.colour)
    faces = _coarsened(faces, changes)
    if changes.part is not None and sample.landmarks is not None:
        faces = face_cutout(faces, sample.landmarks, changes.part)
    return replace(sample, faces=faces)


def _coarsened(faces: Faces, changes: AugmentationParams) -> Faces:
    """What a lens, a smaller picture and a codec take away, in this order."""
    if changes.blur_px is not None:
        faces = blur(faces, changes.blur_px)
    if changes.scale is not None:
        faces = downscale_upscale(faces, changes.scale)
    if changes.film is not None:
        faces = reencode_frames(faces, *changes.film)
    return faces


def augment_audio(sample: ModelInput, changes: AugmentationParams) -> ModelInput:
    """The sample with its sound changed alone."""
    samples, is_speech = sample.waveform, sample.is_speech
    if not len(samples):
        return sample
    if changes.stretch is not None:
        samples, is_speech = time_stretch(samples, is_speech, changes.stretch)
    if changes.semitones is not None:
        samples = pitch_shift(samples, changes.semitones)
    if changes.tilt_db is not None:
        samples = spectral_tilt(samples, changes.tilt_db)
    if changes.voice is not None:
        samples = reencode_audio(samples, *changes.voice)
    if changes.snr_db is not None:
        samples = add_noise(samples, changes.snr_db, np.random.default_rng(changes.noise_seed))
    return replace(sample, waveform=samples, is_speech=is_speech)
