"""Record types of the registry of pretrained networks."""

from dataclasses import dataclass

NOT_STATED = "not stated"
WEIGHTS_NAME, GRAPH_NAME = "model.safetensors", "model.onnx"  # files of converted networks
HIFIGAN = "speecht5_hifigan"  # transformers' type of the vocoder
AASIST, MESO_4, MESO_INCEPTION_4 = "aasist", "meso-4", "mesoinception-4"
SFACE = "sface"
DETECTORS = (AASIST, MESO_4, MESO_INCEPTION_4)  # of :mod:`unmask.models.peers`


@dataclass(frozen=True, slots=True)
class PackagedFile:
    """A file inside a wheel of the package index.

    Attributes:
        project, version: The wheel, as the package index names it.
        sha256: Hash of the wheel, 64 hexadecimal digits.
        member: Path of the file inside the wheel.
        size: Bytes of the file.
    """

    project: str
    version: str
    sha256: str
    member: str
    size: int

    @property
    def origin(self) -> str:
        """The wheel, for a reader."""
        return f"{self.project}=={self.version}"


@dataclass(frozen=True, slots=True)
class RepositoryFile:
    """A file in its authors' repository.

    Attributes:
        url: Of the repository, for git.
        commit: 40 hexadecimal digits.
        sha256: Hash of the file, 64 hexadecimal digits.
        member: Path of the file in the repository.
        size: Bytes of the file.
    """

    url: str
    commit: str
    sha256: str
    member: str
    size: int

    @property
    def origin(self) -> str:
        """The repository, for a reader."""
        return f"{self.url} at {self.commit[:7]}"


@dataclass(frozen=True, slots=True)
class PretrainedNetwork:
    """A pretrained network that travels inside packages, or in its authors' repository.

    Attributes:
        name: Name in settings and on the command line.
        architecture: Network and size.
        files: Files of the weights, in the order in which they are joined.
        converter: Module of :mod:`.converters` that reads them.
        model: timm's name of the architecture, transformers' ``model_type``, one of
            ``DETECTORS``, or ``SFACE``.
        trained_on: Training data, as far as it is stated.
        package_licence, weights_licence: As stated, or ``not stated``.
        preprocessing: Input that the network expects.
        use: What it is for in this project.
        min_cosine: Least cosine similarity of the converted network's output to the original's.
    """

    name: str
    architecture: str
    files: tuple[PackagedFile | RepositoryFile, ...]
    converter: str
    model: str
    trained_on: str
    package_licence: str
    weights_licence: str
    preprocessing: str
    use: str
    min_cosine: float

    @property
    def is_vocoder(self) -> bool:
        """Whether it generates sound from mel bands, which no detector can be built on."""
        return self.model == HIFIGAN

    @property
    def other_use(self) -> str:
        """What the network is, and where its name belongs; empty for a backbone."""
        if self.is_vocoder:
            return "a vocoder, which belongs in training.voice_forgeries"
        if self.model in DETECTORS:
            return "a detector of others, which `unmask eval peers` measures"
        if self.model == SFACE:
            return "a face embedder, which preprocessing uses by itself"
        return ""


@dataclass(frozen=True, slots=True)
class UnsupportedNetwork:
    """A pretrained network inside packages that this project does not load, and why.

    Attributes:
        package: Project and version, such as ``name==1.0.0``.
        licence: Licence of the weights as stated, or ``not stated``.
    """

    package: str
    architecture: str
    licence: str
    reason: str


def weights_name(network: PretrainedNetwork) -> str:
    """Return the name of the file of the network's weights."""
    return GRAPH_NAME if network.model == SFACE else WEIGHTS_NAME
