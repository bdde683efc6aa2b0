"""Names of commands and options in earlier versions, still accepted but not listed."""

from collections.abc import Iterator, Mapping
from typing import Any

from typer.core import TyperCommand

# Command to module. `unmask train MANIFEST --out FOLDER` is handled by `TrainGroup`.
ALIASES = {
    "ingest": "data.ingest",
    "validate": "data.validate",
    "preprocess": "data.preprocess",
    "demo-data": "data.demo",
    "calibrate": "train.calibrate",
    "sync": "train.lipsync",
    "score": "eval.score",
    "evaluate": "eval.metrics",
    "attack": "eval.attack",
    "codecs": "eval.codecs",
    "auxiliary": "eval.face_heads",
    "uncertainty": "eval.calibration",
    "sync-report": "eval.lipsync",
    "gate": "eval.gates",
    "crosseval": "eval.crosseval",
    "sweep": "experiment.sweep",
    "ablate": "experiment.ablate",
}
# Module to options: today's name, and what stands before the value now.
OPTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "data.partial": {"--split": ("--splits", "")},
    "data.preprocess": {"--report": ("--json", "")},
    "data.validate": {"--report": ("--out", "")},
    "eval.attack": {"--out": ("--json", "")},
    "eval.calibration": {
        "--bins": ("--set", "evaluation.bins="),
        "--confidence": ("--set", "evaluation.confidence="),
    },
    "eval.codecs": {"--out": ("--json", "")},
    "eval.face_heads": {"--out": ("--json", "")},
    "experiment.release": {"--report": ("--results", "")},
    "loadtest": {"--clip": ("--video", ""), "--jobs": ("--submissions", "")},
}


def command_class(module: str) -> type[TyperCommand]:
    """Return the class of a command, which also accepts the earlier names of its options."""
    renamed = OPTIONS.get(module, {})

    class Command(TyperCommand):
        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            return super().parse_args(ctx, list(_rename(args, renamed)))

    return Command


def _rename(args: list[str], renamed: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    """Yield the arguments with today's names; what follows ``--`` is left alone."""
    remaining = iter(args)
    for arg in remaining:
        if arg == "--":
            yield arg
            break
        name, sign, value = arg.partition("=")
        if name not in renamed:
            yield arg
            continue
        current, prefix = renamed[name]
        yield current
        following = value if sign else next(remaining, None)
        if following is not None:
            yield prefix + following
    yield from remaining
