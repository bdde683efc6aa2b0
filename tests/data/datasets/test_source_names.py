import pytest

from tests.factories import make_clip
from unmask.data.datasets.source_names import name_sources


@pytest.mark.parametrize(
    ("name", "warns"), [("ffpp", False), ("faces", True), ("FFpp", True), ("", False)]
)
def test_a_published_set_under_another_name_than_that_of_its_gates_is_warned_of(
    caplog, name, warns
):
    name_sources([make_clip(source="FaceForensics++")], name)
    warning = f"gates call FaceForensics++ ffpp, and do not read it as {name}; --data ffpp=FOLDER"
    assert (warning in caplog.text) is warns


def test_a_set_of_no_published_name_may_have_any(caplog):
    assert name_sources([make_clip(source="studio")], "faces") == ("faces",)
    assert not caplog.text
