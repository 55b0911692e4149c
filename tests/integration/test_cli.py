"""The command line: words, options, exit statuses, and what reaches the terminal."""

import json
import os
import re
import sqlite3
import subprocess

import pytest

from conftest import BUILD, DECISION, TREE

QUESTION = "How many customers are there?"
COUNT = "SELECT COUNT(*) AS n FROM customers"


def four(askd):
    askd.llm.analysis(COUNT, "There are 4 customers.")


def bare(askd, *args, env=None, **more):
    """Without -c."""
    more.setdefault("text", True)
    return subprocess.run([str(BUILD / "askd"), *args], cwd=askd.folder, capture_output=True, timeout=60,
                          env={**askd.env, **(env or {})}, **more)


# ---- help, version, unknown words -------------------------------------------------------------------


def test_help_lists_every_command(askd):
    listed = askd.run("help", check=0).stdout
    for verb in ("run", "check", "ask", "plugin", "key", "version", "help"):
        assert re.search(rf"^  {verb} +\S", listed, re.M), verb
    assert askd.run("help", "ask", check=0).stdout.startswith("askd ask [-d DATABASE]")


@pytest.mark.parametrize("word", ["--help", "-h"])
def test_help_by_custom(askd, word):
    assert bare(askd, word).stdout == bare(askd, "help").stdout


def test_version(askd):
    version = re.search(r"project\(askd VERSION (\S+)", (TREE / "CMakeLists.txt").read_text())
    for word in ("version", "--version"):
        result = bare(askd, word)
        assert result.returncode == 0 and result.stdout.startswith("askd ")
        assert not version or version[1] in result.stdout


def test_no_command_at_all_shows_what_there_is(askd):
    result = bare(askd)
    assert "ask" in result.stdout + result.stderr and "help" in result.stdout + result.stderr


@pytest.mark.parametrize("word,meant", [("chekc", "check"), ("verson", "version"), ("aks", "ask"),
                                        ("plugni", "plugin"), ("kye", "key"), ("rnu", "run")])
def test_unknown_commands_name_the_nearest(askd, word, meant):
    result = askd.run(word, check=1)
    assert f"'{word}'" in result.stderr and f"did you mean '{meant}'?" in result.stderr
    assert not result.stdout


def test_unknown_command_far_from_all(askd):
    result = askd.run("frobnicate", check=1)
    assert "unknown command 'frobnicate'" in result.stderr and "did you mean" not in result.stderr


@pytest.mark.parametrize("option,meant", [("--jsno", "--json"), ("--databse", "--database"),
                                          ("--sesion", "--session"), ("--databse=shop", "--database")])
def test_unknown_options_name_the_nearest(askd, option, meant):
    result = askd.run("ask", option, QUESTION, check=1)
    assert f"did you mean {meant}?" in result.stderr, result.stderr
    assert not askd.llm.requests()


def test_unknown_option_far_from_all_tells_the_usage(askd):
    result = askd.run("ask", "--frobnicate", QUESTION, check=1)
    assert "there is no option --frobnicate" in result.stderr and "usage: askd ask" in result.stderr


@pytest.mark.parametrize("args", [("ask", "-d"), ("ask", "--session"), ("ask", "--database=", "x")])
def test_an_option_without_its_value_is_named(askd, args):
    assert "needs a value" in askd.run(*args, check=1).stderr


# ---- the configuration ------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", [["run"], ["check"], ["ask", QUESTION], ["key", "list"], ["plugin", "list"]])
def test_a_configuration_that_cannot_be_read_is_named(askd, verb):
    for path, reason in ((askd.folder / "nowhere.yaml", "No such file"), (askd.folder, "directory")):
        result = bare(askd, "-c", str(path), *verb)
        assert result.returncode == 1
        assert str(path) in result.stderr and reason in result.stderr, result.stderr


def test_c_needs_a_file(askd):
    result = bare(askd, "check", "-c")
    assert result.returncode == 1 and "-c needs a file" in result.stderr


def test_c_may_stand_anywhere(askd):
    for args in (["-c", str(askd.config), "check"], ["check", "-c", str(askd.config)],
                 ["check", f"--config={askd.config}"]):
        assert bare(askd, *args).returncode == 0
    assert bare(askd, "check", env={"ASKD_CONFIG": str(askd.config)}).returncode == 0


def test_check_of_a_good_file(askd):
    assert askd.run("check", check=0).stdout == f"{askd.config}: fine (4 instances)\n"
    assert not askd.llm.requests(), "check connects to nothing"
    assert not askd.state.exists(), "check leaves nothing behind"


@pytest.mark.parametrize("text,place,reason", [
    ("llm: {main: {base_ulr: x, plugin: openai}}", "1:14", "did you mean 'base_url'?"),
    ("lmm: {}", "1:1", "did you mean 'llm'?"),
    ("askd:\n  log: {level: loud}", "2:16", "loud"),
    ("askd:\n\tlog: 1", "2:1", "indentation with spaces"),
    ("a: &x 1", "1:4", "anchor"),
    ("askd: {drain: soon}", "1:15", "soon"),
    ("assistant:\n  stages:\n    analysis: {fallback: [spare]}", "3:27", "spare"),
])
def test_check_of_a_bad_file_names_the_place(askd, text, place, reason):
    askd.config.write_text(text + "\n")
    result = askd.run("check", check=1)
    assert not result.stdout
    assert f"{askd.config}:{place}: " in result.stderr and reason in result.stderr, result.stderr


# What must be in the YAML, for somebody who has none.
def test_without_an_llm_the_person_hears_what_to_add(askd):
    askd.write(llm="{}", pricing=None)
    result = askd.run("ask", QUESTION, check=1)
    said = result.stdout + result.stderr
    assert "llm:" in said and "plugin:" in said and "base_url" in said and "model" in said, said
    assert str(askd.config) in said


def test_without_a_database_the_person_hears_what_to_add(askd):
    askd.write(database=None)
    askd.llm.analysis(None)
    result = askd.run("ask", QUESTION, check=None)
    said = result.stdout + result.stderr
    assert result.returncode in (1, 2) and "database:" in said and "path" in said, said


def test_no_configuration_at_all(askd):
    if os.path.exists("/etc/askd/askd.yaml"):
        pytest.skip("this machine has a configuration of its own")
    result = bare(askd, "ask", QUESTION, env={
        "ASKD__ASKD__PLUGIN_PATH": f"[{BUILD}/plugins]", "ASKD__ASKD__STATE_DIR": str(askd.state)})
    said = result.stdout + result.stderr
    assert result.returncode in (1, 2) and "database:" in said and "path" in said and "-c" in said, said


# ---- exit statuses ----------------------------------------------------------------------------------


@pytest.mark.parametrize("action,status", [("answer", 0), ("clarify", 2), ("decline", 2)])
def test_exit_status_says_how_it_ended(askd, action, status):
    askd.llm.script({"match": "You translate a question", "reply": json.dumps(dict(
        DECISION, action=action, sql="", answer="Words.", choices=["a", "b"] if action == "clarify" else []))})
    for served in (False, True):
        if served:
            askd.start()
        result = askd.run("ask", QUESTION, check=status)
        assert "Words." in result.stdout


def test_exit_status_of_an_error(askd):
    askd.llm.script({"match": "You translate", "status": 401, "reply": {"error": {"message": "no"}}})
    assert askd.run("ask", QUESTION, check=1).stdout


# ---- the question -----------------------------------------------------------------------------------


@pytest.mark.parametrize("args", [["-"], []])
@pytest.mark.parametrize("served", [False, True])
def test_question_from_standard_input(askd, args, served):
    four(askd)
    if served:
        askd.start()
    askd.run("ask", *args, input="How many customers,\nplease?\n", check=0)
    assert "How many customers,\\nplease?" in json.dumps(askd.llm.requests()[0]["body"])


def test_words_without_quotes_are_one_question(askd):
    four(askd)
    askd.run("ask", "How", "many", "customers?", check=0)
    assert "How many customers?" in json.dumps(askd.llm.requests()[0]["body"])


def test_behind_two_dashes_all_is_question(askd):
    four(askd)
    askd.run("ask", "--", "--json", "-c", "sales", check=0)
    assert "--json -c sales" in json.dumps(askd.llm.requests()[0]["body"])


@pytest.mark.parametrize("question", ["", "   ", "\n"])
def test_empty_question(askd, question):
    for result in (askd.run("ask", question, input="", check=1), askd.run("ask", "-", input=question, check=1)):
        assert "there is no question" in result.stderr and "askd ask" in result.stderr
    assert not askd.llm.requests()


@pytest.mark.parametrize("served", [False, True])
def test_question_that_is_no_utf8(askd, served):
    if served:
        askd.start()
    for args, stdin in ((["ask", b"caf\xe9"], b""), (["ask", "-"], b"caf\xe9\xff"), (["ask"], b"a\0b")):
        result = bare(askd, "-c", str(askd.config), *args, input=stdin, text=False)
        assert result.returncode == 1 and b"UTF-8" in result.stderr, result
    assert not askd.llm.requests()


@pytest.mark.parametrize("served", [False, True])
def test_question_of_a_megabyte_is_refused_in_words(askd, served):
    if served:
        askd.start()
    result = askd.run("ask", "-", input="word " * 200_000, check=1)
    assert "longer than 64 KB" in result.stderr
    result = askd.run("ask", *["word " * 20_000] * 10, check=1)
    assert "64 KB" in result.stderr or "too long" in result.stderr, result.stderr
    assert not askd.llm.requests()


# ---- what is printed --------------------------------------------------------------------------------


@pytest.mark.parametrize("served", [False, True])
def test_json_prints_only_the_object(askd, served):
    four(askd)
    if served:
        askd.start()
    result = askd.run("ask", "--json", QUESTION, check=0)
    assert result.stdout.count("\n") == 1 and json.loads(result.stdout)["kind"] == "answer"
    result = askd.run("ask", QUESTION, "--json", "-d", "nowhere", check=2)
    assert result.stdout.count("\n") == 1 and json.loads(result.stdout)["kind"] == "refused"


def test_escape_sequences_of_cells_do_not_reach_the_terminal(askd):
    evil = "\x1b]0;owned\x07\x1b[2J\x9b31m\x00\r\b\x7f\u202eteg"
    connection = sqlite3.connect(askd.database)
    connection.execute("insert into customers values (9, ?, 'Rome', null)", (evil.replace("\x00", ""),))
    connection.execute("create view \"wild\x1b[31m\" as select 1 as \"n\x1b[5m\"")
    connection.commit()
    connection.close()
    askd.llm.analysis("SELECT id, name FROM customers ORDER BY id", "Words \x1b[m red.\x07")
    master, slave = os.openpty()
    try:
        result = subprocess.run([str(BUILD / "askd"), "-c", str(askd.config), "ask", QUESTION],
                                env=dict(askd.env, TERM="xterm", NO_COLOR="1"), stdin=subprocess.DEVNULL, stdout=slave,
                                stderr=subprocess.PIPE, timeout=60)
        os.close(slave)
        slave = -1
        shown = b""
        while True:
            try:
                piece = os.read(master, 65536)
            except OSError:
                break
            if not piece:
                break
            shown += piece
    finally:
        os.close(master)
        if slave >= 0:
            os.close(slave)
    assert result.returncode == 0, result
    assert b"owned" in shown and b"Words" in shown
    for bad in (b"\x1b]", b"\x1b[2J", b"\x1b[m red", b"\x07", b"\xc2\x9b", b"\b", b"\x7f", "\u202e".encode()):
        assert bad not in shown, (bad, shown)
    assert "\x1b" not in askd.run("ask", QUESTION, check=0).stdout


# ---- which database ---------------------------------------------------------------------------------


def two(askd):
    askd.write(database=f"{{shop: {{plugin: sqlite, path: {askd.database}}}, "
                        f"archive: {{plugin: sqlite, path: {askd.database}}}}}",
               limits="{question: {rate: 1000/s, burst: 1000}}")
    four(askd)


@pytest.mark.parametrize("served", [False, True])
def test_several_databases_without_d_asks_which(askd, served):
    two(askd)
    if served:
        askd.start()
    result = askd.run("ask", QUESTION, check=2)
    assert "shop" in result.stdout and "archive" in result.stdout
    reply = askd.ask(QUESTION, check=2)
    assert reply["kind"] == "clarify" and sorted(reply["choices"]) == ["archive", "shop"]
    assert not askd.llm.requests()
    reply = askd.ask("archive", "--session", reply["session_id"])
    assert reply["receipt"]["database"] == "archive" and reply["receipt"]["question"] == QUESTION
    assert askd.ask(QUESTION, "-d", "shop")["receipt"]["database"] == "shop"


def test_a_wrong_database_offers_the_nearest(askd):
    two(askd)
    reply = askd.ask(QUESTION, "-d", "archvie", check=2)
    assert reply["kind"] == "refused" and "archvie" in reply["message"]
    assert "archive" in reply["message"], reply["message"]
    reply = askd.ask(QUESTION, "-d", "xxxxxxxxxxx", check=2)
    assert "archive" not in reply["message"]
    assert not askd.llm.requests()


# ---- keys -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("served", [False, True])
def test_the_audit_is_whole_or_says_where_it_is_not(askd, served):
    askd.run("key", "create", "one", check=0)
    askd.run("key", "create", "two", check=0)
    rows = askd.sql("select count(*) from audit")[0][0]
    if served:
        askd.start()
    assert askd.run("audit", check=0).stdout == f"{rows} rows, none was changed, removed or added\n"
    assert "'twice' was not expected after 'audit'" in askd.run("audit", "twice", check=1).stderr
    connection = sqlite3.connect(askd.state / "manager.db", timeout=30)
    connection.execute("update audit set subject = 'key/nobody' where number = ?", (rows,))
    connection.commit()
    connection.close()
    assert f"askd audit: audit row {rows} was changed" in askd.run("audit", check=1).stderr


@pytest.mark.parametrize("served", [False, True])
def test_keys_are_made_listed_and_revoked(askd, served):
    if served:
        askd.start()
    assert "There are no keys" in askd.run("key", "list", check=0).stdout
    made = askd.run("key", "create", "reports", "--databases", "shop", check=0)
    text = made.stdout.splitlines()[0]
    assert re.fullmatch(r"askd_[A-Za-z0-9_-]{43}", text)
    listed = askd.run("key", "list", check=0).stdout
    assert re.search(r"^reports .* shop .* valid$", listed, re.M), listed
    assert text not in listed and text not in str(askd.sql("select * from api_keys"))
    assert askd.run("key", "create", "reports", check=1).stderr
    assert "Revoked the key 'reports'" in askd.run("key", "revoke", "reports", check=0).stdout
    assert re.search(r"^reports .* revoked", askd.run("key", "list", check=0).stdout, re.M)
    for args, words in ((["create"], "needs a name"), (["revoke", "nobody"], "nobody"),
                        (["creat", "x"], "did you mean 'create'?"),
                        (["create", "x", "--persn", "y"], "did you mean '--person'?"),
                        (["create", "x", "--databases", "shpo"], "did you mean 'shop'?"), ([], "usage:")):
        assert words in askd.run("key", *args, check=1).stderr
