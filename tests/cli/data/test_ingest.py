import pytest
from typer.testing import CliRunner

from unmask.cli.app import app
from unmask.data.manifest import read_manifest

PEOPLE = 9


@pytest.fixture(scope="module")
def footage(film, tmp_path_factory):
    """A tree of real/ and fake/, a film of each kind per person, all of the same length."""
    folder = tmp_path_factory.mktemp("footage")
    for label in ("real", "fake"):
        for person in range(PEOPLE):
            file = folder / label / f"p{person}" / "take.mp4"
            file.parent.mkdir(parents=True)
            film(file, size=(64, 48), seconds=0.4)
            with file.open("ab") as stream:  # a free box, so that no two files are the same
                stream.write((8).to_bytes(4, "big") + b"free" + b"")
                stream.write(
                    (16).to_bytes(4, "big") + b"free" + f"{label}{person}".ljust(8).encode()
                )
    return folder


def run(*args):
    return CliRunner().invoke(app, [str(arg) for arg in args])


def test_ingest_writes_a_manifest_that_validate_accepts(footage, tmp_path):
    (footage / "real" / "p0" / "broken.mp4").write_bytes(b"")
    done = run("ingest", footage, tmp_path / "manifest.csv")
    (footage / "real" / "p0" / "broken.mp4").unlink()
    assert done.exit_code == 0, done.output
    assert "18 clips" in done.output
    assert "1 left out" in done.output
    assert "broken.mp4: is empty" in done.stderr
    assert len(read_manifest(tmp_path / "manifest.csv")) == 2 * PEOPLE

    done = run("validate", tmp_path / "manifest.csv", "--report", tmp_path / "report")
    assert done.exit_code == 0, done.output
    assert "18 clips: passed" in done.output
    assert (tmp_path / "report" / "index.html").is_file()


def test_validate_of_a_folder_with_one_class_ends_with_a_code_and_words(footage, tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "real").symlink_to(footage / "real")
    (tmp_path / "set" / "fake").mkdir()
    done = run("validate", tmp_path / "set", "--report", tmp_path / "report")
    assert done.exit_code == 1
    assert "every split has genuine and fake clips (3 of 6" in done.stderr
    assert "NOT passed" in done.output
