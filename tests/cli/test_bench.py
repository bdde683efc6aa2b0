"""`unmask bench` on a small detector and a short clip."""

import json

import pytest

from unmask.cli import app as cli


@pytest.mark.slow
def test_the_table_and_the_json_give_every_stage(bundle_folder, tmp_path, monkeypatch, capsys):
    file = tmp_path / "new" / "bench.json"
    arguments = ["bench", "--seconds", "1", "--bundle", str(bundle_folder), "--json", str(file)]
    monkeypatch.setattr("sys.argv", ["unmask", *arguments])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert not left.value.code
    rows = json.loads(file.read_text())
    out = capsys.readouterr().out
    for stage in ("decode", "faces", "align", "flow", "speech", "frame_model", "voice_model"):
        assert stage in rows
    assert list(rows)[-2:] == ["rest", "analyze"]
    for stage, row in rows.items():
        assert set(row) == {"seconds", "real_time_factor", "peak_mib"}
        assert stage.replace("_", " ") in out
    assert rows["analyze"]["seconds"] > 0
    assert 50 < rows["analyze"]["peak_mib"] < 4000
