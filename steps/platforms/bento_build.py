"""The service as a Bento: its code, the library, the champion and the face embedder."""

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import bentoml
from bentoml.exceptions import NotFound

import unmask
from steps.platforms.materializers import hash_folder
from steps.platforms.packaged_bundle import package_bundle
from steps.platforms.paths import SERVICE, SERVICE_BUNDLE
from steps.platforms.requirements import EVIDENCE, SERVING, hashed_requirements
from unmask.models.graphs.index import ENGINES_FILE
from unmask.preprocessing.faces.face_embedding import PACKAGED, STORED_AS, find_weights

BENTO = "unmask"
PACKAGES = ("bento", "unmask")
REQUIREMENTS = "requirements.txt"


def build_bento(bundle: Path, *, evidence: bool = False) -> str:
    """Build the Bento ``unmask`` from the service, the library and ``bundle``.

    The bundle carries its networks as graphs, and the Bento installs no torch. A bundle without
    graphs needs torch. The version is a hash of service, library, bundle and pinned requirements:
    equal content is built once.

    Args:
        evidence: Also install torch and what else draws evidence.

    Returns:
        The tag, ``unmask:<version>``.

    Raises:
        DataError: An installed package is not the one that requirements.lock pins.
        BundleError: The bundle cannot be read.
    """
    with TemporaryDirectory(prefix="unmask-bento-") as folder:
        context = Path(folder)
        for package in (SERVICE, Path(unmask.__file__).parent):
            ignored = shutil.ignore_patterns("__pycache__", "screenshot.png", SERVICE_BUNDLE)
            shutil.copytree(package, context / package.name, ignore=ignored)
        by_graphs = package_bundle(bundle, context / SERVICE / SERVICE_BUNDLE)
        _copy_embedder(context / unmask.__name__)
        extras = SERVING if by_graphs and not evidence else EVIDENCE
        requirements = hashed_requirements(requirements=extras)
        (context / REQUIREMENTS).write_text(requirements)
        version = hash_folder(context, ignored={ENGINES_FILE})[:16]
        if _latest() != version:
            _delete_bento(version)
            _build(context, version, requirements)
    return f"{BENTO}:{version}"


def _copy_embedder(package: Path) -> None:
    """Copy the weights by which faces are compared, if they were fetched."""
    weights = find_weights()
    if weights is not None:
        target = package / PACKAGED / STORED_AS
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(weights, target)


def _build(context: Path, version: str, requirements: str) -> None:
    loaded = {name: module for name, module in sys.modules.items() if _root(name) in PACKAGES}
    try:
        bento = bentoml.build(
            "bento.service:UnmaskService",
            name=BENTO,
            version=version,
            build_ctx=str(context),
            python={"requirements_txt": REQUIREMENTS, "lock_packages": False},
        )
        # BentoML has appended itself again, without a hash, and uv refuses such a file
        Path(bento.path, "env/python", REQUIREMENTS).write_text(requirements)
    finally:
        # the build has imported service and library from a folder that is about to be removed
        for name in [name for name in sys.modules if _root(name) in PACKAGES]:
            del sys.modules[name]
        sys.modules.update(loaded)


def _root(module: str) -> str:
    return module.partition(".")[0]


def _latest() -> str | None:
    try:
        return str(bentoml.get(BENTO).tag.version)
    except NotFound:
        return None


def _delete_bento(version: str) -> None:
    # a Bento of the same version that is not the latest one would not become the latest
    try:
        bentoml.delete(f"{BENTO}:{version}")
    except NotFound:
        return
