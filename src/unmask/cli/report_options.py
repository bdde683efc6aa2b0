"""Options of `unmask analyze` for the report of one video."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unmask.errors import ConfigError

if TYPE_CHECKING:
    from unmask.serving.report.schema import Report


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """Where the report goes, what it states about the request, and who signs it."""

    json_out: Annotated[
        Path | None, typer.Option("--json", help="Write the full report; - is standard output.")
    ] = None
    evidence: Annotated[Path | None, typer.Option(help="Folder for heat maps and audio plots.")] = (
        None
    )
    operator: Annotated[
        str | None, typer.Option(help="Name of who asks for the analysis, for the report.")
    ] = None
    case: Annotated[str | None, typer.Option(help="Case number, for the report.")] = None
    sign: Annotated[
        bool, typer.Option("--sign", help="Sign the report of --json; makes a key at first use.")
    ] = False
    signing_key: Annotated[
        Path | None,
        typer.Option(
            envvar="UNMASK_REPORT_KEY_FILE",
            help="Private key that signs, in PEM; default: in your data folder.",
        ),
    ] = None

    def refuse_many(self) -> None:
        """Refuse the options that take one video.

        Raises:
            ConfigError: One of them is given.
        """
        given = {
            "--json": self.json_out,
            "--evidence": self.evidence,
            "--operator": self.operator,
            "--case": self.case,
            "--sign": self.sign,
        }
        names = [name for name, value in given.items() if value]
        if names:
            raise ConfigError(f"{names[0]} takes one video; use --out for a table of many")

    def check(self) -> None:
        """Check the options before the analysis.

        Raises:
            ConfigError: A text cannot be recorded, or a signature is asked for without --json.
        """
        from unmask.serving.custody.record import check_label

        check_label("--operator", self.operator)
        check_label("--case", self.case)
        if self.sign and self.json_out is None:
            raise ConfigError("--sign signs the report that --json writes; add --json FILE")

    def apply(self, report: "Report") -> "Report":
        """Return the report with what was stated, and signed if asked for.

        Raises:
            CustodyError: The key cannot be read or made.
        """
        from unmask.serving.custody.record import state_request
        from unmask.serving.custody.report_signature import sign_report
        from unmask.serving.custody.signing_key import default_key_path, load_or_create_key

        stated = state_request(report, self.operator, self.case)
        if not self.sign:
            return stated
        return sign_report(stated, load_or_create_key(self.signing_key or default_key_path()))
