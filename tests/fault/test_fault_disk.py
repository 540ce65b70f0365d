"""Disks that fill up, folders that cannot be written: an error that says so, and no half file."""

import random
import re

import pytest
import soundfile
from leaks import until_nobody_is_left
from zygote_programs import RATE_HZ, noise

SECONDS = 4


@pytest.fixture
def song(tmp_path):
    path = tmp_path / "song.wav"
    soundfile.write(path, noise(SECONDS * RATE_HZ, 2).T, RATE_HZ, "PCM_16")
    return path


@pytest.fixture
def separate(zygote, serve, endpoint, song, tmp_path):
    """Return a function that separates with so much room for each file: code, words, files."""
    server = serve(settings={"peer_timeout_s": 2.0})

    def run(output, limit_bytes=0):
        child = zygote.start(
            "separate",
            endpoint=endpoint,
            source=str(song),
            output=str(output),
            limit_bytes=limit_bytes,
        )
        told = child.hear()
        files = sorted(path.name for path in output.rglob("*")) if output.is_dir() else []
        return told["code"], told["words"], files

    yield run
    until_nobody_is_left(server)


@pytest.mark.timeout(300)
def test_a_disk_that_fills_up_anywhere_leaves_no_half_file(separate, song, tmp_path, figure):
    whole, _, names = separate(tmp_path / "whole")
    size = (tmp_path / "whole" / "song" / "vocals.wav").stat().st_size
    assert (whole, names) == (0, ["drums.wav", "other.wav", "song", "vocals.wav"])
    draw = random.Random(1)  # noqa: S311 -- no secret
    limits = [1, 43, 44, 4096, size - 1, *(draw.randrange(1, size) for _ in range(7))]
    left = []
    for number, limit in enumerate(limits):
        code, words, files = separate(tmp_path / f"out{number}", limit)
        assert code == 1
        assert re.search(r"disk full|could not be (written|completed)|No space|too large", words)
        left += [name for name in files if name != "song"]
    figure("disk full", places=len(limits), refused=len(limits), half_files_left=len(left))
    assert left == []


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_left(
    separate, tmp_path, figure
):
    (tmp_path / "file").write_text("in the way")
    code, words, files = separate(tmp_path / "file")
    figure("unwritable output", exit_code=code, files_left=len(files))
    assert code == 1
    assert "could not be written" in words
    assert files == []
    assert (tmp_path / "file").read_text() == "in the way"
