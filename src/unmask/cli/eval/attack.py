"""`unmask eval attack`: AUC under adversarial attack."""

from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from unmask.cli.cluster_options import with_cluster
from unmask.cli.options import PROFILE, Bundle, JsonFile, Manifest, Overrides, Phase, Profile

if TYPE_CHECKING:
    from rich.table import Table

    from unmask.robustness.adversarial_report import AttackPart, RobustnessReport
    from unmask.robustness.transmitted_report import TransmittedPart, TransmittedReport


@with_cluster
def command(
    bundle: Bundle,
    manifest: Manifest,
    json: JsonFile = None,
    phase: Phase = 1,
    profile: Profile = PROFILE,
    set_: Overrides = None,
) -> None:
    """Perturb the test clips against the detector, and score them.

    FGSM and PGD change the aligned faces. The transmitted attack changes the frames of the file,
    which is then encoded as H.264, decoded and preprocessed again.
    """
    from unmask.config import load_settings
    from unmask.data.manifest import read_manifest
    from unmask.data.test_sets import list_left_out, select_headline_clips
    from unmask.data.torch.evaluation_set import make_feature_loader
    from unmask.evaluation.serialization import save
    from unmask.models.device_placement import load_on_accelerator
    from unmask.preprocessing.cache import Cache
    from unmask.robustness.adversarial_evaluation import evaluate_under_attack
    from unmask.robustness.transmitted_evaluation import evaluate_transmitted

    settings = load_settings(phase=phase, profile=profile, overrides=set_ or ())
    attacks = settings.attacks
    loaded = load_on_accelerator(bundle)
    everything = read_manifest(manifest)
    clips = select_headline_clips(everything)
    load = make_feature_loader(loaded.preprocessing, Cache(), clips)
    report = evaluate_under_attack(loaded, clips, load, attacks)
    report = replace(report, left_out=list_left_out(everything))
    if attacks.transmitted.enabled:
        measured = settings.evaluation, settings.seed
        transmitted = evaluate_transmitted(loaded, clips, load, attacks.transmitted, *measured)
        report = replace(report, transmitted=transmitted)
    _print(report)
    if json is not None:
        typer.echo(f"written: {save(report, json)}")


def _print(report: "RobustnessReport") -> None:
    from rich.console import Console

    from unmask.evaluation.slices import describe_left_out

    typer.echo(f"AUC without attack {report.clean_auc:.3f}, {report.clips} clips")
    for row in report.rows:
        typer.echo(
            f"{row.method} on {row.target}, epsilon {row.epsilon:g}, {row.view}: "
            f"AUC {row.auc:.3f}, drop {row.drop:.3f}, {_evasion(row.evasion)}"
        )
    for part in report.parts:
        typer.echo(_describe_part(part))
    left_out = describe_left_out(report.left_out)
    for note in filter(None, (*report.untrained, *report.skipped, left_out)):
        typer.echo(note)
    if report.transmitted is not None:
        Console().print(_transmitted_table(report.transmitted))
        for sent in report.transmitted.parts:
            typer.echo(_describe_part(sent))


def _evasion(rate: float | None) -> str:
    return "no fake is found" if rate is None else f"{rate:.0%} of the fakes found escape"


def _describe_part(part: "AttackPart | TransmittedPart") -> str:
    """Return the row of a part that loses most, of any attack; all rows are in the report."""
    return f"{part.heading}: {part.not_measured or part.describe_worst()}"


def _transmitted_table(report: "TransmittedReport") -> "Table":
    from rich.table import Table

    title = f"Perturbed by {report.epsilon_levels}/255, then encoded as H.264"
    table = Table(title=title, title_justify="left", padding=0)
    table.add_column("attacker, CRF", overflow="fold")
    names = ("genuine + fake", "AUC encoded", "lost by encoding", "AUC attacked", "drop", "evasion")
    for name in names:
        table.add_column(name, justify="right", overflow="fold")
    for row in report.rows:
        estimates = row.encoded_auc, row.encoding_drop, row.auc, row.drop, row.evasion
        table.add_row(
            f"{row.attacker}, {row.crf}",
            f"{row.clips - row.fakes} + {row.fakes}",
            *("no fake is found" if each is None else each.format() for each in estimates),
        )
    sentences = (report.unmeasurable, f"The attacker {report.attacker}", *report.notes)
    table.caption = "; ".join(filter(None, sentences[bool(report.rows) :] or sentences[:1]))
    return table
