"""Protocols of the data sets of video."""

from unmask.data.protocols.protocol import (
    ALL_TEST,
    DEEPFAKEBENCH,
    DEEPFAKEBENCH_FRAMES,
    DFDC_TERMS,
    SELF_BLENDED_FRAMES,
    SELF_BLENDED_IMAGES,
    WHISPER_FEATURES,
    WORKBENCH,
    Protocol,
)

FFPP = Protocol(
    name="FaceForensics++",
    alias="ffpp",
    citation="Rössler et al., ICCV 2019",
    layout="original_sequences/, manipulated_sequences/",
    splits="published: 720, 140 and 140 of the videos 000 to 999",
    labels={"original_sequences": False, "manipulated_sequences": True},
    licence="FaceForensics Terms of Use, to be signed",
    sources=(
        "https://github.com/ondyari/FaceForensics "
        "(README.md: terms; dataset/README.md, dataset/splits/)",
        DEEPFAKEBENCH,
    ),
    compressions=("raw", "c0", "c23", "c40"),
    frames=DEEPFAKEBENCH_FRAMES,
)
DFD = Protocol(
    name="DeepFakeDetection",
    alias="ffpp-dfd",
    citation="Dufour & Gully, Google AI Blog 2019",
    layout="actors/ and DeepFakeDetection/ of FaceForensics++",
    splits="none published; all test, as in DeepfakeBench",
    labels=FFPP.labels,
    licence=FFPP.licence,
    sources=(
        DEEPFAKEBENCH,
        SELF_BLENDED_IMAGES,
    ),
    compressions=FFPP.compressions,
    frames=DEEPFAKEBENCH_FRAMES,
    role="test",
    official_test=False,
    suffix="dfd",
)
CELEB_DF_V2 = Protocol(
    name="Celeb-DF-v2",
    alias="celebdf",
    citation="Li et al., CVPR 2020",
    layout="Celeb-real/, Celeb-synthesis/",
    splits="test: List_of_testing_videos.txt; people of it also appear in the other clips",
    labels={"1": False, "0": True},  # of the list of test videos
    licence="Terms to Use Celeb-DF, agreed to on request",
    sources=(
        "https://github.com/yuezunli/celeb-deepfakeforensics "
        "(README.md: terms; Celeb-DF-v2/README.md)",
        DEEPFAKEBENCH,
        SELF_BLENDED_IMAGES,
    ),
    frames=DEEPFAKEBENCH_FRAMES,
)
CELEB_DF_PP = Protocol(
    name="Celeb-DF++",
    alias="celebdfpp",
    citation="Li et al., 2025",
    layout="Celeb-real/, Celeb-synthesis/{FaceSwap,FaceReenact,TalkingFace}/METHOD/",
    splits=CELEB_DF_V2.splits,
    labels=CELEB_DF_V2.labels,
    licence="Terms to Use Celeb-DF++, agreed to on request",
    sources=(
        "https://github.com/OUC-VAS/Celeb-DF-PP "
        "(README.md: terms; DeepfakeBench/preprocessing/rearrange.py, config.yaml: 32 frames)",
        WORKBENCH.format("celebdf"),
    ),
    frames=DEEPFAKEBENCH_FRAMES,
)
DFDC = Protocol(
    name="DFDC",
    alias="dfdc",
    citation="Dolhansky et al., 2020",
    layout="metadata.json by file name; labels.csv of validation and test",
    splits="published: train, validation and test; val is taken from train where validation/ is "
    "absent",
    labels={"REAL": False, "FAKE": True, "0": False, "1": True},
    licence="DFDC dataset licence, agreed to on the page of the challenge",
    sources=(
        DEEPFAKEBENCH,
        SELF_BLENDED_IMAGES,
        "https://github.com/selimsef/dfdc_deepfake_challenge (preprocessing/utils.py)",
        "https://github.com/zhangchaosd/DeepfakeDatasetsParser (README.md, DFDC.py)",
        DFDC_TERMS,
    ),
    frames=DEEPFAKEBENCH_FRAMES,
)
DFDC_PREVIEW = Protocol(
    name="DFDC preview",
    alias="dfdc-preview",
    citation="Dolhansky et al., 2019",
    layout="dataset.json, method_A/, method_B/, original_videos/",
    splits="published: train and test; val is taken from train",
    labels={"real": False, "fake": True},
    licence="as of DFDC",
    sources=(
        DEEPFAKEBENCH,
        SELF_BLENDED_IMAGES,
        DFDC_TERMS,
    ),
    frames=DEEPFAKEBENCH_FRAMES,
)
FAKEAVCELEB = Protocol(
    name="FakeAVCeleb",
    alias="fakeavceleb",
    citation="Khalid et al., NeurIPS 2021",
    layout="meta_data.csv, RealVideo-RealAudio/, …",
    splits="none published; by person",
    labels={
        "RealVideo-RealAudio": False,
        "RealVideo-FakeAudio": True,
        "FakeVideo-RealAudio": True,
        "FakeVideo-FakeAudio": True,
    },
    licence="not stated publicly; access on request",
    sources=(
        WORKBENCH.format("fakeavceleb"),
        WHISPER_FEATURES.format("fakeavceleb_dataset"),
        "https://github.com/DASH-Lab/FakeAVCeleb (dataset/README.md: access)",
    ),
    official_test=False,
)
LAV_DF = Protocol(
    name="LAV-DF",
    alias="lavdf",
    citation="Cai et al., DICTA 2022",
    layout="metadata.json, a list",
    splits="published: train, dev and test",
    labels={"modify_video": True, "modify_audio": True},
    licence="LAV-DF terms and conditions",
    sources=(
        "https://github.com/ControlNet/LAV-DF (README.md: terms; dataset/lavdf.py)",
        WORKBENCH.format("lavdf"),
    ),
)
AV_DEEPFAKE1M = Protocol(
    name="AV-Deepfake1M",
    alias="avdeepfake1m",
    citation="Cai et al., ACM Multimedia 2024",
    layout="train_metadata.json, val_metadata.json",
    splits="published: train and val; test is without labels, so val is test, as in Smeu et al., "
    "CVPR 2025; val is taken from train",
    labels={"real": False, "visual_modified": True, "audio_modified": True, "both_modified": True},
    licence="AV-Deepfake1M terms (non-commercial research and education)",
    sources=(
        "https://github.com/ControlNet/AV-Deepfake1M (python/avdeepfake1m/loader.py)",
        "https://github.com/ControlNet/AV-Deepfake1M (TERMS_AND_CONDITIONS.md: terms)",
        "https://github.com/bit-ml/AVH-Align (deepfake_preprocess.py: val as test)",
    ),
)
AV_DEEPFAKE1M_PP = Protocol(
    name="AV-Deepfake1M++",
    alias="avdeepfake1mpp",
    citation="Cai et al., ACM Multimedia 2025",
    layout="train_metadata.json, val_metadata.json; file begins with the corpus",
    splits=AV_DEEPFAKE1M.splits,
    labels=AV_DEEPFAKE1M.labels,
    licence="AV-Deepfake1M++ EULA, agreed to on registration",
    sources=(
        "https://github.com/ControlNet/AV-Deepfake1M (python/avdeepfake1m/loader.py)",
        "https://huggingface.co/datasets/ControlNet/AV-Deepfake1M-PlusPlus (page: terms)",
        WORKBENCH.format("avdeepfake1mpp"),
    ),
)
FFIW = Protocol(
    name="FFIW-10K",
    alias="ffiw",
    citation="Zhou et al., CVPR 2021",
    layout="source/SPLIT/, target/SPLIT/",
    splits="published: train, val and test; val is test where test is absent, as in Shiohara & "
    "Yamasaki, CVPR 2022",
    labels={"source": False, "target": True},
    licence="FFIW-10K Terms to Use, agreed to on request",
    sources=(
        "https://github.com/tfzhou/FFIW (README.md: terms, folders)",
        SELF_BLENDED_IMAGES,
        WORKBENCH.format("ffiw10k"),
    ),
    frames=SELF_BLENDED_FRAMES,
)
KODF = Protocol(
    name="KoDF",
    alias="kodf",
    citation="Kwon et al., ICCV 2021",
    layout="original_videos/, synthesized_videos/METHOD/",
    splits="none published; by person",
    labels={"original_videos": False, "synthesized_videos": True},
    licence="not stated publicly; access on request",
    sources=(
        "https://github.com/deepbrainai-research/kodf (README.md: access)",
        WORKBENCH.format("kodf"),
        "https://github.com/mever-team/dimodif (external/features.py)",
    ),
    official_test=False,
)
AVLIPS = Protocol(
    name="AVLips",
    alias="avlips",
    citation="Liu et al., NeurIPS 2024",
    layout="0_real/, 1_fake/",
    splits=f"none published, no people named; {ALL_TEST}",
    labels={"0_real": False, "1_fake": True},
    licence="not stated by the authors",
    sources=(
        "https://github.com/AaronComo/LipFD (README.md)",
        "https://github.com/bit-ml/ssr-dfd (linear_probing/csv_metadata/avlips/test_labels.csv)",
    ),
    role="test",
    official_test=False,
)
DEEPSPEAK = Protocol(
    name="DeepSpeak",
    alias="deepspeak",
    citation="Barrington, Bohacek & Farid, 2024",
    layout="annotations-real.csv, annotations-fake.csv, annotations-split-def.csv",
    splits="published by person: train and test; val is taken from train",
    labels={"annotations-real.csv": False, "annotations-fake.csv": True},
    licence="DeepSpeak licence (academic use on request)",
    sources=(
        "https://huggingface.co/datasets/faridlab/deepspeak_v2 (card: terms)",
        "https://github.com/hfaridlab/deepspeak (experiments/video_experiments/LipFD/"
        "annotations-v11.csv, annotations-v2.csv)",
        WORKBENCH.format("deepspeak"),
    ),
)
DEEPFAKE_EVAL_2024 = Protocol(
    name="Deepfake-Eval-2024",
    alias="deepfake-eval-2024",
    citation="Chandra et al., 2025",
    layout="video-metadata-publish.csv, audio-metadata-publish.csv",
    splits="published: Train and Test; val is taken from Train",
    labels={"Real": False, "Fake": True},
    licence="CC BY-SA 4.0, access on request",
    sources=(
        "https://huggingface.co/datasets/nuriachandra/Deepfake-Eval-2024 (README.md: terms)",
        "https://github.com/esha-shaik/deepfake-detection (video-metadata-publish.csv)",
        "https://github.com/sadjadeb/DetectZoo (detectzoo/datasets/audio/deepfake_eval_2024.py)",
    ),
)
WILD_DEEPFAKE = Protocol(
    name="WildDeepfake",
    alias="wilddeepfake",
    citation="Zi et al., ACM Multimedia 2020",
    layout="{real,fake}_{train,test}/ARCHIVE/{real,fake}/SEQUENCE/FRAME.png",
    splits="published: train and test; val is taken from train",
    labels={"real": False, "fake": True},
    licence="agreement with the authors; Apache 2.0 on their page of the Hugging Face hub",
    sources=(
        "https://github.com/OpenTAI/wild-deepfake (README.md)",
        "https://huggingface.co/datasets/xingjunm/WildDeepfake (files)",
    ),
)
DF40 = Protocol(
    name="DF40",
    alias="df40",
    citation="Yan et al., NeurIPS 2024",
    layout="dataset_json/METHOD_{ff,cdf}.json and the folders of its frames, such as DF40/METHOD/",
    splits="published by method: train and test; val repeats test or is taken from train",
    labels={"METHOD_Real": False, "METHOD_Fake": True},
    licence="CC BY-NC 4.0; genuine frames as FaceForensics++ and Celeb-DF",
    sources=(
        "https://github.com/YZY-stack/DF40 (README.md, DeepfakeBench_DF40/preprocessing/)",
        "https://github.com/HawyHoWingYam/AWARE-NET (df40_rearrange_with_json.py)",
    ),
    frames=DEEPFAKEBENCH_FRAMES,
)
