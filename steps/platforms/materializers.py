"""How clips and folders travel between steps: by content, so that caching is by content too."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any, ClassVar

from pydantic import TypeAdapter
from zenml.enums import ArtifactType, VisualizationType
from zenml.io import fileio
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.utils import io_utils

from unmask.data.manifest import manifest_hash
from unmask.records import Clip

SHOWN = {".png": VisualizationType.IMAGE, ".html": VisualizationType.HTML}


def hash_folder(folder: Path) -> str:
    """Hash of the names and bytes of all files in a folder, 64 hexadecimal digits."""
    total = sha256()
    for file in _files(folder):
        with file.open("rb") as stream:
            digest = file_digest(stream, "sha256").hexdigest()
        total.update(f"{file.relative_to(folder).as_posix()}\n{digest}\n".encode())
    return total.hexdigest()


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


class FolderMaterializer(BaseMaterializer):
    """A folder, file by file; its pictures and pages are shown on the dashboard."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (Path,)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.DATA
    SKIP_REGISTRATION: ClassVar[bool] = True

    @property
    def content(self) -> str:
        """Where in the store the files lie."""
        return f"{self.uri}/content"

    def load(self, data_type: type[Any]) -> Path:
        """Copy the folder out of the store, for as long as the step runs."""
        with self.get_temporary_directory(delete_at_exit=False) as place:
            if fileio.exists(self.content):  # some stores keep no empty folder
                io_utils.copy_dir(self.content, place, overwrite=True)
        return Path(place)

    def save(self, data: Path) -> None:
        """Copy the folder into the store."""
        fileio.makedirs(self.content)
        io_utils.copy_dir(str(data), self.content, overwrite=True)

    def compute_content_hash(self, data: Path) -> str:
        """Tell equal folders as equal, wherever and whenever they were made."""
        return hash_folder(data)

    def save_visualizations(self, data: Path) -> dict[str, VisualizationType]:
        """Name the stored files that the dashboard can draw."""
        return {
            f"{self.content}/{file.relative_to(data).as_posix()}": SHOWN[file.suffix]
            for file in _files(data)
            if file.suffix in SHOWN
        }


class ClipsMaterializer(BaseMaterializer):
    """The rows of a manifest; paths are kept relative to the working folder where they can be."""

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
        """Tell equal rows of equal media as equal, wherever the files lie."""
        return manifest_hash(data)
