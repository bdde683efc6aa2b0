"""The MCP server, in this process and as `unmask mcp` on standard input and output."""

import json
import os
import sys

import anyio
import pytest

from unmask.client import Client
from unmask.client.mcp_server import create_server

mcp = pytest.importorskip("mcp")
from mcp.client.stdio import StdioServerParameters  # noqa: E402 - only if it is installed

START = "from unmask.cli.app import main; main()"


def use(server, *calls):
    """Return the tools of a server, and the results of calls in turn."""

    async def run():
        async with mcp.Client(server) as session:
            tools = await session.list_tools()
            results = [await session.call_tool(name, values) for name, values in calls]
            return tools.tools, results

    return anyio.run(run)


def value(result):
    assert not result.is_error, result.content
    return result.structured_content


@pytest.fixture
def server(client, tmp_path):
    return create_server(client, tmp_path)


def test_tools_are_described(server):
    tools, _ = use(server)
    assert [tool.name for tool in tools] == ["analyze", "status", "report"]
    assert [bool(tool.annotations.read_only_hint) for tool in tools] == [False, True, True]
    assert all(tool.description and tool.output_schema for tool in tools)


def test_a_video_is_analyzed_and_reported(server, service, running_worker, video):
    video("rich")
    with running_worker(service):
        _, (result,) = use(server, ("analyze", {"path": "clip.mp4", "wait_s": 60}))
        job = value(result)
        _, results = use(
            server, *((name, {"job_id": job["job_id"]}) for name in ("status", "report"))
        )
    assert (job["status"], job["verdict"]) == ("done", "fake")
    status, report = map(value, results)
    assert (status["percent"], status["error"]) == (100.0, None)
    assert (report["verdict"], report["file"]) == ("fake", "clip.mp4")
    assert report["segments"][0]["start_s"] == 0.6
    assert report["people"] == [{"id": 0, "fake_probability": 0.9}]


def test_without_waiting_the_job_is_returned_at_once(server, video):
    _, (result,) = use(server, ("analyze", {"path": str(video())}))
    assert value(result)["status"] == "queued"


def test_waiting_for_a_job_that_goes_on_is_no_error(server, video):
    _, (result,) = use(server, ("analyze", {"path": str(video()), "wait_s": 0.1}))
    assert value(result)["status"] == "queued"


def test_no_file_outside_the_folder_is_sent(server, service, tmp_path):
    (tmp_path / "link.mp4").symlink_to("/etc/hostname")
    paths = ("/etc/hostname", "../a.mp4", "link.mp4")
    _, results = use(server, *(("analyze", {"path": path}) for path in paths))
    assert all(result.is_error for result in results)
    assert all("lies outside" in result.content[0].text for result in results)
    assert service.client.get("/jobs").json()["total"] == 0


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("analyze", {"path": "missing.mp4"}, "missing.mp4"),
        ("status", {"job_id": "0" * 32}, "job not found"),
        ("report", {"job_id": "0" * 32}, "job not found"),
    ],
)
def test_errors_are_answers_that_the_assistant_reads(server, name, values, message):
    _, (result,) = use(server, (name, values))
    assert result.is_error
    assert message in result.content[0].text


def test_the_command_serves_on_standard_input_and_output(
    service, live_server, running_worker, video
):
    path = video("ok")
    command = StdioServerParameters(
        command=sys.executable,
        args=["-c", START, "mcp", "--url", live_server(service), "--folder", str(path.parent)],
        env=dict(os.environ),
    )
    with running_worker(service):
        tools, (result,) = use(command, ("analyze", {"path": path.name, "wait_s": 60}))
    assert len(tools) == 3
    assert json.loads(result.content[0].text)["verdict"] == "fake"


def test_a_service_that_does_not_answer_is_told(tmp_path, video):
    video()
    with Client("http://127.0.0.1:9") as client:
        _, (result,) = use(create_server(client, tmp_path), ("analyze", {"path": "clip.mp4"}))
    assert result.is_error
    assert "the service does not answer" in result.content[0].text
