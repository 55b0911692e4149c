"""askd chat: a conversation at a terminal, and out of a file."""

import json
import os
import re
import signal
import socket
import stat
import struct
import termios
import time

import pytest

from conftest import BUILD, DECISION, PER_CITY, wait_until
from terminal import CTRL_C, CTRL_D, CTRL_Z, ESCAPE, TAB, UP, Terminal

QUESTION = "How much did the customers of each city order in all?"
ANSWER = "Hamburg ordered 300, Berlin 200, and Köln 0.5."
TABLE = """\
city     total
-------  -----
Hamburg    300
Berlin     200
Köln       0.5
"""
FREE = "{question: {by: person, rate: 1000/s, burst: 1000, concurrent: 0, waiting: 0}}"
ANALYSIS = "You translate a question into SQL"


def decide(match, **decision):
    return {"match": [ANALYSIS, f"<question>\n{match}"], "reply": json.dumps({**DECISION, "sql": "", **decision})}


def answers(text, **more):
    return {"match": ["You explain a query result"], "reply": text, **more}


def hangs(match):
    return {"match": [ANALYSIS, f"<question>\n{match}"], "fault": "hang"}


def asked(askd):
    """The questions that reached the model."""
    bodies = [json.dumps(r["body"], ensure_ascii=False) for r in askd.llm.requests()]
    return [re.findall(r"<question>\\n(.*?)\\n", body)[-1] for body in bodies if ANALYSIS in body]


@pytest.fixture
def chat(askd):
    """Opens terminals with a chat in them."""
    opened = []

    def begin(*words, greeted=True, env=None, **more):
        env = {name: value for name, value in {**askd.env, **(env or {})}.items() if value is not None}
        terminal = Terminal([BUILD / "askd", "-c", askd.config, "chat", *words], askd.folder, env, **more)
        opened.append(terminal)
        if greeted:
            terminal.see("Ctrl-D leaves.\n", "> ")
        return terminal

    askd.write(limits=FREE)
    askd.llm.analysis(PER_CITY, ANSWER, explanation="Sums the orders of each city.")
    yield begin
    for terminal in opened:
        terminal.close()


# ---- a conversation ---------------------------------------------------------------------------------


@pytest.mark.parametrize("daemon", [False, True])
def test_greeting_question_answer_and_leaving(askd, chat, daemon):
    if daemon:
        askd.start()
    one = chat(greeted=False)
    one.see("Ask about shop in your own words. /tables shows its tables, /help the rest.\n"
            "Ctrl-C stops a question, Ctrl-D leaves.\nshop> ")
    shown = one.ask(QUESTION)
    assert f"{ANSWER}\n\n{TABLE}\nSQL: SELECT c.city" in shown, shown
    assert "\nSums the orders of each city.\nanalysis main/test-model 812+64 tokens, " in shown
    assert "\x1b[2mSQL: " in one.raw, "what is less important is dim"
    one.ask("And last year?", ANSWER)
    last = [r for r in askd.llm.requests() if ANALYSIS in json.dumps(r)][-1]
    assert QUESTION in json.dumps(last, ensure_ascii=False), "it remembers what was asked before"
    one.type(CTRL_D)
    session = re.search(r"askd chat --session ([\w-]{22})\n", one.see("To go on another time: ", "\n")).group(1)
    assert one.left() == 0
    again = chat("--session", session)
    again.ask("And the year before?", ANSWER)
    last = [r for r in askd.llm.requests() if ANALYSIS in json.dumps(r)][-1]
    assert "And last year?" in json.dumps(last, ensure_ascii=False)


def test_sentences_appear_as_the_model_writes_them(askd, chat):
    askd.llm.script(decide("How", sql=PER_CITY, action="sql"),
                    answers("Hamburg ordered 300. Then come the others, far behind.", chunk=8, hold=5))
    one = chat()
    one.type(QUESTION + "\r")
    one.see("Reading the question ...", "Hamburg ordered 300.", "Writing the answer ...")
    assert "city     total" not in one.text
    askd.llm._call("/__release", {})
    shown = one.see("far behind.\n\ncity     total", "shop> ")
    # What stood there meanwhile was taken away: nothing is left of it on the screen.
    assert one.raw.rindex("\x1b[J") > one.raw.rindex("Writing the answer ..."), shown


def test_a_draft_longer_than_the_screen_leaves_nothing_behind(askd, chat):
    lines = [f"- Item {'x' * i} is among the many." for i in range(1, 13)]
    askd.llm.script(decide("How", sql=PER_CITY, action="sql"), answers("\n".join(lines) + "\n", chunk=30))
    one = chat(rows=6, columns=40)
    one.ask(QUESTION, "city     total")
    # Each time at most as many lines are taken away as the screen has.
    ups = [int(n) for n in re.findall(r"\x1b\[(\d+)A", one.raw)]
    assert ups and max(ups) <= 5, ups
    shown = ESCAPE.sub("", one.raw[one.raw.rindex("\x1b[J"):]).replace("\r", "")
    assert [line for line in shown.splitlines() if "Item" in line] == lines, shown


def test_choices_and_suggestions_are_taken_by_number(askd, chat):
    askd.llm.script(
        decide("How many customers?", action="sql", sql="SELECT count(*) AS n FROM customers"),
        decide("Will it", action="decline", answer="Only the shop.", suggestions=["How many customers?", "Who?"]),
        {**decide("Who are", action="answer", answer="By money: Grace."), "match": [ANALYSIS, "Who are the best?\n", "money"]},
        decide("Who are", action="clarify", answer="Best by what?", choices=["number of orders", "money"]),
        answers("There are 4."))
    one = chat()
    one.ask("Who are the best?", "Best by what?", "1. number of orders\n2. money\n")
    one.ask("2", "By money: Grace.")
    one.ask("Will it rain?", "Only the shop.", "You could ask:\n1. How many customers?\n2. Who?\n")
    one.ask("1.", "There are 4.")
    assert asked(askd)[-1] == "How many customers?"


def test_a_database_is_chosen_and_shown(askd, chat):
    askd.write(limits=FREE, database=f"{{shop: {{plugin: sqlite, path: {askd.database}}}, "
                                     f"store: {{plugin: sqlite, path: {askd.database}}}}}")
    one = chat()
    assert "Ask about shop, store in your own words." in one.text and one.text.endswith("askd> ")
    one.ask("/tables", "No database is chosen yet.", prompt="askd> ")
    one.ask(QUESTION, "Which database do you mean", "1. shop\n2. store\n", prompt="askd> ")
    one.ask("2", ANSWER, prompt="store> ")
    one.ask("/tables", "customers  table     4", prompt="store> ")
    two = chat("-d", "shop")
    two.ask(QUESTION, ANSWER)


# ---- keys -------------------------------------------------------------------------------------------


def test_history_is_kept_and_private(askd, chat):
    file = askd.folder / "askd/history"
    one = chat()
    one.ask(QUESTION, ANSWER)
    one.ask(" this is private", ANSWER)
    one.type(CTRL_D)
    assert one.left() == 0
    assert file.read_text() == QUESTION + "\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    two = chat()
    two.type(UP)
    two.see(QUESTION)
    two.type("\r")
    two.see(ANSWER, "shop> ")
    assert asked(askd)[-1] == QUESTION
    three = chat()  # at the same time
    three.ask("/sql", "Nothing has been asked yet.")
    two.ask("/sql", "GROUP BY")
    assert file.read_text() == f"{QUESTION}\n{QUESTION}\n/sql\n/sql\n"


def test_history_ends_at_a_thousand_and_needs_a_home(askd, chat):
    file = askd.folder / "askd/history"
    file.parent.mkdir()
    file.write_text("".join(f"line {i}\n" for i in range(1200)))
    one = chat()
    one.type(UP)
    one.see("line 1199")
    assert file.read_text().splitlines() == [f"line {i}" for i in range(200, 1200)]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    one.type(CTRL_C)
    file.unlink()
    two = chat(env={"HOME": None})
    two.ask("/sql", "Nothing has been asked yet.")
    assert not file.exists()


def test_tab_completes_commands_tables_and_columns(askd, chat):
    one = chat()
    one.type("/ta" + TAB)
    one.see("bles")
    one.type("cus" + TAB)
    one.see("tomers")
    one.type("\r")
    one.see("created_at", "shop> ")
    one.type("orders per customers.ci" + TAB)
    one.see("ty")
    one.type("ORD" + TAB)
    one.see("order")  # orders or ordered_on, as they are written
    one.type(TAB)
    one.see("\norders      ordered_on\n", "shop> ")
    one.type(" c" + TAB)
    one.see("\ncustomers    city         created_at   customer_id\n", "shop> ")
    one.type(CTRL_C)
    one.see("^C\nshop> ")
    one.type("xyz" + TAB + "!\r")
    one.see(ANSWER, "shop> ")
    assert asked(askd) == ["xyz!"]


def test_pasted_lines_are_one_question(askd, chat):
    one = chat()
    one.see("")
    assert "\x1b[?2004h" in one.raw
    one.type("\x1b[200~How many\r\n  orders from Köln\nare there?\n\x1b[201~")
    one.see("How many orders from Köln are there?")
    assert not asked(askd), "nothing was sent yet"
    one.type("\r")
    one.see(ANSWER, "shop> ")
    assert asked(askd) == ["How many orders from Köln are there?"]
    one.type(CTRL_D)
    assert one.left() == 0
    assert one.raw.rindex("\x1b[?2004l") > one.raw.rindex("\x1b[?2004h")


@pytest.mark.parametrize("daemon", [False, True])
def test_ctrl_c_stops_the_question_that_runs(askd, chat, daemon):
    if daemon:
        askd.start()
    askd.llm.script(hangs("Wait"), decide("How", sql=PER_CITY, action="sql"), answers(ANSWER))
    one = chat()
    one.type("Wait for it\r")
    one.see("Reading the question ...")
    wait_until(lambda: asked(askd), "the model to be asked")
    began = time.monotonic()
    one.type(CTRL_C)
    one.see("Stopped.\nshop> ")
    assert time.monotonic() - began < 1
    one.ask(QUESTION, ANSWER)


def test_ctrl_c_at_the_prompt_clears_the_line(askd, chat):
    one = chat()
    one.type("something else")
    one.see("something else")
    one.type(CTRL_C)
    one.see("^C\nshop> ")
    one.ask(QUESTION, ANSWER)
    assert asked(askd) == [QUESTION]


def test_what_is_typed_ahead_waits(askd, chat):
    askd.llm.script(decide("First", sql=PER_CITY, action="sql"), decide("Second", sql=PER_CITY, action="sql"),
                    answers("Hamburg ordered 300. Then come the others.", hold=1))
    one = chat()
    one.type("First question\r")
    one.see("Writing the answer ...")
    one.type("Second question\r")
    askd.llm._call("/__release", {})
    shown = one.see("city     total", "shop> ")
    assert "Second" not in shown, "it is echoed where it is edited"
    one.see("Second question", "city     total", "shop> ")
    assert [question.split()[0] for question in asked(askd)] == ["First", "Second"]


def test_ctrl_z_gives_the_terminal_back_meanwhile(chat):
    one = chat()
    one.type("half a li")
    one.see("half a li")
    one.type(CTRL_Z)
    assert os.WIFSTOPPED(os.waitpid(one.process.pid, os.WUNTRACED)[1])
    assert termios.tcgetattr(one.slave) == one.before
    one.process.send_signal(signal.SIGCONT)
    one.see("shop> half a li")
    one.type("ne\r")
    one.see(ANSWER, "shop> ")


def test_a_signal_ends_it_with_the_terminal_as_it_was(askd, chat):
    askd.llm.script(hangs("Wait"))
    one = chat()
    one.process.send_signal(signal.SIGTERM)
    assert one.left() == 0
    two = chat()
    two.type("Wait for it\r")
    two.see("Reading the question ...")
    two.process.send_signal(signal.SIGHUP)
    assert two.left() == 0


# ---- commands ---------------------------------------------------------------------------------------


def test_every_command(askd, chat):
    one = chat()
    shown = one.ask("/help")
    for name in ("/tables [TABLE]", "/sql", "/why", "/csv [FILE]", "/clear", "/cancel", "/quit"):
        assert f"\n{name} " in shown, shown
    for name in ("/sql", "/why", "/csv"):
        one.ask(name, "Nothing has been asked yet.")
    one.ask("/tables", "table      kind   rows  columns\n", "customers  table     4  id, name, city, created_at\n"
            "orders     table     5  id, customer_id, total, ordered_on\n")
    one.ask("/tables ORDERS", "customer_id  INTEGER        -> customers.id  always there\n"
            "total        numeric(10,2)                   always there\n")
    one.ask("/tables odrers", "There is no table odrers. Did you mean orders?")
    one.ask(QUESTION, ANSWER)
    one.ask("/sql", PER_CITY + "\n")
    shown = one.ask("/why")
    for part in (f"question    {QUESTION}\n", "database    shop\n", "skill       skill/",
                 "analysis    main/test-model, 812+64 tokens, $0.0000801, ", "statement   SELECT c.city",
                 "passed; rows: 3; ", "gate        passed; reads customers, orders\n", "confidence  90 %\n",
                 "cost        $0.00037665\n", "left        nothing\n"):
        assert part in shown, (part, shown)
    one.ask("/csv", "city,total\nHamburg,300\nBerlin,200\nKöln,0.5\n")
    one.ask("/cancel", "Nothing is running. While a question runs, Ctrl-C stops it.")
    one.ask("/tabels", "I do not know /tabels.", "Did you mean /tables?")
    one.ask("/sql", "SELECT c.city")  # what was no question did not become the last one
    one.ask("/usr/bin is full", ANSWER)
    one.type("/quit\r")
    one.see("To go on another time")
    assert one.left() == 0


def test_csv_never_overwrites_without_asking(askd, chat):
    file = askd.folder / "rows.csv"
    askd.llm.analysis("SELECT 'a,\"b\"' AS note, 0.1 AS n, NULL AS none", "One row.")
    one = chat()
    one.ask(QUESTION, "One row.")
    one.ask("/csv rows.csv", "Rows written to rows.csv: 1")
    assert file.read_bytes() == b'note,n,none\r\n"a,""b""",0.1,\r\n'
    file.write_text("mine")
    one.type("/csv rows.csv\r")
    one.see("rows.csv is there already. Replace it? [y/N] ")
    one.ask("n", "rows.csv was left as it is.")
    assert file.read_text() == "mine"
    one.type("/csv rows.csv\r")
    one.see("Replace it? [y/N] ")
    one.ask("y", "Rows written to rows.csv: 1")
    assert file.read_bytes().startswith(b"note,")
    one.ask("/csv nowhere/rows.csv", "nowhere/rows.csv could not be written: No such file or directory")
    result = askd.run("chat", input=f"{QUESTION}\n/csv rows.csv\n", check=0)
    assert "rows.csv was left as it is." in result.stdout, "where nobody can be asked it is a no"


def test_clear_forgets_the_conversation(askd, chat):
    one = chat()
    one.ask(QUESTION, ANSWER)
    one.type("/clear\r")
    one.see("Forget what was said in this conversation? [y/N] ")
    one.ask("", "Nothing was forgotten.")
    one.ask("And last year?", ANSWER)
    assert "<question>" in json.dumps(askd.llm.requests()[-2]) and QUESTION in json.dumps(askd.llm.requests()[-2])
    one.type("/clear\r")
    one.see("[y/N] ")
    one.ask("y", "Forgotten. The next question begins a new conversation.")
    assert askd.sql("select count(*) from messages") == [(0,)]
    one.ask("And the year before?", ANSWER)
    assert QUESTION not in json.dumps(askd.llm.requests()[-2])


def test_commands_of_skills_reach_them(askd, chat):
    askd.write(limits=FREE, skill="{ping: {plugin: ping}}")
    one = chat()
    one.ask("/ping", "pong")
    one.ask("/pong", "I do not know /pong. Did you mean /ping?")


# ---- how it looks -----------------------------------------------------------------------------------


def test_a_narrow_terminal_gets_narrow_lines(askd, chat):
    askd.llm.analysis("SELECT o.*, c.name, c.city, 'far more than fits into a line' AS note FROM orders o "
                      "JOIN customers c ON c.id = o.customer_id ORDER BY 1",
                      "These are all orders with the names of those who placed them.")
    one = chat(columns=120)
    one.ask(QUESTION, "id  customer_id  ", "ordered_on  name    city     note")
    one.resize(40)
    one.ask("How much?", "These are all orders with the names of\nthose who placed them.\n",
            "id:          1\ncustomer_id: 1\n", "note:        far more than fits into a …\n\nid:          2\n")


@pytest.mark.parametrize("env,colours,escapes", [
    ({}, True, True), ({"NO_COLOR": "1"}, False, True), ({"TERM": "dumb"}, False, False)])
def test_colours_are_for_terminals_that_want_them(chat, env, colours, escapes):
    one = chat(env=env)
    one.ask(QUESTION, ANSWER, "SQL: ")
    assert ("\x1b[2m" in one.raw) == colours
    assert ("\x1b" in one.raw) == escapes


def test_cells_cannot_steer_the_terminal(askd, chat):
    askd.llm.analysis("SELECT char(27) || '[31mred' || char(155) || char(7) AS a, 'x' || char(8238) || 'y' AS b, "
                      "'日本語' AS c, 'z' AS d", "Here.")
    one = chat(env={"NO_COLOR": "1"})
    one.ask(QUESTION, "Here.")
    one.ask("/csv", "a,b,c,d")
    assert "\x1b[31m" not in one.raw and "\x07" not in one.raw.split("Here.")[-1]
    assert "\u009b" not in one.raw and "\u202e" not in one.raw
    assert "x\ufffdy  日本語  z\n" in one.text, one.text


def test_out_of_a_pipe_one_question_on_each_line(askd, chat):
    file = askd.folder / "askd/history"
    result = askd.run("chat", input=f"{QUESTION}\n\n/sql\n  And last year?  ", check=0)
    page = f"{ANSWER}\n\n{TABLE}\nSQL: {PER_CITY}\nSums the orders of each city.\n" \
           "analysis main/test-model 812+64 tokens, answer main/test-model 342+903 tokens, $0.00037665\n"
    assert result.stdout == f"{page}{PER_CITY}\n{page}"
    assert asked(askd) == [QUESTION, "And last year?"]
    assert not file.exists()
    result = askd.run("chat", input="x" * 70000 + f"\n/tables\n", check=0)
    assert "longer than 64 KB" in result.stderr and "customers" in result.stdout
    askd.write()  # one question in a second
    result = askd.run("chat", input=f"{QUESTION}\n" * 5, check=0)
    assert result.stdout.count(ANSWER) == 5, "a limit that fills again by itself is waited for"


def test_wrong_words_name_the_remedy(askd, chat):
    assert "did you mean --session" in askd.run("chat", "--sesion", "x", check=1).stderr
    assert "askd ask" in askd.run("chat", "How much?", check=1).stderr
    assert "askd chat [-d DATABASE] [--session ID]" in askd.run("chat", "--help", check=0).stdout
    result = askd.run("chat", "-d", "shpo", input=QUESTION, check=0)
    assert "There is no database shpo here that you may ask. Did you mean shop?" in result.stdout


# ---- others -----------------------------------------------------------------------------------------


def test_the_daemon_dies_and_the_conversation_goes_on(askd, chat):
    askd.start()
    askd.llm.script(hangs("Wait"), decide("How", sql=PER_CITY, action="sql"), answers(ANSWER))
    one = chat()
    one.type("Wait for it\r")
    one.see("Reading the question ...")
    wait_until(lambda: asked(askd), "the model to be asked")
    askd.daemon.kill()
    one.see("askd: the daemon that serves", "what was asked may still be running", "shop> ")
    askd.daemon.wait()
    askd.daemon = None
    one.ask(QUESTION, ANSWER)  # by a process of its own
    one.type(CTRL_D)
    assert one.left() == 0
    assert askd.sql("pragma integrity_check") == [("ok",)]


@pytest.mark.parametrize("daemon", [False, True])
def test_two_chats_at_once(askd, chat, daemon):
    if daemon:
        askd.start()
    one, two = chat(), chat()
    one.ask(QUESTION, ANSWER)
    two.ask("And now?", ANSWER)
    assert QUESTION not in json.dumps(askd.llm.requests()[-2]), "each has a conversation of its own"
    one.type(CTRL_D)  # the one who had the state, where there is no daemon
    assert one.left() == 0
    two.ask("And then?", ANSWER)
    two.ask("And in the end?", ANSWER)
    assert (askd.state / "askd.sock").exists(), "somebody has the state between the questions"
    two.type(CTRL_D)
    assert two.left() == 0


def test_nothing_is_left_of_a_chat_that_was_killed(askd, chat):
    askd.llm.script(hangs("Wait"), decide("How", sql=PER_CITY, action="sql"), answers(ANSWER))
    one = chat()
    one.type("Wait for it\r")
    one.see("Reading the question ...")
    wait_until(lambda: asked(askd), "the model to be asked")
    one.process.kill()
    one.process.wait()
    wait_until(lambda: askd.llm._call("/__stats")["open"] == 0, "the question to be stopped")
    # Whoever held the state has let go of it: a daemon can start.
    wait_until(lambda: not (askd.state / "askd.sock").exists(), "the holder to end")
    askd.start()
    assert askd.ask(QUESTION)["answer"] == ANSWER


def test_the_daemon_does_not_run_it(askd):
    """Whatever comes over the local socket: terminals are for the process of the person."""
    askd.start()
    words = [b"", b"/", b"chat"]
    local = socket.socket(socket.AF_UNIX)
    local.connect(str(askd.state / "askd.sock"))
    read, write = os.pipe()
    socket.send_fds(local, [struct.pack("IIII", 0x6C6B7361, 2, len(words), 5)], [read, write, write])
    local.sendall(b"".join(struct.pack("I", len(word)) + word for word in words))
    assert struct.unpack("IIiI", local.recv(16, socket.MSG_WAITALL)) == (0x6C6B7361, 2, 1, 0)
    assert b"'chat' runs in the process of whoever calls it" in os.read(read, 4096)
