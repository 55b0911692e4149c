"""A conversation beyond one question: order, limits, commands, buttons, dialogues, deliveries."""

import json
import re
import subprocess
import time

import pytest

from chat import (  # noqa: F401 (chat is a fixture)
    ADDRESSED, BUTTON, CANCEL, EDIT, FAST, FREE, GONE, GROUP, HOUR_US, WORKING, analyses, chat,
    in_time, now_us)
from conftest import BUILD, PER_CITY, sound, wait_until


# ---- order and limits ---------------------------------------------------------------------------


def test_second_waits_with_a_notice_and_the_third_is_refused(askd, chat):
    chat.write()
    askd.start()
    gate = askd.folder / "gate"
    chat.put(f"wait {gate}")
    wait_until(lambda: [n for n in chat.lines("notices.jsonl")], "the first question to run")
    assert "comes next" in chat.ask("echo second")
    assert "again when they are answered" in chat.ask("echo third")
    gate.touch()
    texts = chat.wait(4)
    assert texts.index("waited") < texts.index("second")
    assert "third" not in texts, "a refused question must not be answered later"
    assert chat.ask("echo fourth") == "fourth", "the places must be free again"


def test_three_at_once_pass_and_the_fourth_hears_when_to_try_again(askd, chat):
    chat.write(limits="{question: {by: person, rate: 1/min, burst: 3, concurrent: 0, waiting: 0}}")
    askd.start()
    for number in range(3):
        assert chat.ask(f"echo {number}") == str(number)
    refusal = chat.ask("echo 3")
    seconds = int(re.search(r"(\d+) second", refusal)[1])
    assert 1 <= seconds <= 60, refusal
    assert chat.ask("echo other", sender="8") == "other", "another person has a bucket of their own"
    assert chat.ask("/args still") == "[still]", "commands have no part in it"


def test_bucket_may_belong_to_the_conversation(askd, chat):
    chat.write(limits="{question: {by: conversation, rate: 1/min, burst: 1, concurrent: 0, waiting: 0}}")
    askd.start()
    assert chat.ask("echo one", "a") == "one"
    assert chat.ask("echo one", "b") == "one"
    assert "wait" in chat.ask("echo two", "a", sender="8")


def test_questions_of_a_conversation_are_answered_in_their_order(askd, chat):
    chat.write(limits=FREE)
    askd.start()
    gate = askd.folder / "gate"
    chat.put(f"wait {gate}", sender="1")
    for number in range(12):
        last = chat.put(f"echo {number}", sender=str(number + 2))
    chat.taken(last)
    for number in range(5):  # so long that they would have overtaken the first
        chat.ask(f"echo {number}", "other", sender="o")
    assert not chat.texts()
    gate.touch()
    assert chat.wait(13) == ["waited", *map(str, range(12))]


def test_conversations_do_not_wait_for_each_other(askd, chat):
    chat.write()
    askd.start()
    gate = askd.folder / "gate"
    for number in range(8):
        chat.put(f"wait {gate}", f"slow{number}", sender=f"s{number}")
    for number in range(8):
        assert chat.ask("echo quick", f"quick{number}", sender=f"q{number}") == "quick"
    gate.touch()
    for number in range(8):
        assert chat.wait(1, f"slow{number}") == ["waited"]


def test_many_conversations_and_clients_at_once(askd, chat):
    """Everything that threads share, all at the same time; a sanitizer looks on."""
    chat.write(limits=FREE)
    askd.llm.analysis(PER_CITY, "Hamburg ordered 300.")
    askd.start()
    clients = [subprocess.Popen(
        [str(BUILD / "askd"), "-c", str(askd.config), "ask", "--json", f"Question {n}?"],
        env=askd.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for n in range(16)]
    for number in range(30):
        talk = {"conversation": f"t{number}", "sender": f"s{number % 20}"}
        chat.put("How much in all?", **talk)
        chat.put("/buttons", **talk)
        chat.put("echo second", **talk)
        chat.put(f"wait {askd.folder}/never", **talk)
        chat.put("How much again?", **talk)
    for client in clients:
        out, err = client.communicate(timeout=120)
        sound(err)
        assert json.loads(out)["answer"] == "Hamburg ordered 300.", (out, err)
    for number in range(30):
        conversation = f"t{number}"
        wait_until(lambda: "second" in chat.texts(conversation), f"the answers in {conversation}", 60)
        chat.put(kind=CANCEL, conversation=conversation)
    for number in range(30):
        texts = [text for text in chat.wait(5, f"t{number}") if text != "choose"]
        assert texts[0].startswith("Hamburg ordered 300."), texts
        assert texts[1:] == ["second", "I stopped.", "I stopped."], texts
    assert askd.stop() == 0


def test_who_waits_for_a_place_does_not_hold_the_group_up(askd, chat):
    chat.write()
    askd.start()
    gate = askd.folder / "gate"
    group = {"conversation": "g", "flags": GROUP | ADDRESSED}
    chat.put(f"wait {gate}", "own", sender="7")
    wait_until(lambda: chat.lines("notices.jsonl"), "the first question to run")
    assert "comes next" in chat.ask("echo mine", sender="7", **group)
    assert chat.ask("echo theirs", sender="8", **group) == "theirs"
    gate.touch()
    assert chat.wait(3, "g")[-1] == "mine"


def test_clients_of_one_session_take_turns(askd, chat):
    chat.write(limits=FAST.replace("waiting: 1", "waiting: 100"))
    askd.start()
    clients = [subprocess.Popen(
        [str(BUILD / "askd"), "-c", str(askd.config), "ask", "--session", "s", f"echo {n}"],
        env=askd.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for n in range(12)]
    for number, client in enumerate(clients):
        out, err = client.communicate(timeout=60)
        assert str(number) in out and client.returncode == 0, (out, err)


# ---- once each ----------------------------------------------------------------------------------


def test_event_with_a_known_key_is_no_second_question(askd, chat):
    chat.write()
    askd.start()
    assert chat.ask("echo once", key="k") == "once"
    assert not chat.taken(chat.put("echo once", key="k")), "it must be known as a duplicate"
    assert chat.ask("echo next") == "next"
    assert chat.texts() == ["once", "next"]


def test_conflict_runs_the_skill_once_more(askd, chat):
    chat.write()
    askd.start()
    assert chat.ask("/conflict 1") == "attempt 2"
    assert askd.sql("select count(*) from talker_notes") == [(1,)]


def test_second_conflict_is_an_apology(askd, chat):
    chat.write()
    askd.start()
    assert "send that again" in chat.ask("/conflict 5")
    assert chat.ask("/conflict 2") == "attempt 3", "the skill was to run twice, not more"
    assert chat.texts() == [chat.texts()[0], "attempt 3"]


# ---- commands, buttons, dialogues ---------------------------------------------------------------


@pytest.mark.parametrize("typed,said", [
    ("/args", "[]"), ("/ARGS@our_bot one  two", "[one  two]"), ("/args@bot", "[]"),
    ('/args "two words" \'x y\'', '["two words" \'x y\']'), ("/args\nnext line", "[next line]"),
    ("/args größe", "[größe]"),
])
def test_command_gets_what_was_typed_behind_it(askd, chat, typed, said):
    chat.write()
    askd.start()
    assert chat.ask(typed) == said


def test_unknown_command_names_the_nearest(askd, chat):
    chat.write()
    askd.start()
    assert "/buttons" in chat.ask("/button")
    assert "/" not in chat.ask("/xylophone").replace("/xylophone", "")
    assert "/owner" in chat.ask("/owner"), "a command for admins is refused by its name"


def test_button_counts_in_its_own_conversation_only(askd, chat):
    chat.write()
    askd.start()
    chat.ask("/buttons")
    yes, no = (button["token"] for button in chat.lines()[-1]["buttons"])
    assert len(yes) == 32 and yes != no
    assert chat.ask(kind=BUTTON, token=yes) == "pressed yes"
    assert chat.ask(kind=BUTTON, token=no) == "pressed no"
    forged = yes[:-1] + ("A" if yes[-1] != "A" else "B")
    other_id = ("B" if yes[0] != "B" else "C") + yes[1:]
    for token in (forged, other_id, "x", yes + "A", "é" * 16, "=" * 32):
        assert "does not work any more" in chat.ask(kind=BUTTON, token=token), token
    assert "does not work any more" in chat.ask(conversation="d", kind=BUTTON, token=yes)


def test_button_dies_after_a_week(askd, chat):
    chat.write()
    start = now_us()
    askd.start(in_time(start))
    chat.ask("/buttons")
    token = chat.lines()[-1]["buttons"][0]["token"]
    askd.stop()
    askd.start(in_time(start + 8 * 24 * HOUR_US))
    assert "does not work any more" in chat.ask(kind=BUTTON, token=token)
    assert chat.askd.sql("select count(*) from buttons") == [(0,)], "the row is of no use any more"


@pytest.mark.parametrize("typed,minutes,goes_on", [
    ("/dialogue", 29, True), ("/dialogue", 31, False), ("/dialogue 60000", 2, False)])
def test_dialogue_lasts_as_long_as_its_skill_says(askd, chat, typed, minutes, goes_on):
    chat.write()
    start = now_us()
    askd.start(in_time(start))
    assert chat.ask(typed) == "which colour?"
    askd.stop()
    askd.start(in_time(start + minutes * 60 * 1_000_000))
    assert chat.ask("echo blue") == ("colour: echo blue" if goes_on else "blue")
    assert chat.ask("echo green") == "green", "a dialogue that was answered is over"


def test_dialogue_belongs_to_its_conversation(askd, chat):
    chat.write()
    askd.start()
    assert chat.ask("/dialogue", "a") == "which colour?"
    assert chat.ask("echo b", "b") == "b"
    assert chat.ask("echo topic", "a", thread="t") == "topic", "a topic is a conversation of its own"
    assert chat.ask("red", "a") == "colour: red"


def test_post_reaches_the_conversation_and_the_person(askd, chat):
    chat.write()
    askd.start()
    chat.put("/post a note")
    assert sorted(chat.wait(2)) == ["a note", "posted"]
    assert chat.ask("echo hello", "g", flags=GROUP | ADDRESSED) == "hello"
    assert chat.ask("/tell in private", "g", flags=GROUP | ADDRESSED) == "posted"
    assert chat.wait(3)[-1] == "in private", "to the person's own chat, not into the group"


# ---- deliveries ---------------------------------------------------------------------------------


def test_long_text_is_cut_at_lines_and_words(askd, chat):
    chat.write(", text_max: 300")
    askd.start()
    chat.put("/long 500")
    whole = "".join(f"wörd{i}" + ("" if i == 500 else "\n" if i % 10 == 0 else " ")
                    for i in range(1, 501))
    wait_until(lambda: "wörd500" in "".join(chat.texts()), "the last part")
    parts = chat.texts()
    assert "".join(parts) == whole, "nothing is lost or doubled"
    assert all(len(part) <= 300 for part in parts)
    assert all(part.endswith("\n") for part in parts[:-1]), "lines are not torn where they fit"


def test_line_longer_than_a_message_is_cut_between_words(askd, chat):
    chat.write(", text_max: 50")
    askd.start()
    chat.put("/long 9")
    wait_until(lambda: "wörd9" in "".join(chat.texts()), "the last part")
    assert "".join(chat.texts()) == " ".join(f"wörd{i}" for i in range(1, 10))
    for part in chat.texts():
        assert len(part) <= 50 and re.fullmatch(r"(wörd\d ?)+", part), part


def test_buttons_hang_on_the_last_part(askd, chat):
    chat.write(", text_max: 4")
    askd.start()
    chat.put("/buttons")
    wait_until(lambda: len(chat.lines()) == 2, "both parts")
    assert [len(line["buttons"]) for line in chat.lines()] == [0, 2]


def test_gone_conversation_gets_nothing_more(askd, chat):
    chat.write(", fail: 1, fail_with: GONE")
    askd.start()
    chat.put("/long 5")
    wait_until(lambda: askd.state.joinpath("manager.db").exists() and
               askd.sql("select count(*) from outbox where status = 4") == [(1,)],
               "the message to be given up")
    assert chat.ask("echo back", "other") == "back"
    askd.stop()
    chat.write()
    askd.start()
    assert chat.ask("echo again", "other") == "again"
    assert chat.texts() == []


def test_message_that_may_have_arrived_is_sent_once_more_and_says_so(askd, chat):
    chat.write(", fail: 1, fail_with: MAYBE")
    askd.start()
    text = chat.ask("/args hello")
    assert text.startswith("[hello]") and "may have this already" in text


def test_message_that_may_have_arrived_is_not_sent_for_ever(askd, chat):
    chat.write(", fail: 2, fail_with: MAYBE")
    askd.start()
    chat.put("/args hello")
    wait_until(lambda: askd.state.joinpath("manager.db").exists() and
               askd.sql("select attempts from outbox where status = 3") == [(2,)],
               "the message to be given up")
    assert chat.ask("/args next") == "[next]"
    assert chat.texts() == ["[next]"]


def test_named_delay_is_waited_out(askd, chat):
    chat.write(", fail: 1, fail_with: BUSY, pause: 1500ms")
    askd.start()
    began = time.monotonic()
    assert chat.ask("/args hello") == "[hello]"
    assert time.monotonic() - began >= 1.5


def test_working_message_that_fails_does_not_hold_the_answer_up(askd, chat):
    chat.write(", fail: 1, fail_with: IO")
    askd.start()
    assert chat.ask("echo hello") == "hello"
    assert [line["text"] for line in chat.lines()] == ["hello"]


def test_answer_replaces_the_working_message(askd, chat):
    chat.write()
    askd.start()
    assert chat.ask("echo hello") == "hello"
    first, second = chat.lines()
    assert first["text"].startswith(WORKING) and second["edits"] == first["message"]


def test_conversation_is_not_written_to_faster_than_it_may(askd, chat):
    chat.write(", per_conversation_second: 4, edits: no")
    askd.start()
    began = time.monotonic()
    for number in range(4):
        chat.put(f"/args {number}")
        chat.put(f"/args {number}", "d", sender="8")
    for conversation in "cd":
        assert sorted(chat.wait(4, conversation)) == [f"[{n}]" for n in range(4)]
    took = time.monotonic() - began
    assert took >= 0.7, "four messages at four a second need three pauses"
    assert took < 6, "another conversation must not pay for it"


# ---- events that are no questions ---------------------------------------------------------------


def test_group_is_answered_only_where_it_speaks_to_us(askd, chat):
    chat.write()
    askd.start()
    chat.taken(chat.put("echo among us", "g", flags=GROUP))
    assert chat.ask("echo to you", "g", flags=GROUP | ADDRESSED) == "to you"
    assert chat.texts("g") == ["to you"]
    assert askd.sql("select count(*) from inbox") == [(1,)], "what is not for us is not kept"


def test_edit_starts_nothing(askd, chat):
    chat.write()
    askd.start()
    chat.taken(chat.put("echo edited", kind=EDIT, message="m1"))
    assert chat.ask("echo next") == "next"
    assert chat.texts() == ["next"]


def test_cancel_ends_the_model_call_within_a_second(askd, chat):
    chat.write(limits=FAST)
    askd.llm.script({"match": "You translate a question", "fault": "hang"})
    askd.start()
    chat.put("How many customers are there?")
    wait_until(lambda: analyses(askd.llm), "the model to be asked")
    began = time.monotonic()
    chat.put(kind=CANCEL)
    assert chat.wait(1) == ["I stopped."]
    assert time.monotonic() - began < 1


def test_cancel_ends_the_statement_within_a_second(askd, chat):
    chat.write()
    many = ", ".join(f"customers c{i}" for i in range(20))
    askd.llm.analysis(f"SELECT count(*) AS n FROM {many} WHERE c1.name <> c2.name || 'x'")
    askd.start()
    chat.put("How many customers are there?")
    wait_until(lambda: analyses(askd.llm), "the model to be asked")
    opener = askd.llm
    wait_until(lambda: opener._call("/__stats")["open"] == 0, "the model to have answered")
    began = time.monotonic()
    chat.put(kind=CANCEL)
    assert chat.wait(1) == ["I stopped."]
    assert time.monotonic() - began < 1
    assert chat.ask("echo on") == "on"


def test_cancel_takes_the_waiting_question_too(askd, chat):
    chat.write()
    askd.start()
    chat.put(f"wait {askd.folder}/never")
    wait_until(lambda: chat.lines("notices.jsonl"), "the first question to run")
    assert "comes next" in chat.ask("echo second")
    chat.put(kind=CANCEL)
    texts = chat.wait(3)
    assert texts.count("I stopped.") == 2 and "second" not in texts


def test_cancel_takes_what_has_not_begun_too(askd, chat):
    chat.write(askd=askd.section("workers: {max: 2}"))
    askd.start()
    chat.put(f"wait {askd.folder}/never")
    wait_until(lambda: chat.lines("notices.jsonl"), "the only worker for questions to be taken")
    chat.taken(chat.put("echo second"))
    chat.put(kind=CANCEL)
    assert chat.wait(2) == ["I stopped.", "I stopped."]


def test_who_left_gets_nothing_and_may_come_back(askd, chat):
    chat.write()
    askd.start()
    gate = askd.folder / "gate"
    chat.put(f"wait {gate}")
    wait_until(lambda: chat.lines("notices.jsonl"), "the question to run")
    chat.taken(chat.put(kind=GONE))
    wait_until(lambda: askd.sql("select count(*) from turns where status = 'running'") == [(0,)],
               "the turn to end")
    assert chat.ask("echo back") == "back"
    assert chat.texts() == ["back"]


def test_who_leaves_while_a_message_goes_out_does_no_harm(askd, chat):
    chat.write()
    hold = askd.folder / "hold"
    hold.touch()
    askd.start({"ASKD_TEST_HOLD": f"delivered:{hold}"})
    chat.put("/args x")
    wait_until(chat.lines, "the message to be under way")
    chat.put("/args y")
    wait_until(lambda: askd.sql("select count(*) from outbox") == [(2,)], "the next message")
    chat.taken(chat.put(kind=GONE))
    hold.unlink()
    assert chat.ask("/args z", "other") == "[z]"
    assert askd.stop() == 0
    assert chat.texts() == ["[x]"]


def test_all_senders_together_keep_the_pace(askd, chat):
    chat.write(", per_second: 5")
    askd.start()
    began = time.monotonic()
    for number in range(6):
        chat.put(f"/args {number}", f"c{number}", sender=str(number))
    for number in range(6):
        chat.wait(1, f"c{number}")
    assert time.monotonic() - began >= 0.95, "six messages at five a second need five pauses"
