from dataclasses import replace

import numpy as np
import pytest

from tests.toy_fixtures import make_score_row
from unmask.evaluation.slices import (
    MIN_CLIPS,
    list_levels,
    list_parts,
    list_slices,
    list_sources_and_kinds,
)


@pytest.fixture
def rows():
    """Forty clips of one source: 20 genuine ones, and 10 of each of two kinds of fakes."""
    rng = np.random.default_rng(0)
    return [replace(make_score_row(number, rng), source="ffpp") for number in range(40)]


def split(rows, *sources):
    return [replace(row, source=sources[n // 4 % len(sources)]) for n, row in enumerate(rows)]


def names(parts):
    return [(part.kind, part.name) for part in parts]


def test_one_source_with_one_kind_and_one_level_has_a_part_for_each(rows):
    same = [replace(row, compression="c23") for row in rows if row.manipulation != "voice"]
    parts = list(list_parts(same))
    assert names(part for part, _ in parts) == [
        ("source", "ffpp"),
        ("manipulation", "face_swap"),
        ("compression", "c23"),
    ]
    assert all(len(indices) == len(same) for _, indices in parts)
    without_levels = [part for part, _ in parts if part.kind != "compression"]
    assert [part for part, _ in list_sources_and_kinds(same)] == without_levels


def test_clips_without_the_name_of_a_data_set_are_no_source(rows):
    unnamed = [replace(row, source="") for row in rows]
    assert {part.kind for part, _ in list_parts(unnamed)} == {"manipulation"}


def test_one_source_with_several_kinds_has_a_part_for_each(rows):
    parts = list(list_parts(rows))
    assert names(part for part, _ in parts) == [
        ("source", "ffpp"),
        ("manipulation", "face_swap"),
        ("manipulation", "voice"),
    ]
    for part, indices in parts[1:]:
        assert (part.fakes, part.reals, part.not_measured) == (10, 20, "")
        assert {rows[index].manipulation for index in indices} == {"none", part.name}


def test_kinds_of_one_name_in_two_sources_meet_the_genuine_clips_of_their_own(rows):
    mixed = split(rows, "celebdf", "ffpp")
    by_name = {part.name: part.indices for part in list_slices(mixed)}
    assert list(by_name) == [
        *("", "celebdf", "ffpp", "celebdf/face_swap", "celebdf/voice"),
        *("ffpp/face_swap", "ffpp/voice"),
    ]
    for name in ("celebdf/voice", "ffpp/voice"):
        source, _, kind = name.partition("/")
        expected = {
            n
            for n, row in enumerate(mixed)
            if row.source == source and row.manipulation in ("none", kind)
        }
        assert set(by_name[name]) == expected


def test_fakes_of_a_source_without_genuine_clips_meet_those_of_all(rows):
    moved = [replace(row, source="fakes") if row.is_fake else row for row in rows]
    parts = {part.name: part for part, _ in list_parts(moved)}
    assert (parts["fakes/voice"].fakes, parts["fakes/voice"].reals) == (10, 20)
    assert parts["fakes"].not_measured == "no genuine clips"
    assert parts["ffpp"].not_measured == "no fake clips"


def test_levels_are_those_of_each_source(rows):
    mixed = [
        replace(row, compression="" if row.source == "celebdf" else ("c23", "c40")[n % 8 // 4])
        for n, row in enumerate(split(rows, "celebdf", "ffpp", "ffpp"))
    ]
    levels = [part.name for part in list_slices(mixed) if part.kind == "compression"]
    assert levels == ["ffpp/c23", "ffpp/c40"]
    assert (list_levels(mixed, "celebdf"), list_levels(mixed, "ffpp")) == ((), ("c23", "c40"))


def test_a_part_of_few_clips_says_so(rows):
    few = [row for row in rows if row.manipulation != "voice"]
    few += [row for row in rows if row.manipulation == "voice"][: MIN_CLIPS - 1]
    parts = {part.name: part for part, _ in list_parts(few)}
    assert parts["voice"].not_measured == "too few clips, a row takes 5 of each"
    assert parts["voice"].heading == "manipulation voice (4 fake + 20 genuine)"
    assert parts["face_swap"].not_measured == ""


def test_clips_that_were_not_scored_do_not_count(rows):
    is_scored = np.array([row.manipulation != "voice" or n > 20 for n, row in enumerate(rows)])
    parts = {part.name: part for part, _ in list_parts(rows, is_scored)}
    scored = sum(row.manipulation == "voice" for row in rows[21:])
    assert (parts["voice"].fakes, parts["voice"].reals) == (scored, 20)
