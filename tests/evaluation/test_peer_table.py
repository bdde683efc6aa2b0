import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.evaluation.test_held_out import SETTINGS, make_held_out
from unmask.evaluation.family_rows import ScoredFile
from unmask.evaluation.generator_families import family_of
from unmask.evaluation.held_out import tabulate_held_out
from unmask.evaluation.held_out_markdown import held_out_page
from unmask.evaluation.peer_table import PeerTable, peers_page, tabulate_peers
from unmask.evaluation.serialization import from_json, to_json


@pytest.fixture(scope="module")
def clips():
    """Clips with a score of a published detector, except for every third."""
    rng = np.random.default_rng(1)
    return [
        replace(clip, peers={"other": float(rng.normal(clip.row.is_fake, 1))} if n % 3 else {})
        for n, clip in enumerate(make_held_out())
    ]


@pytest.fixture(scope="module")
def table(clips):
    files = [
        ScoredFile(
            *(clip.row.identity, clip.row.source, clip.row.is_fake),
            family_of(clip.row) if clip.row.is_fake else "",
            *(clip.fold, clip.facts, clip.peers),
        )
        for clip in clips
    ]
    missing = {clip.row.clip_id: "no sound" for clip in clips if not clip.peers}
    return tabulate_peers(files, {"other": missing, "nothing": {}}, SETTINGS, 0)


def test_a_detector_is_measured_on_the_clips_that_it_scored(table, clips):
    row = next(row for row in table.families if row.family == "lip-sync")
    compared = [c for c in clips if c.peers and c.row.manipulation in ("none", "lipsync")]
    labels = [clip.row.is_fake for clip in compared]
    expected = roc_auc_score(labels, [clip.peers["other"] for clip in compared])
    assert row.auc.value == pytest.approx(expected)
    assert row.fakes == sum(labels)
    assert row.auc.by_source.low < expected < row.auc.by_source.high
    assert {row.score for row in table.families} == {"other"}


def test_it_has_the_same_row_beside_a_detector_trained_here(table, clips):
    held_out = tabulate_held_out(clips, {}, SETTINGS, 0)
    rows = [row for row in held_out.families if row.score == "other"]
    assert tuple(rows) == table.families
    own = tabulate_held_out([replace(clip, peers={}) for clip in clips], {}, SETTINGS, 0)
    assert tuple(row for row in held_out.families if row.score != "other") == own.families
    assert "| lip-sync | other |" in held_out_page(held_out, "Title", ())


def test_each_source_has_a_row_with_its_fakes_against_all_genuine_clips(table, clips):
    rows = {(row.source, row.score): row for row in table.sources}
    assert set(rows) == {(c.row.source, name) for c in clips for name in ("other", "nothing")}
    for source in {clip.row.source for clip in clips}:
        scored = [clip for clip in clips if clip.peers]
        own = [c for c in scored if c.row.source == source]
        fakes = [clip for clip in own if clip.row.is_fake]
        compared = [*fakes, *(clip for clip in scored if not clip.row.is_fake)]
        row, labels = rows[source, "other"], [clip.row.is_fake for clip in compared]
        scores = [clip.peers["other"] for clip in compared]
        assert row.auc.value == pytest.approx(roc_auc_score(labels, scores))
        assert (row.fakes, row.reals) == (len(fakes), len(own) - len(fakes))
    page = peers_page(table, [])
    assert all(f"| {' | '.join(row.list_cells())} |" in page for row in table.sources)
    assert rows[source, "nothing"].not_measured == "no fake and no genuine clips"


def test_a_source_of_genuine_clips_says_so(clips):
    genuine = [
        ScoredFile(c.row.identity, "studio", False, "", c.fold, c.facts, c.peers)
        for c in clips
        if c.peers and not c.row.is_fake
    ]
    (row,) = tabulate_peers(genuine, {"other": {}}, SETTINGS, 0).sources
    assert (row.auc, row.reals, row.not_measured) == (None, len(genuine), "no fake clips")
    stored = json.loads(to_json(PeerTable((), {}, 0.95)))
    del stored["sources"]
    assert from_json(PeerTable, json.dumps(stored)).sources == ()


def test_report_has_the_table_and_the_clips_without_a_score(table, clips):
    page = peers_page(table, ["A note."])
    missing = sum(not clip.peers for clip in clips)
    assert f"A note. Clips without a score: other has no score for {missing}." in page
    assert page.count("| lip-sync | other |") == 2  # its scores, and the facts of its files
    assert from_json(PeerTable, to_json(table)) == table
