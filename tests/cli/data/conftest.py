"""A folder of real and fake videos."""

import pytest

PEOPLE = 9


@pytest.fixture(scope="module")
def footage(make_video, tmp_path_factory):
    """Folders real/ and fake/ with one video of each person, all equally long."""
    folder = tmp_path_factory.mktemp("footage")
    for label in ("real", "fake"):
        for person in range(PEOPLE):
            file = folder / label / f"p{person}" / "take.mp4"
            file.parent.mkdir(parents=True)
            make_video(file, size=(64, 48), seconds=0.4)
            with file.open("ab") as stream:  # a free box, so that no two files are the same
                stream.write((8).to_bytes(4, "big") + b"free" + b"")
                stream.write(
                    (16).to_bytes(4, "big") + b"free" + f"{label}{person}".ljust(8).encode()
                )
    return folder
