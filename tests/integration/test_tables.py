"""Tables of a plugin's own: written with the turn or not at all, and nobody else's are in reach."""

import pytest


@pytest.fixture
def notes(askd):
    askd.write(skill="{notes: {plugin: notes}}")
    return askd


def test_written_with_the_turn_and_audited(notes):
    assert notes.ask("/notes")["answer"] == "0 notes."
    notes.ask("/note milk")
    notes.ask("/note bread")
    assert notes.ask("/notes")["answer"] == "2 notes."
    assert sorted(notes.sql("select line from notes_lines")) == [("bread",), ("milk",)]
    assert notes.sql("select count(*) from audit where action = 'note.kept'") == [(2,)]
    assert notes.sql("select number from migrations where room = 'skill/notes' order by number") \
        == [(1,), (2,)]


def test_other_tables_are_out_of_reach(notes):
    assert notes.ask("/steal")["answer"] == "Denied, as it should be."


def test_a_count_that_is_missed_rolls_the_whole_turn_back(notes):
    assert notes.ask("/clash a")["answer"] == "Kept once."
    before = notes.sql("select count(*) from messages")
    reply = notes.ask("/clash b", check=1)
    assert reply["kind"] == "error" and reply["message"]
    assert notes.sql("select line from notes_lines") == [("a",)]
    assert "Kept once" not in str(reply)
    assert notes.sql("select count(*) from messages") >= before


def test_written_now_survives_a_turn_that_fails(notes):
    notes.ask("/now tea", check=1)
    assert notes.sql("select line from notes_lines") == [("tea",)]
