"""Clips are read when they are used, and no more of them stay in memory than asked for."""

import copy

import numpy as np
import pytest

from unmask.training.lipsync.dataset import read_sync_clip
from unmask.training.lipsync.fit import fit_score_mapping
from unmask.training.lipsync.streaming import StreamedClips


@pytest.fixture
def streamed(toy):
    reads = []

    def read(clip):
        reads.append(clip.clip_id)
        return read_sync_clip(clip, toy.load)

    rows = [clip for clip in toy.clips if clip.split == "test" and not clip.is_fake]

    def make(clips_in_memory):
        size = StreamedClips(rows, read, kept_bytes=10**9)
        assert size[0].clip == rows[0]
        bytes_each = size.kept_bytes()
        reads.clear()
        return StreamedClips(rows, read, kept_bytes=clips_in_memory * bytes_each)

    return make, reads


def test_clips_come_in_their_order_and_those_used_last_stay(streamed, held_out):
    make, reads = streamed
    clips = make(clips_in_memory=2)
    expected = [clip.clip.clip_id for clip in held_out if not clip.clip.is_fake]
    assert [clip.clip.clip_id for clip in clips] == expected == reads
    assert (clips[-1].clip.clip_id, clips[6].clip.clip_id) == (expected[-1], expected[6])
    assert len(reads) == len(expected)  # both were in memory
    _ = clips[0], clips[7]  # the latter was used before the last but one
    assert reads[len(expected) :] == [expected[0], expected[7]]
    assert [clip.clip.clip_id for clip in clips[2:4]] == expected[2:4]
    with pytest.raises(IndexError):
        clips[8]


@pytest.mark.parametrize("clips_in_memory", [0, 1, 3])
def test_memory_is_bounded_but_for_the_clip_in_use(streamed, clips_in_memory):
    make, _ = streamed
    clips = make(clips_in_memory)
    bytes_each = None
    for _clip in clips:
        bytes_each = bytes_each or clips.kept_bytes()
        assert clips.kept_bytes() <= max(clips_in_memory, 1) * bytes_each


def test_streamed_clips_fit_the_same_mapping_as_clips_in_memory(streamed, held_out, net):
    make, _ = streamed
    mappings = []
    for clips in (make(clips_in_memory=1), [c for c in held_out if not c.clip.is_fake]):
        fitted = copy.deepcopy(net)
        fit_score_mapping(fitted, clips, seed=3)
        mappings.append(fitted.mapping)
    np.testing.assert_array_equal(*mappings)
