"""Scoring bundle: what scoring and reports need of a bundle, whatever runs its networks."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from unmask.config import (
    ModelSettings,
    PreprocessingSettings,
    UncertaintySettings,
    ValidationSettings,
)
from unmask.errors import BundleError
from unmask.models.calibration.domain import CalibrationDomain
from unmask.models.calibration.platt import Calibration
from unmask.models.lipsync.scoring import LipSyncNetwork
from unmask.models.sample_networks import SampleNetworks

# 6 had no genuine features and one temperature for all outputs; 5 one speech model for all members;
# 4 no domain; 3 one threshold for all; 2 no bias; 1 one detector and no lip-sync
SCHEMA_VERSION = 7
DEMO_PROFILE = "demo"
NOT_TRAINED = "not_trained_"  # and the component: key of the reason in the provenance
LIP_SYNC = "lip_sync"
EXPERIMENTAL = "experimental"  # key of the provenance
CROSS_FIT_FOLDS = "cross_fit_folds"  # key of the provenance
VALIDATION = "validation"  # key of the provenance: how validation was divided, a JSON object
SELECTION_CLIPS = "selection_clips"  # key of the provenance of a calibrated bundle
SHARED_VALIDATION = "shared_validation"  # key of the reason why one set does both
DATA_SETS = "data_sets"  # key of the provenance, a JSON list
# settings in which the members of an ensemble may differ
MEMBER_SETTINGS = (
    *("dropout", "frame_backbone", "frame_weights", "input_px", "trainable", "lora_rank"),
    *("lora_alpha", "voice_backbone", "voice_weights", "voice_frozen_layers", "voice_layers"),
)


class Member(Protocol):
    """A detector, of which reports need the settings alone."""

    @property
    def settings(self) -> ModelSettings:
        """Architecture and source of the weights."""


@dataclass(frozen=True, slots=True)
class NetworkCall:
    """A method by which a network runs, so that its time can be measured.

    Attributes:
        stage: Stage of the analysis.
        wait: Waits for the end of what the method started; ``None`` where it returns with it.
    """

    stage: str
    network: Any
    method: str
    wait: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class ScoringBundle(ABC):
    """Settings, calibration and provenance of a bundle, and its networks behind interfaces.

    Attributes:
        members: One detector, or the members of an ensemble; they differ only in weights,
            encoders and dropout.
        preprocessing: Settings that the detectors were trained with and that serving uses.
        provenance: Hash of the manifest, commit, seed, data sets and versions of libraries; for a
            component that the training clips could not teach, the reason under
            :func:`not_trained`.
        sha256: Of ``bundle.json``, which holds the hashes of the weights; empty before saving.
        sync: Lip-sync network.
        uncertainty: MC-dropout passes and target error rates.
        gates: Gate results at promotion; empty before.
        measured: Error rates of its verdicts on the test clips, as measured at promotion; see
            :class:`unmask.evaluation.measured_verdicts.MeasuredVerdicts`. ``None`` before.
        conditions: The same on re-encoded test clips; see
            :class:`unmask.evaluation.condition_verdicts.ConditionVerdicts`. Empty if not measured.
        coverage: Families of forgeries among the test clips; see
            :class:`unmask.evaluation.coverage_summary.Coverage`. ``None`` if not measured.
        attack_flag: Threshold and rates of the attack flag; see
            :class:`unmask.evaluation.attack_flag.AttackFlag`. ``None`` if not measured.
        notes: What it was trained or tested without, as noted at promotion, one sentence each.
        domain: Footage like the calibration clips; ``None`` before calibration, in older bundles,
            and where there were too few clips.
    """

    members: Sequence[Member]
    preprocessing: PreprocessingSettings
    calibration: Calibration
    phase: int
    profile: str
    provenance: Mapping[str, str] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION
    sha256: str = ""
    sync: LipSyncNetwork | None = None
    uncertainty: UncertaintySettings = field(default_factory=UncertaintySettings)
    gates: tuple[Mapping[str, Any], ...] = ()
    domain: CalibrationDomain | None = None
    notes: tuple[str, ...] = ()
    measured: Mapping[str, Any] | None = None
    conditions: tuple[Mapping[str, Any], ...] = ()
    coverage: Mapping[str, Any] | None = None
    attack_flag: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        """Refuse members of different inputs or heads."""
        if not self.members:
            raise BundleError("a bundle needs at least one detector")
        own = {name: getattr(self.settings, name) for name in MEMBER_SETTINGS}
        if any(member.settings.replace(**own) != self.settings for member in self.members):
            raise BundleError(
                "the members have different architectures; fit them with the same model settings, "
                "other than those of their encoders"
            )

    @abstractmethod
    def open_networks(self, precision: str) -> SampleNetworks[Any]:
        """Return the networks of all members, ready to score one sample after another.

        Args:
            precision: ``auto``, ``32`` or ``bf16``.
        """

    @abstractmethod
    def optimise(self) -> None:
        """Prepare the networks, in place, for scoring alone."""

    @abstractmethod
    def network_calls(self) -> Iterator[NetworkCall]:
        """Yield the methods by which all networks run."""

    def judges(self, footage: NDArray[np.float64]) -> bool:
        """Return whether the detector may judge footage.

        The demonstration model judges footage like its calibration clips alone, and without a
        domain none at all.

        Args:
            footage: See :meth:`unmask.preprocessing.footage.FootageStatistics.facts`.
        """
        if self.profile != DEMO_PROFILE:
            return True
        return self.domain is not None and self.domain.contains(footage)

    @property
    def judges_speakers(self) -> bool:
        """Whether who speaks decides what is scored; see :mod:`.active_speaker`.

        Only where the detector has the picture, and mouth crops in training as in serving.
        """
        lips = self.preprocessing.lips
        return lips.enabled and lips.active_speaker and "video" in self.settings.modalities

    @property
    def untrained(self) -> dict[str, str]:
        """Component that the training clips could not teach, and the reason."""
        return read_reasons(self.provenance)

    @property
    def data_sets(self) -> tuple[str, ...]:
        """Data sets of the training and validation clips; empty in bundles before version 0.3."""
        return tuple(json.loads(self.provenance.get(DATA_SETS, "[]")))

    @property
    def experimental(self) -> str:
        """What keeps the detector from giving verdicts, such as a missed gate; empty if nothing."""
        return self.provenance.get(EXPERIMENTAL, "")

    @property
    def cross_fit_folds(self) -> int:
        """Folds of a cross-fitted calibration; 0 for one on clips that no weight was fitted on."""
        return int(self.provenance.get(CROSS_FIT_FOLDS, "0"))

    @property
    def validation(self) -> ValidationSettings | None:
        """How validation was divided for the fit; ``None`` for older bundles: not at all."""
        division = self.provenance.get(VALIDATION)
        return None if division is None else ValidationSettings(**json.loads(division))

    @property
    def selection_clips(self) -> int:
        """Clips that choices were made on and that did not calibrate; 0 where one set did both."""
        return int(self.provenance.get(SELECTION_CLIPS, "0"))

    @property
    def shared_validation(self) -> str:
        """Why the clips that choices were made on calibrate as well; empty if they do not."""
        return self.provenance.get(SHARED_VALIDATION, "")

    @property
    def settings(self) -> ModelSettings:
        """Architecture of the first member; inputs and heads are those of all members."""
        return self.members[0].settings


def not_trained(component: str) -> str:
    """Return the key of the provenance that tells why a component was not trained.

    Args:
        component: ``video``, ``audio`` or ``lip_sync``.
    """
    return f"{NOT_TRAINED}{component}"


def untrained_notes(untrained: Mapping[str, str]) -> tuple[str, ...]:
    """Return a sentence on each component of :attr:`Bundle.untrained`."""
    return tuple(f"{name} is not trained: {why}" for name, why in untrained.items())


def read_reasons(provenance: Mapping[str, str]) -> dict[str, str]:
    """Return the reason of each component that was not trained, as in the provenance."""
    return {
        name.removeprefix(NOT_TRAINED): reason
        for name, reason in provenance.items()
        if name.startswith(NOT_TRAINED)
    }
