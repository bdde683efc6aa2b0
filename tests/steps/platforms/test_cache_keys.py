from steps.platforms import cache_keys
from unmask.training.code_fingerprint import LIBRARY, TRAINING


def test_each_part_that_a_step_names_is_there():
    for part in (*TRAINING, "data", "evaluation", "robustness"):
        assert (LIBRARY / part).exists(), part
    shas = (
        cache_keys.data_code(),
        cache_keys.preprocessing_code(),
        cache_keys.training_fingerprint(),
    )
    assert len({*shas, cache_keys.evaluation_code()}) == 4
