"""Figures are written whole or not at all, and refused early where they cannot be written."""

import argparse
import json

import pytest

from server.commands.json_output import add_json_argument, write_json


def parser():
    made = argparse.ArgumentParser()
    add_json_argument(made)
    return made


def test_figures_are_written_and_nothing_is_left_beside_them(tmp_path):
    file = tmp_path / "figures.json"
    write_json(file, {"late_blocks": 0})
    write_json(file, {"late_blocks": 1})
    assert json.loads(file.read_text()) == {"late_blocks": 1}
    assert list(tmp_path.iterdir()) == [file]


def test_without_a_file_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_json(parser().parse_args([]).json, {"late_blocks": 0})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("figures", [{"sdr": float("nan")}, {"sdr": object()}])
def test_what_json_does_not_know_leaves_the_old_file_alone(figures, tmp_path):
    file = tmp_path / "figures.json"
    file.write_text("old")
    with pytest.raises((ValueError, TypeError)):
        write_json(file, figures)
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_disk_that_fills_up_leaves_the_old_file_alone(tmp_path, monkeypatch):
    file = tmp_path / "figures.json"
    file.write_text("old")

    def full(_self, _target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_json(file, {"late_blocks": 0})
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_that_is_not_there_is_refused_before_the_work(tmp_path, capsys):
    with pytest.raises(SystemExit):
        parser().parse_args(["--json", str(tmp_path / "missing" / "figures.json")])
    assert "missing is not a folder; make it first" in capsys.readouterr().err
