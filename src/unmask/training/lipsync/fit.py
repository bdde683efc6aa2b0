"""The sync net, trained by contrast on genuine footage alone."""

import csv
import json
import logging
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from unmask.config import LipSyncSettings, Settings, to_dict
from unmask.data.manifest import manifest_hash
from unmask.data.torch.evaluation_set import FeatureLoader
from unmask.errors import TrainingError
from unmask.models.lipsync.checkpoint import FILE, save_sync
from unmask.models.lipsync.network import WINDOW_TICKS, SyncNet
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
from unmask.records import Clip
from unmask.training.code_fingerprint import training_fingerprint
from unmask.training.lipsync.dataset import (
    SyncClip,
    augment_mouths,
    delay_audio,
    lips_only,
    random_crop,
    swap_audio,
    sync_clips,
)

STRETCH_S = 4.0  # of each clip and epoch
NEAR_TICKS = 1  # neighbouring windows are neither the same nor wrong
WARM = 0.15  # of all steps, in which the learning rate rises
WEIGHT_DECAY = 0.01
STEEPEST = 50.0  # of the contrast: a steeper one would only sharpen what is right already
SHIFTS_TRIED = (0, 0, 0, -2, 2, -4, 4, -7, 7, -10, 10, -15, 15)  # ticks, for the mapping
DUBS_TRIED = 4
HISTORY = "history.csv"

log = logging.getLogger(__name__)


def fit_sync(clips: Sequence[Clip], settings: Settings, load: FeatureLoader, out: Path) -> Path:
    """Train on the genuine ``train`` clips, read the score's constants off the ``val`` ones.

    Below ``out`` each set of clips and settings has a folder of its own: the weights, and
    ``history.csv`` with the contrast of each epoch on both. The same call again returns that file.

    Args:
        clips: Of all splits; test clips and fakes are not looked at.
        load: Features of a clip, with lips; see ``sync_clips.lips_of``.

    Returns:
        The file of weights; :func:`unmask.models.lipsync.checkpoint.load_sync` reads it.

    Raises:
        TrainingError: There are no two genuine clips with lips and sound to train on.
    """
    key = lipsync_key(clips, settings)
    file = out / key[:12] / FILE
    if file.is_file():
        return file
    genuine = [clip for clip in clips if not clip.is_fake]
    train = list(sync_clips((clip for clip in genuine if clip.split == "train"), load))
    val = list(sync_clips((clip for clip in genuine if clip.split == "val"), load))
    if len(train) < 2:
        raise TrainingError(
            f"lip-sync: {len(train)} genuine training clip(s) with lips and sound; need two or more"
        )
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        net = SyncNet(settings.sync.dim, settings.preprocessing.lips.rate_hz)
        rows = _fit(net, train, val, settings.sync, settings.seed)
    if len(val) < 2:
        log.warning("lip-sync: no two validation clips; the score is fitted on training clips")
    fit_score_mapping(net, val if len(val) > 1 else train, settings.seed)
    file.parent.mkdir(parents=True, exist_ok=True)
    with (file.parent / HISTORY).open("w", newline="") as table:
        writer = csv.writer(table)
        writer.writerow(("epoch", "train_contrast", "val_contrast"))
        writer.writerows(rows)
    save_sync(net, file, {"key": key, "train_clips": len(train), "val_clips": len(val)})
    return file


def lipsync_key(clips: Sequence[Clip], settings: Settings) -> str:
    """Hash of everything that the weights depend on: 64 hexadecimal digits."""
    learnt = {k: v for k, v in to_dict(settings.sync).items() if k not in ("enabled", "weight")}
    parts = {
        "clips": manifest_hash([clip for clip in clips if not clip.is_fake]),
        "seed": settings.seed,
        "preprocessing": to_dict(lips_only(settings.preprocessing)),
        "sync": learnt,
        "code": training_fingerprint(),
    }
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def contrastive_loss(net: SyncNet, stretches: Iterable[tuple[Tensor, Tensor, Tensor]]) -> Tensor:
    """Cross-entropy of finding each window's sound among all sounds, and its lips among all lips.

    All other windows of all stretches are candidates but those right beside it in time.

    Args:
        stretches: Mouths, sound, and which windows count, shape ``(T - 12,)``, of each.
    """
    seen, heard, place, owner = [], [], [], []
    for number, (mouths, sound, counts) in enumerate(stretches):
        seen.append(net.embed_mouths(mouths[None])[0][counts])
        heard.append(net.embed_audio(sound[None])[0][counts])
        place.append(torch.nonzero(counts)[:, 0])
        owner.append(torch.full((int(counts.sum()),), number))
    at, of = torch.cat(place), torch.cat(owner)
    logits = torch.cat(seen) @ torch.cat(heard).T * net.log_scale.exp().clamp(max=STEEPEST)
    apart = (at[:, None] - at[None]).abs()
    beside = (of[:, None] == of[None]) & (apart > 0) & (apart <= NEAR_TICKS)
    logits = logits.masked_fill(beside, -torch.inf)
    truth = torch.arange(len(at))
    return (F.cross_entropy(logits, truth) + F.cross_entropy(logits.T, truth)) / 2


def fit_score_mapping(net: SyncNet, clips: Sequence[SyncClip], seed: int) -> None:
    """Fit, in place, how agreement becomes a score: on genuine clips, shifted and dubbed."""
    rng = np.random.default_rng(seed)
    known: list[LabelledCurve] = []
    for one in clips:
        sample, others = one.sample, [c for c in clips if c.clip.identity != one.clip.identity]
        seen = embed_lips(net, sample.lips)  # type: ignore[arg-type]
        made = [(delay_audio(sample, by / net.rate_hz), by) for by in SHIFTS_TRIED]
        picked = rng.permutation(len(others))[:DUBS_TRIED]
        made += [(swap_audio(sample, others[pick].sample), None) for pick in picked]  # type: ignore[misc]
        for changed, shift in made:
            agreed = similarity_by_shift(
                seen, embed_speech(net, changed.waveform, changed.is_speech)
            )
            start = int(rng.integers(0, max(len(agreed.counts) - STRETCH_TICKS, 1)))
            for ticks in (slice(None), slice(start, start + STRETCH_TICKS)):
                curve = agreed.curve(ticks)
                if curve is not None and agreed.counts[ticks].sum() >= MIN_WINDOWS:
                    known.append(LabelledCurve(curve, shift))
    net.mapping.copy_(torch.from_numpy(fit_mapping(known, net.rate_hz)))


def _fit(
    net: SyncNet,
    train: Sequence[SyncClip],
    val: Sequence[SyncClip],
    settings: LipSyncSettings,
    seed: int,
) -> list[tuple[int, float, float]]:
    """Train in place; epoch, and the contrast on both kinds of clips, of each epoch."""
    ticks = round(STRETCH_S * net.rate_hz)
    per_batch = max(settings.batch_windows // (ticks - WINDOW_TICKS + 1), 2)
    batches = -(-len(train) // per_batch)
    optimizer = torch.optim.AdamW(
        net.parameters(), settings.learning_rate, weight_decay=WEIGHT_DECAY
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.learning_rate, settings.epochs * batches, pct_start=WARM
    )
    rows: list[tuple[int, float, float]] = []
    for epoch in range(settings.epochs):
        net.train()
        rng = np.random.default_rng((seed, epoch))
        losses = []
        for some in np.array_split(rng.permutation(len(train)), batches):
            loss = contrastive_loss(net, [_example(net, train[n], ticks, rng, True) for n in some])
            if not torch.isfinite(loss):  # nobody speaks in any of these stretches
                continue
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        rows.append((epoch, float(np.mean(losses or [np.nan])), _contrast_on(net, val, ticks)))
        log.info("lip-sync: epoch %d, contrast %.3f, on validation %.3f", *rows[-1])
    return rows


def _contrast_on(net: SyncNet, clips: Sequence[SyncClip], ticks: int) -> float:
    """Contrast among the clips as they are, the same stretches each time."""
    if not clips:
        return float("nan")
    net.eval()
    rng = np.random.default_rng(0)
    with torch.inference_mode():
        return float(
            contrastive_loss(net, [_example(net, one, ticks, rng, False) for one in clips])
        )


def _example(
    net: SyncNet, one: SyncClip, ticks: int, rng: np.random.Generator, change: bool
) -> tuple[Tensor, Tensor, Tensor]:
    mouths, sound, speech = random_crop(one, ticks, net.rate_hz, rng)
    share = torch.from_numpy(speech.reshape(len(mouths), -1).mean(axis=1, dtype=np.float32))
    spoken = F.avg_pool1d(share[None], WINDOW_TICKS, 1)[0] >= SPEECH_SHARE
    counts = spoken & (mouth_motion(mouths) >= MOVING_LEVELS)
    if change:
        mouths, sound = augment_mouths(mouths, sound, rng)
    return mouths, sound, counts
