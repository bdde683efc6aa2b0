"""`unmask data validate`."""

from typer.testing import CliRunner

from unmask.cli.app import app


def data(*arguments):
    return CliRunner().invoke(app, ["data", *map(str, arguments)])


def test_an_ingested_data_set_passes(footage, tmp_path):
    data("ingest", footage, tmp_path / "manifest.csv")
    result = data("validate", tmp_path / "manifest.csv", "--out", tmp_path / "report")
    assert result.exit_code == 0, result.output
    assert "18 clips: passed" in result.output
    assert (tmp_path / "report" / "index.html").is_file()


def test_a_folder_with_one_class_ends_with_exit_code_1(footage, tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "real").symlink_to(footage / "real")
    (tmp_path / "set" / "fake").mkdir()
    result = data("validate", tmp_path / "set", "--out", tmp_path / "report")
    assert result.exit_code == 1
    assert "every split has genuine and fake clips (3 of 6" in result.stderr
    assert "NOT passed" in result.output


def test_a_set_for_testing_alone_needs_no_other_split(footage, tmp_path):
    data("ingest", footage, tmp_path / "manifest.csv", "--role", "test")
    arguments = ("validate", tmp_path / "manifest.csv", "--out", tmp_path / "report")
    assert "(4 of 6" in data(*arguments).stderr
    result = data(*arguments, "--role", "test")
    assert result.exit_code == 0, result.output
