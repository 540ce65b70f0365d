import csv
from pathlib import Path

import pytest

from dsp.training.errors import EvaluationDataError, TrainingDataError
from dsp.training.manifest import Kind, Tier, check_trainable, training_entries

GOOD = [
    ("train/stems/a/vocals.wav", "train", "permissive", "stem", "vocals"),
    ("train/stems/a/backing_vocals.wav", "train", "permissive", "stem", "backing_vocals"),
    ("train/stems/a/drums.wav", "train", "permissive", "stem", "drums"),
    ("research/songs/b.wav", "train", "research", "song", "pop"),
]


def test_validation_rows_are_left_out(write_manifest):
    kept_aside = ("validation/c/vocals.wav", "validation", "evaluation", "stem", "vocals")
    entries = training_entries(write_manifest([*GOOD, kept_aside]))
    assert len(entries) == len(GOOD)
    assert not any("validation" in entry.path.parts[-3:] for entry in entries)


def test_a_row_marked_train_in_evaluations_tier_is_an_error(write_manifest):
    folder = write_manifest([("x/c/vocals.wav", "train", "evaluation", "stem", "vocals")])
    with pytest.raises(EvaluationDataError, match="tier evaluation"):
        training_entries(folder)


def test_a_row_marked_train_in_evaluations_folder_is_an_error(write_manifest):
    folder = write_manifest([("validation/c/vocals.wav", "train", "permissive", "stem", "vocals")])
    with pytest.raises(EvaluationDataError, match="kept for evaluation"):
        training_entries(folder)


@pytest.mark.parametrize("part", ["validation", "Validation", "evaluation", "test"])
def test_a_folder_of_stems_under_evaluations_name_is_refused(song_folder, part):
    reserved = song_folder.rename(song_folder.with_name(part))
    with pytest.raises(EvaluationDataError):
        training_entries(reserved)


def test_other_folders_may_be_trained_on():
    check_trainable(Path("songs/testament/vocals.wav"))


def test_tiers_are_one_setting(write_manifest):
    folder = write_manifest(GOOD)
    permissive = training_entries(folder, [Tier.PERMISSIVE])
    assert {entry.tier for entry in permissive} == {Tier.PERMISSIVE}
    assert len(permissive) == 3
    assert len(training_entries(folder)) == 4


def test_lead_and_backing_vocals_sing_and_drums_do_not(write_manifest):
    entries = training_entries(write_manifest(GOOD))
    singing = {entry.label for entry in entries if entry.sings}
    assert singing == {"vocals", "backing_vocals"}


def test_midi_is_no_audio(write_manifest):
    folder = write_manifest(GOOD)
    with (folder / "MANIFEST.tsv").open("a") as handle:
        handle.write("\t".join(["train/midi/x", "train", "permissive", "midi", *[""] * 6]) + "\n")
    assert len(training_entries(folder)) == len(GOOD)


def test_a_folder_laid_out_as_evaluate_expects(song_folder):
    (song_folder / "first" / "mixture.wav").write_bytes(b"")
    (song_folder / "first" / "notes.txt").write_text("no audio")
    entries = training_entries(song_folder)
    assert {(e.song, e.label) for e in entries if e.song == "first"} == {
        ("first", "vocals"),
        ("first", "drums"),
        ("first", "bass"),
    }
    assert {entry.kind for entry in entries} == {Kind.STEM}


def test_nothing_to_train_on_says_what_is_expected(tmp_path):
    with pytest.raises(TrainingDataError, match="one folder per song"):
        training_entries(tmp_path)


def test_the_projects_own_manifest_keeps_validation_apart():
    """Where the project's data lies beside the checkout: not one validation file may be listed."""
    folder = Path(__file__).resolve().parents[4] / "shared" / "data"
    if not (folder / "MANIFEST.tsv").is_file():
        pytest.skip("the project's training data is not beside this checkout")
    with (folder / "MANIFEST.tsv").open(newline="") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))
    reserved = {row["file"] for row in rows if row["split"] == "validation"}
    listed = {str(entry.path.relative_to(folder)) for entry in training_entries(folder)}
    assert reserved
    assert listed
    assert not reserved & listed
