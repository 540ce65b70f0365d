import pytest

from dsp.training.journal import Journal, draw_curve


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "steps.csv", ("loss_db", "rate"))
    journal.rewind(0)
    for step in (1, 2, 3):
        journal.add(step, {"loss_db": -step / 3, "rate": 1e-4})
    return journal


def test_rows_come_back_as_they_were_added(journal):
    rows = journal.rows()
    assert [int(row["step"]) for row in rows] == [1, 2, 3]
    assert float(rows[2]["loss_db"]) == pytest.approx(-1.0)


def test_rewinding_forgets_what_came_later(journal):
    journal.rewind(2)
    assert [row["step"] for row in journal.rows()] == ["1", "2"]
    journal.add(3, {"loss_db": 5.0, "rate": 0.0})
    assert float(journal.rows()[-1]["loss_db"]) == 5.0


def test_a_new_journal_is_empty(tmp_path):
    assert Journal(tmp_path / "none.csv", ("a",)).rows() == []


def test_a_column_it_does_not_have_is_an_error(journal):
    with pytest.raises(ValueError, match="surprise"):
        journal.add(4, {"surprise": 1.0})


def test_a_picture_can_be_drawn_before_there_is_a_curve(tmp_path, journal):
    scores = Journal(tmp_path / "scores.csv", ("full_db",))
    draw_curve(journal, scores, {"teacher": 9.0}, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 1000
