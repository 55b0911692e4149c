"""Whatever the model, the database or the network do: a clear answer, nothing lost, nothing harmed."""

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import time

import pytest

from conftest import BUILD, DECISION, FAULTS

ASK = "You translate a question into SQL"
TELL = "You explain a query result"
QUESTION = "How many customers are there?"
COUNT = "SELECT COUNT(*) AS n FROM customers"


def decision(**more):
    return json.dumps(dict(DECISION, **more))


def failed(askd, check=1):
    reply = askd.ask(QUESTION, check=check)
    assert reply["message"], f"a person must be told something: {reply}"
    for secret in ("sk-planted-secret", str(askd.database), "Traceback"):
        assert secret not in json.dumps(reply)
    return reply


def test_model_down(askd):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    askd.write(llm=f'{{main: {{plugin: openai, base_url: "http://127.0.0.1:{port}/v1", model: m, api_key: k}}}}',
               pricing=None, assistant="{stages: {analysis: {llm: main, timeout: 2s}}}")
    assert failed(askd)["kind"] == "error"


def test_slow_model_ends_at_its_time_limit(askd):
    askd.llm.script({"match": ASK, "reply": decision(sql=COUNT), "delay_ms": 60_000})
    askd.write(assistant="{stages: {analysis: {llm: main, timeout: 1s}, answer: {llm: main}}}")
    started = time.monotonic()
    assert failed(askd)["kind"] == "error"
    assert time.monotonic() - started < 30, "the stage's timeout of 1 s was not obeyed"


@pytest.mark.parametrize("status", [401, 403, 404, 400])
def test_refused_by_the_vendor_is_not_retried(askd, status):
    askd.llm.script({"match": ASK, "status": status, "reply": {"error": {"message": "no", "type": "t"}}})
    assert failed(askd)["kind"] == "error"
    asked = [r for r in askd.llm.requests() if ASK in json.dumps(r)]
    assert 1 <= len(asked) <= 3, f"{len(asked)} calls for a status that cannot get better"


@pytest.mark.parametrize("status,headers", [(429, {"Retry-After": "1"}), (500, {}), (503, {})])
def test_passing_trouble_is_waited_out(askd, status, headers):
    askd.llm.script(
        {"match": ASK, "status": status, "headers": headers, "times": 1,
         "reply": {"error": {"message": "later", "type": "t"}}},
        {"match": ASK, "reply": decision(sql=COUNT)},
        {"match": TELL, "reply": "There are 4 customers."})
    assert askd.ask(QUESTION)["answer"] == "There are 4 customers."


@pytest.mark.parametrize("fault", ["cut", "truncate", "garbage", "error_body", "no_usage", "hang"])
def test_broken_replies(askd, fault):
    askd.llm.script({"match": ASK, "reply": decision(sql=COUNT), "fault": fault},
                    {"match": TELL, "reply": "There are 4 customers."})
    askd.write(assistant="{stages: {analysis: {llm: main, timeout: 2s}, answer: {llm: main}}}")
    if fault == "no_usage":
        assert askd.ask(QUESTION)["data"] in ([[4]], [["4"]])
    else:
        assert failed(askd)["kind"] == "error"


def test_reply_that_is_no_json(askd):
    askd.llm.script({"match": ASK, "reply": "I would rather talk about the weather."})
    assert failed(askd, check=None)["kind"] in ("error", "declined", "answer")


def test_answer_stage_down_still_gives_the_table(askd):
    askd.llm.script({"match": ASK, "reply": decision(sql=COUNT)},
                    {"match": TELL, "status": 500, "reply": {"error": {"message": "x"}}})
    reply = askd.ask(QUESTION)
    assert reply["kind"] == "answer" and reply["data"] in ([[4]], [["4"]])
    assert "4" in reply["answer"]


@pytest.mark.parametrize("sql", [
    "DELETE FROM customers", "INSERT INTO customers(id,name) VALUES (9,'x')", "DROP TABLE customers",
    "SELECT 1; DROP TABLE customers", "ATTACH DATABASE '/tmp/askd-evil.db' AS e",
    "WITH x AS (SELECT 1) DELETE FROM customers", "PRAGMA writable_schema=1",
    "VACUUM INTO '/tmp/askd-evil.db'", "SELECT load_extension('x')", "SELECT * FROM sqlite_master",
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM r) SELECT count(*) FROM r",
    "SELECT printf('%.*c', 900000000, 'x')", "SELECT hex(zeroblob(900000000))",
])
def test_hostile_sql_does_no_harm(askd, sql):
    before = askd.database.read_bytes()
    askd.llm.script({"match": ASK, "reply": decision(sql=sql)}, {"match": TELL, "reply": "Done."})
    askd.write(database=f"{{shop: {{plugin: sqlite, path: {askd.database}, limits: {{time: 2s}}}}}}")
    started = time.monotonic()
    reply = askd.ask(QUESTION, check=None)
    assert reply["kind"] != "answer", reply
    assert time.monotonic() - started < 60
    assert askd.database.read_bytes() == before
    assert not os.path.exists("/tmp/askd-evil.db")


@pytest.mark.parametrize("terms", [100, 1_000, 10_000, 100_000])
def test_long_chains(askd, terms):
    askd.llm.script({"match": ASK, "reply": decision(sql="SELECT 1" + "+1" * terms)},
                    {"match": TELL, "reply": "It is done."})
    reply = askd.ask(QUESTION, check=None)
    assert reply["kind"] in ("answer", "declined", "refused", "error")
    assert (reply["kind"] == "answer") == (terms <= 100), reply["kind"]


@pytest.mark.parametrize("depth", [10, 1_000, 100_000])
def test_deep_nesting(askd, depth):
    askd.llm.script(
        {"match": ASK, "reply": decision(sql="SELECT " + "(" * depth + "1" + ")" * depth)},
        {"match": TELL, "reply": "It is done."})
    kind = askd.ask(QUESTION, check=None)["kind"]
    assert kind == "answer" if depth == 10 else kind in ("refused", "error")
    askd.llm.script({"match": ASK, "reply": "[" * depth + "]" * depth})
    assert askd.ask(QUESTION, check=None)["kind"] in ("error", "declined", "answer")


def test_huge_value_is_cut_not_loaded(askd):
    connection = sqlite3.connect(askd.database)
    connection.execute("create table big(x text)")
    connection.execute("insert into big values (replace(hex(zeroblob(10000000)), '0', 'ab'))")
    connection.commit()
    connection.close()
    askd.llm.script({"match": ASK, "reply": decision(sql="SELECT x FROM big")},
                    {"match": TELL, "reply": "A long text."})
    reply = askd.ask(QUESTION, check=None)
    assert len(json.dumps(reply)) < 20_000_000


def test_weather_is_declined_without_touching_the_database(askd):
    askd.llm.script({"match": ASK, "reply": decision(
        action="decline", answer="I can only answer from your shop's data.", confidence=0.1)})
    reply = askd.ask("What is the weather like?", check=2)
    assert reply["kind"] == "declined" and not reply["data"]


def test_two_equal_tables_are_asked_about_and_the_reply_resolves_it(askd):
    askd.llm.script(
        {"match": [ASK, "archive"], "reply": decision(sql=COUNT)},
        {"match": ASK, "reply": decision(
            action="clarify", answer="Which table do you mean?", choices=["customers", "archive"])},
        {"match": TELL, "reply": "There are 4 customers."})
    reply = askd.ask(QUESTION, check=2)
    assert reply["kind"] == "clarify" and reply["choices"] == ["customers", "archive"]
    reply = askd.ask("The archive", "--session", reply["session_id"])
    assert reply["answer"] == "There are 4 customers."


def test_database_error_goes_back_to_the_model_and_is_repaired(askd):
    askd.llm.script(
        {"match": [ASK, "no such column", "nmae"], "reply": decision(sql=COUNT)},
        {"match": [ASK, "SELECT nmae FROM customers"], "reply": decision(sql=COUNT)},
        {"match": ASK, "reply": decision(sql="SELECT nmae FROM customers")},
        {"match": TELL, "reply": "There are 4 customers."})
    reply = askd.ask(QUESTION)
    assert reply["sql"] == COUNT
    assert [s["stage"] for s in reply["stages"]].count("analysis") == 2


def test_figures_that_the_rows_do_not_hold_are_dropped(askd):
    askd.llm.analysis(COUNT, "There are 4 customers. Most of the 71 live in Rome.")
    answer = askd.ask(QUESTION)["answer"]
    assert "There are 4 customers." in answer and "71" not in answer


@pytest.mark.parametrize("how", ["missing", "corrupt", "empty", "folder"])
def test_database_file_gone_or_broken(askd, how):
    askd.llm.analysis(COUNT, "x")
    askd.database.unlink()
    if how == "corrupt":
        askd.database.write_bytes(b"SQLite format 3\0" + os.urandom(8192))
    elif how == "empty":
        askd.database.touch()
    elif how == "folder":
        askd.database.mkdir()
    assert failed(askd, check=None)["kind"] in ("error", "declined")
    assert how != "missing" or not askd.database.exists(), "a missing file was made"


def test_replaced_file_is_noticed(askd):
    askd.llm.analysis(COUNT, "There are 4 customers.")
    askd.start()
    assert askd.ask(QUESTION)["data"] in ([[4]], [["4"]])
    other = askd.folder / "other.db"
    connection = sqlite3.connect(other)
    connection.executescript("create table customers(id integer); insert into customers values (1);")
    connection.close()
    shutil.move(other, askd.database)
    assert askd.ask(QUESTION)["data"] in ([[1]], [["1"]])


def test_second_daemon_is_refused_with_the_reason(askd):
    askd.start()
    result = askd.run("run", check=1)
    assert str(askd.daemon.pid) in result.stderr and "in use" in result.stderr, result.stderr


def test_other_master_key_says_which_records_are_dead(askd):
    askd.llm.analysis(COUNT, "There are 4 customers.")
    askd.ask(QUESTION)
    (askd.state / "master.key").unlink()
    result = askd.run("ask", QUESTION, check=1)
    assert "master" in result.stderr and "key" in result.stderr, result.stderr


def test_secrets_and_questions_stay_out_of_the_log(askd):
    askd.write(askd=askd.section("log: {level: debug}"))
    askd.llm.analysis(COUNT, "There are 4 customers.")
    askd.start()
    long = QUESTION + " " + "Please count the ones called zebra-secret-word as well, " * 3
    askd.ask(long)
    askd.stop()
    log = askd.log.read_text()
    assert "sk-planted-secret" not in log
    assert "zebra-secret-word as well" not in log


@pytest.mark.slow
def test_a_value_of_300_megabytes_never_comes_in(askd):
    connection = sqlite3.connect(askd.database)
    connection.execute("create table big(x blob)")
    connection.execute("insert into big values (zeroblob(300000000))")
    connection.commit()
    connection.close()
    askd.llm.script({"match": ASK, "reply": decision(sql="SELECT x FROM big")},
                    {"match": TELL, "reply": "A large thing."})
    askd.start()
    reply = askd.ask(QUESTION, check=None)
    assert len(json.dumps(reply)) < 20_000_000
    status = open(f"/proc/{askd.daemon.pid}/status").read()
    peak = int(status.split("VmHWM:")[1].split()[0])
    assert peak < (900_000 if FAULTS else 200_000), f"{peak} kB at its peak"
