"""kill -9 under 32 clients that ask with keys: one answer for each key, paid once, sound books."""

import collections
import http.client
import json
import random
import signal
import threading
import time

import pytest

from conftest import FAULTS, PER_CITY, SCALE, wait_until
from test_crash import ANSWER, DONE, POINTS, UNKNOWN, books_hold
from test_http import Web, events

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not FAULTS, reason="a release build has no kill points"),
]

CLIENTS = 32
RANDOM_KILLS = 25 * SCALE


class Crowd:
    """Clients that go on asking, and ask the same again when the server dies under their hands."""

    def __init__(self, web):
        self.web = web
        self.stop, self.lock, self.abandoned = threading.Event(), threading.Lock(), False
        self.answers, self.unkeyed, self.trouble = {}, {}, []
        self.threads = [threading.Thread(target=self.live, args=(n,)) for n in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def live(self, number):
        keyed = number % 8  # one of eight has none
        try:
            for turn in range(1_000_000):
                if self.stop.is_set():
                    return
                name = f"{'k' if keyed else 'u'}{number:02}-{turn:05}"
                body = self.ask(name, keyed, number % 2)
                with self.lock:
                    (self.answers if keyed else self.unkeyed)[name] = body
        except Exception as error:  # it must not go down with the thread
            self.trouble.append(f"{number}: {error!r}")

    def once(self, name, keyed, streamed):
        headers = {"Content-Type": "application/json", **({"Idempotency-Key": name} if keyed else {}),
                   **({"Accept": "text/event-stream"} if streamed else {})}
        connection = self.web.connect()
        try:
            connection.request("POST", "/api/query", json.dumps({"question": f"How much, {name}?"}), headers)
            reply = connection.getresponse()
            text = reply.read().decode()
        finally:
            connection.close()
        if reply.status == 503:
            return None
        assert reply.status == 200, (reply.status, text)
        if not streamed:
            return json.loads(text)
        kind, value = events(text)[-1] if events(text) else ("cut", None)
        assert kind in ("result", "cut", "stage", "text", "replace"), text
        return value if kind == "result" else None

    def ask(self, name, keyed, streamed):
        """Until there is an answer; without a key one attempt must do."""
        while not self.abandoned:
            try:
                body = self.once(name, keyed, streamed)
            except (OSError, http.client.HTTPException):
                body = None
            if body:
                return body
            time.sleep(0.02)  # nothing tells when the server is back but trying
            if not keyed:
                break
        return None

    def finish(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(120)
        assert not self.trouble, self.trouble[:3]

    def abandon(self):
        self.abandoned = True
        self.finish()


def start(web, kill=None):
    """Ready, or dead already."""
    daemon = web.askd.start({"ASKD_TEST_KILL": kill} if kill else None)
    wait_until(lambda: daemon.poll() is not None or web.status("/ready") == 200, "/ready, or the end")
    return daemon


def crowd_of(askd, llm):
    llm.script(
        {"match": ["You translate a question into SQL"], "delay_ms": 20,
         "reply": {"action": "sql", "answer": "", "explanation": "", "confidence": 0.9, "choices": [],
                   "sql": PER_CITY}, "usage": {"prompt_tokens": 812, "completion_tokens": 64}},
        {"match": ["You explain a query result"], "delay_ms": 20, "reply": ANSWER,
         "usage": {"prompt_tokens": 342, "completion_tokens": 903}})
    web = Web(askd, start=False)
    start(web)
    return Crowd(web)


def ask_again(crowd, names):
    """The same answer, to the byte of its object."""
    for name in names:
        assert crowd.once(name, True, False) == crowd.answers[name], name


def hold(askd, llm, crowd, kills):
    """What must be true after all of it."""
    crowd.finish()
    names = sorted(crowd.answers)
    ask_again(crowd, random.Random(1).sample(names, min(100, len(names))))
    wait_until(lambda: askd.sql("select count(*) from stages where applied = 0 or status = 0") == [(0,)],
               "the books to be written")
    assert askd.stop() == 0

    # One turn for each key; a question without a key is over, one way or the other.
    turns = dict(askd.sql("select i.key, t.id from inbox i join turns t on t.id = i.id"))
    assert set(turns) == set(names) and len(set(turns.values())) == len(names)
    assert {n: str(t) for n, t in turns.items()} == {n: crowd.answers[n]["turn_id"] for n in names}
    assert all(body["answer"].startswith(ANSWER) for body in crowd.answers.values())
    assert askd.sql("select distinct status, kind from turns where durable = 1") == [("done", 0)]
    loose = collections.Counter(askd.sql("select status from turns where durable = 0"))
    assert set(loose) <= {("done",), ("lost",)}, loose
    answered = sum(body is not None for body in crowd.unkeyed.values())
    assert loose[("done",)] >= answered

    # Nothing was paid twice, nothing forgotten: the model's own count against the books.
    stages = collections.defaultdict(list)
    for _, turn, name, _, status, *_ in books_hold(askd):
        stages[turn, name].append(status)
    calls = collections.Counter()
    for request in llm.requests():
        text = json.dumps(request["body"]["messages"])
        name = text[text.rindex("How much, ") + 10:][:9]
        stage = "analysis" if "You translate a question into SQL" in text else "answer"
        calls[name, stage] += 1
    for name, turn in turns.items():
        for stage in ("analysis", "answer"):
            rows, called = stages[turn, stage], calls[name, stage]
            assert rows.count(DONE) == 1 and set(rows) <= {DONE, UNKNOWN}, (name, stage, rows)
            assert 1 <= called <= len(rows) <= 1 + kills, f"{name}, {stage}: {called} calls, rows {rows}"
    # Who asked without a key was never asked for again.
    for name in crowd.unkeyed:
        assert calls[name, "analysis"] <= 1 and calls[name, "answer"] <= 1, name
    late = askd.sql("select count(*) from stages s join turns t on t.id = s.turn "
                    "where t.status = 'lost' and (s.status = 1 and s.ended_us > t.ended_us "
                    "or s.started_us > t.ended_us)")
    assert late == [(0,)]
    unbooked = askd.sql("select count(*) from turns t join stages s on s.turn = t.id "
                        "where t.status = 'lost' and s.status not in (1, 3)")
    assert unbooked == [(0,)]


def between(askd, crowd, seen):
    """After a restart: whole files, and what was answered before is answered the same."""
    for database in ("manager", "costs"):
        assert askd.sql("pragma integrity_check", database) == [("ok",)]
    with crowd.lock:
        names = [name for name in crowd.answers if name not in seen]
    ask_again(crowd, names[-3:])
    seen.update(names)


def test_killed_at_each_point(askd, llm):
    crowd, seen, chance = crowd_of(askd, llm), set(), random.Random(7)
    try:
        for point in POINTS:
            askd.stop(signal.SIGKILL)
            daemon = start(crowd.web, f"{point}:{chance.randrange(1, 2 * CLIENTS)}")
            wait_until(lambda: daemon.poll() is not None, f"the death at '{point}', which was never passed")
            assert daemon.wait() == -signal.SIGKILL
            start(crowd.web)
            between(askd, crowd, seen)
        hold(askd, llm, crowd, 2 * len(POINTS))
    finally:
        crowd.abandon()


def test_killed_at_random(askd, llm):
    crowd, seen, chance = crowd_of(askd, llm), set(), random.Random(11)
    try:
        for _ in range(RANDOM_KILLS):
            with crowd.lock:
                done = len(crowd.answers)
            enough = done + chance.randrange(1, 2 * CLIENTS)
            wait_until(lambda: len(crowd.answers) >= enough or crowd.trouble, "answers", 60)
            assert askd.stop(signal.SIGKILL) == -signal.SIGKILL
            start(crowd.web)
            between(askd, crowd, seen)
        hold(askd, llm, crowd, RANDOM_KILLS)
    finally:
        crowd.abandon()
