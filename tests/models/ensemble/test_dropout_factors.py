from dataclasses import replace

import numpy as np
import pytest

from unmask.models.ensemble.dropout_factors import content_seed, draw_factors


def test_seed_depends_on_content_only(make_sample):
    sample, same = make_sample(2, 500), make_sample(2, 500)
    louder = replace(sample, waveform=sample.waveform * 1.01)
    other_face = replace(sample, faces=sample.faces + np.uint8(1))
    seeds = [content_seed(sample) for sample in (sample, same, louder, other_face)]
    assert seeds[0] == seeds[1]
    assert len(set(seeds)) == 3
    assert all(0 <= seed < 2**62 for seed in seeds)


@pytest.mark.parametrize("probability", [0.0, 0.1, 0.5])
def test_factors_keep_the_mean(probability):
    factors = draw_factors(np.random.default_rng(3), (200, 300), probability)
    assert (factors == 0).mean() == pytest.approx(probability, abs=0.01)
    assert factors.mean() == pytest.approx(1.0, abs=0.01)
    assert set(factors.ravel().tolist()) <= {0.0, float(np.float32(1 / (1 - probability)))}
