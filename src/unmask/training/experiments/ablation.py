"""Ablation: each component of the detector switched off in turn, or on, over several seeds."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from time import perf_counter

from unmask.config import Settings, load_settings, to_dict
from unmask.data.manifest import manifest_hash
from unmask.data.test_sets import list_left_out, select_headline_clips
from unmask.data.torch.evaluation_set import EvaluationClips, make_feature_loader
from unmask.errors import ConfigError
from unmask.evaluation.ablation_analysis import REFERENCE, RunScores
from unmask.evaluation.slices import describe_left_out
from unmask.models.device_placement import load_on_accelerator
from unmask.preprocessing.cache import Cache
from unmask.records import Clip
from unmask.training.code_fingerprint import training_fingerprint
from unmask.training.full_run import train_and_calibrate
from unmask.training.score_clips import score_clip_people, to_score_row

ENSEMBLE = "ensemble"  # always added: every other component is tried on a single member
TIMED_RUNS = 2  # the faster one counts, as other processes can only slow a run down
AUGMENTATIONS = ("colour", "blur", "resize", "cutout", "pitch", "stretch", "noise", "tilt")

# sections of the settings that inference depends on, and those that a bundle depends on
INFERENCE_SECTIONS = ("preprocessing", "model", "sync", "ensemble", "uncertainty")
BUNDLE_SECTIONS = (*INFERENCE_SECTIONS, "training", "augmentation", "validation")


@dataclass(frozen=True, slots=True)
class Component:
    """A part of the detector that can be switched off.

    Attributes:
        phase: First phase that has it.
        off: Overrides that switch it off, ``section.key=value`` each.
        expected: Gain that published evidence suggests: ``large``, ``small`` or ``unknown``.
        on: Overrides that switch it on where phase and profile leave it off.
    """

    name: str
    phase: int
    off: tuple[str, ...]
    expected: str
    on: tuple[str, ...] = ()


COMPONENTS = (
    Component("VAD mask", 1, ("model.vad_mask=false",), "unknown"),
    Component("temporal consistency", 1, ("training.temporal_weight=0",), "unknown"),
    Component("modality dropout", 1, ("model.modality_dropout=0",), "unknown"),
    Component("odds pooling", 1, ("model.pooling=mean",), "unknown", on=("model.pooling=odds",)),
    Component(
        "frame-level losses",
        1,
        ("training.moment_weight=0",),
        "unknown",
        on=("training.moment_weight=1",),
    ),
    Component(
        "partial forgeries", 1, ("training.partial=0",), "unknown", on=("training.partial=0.5",)
    ),
    Component("cross-modal attention", 2, ("model.fusion=concat",), "unknown"),
    Component("frame times", 2, ("model.frame_times=false",), "unknown"),
    Component("optical flow", 2, ("model.flow=false",), "small"),
    Component("face alignment", 2, ("preprocessing.align.method=box",), "unknown"),
    Component("auxiliary heads", 2, ("model.auxiliary=false",), "unknown"),
    Component("MC-dropout", 2, ("uncertainty.passes=0",), "small"),
    Component("temporal transformer", 3, ("model.temporal=conv",), "small"),
    Component("lip-sync", 3, ("sync.enabled=false",), "unknown"),
    Component(
        "forged twins",
        3,
        ("training.fake_source=labelled",),
        "large",
        on=("training.fake_source=both", "preprocessing.source_faces.enabled=true"),
    ),
    Component("paired batches", 3, ("training.paired=false",), "large"),
    Component(
        "adversarial training",
        3,
        ("training.adversarial_epsilon=0",),
        "unknown",
        on=("training.adversarial_epsilon=0.05",),
    ),
    Component(
        "codecs in training", 3, ("augmentation.codec=0", "augmentation.reencode=0"), "large"
    ),
    Component(
        "re-encoded copies",
        3,
        ("augmentation.reencode=0",),
        "unknown",
        on=("augmentation.reencode=0.5",),
    ),
    Component(
        "other augmentation",
        3,
        tuple(f"augmentation.{name}=0" for name in AUGMENTATIONS),
        "large",
        on=tuple(f"augmentation.{name}=0.2" for name in AUGMENTATIONS),
    ),
)


@dataclass(frozen=True, slots=True)
class AblationRun:
    """One training run of an ablation.

    Attributes:
        name: Component that is off, or ``everything``.
        added: The component is on, and off in the reference.
        timed: Inference differs from the reference, and so may its time.
    """

    name: str
    settings: Settings
    added: bool = False
    timed: bool = True


def plan_runs(
    phase: int,
    profile: str,
    seeds: Sequence[int],
    components: Sequence[str] = (),
    overrides: Sequence[str] = (),
) -> tuple[AblationRun, ...]:
    """Plan the runs: the reference first, then each component of the phase switched off.

    All runs have one member, to keep the runs short; the
    ensemble is added to the reference last. A component that phase and profile leave off is
    switched on if it has overrides for that, and left out otherwise.

    Args:
        components: Names of components to try; all if empty, none with ``everything`` alone.
        overrides: Applied to every run.

    Raises:
        ConfigError: A component does not exist.
    """
    known = {component.name: component for component in COMPONENTS if component.phase <= phase}
    if unknown := sorted(set(components) - {REFERENCE, *known, ENSEMBLE}):
        raise ConfigError(f"no component {', '.join(unknown)}; use {', '.join(known)}, {ENSEMBLE}")
    names = [name for name in components or (*known, ENSEMBLE) if name != REFERENCE]
    single = ("ensemble.members=1",)

    def load(*switches: str) -> tuple[Settings, ...]:  # one per seed
        return tuple(
            load_settings(
                phase=phase, profile=profile, overrides=(*overrides, f"seed={seed}", *switches)
            )
            for seed in seeds
        )

    reference = load(*single)
    runs = [AblationRun(REFERENCE, settings) for settings in reference]
    for name in names:
        component = known.get(name)
        variant = load() if component is None else load(*single, *component.off)
        added = component is None
        if component is not None and variant == reference:
            variant, added = load(*single, *component.on), True
        if variant != reference:
            timed = _inference_settings(variant[0]) != _inference_settings(reference[0])
            runs += [AblationRun(name, settings, added, timed) for settings in variant]
    return tuple(runs)


def run_ablation(
    runs: Sequence[AblationRun], clips: Sequence[Clip], cache: Cache, out: Path
) -> Iterator[tuple[AblationRun, RunScores]]:
    """Train and score the runs one after the other, and yield each when it is done.

    Args:
        out: Directory of the trained bundles; an interrupted ablation resumes there.
    """
    for run in runs:
        folder = out / run_key(clips, run.settings)[:12] / "bundle"
        if not folder.is_dir():  # members that runs share are fitted once
            train_and_calibrate(clips, run.settings, cache, out, folder)
        bundle = load_on_accelerator(folder)
        test = select_headline_clips(clips)
        load = make_feature_loader(bundle.preprocessing, cache, test)
        for _ in EvaluationClips(test, load):  # so that preprocessing is not timed
            pass
        seconds = []
        for _ in range(TIMED_RUNS if run.timed else 1):
            start = perf_counter()
            scored = score_clip_people(bundle, test, load, run.settings.uncertainty.passes)
            seconds.append(perf_counter() - start)
        rows = tuple(to_score_row(clip, bundle) for clip in scored)
        ms_per_clip = min(seconds) / len(scored) * 1000 if run.timed else None
        yield run, RunScores(run.settings.seed, rows, ms_per_clip)


def _inference_settings(settings: Settings) -> tuple[object, ...]:
    analysed = settings.preprocessing.without_source_faces()
    settings = settings.replace(preprocessing=analysed)
    return tuple(getattr(settings, name) for name in INFERENCE_SECTIONS)


def group_by_component(
    results: Sequence[tuple[AblationRun, RunScores]],
) -> dict[str, list[RunScores]]:
    """Group scores by the component that is off; the reference is ``everything``."""
    groups: dict[str, list[RunScores]] = {}
    for run, scores in results:
        groups.setdefault(run.name, []).append(scores)
    return groups


def added_components(results: Sequence[tuple[AblationRun, RunScores]]) -> frozenset[str]:
    """Return the names of the components that were switched on instead of off."""
    return frozenset(run.name for run, _ in results if run.added)


def expectations() -> dict[str, str]:
    """Return the expected gain of each component."""
    return {component.name: component.expected for component in COMPONENTS} | {ENSEMBLE: "large"}


def report_notes(clips: Sequence[Clip], overrides: Sequence[str]) -> tuple[str, ...]:
    """Return what a reader of the report has to know."""
    test = select_headline_clips(clips)
    people = len({clip.identity for clip in test})
    fixed = f" Every run with {' '.join(overrides)}." if overrides else ""
    left_out = describe_left_out(list_left_out(clips))
    return (
        "Each row has one component switched off and all others on; a row whose name has a plus "
        "has one switched on that the reference lacks. Scores are of "
        f"{len(test)} test clips of {people} people, mean over the seeds. Intervals resample "
        f"people and seeds, those of the gain on the same resamples.{fixed}",
        "All rows have one member, except for the ensemble; its further members share the first "
        "one's frame encoder if `ensemble.shared_frames` is on. A gain whose interval contains "
        "zero is not significant; with so many rows, one in twenty is by chance. The column p has "
        "the p-values of the same paired bootstrap, corrected for the number of rows by Holm's "
        "method: at most one table in twenty has a value below 0.05 where no component matters. "
        "MC-dropout changes no score, only its interval (`unmask eval calibration`): its row shows "
        "its cost. Times are those of scoring a preprocessed clip; `unmask bench` measures "
        "alignment, flow and mouth crops. A row without a time has that of the reference.",
        "Expected: the gain that published evidence suggests (large, small), or unknown. A "
        "foundation backbone of which only the norms are trained (`model.frame_backbone`, "
        "`model.trainable=norms`), with a large expected gain, has no row: it depends on "
        "pretrained weights, which the demo profile does not have.",
        *([f"{left_out[0].upper()}{left_out[1:]}."] if left_out else []),
    )


def run_key(clips: Sequence[Clip], settings: Settings) -> str:
    """Return the hash of all that a calibrated bundle depends on, 64 hexadecimal digits.

    Unlike :func:`unmask.training.detector.fit.fit_key` it covers lip-sync, ensemble and
    uncertainty, too.
    """
    parts = {
        "clips": manifest_hash(clips),
        "seed": settings.seed,
        "code": training_fingerprint(),
        **{name: to_dict(getattr(settings, name)) for name in BUNDLE_SECTIONS},
    }
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
