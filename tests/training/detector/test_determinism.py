import torch

from unmask.training.detector.fit import fit


def test_a_deterministic_fit_restores_the_setting_of_torch(
    toy_clips, toy_load, tiny_settings, tmp_path
):
    seen = []

    def load(clip):
        seen.append(torch.are_deterministic_algorithms_enabled())
        return toy_load(clip)

    training = tiny_settings.training.replace(epochs=1, deterministic=True)
    fit(toy_clips, tiny_settings.replace(training=training), load, tmp_path)
    assert all(seen)
    assert not torch.are_deterministic_algorithms_enabled()
