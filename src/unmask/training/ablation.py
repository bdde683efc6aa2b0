"""Every component of the detector switched off in turn, over several seeds."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter

from unmask.config import Settings, load_settings
from unmask.errors import ConfigError
from unmask.evaluation.ablation import Trained
from unmask.models.bundle import Bundle
from unmask.records import ScoreRow

REFERENCE = "everything"


@dataclass(frozen=True, slots=True)
class Component:
    """A part of the detector that can be done without.

    Attributes:
        phase: In which phase it came; it is on from there.
        off: Overrides that switch it off, ``section.key=value`` each.
        expected: What published evidence lets one expect of it, in a few words.
    """

    name: str
    phase: int
    off: tuple[str, ...]
    expected: str


COMPONENTS = (
    Component("VAD mask", 1, ("model.vad_mask=false",), "not told"),
    Component("temporal consistency", 1, ("training.temporal_weight=0",), "not told"),
    Component("modality dropout", 1, ("model.modality_dropout=0",), "not told"),
    Component("cross-modal attention", 2, ("model.fusion=concat",), "not told"),
    Component("optical flow", 2, ("model.flow=false",), "little"),
    Component("face alignment", 2, ("preprocessing.align.method=box",), "not told"),
    Component("auxiliary heads", 2, ("model.auxiliary=false",), "not told"),
    Component("MC-dropout", 2, ("uncertainty.passes=0",), "little"),
    Component("temporal transformer", 3, ("model.temporal=conv",), "little"),
    Component("lip-sync", 3, ("sync.enabled=false",), "not told"),
    Component("ensemble", 3, ("ensemble.members=1",), "much"),
    Component("forged twins", 3, ("training.fakes=labelled",), "much"),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """One training of an ablation.

    Attributes:
        name: The component that is off, or ``everything``.
    """

    name: str
    settings: Settings


# trains under the settings and gives the calibrated bundle
Train = Callable[[Settings], Bundle]
Score = Callable[[Bundle], tuple[ScoreRow, ...]]


def plans(
    phase: int,
    profile: str,
    seeds: Sequence[int],
    components: Sequence[str] = (),
    overrides: Sequence[str] = (),
) -> tuple[Plan, ...]:
    """What has to be trained: the reference first, then each component of the phase switched off.

    A component whose switch changes nothing in this phase and profile is left out: it was off
    already.

    Args:
        components: Names of those to look at; all if empty.
        overrides: Of every training, the reference too.

    Raises:
        ConfigError: There is no such component.
    """
    known = {one.name: one for one in COMPONENTS if one.phase <= phase}
    if unknown := sorted(set(components) - set(known)):
        raise ConfigError(f"no component {', '.join(unknown)}; use {', '.join(known)}")
    chosen = [known[name] for name in components] or list(known.values())
    made = []
    for seed in seeds:
        fixed = (*overrides, f"seed={seed}")
        reference = load_settings(phase=phase, profile=profile, overrides=fixed)
        made.append(Plan(REFERENCE, reference))
        for one in chosen:
            without = load_settings(phase=phase, profile=profile, overrides=(*fixed, *one.off))
            if without != reference:
                made.append(Plan(one.name, without))
    return tuple(sorted(made, key=lambda plan: plan.name != REFERENCE))


def run(work: Sequence[Plan], train: Train, score: Score) -> Iterator[tuple[Plan, Trained]]:
    """Train and score every plan, one after the other; each is given as soon as it is done.

    ``train`` is expected to keep what it made, so that an ablation that was killed goes on.
    """
    for plan in work:
        bundle = train(plan.settings)
        begin = perf_counter()
        rows = score(bundle)
        ms = (perf_counter() - begin) / len(rows) * 1000
        yield plan, Trained(plan.settings.seed, rows, ms)


def grouped(done: Sequence[tuple[Plan, Trained]]) -> dict[str, list[Trained]]:
    """Trainings by what is switched off, the reference under its own name."""
    found: dict[str, list[Trained]] = {}
    for plan, trained in done:
        found.setdefault(plan.name, []).append(trained)
    return found


def expectations() -> dict[str, str]:
    """Component to what was expected of it."""
    return {one.name: one.expected for one in COMPONENTS}
