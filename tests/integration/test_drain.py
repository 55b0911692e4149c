"""The end of a daemon that is being used: what runs is answered, what cannot be is told so, nothing is lost."""

import concurrent.futures
import contextlib
import http.client
import json
import signal
import threading

import pytest

from conftest import PER_CITY, wait_until
from test_web import ANSWER, QUESTION, Web

pytestmark = pytest.mark.threads

DECISION = {"action": "sql", "sql": PER_CITY, "answer": "", "explanation": "", "confidence": 0.9,
            "choices": []}
ANALYSIS = ["You translate a question into SQL"]
WORDING = ["You explain a query result"]


@pytest.fixture
def web(askd):
    return Web(askd)


def start(web, drain):
    web.start(askd=web.askd.section(f"drain: {drain}"))


def open_calls(web):
    return web.askd.llm._call("/__stats")["open"]


def begin_stop(web):
    """SIGTERM, and the moment at which nothing new is taken any more."""
    web.askd.daemon.send_signal(signal.SIGTERM)
    wait_until(lambda: web.call("GET", "/ready", key="")[0] == 503, "/ready to say 503")


def ended(web):
    """The exit status of a daemon that was told to stop."""
    status = web.askd.daemon.wait(60)
    web.askd.daemon = None
    return status


def ask(web, key=None, question=QUESTION):
    """In a thread of its own: status, body, headers."""
    def run():
        connection, response = web.open(
            "POST", "/api/query", {"question": question}, headers={"Idempotency-Key": key} if key else {})
        with contextlib.closing(connection):
            return response.status, json.loads(response.read()), response.headers

    return concurrent.futures.ThreadPoolExecutor(1).submit(run)


def test_running_questions_end_and_new_ones_are_refused(web):
    web.askd.llm.script({"match": ANALYSIS, "reply": DECISION},
                        {"match": WORDING, "reply": ANSWER, "chunk": 4, "hold": 4})
    start(web, "60s")
    running = [ask(web, f"key-{i}" if i % 2 else None, f"{QUESTION} ({i})") for i in range(6)]
    wait_until(lambda: len(web.askd.llm.requests()) == 12 and open_calls(web) == 6,
               "six questions to be with the model")
    kept = http.client.HTTPConnection("127.0.0.1", web.port, timeout=30)
    kept.request("GET", "/health")
    assert kept.getresponse().read()
    begin_stop(web)
    # On a new connection, and on one that was there before.
    for _ in range(2):
        status, reply = web.call("POST", "/api/query", {"question": QUESTION})
        assert (status, reply["code"]) == (503, "UNAVAILABLE"), reply
        assert int(web.headers["retry-after"]) > 0
    kept.request("POST", "/api/query", json.dumps({"question": QUESTION}),
                 {"Authorization": f"Bearer {web.key}", "Content-Type": "application/json"})
    response = kept.getresponse()
    assert response.status == 503 and int(response.getheader("Retry-After")) > 0
    kept.close()
    assert web.call("GET", "/health", key="") == (200, {"status": "ok"})
    assert web.call("GET", "/ready", key="")[0] == 503
    assert web.askd.daemon.poll() is None and not any(r.done() for r in running)
    web.askd.llm._call("/__release", {})
    for reply in running:
        status, body, _ = reply.result(30)
        assert (status, body["answer"]) == (200, ANSWER)
    assert ended(web) == 0
    assert web.askd.sql("select count(*) from turns where status <> 'done'") == [(0,)]


def test_streams_are_told_and_still_end_with_their_result(web):
    """One that waits for the model in silence, and one in the midst of its words."""
    web.askd.llm.script({"match": [*ANALYSIS, "(quiet)"], "reply": DECISION, "hold": 0},
                        {"match": ANALYSIS, "reply": DECISION},
                        {"match": WORDING, "reply": ANSWER, "chunk": 4, "hold": 6})
    start(web, "60s")
    seen = {"(quiet)": [], "(talks)": []}

    def listen(name):
        for event in web.events({"question": f"{QUESTION} {name}"}):
            seen[name].append(event)

    threads = [threading.Thread(target=listen, args=(name,)) for name in seen]
    for thread in threads:
        thread.start()
    wait_until(lambda: open_calls(web) == 2 and all(seen.values()), "both to be with the model")
    begin_stop(web)
    for name, events in seen.items():
        wait_until(lambda events=events: "stopping" in [n for n, _ in events], f"{name} to be told")
    web.askd.llm._call("/__release", {})
    for thread in threads:
        thread.join(30)
    for events in seen.values():
        names = [name for name, _ in events]
        assert names.count("stopping") == 1 and names[-1] == "result", names
        assert dict(events)["stopping"] == {"retry_after": 2}
        assert events[-1][1]["answer"] == ANSWER
    assert ended(web) == 0


def test_what_does_not_end_in_time_is_told_so_and_left_for_the_next_start(web):
    """The first stage is done, the second hangs. With a key the answer comes from the next start, and no
    model is asked twice for what it had said."""
    web.askd.llm.script({"match": ANALYSIS, "reply": DECISION}, {"match": WORDING, "fault": "hang"})
    start(web, "1s")
    with_key, without = ask(web, "k"), ask(web, question=f"{QUESTION} (no key)")
    events = []
    thread = threading.Thread(target=lambda: events.extend(web.events({"question": f"{QUESTION} (events)"})))
    thread.start()
    wait_until(lambda: len(web.askd.llm.requests()) == 6 and open_calls(web) == 3,
               "three questions to wait for words")
    assert web.askd.stop() == 0
    for reply in (with_key, without):
        status, body, headers = reply.result(30)
        assert (status, body["code"]) == (503, "UNAVAILABLE"), body
        assert int(headers["Retry-After"]) > 0
    thread.join(30)
    names = [name for name, _ in events]
    assert names[-2:] == ["stopping", "error"], names
    assert events[-1][1]["code"] == "UNAVAILABLE"
    assert web.askd.sql("select count(*) from turns where status = 'running'") == [(1,)]
    assert web.askd.sql("select count(*) from inbox where ended_us is null") == [(1,)]
    asked = len(web.askd.llm.requests())
    web.askd.llm.analysis(PER_CITY, ANSWER)
    key = web.key
    start(web, "1s")
    web.key = key
    again = [ask(web, "k") for _ in range(4)]
    for reply in again:
        status, body, _ = reply.result(30)
        assert (status, body["answer"]) == (200, ANSWER)
    assert ask(web, "k").result(30)[1]["turn_id"] == body["turn_id"]
    more = web.askd.llm.requests()[asked:]
    assert len(more) == 1 and WORDING[0] in json.dumps(more[0]["body"]), more
    assert web.askd.sql("select status, count(*) from turns where durable = 1") == [("done", 1)]
    assert web.askd.stop() == 0


def test_a_second_signal_ends_it_at_once_and_loses_nothing(web):
    web.askd.llm.script({"match": ANALYSIS, "reply": DECISION}, {"match": WORDING, "fault": "hang"})
    start(web, "10m")
    reply = ask(web, "k")
    wait_until(lambda: len(web.askd.llm.requests()) == 2 and open_calls(web) == 1, "the second stage to hang")
    begin_stop(web)
    web.askd.daemon.send_signal(signal.SIGTERM)
    assert ended(web) == -signal.SIGTERM
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        reply.result(30)
    web.askd.llm.analysis(PER_CITY, ANSWER)
    key = web.key
    start(web, "1s")
    web.key = key
    status, body, _ = ask(web, "k").result(30)
    assert (status, body["answer"]) == (200, ANSWER)
    assert len(web.askd.llm.requests()) == 3
    assert web.askd.stop() == 0
