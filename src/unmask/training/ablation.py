"""Every component of the detector switched off in turn, over several seeds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from unmask.config import Settings, load_settings
from unmask.errors import ConfigError
from unmask.evaluation.ablation import Trained
from unmask.preprocessing.cache import Cache
from unmask.records import Clip
from unmask.training.fit import fit_key
from unmask.training.scoring import score_split
from unmask.training.whole import train_whole

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
    Component("forged twins", 3, ("training.fakes=labelled",), "much"),
)
ENSEMBLE = "ensemble"  # the only component that is added: all others are tried on one member


@dataclass(frozen=True, slots=True)
class Plan:
    """One training of an ablation.

    Attributes:
        name: The component that is off, or ``everything``.
    """

    name: str
    settings: Settings


def plans(
    phase: int,
    profile: str,
    seeds: Sequence[int],
    components: Sequence[str] = (),
    overrides: Sequence[str] = (),
) -> tuple[Plan, ...]:
    """What has to be trained: the reference first, then each component of the phase switched off.

    All of them have one member, so that twelve components over three seeds are an hour's work;
    what an ensemble adds is measured on the reference, last. A component whose switch changes
    nothing in this phase and profile is left out: it was off already.

    Args:
        components: Names of those to look at; all if empty.
        overrides: Of every training, the reference too.

    Raises:
        ConfigError: There is no such component.
    """
    known = {one.name: one.off for one in COMPONENTS if one.phase <= phase}
    if unknown := sorted(set(components) - {*known, ENSEMBLE}):
        raise ConfigError(f"no component {', '.join(unknown)}; use {', '.join(known)}, {ENSEMBLE}")
    chosen = components or [*known, ENSEMBLE]
    alone = ("ensemble.members=1",)
    switches = {REFERENCE: alone} | {
        name: (*alone, *known[name]) for name in chosen if name in known
    }
    if ENSEMBLE in chosen:
        switches[ENSEMBLE] = ()
    made = []
    for name, switch in switches.items():
        for seed in seeds:
            fixed = (*overrides, f"seed={seed}")
            reference = load_settings(phase=phase, profile=profile, overrides=(*fixed, *alone))
            settings = load_settings(phase=phase, profile=profile, overrides=(*fixed, *switch))
            if name == REFERENCE or settings != reference:
                made.append(Plan(name, settings))
    return tuple(made)


def run(
    work: Sequence[Plan], clips: Sequence[Clip], cache: Cache, place: Path
) -> Iterator[tuple[Plan, Trained]]:
    """Train and score every plan, one after the other; each is given as soon as it is done.

    Args:
        place: Keeps what is trained, so that an ablation that was killed goes on.
    """
    for plan in work:
        bundle = place / fit_key(clips, plan.settings)[:12] / "bundle"
        if not bundle.is_dir():
            train_whole(clips, plan.settings, cache, bundle.parent, bundle)
        begin = perf_counter()
        rows = score_split(bundle, clips, "test", cache)
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
    return {one.name: one.expected for one in COMPONENTS} | {ENSEMBLE: "much"}


def words(clips: Sequence[Clip], overrides: Sequence[str]) -> tuple[str, ...]:
    """What a reader of the table has to know."""
    test = [clip for clip in clips if clip.split == "test"]
    people = len({clip.identity for clip in test})
    fixed = f" Every training with {' '.join(overrides)}." if overrides else ""
    return (
        f"Each row is one component switched off, all others on; scores of {len(test)} test "
        f"clips of {people} people, mean over the seeds, intervals by resampling people, "
        f"the gain's on the same resamples.{fixed}",
        "All have one member but the last row, the reference as an ensemble; its gain is over the "
        "reference. A gain whose interval holds zero was not shown.",
        "Expected: what published evidence says of the component (much, little), where it says "
        "anything; it gives no number for a set like this.",
    )
