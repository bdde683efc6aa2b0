"""Corrupt media files of many kinds; each follows from the seed and its number alone."""

import numpy as np

BOXES = (b"moov", b"mdat", b"trak", b"stsz", b"stco", b"stts", b"moof", b"trun", b"avcC", b"esds")


def corrupt_files(intact, count, seed=4, first=0):
    """Yield a name and the content of corrupt files number ``first`` to ``count``.

    Args:
        intact: Contents of intact files, in several containers.
    """
    for number in range(first, count):
        content = intact[number % len(intact)]
        corrupt = KINDS[number // len(intact) % len(KINDS)]
        rng = np.random.default_rng((seed, number))
        yield f"{number:05d}-{corrupt.__name__}", corrupt(content, intact, rng)


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
    """Put a part of another file in place of a part."""
    other = intact[int(rng.integers(len(intact)))]
    first, second = _span(content, rng)
    start = int(rng.integers(0, len(other)))
    return content[:first] + other[start : start + second - first] + content[second:]


def swap_fragments(content, _, rng):
    """Exchange two neighbouring parts."""
    first, middle, last = sorted(rng.integers(0, len(content), 3).tolist())
    swapped = content[middle:last] + content[first:middle]
    return content[:first] + swapped + content[last:]


def blank(content, _, rng):
    """Fill a part with zeros, as a disk does that lost its blocks."""
    first, second = _span(content, rng)
    return content[:first] + bytes(second - first) + content[second:]


def empty_tail(content, _, rng):
    """Keep at most 64 bytes: a header of a file whose length is zero."""
    return content[: int(rng.integers(1, 65))]


def lie_in_headers(content, _, rng):
    """Replace lengths and counts in the headers by other ones."""
    data = bytearray(content)
    for name in BOXES:
        position = data.find(name)
        if position < 4 or rng.random() < 0.5:
            continue
        # the length of the box, or the first numbers inside it
        offset = position + int(rng.choice([-4, 4, 8, 12]))
        data[offset : offset + 4] = rng.bytes(4)
    for _ in range(3):
        offset = int(rng.integers(0, min(64, len(data))))
        data[offset] = int(rng.integers(256))
    return bytes(data[: len(content)])


def append(content, intact, rng):
    """Join two files, so that the format and the clock change."""
    return content + intact[int(rng.integers(len(intact)))]


KINDS = (
    truncate,
    flip_bits,
    splice,
    swap_fragments,
    blank,
    empty_tail,
    lie_in_headers,
    append,
)


def _span(content, rng):
    return sorted(rng.integers(0, len(content), 2).tolist())
