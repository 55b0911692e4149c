"""Answers without a model: files that no configuration names, `askd nl2sql`, escalation to a model."""

import concurrent.futures
import json
import os
import signal
import sqlite3
import subprocess

import pytest

from conftest import BUILD, SHOP, sound
from test_web import Web

COUNT = "How many customers are there?"
WEATHER = "What is the weather like?"


@pytest.fixture
def bare(askd):
    """A machine without any configuration: askd in the folder of shop.db."""
    env = {**askd.env, "ASKD__ASKD__PLUGIN_PATH": f"[{BUILD}/plugins, {BUILD}/test-plugins]",
           "ASKD__ASKD__STATE_DIR": str(askd.state)}

    def run(*args, input=None, cwd=None, **more):
        if os.path.exists("/etc/askd/askd.yaml"):
            pytest.skip("this machine has a configuration of its own")
        result = subprocess.run([str(BUILD / "askd"), *map(str, args)], cwd=cwd or askd.folder, input=input,
                                env={**env, **more}, capture_output=True, text=True, timeout=120)
        sound(result.stderr)
        return result
    run.folder = askd.folder
    return run


def lines(*objects):
    return "".join((o if isinstance(o, str) else json.dumps(o)) + "\n" for o in objects)


def answers(result):
    assert result.returncode == 0, result
    return [json.loads(line) for line in result.stdout.splitlines()]


# ---- a file, no configuration -----------------------------------------------------------------------

@pytest.mark.parametrize("named", ["shop.db", "./shop.db", "{0}/shop.db", "sqlite://{0}/shop.db"])
def test_a_file_is_asked_with_no_configuration_at_all(bare, named):
    result = bare("ask", "--json", "-d", named.format(bare.folder), COUNT)
    reply = json.loads(result.stdout)
    assert result.returncode == 0 and reply["kind"] == "answer"
    assert reply["answer"] == "There are 4 customers."
    assert reply["receipt"]["database"] == "shop.db" and reply["cost"] == {"usd": 0, "pico": 0, "tokens": 0}
    assert "model" not in (reply["explanation"] or "")
    assert {(s["llm"], s["model"], s["left"]) for s in reply["stages"]} == {("offline", "offline", "nothing")}


def test_a_declined_question_is_told_in_words_with_others_to_ask(bare):
    result = bare("ask", "-d", "shop.db", WEATHER)
    reply = json.loads(bare("ask", "--json", "-d", "shop.db", WEATHER).stdout)
    assert result.returncode == 2 and reply["kind"] == "declined" and reply["message"]
    assert 1 <= len(reply["suggestions"]) <= 3
    assert reply["suggestions"][0] in result.stdout
    assert "plugin:" not in result.stderr, "there is a database: nothing is missing"
    for question in reply["suggestions"]:
        assert json.loads(bare("ask", "--json", "-d", "shop.db", question).stdout)["kind"] == "answer"


@pytest.mark.parametrize("named, said", [
    ("none.db", "there is no file"), ("text.db", "no SQLite database"), ("folder.db", "a folder"),
    ("sqlite:///none.db", "there is no file /none.db"), ("klingon://x", "there are: sqlite"),
    ("sqlite://shop.db", "sqlite:///srv/shop.db"),
    pytest.param("closed.db", "cannot be read", marks=pytest.mark.skipif(os.geteuid() == 0, reason="root reads"))])
def test_what_cannot_be_opened_is_said(bare, named, said):
    (bare.folder / "text.db").write_text("this is no database, however long it may be\n" * 9)
    (bare.folder / "closed.db").touch(0)
    (bare.folder / "folder.db").mkdir()
    result = bare("ask", "-d", named, COUNT)
    assert result.returncode == 2 and said in result.stdout, result


def test_a_file_is_never_written(bare):
    before = (bare.folder / "shop.db").read_bytes()
    for question in (COUNT, WEATHER):
        bare("ask", "-d", "shop.db", question)
    assert (bare.folder / "shop.db").read_bytes() == before
    assert not list(bare.folder.glob("shop.db-*"))


def test_a_configured_name_wins_and_relative_paths_are_the_callers(askd):
    other = askd.folder / "elsewhere"
    other.mkdir()
    connection = sqlite3.connect(other / "shop.db")
    connection.executescript(SHOP + "delete from customers where id > 1;")
    connection.close()
    (other / "shop").write_bytes((other / "shop.db").read_bytes())
    askd.write(llm=None, pricing=None)
    askd.start()
    run = [str(BUILD / "askd"), "-c", str(askd.config), "ask", "--json"]

    def ask(name):
        said = subprocess.run([*run, "-d", name, "How many orders are there?"], cwd=other, env=askd.env,
                              capture_output=True, text=True, timeout=60).stdout
        return json.loads(said)
    assert ask("shop")["receipt"]["database"] == "shop"
    assert ask("shop.db")["receipt"]["database"] == "shop.db"
    assert subprocess.run([*run, "-d", "shop.db", COUNT], cwd=other, env=askd.env, capture_output=True,
                          text=True, timeout=60).stdout.count("number of customers is 1")


@pytest.mark.parametrize("form", ["{0}/other.db", "sqlite://{0}/other.db", "other.db", "{0}/none.db"])
def test_nobody_on_the_network_names_a_file(askd, form):
    (askd.folder / "other.db").write_bytes(askd.database.read_bytes())
    web = Web(askd)
    web.start(llm=None, pricing=None)
    assert web.call("POST", "/api/query", {"question": COUNT})[1]["kind"] == "answer"
    status, reply = web.call("POST", "/api/query", {"question": COUNT, "database": form.format(askd.folder)})
    assert reply.get("kind") != "answer" and "no database" in json.dumps(reply) and "no file" not in json.dumps(reply)


# ---- escalation ----------------------------------------------------------------------------------------

TWO = ("{{offline: {{plugin: offline}}, main: {{plugin: openai, base_url: \"{url}\", model: test-model,"
       " api_key: sk-planted-secret}}}}")


@pytest.fixture
def two(askd):
    """Offline first, a model behind it."""
    def write(escalate="0.6", url=askd.llm.url, **more):
        askd.write(llm=TWO.format(url=url), assistant="{stages: {analysis: {llm: offline, "
                   f"fallback: [main], escalate_below: {escalate}}}}}}}", **more)
        return askd
    write()
    askd.configure = write
    askd.llm.analysis("SELECT count(*) AS n FROM orders", "There are 5 orders.")
    return askd


def test_a_simple_question_costs_nothing(two):
    reply = two.ask(COUNT)
    assert reply["answer"] == "There are 4 customers." and not two.llm.requests()
    assert [s["llm"] for s in reply["stages"]] == ["offline", "offline"] and reply["cost"]["pico"] == 0


@pytest.mark.parametrize("question, escalate", [(WEATHER, "0.6"), (COUNT, "1")])
def test_what_offline_is_not_sure_of_goes_to_the_model(two, question, escalate):
    two.configure(escalate)
    reply = two.ask(question)
    assert reply["sql"] == "SELECT count(*) AS n FROM orders" and len(two.llm.requests()) == 1
    assert [s["llm"] for s in reply["stages"]][:2] == ["offline", "main"] and reply["cost"]["pico"] > 0


def test_the_reading_of_values_is_no_statement_of_the_answer(two):
    reply = two.ask("How many customers are in Berlin?")
    assert "'Berlin'" in reply["sql"] and [q["sql"] for q in reply["receipt"]["queries"]] == [reply["sql"]]


def test_where_nothing_may_leave_offline_answers_alone(two):
    two.configure("1", "https://192.0.2.1/v1",
                  database=f"{{shop: {{plugin: sqlite, path: {two.database}, egress: nothing}}}}")
    assert two.ask(COUNT)["answer"] == "There are 4 customers."
    declined = two.ask(WEATHER, check=2)
    assert declined["kind"] == "declined" and declined["suggestions"]
    assert not two.llm.requests()


def test_with_a_model_that_fails_the_question_is_declined_in_words(two):
    two.llm.script({"status": 401, "reply": {"error": {"message": "no"}}})
    reply = two.ask(WEATHER, check=2)
    assert reply["kind"] == "declined" and reply["suggestions"]


# ---- askd nl2sql ---------------------------------------------------------------------------------------

def test_lines_in_lines_out_in_order(bare):
    got = answers(bare("nl2sql", input=lines(
        {"id": 0, "db": "shop.db", "question": COUNT},
        "no json",
        "",
        {"id": "b", "db": "none.db", "question": COUNT},
        [1],
        {"id": 2, "db": f"sqlite://{bare.folder}/shop.db", "question": WEATHER, "today": "2026-11-21"},
        {"id": 3, "question": COUNT},
        {"id": 4, "db": "shop.db"},
        {"id": 5, "db": "shop.db", "question": COUNT, "hint": "ignored"}) + '{"db": "shop.db", "question": "x"}'))
    assert [a["id"] for a in got] == [0, None, "b", None, 2, 3, 4, 5, None]
    assert set(got[0]) == {"id", "sql", "confidence"} and 0.5 <= got[0]["confidence"] <= 1
    connection = sqlite3.connect(bare.folder / "shop.db")
    assert connection.execute(got[0]["sql"]).fetchall() == [(4,)]
    assert set(got[1]) == set(got[3]) == {"id", "error"}
    assert got[2]["sql"] is None and "there is no file" in got[2]["error"]
    assert got[4] == {"id": 2, "sql": None, "confidence": 0}
    assert "db" in got[5]["error"] and "question" in got[6]["error"]
    assert got[7]["sql"] == got[0]["sql"] and got[8]["sql"] is None


def test_explain_adds_how_it_was_read(bare):
    read, declined = answers(bare("nl2sql", "--explain", "-d", "shop.db", input=lines(
        {"id": 0, "question": COUNT}, {"id": 1, "question": WEATHER})))
    assert set(read) == {"id", "sql", "confidence", "explanation", "ignored", "reason", "suggestions", "choices"}
    assert declined["reason"] and declined["suggestions"] and declined["sql"] is None


def test_a_configured_database_is_asked_by_name(askd):
    askd.write(llm=None, pricing=None)
    assert answers(askd.run("nl2sql", "-d", "shop", input=lines({"id": 1, "question": COUNT})))[0]["sql"]


def test_a_running_daemon_serves_the_command(askd):
    """On its thread and its stack, and with the paths of the caller."""
    askd.write(llm=None, pricing=None)
    askd.start()
    elsewhere = askd.folder / "elsewhere"
    elsewhere.mkdir()
    askd.database.rename(elsewhere / "moved.db")
    got = answers(subprocess.run([str(BUILD / "askd"), "-c", str(askd.config), "nl2sql"], cwd=elsewhere, env=askd.env,
                                 input=lines({"id": 1, "db": "moved.db", "question": COUNT}), capture_output=True,
                                 text=True, timeout=60))
    assert got[0]["sql"] and askd.stop() == 0


def test_an_empty_database_has_nothing_to_say(bare):
    (bare.folder / "empty.db").touch()
    assert answers(bare("nl2sql", "-d", "empty.db", input=lines({"id": 1, "question": COUNT})))[0]["sql"] is None
    assert bare("ask", "-d", "empty.db", COUNT).stdout.startswith("This database has no tables")


@pytest.mark.threads
def test_many_commands_at_once_share_what_is_learnt(askd):
    askd.write(llm=None, pricing=None)
    askd.start()
    for i in range(6):
        (askd.folder / f"f{i}.db").write_bytes(askd.database.read_bytes())
    asked = lines(*({"id": n, "db": f"f{n % 6}.db", "question": COUNT if n % 2 else "How many orders are there?"}
                    for n in range(60)))
    commands = [subprocess.Popen([str(BUILD / "askd"), "-c", str(askd.config), "nl2sql"], cwd=askd.folder, env=askd.env,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        said = set(pool.map(lambda command: command.communicate(asked, timeout=120)[0], commands))
    assert len(said) == 1 and len(said.pop().splitlines()) == 60
    assert askd.stop() == 0


def test_the_plugin_keeps_the_rules_of_its_kind(askd):
    said = askd.run("plugin", "check", f"{BUILD}/plugins/llm/offline.so", check=0).stdout
    assert "0 failed" in said, said


def test_wrong_arguments_and_help(bare):
    assert bare("nl2sql", "--help").stdout.startswith("Usage: askd nl2sql")
    for args in (["-d"], ["--what"], ["shop.db"]):
        result = bare("nl2sql", *args)
        assert result.returncode == 1 and "usage: askd nl2sql" in result.stderr


def test_a_line_without_an_end_is_bounded(bare):
    got = answers(bare("nl2sql", "-d", "shop.db", input="x" * (3 << 20) + "\n" + lines({"id": 1, "question": COUNT})))
    assert "longer than 1 MB" in got[0]["error"] and got[-1]["id"] == 1 and len(got) == 2


def test_a_changed_schema_is_seen_and_many_databases_are_asked(bare):
    """More than keep a connection; one of them changes under the running command."""
    for i in range(12):
        connection = sqlite3.connect(bare.folder / f"d{i}.db")
        connection.executescript(f"create table things{i}(id integer primary key, name text)")
        connection.close()
    got = answers(bare("nl2sql", input=lines(*(
        {"id": f"{n}/{i}", "db": f"d{i}.db", "question": f"How many things{i} are there?"}
        for n in range(3) for i in range(12)))))
    assert len(got) == 36 and all(f"things{a['id'].split('/')[1]}" in (a["sql"] or "") for a in got)


def test_ends_with_who_reads_and_when_interrupted(bare, askd):
    env = {**askd.env, "ASKD__ASKD__PLUGIN_PATH": f"[{BUILD}/plugins]", "ASKD__ASKD__STATE_DIR": str(askd.state)}
    process = subprocess.Popen([str(BUILD / "askd"), "nl2sql", "-d", "shop.db"], cwd=askd.folder, env=env, text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdin.write(lines({"id": 1, "question": COUNT}))
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["id"] == 1, "an answer comes before the input ends"
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 1
    sound(process.stderr.read())
