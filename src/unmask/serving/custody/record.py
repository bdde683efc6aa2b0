"""Custody record: what made a report, noted before, during and after the analysis."""

import json
import math
import platform
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from unmask.errors import BundleError, ConfigError, MediaError
from unmask.files import file_sha256
from unmask.preprocessing.media.container import FileKey, file_key, media_sha256
from unmask.serving.custody.canonical_json import canonical_sha256
from unmask.serving.report.custody import Custody, Label
from unmask.serving.report.schema import Report

_LABEL: TypeAdapter[str | None] = TypeAdapter(Label | None)
# import name to distribution
LIBRARIES = {
    "numpy": "numpy",
    "scipy": "scipy",
    "av": "av",
    "cv2": "opencv-python-headless",
    "ai_edge_litert": "ai-edge-litert",
    "openvino": "openvino",
    "onnxruntime": "onnxruntime",
    "torch": "torch",
    "c2pa": "c2pa-python",
}


def hash_bundle(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of a bundle by its path in the folder.

    Hidden files are left out.

    Raises:
        BundleError: The folder or a file cannot be read.
    """
    try:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        names = {path: path.relative_to(folder) for path in files}
        return {
            name.as_posix(): file_sha256(path)
            for path, name in names.items()
            if not any(part.startswith(".") for part in name.parts)
        }
    except OSError as error:
        raise BundleError(f"{folder}: cannot be read ({error.strerror}); check it") from error


@dataclass(frozen=True, slots=True)
class CustodyRecorder:
    """Notes taken at the start of an analysis."""

    path: Path
    started_at: datetime
    key: FileKey

    @classmethod
    def start(cls, path: Path) -> "CustodyRecorder":
        """Hash the file before it is opened, and note the time.

        Raises:
            MediaError: ``path`` is missing, a folder, or not readable.
        """
        started_at, key = now(), file_key(path)
        media_sha256(path)  # kept for this key
        return cls(path, started_at, key)

    def finish(
        self,
        settings: Mapping[str, Any],
        bundle_files: Mapping[str, str],
        time_range_s: tuple[float, float],
    ) -> Custody:
        """Return the record at the end of the analysis.

        Args:
            settings: Settings in effect, as plain values.

        Raises:
            MediaError: The file is not the one that was hashed: it was changed or replaced.
        """
        if file_key(self.path) != self.key:
            raise MediaError(f"{self.path}: was changed during the analysis; analyze a copy of it")
        start_s, end_s = time_range_s
        values = json.loads(json.dumps(settings, default=str))
        return Custody(
            started_at=self.started_at,
            finished_at=now(),
            start_s=start_s,
            end_s=None if math.isinf(end_s) else end_s,
            settings=values,
            settings_sha256=canonical_sha256(values),
            bundle_files=dict(bundle_files),
            versions=dict(_versions()),
        )


def state_request(
    report: Report,
    operator: str | None = None,
    case_number: str | None = None,
    received_at: datetime | None = None,
) -> Report:
    """Return the report with what the request for it stated.

    Raises:
        ConfigError: A text is empty, too long, or has control characters.
    """
    if report.custody is None:  # of an earlier release
        return report
    for name, value in (("operator", operator), ("case number", case_number)):
        check_label(name, value)
    stated = {"operator": operator, "case_number": case_number, "received_at": received_at}
    return report.model_copy(update={"custody": report.custody.model_copy(update=stated)})


def check_label(name: str, value: str | None) -> None:
    """Check the name of an operator, or a case number.

    Raises:
        ConfigError: It is empty, too long, or has control characters.
    """
    try:
        _LABEL.validate_python(value)
    except ValidationError as error:
        remedy = "use 1 to 200 printable characters"
        raise ConfigError(f"{name}: {value!r} cannot be recorded; {remedy}") from error


def now() -> datetime:
    """Return the time in UTC, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def _versions() -> Iterator[tuple[str, str]]:
    yield "unmask", version("unmask")
    yield "python", platform.python_version()
    yield "system", f"{platform.system()} {platform.machine()}"
    for module, distribution in LIBRARIES.items():
        if module in sys.modules:
            try:
                yield distribution, version(distribution)
            except PackageNotFoundError:  # of another distribution, such as opencv-python
                yield distribution, str(getattr(sys.modules[module], "__version__", "unknown"))
    if av := sys.modules.get("av"):
        yield "ffmpeg", str(av.ffmpeg_version_info)
