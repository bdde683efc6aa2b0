"""Voices of online pseudo-fakes: each is forged once and kept for the epochs that follow.

All are kept in memory; vocoded ones, which take seconds, in the cache on disk as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from zlib import crc32

import numpy as np

from unmask.data.forgeries import voices
from unmask.data.forgeries.voices import Samples
from unmask.preprocessing.cache import Cache, Entry, cache_key

GRIFFIN_LIM, CONVERT = "griffin_lim", "convert"
SEED_NUMBERS = {GRIFFIN_LIM: 0, CONVERT: 1}
SEMITONES = (2.0, 5.0)  # pitch shift of the converted voice, up or down
MAX_KEPT_VOICES = 1024  # each lasts a few seconds
STAGE = "voices"
VERSION = 1  # increase when vocoding changes; older entries are then ignored


def select_vocoders(methods: Sequence[str]) -> list[str]:
    """Return the methods that are vocoders of the registry."""
    return [method for method in methods if method not in SEED_NUMBERS]


def forge_voice(file_sha256: str, method: str, samples: Samples, cache: Cache | None) -> Samples:
    """Return a forged voice, the same in every epoch and for every detector of the process.

    Args:
        file_sha256: Hash of the clip's file, the seed of the forgery.
        method: ``griffin_lim``, ``convert``, or a vocoder of the registry.
        samples: The genuine sound, which may come from a re-encoded copy of the file.
        cache: Where vocoded voices are kept on disk.

    Raises:
        WeightsError: The vocoder was not fetched.
    """
    return _forge(_Voice(file_sha256, method, crc32(samples.tobytes()), samples, cache))


@dataclass(frozen=True, slots=True)
class _Voice:
    """Key of a kept voice; compares file, method and checksum, but not each sample."""

    sha256: str
    method: str
    checksum: int
    samples: Samples = field(compare=False)
    cache: Cache | None = field(compare=False)


@lru_cache(maxsize=MAX_KEPT_VOICES)
def _forge(voice: _Voice) -> Samples:
    if select_vocoders([voice.method]):
        return _vocode(voice.samples, voice.method, voice.cache)
    rng = np.random.default_rng((crc32(voice.sha256.encode()), SEED_NUMBERS[voice.method]))
    if voice.method == GRIFFIN_LIM:
        return voices.griffin_lim(voice.samples, rng, quick=True)
    return voices.convert_voice(voice.samples, float(rng.choice([-1, 1]) * rng.uniform(*SEMITONES)))


def _vocode(samples: Samples, network: str, cache: Cache | None) -> Samples:
    from unmask.data.forgeries.vocoder import vocode, vocoder_sha256  # imports torch

    if cache is None:
        return vocode(samples, network)
    settings = {"version": VERSION, "weights": vocoder_sha256(network)}
    key = cache_key(STAGE, sha256(samples.tobytes()).hexdigest(), settings)
    entry = cache.load(STAGE, key)
    if entry is None:
        entry = Entry({}, {"samples": vocode(samples, network)})
        cache.save(STAGE, key, entry)
    return entry.arrays["samples"]
