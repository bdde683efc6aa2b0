"""`unmask mcp`: a Model Context Protocol server on standard input and output."""

import os
from pathlib import Path
from typing import Annotated

import typer


def command(
    url: Annotated[
        str, typer.Option(envvar="UNMASK_SERVICE_URL", help="Base URL of a running service.")
    ] = "http://127.0.0.1:3000",
    folder: Annotated[
        Path, typer.Option(help="Folder of the videos; no file outside it is sent.")
    ] = Path(),
) -> None:
    """Let an assistant analyze videos: tools analyze, status and report over a running service.

    The server speaks the Model Context Protocol on standard input and output. The API key is read
    from the environment variable UNMASK_API_KEY.
    """
    from unmask.client import Client
    from unmask.client.mcp_server import create_server

    with Client(url, os.environ.get("UNMASK_API_KEY")) as client:
        create_server(client, folder).run("stdio")
