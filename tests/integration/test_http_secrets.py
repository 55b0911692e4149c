"""After a broad workload at the level debug: no planted secret, and no whole question, in anything that
is written for others to read."""

import concurrent.futures
import json
import re
import signal
import sqlite3

from conftest import wait_until
from test_http import Web

# Longer than what a log may show of a question; what is secret stands behind the 50th character.
QUESTION = "How much did our customers order in the whole of the year before last, planted-question-tail?"
assert QUESTION.index("planted") > 50
MODEL_KEY, SECOND_KEY, HEADER = "sk-planted-secret", "sk-planted-second", "planted-header-secret"
ADDRESS = "planted-address-secret"
TRANSLATE = "You translate a question into SQL"


def decision(sql, **more):
    return {"action": "sql", "answer": "", "explanation": "", "confidence": 0.9, "choices": [], "sql": sql, **more}


def rules():
    echo = f"Incorrect API key provided: {MODEL_KEY}, {HEADER}. You asked: {QUESTION}"
    return [
        {"match": [TRANSLATE, "do-echo401"], "status": 401, "reply": {"error": {"message": echo}}},
        {"match": [TRANSLATE, "do-echo400"], "status": 400, "reply": {"error": {"message": echo}}},
        {"match": [TRANSLATE, "do-echo500"], "status": 500, "reply": {"error": {"message": echo}}},
        {"match": [TRANSLATE, "do-echo200"], "fault": "error_body", "error": {"message": echo, "type": "server_error"}},
        {"match": [TRANSLATE, "do-garbage"], "fault": "garbage"},
        {"match": [TRANSLATE, "do-cut"], "fault": "cut"},
        {"match": [TRANSLATE, "do-nojson"], "reply": f"I do not know: {QUESTION}"},
        {"match": [TRANSLATE, "do-refusal"], "refusal": f"I cannot help with: {QUESTION}"},
        {"match": [TRANSLATE, "do-badsql"], "reply": decision(f"SELECT count(*) FROM nothing WHERE a = '{QUESTION}'")},
        {"match": [TRANSLATE, "do-badcell"], "reply": decision(f"SELECT abs('{QUESTION}', 2) FROM orders")},
        {"match": [TRANSLATE, "do-write"], "reply": decision(f"DELETE FROM orders WHERE '{QUESTION}' = ''")},
        {"match": [TRANSLATE, "do-hang"], "fault": "hang"},
        {"match": [TRANSLATE], "reply": decision("SELECT count(*) AS n FROM orders")},
        {"match": ["You explain a query result", "do-broken"], "fault": "stream_error",
         "error": {"message": echo, "type": "server_error"}},
        {"match": ["You explain a query result"], "reply": "There are 5 orders."},
    ]


WORDS = ("fine", "echo401", "echo400", "nojson", "refusal", "badsql", "badcell", "write", "broken")
RETRIED = ("echo500", "echo200", "garbage", "cut")  # askd asks again, and waits in between


class Work:
    def __init__(self, web):
        self.web, self.written = web, []

    def call(self, method, path, body=None, headers=None):
        try:
            reply = self.web.request(method, path, body, headers)
        except OSError:
            return None
        self.written.append((f"{method} {path}", f"{reply.status} {reply.headers}" + (
            reply.text if reply.status >= 400 else "")))
        return reply

    def run(self, *args, **more):
        result = self.web.askd.run(*args, **more)
        self.written.append((f"askd {args}", result.stderr))
        return result


def configure(askd, web):
    """As everything that could be secret stands in a configuration."""
    provider = f"plugin: openai, model: test-model, timeout: 5s, headers: {{X-Tenant: {HEADER}}}"
    web.askd.config.write_text(re.sub(r"^llm: .*$", (
        f"llm: {{main: {{{provider}, base_url: \"{askd.llm.url}\", api_key: {MODEL_KEY}}},"
        f" second: {{{provider}, base_url: \"http://127.0.0.1:1/v1\", api_key: {SECOND_KEY}}}}}"),
        askd.config.read_text(), flags=re.M).replace("askd: {", "askd: {log: {level: debug}, ", 1)
        + "assistant: {stages: {analysis: {llm: main, fallback: [second]}}}\n")


def work(w, key):
    bearer = {"Authorization": f"Bearer {key}"}
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for word in WORDS + RETRIED:
            for more in ({}, {"Accept": "text/event-stream"}, {"Idempotency-Key": f"k-{word}"}):
                pool.submit(w.call, "POST", "/api/query", {
                    "question": f"{QUESTION} do-{word}", "session_id": f"{word}{len(more)}"}, {**bearer, **more})
    for word in WORDS:
        w.call("GET", f"/api/sessions/{word}0/history", headers=bearer)
    # Where people put keys by mistake, and keys that are nearly right.
    for path in (f"/api/tables?key={key}", f"/api/tables?access_token={key}", f"/{key}", f"/api/sessions/{key}/history",
                 f"/api/query?question={QUESTION.replace(' ', '+')}", f"/%zz{key}"):
        for headers in ({}, bearer):
            w.call("GET", path, headers=headers)
    for given in (key[:-1] + ("a" if key[-1] != "a" else "b"), key + "x", f"{key} {key}", key.upper()):
        w.call("GET", "/api/tables", headers={"Authorization": f"Bearer {given}"})
    for headers in ({"Authorization": key}, {"Authorization": f"Basic {key}"}, {"X-Api-Key": key}, {"Cookie": f"key={key}"},
                    {"X-Request-ID": f"{key}<"}, {"Idempotency-Key": f"{key} {key}", **bearer}):
        w.call("POST", "/api/query", {"question": QUESTION}, headers)
    for body in (f'{{"question": "{QUESTION}" {key}', f'{{"question": "{QUESTION}", "question": "{key}"}}',
                 json.dumps({"question": QUESTION, "schema": QUESTION}), json.dumps({"question": [QUESTION]}),
                 json.dumps({"question": QUESTION, "session_id": QUESTION}), json.dumps({"question": QUESTION * 1000})):
        w.call("POST", "/api/query", body, {**bearer, "Content-Type": "application/json"})
    w.call("POST", "/api/query", {"question": QUESTION, "database": "nothing"}, bearer)
    w.call("POST", "/api/query", {"question": f"/nothing {QUESTION}"}, bearer)
    w.call("POST", "/api/schema", {"database": "nothing"}, bearer)
    w.web.raw(f"GET /{key} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n{key}\r\n\r\n".encode())


def test_no_secret_is_written_anywhere(askd, llm):
    llm.script(*rules())
    web = Web(askd, start=False, security="{anonymous: loopback}",
              database=f"{{shop: {{plugin: sqlite, path: {askd.database}, access: [everyone]}}}}")
    configure(askd, web)
    w = Work(web)
    # A secret at a place where it is refused must not be repeated in the refusal.
    good = askd.config.read_text()
    askd.config.write_text(good.replace("127.0.0.1:1/", f"user:{ADDRESS}@127.0.0.1:1/"))
    w.run("check", check=1)
    askd.config.write_text(good)
    w.run("check", check=0)
    web.start()
    key = re.search(r"askd_[\w-]{43}", w.run("key", "create", "program", check=0).stdout).group()
    other = re.search(r"askd_[\w-]{43}", w.run("key", "create", "gone", check=0).stdout).group()
    # Cut off in the midst, and taken up again.
    connection = web.connect()
    connection.request("POST", "/api/query", json.dumps({"question": QUESTION + " do-hang"}), {
        "Authorization": f"Bearer {key}", "Content-Type": "application/json", "Idempotency-Key": "hang"})
    wait_until(lambda: llm._call("/__stats")["open"] > 0, "the question to hang")
    askd.stop(signal.SIGKILL)
    connection.close()
    llm.script(*[rule for rule in rules() if rule.get("fault") != "hang"])
    web.start()
    reply = w.call("POST", "/api/query", {"question": QUESTION + " do-hang"}, {
        "Authorization": f"Bearer {key}", "Idempotency-Key": "hang"})
    assert reply.status == 200 and json.loads(reply.text)["kind"] == "answer", reply.text
    work(w, key)
    w.run("key", "revoke", "gone", check=0)
    w.call("GET", "/api/tables", headers={"Authorization": f"Bearer {other}"})
    w.run("ask", QUESTION + " do-echo401")
    for path in ("/health", "/ready", "/metrics", "/api/openapi.json"):
        w.written.append((path, w.call("GET", path).text))
    assert askd.stop() == 0
    w.written.append(("the log", askd.log.read_text()))
    assert " debug " in askd.log.read_text()

    master = (askd.state / "master.key").read_text().strip()
    secrets = [MODEL_KEY, SECOND_KEY, HEADER, ADDRESS, key, key[5:30], other, master, "planted-question-tail"]
    for where, text in w.written:
        for secret in secrets:
            assert secret not in text, f"{where}: {text[max(0, text.index(secret) - 300):][:600]}"
    # What is kept of questions is sealed, and of keys a hash.
    for file in askd.state.rglob("*"):
        if file.is_file() and file.name != "master.key":
            for secret in secrets:
                assert secret.encode() not in file.read_bytes(), (file, secret)
    assert sqlite3.connect(askd.state / "manager.db").execute("pragma integrity_check").fetchall() == [("ok",)]
