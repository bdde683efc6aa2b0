"""Sample networks that are graphs: encoders, heads and MC dropout of all members, without torch."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from unmask.config import ModelSettings
from unmask.engine.graph import Array
from unmask.models.ensemble.dropout_factors import content_seed, draw_factors
from unmask.models.frame_runs import FRAME_STEP_S
from unmask.models.graphs.index import FRAMES, HEAD_OUTPUTS, HEADS, VOICE, GraphIndex
from unmask.models.graphs.stored_graph import StoredGraph
from unmask.models.padding import FrameGrid, PaddedSamples, pad_samples
from unmask.models.sample_networks import MemberOutputs, SampleNetworks
from unmask.records import ModelInput

CHUNK_FACES = 8  # encoded at once, so that memory stays small

Floats = NDArray[np.float64]
Arrays = dict[str, Array]


class GraphNetworks(SampleNetworks[Arrays]):
    """Networks that are graphs.

    Args:
        graphs: See :data:`unmask.models.graphs.index.GRAPHS`.
        settings: Of the first member.
        precision: Of the encoders; ``auto``, ``32`` or ``bf16``. The heads are run in float32.
    """

    def __init__(
        self,
        graphs: Mapping[str, StoredGraph],
        index: GraphIndex,
        settings: ModelSettings,
        precision: str,
    ) -> None:
        self._graphs, self._index = graphs, index
        self._settings, self._precision = settings, precision

    def encode_sound(self, sample: ModelInput) -> Arrays:
        """Return the audio features of each member and the speech mask, by name."""
        padded = pad_samples([sample], self._settings, with_pixels=False)
        missing = max(self._index.step_samples - padded.waveform.shape[1], 0)
        inputs = {
            "waveform": np.pad(padded.waveform, ((0, 0), (0, missing))),
            "is_speech": np.pad(padded.speech_mask & padded.sample_mask, ((0, 0), (0, missing))),
        }
        return self._graphs[VOICE].run(inputs, self._precision)

    def score(self, sample: ModelInput, sound: Arrays, passes: int) -> MemberOutputs:
        """See :meth:`SampleNetworks.score`."""
        padded = pad_samples([sample], self._settings)
        frames = padded.frame_mask.shape[1]
        grid = padded.frame_times or FrameGrid(
            (np.arange(frames) * FRAME_STEP_S).astype(np.float32)[None],
            np.zeros((1, frames), np.int64),
        )
        inputs = {
            "frame_mask": padded.frame_mask,
            "time_s": grid.time_s,
            "run": grid.run,
            **self._encode_frames(padded),
            **sound,
        }
        outputs = self._graphs[HEADS].run(inputs | dict(self._neutral_factors()))
        scores = {
            name: np.concatenate(
                [outputs[f"{name}_{number}"] for number in range(len(self._index.encoder_of))]
            ).astype(np.float64)
            for name in HEAD_OUTPUTS
        }
        return MemberOutputs(
            **scores,
            frame_mask=padded.frame_mask[0],
            step_mask=sound["step_mask"][0],
            pass_logits=self._pass_logits(sample, inputs, passes) if passes else None,
        )

    def _encode_frames(self, padded: PaddedSamples) -> Arrays:
        """Return the features of each different frame encoder, shape ``(1, T, frame_dim)``."""
        names = [f"features_{number}" for number in sorted(set(self._index.encoder_of))]
        if not padded.frame_mask.all():  # one sample has all its faces, or none
            none = np.zeros((*padded.frame_mask.shape, self._settings.frame_dim), np.float32)
            return dict.fromkeys(names, none)
        pixels: Arrays = {"faces": padded.faces[0]}
        if padded.flow is not None:
            pixels["flow"] = padded.flow[0]
        faces = len(padded.faces[0])
        chunks = [slice(start, start + CHUNK_FACES) for start in range(0, faces, CHUNK_FACES)]
        encoded = [
            self._graphs[FRAMES].run(
                {name: values[rows] for name, values in pixels.items()}, self._precision
            )
            for rows in chunks
        ]
        return {name: np.concatenate([chunk[name] for chunk in encoded])[None] for name in names}

    def _neutral_factors(self) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Yield the factors that switch dropout off."""
        for number, use in enumerate(self._index.dropout):
            yield f"factors_{number}", np.ones((*[1] * len(use.axes), use.dim), np.float32)

    def _pass_logits(self, sample: ModelInput, inputs: Arrays, passes: int) -> Floats:
        """Return the logits of all passes, grouped by member."""
        repeated = {name: np.repeat(values, passes, axis=0) for name, values in inputs.items()}
        lengths = dict(zip("BTA", (passes, *_lengths(inputs)), strict=True))
        seed, members = content_seed(sample), range(len(self._index.encoder_of))
        uses = len(self._index.dropout) // len(members)
        factors: Arrays = {}
        for member in members:
            rng = np.random.default_rng(seed + member)  # as the passes of torch
            for number in range(member * uses, (member + 1) * uses):
                use = self._index.dropout[number]
                shape = (*(lengths[axis] for axis in use.axes), use.dim)
                factors[f"factors_{number}"] = draw_factors(rng, shape, use.probability)
        outputs = self._graphs[HEADS].run(repeated | factors)
        logits = [outputs[f"logit_{member}"] for member in members]
        return np.concatenate(logits).astype(np.float64)


def _lengths(inputs: Arrays) -> Sequence[int]:
    """Return the number of frames and of audio steps."""
    return inputs["frame_mask"].shape[1], inputs["step_mask"].shape[1]
