"""Messages survive serialization, and malformed ones are rejected."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from bento.sandbox.protocol import (
    AnalysisTask,
    Failure,
    Progress,
    Ready,
    Result,
    TaskMessage,
    parse_child_message,
)
from tests.bento.fakes.scripted_child import make_report
from unmask.preprocessing.media.limits import MediaLimits


def test_task_survives_serialization():
    task = AnalysisTask(
        path=Path("a b.mp4"), shown_as="é\n.mp4", end_s=1.5, limits=MediaLimits(duration_s=0.1)
    )
    message = TaskMessage(task=task, cpu_s=1.0, memory_mib=5)
    line = message.to_line()
    assert line.count(b"\n") == 1
    assert TaskMessage.model_validate_json(line) == message


@pytest.mark.parametrize(
    "message",
    [
        Ready(model_sha256="0" * 64),
        Progress(stage="faces", percent=0.1),
        Result(report=make_report("a.mp4", 1 / 3)),
        Failure(kind="memory"),
    ],
)
def test_child_message_survives_serialization(message):
    assert parse_child_message(message.to_line()) == message


@pytest.mark.parametrize(
    "line", [b"", b"{}", b'{"type": "ready"}', b'{"type": "result", "report": {}}', b"\xff"]
)
def test_malformed_message_is_rejected(line):
    with pytest.raises(ValidationError):
        parse_child_message(line)
