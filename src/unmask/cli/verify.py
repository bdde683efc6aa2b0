"""`unmask verify`: whether a report, its file and its detector are what they were."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unmask import messages
from unmask.errors import CustodyError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from rich.text import Text

    from unmask.serving.custody.verification import Check

DIFFERS = 1  # exit code


def command(
    report: Annotated[Path, typer.Argument(help="Signed report as JSON.")],
    *,
    file: Annotated[Path | None, typer.Option(help="Video that was analyzed.")] = None,
    bundle: Annotated[Path | None, typer.Option(help="Folder of the detector bundle.")] = None,
    key: Annotated[
        list[Path] | None,
        typer.Option(
            help="Public keys that you trust, in PEM; repeatable. Default: the key of --sign."
        ),
    ] = None,
) -> None:
    """Check the signature of a report, and that file and detector are those it names.

    Exits with 0 if everything that was checked holds, with 1 if something differs, is not signed
    or is signed by an unknown key, and with 2 if something cannot be read.
    """
    from unmask.serving.custody.verification import (
        check_detector,
        check_file,
        check_settings,
        check_signature,
        read_report_file,
    )

    values = read_report_file(report)
    try:
        checks = [*check_signature(values, _trusted_keys(key)), *check_settings(values)]
    except CustodyError as error:
        raise CustodyError(f"{report}: {error}") from error
    if file is not None:
        checks.append(check_file(values, file))
    if bundle is not None:
        checks.append(check_detector(values, bundle))
    _print(values, checks)
    if not all(check.holds for check in checks):
        raise typer.Exit(DIFFERS)


def _trusted_keys(paths: "list[Path] | None") -> "list[Ed25519PublicKey]":
    from unmask.serving.custody.signing_key import (
        default_key_path,
        public_key_path,
        read_public_keys,
    )

    own = public_key_path(default_key_path())
    chosen = paths or ([own] if own.exists() else [])
    return [key for path in chosen for key in read_public_keys(path)]


def _print(report: dict[str, Any], checks: "list[Check]") -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    console.print(Text(_describe(report), "dim"))
    for check in checks:
        console.print(_line(check))
    failed = [check.subject for check in checks if not check.holds]
    if failed:
        messages.write_error(f"unmask: not verified: {', '.join(failed)}")


def _line(check: "Check") -> "Text":
    from rich.text import Text

    mark = ("OK      ", "green") if check.holds else ("DIFFERS ", "bold red")
    return Text.assemble(mark, f"{check.subject:10}", _printable(check.message))


def _describe(report: dict[str, Any]) -> str:
    """Say what the report claims, which holds only if the checks do."""
    custody = report.get("custody")
    stated = custody if isinstance(custody, dict) else {}
    facts = [f"{report['media'].get('file')}: {report.get('verdict')}"]
    facts += [f"{label} {stated[name]}" for name, label in _STATED.items() if stated.get(name)]
    return _printable("; ".join(facts))


def _printable(text: str) -> str:
    """Escape what would command the terminal: an unverified report may hold anything."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


_STATED = {
    "case_number": "case",
    "operator": "operator",
    "received_at": "received",
    "started_at": "analyzed",
}
