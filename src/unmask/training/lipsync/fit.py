"""Fit of the lip-sync network by contrastive learning on genuine clips."""

import csv
import json
import logging
from collections.abc import Iterable, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from unmask.config import LipSyncSettings, Settings, TrainingSettings, to_dict
from unmask.data.manifest import manifest_hash
from unmask.data.torch.evaluation_set import FeatureLoader
from unmask.data.validation_sets import selection_clips
from unmask.errors import DataError, TrainingError
from unmask.models.lipsync.checkpoint import FILE, save_sync
from unmask.models.lipsync.network import SyncNet
from unmask.models.lipsync.score_mapping import LabelledCurve, fit_mapping
from unmask.models.lipsync.scoring import (
    MIN_WINDOWS,
    MOVING_LEVELS,
    SPEECH_SHARE,
    STRETCH_TICKS,
    embed_lips,
    embed_speech,
    mouth_motion,
    similarity_by_shift,
)
from unmask.models.lipsync.speech_towers import SpeechTowers
from unmask.models.lipsync.towers import LipSyncTowers
from unmask.models.lipsync.windows import WINDOW_TICKS
from unmask.progress_bar import ProgressLines
from unmask.records import Clip, ModelInput
from unmask.training.code_fingerprint import training_fingerprint
from unmask.training.devices import training_device
from unmask.training.lipsync.canonical_fit import fit_canonical_towers
from unmask.training.lipsync.dataset import (
    SyncClip,
    augment_mouths,
    delay_audio,
    lips_only,
    random_crop,
    read_sync_clip,
    swap_audio,
    sync_clips,
)
from unmask.training.lipsync.networks import build_towers
from unmask.training.lipsync.streaming import StreamedClips

CROP_S = 4.0  # length of the part of each clip that an epoch uses
NEIGHBOUR_TICKS = 1  # windows this close in time are neither positives nor negatives
WARMUP_SHARE = 0.15  # share of the steps with a rising learning rate
WEIGHT_DECAY = 0.01
MAX_LOGIT_SCALE = (
    50.0  # maximum factor of the similarities; larger ones only sharpen correct matches
)
MAPPING_SHIFTS_TICKS = (0, 0, 0, -2, 2, -4, 4, -7, 7, -10, 10, -15, 15)
MAPPING_SWAPS = 4  # variants of each clip with another person's sound
HISTORY = "history.csv"

Crop = tuple[Tensor, Tensor, Tensor]  # mouth crops, sound, mask of valid windows

log = logging.getLogger(__name__)


class TooFewClipsError(TrainingError):
    """The training clips cannot teach the lip-sync network."""


def fit_lipsync(clips: Sequence[Clip], settings: Settings, load: FeatureLoader, out: Path) -> Path:
    """Train on the genuine ``train`` clips; fit the score mapping on genuine clips of choice.

    Those are a part of the ``val`` clips; the others are left for the calibration, see
    :func:`unmask.data.validation_sets.divide_validation`.

    It runs on the training device, in one process. Each combination of clips, settings and code has
    its own directory below ``out``, with the weights and ``history.csv``, the loss of each epoch on
    both splits. The same call again returns the same file.

    Args:
        clips: Clips of all splits; test clips and fakes are not used.
        load: Loads the features of a clip with mouth crops; see
            :func:`unmask.training.lipsync.dataset.lip_feature_loader`.

    Returns:
        File of weights for :func:`unmask.models.lipsync.checkpoint.load_sync`.

    Raises:
        TooFewClipsError: Fewer than two genuine training clips have mouth crops and sound.
    """
    key = lipsync_key(clips, settings)
    file = out / key[:12] / FILE
    if file.is_file():
        return file
    train, val = load_sync_clips(clips, settings, load)
    net, rows = fit_towers(train, val, settings)
    if len(val) < 2:
        log.warning("lip-sync: fewer than two validation clips; the mapping uses training clips")
    fit_score_mapping(net, val if len(val) > 1 else train, settings.seed)
    file.parent.mkdir(parents=True, exist_ok=True)
    with (file.parent / HISTORY).open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("epoch", "train_contrast", "val_contrast"))
        writer.writerows(rows)
    save_sync(net.cpu(), file, {"key": key, "train_clips": len(train), "val_clips": len(val)})
    return file


def load_sync_clips(
    clips: Sequence[Clip], settings: Settings, load: FeatureLoader
) -> tuple[StreamedClips, StreamedClips]:
    """Return the genuine clips of training and of choice that have lips and sound.

    Each is read once to find out, and again when it is used.

    Raises:
        TooFewClipsError: Fewer than two of training have.
    """
    fitted = lipsync_clips(clips, settings)
    train, val = (
        StreamedClips(
            [usable.clip for usable in sync_clips(_of_split(fitted, split), load)],
            partial(_read_again, load=load),
        )
        for split in ("train", "val")
    )
    if len(train) < 2:
        raise TooFewClipsError(
            f"lip-sync: {len(train)} genuine training clip(s) have lips and sound; two are needed"
        )
    return train, val


def _of_split(clips: Sequence[Clip], split: str) -> list[Clip]:
    return [clip for clip in clips if clip.split == split]


def _read_again(clip: Clip, load: FeatureLoader) -> SyncClip:
    clip_again = read_sync_clip(clip, load)
    if clip_again is None:
        raise DataError(f"clip {clip.clip_id} has lost its mouth crops or sound; train again")
    return clip_again


def fit_towers(
    train: Sequence[SyncClip], val: Sequence[SyncClip], settings: Settings
) -> tuple[LipSyncTowers, list[tuple[int, float, float]]]:
    """Return towers without a fitted score mapping; and epoch and both losses of each epoch.

    Towers in closed form have no epochs.
    """
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        net = build_towers(settings).to(_lipsync_device(settings.training))
        if isinstance(net, SyncNet):
            return net, _train(net, train, val, settings.sync, settings.seed)
        if isinstance(net, SpeechTowers):
            correlations = fit_canonical_towers(net, train)
            log.info("lip-sync: correlations %s", np.round(correlations, 2).tolist())
        return net, []


def lipsync_clips(clips: Sequence[Clip], settings: Settings) -> tuple[Clip, ...]:
    """Return the clips that :func:`fit_lipsync` uses: the genuine ones of training and choice."""
    train = [clip for clip in clips if clip.split == "train"]
    return tuple(clip for clip in (*train, *selection_clips(clips, settings)) if not clip.is_fake)


def lipsync_key(clips: Sequence[Clip], settings: Settings) -> str:
    """Return the hash of everything that the weights depend on, 64 hexadecimal digits."""
    sync = {k: v for k, v in to_dict(settings.sync).items() if k not in ("enabled", "weight")}
    parts = {
        "clips": manifest_hash(lipsync_clips(clips, settings)),
        "seed": settings.seed,
        "preprocessing": to_dict(lips_only(settings.preprocessing)),
        "sync": sync,
        "code": training_fingerprint(),
    }
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def contrastive_loss(net: SyncNet, crops: Iterable[Crop]) -> Tensor:
    """Compute the symmetric contrastive loss between windows of lips and windows of sound.

    It is the mean cross-entropy of matching each window of lips with its sound, and the reverse.
    Candidates are all windows of all crops, except for the neighbours of the right one in time.

    Args:
        crops: Mouth crops ``(T, crop, crop)``, sound ``(samples,)`` and the mask of windows that
            count, ``(T - 12,)``, of each clip.
    """
    lips, speech, ticks, owners = [], [], [], []
    device = net.log_scale.device
    for index, (mouths, sound, mask) in enumerate(
        tuple(x.to(device) for x in crop) for crop in crops
    ):
        lips.append(net.embed_mouths(mouths[None])[0][mask])
        speech.append(net.embed_audio(sound[None])[0][mask])
        ticks.append(torch.nonzero(mask)[:, 0])
        owners.append(torch.full((int(mask.sum()),), index, device=device))
    tick, owner = torch.cat(ticks), torch.cat(owners)
    scale = net.log_scale.exp().clamp(max=MAX_LOGIT_SCALE)
    logits = torch.cat(lips) @ torch.cat(speech).T * scale
    distance = (tick[:, None] - tick[None]).abs()
    same_clip = owner[:, None] == owner[None]
    neighbours = same_clip & (distance > 0) & (distance <= NEIGHBOUR_TICKS)
    logits = logits.masked_fill(neighbours, -torch.inf)
    target = torch.arange(len(tick), device=device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def fit_score_mapping(net: LipSyncTowers, clips: Sequence[SyncClip], seed: int) -> None:
    """Fit, in place, the mapping from similarities to a score.

    Args:
        clips: Genuine ones; they are used with their own sound, delayed by
            ``MAPPING_SHIFTS_TICKS``, and with that of other people.
    """
    rng = np.random.default_rng(seed)
    identities = np.array([clip.clip.identity for clip in clips])
    curves: list[LabelledCurve] = []
    for clip in clips:
        lips = embed_lips(net, clip.lips)
        others = np.flatnonzero(identities != clip.clip.identity)
        for sample, shift in _shifted_and_swapped(clip, others, clips, net.rate_hz, rng):
            speech = embed_speech(net, sample.waveform, sample.is_speech)
            similarity = similarity_by_shift(lips, speech)
            start = int(rng.integers(0, max(len(similarity.valid) - STRETCH_TICKS, 1)))
            for ticks in (slice(None), slice(start, start + STRETCH_TICKS)):
                curve = similarity.curve(ticks)
                if curve is not None and similarity.valid[ticks].sum() >= MIN_WINDOWS:
                    curves.append(LabelledCurve(curve, shift))
    net.mapping.copy_(torch.from_numpy(fit_mapping(curves, net.rate_hz)))


def _lipsync_device(training: TrainingSettings) -> torch.device:
    """Return the training device, except for one that lacks the double precision of the mapping."""
    device = training_device(training)
    return torch.device("cpu") if device.type == "mps" else device


def _shifted_and_swapped(
    clip: SyncClip,
    others: NDArray[np.int_],
    clips: Sequence[SyncClip],
    rate_hz: float,
    rng: np.random.Generator,
) -> list[tuple[ModelInput, int | None]]:
    """Return variants of a clip with their delay in ticks, ``None`` for another person's sound.

    Args:
        others: Places of the clips of other people in ``clips``.
    """
    shifted: list[tuple[ModelInput, int | None]] = [
        (delay_audio(clip.sample, ticks / rate_hz), ticks) for ticks in MAPPING_SHIFTS_TICKS
    ]
    chosen = rng.permutation(len(others))[:MAPPING_SWAPS]
    return shifted + [
        (swap_audio(clip.sample, clips[others[index]].sample), None) for index in chosen
    ]


def _train(
    net: SyncNet,
    train: Sequence[SyncClip],
    val: Sequence[SyncClip],
    settings: LipSyncSettings,
    seed: int,
) -> list[tuple[int, float, float]]:
    """Train in place; return epoch, training loss and validation loss of each epoch."""
    ticks = round(CROP_S * net.rate_hz)
    batch_clips = max(settings.batch_windows // (ticks - WINDOW_TICKS + 1), 2)
    batches = -(-len(train) // batch_clips)
    optimizer = torch.optim.AdamW(
        net.parameters(), settings.learning_rate, weight_decay=WEIGHT_DECAY
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.learning_rate, settings.epochs * batches, pct_start=WARMUP_SHARE
    )
    rows: list[tuple[int, float, float]] = []
    lines = ProgressLines("lip-sync epoch", settings.epochs)
    for epoch in range(settings.epochs):
        net.train()
        rng = np.random.default_rng((seed, epoch))
        losses = []
        for indices in np.array_split(rng.permutation(len(train)), batches):
            crops = [_crop(net, train[index], ticks, rng, augment=True) for index in indices]
            loss = contrastive_loss(net, crops)
            if not torch.isfinite(loss):  # no window of the batch counts
                continue
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        rows.append(
            (epoch, float(np.mean(losses or [np.nan])), _validation_loss(net, val, batch_clips))
        )
        log.info("lip-sync: epoch %d, loss %.3f, on validation %.3f", *rows[-1])
        lines.advance()
    return rows


def _validation_loss(net: SyncNet, clips: Sequence[SyncClip], batch_clips: int) -> float:
    """Compute the loss on the same crops in each epoch, without augmentation; NaN without clips."""
    if not clips:
        return float("nan")
    net.eval()
    rng, ticks = np.random.default_rng(0), round(CROP_S * net.rate_hz)
    losses = []
    with torch.inference_mode():
        for indices in np.array_split(np.arange(len(clips)), -(-len(clips) // batch_clips)):
            crops = [_crop(net, clips[index], ticks, rng, augment=False) for index in indices]
            losses.append(float(contrastive_loss(net, crops)))
    return float(np.mean([loss for loss in losses if np.isfinite(loss)] or [np.nan]))


def _crop(
    net: SyncNet, clip: SyncClip, ticks: int, rng: np.random.Generator, *, augment: bool
) -> Crop:
    mouths, sound, is_speech = random_crop(clip, ticks, net.rate_hz, rng)
    share = torch.from_numpy(is_speech.reshape(len(mouths), -1).mean(axis=1, dtype=np.float32))
    spoken = F.avg_pool1d(share[None], WINDOW_TICKS, 1)[0] >= SPEECH_SHARE
    mask = spoken & torch.from_numpy(mouth_motion(mouths.numpy()) >= MOVING_LEVELS)
    if augment:
        mouths, sound = augment_mouths(mouths, sound, rng)
    return mouths, sound, mask
