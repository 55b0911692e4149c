"""What a conversation remembers, what is kept of it on the disk, and who may ask which database."""

import json
import re
import sqlite3

import pytest

from chat import (  # noqa: F401 (chat is a fixture)
    BUTTON, EPHEMERAL, HOUR_US, analyses, chat, in_time, now_us)
from conftest import DECISION, PER_CITY, SHOP, wait_until


# ---- memory -------------------------------------------------------------------------------------


def small_talk(llm):
    """Answers that need no database."""
    llm.script({"match": "You translate a question",
                "reply": json.dumps(dict(DECISION, action="answer", sql="", answer="Hm."))})


def questions(llm):
    """The questions that the last request for a decision has seen, besides its own."""
    return re.findall(r"Question (\d+)\?", analyses(llm)[-1])


@pytest.mark.parametrize("by", ["chat", "program"])
def test_memory_keeps_the_last_turns(askd, chat, by):
    chat.write(assistant="{memory: {chat: {turns: 2}, program: {turns: 3}}}")
    small_talk(askd.llm)
    askd.start()
    for number in range(1, 6):
        if by == "chat":
            chat.ask(f"Question {number}?")
        else:
            askd.ask(f"Question {number}?", "--session", "s")
    seen = set(questions(askd.llm)) - {"5"}
    assert seen == ({"3", "4"} if by == "chat" else {"2", "3", "4"})


@pytest.mark.parametrize("by,minutes,seen", [
    ("chat", (0, 1, 5), {"1", "2"}), ("chat", (0, 1, 7), {"2"}), ("chat", (0, 6, 7), {"2"}),
    ("program", (0, 6, 12), {"1", "2"}), ("program", (0, 1, 62), {"2"})])
def test_after_the_idle_time_the_last_turn_is_left(askd, chat, by, minutes, seen):
    chat.write()
    small_talk(askd.llm)
    start = now_us()
    for number, minute in enumerate(minutes, 1):
        askd.start(in_time(start + minute * 60_000_000))
        if by == "chat":
            chat.ask(f"Question {number}?")
        else:
            askd.ask(f"Question {number}?", "--session", "s")
        askd.stop()
    assert set(questions(askd.llm)) - {"3"} == seen


def test_conversations_do_not_remember_each_other(askd, chat):
    chat.write()
    small_talk(askd.llm)
    askd.start()
    chat.ask("Question 1?", "a")
    chat.ask("Question 2?", "b", sender="8")
    assert questions(askd.llm) == ["2"]


def test_last_thousand_turns_are_kept(askd, chat):
    chat.write()
    askd.start()
    chat.ask("echo first")
    askd.stop()
    connection = sqlite3.connect(askd.state / "manager.db")
    (conversation, first), = connection.execute(
        "select distinct conversation, turn from messages").fetchall()
    connection.executemany(
        "insert into messages (id, turn, conversation, role, at_us) values (?, ?, ?, ?, 0)",
        [(first - 10_000 + 2 * i + role, first - 10_000 + i, conversation, role)
         for i in range(1200) for role in (2, 3)])
    connection.execute("insert into messages (id, turn, conversation, role, at_us) "
                       "values (1, 1, 1, 2, 0)")
    connection.commit()
    connection.close()
    askd.start()
    chat.ask("echo last")
    assert askd.sql("select count(distinct turn), count(*) from messages "
                    f"where conversation = {conversation}") == [(1000, 2000)]
    assert askd.sql(f"select min(turn) > {first - 10_000} from messages "
                    f"where conversation = {conversation}") == [(1,)], "the oldest go"
    assert askd.sql("select count(*) from messages where id = 1") == [(1,)], "others are left alone"


# ---- what is kept -------------------------------------------------------------------------------


def everything_on_disk(askd):
    return b"".join(path.read_bytes() for path in [*askd.state.rglob("*"), askd.log]
                    if path.is_file())


def test_texts_are_sealed(askd, chat):
    chat.write()
    askd.llm.analysis("SELECT count(*) AS quokkasql FROM customers", "There are 4 wombatwords.")
    askd.start()
    chat.ask("How many numbatquestions are there in all, and why do they have long names?")
    askd.ask("How many bandicootquestions are there?", "--session", "s")
    chat.ask("/dialogue")
    assert askd.sql("select count(*) from messages")[0][0] >= 4
    disk = everything_on_disk(askd)
    for word in (b"quokkasql", b"wombatwords", b"numbatquestions", b"bandicootquestions", b"colour"):
        assert word not in disk, word


def test_log_shows_the_command_and_not_what_follows(askd, chat):
    chat.write(askd=askd.section("log: {level: debug}"))
    askd.start()
    assert chat.ask("/args planted-secret") == "[planted-secret]"
    askd.run("ask", "/args planted-secret", check=0)
    askd.stop()
    log = askd.log.read_text()
    assert "/args" in log and "planted-secret" not in log


def test_nothing_of_an_ephemeral_turn_is_kept(askd, chat):
    chat.write(askd=askd.section("log: {level: debug}"))
    askd.llm.analysis("SELECT count(*) AS quokkasql FROM customers", "There are 4 wombatwords.")
    askd.start()
    assert "wombat" in chat.ask("Which numbatquestions?", flags=EPHEMERAL)
    askd.llm.script({"match": "You translate a question", "status": 400,
                     "reply": {"error": {"message": "numbatquestions are bad", "type": "t"}}})
    chat.ask("Which numbatquestions again?", flags=EPHEMERAL)
    askd.stop()
    disk = everything_on_disk(askd)
    for word in (b"quokkasql", b"wombatwords", b"numbatquestions"):
        assert word not in disk, word
    assert askd.sql("select count(*) from messages") == [(0,)]
    assert askd.sql("select count(*) from inbox where payload is not null") == [(0,)]


@pytest.mark.parametrize("hours,kept", [(47, True), (49, False)])
def test_payloads_go_two_days_after_their_end(askd, chat, hours, kept):
    chat.write()
    askd.llm.analysis(PER_CITY, "Done.")
    start = now_us()
    askd.start(in_time(start))
    chat.ask("How much in all?")
    askd.stop()
    assert askd.sql("select count(*) from stages where payload is not null") == [(0,)]
    askd.start(in_time(start + hours * HOUR_US))
    payloads = "select (select count(*) from inbox where payload is not null), " \
               "(select count(*) from outbox where payload is not null)"
    if not kept:
        wait_until(lambda: askd.sql(payloads) == [(0, 0)], "the payloads to go")
    else:
        askd.stop()
        inbox, outbox = askd.sql(payloads)[0]
        assert inbox == 1 and outbox == 2
    assert askd.sql("select count(*) from inbox") == [(1,)], "its key stays known"


# ---- databases and rights -----------------------------------------------------------------------


@pytest.fixture
def two(askd):
    """A second database, and the section for both with these access lists."""
    path = askd.folder / "archive.db"
    connection = sqlite3.connect(path)
    connection.executescript(SHOP + "insert into customers values (5,'Old','Bonn','1999-01-01');")
    connection.close()

    def section(shop="everyone", archive="everyone"):
        lists = [f", access: [{who}]" if who else "" for who in (shop, archive)]
        return f"{{shop: {{plugin: sqlite, path: {askd.database}{lists[0]}}}, " \
               f"archive: {{plugin: sqlite, path: {path}{lists[1]}}}}}"
    askd.llm.analysis("SELECT COUNT(*) AS n FROM customers", "There are {n}.")
    return section


def test_one_of_several_databases_is_asked_for_once(askd, chat, two):
    chat.write(database=two())
    askd.start()
    text = chat.ask("How many customers?")
    assert "shop" in text and "archive" in text and not analyses(askd.llm)
    assert "Which" in chat.ask("archiv"), "a mistyped name is asked for again"
    chat.ask("the Archive, please")
    assert "How many customers?" in analyses(askd.llm)[-1], "the question itself must not be lost"
    chat.ask("And now?")
    assert len(analyses(askd.llm)) == 2, "it stays selected"
    assert askd.sql("select count(distinct db) from turns where db is not null") == [(1,)]


def test_database_can_be_pressed_and_changed_by_pressing(askd, chat, two):
    chat.write(database=two())
    askd.start()
    chat.ask("How many customers?")
    tokens = {b["label"]: b["token"] for b in chat.lines()[-1]["buttons"]}
    chat.ask(kind=BUTTON, token=tokens["shop"])
    assert "How many customers?" in analyses(askd.llm)[-1]
    assert "archive" in chat.ask(kind=BUTTON, token=tokens["archive"])
    assert len(analyses(askd.llm)) == 1
    chat.ask("And there?")
    assert askd.sql("select count(distinct db) from turns where db is not null") == [(2,)]


def test_sentence_is_a_new_question_not_a_name(askd, chat, two):
    chat.write(database=two())
    askd.start()
    chat.ask("How many customers?")
    chat.ask("How many orders are there in the shop this year?")
    assert "this year" in analyses(askd.llm)[-1]
    chat.ask("shop")
    assert "How many customers?" not in analyses(askd.llm)[-1].rsplit("user", 1)[-1], \
        "the first question has been given up"


def test_database_on_the_command_line(askd, chat, two):
    chat.write(database=two())
    askd.start()
    assert askd.ask("How many?", check=2)["choices"] == ["archive", "shop"] or \
        askd.ask("How many?", check=2)["choices"] == ["shop", "archive"]
    assert askd.ask("How many?", "-d", "archive")["data"] == [[5]]
    assert askd.ask("How many?", "-d", "shop")["data"] == [[4]]
    refused = askd.ask("How many?", "-d", "shoop", check=2)
    assert refused["kind"] == "refused" and "shoop" in refused["message"]
    session = askd.ask("How many?", check=2)["session_id"]
    assert askd.ask("archive", "--session", session)["data"] == [[5]]


@pytest.mark.parametrize("listed,sender,may", [
    ("everyone", "8", True), ("'person:queue_transport:chat:7'", "7", True),
    ("'person:queue_transport:7'", "7", True), ("'person:queue_transport:7'", "8", False),
    ("'person:7'", "7", False), (None, "7", False)])
def test_database_is_there_for_those_on_its_list(askd, chat, two, listed, sender, may):
    """Absent: users of this machine only. A name alone is a user of this machine, never a chat's."""
    chat.write(database=two(shop=listed, archive="'person:nobody'"))
    askd.start()
    text = chat.ask("How many customers?", sender=sender)
    assert bool(analyses(askd.llm)) == may, text
    if not may:
        assert "no database" in text and "shop" not in text


def test_user_of_this_machine_may_what_no_list_forbids(askd, chat, two):
    chat.write(database=two(shop=None, archive=None))
    askd.start()
    assert askd.ask("How many?", "-d", "shop")["data"] == [[4]]
    named = chat.ask("How many?", database="shop")
    assert "no database" in named and not analyses(askd.llm)[1:], "a chat may not, even by name"
