"""Tests of the evidence of one labelled clip."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch

from unmask.data.torch.evaluation_set import FeatureLoader
from unmask.explainability.audio_occlusion import (
    VoiceScorer,
    audio_deletion_test,
    occlusion_importance,
)
from unmask.explainability.faithfulness import Faithfulness, face_share, measure_heat
from unmask.explainability.frame_scorer import FrameScorer
from unmask.explainability.heat_map import Heat, heat_cells
from unmask.explainability.pointing import Face, Pointing, measure_pointing, read_twin_face
from unmask.explainability.sanity import map_agreement, shuffle_weights
from unmask.explainability.top_moments import AudioExcerpt, FrameCandidate, TopMoments
from unmask.models.bundle import Bundle
from unmask.models.cam_layer import CamLayer, find_cam_layer
from unmask.models.genuine_features import mean_genuine_map
from unmask.models.inference import score_samples
from unmask.models.padding import usable_samples
from unmask.preprocessing.prepare import to_model_inputs
from unmask.records import Clip, ModelInput

SEED = 0
RANDOM_HEAT_CELLS = 10  # a random map is noise, blurred by a tenth of its side


@dataclass(frozen=True, slots=True)
class ClipTests:
    """Results for one clip; ``None`` where there is no such evidence.

    Attributes:
        face: Test of the heat map of the highest-scoring frame.
        twin: The same, where the face of the genuine twin is what takes the place of cells.
        sound: Test of the importance of speech.
        random_face, random_twin, random_sound: Test of a random map in its place.
        agreement: Of the heat map with that of random weights; see :func:`map_agreement`.
    """

    clip: Clip
    face: Faithfulness | None = None
    random_face: Faithfulness | None = None
    twin: Faithfulness | None = None
    random_twin: Faithfulness | None = None
    sound: Faithfulness | None = None
    random_sound: Faithfulness | None = None
    pointing: Pointing | None = None
    agreement: float | None = None


class EvidenceTester:
    """Tests the evidence of clips with one bundle.

    Args:
        load: Loads the features of a clip with the bundle's preprocessing.
        genuine: Of genuine clips; what the network with random weights is compared with.
    """

    def __init__(self, bundle: Bundle, load: FeatureLoader, genuine: Sequence[ModelInput]) -> None:
        self._bundle, self._load = bundle, load
        self._layer: CamLayer | None = None
        if bundle.genuine_features:
            self._layer = find_cam_layer(bundle.first_member.frame)
            shuffled = shuffle_weights(bundle.first_member, SEED)
            features = mean_genuine_map(shuffled, genuine)
            self._shuffled = replace(bundle, members=(shuffled,), genuine_features=features)

    @property
    def layer_name(self) -> str | None:
        """Layer of the heat maps; ``None`` for a detector of sound alone."""
        return None if self._layer is None else self._layer.name

    def test(self, clip: Clip, twin: Clip | None) -> ClipTests:
        """Test a clip.

        Args:
            twin: The genuine clip that its face was forged from.
        """
        features = self._load(clip)
        samples = usable_samples(to_model_inputs(features), self._bundle.settings)
        moments = TopMoments()
        moments.add(features, score_samples(self._bundle, samples))
        rng = np.random.default_rng(int(clip.sha256[:8], 16))
        frames = [frame for frames in moments.people.values() for frame in frames]
        results = ClipTests(clip)
        if frames and self._layer is not None:
            highest = max(frames, key=lambda frame: frame.probability)
            results = self._test_face(results, self._layer, highest, twin, rng)
        return self._test_sound(results, moments.sound, rng)

    def _test_face(
        self,
        results: ClipTests,
        layer: CamLayer,
        frame: FrameCandidate,
        twin: Clip | None,
        rng: np.random.Generator,
    ) -> ClipTests:
        scorer = FrameScorer(self._bundle, layer, frame)
        genuine = self._bundle.genuine_features[layer.name]
        cells = heat_cells(scorer, genuine)
        random = _random_heat(len(cells), rng)
        tested, control = (
            measure_heat(scorer, heat, frame.landmarks, genuine) for heat in (cells, random)
        )
        shuffled = FrameScorer(self._shuffled, layer, frame)
        other = heat_cells(shuffled, self._shuffled.genuine_features.get(layer.name))
        face = face_share(frame.landmarks, len(cells))
        results = replace(
            results,
            face=tested,
            random_face=control,
            agreement=map_agreement(cells, other, face),
        )
        twin_face = None if twin is None else read_twin_face(twin.path, frame)
        if twin_face is None:
            return results
        twin_map = self._twin_map(layer, frame, twin_face)
        return replace(
            results,
            twin=measure_heat(scorer, cells, frame.landmarks, twin_map),
            random_twin=measure_heat(scorer, random, frame.landmarks, twin_map),
            pointing=measure_pointing(cells, frame, twin_face, rng) if cells.any() else None,
        )

    def _twin_map(self, layer: CamLayer, frame: FrameCandidate, face: Face) -> torch.Tensor:
        """Return the layer's map of the twin's face, with the optical flow of the fake."""
        faces = frame.context.faces.copy()
        faces[frame.index] = face
        context = replace(frame.context, faces=faces)
        return FrameScorer(self._bundle, layer, replace(frame, context=context)).grid[0]

    def _test_sound(
        self, results: ClipTests, excerpt: AudioExcerpt | None, rng: np.random.Generator
    ) -> ClipTests:
        if excerpt is None:
            return results
        scorer = VoiceScorer(self._bundle, excerpt.sample)
        if not len(scorer.speech_bins):
            return results
        random = rng.random(len(scorer.speech_bins))
        return replace(
            results,
            sound=audio_deletion_test(scorer, occlusion_importance(scorer)),
            random_sound=audio_deletion_test(scorer, random),
        )


def _random_heat(cells: int, rng: np.random.Generator) -> Heat:
    noise = cv2.GaussianBlur(rng.random((cells, cells)), (0, 0), cells / RANDOM_HEAT_CELLS)
    return (noise - noise.min()).astype(np.float32)
