from steps.platforms import code
from unmask.training.code import LIBRARY, TRAINING


def test_each_part_that_a_step_names_is_there():
    for part in (*TRAINING, "data", "evaluation", "robustness"):
        assert (LIBRARY / part).exists(), part
    shas = (code.data_code(), code.preprocessing_code(), code.training_code())
    assert len({*shas, code.evaluation_code()}) == 4
