import pytest

from unmask.data.clips import WholeClips
from unmask.models.scoring import score_samples
from unmask.robustness.attacks import Attack, attacked_logits


def test_each_column_is_one_attack_and_none_is_the_plain_score(bundle, clips, load):
    examples = [WholeClips(clips, load)[index] for index in range(4)]
    attacks = [Attack("frames", 0.0), Attack("frames", 0.05), Attack("audio", 0.05)]
    logits = attacked_logits(bundle, examples, attacks)
    assert logits.shape == (4, 3)
    for row, example in zip(logits, examples, strict=True):
        (plain,) = score_samples(bundle, example.samples, "32")
        assert row[0] == pytest.approx(plain.logit, abs=1e-5)
        towards_the_wrong_answer = -1 if example.clip.is_fake else 1
        assert (row[2] - row[0]) * towards_the_wrong_answer > 0
