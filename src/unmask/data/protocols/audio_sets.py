"""Protocols of the data sets of speech; their clips have no picture, so no face is forged."""

from unmask.data.protocols.protocol import ALL_TEST, AUDDT, WHISPER_FEATURES, Protocol

BONAFIDE = {"bonafide": False, "spoof": True}

ASVSPOOF_2019_LA = Protocol(
    name="ASVspoof 2019 LA",
    alias="asvspoof-2019-la",
    citation="Wang et al., Computer Speech & Language 2020",
    layout="ASVspoof2019_LA_cm_protocols/, ASVspoof2019_LA_{train,dev,eval}/flac/",
    splits="published: train, dev and eval",
    labels=BONAFIDE,
    licence="ODC-By 1.0",
    sources=(
        "README.LA.txt of the data set",
        WHISPER_FEATURES.format("asvspoof_dataset"),
        AUDDT.format("prep_asv19"),
    ),
)
ASVSPOOF_2021_LA = Protocol(
    name="ASVspoof 2021 LA",
    alias="asvspoof-2021-la",
    citation="Liu et al., IEEE/ACM TASLP 2023",
    layout="keys/LA/CM/trial_metadata.txt, ASVspoof2021_LA_eval/flac/",
    splits="published: eval is test, progress is val; hidden is left out",
    labels=BONAFIDE,
    licence="not stated in the sources",
    sources=(
        "https://github.com/asvspoof-challenge/2021 (eval-package/README.md, config.py)",
        AUDDT.format("prep_asv21-la"),
    ),
    compressions=("none", "alaw", "pstn", "g722", "ulaw", "gsm", "opus"),
    role="test",
    suffix="2021-la",
)
ASVSPOOF_2021_DF = Protocol(
    name="ASVspoof 2021 DF",
    alias="asvspoof-2021-df",
    citation=ASVSPOOF_2021_LA.citation,
    layout="keys/DF/CM/trial_metadata.txt, ASVspoof2021_DF_eval/flac/",
    splits=ASVSPOOF_2021_LA.splits,
    labels=BONAFIDE,
    licence="not stated by the authors' files; ODC-By by the card of a mirror",
    sources=(
        *ASVSPOOF_2021_LA.sources[:1],
        "https://huggingface.co/datasets/Bisher/ASVspoof_2021_DF (card of a mirror: terms)",
        WHISPER_FEATURES.format("deepfake_asvspoof_dataset"),
    ),
    compressions=(
        *("nocodec", "low_mp3", "high_mp3", "low_m4a", "high_m4a"),
        *("low_ogg", "high_ogg", "mp3m4a", "oggm4a"),
    ),
    role="test",
    suffix="2021-df",
)
ASVSPOOF_5 = Protocol(
    name="ASVspoof 5",
    alias="asvspoof-5",
    citation="Wang et al., ASVspoof Workshop 2024",
    layout="ASVspoof5.{train,dev.track_1,eval.track_1}.tsv, flac_T/, flac_D/, flac_E_eval/",
    splits="published: train, dev and eval",
    labels=BONAFIDE,
    licence="ODC-By 1.0; genuine speech CC BY 4.0",
    sources=(
        "https://huggingface.co/datasets/jungjee/asvspoof5 (README.txt)",
        AUDDT.format("prep_asv5"),
    ),
    compressions=tuple(f"C{number:02}" for number in range(1, 12)),
)
IN_THE_WILD = Protocol(
    name="In-the-Wild",
    alias="in-the-wild",
    citation="Müller et al., Interspeech 2022",
    layout="meta.csv with file, speaker and label",
    splits=f"none published; {ALL_TEST}",
    labels={"bona-fide": False, "spoof": True},
    licence="CC BY-SA 4.0",
    sources=(
        "https://huggingface.co/datasets/mueller91/In-The-Wild (card: terms)",
        WHISPER_FEATURES.format("in_the_wild_dataset"),
        AUDDT.format("prep_itw"),
    ),
    role="test",
    official_test=False,
)
WAVEFAKE = Protocol(
    name="WaveFake",
    alias="wavefake",
    citation="Frank & Schönherr, NeurIPS 2021",
    layout="generated_audio/{ljspeech,jsut}_VOCODER/, LJSpeech-1.1/, jsut_ver1.1/",
    splits=f"none published, two people; {ALL_TEST}",
    labels={"LJSpeech-1.1": False, "jsut_ver1.1": False, "generated_audio": True},
    licence="terms of Zenodo record 5642694",
    sources=(
        "https://github.com/RUB-SysSec/WaveFake (README.md)",
        WHISPER_FEATURES.format("wavefake_dataset"),
    ),
    role="test",
    official_test=False,
)
MLAAD = Protocol(
    name="MLAAD",
    alias="mlaad",
    citation="Müller et al., IJCNN 2024",
    layout="fake/LANGUAGE/MODEL/meta.csv",
    splits=f"none published; {ALL_TEST}",
    labels={"original": False, "fake": True},
    licence="CC BY-NC 4.0 by the authors' card; Apache 2.0 by earlier versions of it",
    sources=(
        "https://huggingface.co/datasets/mueller91/MLAAD (card)",
        AUDDT.format("prep_mlaad"),
        WHISPER_FEATURES.format("mlaad_dataset"),
    ),
    role="test",
    official_test=False,
)
