import pytest

from unmask.data.datasets import asvspoof, in_the_wild, mlaad, wavefake
from unmask.data.datasets.ingest import ADAPTERS, load_dataset
from unmask.errors import DataError

LISTS_2019 = {
    "train": ("ASVspoof2019.LA.cm.train.trn.txt", ["LA_0079 LA_T_1138215 - - bonafide",
                                                   "LA_0079 LA_T_1004644 - A01 spoof"]),
    "dev": ("ASVspoof2019.LA.cm.dev.trl.txt", ["LA_0069 LA_D_1047731 - - bonafide",
                                               "LA_0070 LA_D_1005090 - A05 spoof"]),
    "eval": ("ASVspoof2019.LA.cm.eval.trl.txt", ["LA_0039 LA_E_2834763 - A11 spoof",
                                                 "LA_0030 LA_E_5849185 - - bonafide"]),
}  # fmt: skip


def matching(folder):
    return {adapter for adapter in ADAPTERS.values() if adapter.matches(folder)}


def facts(entries):
    return {
        entry.path.name: (entry.identity, entry.fake_audio, entry.manipulation, entry.split,
                          entry.compression)
        for entry in entries
    }  # fmt: skip


@pytest.mark.parametrize("root", ["", "LA/"])
def test_asvspoof_2019_la_has_the_speakers_attacks_and_splits_of_its_lists(make_folder, root):
    texts = {f"{root}ASVspoof2019_LA_cm_protocols/{name}": "\n".join(lines)
             for name, lines in LISTS_2019.values()}  # fmt: skip
    media = [
        f"{root}ASVspoof2019_LA_{part}/flac/{line.split()[1]}.flac"
        for part, (_, lines) in LISTS_2019.items()
        for line in lines
    ]
    folder = make_folder(*media, **texts)
    assert matching(folder) == {asvspoof}
    assert facts(asvspoof.iter_entries(folder)) == {
        "LA_T_1138215.flac": ("LA_0079", False, "none", "train", ""),
        "LA_T_1004644.flac": ("LA_0079", True, "A01", "train", ""),
        "LA_D_1047731.flac": ("LA_0069", False, "none", "val", ""),
        "LA_D_1005090.flac": ("LA_0070", True, "A05", "val", ""),
        "LA_E_2834763.flac": ("LA_0039", True, "A11", "test", ""),
        "LA_E_5849185.flac": ("LA_0030", False, "none", "test", ""),
    }
    clips = load_dataset(folder)
    assert len(clips) == 6
    assert {clip.fake_video for clip in clips} == {False}
    assert {clip.official_split for clip in clips} == {True}


@pytest.mark.parametrize("place", ["keys/{}/CM", "{}/CM", "DF-keys-full/keys/{}/CM"])
def test_asvspoof_2021_has_the_codecs_and_the_evaluation_subset(make_folder, place):
    texts = {
        f"{place.format('LA')}/trial_metadata.txt": "LA_0009 LA_E_9332881 alaw ita_tx A07 spoof "
        "notrim eval\nLA_0020 LA_E_6866159 g722 loc_tx bonafide bonafide notrim progress\n"
        "LA_0020 LA_E_1000000 none - bonafide bonafide trim hidden",
        f"{place.format('DF')}/trial_metadata.txt": "LA_0023 DF_E_2000011 nocodec asvspoof A14 "
        "spoof notrim eval traditional_vocoder - - - -\nLA_0043 DF_E_2000026 mp3m4a asvspoof A09 "
        "spoof notrim progress traditional_vocoder - - - -",
    }
    folder = make_folder(**texts)
    assert matching(folder) == {asvspoof}
    entries = list(asvspoof.iter_entries(folder))
    assert facts(entries) == {
        "LA_E_9332881.flac": ("LA_0009", True, "A07", "test", "alaw"),
        "LA_E_6866159.flac": ("LA_0020", False, "none", "val", "g722"),
        "DF_E_2000011.flac": ("LA_0023", True, "A14", "test", "nocodec"),
        "DF_E_2000026.flac": ("LA_0043", True, "A09", "val", "mp3m4a"),
    }
    assert entries[0].path == folder / "ASVspoof2021_LA_eval/flac/LA_E_9332881.flac"
    assert entries[2].path == folder / "ASVspoof2021_DF_eval/flac/DF_E_2000011.flac"
    assert {entry.source for entry in entries} == {"ASVspoof 2021 LA", "ASVspoof 2021 DF"}


@pytest.mark.parametrize("root", ["", "ASVspoof5_protocols/"])
def test_asvspoof_5_has_the_ten_columns_of_its_lists(make_folder, root):
    texts = {
        f"{root}ASVspoof5.train.tsv": "T_4850 T_0000000000 F - - - AC3 A05 spoof -\n"
        "T_0002 T_0000000001 M - - - - bonafide bonafide -",
        f"{root}ASVspoof5.dev.track_1.tsv": "D_0062 D_0000000001 F - - - AC1 A11 spoof -",
        f"{root}ASVspoof5.eval.track_1.tsv": "E_1607 E_0009538969 M C04 3 E_0004 AC1 A18 spoof -",
    }
    folder = make_folder(**texts)
    assert matching(folder) == {asvspoof}
    entries = list(asvspoof.iter_entries(folder))
    assert facts(entries) == {
        "T_0000000000.flac": ("T_4850", True, "A05", "train", ""),
        "T_0000000001.flac": ("T_0002", False, "none", "train", ""),
        "D_0000000001.flac": ("D_0062", True, "A11", "val", ""),
        "E_0009538969.flac": ("E_1607", True, "A18", "test", "C04"),
    }
    assert [entry.path.parent.name for entry in entries] == [
        "flac_T", "flac_T", "flac_D", "flac_E_eval"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("LA_0079 LA_T_1 - - genuine", r"trn\.txt: row 2: 'genuine' is unknown.*bonafide, spoof"),
        ("LA_0079 LA_T_1 - spoof", r"row 2: has 4 columns; a list of ASVspoof 2019 LA has 5"),
    ],
)
def test_asvspoof_line_of_another_form_is_an_error(make_folder, line, message):
    name = "ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.train.trn.txt"
    folder = make_folder(**{name: f"LA_0079 LA_T_0 - - bonafide\n{line}"})
    with pytest.raises(DataError, match=message):
        list(asvspoof.iter_entries(folder))


def test_in_the_wild_has_the_speakers_of_its_table_and_is_tested_as_a_whole(make_folder):
    table = "file,speaker,label\n0.wav,Alec Guinness,spoof\n4.wav,Christopher Hitchens,bona-fide\n"
    folder = make_folder("0.wav", "4.wav", **{"meta.csv": table})
    assert matching(folder) == {in_the_wild}
    clips = {clip.path.name: clip for clip in load_dataset(folder, role="test")}
    assert (clips["0.wav"].identity, clips["0.wav"].fake_audio) == ("Alec Guinness", True)
    assert (clips["4.wav"].identity, clips["4.wav"].is_fake) == ("Christopher Hitchens", False)
    assert {clip.split for clip in clips.values()} == {"test"}


def test_in_the_wild_label_that_is_unknown_is_an_error(make_folder):
    folder = make_folder(**{"meta.csv": "file,speaker,label\n0.wav,A,spoof\n1.wav,B,bonafide\n"})
    with pytest.raises(DataError, match=r"meta.csv: row 3: 'bonafide' is unknown.*bona-fide"):
        list(in_the_wild.iter_entries(folder))


@pytest.mark.parametrize("genuine", ["", "real_audio/"])
def test_wavefake_pairs_a_generated_clip_with_its_recording(make_folder, genuine):
    folder = make_folder(
        "generated_audio/ljspeech_melgan/LJ001-0001_gen.wav",
        "generated_audio/ljspeech_hifiGAN/LJ001-0001.wav",
        "generated_audio/jsut_multi_band_melgan/BASIC5000_0001_gen.wav",
        "generated_audio/common_voices_prompts_from_conformer_fastspeech2_pwg_ljspeech/gen_0.wav",
        f"{genuine}LJSpeech-1.1/wavs/LJ001-0001.wav",
        f"{genuine}jsut_ver1.1/basic5000/wav/BASIC5000_0001.wav",
    )
    assert matching(folder) == {wavefake}
    entries = {entry.path.parent.name: entry for entry in wavefake.iter_entries(folder)}
    assert {name: (entry.pair_id, entry.fake_audio) for name, entry in entries.items()} == {
        "common_voices_prompts_from_conformer_fastspeech2_pwg_ljspeech": ("LJSpeech_gen_0", True),
        "jsut_multi_band_melgan": ("JSUT_BASIC5000_0001", True),
        "ljspeech_hifiGAN": ("LJSpeech_LJ001-0001", True),
        "ljspeech_melgan": ("LJSpeech_LJ001-0001", True),
        "wavs": ("LJSpeech_LJ001-0001", False),
        "wav": ("JSUT_BASIC5000_0001", False),
    }
    assert entries["ljspeech_melgan"].manipulation == "ljspeech_melgan"
    assert {clip.split for clip in load_dataset(folder)} == {"test"}
    assert {clip.split for clip in load_dataset(folder, role="train")} == {"train", "val"}


def test_wavefake_takes_no_other_folder_for_generated_speech(make_folder):
    folder = make_folder("ljspeech_melgan/LJ001-0001_gen.wav", "ljspeech_real/LJ001-0001.wav",
                         "LJSpeech-1.1/wavs/LJ001-0001.wav")  # fmt: skip
    entries = {entry.path.parent.name: entry.is_fake for entry in wavefake.iter_entries(folder)}
    assert entries == {"ljspeech_melgan": True, "wavs": False}


def test_mlaad_names_the_synthesiser_of_each_clip(make_folder):
    header = "path|original_file|language|is_original_language|duration|training_data|model_name|"
    row = "./fake/en/bark/dorothy_01_f000059.wav|en_US/by_book/female/judy/dorothy/wavs/d_01.wav|"
    folder = make_folder(
        "fake/en/bark/dorothy_01_f000059.wav",
        "original/en_US/by_book/female/judy/dorothy/wavs/d_01.wav",
        **{
            "fake/en/bark/meta.csv": f"{header}architecture|transcript\n"
            f"{row}en|True|3.1|unknown|suno/bark|bark|Tell me, why?\n"
        },
    )
    assert matching(folder) == {mlaad}
    fake, real = mlaad.iter_entries(folder)
    assert fake.path == folder / "fake/en/bark/dorothy_01_f000059.wav"
    assert (fake.identity, fake.manipulation, fake.fake_audio) == ("en_bark", "bark", True)
    assert (real.identity, real.manipulation, real.fake_audio) == (
        "en_US_by_book_female_judy",
        "none",
        False,
    )
