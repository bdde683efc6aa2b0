"""What a promoted detector becomes: `outputs/champion` for the command line, a Bento for HTTP."""

import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import bentoml
from bentoml.exceptions import NotFound

import unmask
from steps.platforms.materializers import hash_folder
from steps.platforms.paths import CHAMPION, CHAMPIONS
from steps.platforms.requirements import pinned_requirements
from steps.platforms.run_summary import add_bento, promotable
from unmask.evaluation.gates import GateReport
from unmask.files import atomic_write
from unmask.models.bundle import GATES

SERVICE = Path("bento")
PACKED = "bundle"
BENTO = "unmask"
PACKAGES = ("bento", "unmask")


def package_champion(bundle: Path, gates: GateReport) -> str:
    """Keep a promoted bundle as the champion and pack it as a Bento.

    Returns:
        The Bento's tag; empty where the gates had no say, so that nothing was packed.
    """
    if not promotable(gates):
        return ""
    tag = build_bento(publish_champion(bundle, gates))
    add_bento(tag)
    return tag


def publish_champion(bundle: Path, gates: GateReport | None = None) -> Path:
    """Make ``bundle`` what `unmask analyze` takes; at any moment the old one or the new one.

    Args:
        gates: What it passed, for the model card of every report it makes.

    Returns:
        ``outputs/champion``, a link to the copy in ``outputs/champions``.
    """
    name = hash_folder(bundle)[:12]
    place = CHAMPIONS / name
    if not place.is_dir():
        unfinished = CHAMPIONS / f".{name}"
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(bundle, unfinished)
        unfinished.rename(place)
    if gates is not None:
        _write_gates(place / GATES, gates)
    link = CHAMPION.with_name(f".{CHAMPION.name}")
    link.unlink(missing_ok=True)
    link.symlink_to(place.relative_to(CHAMPION.parent))
    link.replace(CHAMPION)
    _copy_into_service(place)
    return CHAMPION


def _copy_into_service(champion: Path) -> None:
    """Lay a copy beside the service's code, where `bentoml build` takes it along."""
    arriving, place = SERVICE / f".{PACKED}", SERVICE / PACKED
    for outdated in (arriving, place):  # without a copy, the service takes the champion itself
        shutil.rmtree(outdated, ignore_errors=True)
    shutil.copytree(champion, arriving)
    arriving.rename(place)


def _write_gates(path: Path, gates: GateReport) -> None:
    rows = [
        {name: value for name, value in asdict(row).items() if name != "message"}
        for row in gates.rows
    ]
    with atomic_write(path) as unfinished:
        unfinished.write_text(json.dumps(rows, indent=2) + "\n")


def build_bento(bundle: Path) -> str:
    """Pack the service, the library and ``bundle`` as the latest Bento ``unmask``.

    The version is a hash of these three, so the same content is packed once.

    Returns:
        The tag, ``unmask:<version>``.
    """
    with TemporaryDirectory(prefix="unmask-bento-") as folder:
        context = Path(folder)
        for package in (SERVICE, Path(unmask.__file__).parent):
            ignored = shutil.ignore_patterns("__pycache__", "screenshot.png", PACKED)
            shutil.copytree(package, context / package.name, ignore=ignored)
        shutil.copytree(bundle, context / SERVICE / PACKED)
        version = hash_folder(context)[:16]
        if _latest() != version:
            _delete_bento(version)
            _build(context, version)
    return f"{BENTO}:{version}"


def _build(context: Path, version: str) -> None:
    ours = {name: module for name, module in sys.modules.items() if _root(name) in PACKAGES}
    try:
        bentoml.build(
            "bento.service:UnmaskService",
            name=BENTO,
            version=version,
            build_ctx=str(context),
            python={"packages": pinned_requirements(), "lock_packages": False},
        )
    finally:
        # building imports the service, and with it the library, from a folder that is then removed
        for name in [name for name in sys.modules if _root(name) in PACKAGES]:
            del sys.modules[name]
        sys.modules.update(ours)


def _root(module: str) -> str:
    return module.partition(".")[0]


def _latest() -> str | None:
    try:
        return str(bentoml.get(BENTO).tag.version)
    except NotFound:
        return None


def _delete_bento(version: str) -> None:
    # an older Bento of the same content would stay behind the latest one
    try:
        bentoml.delete(f"{BENTO}:{version}")
    except NotFound:
        return
