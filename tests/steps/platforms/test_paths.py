"""Folders of a checkout."""

from steps.platforms.paths import training_dir
from unmask.config import Settings


def test_a_training_has_one_folder_per_data_and_settings():
    first = training_dir("dvc:a", Settings())
    assert first == training_dir("dvc:a", Settings())
    assert (
        len({first, training_dir("dvc:b", Settings()), training_dir("dvc:a", Settings(seed=8))})
        == 3
    )
