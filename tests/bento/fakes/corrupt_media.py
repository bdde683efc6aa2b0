"""Broken films: cut short, bits turned over, pieces mixed up; the same for the same seed."""

import numpy as np


def broken_files(whole, count, seed=4):
    """So many broken copies of a few whole files, with what was done to each.

    Args:
        whole: Contents of whole files, of several containers.
    """
    rng = np.random.default_rng(seed)
    for number in range(count):
        content = whole[number % len(whole)]
        how = (truncated, flipped, spliced)[number // len(whole) % 3]
        yield f"{number:03d}-{how.__name__}", how(content, whole, rng)


def truncated(content, _, rng):
    return content[: int(rng.integers(1, len(content)))]


def flipped(content, _, rng):
    data = bytearray(content)
    # half of the damage to the headers, which lie at either end
    for _ in range(int(rng.integers(1, 60))):
        edge = rng.random() < 0.5
        place = int(rng.integers(0, min(600, len(data)))) if edge else int(rng.integers(len(data)))
        place = len(data) - 1 - place if rng.random() < 0.3 else place
        data[place] ^= 1 << int(rng.integers(8))
    return bytes(data)


def spliced(content, whole, rng):
    other = whole[int(rng.integers(len(whole)))]
    first, second = sorted(rng.integers(0, len(content), 2).tolist())
    start = int(rng.integers(0, len(other)))
    return content[:first] + other[start : start + second - first] + content[second:]
