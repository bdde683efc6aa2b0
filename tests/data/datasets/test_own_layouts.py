"""Layouts for data of one's own: a simple table, and the folders real/ and fake/."""

import logging
from dataclasses import replace

import pytest

from tests.data.datasets.conftest import probe_text_file
from unmask.data.datasets.ingest import load_dataset
from unmask.data.forgeries.methods import FACE_METHODS, VOICE_METHODS
from unmask.errors import DataError


def test_labels_of_a_table_may_be_unknown_or_mismatched(make_folder, by_id):
    table = "\n".join(
        [
            "file,label,manipulation,fake_video,fake_audio,mismatched",
            "a.mp4,real,,,,",
            "b.mp4,fake,tool,unknown,Unknown,",
            "c.mp4,fake,dubbed,false,false,true",
            "d.mp4,fake,voice-swap,,,",
            "e.mp4,fake,face,true,unknown,",
        ]
    )
    clips = by_id(
        load_dataset(make_folder(*[f"{n}.mp4" for n in "abcde"], **{"manifest.csv": table}))
    )
    parts = {
        name[0]: (clip.fake_video, clip.fake_audio, clip.mismatched) for name, clip in clips.items()
    }
    assert parts == {
        "a": (False, False, False),
        "b": (None, None, False),
        "c": (False, False, True),
        "d": (False, False, True),
        "e": (True, None, False),
    }


@pytest.mark.parametrize(
    ("manipulation", "parts"),
    [
        ("face-swap+voice-swap", (True, False, True)),
        ("self-blend+voice-swap", (True, False, True)),
        ("face-swap+voice-convert", (True, True, False)),
        ("lip-desync+voice-griffinlim", (True, True, False)),
        ("Voice_Swap", (False, False, True)),
        ("voice swap", (False, False, True)),
        ("Face Swap", (True, False, False)),
        ("audio", (False, True, False)),
        ("text to speech", (False, True, False)),
        ("reenactment", (True, False, False)),
        ("lipsync + audio", (True, True, False)),
        ("faceswap+Wav2Lip", (True, None, False)),
        ("speech-driven face", (None, None, False)),
        ("audio-driven-talking-head", (None, None, False)),
        ("voiceover-lipsync", (None, None, False)),
        ("none", (None, None, False)),
    ],
)
def test_parts_of_a_fake_follow_from_the_whole_name(make_folder, by_id, manipulation, parts):
    table = f"file,label,manipulation\na.mp4,real,\nb.mp4,fake,{manipulation}\nc.mp4,real,"
    names = ("a.mp4", "b.mp4", "c.mp4")
    clip = by_id(load_dataset(make_folder(*names, **{"manifest.csv": table})))["b.mp4"]
    assert (clip.fake_video, clip.fake_audio, clip.mismatched) == parts


@pytest.mark.parametrize("method", [*FACE_METHODS, *VOICE_METHODS])
def test_no_method_of_the_project_is_unknown_in_a_table(make_folder, by_id, method, caplog):
    table = f"file,label,manipulation\na.mp4,real,\nb.mp4,fake,{method}\nc.mp4,real,"
    names = ("a.mp4", "b.mp4", "c.mp4")
    clip = by_id(load_dataset(make_folder(*names, **{"manifest.csv": table})))["b.mp4"]
    assert clip.fake_video == (method in FACE_METHODS)
    assert clip.mismatched == (method == "voice-swap")
    assert clip.fake_audio == (method in VOICE_METHODS and not clip.mismatched)
    assert "names of manipulations" not in caplog.text


def test_names_that_tell_nothing_are_counted_and_stated_labels_kept(make_folder, by_id, caplog):
    rows = ["a.mp4,real,,,,", "b.mp4,fake,Tool X,,,", "c.mp4,fake,tool_x+audio,,,"]
    rows += ["d.mp4,fake,Tool X,true,,", "e.mp4,fake,other,true,false,", "f.mp4,fake,,,,"]
    rows += ["g.mp4,fake,dubbing,,,true"]
    table = "\n".join(["file,label,manipulation,fake_video,fake_audio,mismatched", *rows])
    names = [f"{name}.mp4" for name in "abcdefg"]
    with caplog.at_level(logging.WARNING):
        clips = by_id(load_dataset(make_folder(*names, **{"manifest.csv": table})))
    parts = {name[0]: (clip.fake_video, clip.fake_audio) for name, clip in clips.items()}
    assert parts["c"] == (None, True)
    assert parts["d"] == (True, None)
    assert clips["g.mp4"].mismatched
    assert "is forged: tool-x 3, dubbing 1;" in caplog.text


def test_only_part_of_a_fake_is_the_forged_one(make_folder, by_id, monkeypatch):
    silent = {"b.mp4": {"audio_codec": None}, "c.mp4": {"video_codec": None}}

    def probe(path):
        return replace(probe_text_file(path), **silent.get(path.name, {}))

    monkeypatch.setattr("unmask.data.datasets.ingest.probe", probe)
    files = [f"{label}/{name}.mp4" for label in ("real", "fake") for name in "abc"]
    clips = by_id(load_dataset(make_folder(*files)))
    parts = {
        name: (clips[f"fake__{name}.mp4"].fake_video, clips[f"fake__{name}.mp4"].fake_audio)
        for name in "abc"
    }
    assert parts == {"a": (None, None), "b": (True, False), "c": (False, True)}


def test_simple_table_defines_files_and_labels(make_folder, by_id):
    table = "\n".join(
        [
            "file,label,manipulation,person_id,licence_of_repo,duration_s",
            "real/a.mp4,real,none,ann,MIT,99",
            'fake/a.mp4,fake,lipsync,ann,"MIT, of a kind",99',
            "fake/b.mp4,fake,voice clone,bob,,99",
            "fake/c.mp4,Fake,,,,99",
        ]
    )
    names = ("real/a.mp4", "fake/a.mp4", "fake/b.mp4", "fake/c.mp4")
    clips = by_id(load_dataset(make_folder(*names, **{"manifest.csv": table})))
    real, lips, voice, bare = (clips[name.replace("/", "__")] for name in names)
    assert (real.identity, real.is_fake, real.duration_s, real.licence) == (
        "ann",
        False,
        3.0,
        "MIT",
    )
    assert (lips.fake_video, lips.fake_audio, lips.split) == (True, False, real.split)
    assert (voice.fake_video, voice.fake_audio) == (False, True)
    assert (bare.identity, bare.manipulation, bare.fake_video) == ("c", "unknown", None)


def test_a_simple_table_names_the_generator_of_fakes(make_folder, by_id):
    table = "file,label,generator\na.mp4,real,camera\nb.mp4,fake,Wav2Lip+CodeFormer\nc.mp4,fake,"
    names = ("a.mp4", "b.mp4", "c.mp4")
    clips = by_id(load_dataset(make_folder(*names, **{"manifest.csv": table})))
    generators = [clips[name].generator for name in names]
    assert generators == ["", "Wav2Lip+CodeFormer", ""]  # a genuine clip has none


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a.mp4,genuine,train,false,true", "row 3: column label: 'genuine'"),
        ("a.mp4,real,dev,false,false", "row 3: column split: 'dev'"),
        ("a.mp4,fake,train,no,true", "row 3: 'no' is neither true nor false"),
        ("a.mp4,fake,train,false,false", "row 3: label is fake, but fake_video and fake_audio are"),
    ],
)
def test_invalid_row_of_a_simple_table_is_reported(make_folder, line, message):
    table = f"file,label,split,fake_video,fake_audio\nb.mp4,real,train,,\n{line}"
    with pytest.raises(DataError, match=message):
        load_dataset(make_folder("a.mp4", "b.mp4", **{"manifest.csv": table}))


def test_real_fake_folders_take_people_from_their_folder_names(make_folder, by_id, caplog):
    names = ("real/ann/1.mp4", "real/2.mov", "fake/ann/1.webm", "fake/2.mp4", "real/1.srt")
    names += ("real/bob/1.MTS", "fake/bob/1.wav")
    with caplog.at_level(logging.WARNING):
        clips = by_id(load_dataset(make_folder(*names)))
    assert {name: (c.identity, c.is_fake) for name, c in clips.items()} == {
        "real__ann__1.mp4": ("ann", False),
        "real__2.mov": ("2", False),
        "fake__ann__1.webm": ("ann", True),
        "fake__2.mp4": ("2", True),
        "real__bob__1.MTS": ("bob", False),
        "fake__bob__1.wav": ("bob", True),
    }
    voice, face = clips["fake__bob__1.wav"], clips["fake__2.mp4"]
    assert (voice.fake_video, voice.fake_audio) == (False, True)
    assert (face.fake_video, face.fake_audio) == (None, None)
    assert "1 file of unknown kind: .srt 1" in caplog.text
    assert "2 clips name no person" in caplog.text
