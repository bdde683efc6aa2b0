"""Families of generators, by the words that data sets use for manipulations."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from unmask.records import Clip, ScoreRow

FACE_SWAP, LIP_SYNC, TALKING_HEAD, VOICE = "face swap", "lip-sync", "talking head", "voice"
SYNTHETIC_FACE, EDITED_FACE = "synthesised face", "edited face"  # pictures of people
OTHER = "other or unnamed"


@dataclass(frozen=True, slots=True)
class PublishedNames:
    """Names of manipulations in a published data set.

    Attributes:
        source: Where the families follow from.
        families: Family to the names, as the authors or the adapter write them.
    """

    data_set: str
    source: str
    families: Mapping[str, tuple[str, ...]]


CELEB_DF_SCENARIOS = {
    "FaceSwap": (
        *("Celeb-DF", "BlendFace", "GHOST", "HifiFace", "InSwapper", "MobileFaceSwap"),
        *("SimSwap", "UniFace"),
    ),
    "FaceReenact": (*("DaGAN", "FSRT", "HyperReenact", "LIA", "LivePortrait", "MCNET", "TPSMM"),),
    "TalkingFace": (
        *("AniTalker", "EchoMimic", "EDTalk", "FLOAT", "IP_LAP", "Real3DPortrait", "SadTalker"),
    ),
}


def _celeb_df_names(scenario: str) -> tuple[str, ...]:
    methods = CELEB_DF_SCENARIOS[scenario]
    return scenario, *methods, *(f"{scenario}-{method}" for method in methods)


PUBLISHED = (
    PublishedNames(
        "common words",
        "this project",
        {
            FACE_SWAP: ("faceswap",),
            LIP_SYNC: ("lipsync", "lip-desync"),
            TALKING_HEAD: ("reenactment", "synthesis"),
            VOICE: ("audio",),
        },
    ),
    PublishedNames(
        "FaceForensics++ with DeepFakeDetection",
        "Rössler et al., ICCV 2019: two face swaps, two facial reenactments; Li et al., "
        "CVPR 2020 (FaceShifter); Dufour & Gully, Google AI blog, 2019",
        {
            FACE_SWAP: ("Deepfakes", "FaceSwap", "FaceShifter", "DeepFakeDetection"),
            TALKING_HEAD: ("Face2Face", "NeuralTextures"),
        },
    ),
    PublishedNames(
        "Celeb-DF++",
        "https://github.com/OUC-VAS/Celeb-DF-PP (README.md: scenario of each method)",
        {
            FACE_SWAP: _celeb_df_names("FaceSwap"),
            TALKING_HEAD: (*_celeb_df_names("FaceReenact"), *_celeb_df_names("TalkingFace")),
        },
    ),
    PublishedNames(
        "FakeAVCeleb",
        "https://sites.google.com/view/fakeavcelebdash-lab/documentation (swapped faces, whose "
        "lips Wav2Lip may change afterwards)",
        {
            FACE_SWAP: ("faceswap", "fsgan", "faceswap-wav2lip", "fsgan-wav2lip"),
            LIP_SYNC: ("wav2lip",),
            VOICE: ("rtvc",),
        },
    ),
    PublishedNames(
        "DF40",
        "https://github.com/YZY-stack/DF40 (README.md: type of each method; Wav2Lip, there a "
        "reenactment, by Prajwal et al., ACM Multimedia 2020)",
        {
            FACE_SWAP: (
                *("fsgan", "faceswap", "simswap", "inswap", "InSwapper", "blendface", "uniface"),
                *("mobileswap", "e4s", "facedancer", "deepfacelab"),
            ),
            LIP_SYNC: ("wav2lip",),
            TALKING_HEAD: (
                *("fomm", "facevid2vid", "face_vid2vid", "FS_vid2vid", "mraa", "one_shot_free"),
                *("OneShot", "pirender", "tpsm", "lia", "danet", "dagan", "sadtalker", "mcnet"),
                *("hyperreenact", "heygen"),
            ),
            SYNTHETIC_FACE: (
                *("VQGAN", "StyleGAN", "StyleGAN2", "StyleGAN3", "StyleGAN-XL", "SD-2.1", "DDPM"),
                *("ddim", "RDDM", "PixArt-alpha", "PixArt", "DiT-XL/2", "DiT", "SiT-XL/2", "SiT"),
                *("MidJourney6", "MidJourney", "WhichisReal"),
            ),
            EDITED_FACE: ("CollabDiff", "e4e", "StarGAN", "StarGANv2", "StyleCLIP"),
        },
    ),
    PublishedNames(
        "KoDF",
        "Kwon et al., ICCV 2021: FaceSwap, DeepFaceLab, FSGAN, FOMM; its folder "
        "audio-driven holds methods of two families",
        {FACE_SWAP: ("dffs", "dfl", "fsgan"), TALKING_HEAD: ("fo",)},
    ),
    PublishedNames(
        "DeepSpeak",
        "https://github.com/hfaridlab/deepspeak (annotations-v11.csv and annotations-v2.csv: kind "
        "of each engine)",
        {
            FACE_SWAP: ("facefusion", "facefusion_live", "facefusion_gan"),
            LIP_SYNC: ("retalking", "VideoReTalking", "wav2lip", "diff2lip", "latentsync"),
            TALKING_HEAD: ("liveportrait", "memo", "hellomeme"),
        },
    ),
    PublishedNames(
        "LAV-DF, AV-Deepfake1M and AV-Deepfake1M++",
        "Cai et al., DICTA 2022, and Cai et al., ACM Multimedia 2024 and 2025: lips generated for "
        "the replaced words",
        {
            LIP_SYNC: ("video", "video+audio", "visual_modified", "both_modified"),
            VOICE: ("audio_modified",),
        },
    ),
    PublishedNames(
        "preview of DFDC",
        "Dolhansky et al., 2019: two algorithms that swap faces",
        {FACE_SWAP: ("method_A", "method_B")},
    ),
    PublishedNames(
        "generators that tables of one's own may name",
        "Zhou et al., 2020 (MakeItTalk: talking-head animation); Wang et al., CVPR 2023 (TalkLip)",
        {LIP_SYNC: ("TalkLip",), TALKING_HEAD: ("MakeItTalk",)},
    ),
)


def normalise_name(name: str) -> str:
    """Return the name of a manipulation as families are looked up by, without case and signs."""
    return re.sub(r"[^a-z0-9+]", "", name.lower())


FAMILIES = {
    normalise_name(name): family
    for record in PUBLISHED
    for family, names in record.families.items()
    for name in names
}
ORDER = FACE_SWAP, LIP_SYNC, TALKING_HEAD, SYNTHETIC_FACE, EDITED_FACE, VOICE, OTHER  # of reports


def family_of(row: ScoreRow | Clip) -> str:
    """Return the family of a fake: one of ``ORDER``.

    A fake whose picture is labelled genuine is one of the voice, whatever it is called.

    Example:
        >>> common = {"clip_id": "a", "identity": "ann", "split": "test", "is_fake": True}
        >>> row = ScoreRow(manipulation="Face-Swap", logit=0.0, probability=0.5, **common)
        >>> family_of(row)
        'face swap'
    """
    if row.fake_video is False:
        return VOICE
    return FAMILIES.get(normalise_name(row.manipulation), OTHER)
