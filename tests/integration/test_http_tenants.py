"""Two keys, two databases, one daemon: nothing of the one ever reaches the other."""

import concurrent.futures
import json
import random
import re
import sqlite3

import pytest

from conftest import wait_until
from test_http import Web, events

pytestmark = pytest.mark.threads

CLIENTS = 32  # of each
ROUNDS = 8
SIDES = ("alpha", "beta")
TRANSLATE, EXPLAIN = "You translate a question into SQL", "You explain a query result"
# All that is secret of a side begins with its mark. Its database and one of its tables have names that
# the other may guess, so that what is answered to a guess can be looked at.
MARK = {side: f"z{side}" for side in SIDES}
OTHER = {"alpha": "beta", "beta": "alpha"}


def make_database(path, side):
    mark = MARK[side]
    connection = sqlite3.connect(path)
    connection.execute(f"create table {mark}tab({mark}col text, {mark}num integer)")
    connection.execute(f"create table guessed{side}({mark}more text)")
    connection.executemany(f"insert into {mark}tab values (?, ?)", [(f"{mark}row{n}", n) for n in range(30)])
    connection.execute(f"insert into guessed{side} values ('{mark}rowmore')")
    connection.commit()
    connection.close()


def decision(sql):
    return {"action": "sql", "answer": "", "explanation": "", "confidence": 0.9, "choices": [], "sql": sql}


def rules():
    out = []
    for side in SIDES:
        mark = MARK[side]
        for word, sql in (
                ("badsql", "SELECT FROM WHERE"), ("badcolumn", f"SELECT nothing FROM guessed{side}"),
                ("badfunction", "SELECT no_such_function(1)"), ("overflow", f"SELECT abs(-9223372036854775808) FROM guessed{side}"),
                ("guesstable", f"SELECT * FROM guessed{OTHER[side]}"), ("notable", "SELECT * FROM guessednobody"),
                ("guessname", f"SELECT * FROM {OTHER[side]}db.guessed{OTHER[side]}"),
                ("attach", f"ATTACH DATABASE '{OTHER[side]}.db' AS other"),
                ("master", "SELECT name, sql FROM sqlite_master"), ("pragma", "SELECT * FROM pragma_database_list")):
            out.append({"match": [TRANSLATE, mark, f"Q {word} "], "reply": decision(sql)})
        out.append({"match": [TRANSLATE, mark, "Q hang "], "fault": "hang"})
        out.append({"match": [TRANSLATE, mark], "reply": decision(
            f"SELECT {mark}col, {mark}num FROM {mark}tab ORDER BY {mark}num LIMIT 5")})
        out.append({"match": [EXPLAIN, mark], "reply": f"The first is {mark}row0."})
    return out


class Side:
    """One key, and every byte that it received."""

    def __init__(self, web, name, key):
        self.web, self.name, self.mark = web, name, MARK[name].encode()
        self.head = {"Authorization": f"Bearer {key}", "X-Request-ID": "same"}
        self.received = []

    def call(self, method, path, body=None, headers=None, mine=None):
        connection = self.web.connect()
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, {
                **self.head, **({"Content-Type": "application/json"} if body is not None else {}), **(headers or {})})
            reply = connection.getresponse()
            reply.text = reply.read().decode()
        finally:
            connection.close()
        data = f"{reply.status} {reply.reason}\n{reply.headers}\n{reply.text}".encode()
        self.received.append((f"{method} {path} {body}", data))
        if mine is not None:
            assert (self.mark in data) == mine, (self.name, method, path, body, data)
        return reply

    def ask(self, question, headers=None, mine=None, **more):
        return self.call("POST", "/api/query", {"question": question, **more}, headers, mine)


def shape(reply):
    """All of an answer but the time, and how much of the rate is left."""
    left = [(n, v) for n, v in reply.getheaders() if n.lower() not in (
        "date", "x-ratelimit-remaining", "x-ratelimit-reset")]
    return reply.status, left, reply.text


@pytest.fixture
def sides(askd, llm):
    for side in SIDES:
        make_database(askd.folder / f"{side}.db", side)
    llm.script(*rules())
    web = Web(askd, security="{anonymous: no}", database="{" + ", ".join(
        f"{side}db: {{plugin: sqlite, path: {askd.folder}/{side}.db, access: [\"key:{side}\"]}}" for side in SIDES) + "}")
    keys = [re.search(r"askd_[\w-]{43}", askd.run("key", "create", side, check=0).stdout).group() for side in SIDES]
    return [Side(web, side, key) for side, key in zip(SIDES, keys)]


def act(side, number, chance):
    """One client: what it may do works, what is the other's it does not find."""
    other = OTHER[side.name]
    for turn in range(ROUNDS):
        session, key = f"session-{number}", f"key-{number}-{turn}"  # both sides choose the same
        stream = {"Accept": "text/event-stream"} if chance.random() < 0.5 else {}
        reply = side.ask("How much is it?", {**stream, "Idempotency-Key": key}, mine=True, session_id=session)
        result = events(reply.text)[-1][1] if stream else json.loads(reply.text)
        assert result["kind"] == "answer" and len(result["data"]) == 5, reply.text
        side.call("GET", f"/api/sessions/{session}/history", mine=True)
        word = chance.choice(["badsql", "badcolumn", "badfunction", "overflow", "guesstable", "notable", "guessname",
                              "attach", "master", "pragma"])
        side.ask(f"Q {word} now?", stream, session_id=f"error-{number}")
        side.ask("How much is it?", stream, mine=False, database=f"{other}db")
        side.call("GET", f"/api/tables?database={other}db", mine=False)
        side.call("POST", "/api/schema", {"database": f"{other}db", "tables": [f"guessed{other}"]}, mine=False)
        side.call("POST", "/api/schema", {"tables": [f"guessed{other}"]}, mine=False)
        side.call("GET", f"/api/sessions/{other}-only-{number}/history", mine=False)
        side.call("DELETE", f"/api/sessions/{other}-only-{number}/history", mine=False)
        side.call("POST", "/api/cancel", {"session_id": f"{other}-only-{number}"}, mine=False)
        if turn == 0:
            side.ask("How much is it?", mine=True, session_id=f"{side.name}-only-{number}")
        if chance.random() < 0.2:
            side.call("DELETE", f"/api/sessions/{session}/history")
        if chance.random() < 0.3:  # leaves in the midst
            connection = side.web.connect()
            connection.request("POST", "/api/query", json.dumps({"question": "How much is it?"}), {
                **side.head, **stream, "Content-Type": "application/json"})
            connection.close()
        side.call("GET", "/metrics", mine=False)
        side.call("GET", "/api/tables", mine=True)
    # Its own are still there: nobody else's DELETE has reached them.
    side.call("GET", f"/api/sessions/{side.name}-only-{number}/history", mine=True)


def test_two_keys_under_load_never_see_the_other(sides, askd, llm):
    with concurrent.futures.ThreadPoolExecutor(2 * CLIENTS) as pool:
        for done in [pool.submit(act, side, number, random.Random(f"{side.name}{number}"))
                     for number in range(CLIENTS) for side in sides]:
            done.result()
    for side in sides:
        secret = MARK[OTHER[side.name]].encode()
        leaks = [(what, data) for what, data in side.received if secret in data.lower()]
        assert not leaks, leaks[0]
        assert len(side.received) > CLIENTS * ROUNDS * 10
    # Nor did the model of the one ever hear of the other.
    for request in llm.requests():
        text = json.dumps(request["body"]).lower()
        assert not all(mark in text for mark in MARK.values()), text
    for number, key in askd.sql("select turn, count(*) from audit where action = 'turn.ended' group by turn"):
        assert key == 1, number


def test_what_is_not_yours_is_told_as_what_is_not_there(sides, llm):
    alpha, beta = sides
    mine = json.loads(beta.ask("How much is it?", {"Idempotency-Key": "k"}, mine=True, session_id="beta-only").text)
    for method, path, body, guess, nobody in (
            ("GET", "/api/sessions/{}/history", None, "beta-only", "nobodys"),
            ("DELETE", "/api/sessions/{}/history", None, "beta-only", "nobodys"),
            ("GET", "/api/sessions/{}/history", None, mine["session_id"], "nobodys"),
            ("GET", "/api/tables?database={}", None, "betadb", "nonedb"),
            ("POST", "/api/schema", '{{"database": "{}"}}', "betadb", "nonedb"),
            ("POST", "/api/schema", '{{"tables": ["{}"]}}', "guessedbeta", "guessednone"),
            ("POST", "/api/cancel", '{{"session_id": "{}"}}', "beta-only", "nobodys"),
            ("POST", "/api/cancel", '{{"turn_id": "{}"}}', mine["turn_id"], "1234567890")):
        theirs, none = (alpha.call(method, path.format(name), json.loads(body.format(name)) if body else None, mine=False)
                        for name in (guess, nobody))
        assert shape(theirs) == shape(none), (method, path)
    for question, more in (("How much is it?", {"database": "{}db"}), ("/database {}db", {}), ("/sql {}db", {}),
                           ("Q guesstable now?", {}), ("Q guessname now?", {})):
        texts = []
        for name in ("beta", "none"):
            sent = {key: value.format(name) for key, value in more.items()}
            ask = question.format(name)
            if name == "none":
                ask = ask.replace("guesstable", "notable").replace("guessname", "nodbname")
                llm.script({"match": [TRANSLATE, "Q nodbname "], "reply": decision("SELECT * FROM nonedb.guessednone")},
                           *rules())
            body = json.loads(alpha.ask(ask, **sent).text)
            for changing in ("turn_id", "session_id", "receipt", "stages", "cost"):
                body.pop(changing, None)
            texts.append(re.sub(r"beta|nobody|none|name\b", "X", json.dumps(body)))
        assert texts[0] == texts[1], question
    # The same Idempotency-Key and the same session are others when another asks.
    answer = json.loads(alpha.ask("How much is it?", {"Idempotency-Key": "k"}, mine=True, session_id="beta-only").text)
    assert answer["turn_id"] != mine["turn_id"] and answer["data"] != mine["data"]
    assert len(json.loads(beta.call("GET", "/api/sessions/beta-only/history").text)["turns"]) == 1


def test_nobody_stops_the_turn_of_another(sides, askd, llm):
    alpha, beta = sides
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        running = pool.submit(beta.ask, "Q hang now?", session_id="s")
        wait_until(lambda: llm._call("/__stats")["open"] == 1, "the question to run")
        (turn,), = askd.sql("select id from turns where status = 'running'")
        for body in ({"session_id": "s"}, {"turn_id": str(turn)}, {"session_id": "s", "turn_id": str(turn)},
                     {"session_id": f"key/beta:1\ns"}, {"session_id": "../s"}):
            reply = alpha.call("POST", "/api/cancel", body, mine=False)
            assert (reply.status, json.loads(reply.text)) == (200, {"canceled": 0}), body
        alpha.call("DELETE", "/api/sessions/s/history", mine=False)
        assert llm._call("/__stats")["open"] == 1 and not running.done()
        assert json.loads(beta.call("POST", "/api/cancel", {"turn_id": str(turn)}).text) == {"canceled": 1}
        assert running.result().status == 409
