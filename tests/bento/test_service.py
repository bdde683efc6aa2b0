"""The whole service, as BentoML serves it, on real files."""

import warnings

import pytest
from starlette.testclient import TestClient

from unmask.errors import MediaError
from unmask.serving.analyzer import Analyzer
from unmask.serving.report import Report


@pytest.fixture(scope="module")
def client(bundle_folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNMASK_BUNDLE", str(bundle_folder))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # BentoML's own imports
            from bento.service import UnmaskService
        with TestClient(UnmaskService.to_asgi()) as served:
            yield served


def test_the_service_gives_the_same_report_as_the_library(client, film, tmp_path, bundle_folder):
    video = film(tmp_path / "my clip – ü.mp4")
    answer = client.post("/predict", files={"file": (video.name, video.read_bytes())})
    assert answer.status_code == 200
    served = Report.model_validate_json(answer.text)
    own = Analyzer.load(bundle_folder).analyze(video)
    assert served.model_copy(update={"timing_s": own.timing_s}) == own


@pytest.mark.parametrize(
    "content", [b"", b"this is no film\n" * 50], ids=["an empty file", "a text"]
)
def test_what_cannot_be_read_is_refused_in_the_librarys_words(
    client, content, tmp_path, bundle_folder
):
    path = tmp_path / "bad.mp4"
    path.write_bytes(content)
    with pytest.raises(MediaError) as known:
        Analyzer.load(bundle_folder).analyze(path)
    answer = client.post("/predict", files={"file": ("bad.mp4", content)})
    assert answer.status_code == 422
    assert answer.json() == {"error": str(known.value).replace(str(path), "bad.mp4")}


@pytest.mark.parametrize(
    ("how", "note"),
    [
        ({"times": []}, "no picture"),
        ({"face": False, "sound": False}, "nothing to score"),
        ({"times": [0.0]}, "only 1 frame"),
    ],
)
def test_poor_material_is_answered_with_a_note(client, film, tmp_path, how, note):
    video = film(tmp_path / "poor.mp4", **how)
    answer = client.post("/predict", files={"file": (video.name, video.read_bytes())})
    assert answer.status_code == 200
    assert note in " ".join(answer.json()["notes"])


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/"])
def test_what_bentoml_serves_stays_in_place(client, path):
    assert client.get(path).status_code == 200


def test_the_page_of_routes_knows_ours(client):
    assert client.get("/docs", follow_redirects=False).headers["location"] == "/"
    described = client.get("/docs.json").json()["paths"]
    assert {"/predict", "/livez", "/metrics"} <= set(described)
    assert "multipart/form-data" in described["/predict"]["post"]["requestBody"]["content"]
