"""A client that leaves: what was begun for it ends within a second, wherever it is."""

import json
import os
import re
import socket
import time

import pytest

from conftest import SCALE, wait_until
from test_http import Web

pytestmark = pytest.mark.threads

ENDLESS = ("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 100000000000) "
           "SELECT count(*) FROM n")
KINDS = ["application/json", "text/event-stream"]


def decision(sql):
    return {"action": "sql", "answer": "", "explanation": "", "confidence": 0.9, "choices": [], "sql": sql}


def begin(web, accept):
    connection = web.connect()
    connection.request("POST", "/api/query", json.dumps({"question": "How much?"}),
                       {"Content-Type": "application/json", "Accept": accept})
    return connection


def leave(connection, how):
    """Politely, by a reset, or by closing only the half that asks."""
    if how == "reset":
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.sock.close()
    else:
        connection.sock.shutdown(socket.SHUT_RDWR)
    connection.close()
    return time.monotonic()


def metric(web, pattern):
    return sum(float(value) for value in re.findall(rf"^{pattern} (\S+)$", web.request("GET", "/metrics").text, re.M))


def seconds_of(pid):
    """Processor time that it has used."""
    fields = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("how", ["shutdown", "reset"])
@pytest.mark.parametrize("accept", KINDS)
def test_the_statement_ends(askd, llm, accept, how):
    llm.script({"match": ["You translate a question into SQL"], "reply": decision(ENDLESS)})
    web = Web(askd)
    connection = begin(web, accept)
    wait_until(lambda: llm.requests() and llm._call("/__stats")["open"] == 0, "the statement to be written")
    used = seconds_of(askd.daemon.pid)
    wait_until(lambda: seconds_of(askd.daemon.pid) > used + 0.5, "the statement to run")
    assert metric(web, r"askd_queries_total\{[^}]*\}") == 0
    assert metric(web, "askd_web_requests_running") >= 1
    left = leave(connection, how)
    wait_until(lambda: metric(web, r"askd_queries_total\{[^}]*\}") == 1, "the statement to end")
    assert time.monotonic() - left < 1 * SCALE
    # Nobody is told of it, and the model is not asked again.
    wait_until(lambda: askd.sql("select count(*) from turns where status = 'running'") == [(0,)], "the turn to end")
    assert llm._call("/__stats")["requests"] == 1
    assert askd.stop() == 0


@pytest.mark.parametrize("how", ["shutdown", "reset"])
@pytest.mark.parametrize("accept", KINDS)
def test_the_call_to_the_model_ends_in_the_midst_of_its_words(askd, llm, accept, how):
    llm.script({"match": ["You translate a question into SQL"], "reply": decision("SELECT count(*) AS n FROM orders")},
               {"match": ["You explain a query result"], "reply": "There are 5 orders. " * 20, "hold": 4})
    web = Web(askd)
    connection = begin(web, accept)
    wait_until(lambda: llm._call("/__stats") == {"requests": 2, "unmatched": 0, "open": 1}, "the answer to be held")
    left = leave(connection, how)
    wait_until(lambda: llm._call("/__stats")["open"] == 0, "the call to the model to end")
    assert time.monotonic() - left < 1 * SCALE
    wait_until(lambda: askd.sql("select status, count(*) from stages group by status order by status")
               == [(1, 1), (3, 1)], "the call that was cut off to be booked as unknown")
    assert askd.stop() == 0


def test_one_that_waits_for_a_worker_leaves_without_a_trace(askd, llm):
    llm.script({"match": ["You translate a question into SQL"], "hold": 0, "reply": {
        "action": "answer", "answer": "Good day.", "explanation": "", "sql": "", "confidence": 0.9, "choices": []}})
    web = Web(askd, start=False)
    askd.config.write_text(askd.config.read_text().replace("askd: {", "askd: {workers: {max: 2}, ", 1))
    web.start()
    first = begin(web, "application/json")
    wait_until(lambda: llm._call("/__stats")["open"] == 1, "the first to run")
    waiting = [begin(web, accept) for accept in KINDS]
    wait_until(lambda: metric(web, "askd_workers_queued") == 2, "the others to wait")
    for connection in waiting:
        leave(connection, "shutdown")
    llm._call("/__release", {})
    assert first.getresponse().status == 200
    first.close()
    wait_until(lambda: metric(web, "askd_workers_queued") == 0, "the queue to be empty")
    assert askd.stop() == 0
    assert llm._call("/__stats")["requests"] == 1
