import numpy as np
import pytest


@pytest.fixture(scope="session")
def person():
    from unmask.data.demo.faces import sample_face

    return sample_face("ann", np.random.default_rng(3))
