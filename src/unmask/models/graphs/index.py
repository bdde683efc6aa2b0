"""Index of a bundle's graphs: what each is called, and what its runtime must know."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unmask.errors import BundleError
from unmask.files import file_sha256

GRAPHS = "graphs"
INDEX = "index.json"
ENGINES_FILE = "engines.json"  # times on one machine; not part of what a bundle is
SCHEMA_VERSION = 1
FRAMES, VOICE, HEADS = "frames", "voice", "heads"
MOUTHS, SOUND = "lipsync_mouths", "lipsync_sound"
HEAD_OUTPUTS = ("logit", "video_logit", "audio_logit", "frame_logits", "step_logits")


@dataclass(frozen=True, slots=True)
class DropoutUse:
    """One use of dropout, whose factors are an input of the heads.

    Attributes:
        axes: ``B``, ``T`` or ``A``, the axes of its factors but for the last.
        dim: Length of the last axis.
    """

    probability: float
    axes: tuple[str, ...]
    dim: int


@dataclass(frozen=True, slots=True)
class GraphIndex:
    """The graphs of a bundle on disk.

    Attributes:
        files: Graph to its file.
        step_samples: Shortest sound that the voice encoders take.
        encoder_of: For each member the first member with the same frame encoder.
        dropout: Every use of dropout, of the first member first.
    """

    files: Mapping[str, Path]
    step_samples: int
    encoder_of: tuple[int, ...]
    dropout: tuple[DropoutUse, ...]


def served_precision(name: str) -> str:
    """Return the precision that a graph is served in, see :class:`EngineOptions`.

    Encoders may compute in bfloat16; heads and lip-sync compute in float32.
    """
    return "auto" if name in (FRAMES, VOICE) else "32"


def has_graphs(folder: Path) -> bool:
    """Return whether a bundle on disk has graphs."""
    return (folder / GRAPHS / INDEX).is_file()


def read_index(folder: Path, bundle_sha256: str) -> GraphIndex:
    """Read the index of a bundle's graphs, and check their hashes.

    Args:
        bundle_sha256: Of the bundle's metadata.

    Raises:
        BundleError: The index or a graph is damaged, or of another bundle.
    """
    path = folder / GRAPHS / INDEX
    try:
        content = json.loads(path.read_text())
        if content["schema_version"] != SCHEMA_VERSION:
            raise _unusable(path, f"schema {content['schema_version']} is not {SCHEMA_VERSION}")
        if content["bundle_sha256"] != bundle_sha256:
            raise _unusable(path, "the graphs are those of another bundle")
        rows: dict[str, Any] = content["graphs"]
        for row in rows.values():
            if file_sha256(path.with_name(row["file"])) != row["sha256"]:
                raise _unusable(path.with_name(row["file"]), "another hash than in the index")
        return GraphIndex(
            files={name: path.with_name(row["file"]) for name, row in rows.items()},
            step_samples=int(rows[VOICE]["step_samples"]),
            encoder_of=tuple(rows[HEADS]["encoder_of"]),
            dropout=tuple(
                DropoutUse(use["p"], tuple(use["axes"]), use["dim"])
                for use in rows[HEADS]["dropout"]
            ),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unusable(path, f"damaged ({error})") from error


def copy_graphs(source: Path, target: Path, bundle_sha256: str) -> None:
    """Copy the graphs of a bundle to another one of the same networks.

    Args:
        source: Bundle whose graphs :func:`read_index` has checked.
        target: A copy that was saved again, such as one with all weights.
        bundle_sha256: Of the metadata of ``target``.
    """
    shutil.copytree(source / GRAPHS, target / GRAPHS)
    path = target / GRAPHS / INDEX
    content = json.loads(path.read_text()) | {"bundle_sha256": bundle_sha256}
    path.write_text(json.dumps(content, indent=2) + "\n")


def _unusable(path: Path, reason: str) -> BundleError:
    return BundleError(f"{path}: {reason}; write it again with: unmask export")
