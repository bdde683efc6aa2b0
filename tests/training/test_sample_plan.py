"""What a run says of its clips before it begins."""

from tests.factories import make_clip
from unmask.config import EvaluationSettings, Settings, UncertaintySettings
from unmask.training.sample_plan import describe_too_few

SETTINGS = Settings(
    evaluation=EvaluationSettings(min_clips=20, min_people=10),
    uncertainty=UncertaintySettings(fpr=0.1, fnr=0.1),
)


def make_clips(split, people, clips=2):
    return [
        make_clip(
            clip_id=f"{split}{person}-{number}",
            identity=f"{split}{person}",
            pair_id=f"{split}{person}",
            split=split,
            fake_video=bool(number % 2),
        )
        for person in range(people)
        for number in range(clips)
    ]


def test_eight_clips_are_too_few_for_gates_and_for_both_verdicts():
    clips = [*make_clips("train", 2), *make_clips("val", 1), *make_clips("test", 1)]
    sentences = list(describe_too_few(clips, SETTINGS))
    assert len(sentences) == 3
    assert "1 fake and 1 genuine test clip(s) of 1 people" in sentences[0]
    assert "takes 9, so the verdict 'fake' will never be given" in sentences[1]
    assert "takes 9, so the verdict 'real' will never be given" in sentences[2]


def test_enough_clips_are_not_remarked_on():
    clips = [*make_clips("train", 4), *make_clips("val", 16), *make_clips("test", 20)]
    assert list(describe_too_few(clips, SETTINGS)) == []


def test_a_cross_fitted_calibration_counts_the_training_clips():
    clips = [*make_clips("train", 9), *make_clips("val", 1), *make_clips("test", 20)]
    assert len(list(describe_too_few(clips, SETTINGS))) == 2
    crossed = SETTINGS.replace(training=SETTINGS.training.replace(cross_fit=5))
    assert list(describe_too_few(clips, crossed)) == []
