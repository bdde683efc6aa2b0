"""Materializers for clips and folders, whose content hash makes ZenML cache by content."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

from pydantic import TypeAdapter
from zenml.enums import ArtifactType, VisualizationType
from zenml.io import fileio
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.utils import io_utils

from unmask.data.manifest import manifest_hash
from unmask.files import file_sha256
from unmask.records import Clip

VISUALIZATIONS = {".png": VisualizationType.IMAGE, ".html": VisualizationType.HTML}


def hash_folder(folder: Path, ignored: Collection[str] = ()) -> str:
    """Return the SHA-256 of the names and bytes of all files in a folder, 64 hex digits.

    Args:
        ignored: Names of files that do not count.
    """
    total = sha256()
    for file in _list_files(folder):
        if file.name in ignored:
            continue
        digest = file_sha256(file)
        total.update(f"{file.relative_to(folder).as_posix()}\n{digest}\n".encode())
    return total.hexdigest()


def step_dir() -> Path:
    """Return a new temporary folder for a step's output.

    ZenML removes it when the step has ended and its outputs are stored, also if the step fails.
    Outside of a step, the caller removes it.
    """
    with FolderMaterializer("").get_temporary_directory(delete_at_exit=False) as folder:
        return Path(folder)


def _list_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


class FolderMaterializer(BaseMaterializer):
    """A folder of files; images and HTML pages are shown on the dashboard."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (Path,)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.DATA
    SKIP_REGISTRATION: ClassVar[bool] = True

    @property
    def content(self) -> str:
        """URI of the files in the artifact store."""
        return f"{self.uri}/content"

    def load(self, data_type: type[Any]) -> Path:
        """Copy the folder out of the store; ZenML removes the copy when the step has ended."""
        with self.get_temporary_directory(delete_at_exit=False) as folder:
            if fileio.exists(self.content):  # some stores keep no empty folder
                io_utils.copy_dir(self.content, folder, overwrite=True)
        return Path(folder)

    def save(self, data: Path) -> None:
        """Copy the folder into the store."""
        fileio.makedirs(self.content)
        io_utils.copy_dir(str(data), self.content, overwrite=True)

    def compute_content_hash(self, data: Path) -> str:
        """Return a hash that depends on file names and bytes only."""
        return hash_folder(data)

    def save_visualizations(self, data: Path) -> dict[str, VisualizationType]:
        """Return the stored files that the dashboard can show."""
        return {
            f"{self.content}/{file.relative_to(data).as_posix()}": VISUALIZATIONS[file.suffix]
            for file in _list_files(data)
            if file.suffix in VISUALIZATIONS
        }


class ClipsMaterializer(BaseMaterializer):
    """Rows of a manifest; paths below the working folder are stored relative to it."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (tuple,)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.DATA
    SKIP_REGISTRATION: ClassVar[bool] = True
    ROWS: ClassVar[TypeAdapter[tuple[Clip, ...]]] = TypeAdapter(tuple[Clip, ...])

    def load(self, data_type: type[Any]) -> tuple[Clip, ...]:
        """Read the rows back, with absolute paths."""
        with self.artifact_store.open(f"{self.uri}/clips.json", "r") as stream:
            rows = self.ROWS.validate_json(stream.read())
        return tuple(replace(clip, path=Path.cwd() / clip.path) for clip in rows)

    def save(self, data: Sequence[Clip]) -> None:
        """Write the rows."""
        root = Path.cwd()
        rows = tuple(
            replace(clip, path=clip.path.relative_to(root))
            if clip.path.is_relative_to(root)
            else clip
            for clip in data
        )
        with self.artifact_store.open(f"{self.uri}/clips.json", "w") as stream:
            stream.write(self.ROWS.dump_json(rows, indent=1).decode())

    def compute_content_hash(self, data: Sequence[Clip]) -> str:
        """Return a hash that depends on rows and media bytes only, not on paths."""
        return manifest_hash(data)
