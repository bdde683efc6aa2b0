"""Sample networks: all networks that score one sample, whatever runs them."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from unmask.records import ModelInput

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
EncodedSound = TypeVar("EncodedSound")


@dataclass(frozen=True, slots=True)
class MemberOutputs:
    """Outputs of all members for one sample; every logit is uncalibrated, higher is more fake.

    Attributes:
        logit: Logit of the sample, shape ``(members,)``.
        video_logit, audio_logit: Logit of one modality alone, shape ``(members,)``.
        frame_logits: Shape ``(members, T)``.
        step_logits: One per 20 ms, shape ``(members, A)``.
        frame_mask: True where there is a face, shape ``(T,)``.
        step_mask: True where there is speech, shape ``(A,)``.
        pass_logits: Logit of each MC-dropout pass, grouped by member, shape
            ``(members · passes,)``; ``None`` without MC-dropout.
    """

    logit: Floats
    video_logit: Floats
    audio_logit: Floats
    frame_logits: Floats
    step_logits: Floats
    frame_mask: Bools
    step_mask: Bools
    pass_logits: Floats | None = None


class SampleNetworks(ABC, Generic[EncodedSound]):
    """Networks of all members of a bundle."""

    @abstractmethod
    def encode_sound(self, sample: ModelInput) -> EncodedSound:
        """Encode the sound of a sample; the result holds for all samples with that sound.

        Raises:
            DataError: The sample has neither a face nor sound.
        """

    @abstractmethod
    def score(self, sample: ModelInput, sound: EncodedSound, passes: int) -> MemberOutputs:
        """Score a sample.

        Args:
            sound: From :meth:`encode_sound`.
            passes: MC-dropout passes per member; 0 for none.
        """
