"""What two processes of a group draw: their clips, their augmentation and their dropout."""

import pickle
from types import SimpleNamespace

import pytest
import torch

from tests.toy_fixtures import load_toy
from unmask.training.detector.data_loaders import build_loaders
from unmask.training.detector.lightning_module import DetectorModule
from unmask.training.process_group import process_rank, run_in_processes

EPOCHS = 2


def draw(clips, settings, folder):
    """Write the clips of each batch, their augmented frames, and the random numbers of dropout."""
    same = clips[0]  # every clip has its picture, so that the samples differ by their draws alone
    loader, _ = build_loaders(clips, settings, lambda _: load_toy(same), None, None)
    optimiser = SimpleNamespace(param_groups=[{"lr": 0.1}])
    drawn = []
    for epoch in range(EPOCHS):
        sampler = loader.batch_sampler
        getattr(sampler, "sampler", sampler).set_epoch(epoch)
        module = SimpleNamespace(
            seed=settings.seed,
            current_epoch=epoch,
            trainer=SimpleNamespace(optimizers=[optimiser]),
            log=lambda *_, **__: None,
        )
        for step, batch in enumerate(loader):
            DetectorModule.on_train_batch_start(module, batch, step)
            names = [clip.clip_id for clip in batch.clips]
            drawn.append((names, list(batch.batch.frames), torch.rand(4)))
    (folder / f"{process_rank()}.pkl").write_bytes(pickle.dumps(drawn))


@pytest.fixture
def draws(toy_clips, tiny_settings, tmp_path):
    """The draws of a single process, and those of two."""
    (tmp_path / "single").mkdir()
    draw(toy_clips, tiny_settings, tmp_path / "single")
    run_in_processes(draw, (toy_clips, tiny_settings, tmp_path), 2)
    files = tmp_path / "single/0.pkl", tmp_path / "0.pkl", tmp_path / "1.pkl"
    return [pickle.loads(file.read_bytes()) for file in files]


def test_two_processes_draw_other_clips_augmentations_and_dropout(draws):
    whole, *ranks = draws
    assert len(whole) == len(ranks[0]) == len(ranks[1]) > EPOCHS
    for (names, frames, _), *parts in zip(whole, *ranks, strict=True):
        assert len(set(names)) == len(names)
        assert [
            name for part in parts for name in part[0]
        ] == names  # disjoint, and nothing is missing
        assert all(part[0] for part in parts)
        together = [augmented for part in parts for augmented in part[1]]
        for augmented, expected in zip(together, frames, strict=True):
            torch.testing.assert_close(augmented, expected)  # as a single process draws them
        assert not any(torch.equal(a, b) for a in parts[0][1] for b in parts[1][1])
        assert not torch.equal(parts[0][2], parts[1][2])
    dropouts = [numbers for rank in ranks for _, _, numbers in rank]
    assert len({tuple(numbers.tolist()) for numbers in dropouts}) == len(dropouts)
