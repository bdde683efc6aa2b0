"""Messages between the service and its sandboxed child process, one line of JSON each.

The child announces itself with :class:`Ready` or a :class:`Failure`. Then, for each
:class:`TaskMessage`, it sends any number of :class:`Progress` and one :class:`Result` or
:class:`Failure`.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from unmask.serving.media_limits import MediaLimits
from unmask.serving.report.schema import Report


class Message(BaseModel):
    """Base of all messages."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def to_line(self) -> bytes:
        """Serialize the message."""
        return self.model_dump_json().encode() + b"\n"


class AnalysisTask(Message):
    """One file to analyze.

    Attributes:
        shown_as: File name in the report and in error messages.
        start_s: Start of the part to analyze; None for the start of the file.
        end_s: End of the part to analyze; None for the end of the file.
        work_dir: Folder for temporary files and evidence; None for the system's temporary folder.
        save_evidence: Whether to write evidence images into ``work_dir``.
    """

    path: Path
    shown_as: str
    start_s: float | None = None
    end_s: float | None = None
    work_dir: Path | None = None
    save_evidence: bool = False
    limits: MediaLimits


class TaskMessage(Message):
    """A task and its resource limits.

    Attributes:
        cpu_s: CPU time, beyond what the child has used so far.
        memory_mib: Memory, beyond what the child holds now.
    """

    task: AnalysisTask
    cpu_s: float
    memory_mib: int


class Ready(Message):
    """The detector is loaded."""

    type: Literal["ready"] = "ready"
    model_sha256: str


class Progress(Message):
    """Progress of the current task."""

    type: Literal["progress"] = "progress"
    stage: str
    percent: float


class Result(Message):
    """The report of the current task; None if its file was only opened."""

    type: Literal["result"] = "result"
    report: Report | None


class Failure(Message):
    """The current task, or loading the detector, failed.

    Attributes:
        kind: ``no_detector``: none can be loaded; ``unreadable``: the file cannot be analyzed;
            ``memory``: out of memory; ``crash``: any other error.
        message: Error message; for a crash, the name of the exception.
    """

    type: Literal["failure"] = "failure"
    kind: Literal["no_detector", "unreadable", "memory", "crash"]
    message: str = ""


ChildMessage = Annotated[Ready | Progress | Result | Failure, Field(discriminator="type")]
_CHILD_MESSAGE: TypeAdapter[ChildMessage] = TypeAdapter(ChildMessage)


def parse_child_message(line: bytes) -> ChildMessage:
    """Parse one line from the child.

    Raises:
        pydantic.ValidationError: The line is not a valid message.
    """
    return _CHILD_MESSAGE.validate_json(line)
