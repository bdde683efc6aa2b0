"""Listing of inputs: what is analyzed, what is reported, and what cannot be smuggled in."""

import io
import os
import tarfile
import warnings
import zipfile

import pytest

from unmask.errors import DataError
from unmask.serving.bulk.input_kinds import is_collection
from unmask.serving.bulk.listing import iter_sources
from unmask.serving.bulk.remote_files import RemoteFiles
from unmask.serving.bulk.source import Problem, Source


def list_paths(*inputs):
    """Return the listed paths, and the errors of what cannot be analyzed."""
    listed = list(iter_sources([str(item) for item in inputs], RemoteFiles()))
    sources = [item.path for item in listed if isinstance(item, Source)]
    return sources, [item.message for item in listed if isinstance(item, Problem)]


@pytest.fixture
def clips(tmp_path, monkeypatch):
    """A folder of files that end like videos, and others."""
    monkeypatch.chdir(tmp_path)
    for name in ("b.mp4", "a b\n.MKV", "deep/er/c.webm", "notes.txt", ".hidden.mp4", ".git/d.mp4"):
        path = tmp_path / "clips" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path / "clips"


def test_a_folder_is_listed_with_its_folders_and_without_hidden_and_other_files(clips):
    assert list_paths("clips") == (["clips/a b\n.MKV", "clips/b.mp4", "clips/deep/er/c.webm"], [])


def test_links_are_followed_and_loops_are_not_entered_twice(clips):
    (clips / "deep/loop").symlink_to(clips)
    (clips / "again").symlink_to(clips / "deep")
    (clips / "link.mp4").symlink_to("b.mp4")
    (clips / "broken.mp4").symlink_to("nowhere.mp4")
    sources, problems = list_paths("clips")
    assert sources == [
        *("clips/a b\n.MKV", "clips/b.mp4", "clips/link.mp4"),
        "clips/again/er/c.webm",
    ]
    assert problems == ["clips/broken.mp4: does not exist; check the path"]


def test_a_file_is_taken_by_name_whatever_its_suffix(clips):
    (clips / "no suffix").write_bytes(b"x")
    assert list_paths(clips / "no suffix") == ([f"{clips}/no suffix"], [])


def test_patterns_match_videos_and_folders(clips):
    assert list_paths("clips/**/*.webm") == (["clips/deep/er/c.webm"], [])
    assert list_paths(f"{clips}/b*")[0] == [f"{clips}/b.mp4"]
    assert list_paths("clips/*")[0] == [
        "clips/a b\n.MKV",
        "clips/b.mp4",
        "clips/deep/er/c.webm",
    ]
    assert list_paths("clips/*.avi")[1] == [
        "clips/*.avi: no file matches the pattern; check it, and quote it as a whole"
    ]


def test_a_name_with_brackets_is_a_file_before_it_is_a_pattern(clips):
    (clips / "[1].mp4").write_bytes(b"x")
    assert list_paths("clips/[1].mp4") == (["clips/[1].mp4"], [])


def test_what_cannot_be_read_is_reported_and_the_rest_is_listed(clips):
    os.mkfifo(clips / "pipe.mp4")
    (clips / "empty").mkdir()
    sources, problems = list_paths("clips/missing.mp4", "clips/empty", "clips/pipe.mp4", "clips")
    assert len(sources) == 3
    assert problems == [
        "clips/missing.mp4: does not exist; check the path",
        "clips/empty: contains no video or audio file; name another folder",
        *["clips/pipe.mp4: is not a regular file; name a video"] * 2,
    ]


def test_a_text_list_starts_at_the_working_folder_and_a_table_at_its_own(clips, monkeypatch):
    (clips / "list.txt").write_text("clips/b.mp4\r\n\nclips/deep\n")
    (clips / "list.csv").write_text('label,path\n1,b.mp4\n0,"a b\n.MKV"\n')
    expected = ["clips/b.mp4", "clips/deep/er/c.webm"]
    assert list_paths("clips/list.txt") == (expected, [])
    assert list_paths("clips/list.csv") == (["clips/b.mp4", "clips/a b\n.MKV"], [])
    names = b"clips/b.mp4\0clips/a b\n.MKV\0"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(names)))
    assert list_paths("-") == (["clips/b.mp4", "clips/a b\n.MKV"], [])


def test_a_parquet_list_has_a_column_of_paths(clips):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(arrow.table({"path": ["b.mp4", None]}), clips / "list.parquet")
    assert list_paths("clips/list.parquet") == (["clips/b.mp4"], [])
    parquet.write_table(arrow.table({"file": ["b.mp4"]}), clips / "list.parquet")
    with pytest.raises(DataError, match="has no column `path` \\(its columns: file\\)"):
        list_paths("clips/list.parquet")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"file\nb.mp4\n", "has no column `path`"),
        ("a.csv", b"\xff\xfe", "cannot be read as a list"),
        ("a.parquet", b"PAR", "cannot be read as a parquet file"),
        ("a.txt", b"x" * 200_000, "is not a list of paths"),
        ("missing.txt", None, "No such file"),
    ],
)
def test_a_list_that_cannot_be_read_stops_before_anything_is_done(clips, name, content, message):
    if content is not None:
        (clips / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        list_paths(clips / name)


def make_zip(path, names):
    with zipfile.ZipFile(path, "w") as archive:
        for number, name in enumerate(names):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of names that occur again
                archive.writestr(zipfile.ZipInfo(name), bytes([number]) * 100)


def make_tar(path, names, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for number, name in enumerate(names):
            info = tarfile.TarInfo(name)
            info.size = 100
            archive.addfile(info, io.BytesIO(bytes([number % 256]) * 100))


HOSTILE = ["../../etc/a.mp4", "/etc/b.mp4", "c.mp4", "c.mp4", "d.txt", "e.zip", "._f.mp4"]


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tar.bz2", "a.txz"])
def test_videos_in_an_archive_are_listed_under_its_name(tmp_path, name):
    modes = {"tar": "w:", "gz": "w:gz", "bz2": "w:bz2", "txz": "w:xz"}
    if name == "a.zip":
        make_zip(tmp_path / name, [*HOSTILE, "__MACOSX/g.mp4"])
    else:
        make_tar(tmp_path / name, HOSTILE, modes[name.rpartition(".")[2]])
    inner = ["../../etc/a.mp4", "/etc/b.mp4", "c.mp4", "c.mp4#2"]
    assert list_paths(tmp_path) == ([f"{tmp_path}/{name}!/{item}" for item in inner], [])


def test_links_in_a_tar_archive_are_reported_and_not_followed(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        link = tarfile.TarInfo("link.mp4")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        video = tarfile.TarInfo("b.mp4")
        video.size = 3
        archive.addfile(video, io.BytesIO(b"abc"))
    sources, (problem,) = list_paths(tmp_path / "a.tar")
    assert sources == [f"{tmp_path}/a.tar!/b.mp4"]
    assert "link.mp4: is a link" in problem


def zip_bomb(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.mp4", bytes(80 << 20))


def tar_bomb(path):
    with tarfile.open(path, "w:gz") as archive:
        for name in ("a.mp4", "b.mp4"):
            info = tarfile.TarInfo(name)
            info.size = 40 << 20
            archive.addfile(info, io.BytesIO(bytes(info.size)))


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("a.zip", zip_bomb, "zip bomb"),
        ("a.tgz", tar_bomb, "bomb"),
        ("a.zip", lambda path: path.write_bytes(b"PK\x03\x04" + bytes(100)), "not a readable zip"),
        ("a.tar.gz", lambda path: path.write_bytes(b"no gzip" * 99), "damaged"),
        ("a.tar", lambda path: path.write_bytes(b"no tar" * 999), "damaged"),
        ("a.zip", lambda path: make_zip(path, ["notes.txt"]), "contains no files"),
    ],
)
def test_a_harmful_or_broken_archive_is_one_problem(tmp_path, name, make, message):
    make(tmp_path / name)
    _, (problem,) = list_paths(tmp_path / name)
    assert problem.startswith(f"{tmp_path}/{name}: ")
    assert message in problem


def test_a_truncated_tar_archive_reports_what_it_lost(tmp_path):
    make_tar(tmp_path / "a.tar.gz", [f"{number}.mp4" for number in range(300)])
    whole = (tmp_path / "a.tar.gz").read_bytes()
    (tmp_path / "a.tar.gz").write_bytes(whole[: len(whole) // 2])
    sources, (problem,) = list_paths(tmp_path / "a.tar.gz")
    assert 0 < len(sources) < 300
    assert "damaged" in problem


def test_unknown_schemes_and_hosts_are_refused_by_name():
    _, (problem,) = list_paths("ftp://host/a.mp4")
    assert "ftp:// is not supported; use a local path or s3://, gs://, https://" in problem
    _, (problem,) = list_paths("https://example.org/a.mp4")
    assert problem.endswith("is not an allowed host (none); add --allow-host example.org")


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("talk.mp4", False),
        ("missing.mp4", False),
        ("*.mp4", True),
        ("a.zip", True),
        ("list.txt", True),
        ("-", True),
        ("s3://bucket/a.mp4", True),
        (".", True),
    ],
)
def test_one_video_alone_is_told_from_collections(argument, expected):
    assert is_collection(argument) is expected


def test_a_changed_file_has_another_version(clips):
    (before,) = iter_sources([str(clips / "b.mp4")], RemoteFiles())
    (clips / "b.mp4").write_bytes(b"changed")
    (after,) = iter_sources([str(clips / "b.mp4")], RemoteFiles())
    assert before.version != after.version
