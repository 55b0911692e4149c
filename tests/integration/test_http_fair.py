"""Many at once: who waits for whom, and what those hear that must come back later."""

import concurrent.futures
import json
import re
import threading
import time

import pytest

from conftest import SCALE, wait_until
from test_http import Web, error, events

pytestmark = pytest.mark.threads

DECISION = {"action": "answer", "answer": "Good day.", "explanation": "", "sql": "", "confidence": 0.9,
            "choices": []}
WIDE = "{by: key, rate: 10000/s, burst: 10000, concurrent: 1000, waiting: 1000}"
HELD = {"match": ["You translate a question into SQL"], "reply": DECISION, "hold": 0}


def bearer(web, name, *more):
    out = web.askd.run("key", "create", name, *more, check=0).stdout
    return {"Authorization": "Bearer " + re.search(r"askd_[\w-]{43}", out).group()}


def web_of(askd, workers="{max: 4}", key=WIDE, question=WIDE):
    web = Web(askd, start=False, security="{anonymous: no}", limits=f"{{key: {key}, question: {question}}}",
              database=f"{{shop: {{plugin: sqlite, path: {askd.database}, access: [everyone]}}}}")
    text = askd.config.read_text()
    askd.config.write_text(text.replace("askd: {", f"askd: {{workers: {workers}, ", 1))
    web.start()
    return web


def metric(web, name):
    text = web.request("GET", "/metrics").text
    return float(re.search(rf"^{re.escape(name)} (\S+)$", text, re.M).group(1))


@pytest.fixture
def pool():
    with concurrent.futures.ThreadPoolExecutor(260) as pool:
        yield pool


def test_two_hundred_waiting_questions_of_one_key_do_not_delay_another(askd, llm, pool):
    llm.script({"match": ["You translate a question into SQL"], "delay_ms": 40, "reply": DECISION})
    web = web_of(askd)
    greedy, modest = bearer(web, "greedy"), bearer(web, "modest")
    assert web.ask("Hello?", greedy).status == web.ask("Hello?", modest).status == 200
    done, lock = [], threading.Lock()

    def ask(name, key):
        reply = web.ask(f"Hello from {name}?", key)
        with lock:
            done.append(name)
        return reply

    waiting = [pool.submit(ask, "greedy", greedy) for _ in range(200)]
    wait_until(lambda: metric(web, "askd_workers_queued") > 150, "the questions to wait")
    before = len(done)
    one = pool.submit(ask, "modest", modest).result()
    assert one.status == 200, one.text
    # Three run, three more may have been begun, and some were under way meanwhile.
    assert done.index("modest") - before <= 12, done.index("modest") - before
    assert all(reply.result().status == 200 for reply in waiting)


def test_cancel_and_health_never_wait(askd, llm, pool):
    llm.script({"fault": "hang"})
    web = web_of(askd)
    key = bearer(web, "program")
    asked = [pool.submit(web.ask, "Hello?", key, session_id=f"s{n}") for n in range(60)]
    wait_until(lambda: llm._call("/__stats")["open"] == 3, "the workers to be busy")
    wait_until(lambda: metric(web, "askd_workers_queued") > 50, "questions to wait")
    began = time.monotonic()
    assert web.status("/health") == 200
    # What runs is stopped, whichever it is; the next ones take its place and are stopped as well.
    canceled = 0
    while not all(reply.done() for reply in asked):
        for n, reply in enumerate(asked):
            if not reply.done():
                told = web.request("POST", "/api/cancel", {"session_id": f"s{n}"}, key)
                assert told.status == 200, told.text
                canceled += json.loads(told.text)["canceled"]
        assert time.monotonic() - began < 60 * SCALE
    assert canceled >= 60
    assert {reply.result().status for reply in asked} == {409}


def limited(reply, words):
    body = error(reply, 429, "RATE_LIMIT")
    assert re.search(words, body["error"]), body
    seconds = int(reply.getheader("Retry-After"))
    assert seconds >= 1 and body["details"] == {"retry_after": seconds}
    for name in ("Limit", "Remaining", "Reset"):
        assert int(reply.getheader(f"X-RateLimit-{name}")) >= 0
    return seconds


def test_one_question_runs_one_waits_and_the_third_comes_back_later(askd, llm, pool):
    llm.script(HELD)
    web = web_of(askd, question="{by: key, rate: 1000/s, burst: 1000, concurrent: 1, waiting: 1}")
    key, other = bearer(web, "program"), bearer(web, "other")
    first = pool.submit(web.ask, "Hello?", key)
    wait_until(lambda: llm._call("/__stats")["open"] == 1, "the first to run")
    connection = web.connect()
    connection.request("POST", "/api/query", json.dumps({"question": "Hello?"}), {
        **key, "Accept": "text/event-stream", "Content-Type": "application/json"})
    second = connection.getresponse()  # it is told at once that it waits
    limited(web.ask("Hello?", key), "still working on your last two questions")
    limited(web.ask("Hello?", {**key, "Accept": "text/event-stream"}), "still working")
    # Refused is no answer: the same key is asked again, and answered.
    again = {**key, "Idempotency-Key": "third"}
    limited(web.ask("Hello?", again), "still working")
    assert web.request("GET", "/api/tables", headers=key).status == 200
    third = pool.submit(web.ask, "Hello?", other)  # has places of its own
    wait_until(lambda: llm._call("/__stats")["open"] == 2, "another key's question to run")
    llm._call("/__release", {})
    assert first.result().status == third.result().status == 200
    names = [name for name, _ in events(second.read().decode())]
    connection.close()
    assert names[0] == "stage" and names[-1] == "result", names
    reply = web.ask("Hello?", again)
    assert reply.status == 200 and json.loads(reply.text)["answer"] == "Good day.", reply.text
    assert web.ask("Hello?", again).text == reply.text


def test_rates_by_name_are_told_in_headers(askd, llm):
    llm.analysis(None, "Good day.")
    web = web_of(askd, key="{by: key, rate: 1/h, burst: 3}",
                 question="{by: key, rate: 1/h, burst: 2}")
    key, other = bearer(web, "program"), bearer(web, "other")
    for left in (2, 1):
        reply = web.ask("Hello?", key)
        assert reply.status == 200
        assert (reply.getheader("X-RateLimit-Limit"), reply.getheader("X-RateLimit-Remaining")) == (
            "3", str(left))
    assert 3000 < limited(web.ask("Hello?", key), r"Please wait \d+ seconds") <= 3600
    assert 3000 < limited(web.ask("Hello?", key), "too many requests") <= 3600
    assert web.ask("Hello?", other).status == 200
    assert web.status("/health") == 200


def test_places_of_a_key(askd, llm, pool):
    llm.script(HELD)
    web = web_of(askd, key="{by: key, rate: 1000/s, burst: 1000, concurrent: 2, waiting: 0}")
    key = bearer(web, "program")
    running = [pool.submit(web.ask, "Hello?", key) for _ in range(2)]
    wait_until(lambda: llm._call("/__stats")["open"] == 2, "two questions to run")
    limited(web.ask("Hello?", key), "too many requests")
    llm._call("/__release", {})
    assert [reply.result().status for reply in running] == [200, 200]
    assert web.ask("Hello?", key).status == 200


def test_above_the_queue_is_refused_at_once(askd, llm, pool):
    llm.script(HELD)
    web = web_of(askd, workers="{max: 3, queue: 4}")
    key = bearer(web, "program")
    running = [pool.submit(web.ask, "Hello?", key) for _ in range(6)]
    wait_until(lambda: llm._call("/__stats")["open"] == 2
               and metric(web, "askd_workers_queued") == 4, "the queue to be full")
    for _ in range(3):
        reply = web.ask("Hello?", key)
        error(reply, 503, "UNAVAILABLE")
        assert int(reply.getheader("Retry-After")) >= 1
    assert web.status("/health") == 200
    assert web.request("GET", "/api/tables", headers=key).status == 200  # asks no model
    llm._call("/__release", {})
    assert [reply.result().status for reply in running] == [200] * 6
