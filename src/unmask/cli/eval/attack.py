"""`unmask eval attack`: AUC under adversarial attack."""

from pathlib import Path
from typing import Annotated

import typer

from unmask.cli.options import Bundle, Manifest, Phase, Profile


def command(
    bundle: Bundle,
    manifest: Manifest,
    out: Annotated[Path, typer.Option(help="Report to write, as JSON.")],
    phase: Phase = 1,
    profile: Profile = "full",
) -> None:
    """Perturb the test clips against the detector (FGSM, PGD), and score them."""
    from unmask.config import load_settings
    from unmask.data.manifest import read_manifest
    from unmask.data.torch.evaluation_set import make_feature_loader
    from unmask.evaluation.serialization import save
    from unmask.models.bundle import load_bundle
    from unmask.preprocessing.cache import Cache
    from unmask.robustness.adversarial_evaluation import evaluate_under_attack
    from unmask.training.score_clips import select_split

    settings = load_settings(phase=phase, profile=profile).attacks
    loaded = load_bundle(bundle)
    clips = select_split(read_manifest(manifest), "test")
    load = make_feature_loader(loaded.preprocessing, Cache(), clips)
    report = evaluate_under_attack(loaded, clips, load, settings)
    save(report, out)
    typer.echo(f"AUC without attack {report.clean_auc:.3f}, {report.clips} clips")
    for row in report.rows:
        typer.echo(
            f"{row.method} on {row.target}, epsilon {row.epsilon:g}, {row.view}: "
            f"AUC {row.auc:.3f}, drop {row.drop:.3f}, {_evasion(row.evasion)}"
        )
    typer.echo(f"written: {out}")


def _evasion(rate: float | None) -> str:
    return "no fake is found" if rate is None else f"{rate:.0%} of the fakes found escape"
