"""A detector on disk: weights, input spec, calibration and where it comes from.

Files that cannot carry code: ``model.safetensors`` with one detector or several, where there is a
lip-sync model its ``sync.safetensors``, and ``bundle.json``; of a promoted one ``gates.json`` too.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from unmask.config import (
    ModelSettings,
    PreprocessingSettings,
    UncertaintySettings,
    from_dict,
    to_dict,
)
from unmask.errors import BundleError, ConfigError
from unmask.models.calibration.platt import EVEN, Calibration
from unmask.models.detector import Detector
from unmask.models.ensemble.weight_packing import pack_state_dicts, unpack_state_dicts
from unmask.models.lipsync.network import SyncNet

SCHEMA_VERSION = 4  # 3 had one threshold for all; 2 no bias; 1 one detector and no lip-sync
WEIGHTS = "model.safetensors"
SYNC_WEIGHTS = "sync.safetensors"
FACTS = "bundle.json"
GATES = "gates.json"
LIBRARIES = ("unmask", "torch", "timm", "transformers", "numpy")


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything that scoring a video needs.

    Attributes:
        members: One detector, or the members of an ensemble; they differ in their weights and
            their dropout alone.
        preprocessing: What the detectors were trained on; serving prepares the same.
        provenance: Plain facts: hash of the manifest, commit, seed, versions of libraries.
        sha256: Of ``bundle.json``, which itself holds the hash of the weights; empty while
            the bundle has never been saved.
        sync: Says whether lips and speech belong together.
        uncertainty: How many passes of MC-dropout an answer gets.
        gates: What it was held against when it was promoted, as plain facts; empty before.
    """

    members: tuple[Detector, ...]
    preprocessing: PreprocessingSettings
    calibration: Calibration
    phase: int
    profile: str
    provenance: Mapping[str, str] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION
    sha256: str = ""
    sync: SyncNet | None = None
    uncertainty: UncertaintySettings = field(default_factory=UncertaintySettings)
    gates: tuple[Mapping[str, Any], ...] = ()

    def __post_init__(self) -> None:
        """Refuse members that are built differently."""
        if not self.members:
            raise BundleError("a bundle needs at least one detector")
        if len({replace(member.settings, dropout=0.0) for member in self.members}) > 1:
            raise BundleError("the members are built differently; fit them with the same model.*")

    @property
    def first_member(self) -> Detector:
        """The first member: the one that is attacked, explained and measured alone."""
        return self.members[0]

    @property
    def settings(self) -> ModelSettings:
        """The first member's architecture."""
        return self.first_member.settings


def save_bundle(folder: Path, bundle: Bundle) -> Bundle:
    """Write a bundle; the folder appears whole, and an old one of that name is replaced.

    Returns:
        The bundle with its ``sha256`` and the versions of the libraries that wrote it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = folder.with_name(f".{folder.name}.{os.getpid()}")
    unfinished.mkdir()
    try:
        save_file(pack_state_dicts(bundle.members), unfinished / WEIGHTS)
        if bundle.sync is not None:
            state = {key: value.contiguous() for key, value in bundle.sync.state_dict().items()}
            save_file(state, unfinished / SYNC_WEIGHTS)
        versions = {f"version_{name}": version(name) for name in LIBRARIES}
        provenance = {**bundle.provenance, **versions}
        bundle = replace(bundle, provenance=provenance, schema_version=SCHEMA_VERSION)
        text = json.dumps(_facts(bundle, unfinished), indent=2)
        (unfinished / FACTS).write_text(text + "\n")
        _put_in_place(unfinished, folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return replace(bundle, sha256=_file_sha(folder / FACTS))


def load_bundle(folder: Path) -> Bundle:
    """Read a bundle; nothing is downloaded, and its detectors are ready to score.

    Raises:
        BundleError: There is none, it was written under a schema that is not known, or one of
            its files is damaged.
    """
    facts = _read_facts(folder)
    try:
        bundle = _blank(facts)
        weights_sha, sync_sha = facts["weights_sha256"], facts["sync_sha256"]
    except (KeyError, TypeError, ConfigError) as error:
        raise BundleError(f"{folder / FACTS}: damaged: {error}; train or fetch it again") from error
    state = _checked(folder / WEIGHTS, weights_sha)
    if facts["schema_version"] == 1:
        state = {f"members.0.{name}": value for name, value in state.items()}
    with _translate_errors(folder / WEIGHTS):
        unpack_state_dicts(state, bundle.members)
    if bundle.sync is not None:
        with _translate_errors(folder / SYNC_WEIGHTS):
            bundle.sync.load_state_dict(_checked(folder / SYNC_WEIGHTS, sync_sha))
    for net in _nets(bundle):
        net.eval()
    return replace(bundle, sha256=_file_sha(folder / FACTS), gates=_gates(folder / GATES))


def _facts(bundle: Bundle, folder: Path) -> dict[str, Any]:
    sync = bundle.sync
    return {
        "schema_version": SCHEMA_VERSION,
        "phase": bundle.phase,
        "profile": bundle.profile,
        "weights_sha256": _file_sha(folder / WEIGHTS),
        "calibration": to_dict(bundle.calibration),
        "uncertainty": to_dict(bundle.uncertainty),
        "members": [to_dict(member.settings) for member in bundle.members],
        "voice_config": bundle.first_member.voice_config,
        "sync": None if sync is None else sync.facts,
        "sync_sha256": None if sync is None else _file_sha(folder / SYNC_WEIGHTS),
        "preprocessing": to_dict(bundle.preprocessing),
        "provenance": dict(sorted(bundle.provenance.items())),
    }


def _read_facts(folder: Path) -> dict[str, Any]:
    path = folder / FACTS
    try:
        facts = json.loads(path.read_text())
        found = facts["schema_version"]
    except OSError as error:
        raise BundleError(f"{folder}: no bundle here; train one with: make train") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{path}: damaged; train or fetch it again") from error
    if found not in range(1, SCHEMA_VERSION + 1):
        raise BundleError(
            f"{path}: written under schema {found}, and this unmask reads up to "
            f"{SCHEMA_VERSION}; use the version of unmask that wrote it, or train again"
        )
    if found < 4:
        facts = _with_alarms(facts)
    if found == 1 and "model" in facts:
        unknown_then: dict[str, Any] = {"uncertainty": {}, "sync": None, "sync_sha256": None}
        return {**facts, "members": [facts["model"]], **unknown_then}
    return dict(facts)


def _with_alarms(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Stretches were held against the verdict's threshold, or one half where it had none."""
    calibration = dict(facts.get("calibration") or {})
    above = calibration.get("fake_above", EVEN)
    alarms = dict.fromkeys(("video", "audio", "lip_sync"), EVEN if above == 1.0 else above)
    return {**facts, "calibration": {**calibration, "alarms": alarms}}


def _blank(facts: Mapping[str, Any]) -> Bundle:
    """The bundle that ``facts`` describe, with chance for weights."""
    voice = facts["voice_config"]
    settings = [from_dict(ModelSettings, member) for member in facts["members"]]
    return Bundle(
        members=tuple(Detector.blank(one, voice) for one in settings),
        preprocessing=from_dict(PreprocessingSettings, facts["preprocessing"]),
        calibration=from_dict(Calibration, facts["calibration"]),
        phase=facts["phase"],
        profile=facts["profile"],
        provenance=facts["provenance"],
        schema_version=facts["schema_version"],
        sync=None if facts["sync"] is None else SyncNet.blank(facts["sync"]),
        uncertainty=from_dict(UncertaintySettings, facts["uncertainty"]),
    )


def _gates(path: Path) -> tuple[Mapping[str, Any], ...]:
    try:
        return tuple(json.loads(path.read_text())) if path.exists() else ()
    except ValueError as error:
        raise BundleError(f"{path}: damaged; promote the bundle again, or remove it") from error


def _nets(bundle: Bundle) -> list[nn.Module]:
    return [*bundle.members, *([bundle.sync] if bundle.sync is not None else [])]


def _checked(path: Path, expected_sha: str) -> dict[str, Tensor]:
    with _translate_errors(path):
        if _file_sha(path) != expected_sha:
            raise BundleError(f"{path}: its hash is not the one in {FACTS}; fetch it again")
        return load_file(path)


@contextmanager
def _translate_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, SafetensorError, RuntimeError) as error:
        raise BundleError(f"{path}: the weights cannot be read: {error}") from error


def _put_in_place(unfinished: Path, folder: Path) -> None:
    if not folder.exists():
        unfinished.replace(folder)
        return
    retired = folder.with_name(f".{folder.name}.old.{os.getpid()}")
    folder.replace(retired)  # a folder that is not empty cannot be replaced in one move
    unfinished.replace(folder)
    shutil.rmtree(retired)


def _file_sha(path: Path) -> str:
    with path.open("rb") as file:
        digest = sha256()
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
