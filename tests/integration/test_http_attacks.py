"""Requests that mean harm: each is refused or understood in one way only, and the daemon serves on."""

import concurrent.futures
import http.client
import itertools
import json
import os
import re
import shutil
import socket
import string

import pytest

from conftest import Askd, FakeLLM
from test_http import ROOT, Web, error

pytestmark = pytest.mark.threads

HEAD = b"Host: localhost\r\nConnection: close\r\n"
POST = b"POST /api/query HTTP/1.1\r\nContent-Type: application/json\r\n"
CHUNKED = POST + HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
SECOND = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
JSON = {"Content-Type": "application/json"}
MARK = "reflected-mark"


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    folder = tmp_path_factory.mktemp("attacks")
    llm = FakeLLM(folder)
    llm.script({"reply": {"action": "answer", "answer": "Good day.", "explanation": "", "sql": "", "confidence": 0.9,
                          "choices": []}})
    askd = Askd(folder, llm)
    yield Web(askd, ", header_timeout: 2s")
    assert askd.stop() == 0
    llm.stop()
    shutil.rmtree(askd.state, ignore_errors=True)


@pytest.fixture(autouse=True)
def alive(request):
    yield
    if "web" in request.fixturenames:
        web = request.getfixturevalue("web")
        assert web.status("/health") == 200 and web.ask("Hello?").status == 200


def statuses(answer):
    return [int(s) for s in re.findall(r"HTTP/1\.[01] (\d{3})", answer)]


REFUSED = {
    "bare-lf": b"GET /health HTTP/1.1\nHost: localhost\nConnection: close\n\n",
    "bare-lf-in-one": b"GET /health HTTP/1.1\r\nHost: localhost\nX-A: a\r\nConnection: close\r\n\r\n",
    "bare-lf-at-the-end": b"GET /health HTTP/1.1\r\nConnection: close\r\nHost: localhost\n\nGET /",
    "bare-cr": b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: a\rX-B: b\r\nConnection: close\r\n\r\n",
    "blank-before-colon": b"GET /health HTTP/1.1\r\nHost : localhost\r\nConnection: close\r\n\r\n",
    "no-colon": b"GET /health HTTP/1.1\r\n" + HEAD + b"foo\r\n\r\n",
    "no-name": b"GET /health HTTP/1.1\r\n" + HEAD + b": foo\r\n\r\n",
    "folded-first": b"GET /health HTTP/1.1\r\n X: a\r\n" + HEAD + b"\r\n",
    "folded-by-tab": b"GET /health HTTP/1.1\r\n" + HEAD + b"X-A: a\r\n\tb\r\n\r\n",
    "nul": b"GET /health HTTP/1.1\r\n" + HEAD + b"X-A: a\x00: b\r\n\r\n",
    "vertical-tab": POST + HEAD + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "no-utf8": b"GET /health HTTP/1.1\r\n" + HEAD + b"X-A: \xff\xfe\r\n\r\n",
    "two-blanks": b"GET  /health HTTP/1.1\r\n" + HEAD + b"\r\n",
    "no-version": b"GET /health\r\n" + HEAD + b"\r\n",
    "version-1.2": b"GET /health HTTP/1.2\r\n" + HEAD + b"\r\n",
    "http-2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "other-host": b"GET http://evil.example/health HTTP/1.1\r\n" + HEAD + b"\r\n",
    "person-in-address": b"GET http://a@localhost/health HTTP/1.1\r\n" + HEAD + b"\r\n",
    "star": b"OPTIONS * HTTP/1.1\r\n" + HEAD + b"\r\n",
    "connect": b"CONNECT localhost:22 HTTP/1.1\r\n" + HEAD + b"\r\n",
    "trace": b"TRACE /health HTTP/1.1\r\n" + HEAD + b"X-A: " + MARK.encode() + b"\r\n\r\n",
    "small-letters": b"get /health HTTP/1.1\r\n" + HEAD + b"\r\n",
    "length-and-chunks": POST + HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SECOND,
    "chunks-and-length": POST + HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + SECOND,
    "two-lengths": POST + HEAD + b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n" + SECOND,
    "two-equal-lengths": POST + HEAD + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "length-list": POST + HEAD + b"Content-Length: 2, 2\r\n\r\n{}",
    "length-plus": POST + HEAD + b"Content-Length: +2\r\n\r\n{}",
    "length-minus": POST + HEAD + b"Content-Length: -2\r\n\r\n{}",
    "length-hex": POST + HEAD + b"Content-Length: 0x2\r\n\r\n{}",
    "length-huge": POST + HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n{}",
    "length-2^64": POST + HEAD + b"Content-Length: 18446744073709551618\r\n\r\n{}",
    "coding-twice": POST + HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding-odd": POST + HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "coding-list": POST + HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "coding-1.0": b"POST /api/query HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SECOND,
    "chunk-no-number": CHUNKED + b"zz\r\n\r\n",
    "chunk-minus": CHUNKED + b"-1\r\nabc\r\n0\r\n\r\n",
    "chunk-0x": CHUNKED + b"0x2\r\n{}\r\n0\r\n\r\n",
    "chunk-blank": CHUNKED + b" 2\r\n{}\r\n0\r\n\r\n",
    "chunk-huge": CHUNKED + b"ffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
    "chunk-too-short": CHUNKED + b"1\r\n{}\r\n0\r\n\r\n",
    "big-header": b"GET /health HTTP/1.1\r\n" + HEAD + b"X-A: " + MARK.encode() * 9000 + b"\r\n\r\n",
    "big-address": b"GET /" + MARK.encode() * 9000 + b" HTTP/1.1\r\n" + HEAD + b"\r\n",
    "big-method": b"A" * 5000 + b" /health HTTP/1.1\r\n" + HEAD + b"\r\n",
    "300-headers": b"GET /health HTTP/1.1\r\n" + HEAD + b"".join(b"A%d:\r\n" % i for i in range(300)) + b"\r\n",
    "10000-headers": b"GET /health HTTP/1.1\r\n" + HEAD + b"A:\r\n" * 10000 + b"\r\n",
    "101-parameters": b"GET /health?" + b"&".join(b"a" for _ in range(101)) + b" HTTP/1.1\r\n" + HEAD + b"\r\n",
    "header-in-address": b"GET /health?a=%0d%0aX-Injected:%201%00 HTTP/1.1\r\n" + HEAD + b"\r\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_malformed_is_refused_once(web, name):
    answer = web.raw(REFUSED[name])
    assert answer and all(400 <= s <= 505 for s in statuses(answer)), answer[:600]
    assert MARK not in answer and "X-Injected" not in answer
    # One answer, and nothing behind it is taken for a request. (The library says its own refusal of
    # a Content-Length twice.)
    assert len(statuses(answer)) == 1 or name.startswith("length-") and len(set(statuses(answer))) == 1
    if "application/json" in answer:
        head, body = answer.split("\r\n\r\n", 1)
        assert set(json.loads(body)) == {"error", "code", "details"}
        assert "nosniff" in head


def test_noise_is_cut_off(web):
    # More parameters than the library has room for: it closes, and does not say that the request has ended.
    noise = [b"GET /health?" + b"a&" * n + b" HTTP/1.1\r\n" + HEAD + b"\r\n" for n in (200, 400, 2000)]
    noise += [b"\0\1\2\3\r\n\r\n", b"GET\r\n\r\n", b" GET /health HTTP/1.1\r\n\r\n", b"\r\n" * 3000,
              os.urandom(4096), b"\x80\x2e\x01\x00\x02" * 100]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for answer in pool.map(web.raw, noise * 6):
            assert 200 not in statuses(answer)


def test_pipelined_requests_are_answered_in_order(web):
    ask = b'{"question":"Hello?"}'
    post = POST + b"Host: localhost\r\nContent-Length: %d\r\n\r\n" % len(ask) + ask
    end = b"GET /nothing HTTP/1.1\r\n" + HEAD + b"\r\n"
    answer = web.raw(SECOND * 3 + post + SECOND + end)
    assert statuses(answer) == [200, 200, 200, 200, 200, 404]
    assert answer.index("Good day.") < answer.rindex('{"status":"ok"}') < answer.index("NOT_FOUND")


def test_after_chunks_nothing_is_a_request(web):
    for body in (b"2\r\n{}\r\n0\r\n\r\n", b"2\n{}\n0\n\n", b"2;x=\"\r\n{}\r\n0\r\nX: y\r\n\r\n"):
        answer = web.raw(CHUNKED.replace(b"Connection: close\r\n", b"") + body + SECOND)
        assert statuses(answer) == [400] and '"status":"ok"' not in answer, answer


def test_continue_only_for_what_is_taken(web):
    expect = HEAD + b"Expect: 100-continue\r\nContent-Length: "
    assert statuses(web.raw(POST + expect + b"99999999\r\n\r\n")) == [413]
    ask = b'{"question":"Hello?"}'
    with socket.create_connection((web.host, web.port), 20) as s:
        s.sendall(POST + expect + b"%d\r\n\r\n" % len(ask))
        assert s.recv(4096).startswith(b"HTTP/1.1 100 ")
        s.sendall(ask)
        assert b"Good day." in b"".join(iter(lambda: s.recv(65536), b""))


def test_old_and_whole_addresses_head_and_options(web):
    assert web.raw(b"GET /health HTTP/1.0\r\n\r\n").endswith('{"status":"ok"}')
    assert web.raw(b"GET http://localhost/health HTTP/1.1\r\n" + HEAD + b"\r\n").endswith('{"status":"ok"}')
    answer = web.raw(b"HEAD /health HTTP/1.1\r\n" + HEAD + b"\r\n")
    assert statuses(answer) == [200] and answer.endswith("\r\n\r\n") and "Content-Length: 15" in answer
    answer = web.raw(b"OPTIONS /api/query HTTP/1.1\r\n" + HEAD + b"\r\n")
    assert statuses(answer) == [204] and "Access-Control" not in answer
    reply = web.request("POST", "/api/sessions/s/history", "", {"X-HTTP-Method-Override": "DELETE",
                                                                "X-Method-Override": "DELETE"})
    error(reply, 405, "METHOD_NOT_ALLOWED")


CLIMBS = [*("/" + up * 8 + "etc/passwd" for up in (
    "../", "%2e%2e/", "..%2f", "%2e%2e%2f", "..\\", "..%5c", "%252e%252e%252f", "..%252f", "..;/", ".%2e/",
    "..%c0%af", "%c0%ae%c0%ae/", "..%ef%bc%8f", "....//", "%uff0e%uff0e%u2215")),
    "/etc/passwd", "//etc/passwd", "/./../askd.yaml", "/%00/etc/passwd", "/index.html%00.js", "/askd.yaml",
    "/state/manager.db", "/.git/config", "/index.html/", "/index.html/..", "/?/../../etc/passwd",
    "/api/../../etc/passwd", "/api/sessions/..%2f..%2fx/history", "/api/sessions/../../health/x"]


@pytest.mark.parametrize("path", CLIMBS)
def test_no_path_leads_out(web, path):
    answer = web.raw(f"GET {path} HTTP/1.1\r\n".encode() + HEAD + b"\r\n")
    code, = statuses(answer)
    page = (ROOT / "index.html").read_text()
    assert code in (400, 404) or answer.endswith(page), (code, answer[:300])
    assert "root:" not in answer and "SQLite format" not in answer and "state_dir" not in answer


SESSIONS = ["a\r\nX-Injected: 1", "a\nb", "a b", "\u0000", "a" * 129, "", "\x7f", "\t", "\r"]


@pytest.mark.parametrize("session", SESSIONS, ids=repr)
def test_nothing_that_is_echoed_breaks_a_header(web, session):
    reply = web.ask("Hello?", session_id=session)
    assert reply.status in (200, 400) and not reply.getheader("X-Injected")
    if session:
        assert reply.status == 400
    for name in ("Origin", "X-Request-ID", "Idempotency-Key", "Accept-Language", "Authorization", "Host"):
        for value in ("a\rX-Injected: 1", "a\nX-Injected: 1", "a\x00b", "a" * 300):
            answer = web.raw(POST + f"{name}: {value}\r\n".encode() + (b"" if name == "Host" else b"Host: localhost\r\n")
                             + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}")
            assert "\nX-Injected" not in answer, (name, value, answer)
    reply = web.request("GET", "/health", headers={"X-Request-ID": "<script>" + MARK})
    assert MARK not in str(reply.getheaders())


def deep(n, left="[", right="]"):
    return '{"question":' + left * n + right * n + "}"


BODIES = {
    "100000-lists": deep(100_000).encode(),
    "100000-objects": deep(100_000, '{"a":', "}").encode(),
    "unclosed": b'{"question":' + b"[" * 500_000,
    "75000-keys": json.dumps({f"k{i}": 1 for i in range(75_000)}, separators=(",", ":")).encode(),
    "same-key": ('{"question":"a",' + '"question":"b",' * 1000 + '"question":"c"}').encode(),
    "nul": b'{"question":"a\\u0000b"}',
    "raw-nul": b'{"question":"a\x00b"}',
    "no-utf8": b'{"question":"\xff\xfe"}',
    "overlong": b'{"question":"\xc0\xaf"}',
    "surrogate": b'{"question":"\\ud800"}',
    "half-character": b'{"question":"\xe2\x82"}',
    "byte-order-mark": b'\xef\xbb\xbf{"question":"Hello?"}',
    "utf-16": '{"question":"Hello?"}'.encode("utf-16"),
    "huge-number": b'{"question":' + b"9" * 100_000 + b"}",
    "huge-exponent": b'{"question":1e999999999}',
    "number-as-session": b'{"question":"Hello?","session_id":12345678901234567890}',
    "two-values": b'{"question":"Hello?"}{"question":"Hello?"}',
    "comment": b'{"question":"Hello?"/**/}',
    "nothing": b"",
    "text": b"question=Hello%3F",
    "100000-tables": json.dumps({"question": "Hello?", "schema": ["t"] * 100_000}).encode(),
}


@pytest.mark.parametrize("name", BODIES)
def test_hostile_json_is_refused(web, name):
    reply = web.request("POST", "/api/query", BODIES[name], JSON)
    error(reply, 413 if len(BODIES[name]) > 1 << 20 else 400,
          "TOO_LARGE" if len(BODIES[name]) > 1 << 20 else "INVALID_REQUEST")


def test_nobody_is_let_in_by_a_page_elsewhere(web):
    """The browser of this machine shows a foreign page: what can that page make it send?"""
    ask = {"question": "Hello?"}
    port = web.port
    own = {"Host": f"localhost:{port}"}
    for foreign in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": f"http://localhost:{port + 1}"},
                    {"Origin": f"http://localhost:{port}.evil.example"}, {"Origin": f"http://evil.example:{port}"},
                    {"Origin": f"http://localhost@evil.example:{port}"}, {"Sec-Fetch-Site": "cross-site"},
                    {"Sec-Fetch-Site": "same-site"}, {"Origin": ""}):
        assert web.request("POST", "/api/query", ask, {**own, **foreign}).status in (400, 401, 403), foreign
        assert web.request("GET", "/api/tables", headers={**own, **foreign}).status in (400, 401, 403), foreign
    # Its own name, pointed at this machine.
    for host in ("evil.example", f"evil.example:{port}", "localhost.evil.example", "127.0.0.1.evil.example",
                 "127.0.0.1.nip.io", "[::1].evil.example", "localhost:80@evil.example", "0", "0.0.0.0", "2130706433",
                 f"evil.example:{port}, localhost", "[::2]", "127.0.0.1%00.evil.example"):
        for origin in ({}, {"Origin": f"http://{host}"}):
            status = web.request("POST", "/api/query", ask, {"Host": host, **origin}).status
            assert status in (400, 401, 403), (host, origin)
    # A form cannot say that it sends JSON; a preflight is refused.
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        reply = web.request("POST", "/api/query", json.dumps(ask), {**own, **({"Content-Type": kind} if kind else {})})
        assert reply.status == 415, kind
    error(web.request("OPTIONS", "/api/query", headers={
        "Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}), 403, "FORBIDDEN")
    for signs in ("X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "X-Real-IP", "Via"):
        status = web.request("POST", "/api/query", ask, {signs: "127.0.0.1"}).status
        assert status in (401, 200 if signs in ("X-Forwarded-Host", "X-Real-IP", "Via") else 401), signs
    # What is ours.
    for host in ("localhost", "127.0.0.1", f"127.9.9.9:{port}", f"[::1]:{port}"):
        assert web.request("POST", "/api/query", ask, {
            "Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}).status == 200, host


def test_guessing_keys_is_slowed_for_the_address_alone(askd, llm):
    llm.analysis(None, "Good day.")
    web = Web(askd, security="{anonymous: no}", limits="{login: {by: address, rate: 5/h, burst: 5}}",
              database=f"{{shop: {{plugin: sqlite, path: {askd.database}, access: [everyone]}}}}")
    key = re.search(r"askd_[\w-]{43}", askd.run("key", "create", "program", check=0).stdout).group()

    def ask(address, given):
        connection = http.client.HTTPConnection(web.host, web.port, timeout=20, source_address=(address, 0))
        connection.request("GET", "/api/tables", headers={"Authorization": given})
        reply = connection.getresponse()
        reply.text = reply.read().decode()
        connection.close()
        return reply

    guesses = (f"Bearer askd_{''.join(g)}" for g in itertools.permutations(string.ascii_letters[:43]))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        seen = sorted(reply.status for reply in pool.map(
            lambda g: ask("127.0.0.2", g), itertools.islice(guesses, 40)))
    assert seen == [401] * 5 + [429] * 35, seen
    reply = ask("127.0.0.2", f"Bearer {key}")  # also the right one, while it is slowed
    error(reply, 429, "RATE_LIMIT")
    assert int(reply.getheader("Retry-After")) > 60
    for _ in range(10):
        assert ask("127.0.0.3", f"Bearer {key}").status == 200
    for odd in ("Bearer", "Bearer ", "Basic YTpi", f"bearer {key}x", f"Bearer {key} {key}", f"Bearer {key[:-1]}"):
        assert ask("127.0.0.3", odd).status in (401, 429), odd
    log = askd.log.read_text()
    assert key not in log and "askd_abc" not in log


def test_many_at_once_send_garbage(web):
    """All of the above at the same time, and others are served meanwhile."""
    def attack(name):
        return web.raw(REFUSED[name])

    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        attacks = [pool.submit(attack, name) for name in list(REFUSED) * 6]
        for _ in range(20):
            assert web.ask("Hello?").status == 200
        for one in attacks:
            assert 200 not in statuses(one.result())
