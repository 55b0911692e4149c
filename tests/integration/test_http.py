"""Over HTTP: programs and browsers ask; what is malformed, too much or not theirs is refused."""

import concurrent.futures
import http.client
import http.server
import json
import os
import re
import resource
import shutil
import socket
import ssl
import subprocess
import threading
import time

import pytest

from conftest import BUILD, PER_CITY, SCALE, TREE, wait_until

pytestmark = pytest.mark.threads
ROOT = TREE / "dashboard"
SENTENCE = "Berlin leads the list. "


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Web:
    """A daemon that listens, and requests to it."""

    def __init__(self, askd, options="", security="{anonymous: loopback}", limits=None, start=True,
                 scheme="http", listen="127.0.0.1", **more):
        self.askd, self.port, self.scheme, self.host = askd, free_port(), scheme, "127.0.0.1"
        askd.write(askd=askd.section(f"web_root: {ROOT}"), security=security,
                   limits=limits or "{key: {by: key, rate: 10000/s, burst: 10000, concurrent: 1000}, "
                                    "question: {by: person, rate: 10000/s, burst: 10000, "
                                    "concurrent: 1000, waiting: 1000}}",
                   transport=f'{{web: {{plugin: http, listen: ["{listen}:{self.port}"]{options}}}}}',
                   **more)
        if start:
            self.start()

    def start(self):
        self.askd.start()
        wait_until(lambda: self.status("/ready") == 200, "/ready to answer 200")

    def connect(self, timeout=60):
        if self.scheme == "https":
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            return http.client.HTTPSConnection(self.host, self.port, timeout=timeout, context=context)
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def request(self, method, path, body=None, headers=None):
        connection = self.connect()
        try:
            if isinstance(body, (dict, list)):
                body = json.dumps(body)
                headers = {"Content-Type": "application/json", **(headers or {})}
            connection.request(method, path, body, headers or {})
            reply = connection.getresponse()
            reply.text = reply.read().decode()
            return reply
        finally:
            connection.close()

    def status(self, path):
        try:
            return self.request("GET", path).status
        except (ConnectionError, http.client.HTTPException):
            return None

    def ask(self, question, headers=None, **more):
        return self.request("POST", "/api/query", {"question": question, **more}, headers)

    def raw(self, data, end=True):
        """Bytes as they are; everything that comes back until the server closes."""
        with socket.create_connection((self.host, self.port), 60) as s:
            try:
                s.sendall(data)
                got = b""
                while piece := s.recv(65536):
                    got += piece
            except ConnectionResetError:
                pass
            return got.decode("latin-1")


def events(text):
    out = []
    for block in text.split("\n\n"):
        lines = block.split("\n")
        names = [line[7:] for line in lines if line.startswith("event: ")]
        if names:
            out.append((names[0], json.loads("".join(x[6:] for x in lines if x.startswith("data: ")))))
    return out


def error(reply, status, code):
    assert reply.status == status, (reply.status, reply.text)
    body = json.loads(reply.text)
    assert set(body) == {"error", "code", "details"} and body["code"] == code, body
    assert reply.getheader("X-Content-Type-Options") == "nosniff"
    return body


# ---- questions -----------------------------------------------------------------------------------


def test_a_question_with_a_key_as_json_and_as_events(askd, llm):
    llm.analysis(PER_CITY, "Berlin is first.")
    web = Web(askd, security="{anonymous: no}",
              database=f"{{shop: {{plugin: sqlite, path: {askd.database}, access: [everyone]}}}}")
    key = re.search(r"askd_[\w-]{43}", askd.run("key", "create", "program", check=0).stdout).group()
    bearer = {"Authorization": f"Bearer {key}"}
    reply = web.ask("How much per city?", bearer)
    assert reply.status == 200, reply.text
    assert reply.getheader("Content-Type").startswith("application/json")
    answer = json.loads(reply.text)
    assert answer["kind"] == "answer" and answer["sql"] == PER_CITY and len(answer["data"]) == 3
    assert answer["cost"]["pico"] > 0 and answer["session_id"] and answer["receipt"]
    reply = web.ask("How much per city?", {**bearer, "Accept": "text/event-stream"})
    assert reply.getheader("Content-Type").startswith("text/event-stream")
    names = [name for name, _ in events(reply.text)]
    assert names[0] == "stage" and names[-1] == "result" and names.count("result") == 1, names
    assert events(reply.text)[-1][1]["answer"] == "Berlin is first."
    error(web.ask("How much?"), 401, "UNAUTHORIZED")
    error(web.ask("How much?", {"Authorization": f"Bearer {key}x"}), 401, "UNAUTHORIZED")
    error(web.ask("How much?", {"Authorization": key}), 401, "UNAUTHORIZED")
    askd.stop()
    assert key not in askd.log.read_text()


def test_anonymous_only_on_loopback_and_only_when_configured(askd, llm):
    llm.analysis(None, "Good day.")
    web = Web(askd, ', proxies: ["127.0.0.1"]', security="{anonymous: no}")
    error(web.ask("Hello?"), 401, "UNAUTHORIZED")
    askd.stop()
    web = Web(askd, security="{anonymous: loopback}")
    assert web.ask("Hello?").status == 200
    error(web.ask("Hello?", {"X-Forwarded-For": "127.0.0.1"}), 401, "UNAUTHORIZED")
    # A page elsewhere whose name leads to this machine.
    error(web.ask("Hello?", {"Host": "evil.example"}), 401, "UNAUTHORIZED")
    # A page elsewhere that posts a form.
    error(web.ask("Hello?", {"Origin": "https://evil.example"}), 403, "FORBIDDEN")


def test_the_first_words_arrive_before_the_model_has_ended(askd, llm):
    llm.script({"match": ["You translate a question into SQL"],
                "reply": {"action": "sql", "answer": "", "explanation": "", "confidence": 0.9,
                          "choices": [], "sql": PER_CITY}},
               {"match": ["You explain a query result"], "reply": SENTENCE * 6, "hold": 4})
    web = Web(askd)
    connection = web.connect()
    connection.request("POST", "/api/query", json.dumps({"question": "How much per city?"}),
                       {"Content-Type": "application/json", "Accept": "text/event-stream"})
    reply = connection.getresponse()
    got = ""
    while "Berlin leads the list." not in got:
        piece = reply.read1(65536).decode()
        assert piece, got
        got += piece
    assert llm._call("/__stats")["open"] == 1 and "event: result" not in got
    llm._call("/__release", {})
    got += reply.read().decode()
    connection.close()
    assert events(got)[-1][0] == "result"
    assert events(got)[-1][1]["answer"].count("Berlin leads") == 6


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_a_client_that_leaves_ends_the_call_to_the_model(askd, llm, accept):
    llm.script({"fault": "hang"})
    web = Web(askd)
    connection = web.connect()
    connection.request("POST", "/api/query", json.dumps({"question": "How much?"}),
                       {"Content-Type": "application/json", "Accept": accept})
    wait_until(lambda: llm._call("/__stats")["open"] == 1, "the model to be asked")
    connection.sock.shutdown(socket.SHUT_RDWR)
    connection.close()
    left = time.monotonic()
    wait_until(lambda: llm._call("/__stats")["open"] == 0, "the call to the model to end")
    assert time.monotonic() - left < 1 * SCALE


def test_two_hundred_questions_at_once_and_health_meanwhile(askd, llm):
    llm.analysis(None, "Good day.")
    rules = [{"match": ["You translate a question into SQL"], "delay_ms": 1000,
              "reply": {"action": "answer", "answer": "Good day.", "explanation": "", "sql": "",
                        "confidence": 0.9, "choices": []}}]
    llm.script(*rules)
    web = Web(askd, ", threads: 2")
    with concurrent.futures.ThreadPoolExecutor(200) as pool:
        replies = [pool.submit(web.ask, f"Hello number {i}?") for i in range(200)]
        wait_until(lambda: llm._call("/__stats")["open"] >= 100, "100 questions to wait")
        began = time.monotonic()
        assert web.status("/health") == 200
        assert time.monotonic() - began < 1 * SCALE
        assert llm._call("/__stats")["requests"] > 0
        for reply in replies:
            answer = reply.result()
            assert answer.status == 200, answer.text
            assert json.loads(answer.text)["answer"] == "Good day."


def test_a_stopping_daemon_answers_what_it_has_begun(askd, llm):
    llm.script({"delay_ms": 800, "reply": {"action": "answer", "answer": "Good day.", "sql": "",
                                           "explanation": "", "confidence": 0.9, "choices": []}})
    web = Web(askd)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        replies = [pool.submit(web.ask, "Hello?") for _ in range(4)]
        wait_until(lambda: llm._call("/__stats")["open"] == 4, "four questions to run")
        assert askd.stop() == 0
        assert [r.result().status for r in replies] == [200] * 4


# ---- refusals ------------------------------------------------------------------------------------


def test_refusals_have_one_form(askd, llm):
    llm.analysis(None, "Good day.")
    web = Web(askd, limits="{question: {by: person, rate: 1/h, burst: 1}}")
    error(web.request("GET", "/api/nothing"), 404, "NOT_FOUND")
    reply = web.request("GET", "/api/query")
    error(reply, 405, "METHOD_NOT_ALLOWED")
    assert "POST" in reply.getheader("Allow")
    error(web.request("POST", "/api/query", "x" * 3_000_000, {"Content-Type": "application/json"}),
          413, "TOO_LARGE")
    error(web.request("POST", "/api/query", "{", {"Content-Type": "application/json"}), 400,
          "INVALID_REQUEST")
    error(web.request("POST", "/api/query", "[" * 100_000, {"Content-Type": "application/json"}), 400,
          "INVALID_REQUEST")
    many = json.dumps({**{f"k{i}": i for i in range(50_000)}, "question": 7})
    error(web.request("POST", "/api/query", many, {"Content-Type": "application/json"}), 400,
          "INVALID_REQUEST")
    error(web.request("GET", "/%2e%2e/%2e%2e/etc/passwd"), 400, "INVALID_REQUEST")
    assert web.ask("Hello?").status == 200
    reply = web.ask("Hello again?")
    answer = json.loads(reply.text)
    assert reply.status == 429 or answer["kind"] == "refused", reply.text
    if reply.status == 429:
        assert int(reply.getheader("Retry-After")) > 0


def test_guessing_keys_costs_the_address(askd, llm):
    web = Web(askd, security="{anonymous: no}", limits="{login: {by: address, rate: 5/min}}")
    seen = [web.ask("Hello?", {"Authorization": f"Bearer askd_{i:043d}"}).status for i in range(12)]
    assert seen[0] == 401 and seen[-1] == 429, seen


HEAD = b"Host: localhost\r\nConnection: close\r\n"


@pytest.mark.parametrize("request_", [
    b"GET /health HTTP/1.1\r\n" + HEAD + b"X-A: a\r\n b\r\n\r\n",
    b"GET /health\x00 HTTP/1.1\r\n" + HEAD + b"\r\n",
    b"GET /health HTTP/1.1\r\n" + HEAD + b"X-A: a\x00b\r\n\r\n",
    b"GET /he%00alth HTTP/1.1\r\n" + HEAD + b"\r\n",
    b"GET /\xc0\xae\xc0\xae/ HTTP/1.1\r\n" + HEAD + b"\r\n",
    b"GET /health HTTP/1.1\r\nConnection: close\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n",
    b"GET /../health HTTP/1.1\r\n" + HEAD + b"\r\n",
    b"POST /api/query HTTP/1.1\r\n" + HEAD + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"0\r\n\r\nGET /health HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /api/query HTTP/1.1\r\n" + HEAD + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
    b"POST /api/query HTTP/1.1\r\n" + HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    b"GET /health HTTP/1.1\r\n" + HEAD + b"X-A: " + b"a" * 100_000 + b"\r\n\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n" + HEAD + b"\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500 + b"\r\n\r\n",
], ids=["folded", "nul-in-line", "nul-in-header", "nul-in-path", "overlong", "no-host", "two-hosts",
        "climbing", "smuggled", "two-lengths", "odd-coding", "huge-header", "huge-path", "tls"])
def test_what_can_be_understood_in_two_ways_is_refused(attacked, request_):
    answer = attacked.raw(request_)
    statuses = re.findall(r"HTTP/1\.1 (\d)", answer)
    assert all(s == "4" for s in statuses), answer[:500]
    assert attacked.status("/health") == 200


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    from conftest import Askd, FakeLLM
    folder = tmp_path_factory.mktemp("attacked")
    llm = FakeLLM(folder)
    askd = Askd(folder, llm)
    yield Web(askd, ", header_timeout: 2s")
    askd.stop()
    llm.stop()
    shutil.rmtree(askd.state, ignore_errors=True)


def test_slow_clients_do_not_keep_others_out(attacked):
    slow = [socket.create_connection(("127.0.0.1", attacked.port)) for _ in range(100)]
    for s in slow:
        s.sendall(b"POST /api/query HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
    assert attacked.status("/health") == 200
    stop = threading.Event()

    def drip():
        while not stop.wait(0.1):
            for s in slow:
                try:
                    s.sendall(b"a")
                except OSError:
                    pass

    dripping = threading.Thread(target=drip)
    dripping.start()
    try:
        for s in slow:
            s.settimeout(20 * SCALE)
            try:
                while s.recv(4096):
                    pass
            except ConnectionResetError:
                pass
    finally:
        stop.set()
        dripping.join()
        for s in slow:
            s.close()
    assert attacked.status("/health") == 200


def own_address():
    """An address of this machine that is not loopback; None: it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.99", 9))  # sends nothing
        except OSError:
            return None
        address = s.getsockname()[0]
    return None if address.startswith("127.") else address


@pytest.mark.skipif(not own_address(), reason="this machine has loopback only")
def test_an_address_elsewhere_is_nobody_and_has_so_many_connections(askd, llm):
    llm.analysis(None, "Good day.")
    web = Web(askd, ", per_address: 4", listen="*")
    web.host = own_address()
    error(web.ask("Hello?"), 401, "UNAUTHORIZED")
    held = []
    for _ in range(4):
        connection = web.connect()
        connection.request("GET", "/health")
        assert connection.getresponse().read()
        held.append(connection)
    assert web.status("/health") == 503
    web.host = "127.0.0.1"  # is not counted
    assert web.status("/health") == 200
    web.host = own_address()
    for connection in held:
        connection.close()
    wait_until(lambda: web.status("/health") == 200, "the places to be free again")


def test_running_out_of_descriptors_is_survived(askd, llm):
    web = Web(askd)
    pid = askd.daemon.pid
    hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (len(os.listdir(f"/proc/{pid}/fd")) + 20, hard))
    held = [socket.create_connection((web.host, web.port)) for _ in range(60)]
    wait_until(lambda: "no descriptors are left" in askd.log.read_text(), "the warning")
    for s in held:
        s.close()
    wait_until(lambda: web.status("/health") == 200, "/health to answer again")
    assert askd.log.read_text().count("no descriptors are left") == 1


# ---- files, TLS, the page ------------------------------------------------------------------------


def test_the_page_is_served_with_a_tag_and_a_strict_policy(attacked):
    reply = attacked.request("GET", "/")
    assert reply.status == 200 and reply.text == (ROOT / "index.html").read_text()
    assert reply.getheader("Content-Type") == "text/html; charset=utf-8"
    policy = reply.getheader("Content-Security-Policy")
    assert "default-src 'none'" in policy and "unsafe" not in policy
    tag = reply.getheader("ETag")
    again = attacked.request("GET", "/", headers={"If-None-Match": tag})
    assert again.status == 304 and again.text == ""
    assert attacked.request("HEAD", "/").text == ""
    for file in ROOT.glob("*.*"):
        if file.suffix in (".html", ".css", ".js", ".svg"):
            assert attacked.request("GET", f"/{file.name}").text == file.read_text()
    assert not re.search(r"\son\w+=|<style|style=|<script(?![^>]*src=)", (ROOT / "index.html").read_text())
    for script in ROOT.glob("*.js"):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(",
                             script.read_text()), script


def test_tls_with_a_certificate_of_its_own(askd, llm, tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem", "-days", "2",
                    "-subj", "/CN=localhost"], check=True, capture_output=True)
    llm.analysis(PER_CITY, "Berlin is first.")
    files = f", tls_certificate: {tmp_path}/cert.pem, tls_key: {tmp_path}/key.pem"
    web = Web(askd, files, scheme="https")
    reply = web.ask("How much per city?", {"Accept": "text/event-stream"})
    assert events(reply.text)[-1][0] == "result", reply.text
    assert not web.raw(b"GET /health HTTP/1.1\r\n" + HEAD + b"\r\n").startswith("HTTP/1.1 2")
    askd.stop()
    other = Web(askd, files.replace("key.pem", "cert.pem"), start=False)
    result = other.askd.run("check")
    assert result.returncode != 0 and "cannot be used together" in result.stdout + result.stderr
    assert "PRIVATE KEY" not in result.stdout + result.stderr


HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
HOSTILES = [
    HOSTILE, "\" onmouseover=\"document.title='owned'\" x=\"", "' onfocus='document.title=1' autofocus='",
    "</td></tr></table><svg onload=document.title='owned'>", "</script><script>document.title='owned'</script>",
    "javascript:document.title='owned'", "[a](javascript:document.title='owned')", "**<b onclick=alert(1)>x</b>**",
    "<iframe srcdoc=\"<script>parent.document.title='owned'</script>\">", "<style>*{display:none}</style>",
    "<base href=//evil.example>", "<form action=//evil.example><input name=q>", "<meta http-equiv=refresh content=0>",
    "<a href='data:text/html,<script>1</script>'>x</a>", "${document.title='owned'}", "{{constructor.constructor('1')()}}",
    "\u202egpj.exe", "\u0000<b>", "&lt;img src=x onerror=1&gt;", "`<img src=x onerror=1>`", "=HYPERLINK(\"//evil.example\")",
    "__proto__", "constructor", "-" * 5000,
]

PROBE = """
const log = [], violations = [], real = window.fetch;
document.addEventListener('securitypolicyviolation', (e) => violations.push(`${e.violatedDirective} ${e.blockedURI}`));
const answerObject = %s;
window.fetch = async (path, options = {}) => {
  log.push(`${options.method || 'GET'} ${path}`);
  const json = (o) => new Response(JSON.stringify(o), { headers: { 'Content-Type': 'application/json' } });
  if (path.startsWith('/api/tables')) return json({ databases: [%s, 'shop'], tables: [] });
  if (path === '/api/query') {
    const text = 'event: text\\ndata: {"text":"draft"}\\n\\nevent: result\\ndata: '
      + JSON.stringify(answerObject) + '\\n\\n';
    return new Response(text, { headers: { 'Content-Type': 'text/event-stream' } });
  }
  return new Response('{}', { status: 404 });
};
await import('/page.js');
const wait = async (ready) => { while (!ready()) await new Promise(requestAnimationFrame); };
await wait(() => document.querySelectorAll('#database option').length === 2);
const box = document.getElementById('question');
box.value = 'How much?';
box.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }));
await wait(() => document.querySelector('table td'));
for (const element of document.querySelectorAll('main *'))
  for (const kind of ['mouseover', 'focus', 'load', 'error']) element.dispatchEvent(new Event(kind));
for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
const risky = [...document.querySelectorAll('*')].flatMap((e) => [...e.attributes]).filter((a) =>
  /^on|^srcdoc$|^style$|^formaction$/i.test(a.name) || /^\\s*(javascript|data|vbscript):/i.test(a.value));
await real('/result', { method: 'POST', body: JSON.stringify({ log, violations, risky: risky.map((a) => a.name),
  title: document.title, html: document.documentElement.outerHTML,
  cells: [...document.querySelectorAll('td')].map((e) => e.textContent),
  heads: [...document.querySelectorAll('th')].map((e) => e.textContent) }) });
"""


class Collector(http.server.ThreadingHTTPServer):
    """Hands every GET on to askd, with its headers, and keeps what the page posts to /result."""

    daemon_threads = True

    def __init__(self, web):
        self.result = None
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def do_GET(self):
                reply = web.request("GET", self.path)
                body = reply.text.encode()
                self.send_response(reply.status)
                for name in ("Content-Type", "Content-Security-Policy", "X-Content-Type-Options"):
                    if reply.getheader(name):
                        self.send_header(name, reply.getheader(name))
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                collector.result = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self.send_response(204)
                self.end_headers()

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


def test_the_page_shows_hostile_cells_as_text(askd, llm, tmp_path):
    site = tmp_path / "site"
    shutil.copytree(ROOT, site)
    answer = {"kind": "answer", "answer": "**Here** " + "\n\n".join(HOSTILES), "sql": f"SELECT '{HOSTILE}'",
              "columns": [*HOSTILES, "n"], "types": ["text"] * len(HOSTILES) + ["integer"],
              "data": [[*HOSTILES, 1], [None] * len(HOSTILES) + [2]], "truncated": True, "choices": HOSTILES,
              "suggestions": HOSTILES, "cost": {"usd": 0.00123, "pico": 1, "tokens": 9}, "stages": [],
              "explanation": HOSTILE, "message": HOSTILE, "insights": HOSTILES, "session_id": HOSTILE}
    page = (site / "index.html").read_text()
    assert "/page.js" in page
    (site / "index.html").write_text(page.replace("/page.js", "/probe.js"))
    (site / "probe.js").write_text(PROBE % (json.dumps(answer), json.dumps(HOSTILE)))
    web = Web(askd, start=False)
    askd.config.write_text(askd.config.read_text().replace(str(ROOT), str(site)))
    web.start()
    collector = Collector(web)
    browser = subprocess.Popen(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         f"--user-data-dir={tmp_path}/profile", "--remote-debugging-port=0",
         f"http://127.0.0.1:{collector.server_address[1]}/"], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, env={**os.environ, "HOME": str(tmp_path)})
    try:
        seen = json.loads(wait_until(lambda: collector.result, "the page to show its table", 60 * SCALE))
    finally:
        browser.terminate()
        browser.wait(20)
        collector.shutdown()
        collector.server_close()
    dom = seen["html"]
    assert "POST /api/query" in seen["log"] and "owned" not in seen["title"]
    assert seen["violations"] == [] and seen["risky"] == []
    assert seen["cells"][:len(HOSTILES)] == HOSTILES and seen["heads"][:len(HOSTILES)] == HOSTILES
    for tag in ("img", "svg", "iframe", "style", "base", "form action", "a href=\"data", "a href=\"java"):
        assert f"<{tag}" not in dom, tag
    assert dom.count("<script") == 1
    assert "&lt;img src=x" in dom and "<strong>Here</strong>" in dom
    assert re.search(r"<th[^>]*>&lt;img", dom) and re.search(r"<td[^>]*>&lt;img", dom)
    assert 'class="none"' in dom and "0.00123" in dom
