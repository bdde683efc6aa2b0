import pytest
import torch

from tests.factories import make_model_settings
from unmask.data.torch.collate import collate_examples
from unmask.data.torch.evaluation_set import EvaluationClips
from unmask.errors import TrainingError
from unmask.models.detector import Detector
from unmask.models.losses import LossWeights, detector_loss
from unmask.training.detector.compilation import check_compiler, compile_encoders

CPU = torch.device("cpu")


@pytest.mark.parametrize("backend", ["aot_eager", pytest.param("inductor", marks=pytest.mark.slow)])
@pytest.mark.filterwarnings("ignore:The .grad attribute")  # of torch's tracing
def test_a_compiled_detector_has_the_same_loss_gradient_and_names_of_weights(
    backend, toy_clips, toy_load
):
    settings = make_model_settings(temporal="transformer", dropout=0.0, modality_dropout=0.0)
    batch = collate_examples(list(EvaluationClips(toy_clips[:4], toy_load)), settings)

    def measure(compiled):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            detector = Detector(settings).eval()  # the voice has dropout of its own
        names = list(detector.state_dict())
        if compiled:
            compile_encoders(detector, CPU, backend)
        loss = detector_loss(detector(batch.batch), batch.targets, LossWeights(0.5, 0.1)).total
        loss.backward()
        assert list(detector.state_dict()) == names
        return loss.item(), detector.frame.project.weight.grad

    (loss, gradient), (expected, expected_gradient) = measure(True), measure(False)
    assert loss == pytest.approx(expected, abs=1e-5)
    torch.testing.assert_close(gradient, expected_gradient, rtol=1e-3, atol=1e-5)


def test_without_a_compiler_the_error_tells_what_to_install(monkeypatch, tmp_path):
    cpp = pytest.importorskip("torch._inductor.config").cpp
    monkeypatch.setattr(cpp, "cxx", ("no-such-compiler",))
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))  # without code compiled before
    torch.compiler.reset()
    with pytest.raises(TrainingError, match=r"install a C\+\+ compiler .* set training\.compile"):
        check_compiler(CPU)
