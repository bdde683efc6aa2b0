"""Corrupt media files: truncated, with flipped bits, spliced; reproducible by seed."""

import numpy as np


def corrupt_files(intact, count, seed=4):
    """Yield a name and the content of ``count`` corrupt files.

    Args:
        intact: Contents of intact files, in several containers.
    """
    rng = np.random.default_rng(seed)
    for number in range(count):
        content = intact[number % len(intact)]
        corrupt = (truncate, flip_bits, splice)[number // len(intact) % 3]
        yield f"{number:03d}-{corrupt.__name__}", corrupt(content, intact, rng)


def truncate(content, _, rng):
    return content[: int(rng.integers(1, len(content)))]


def flip_bits(content, _, rng):
    data = bytearray(content)
    # half of the flips hit the headers, which are at either end
    for _ in range(int(rng.integers(1, 60))):
        in_header = rng.random() < 0.5
        offset = (
            int(rng.integers(0, min(600, len(data)))) if in_header else int(rng.integers(len(data)))
        )
        offset = len(data) - 1 - offset if rng.random() < 0.3 else offset
        data[offset] ^= 1 << int(rng.integers(8))
    return bytes(data)


def splice(content, intact, rng):
    other = intact[int(rng.integers(len(intact)))]
    first, second = sorted(rng.integers(0, len(content), 2).tolist())
    start = int(rng.integers(0, len(other)))
    return content[:first] + other[start : start + second - first] + content[second:]
