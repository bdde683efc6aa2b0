"""A detector on disk: weights, input spec, calibration and where it comes from.

Two files, neither of which can carry code: ``model.safetensors`` and ``bundle.json``.
"""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from unmask.config import ModelSettings, PreprocessingSettings, build, plain
from unmask.errors import BundleError, ConfigError
from unmask.models.calibration import Calibration
from unmask.models.detector import Detector

SCHEMA_VERSION = 1
WEIGHTS = "model.safetensors"
FACTS = "bundle.json"
LIBRARIES = ("unmask", "torch", "timm", "transformers", "numpy")


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything that scoring a video needs.

    Attributes:
        preprocessing: What the detector was trained on; serving prepares the same.
        provenance: Plain facts: hash of the manifest, commit, seed, versions of libraries.
        sha256: Of ``bundle.json``, which itself holds the hash of the weights; empty while
            the bundle has never been saved.
    """

    detector: Detector
    preprocessing: PreprocessingSettings
    calibration: Calibration
    phase: int
    profile: str
    provenance: Mapping[str, str] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION
    sha256: str = ""

    @property
    def settings(self) -> ModelSettings:
        """The detector's architecture."""
        return self.detector.settings


def save_bundle(folder: Path, bundle: Bundle) -> Bundle:
    """Write a bundle; the folder appears whole, and an old one of that name is replaced.

    Returns:
        The bundle with its ``sha256`` and the versions of the libraries that wrote it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = folder.with_name(f".{folder.name}.{os.getpid()}")
    unfinished.mkdir()
    try:
        state = {key: value.contiguous() for key, value in bundle.detector.state_dict().items()}
        save_file(state, unfinished / WEIGHTS)
        versions = {f"version_{name}": version(name) for name in LIBRARIES}
        bundle = replace(bundle, provenance={**bundle.provenance, **versions})
        text = json.dumps(_facts(bundle, _file_sha(unfinished / WEIGHTS)), indent=2)
        (unfinished / FACTS).write_text(text + "\n")
        _put_in_place(unfinished, folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return replace(bundle, sha256=_file_sha(folder / FACTS))


def load_bundle(folder: Path) -> Bundle:
    """Read a bundle; nothing is downloaded, and the detector is ready to score.

    Raises:
        BundleError: There is none, it was written under another schema, or one of its files
            is damaged.
    """
    facts = _read_facts(folder)
    try:
        detector = Detector.blank(build(ModelSettings, facts["model"]), facts["voice_config"])
        bundle = Bundle(
            detector=detector,
            preprocessing=build(PreprocessingSettings, facts["preprocessing"]),
            calibration=build(Calibration, facts["calibration"]),
            phase=facts["phase"],
            profile=facts["profile"],
            provenance=facts["provenance"],
            schema_version=facts["schema_version"],
            sha256=_file_sha(folder / FACTS),
        )
        weights_sha = facts["weights_sha256"]
    except (KeyError, TypeError, ConfigError) as error:
        raise BundleError(f"{folder / FACTS}: damaged: {error}; train or fetch it again") from error
    _load_weights(detector, folder / WEIGHTS, weights_sha)
    detector.eval()
    return bundle


def _facts(bundle: Bundle, weights_sha: str) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "phase": bundle.phase,
        "profile": bundle.profile,
        "weights_sha256": weights_sha,
        "calibration": plain(bundle.calibration),
        "model": plain(bundle.settings),
        "voice_config": bundle.detector.voice_config,
        "preprocessing": plain(bundle.preprocessing),
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
    if found != SCHEMA_VERSION:
        raise BundleError(
            f"{path}: written under schema {found}, and this unmask reads {SCHEMA_VERSION}; "
            "use the version of unmask that wrote it, or train again"
        )
    return dict(facts)


def _load_weights(detector: Detector, path: Path, expected_sha: str) -> None:
    try:
        if _file_sha(path) != expected_sha:
            raise BundleError(f"{path}: its hash is not the one in {FACTS}; fetch it again")
        detector.load_state_dict(load_file(path))
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
