"""More clients than there is room for, slow ones, and no descriptors left: the others are served meanwhile."""

import concurrent.futures
import contextlib
import http.client
import json
import os
import resource
import socket
import sqlite3
import subprocess
import sys
import threading

import pytest

from conftest import PER_CITY, SCALE, wait_until
from test_http import Web

pytestmark = pytest.mark.threads
QUESTION = "How much per city?"
ANSWER = "Berlin is first."


def descriptors(askd):
    return len(os.listdir(f"/proc/{askd.daemon.pid}/fd"))


def connected(web):
    """Connections that the daemon has with clients."""
    with open("/proc/net/tcp", encoding="ascii") as f:
        lines = [line.split() for line in f][1:]
    return sum(line[1].endswith(f":{web.port:04X}") and line[3] == "01" for line in lines)


def used(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def cpu(askd, ticks=50):
    """The processor time of the daemon while nobody asks it anything new, as a share of what a loop that does
    nothing else gets in the same time: a busy machine is slow for both."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as spinning:
        began, before = used(spinning.pid), used(askd.daemon.pid)
        try:
            wait_until(lambda: used(spinning.pid) - began >= ticks, "the time of measuring to pass", 60 * SCALE)
            return (used(askd.daemon.pid) - before) / ticks
        finally:
            spinning.kill()


class Crowd:
    """Connections that are kept."""

    def __init__(self, web):
        self.web, self.held = web, []

    def add(self, count, send=b"", buffer=None):
        for _ in range(count):
            s = socket.socket()
            if buffer:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            s.settimeout(60 * SCALE)
            s.connect((self.web.host, self.web.port))
            with contextlib.suppress(OSError):  # refused already
                s.sendall(send)
            self.held.append(s)
        return self.held[-count:]

    def leave(self):
        for s in self.held:
            s.close()
        self.held = []


@pytest.fixture
def crowd():
    made = []

    def make(web):
        made.append(Crowd(web))
        return made[-1]

    yield make
    for one in made:
        one.leave()


GET = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


def kept(web, count):
    """Connections that have been answered once."""
    connections = [web.connect() for _ in range(count)]
    for connection in connections:
        connection.request("GET", "/health")
        assert connection.getresponse().read()
    return connections


def ask_on(connection, headers=None):
    connection.request("POST", "/api/query", json.dumps({"question": QUESTION}),
                       {"Content-Type": "application/json", **(headers or {})})
    reply = connection.getresponse()
    return reply.status, json.loads(reply.read())


def test_more_clients_than_connections(askd, llm, crowd):
    llm.analysis(PER_CITY, ANSWER)
    web = Web(askd, ", connections: 220")
    friends = kept(web, 20)
    guests = crowd(web)
    for s in guests.add(200, GET):
        assert s.recv(12) == b"HTTP/1.1 200"
    for s in guests.add(100, GET):
        reply = s.recv(4096)
        assert reply.startswith(b"HTTP/1.1 503") and b"\r\nRetry-After: " in reply, reply
        s.close()
    # Those that were refused count until their end is seen.
    wait_until(lambda: connected(web) == 220, "the refused to be gone")
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        for status, answer in pool.map(ask_on, friends):
            assert (status, answer["answer"]) == (200, ANSWER)
    guests.leave()
    wait_until(lambda: web.status("/health") == 200, "the places to be free again")
    for connection in friends:
        connection.close()


def big_database(askd):
    connection = sqlite3.connect(askd.database)
    connection.execute("create table pages(id integer primary key, text text)")
    connection.executemany("insert into pages(text) values (?)", [("x" * 60_000,)] * 100)
    connection.commit()
    connection.close()


def test_slow_clients_are_cut_off_while_others_are_served(askd, llm, crowd):
    """92 that never end their headers, 92 that never end their body, 16 that never read their answer of 6 MB,
    half of them as events."""
    big_database(askd)
    llm.script(*[{"match": ["You translate a question into SQL", mark],
                  "reply": {"action": "sql", "sql": sql, "answer": "", "explanation": "", "confidence": 0.9,
                            "choices": []}} for mark, sql in (("(big)", "SELECT id, text FROM pages"),
                                                              ("", PER_CITY))],
               {"match": ["You explain a query result"], "reply": ANSWER})
    web = Web(askd, ", header_timeout: 2s, idle_timeout: 2s")
    assert len(web.ask(f"{QUESTION} (big)").text) > 5_000_000
    slow = crowd(web)
    body = json.dumps({"question": f"{QUESTION} (big)"}).encode()

    def post(accept, length):
        return (b"POST /api/query HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: %s\r\n"
                b"Content-Length: %d\r\n\r\n" % (accept, length)) + body

    dripping = slow.add(92, b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
    dripping += slow.add(92, post(b"*/*", 100_000))
    slow.add(8, post(b"application/json", len(body)), buffer=4096)
    slow.add(8, post(b"text/event-stream", len(body)), buffer=4096)
    assert connected(web) > 150
    stop = threading.Event()

    def drip():
        while not stop.wait(0.05):
            for s in dripping:
                with contextlib.suppress(OSError):
                    s.send(b"a")

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        served = 0
        while connected(web):
            assert web.status("/health") == 200
            assert json.loads(web.ask(QUESTION).text)["answer"] == ANSWER
            served += 1
            assert served < 10_000
    finally:
        stop.set()
        thread.join()
    assert served > 3
    wait_until(lambda: b"askd_web_requests_running 1\n" in web.request("GET", "/metrics").text.encode(),
               "the questions of those who do not read to end")


def test_clients_never_take_the_descriptors_that_questions_need(askd, llm, crowd):
    """A hard limit of 256, and 400 clients."""
    llm.analysis(PER_CITY, ANSWER)
    web = Web(askd, start=False)
    askd.start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256)))
    wait_until(lambda: web.status("/ready") == 200, "/ready to answer 200")
    friends, guests = kept(web, 20), crowd(web)
    guests.add(400, GET)
    assert web.status("/health") == 503
    wait_until(lambda: connected(web) == 128, "all places to be taken")
    assert cpu(askd) < 0.3
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        for status, answer in pool.map(ask_on, friends):
            assert (status, answer.get("answer")) == (200, ANSWER), answer
    assert askd.ask(QUESTION)["answer"] == ANSWER  # over the local socket
    guests.leave()
    wait_until(lambda: web.status("/health") == 200, "the places to be free again")
    assert askd.log.read_text().count("do not fit into the 256 descriptors") == 1
    assert "no descriptors are left" not in askd.log.read_text()


@pytest.mark.parametrize("spare", [0, 1, 3, 5, 10])
@pytest.mark.parametrize("warm", [False, True])
def test_without_descriptors_it_neither_dies_nor_spins(askd, llm, crowd, spare, warm):
    """The limit falls below what is needed while it runs; `warm`: after a first question."""
    llm.analysis(PER_CITY, ANSWER)
    web = Web(askd)
    if warm:
        assert json.loads(web.ask(QUESTION).text)["answer"] == ANSWER
    friends, guests = kept(web, 10), crowd(web)
    pid = askd.daemon.pid
    hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (descriptors(askd) + spare, hard))
    guests.add(300, GET)
    wait_until(lambda: "no descriptors are left" in askd.log.read_text(), "the warning")
    with socket.socket(socket.AF_UNIX) as local:  # a command that cannot be let in
        local.connect(str(askd.state / "askd.sock"))
        assert cpu(askd) < 0.3
    for connection in friends:
        connection.request("GET", "/health")
        assert connection.getresponse().read() == b'{"status":"ok"}'
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        for status, answer in pool.map(ask_on, friends):
            if status == 503:
                assert answer["code"] == "UNAVAILABLE", answer
            else:
                assert status == 200 and answer["kind"] in ("answer", "error"), answer
                assert answer["kind"] == "error" or answer["answer"] == ANSWER
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (hard, hard))
    guests.leave()
    wait_until(lambda: web.status("/health") == 200, "/health to answer again")
    assert json.loads(web.ask(QUESTION).text)["answer"] == ANSWER
    log = askd.log.read_text()
    assert log.count("no descriptors are left") == 1
    assert log.count("nobody can be anonymous") <= 1
    assert "unable to open database file" not in log.replace("unable to open database file: no descriptor is left", "")
    assert askd.stop() == 0
