"""Questions over HTTP: the routes of the host and of the skill, through the bundled server."""

import contextlib
import http.client
import json
import socket
import threading

import pytest

from conftest import PER_CITY, wait_until

pytestmark = pytest.mark.threads

QUESTION = "How much did the customers of each city order in all?"
ANSWER = "Hamburg ordered 300, Berlin 200, and Köln 0.5."


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Web:
    """askd with a web transport, and a client."""

    def __init__(self, askd):
        self.askd, self.port, self.key, self.document = askd, free_port(), None, None

    def start(self, more="", anonymous="no", **replace):
        replace.setdefault("database", f"{{shop: {{plugin: sqlite, path: {self.askd.database},"
                           " access: [everyone]}}")
        replace.setdefault("limits", "{question: {by: person, rate: 1000/s, burst: 1000,"
                           " concurrent: 8, waiting: 8}}")
        self.askd.write(more, transport=f"{{web: {{plugin: http, listen: [\"127.0.0.1:{self.port}\"]}}}}",
                        security=f"{{anonymous: {anonymous}}}", **replace)
        self.askd.start()
        wait_until(self.listens, "the web transport to listen")
        self.key = self.new_key(f"ci{self.askd.daemon.pid}")
        self.document = self.call("GET", "/api/openapi.json")[1]

    def listens(self):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        return False

    def new_key(self, name, *more):
        out = self.askd.run("key", "create", name, *more, check=0).stdout
        return next(word for word in out.split() if word.startswith("askd_"))

    def open(self, method, path, body=None, key=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = dict(headers or {})
        if key or self.key and key is None:
            headers["Authorization"] = f"Bearer {key or self.key}"
        if isinstance(body, (dict, list)):
            headers.setdefault("Content-Type", "application/json")
            body = json.dumps(body).encode()
        connection.request(method, path, body, headers)
        return connection, connection.getresponse()

    def call(self, method, path, body=None, key=None, headers=None):
        """Status and body; JSON is held against the document."""
        connection, response = self.open(method, path, body, key, headers)
        data = response.read()
        connection.close()
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        if response.getheader("Content-Type", "").startswith("application/json"):
            data = json.loads(data)
            if self.document:
                self.check(method, path, response.status, data)
        return response.status, data

    def check(self, method, path, status, data):
        jsonschema = pytest.importorskip("jsonschema")
        schema = {"$ref": "#/components/schemas/Error"}
        if status == 200:
            parts = path.split("?")[0].split("/")
            names = [name for name in self.document["paths"]
                     if len(name.split("/")) == len(parts)
                     and all(a == b or a.startswith("{") for a, b in zip(name.split("/"), parts))]
            assert names, f"{path} is in no document"
            operation = self.document["paths"][sorted(names)[0]][method.lower()]
            schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema.validate(data, {**schema, "components": self.document["components"]})

    def events(self, body, headers=None):
        """The events of a streamed question, as they come."""
        connection, response = self.open(
            "POST", "/api/query", body, headers={"Accept": "text/event-stream", **(headers or {})})
        assert response.status == 200, response.read()
        assert response.getheader("Content-Type").startswith("text/event-stream")
        event, data = None, []
        for line in response:
            line = line.decode().rstrip("\n")
            if line.startswith("event: "):
                event = line[7:]
            elif line.startswith("data: "):
                data.append(line[6:])
            elif not line and event:
                yield event, json.loads("\n".join(data))
                event, data = None, []
        connection.close()


@pytest.fixture
def web(askd):
    return Web(askd)


def test_question_gets_the_object_of_ask(web):
    web.askd.llm.analysis(PER_CITY, ANSWER)
    web.start()
    status, reply = web.call("POST", "/api/query", {"question": QUESTION})
    assert status == 200, reply
    assert reply["kind"] == "answer", reply
    assert reply["answer"] == ANSWER
    assert reply["columns"] == ["city", "total"]
    assert int(reply["cost"]["pico"]) == (812 + 342) * 75_000 + (64 + 903) * 300_000
    assert web.headers["x-ratelimit-limit"] == "100"
    assert web.askd.stop() == 0


def test_stream_tells_stages_words_and_result(web):
    web.askd.llm.analysis(PER_CITY, ANSWER)
    web.start()
    events = list(web.events({"question": QUESTION}))
    names = [name for name, _ in events]
    assert names[0] == "stage" and names[-1] == "result", names
    assert [data["stage"] for name, data in events if name == "stage"][:1] == ["analysis"]
    assert events[-1][1]["answer"] == ANSWER
    assert web.askd.stop() == 0


def test_session_remembers_is_read_and_forgotten(web):
    web.askd.llm.analysis(PER_CITY, ANSWER)
    web.start()
    asked = {"question": QUESTION, "session_id": "of-alice"}
    assert web.call("POST", "/api/query", asked)[1]["session_id"] == "of-alice"
    status, history = web.call("GET", "/api/sessions/of-alice/history")
    assert status == 200, history
    turn, = history["turns"]
    assert (turn["question"], turn["answer"], turn["sql"]) == (QUESTION, ANSWER, PER_CITY)
    # Nobody else has it: not by another key, not without one.
    other = web.new_key("other")
    assert web.call("GET", "/api/sessions/of-alice/history", key=other)[0] == 404
    assert web.call("DELETE", "/api/sessions/of-alice/history", key=other)[0] == 404
    assert web.call("DELETE", "/api/sessions/of-alice/history") == (200, {"forgotten": 1})
    assert web.call("GET", "/api/sessions/of-alice/history")[0] == 404
    assert web.askd.sql("select count(*) from messages") == [(0,)]
    assert web.askd.stop() == 0


def test_tables_and_schemas_are_those_of_the_asker(web):
    shop = f"plugin: sqlite, path: {web.askd.database}"
    web.start(database=f"{{shop: {{{shop}, access: [everyone]}}, elsewhere: {{{shop}}}}}")
    status, reply = web.call("GET", "/api/tables")
    assert status == 200, reply
    assert (reply["database"], reply["databases"]) == ("shop", ["shop"])
    assert [table["name"] for table in reply["tables"]] == ["customers", "orders"]
    assert "columns" not in reply["tables"][0]
    status, reply = web.call("POST", "/api/schema", {"tables": ["orders"]})
    table, = reply["tables"]
    assert [column["name"] for column in table["columns"]] == [
        "id", "customer_id", "total", "ordered_on"]
    narrow = web.new_key("narrow", "--databases", "elsewhere")
    assert web.call("GET", "/api/tables", key=narrow)[1]["databases"] == []
    assert web.call("GET", "/api/tables?database=shop", key=narrow)[0] == 404
    assert web.askd.stop() == 0


def test_same_idempotency_key_is_answered_once(web):
    web.askd.llm.analysis(PER_CITY, ANSWER)
    web.start()
    headers = {"Idempotency-Key": "order-17"}
    first = web.call("POST", "/api/query", {"question": QUESTION}, headers=headers)[1]
    second = web.call("POST", "/api/query", {"question": QUESTION}, headers=headers)[1]
    assert first == second
    assert len(web.askd.llm.requests()) == 2
    assert web.askd.stop() == 0


def test_cancel_stops_the_turn_of_a_session(web):
    web.askd.llm.script({"fault": "hang"})
    web.start()
    result = []
    thread = threading.Thread(target=lambda: result.append(
        web.call("POST", "/api/query", {"question": QUESTION, "session_id": "s"})))
    thread.start()
    wait_until(web.askd.llm.requests, "the model to be asked")
    client = Web(web.askd)
    client.port, client.key = web.port, web.key
    assert client.call("POST", "/api/cancel", {"session_id": "s"}) == (200, {"canceled": 1})
    thread.join(20)
    (status, reply), = result
    assert (status, reply["code"]) == (409, "CANCELED")
    assert web.askd.stop() == 0


def test_client_that_leaves_ends_its_call_to_the_model(web):
    web.askd.llm.script({"fault": "hang"})
    web.start()
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=30)
    connection.request("POST", "/api/query", json.dumps({"question": QUESTION}),
                       {"Authorization": f"Bearer {web.key}", "Content-Type": "application/json"})
    wait_until(web.askd.llm.requests, "the model to be asked")
    connection.sock.close()
    connection.close()
    wait_until(lambda: web.askd.llm._call("/__stats")["open"] <= 1, "the call to the model to end")
    assert web.askd.stop() == 0


@pytest.mark.parametrize("body, headers, status, code", [
    (b"{", {"Content-Type": "application/json"}, 400, "INVALID_REQUEST"),
    (b"[]", {"Content-Type": "application/json"}, 400, "INVALID_REQUEST"),
    (b'{"question": 3}', {"Content-Type": "application/json"}, 400, "INVALID_REQUEST"),
    (b'{"question": " "}', {"Content-Type": "application/json"}, 400, "INVALID_REQUEST"),
    (b'{"question": "a", "question": "b"}', {"Content-Type": "application/json"}, 400, "INVALID_REQUEST"),
    (b'{"question": "a", "session_id": "a b"}', {"Content-Type": "application/json"}, 400, "INVALID_REQUEST"),
    (b'{"question": "a", "schema": "orders"}', {"Content-Type": "application/json"}, 400, "INVALID_REQUEST"),
    (b'{"question": "a"}', {"Content-Type": "text/plain"}, 415, "UNSUPPORTED_TYPE"),
    (b'{"question": "' + b"a" * 70000 + b'"}', {"Content-Type": "application/json"}, 413, "TOO_LARGE"),
    (b'{"question":' + b"[" * 100000 + b"]" * 100000 + b"}", {"Content-Type": "application/json"}, 400,
     "INVALID_REQUEST"),
], ids=["cut", "list", "number", "blank", "twice", "session", "schema", "type", "long", "deep"])
def test_what_cannot_be_asked_says_why(web, body, headers, status, code):
    web.start()
    got, reply = web.call("POST", "/api/query", body, headers=headers)
    assert (got, reply["code"]) == (status, code), reply
    assert web.askd.stop() == 0


def test_keys_are_asked_for_and_revoked(web):
    web.start()
    status, reply = web.call("GET", "/api/tables", key="askd_" + "x" * 43)
    assert (status, reply["code"]) == (401, "UNAUTHORIZED")
    assert web.call("GET", "/api/tables")[0] == 200
    web.askd.run("key", "revoke", f"ci{web.askd.daemon.pid}", check=0)
    assert web.call("GET", "/api/tables")[0] == 401
    assert web.askd.stop() == 0


def test_anonymous_only_where_it_is_configured(web):
    web.askd.llm.analysis(PER_CITY, ANSWER)
    web.start(anonymous="loopback")
    web.key = ""
    assert web.call("POST", "/api/query", {"question": QUESTION})[1]["answer"] == ANSWER
    assert web.call("GET", "/api/tables", headers={"Host": "evil.example"})[0] == 401
    assert web.call("GET", "/api/tables", headers={"Origin": "http://evil.example"})[0] == 401
    web.askd.stop()
    web.key, web.document = None, None
    web.start()
    web.key = ""
    assert web.call("GET", "/api/tables")[0] == 401
    assert web.askd.stop() == 0


def test_status_and_metrics(web):
    web.askd.llm.analysis(PER_CITY, ANSWER)
    web.start()
    assert web.call("GET", "/health") == (200, {"status": "ok"})
    assert web.call("GET", "/ready") == (200, {"status": "ready"})
    web.call("POST", "/api/query", {"question": QUESTION})
    key, web.key = web.key, ""
    status, text = web.call("GET", "/metrics")
    assert status == 200
    for series in ('askd_turns_total{kind="answer"} 1', "askd_workers_threads ", "askd_workers_queued ",
                   'askd_web_requests_total{route="POST /api/query",status="200"} 1',
                   'askd_stages_total{llm="main",stage="analysis",status="done"} 1',
                   'askd_tokens_total{llm="main"} ', 'askd_cost_picodollars_total{llm="main"} ',
                   'askd_pool_connections{database="shop",state="idle"} 1',
                   'askd_pool_connections{database="shop",state="busy"} 0',
                   'askd_turn_seconds_bucket{kind="answer",le="+Inf"} 1'):
        assert series in text.decode(), text.decode()
    web.askd.llm.script({"status": 401})
    web.key = key
    web.call("POST", "/api/query", {"question": QUESTION})
    web.key = ""
    text = web.call("GET", "/metrics")[1]
    for series in ('askd_crossing_errors_total{kind="llm",function="complete",class="AUTH"} 1',
                   'askd_stages_total{llm="main",stage="analysis",status="failed"} 1'):
        assert series in text.decode(), text.decode()
    assert QUESTION not in text.decode()
    assert web.call("GET", "/metrics", headers={"Host": "askd.example"})[0] == 401
    assert web.askd.stop() == 0


def test_files_of_the_web_root(web, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (root / "index.html").write_text("<!doctype html><title>askd</title>")
    (root / "page.js").write_text("export {};")
    (root / "page.js.gz").write_bytes(b"zipped")
    (root / "page.js.br").write_bytes(b"pressed")
    (root / ".hidden").write_text("secret")
    (root / "link").symlink_to(web.askd.config)
    web.start(askd=web.askd.section(f"web_root: {root}"))
    web.key = ""
    status, page = web.call("GET", "/")
    assert (status, b"askd" in page) == (200, True)
    assert "script-src 'self'" in web.headers["content-security-policy"]
    etag = web.headers["etag"]
    assert web.call("GET", "/", headers={"If-None-Match": etag}) == (304, b"")
    assert web.call("GET", "/page.js", headers={"Accept-Encoding": "gzip"}) == (200, b"zipped")
    assert web.headers["content-encoding"] == "gzip"
    assert web.call("GET", "/page.js", headers={"Accept-Encoding": "gzip, deflate, br"}) == (200, b"pressed")
    assert (web.headers["content-encoding"], web.headers["vary"]) == ("br", "accept-encoding")
    assert web.call("GET", "/page.js", headers={"Accept-Encoding": "gzip, br;q=0"}) == (200, b"zipped")
    assert web.call("GET", "/page.js", headers={"Accept-Encoding": "gzip;q=0"}) == (200, b"export {};")
    for path in ("/link", "/.hidden", "/../askd.yaml", "/%2e%2e/askd.yaml", "/..%2faskd.yaml",
                 "/nothing", "//etc/passwd"):
        assert web.call("GET", path)[0] in (400, 404), path
    (root / "index.html").write_text("another page")
    wait_until(lambda: web.call("GET", "/")[1] == b"another page", "the new page")
    assert web.askd.stop() == 0


def test_stop_leaves_a_question_with_a_key_for_the_next_start(web):
    web.askd.llm.script({"fault": "hang"})
    web.start(askd=web.askd.section("drain: 1s"))
    result = []
    thread = threading.Thread(target=lambda: result.append(
        web.call("POST", "/api/query", {"question": QUESTION}, headers={"Idempotency-Key": "k"})))
    thread.start()
    wait_until(web.askd.llm.requests, "the model to be asked")
    assert web.askd.stop() == 0
    thread.join(20)
    (status, reply), = result
    assert (status, reply["code"]) == (503, "UNAVAILABLE")
    assert web.askd.sql("select status from turns") == [("running",)]
    web.askd.llm.analysis(PER_CITY, ANSWER)
    key = web.key
    web.start()
    headers = {"Idempotency-Key": "k"}
    status, reply = web.call("POST", "/api/query", {"question": QUESTION}, key=key, headers=headers)
    assert (status, reply["answer"]) == (200, ANSWER)
    assert web.askd.stop() == 0
