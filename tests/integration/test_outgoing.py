"""Outgoing HTTP: certificates, proxies, replies that were compressed, HTTP/2."""

import concurrent.futures
import contextlib
import http.client
import http.server
import json
import queue
import re
import select
import socket
import ssl
import subprocess
import threading
import zlib

import h2.config
import h2.connection
import h2.events
import pytest

from conftest import DECISION, PER_CITY, wait_until
from test_http import Web, events

pytestmark = pytest.mark.threads
ANSWER = "Berlin is first."
ELSEWHERE = "models.example.invalid"  # a name that only a proxy knows


def serve(handle):
    """Calls handle(connection) in a thread of its own for each that comes; the port."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=512)

    def one(connection):
        with contextlib.suppress(OSError), connection:
            handle(connection)

    def accept():
        while True:
            connection, _ = listening.accept()
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listening.getsockname()[1]


def splice(one, other):
    """Carries bytes both ways until one side ends. In one thread, as OpenSSL wants it."""
    while True:
        ready = [side for side in (one, other) if isinstance(side, ssl.SSLSocket) and side.pending()]
        for source in ready or select.select([one, other], [], [])[0]:
            data = source.recv(65536)
            if not data:
                return
            (other if source is one else one).sendall(data)


class Authority:
    """Makes certificates for a name, with openssl."""

    def __init__(self, folder):
        self.folder = folder
        self.file = folder / "authority.pem"
        self._openssl("req", "-x509", "-subj", "/CN=an authority", "-out", self.file,
                      "-keyout", folder / "authority.key", key=True)

    def _openssl(self, *args, key=False):
        made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"] if key else []
        subprocess.run(["openssl", *map(str, args), *made], check=True, capture_output=True)

    def certify(self, name, own=True):
        """(certificate, key); own=False: by itself and nobody else."""
        certificate, key = self.folder / "server.pem", self.folder / "server.key"
        by = ["-CA", self.file, "-CAkey", self.folder / "authority.key"] if own else []
        self._openssl("req", "-x509", "-subj", "/CN=server", "-addext", f"subjectAltName={name}",
                      "-addext", "basicConstraints=critical,CA:false", "-out", certificate, "-keyout", key,
                      *by, key=True)
        return certificate, key


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


class Tls:
    """Speaks TLS (and HTTP/1.1) in front of the model."""

    def __init__(self, llm, certificate, key):
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.load_cert_chain(certificate, key)
        self.model, self.connections = ("127.0.0.1", llm.port), 0
        self.port = serve(self.handle)

    def handle(self, connection):
        self.connections += 1
        with self.context.wrap_socket(connection, server_side=True) as secure, \
                socket.create_connection(self.model) as model:
            splice(secure, model)


class Proxy:
    """Leads every name to one port, or refuses with a status; keeps the heads of what it was asked."""

    def __init__(self, to, refuse=None):
        self.to, self.refuse, self.heads = to, refuse, []
        self.port = serve(self.handle)

    def handle(self, connection):
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(65536) or b"\r\n\r\n"
        self.heads.append(head.decode())
        if self.refuse:
            connection.sendall(f"HTTP/1.1 {self.refuse} No\r\nContent-Length: 0\r\n\r\n".encode())
            return
        with socket.create_connection(("127.0.0.1", self.to)) as server:
            if head.startswith(b"CONNECT "):
                connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                server.sendall(re.sub(rb"^(\w+) http://[^/]+", rb"\1 ", head))
            splice(connection, server)


@pytest.fixture
def asks(askd, llm):
    """Asks through a model at that URL: the object of --json, and the log."""
    for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY",
                 "SSL_CERT_FILE"):
        askd.env.pop(name, None)
    llm.analysis(PER_CITY, ANSWER)

    def ask(url, **env):
        askd.write(llm=f"{{main: {{plugin: openai, base_url: \"{url}\", model: test-model,"
                       " api_key: sk-planted-secret}}")
        result = askd.run("ask", "--json", "How much per city?", env=env)
        return json.loads(result.stdout), result.stderr
    return ask


def answered(reply):
    return reply[0]["kind"] == "answer" and reply[0]["answer"] == ANSWER


def failed(reply, *words):
    """No answer, for a reason that the log names, and nothing is charged."""
    said, log = reply
    assert said["kind"] == "error" and said["cost"]["pico"] == 0, said
    for word in words:
        assert word in log, log
    assert "sk-planted-secret" not in log


# ---- certificates --------------------------------------------------------------------------------


def test_certificate_of_an_own_authority(asks, llm, authority):
    tls = Tls(llm, *authority.certify("IP:127.0.0.1"))
    url = f"https://127.0.0.1:{tls.port}/v1"
    failed(asks(url), f"127.0.0.1:{tls.port}: SSL certificate problem: unable to get local issuer", "SSL_CERT_FILE")
    assert tls.connections == 1, "what ends the same way is not tried again"
    assert llm.requests() == []
    assert answered(asks(url, SSL_CERT_FILE=str(authority.file)))


def test_self_signed_certificate_is_refused_by_name(asks, llm, authority):
    tls = Tls(llm, *authority.certify("IP:127.0.0.1", own=False))
    failed(asks(f"https://127.0.0.1:{tls.port}/v1", SSL_CERT_FILE=str(authority.file)),
           "SSL certificate problem: self-signed certificate")


def test_certificate_for_another_name_is_refused(asks, llm, authority):
    tls = Tls(llm, *authority.certify(f"DNS:{ELSEWHERE}"))
    failed(asks(f"https://localhost:{tls.port}/v1", SSL_CERT_FILE=str(authority.file)),
           "no alternative certificate subject name matches target host name 'localhost'")
    assert llm.requests() == []


def test_file_of_authorities_that_is_none_is_named(asks, llm, authority, tmp_path):
    tls = Tls(llm, *authority.certify("IP:127.0.0.1"))
    failed(asks(f"https://127.0.0.1:{tls.port}/v1", SSL_CERT_FILE=str(tmp_path / "nowhere.pem")), "nowhere.pem")


# ---- proxies -------------------------------------------------------------------------------------


def test_proxy_of_the_environment(asks, llm):
    proxy = Proxy(llm.port)
    assert answered(asks(f"http://{ELSEWHERE}/v1", http_proxy=f"http://127.0.0.1:{proxy.port}"))
    assert proxy.heads[0].startswith(f"POST http://{ELSEWHERE}/v1/chat/completions HTTP/1.1\r\n")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1"])
def test_question_for_this_machine_meets_no_proxy(asks, llm, host):
    """Else rows that may not leave the machine would."""
    proxy = Proxy(llm.port)
    url = f"http://127.0.0.1:{proxy.port}"
    assert answered(asks(f"http://{host}:{llm.port}/v1", http_proxy=url, ALL_PROXY=url))
    assert proxy.heads == []


def test_proxy_sees_nothing_of_what_is_said_over_tls(asks, llm, authority):
    tls = Tls(llm, *authority.certify(f"DNS:{ELSEWHERE}"))
    proxy = Proxy(tls.port)
    assert answered(asks(f"https://{ELSEWHERE}/v1", SSL_CERT_FILE=str(authority.file),
                         https_proxy=f"http://ada:planted-password@127.0.0.1:{proxy.port}"))
    for head in proxy.heads:
        assert head.startswith(f"CONNECT {ELSEWHERE}:443 HTTP/1.1\r\n")
        assert "Proxy-Authorization: Basic" in head and "sk-planted" not in head
    assert proxy.heads
    assert not any("proxy-authorization" in map(str.lower, r["headers"]) for r in llm.requests())


@pytest.mark.parametrize("status,tries", [(407, 1), (403, 1), (502, 3)])
def test_proxy_that_refuses_is_named_and_costs_nothing(asks, llm, status, tries):
    proxy = Proxy(llm.port, refuse=status)
    reply = asks(f"https://{ELSEWHERE}/v1", https_proxy=f"http://ada:planted-password@127.0.0.1:{proxy.port}")
    failed(reply, f"{ELSEWHERE}:443: the proxy answered {status}")
    assert len(proxy.heads) == tries and "planted-password" not in reply[1]


def test_what_a_proxy_was_asked_is_no_call_of_the_model(asks, llm):
    """TLS fails behind the proxy: it took bytes, the model took none."""
    proxy = Proxy(llm.port)
    failed(asks(f"https://{ELSEWHERE}/v1", https_proxy=f"http://127.0.0.1:{proxy.port}"), "SSL connect error")


def test_proxy_that_is_down_is_named(asks):
    with socket.socket() as bound:  # and not listening
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        failed(asks(f"https://{ELSEWHERE}/v1", https_proxy=f"http://127.0.0.1:{port}"),
               f"{ELSEWHERE}:443: Failed to connect to 127.0.0.1 port {port}")


# ---- compressed replies --------------------------------------------------------------------------


class Compressing(http.server.BaseHTTPRequestHandler):
    """Hands the model's replies on in gzip, piece by piece; `spoil` may change the pieces."""
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        assert "gzip" in self.headers["Accept-Encoding"]
        model = http.client.HTTPConnection("127.0.0.1", self.server.model)
        model.request("POST", self.path, self.rfile.read(int(self.headers["Content-Length"])),
                      {"Content-Type": "application/json"})
        reply = model.getresponse()
        packer = zlib.compressobj(wbits=31)
        self.send_response(reply.status)
        for name, value in (("Content-Type", reply.headers["Content-Type"]), ("Content-Encoding", "gzip"),
                            ("Transfer-Encoding", "chunked")):
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(OSError):
            for data in self.server.spoil(packer, iter(lambda: reply.read1(4096), b"")):
                if data:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *args):
        pass


def pack(packer, pieces):
    for piece in pieces:
        yield packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()


def garble(packer, pieces):
    yield b"\x1f\x8b\x08\x00 this is no gzip, only its first bytes"


def bomb(packer, pieces):
    """A gigabyte of blanks in a megabyte."""
    blanks = b" " * (1 << 20)
    for _ in range(1024):
        yield packer.compress(blanks)
    yield packer.flush()


@pytest.fixture
def compressing(llm):
    @contextlib.contextmanager
    def start(spoil):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Compressing)
        server.model, server.spoil = llm.port, spoil
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        server.shutdown()
        server.server_close()
    return start


def test_compressed_reply_whole_and_as_a_stream(askd, llm, compressing):
    llm.analysis(PER_CITY, ANSWER)
    with compressing(pack) as url:
        web = Web(askd, llm=f"{{main: {{plugin: openai, base_url: \"{url}\", model: test-model}}}}")
        assert json.loads(web.ask("How much per city?").text)["answer"] == ANSWER
        reply = web.ask("How much per city?", {"Accept": "text/event-stream"})
        assert events(reply.text)[-1][1]["answer"] == ANSWER
        assert any(request["body"].get("stream") for request in llm.requests())


@pytest.mark.parametrize("spoil,reason", [(garble, "PROTOCOL: "), (bomb, r"TOO_LARGE: \S+ the reply is larger than ")])
def test_spoiled_compression_is_an_error_with_its_reason(asks, llm, compressing, spoil, reason):
    with compressing(spoil) as url:
        said, log = asks(url)
    assert said["kind"] == "error" and re.search("the turn failed with " + reason, log), log


# ---- many over TLS -------------------------------------------------------------------------------


class Http2:
    """Speaks HTTP/2 in front of the model."""

    def __init__(self, llm, certificate, key):
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.load_cert_chain(certificate, key)
        self.context.set_alpn_protocols(["h2"])
        self.model, self.calls = llm.port, []  # for each connection the number of its calls
        self.port = serve(self.handle)

    def handle(self, plain):
        bodies, replies = {}, queue.SimpleQueue()
        wake, waker = socket.socketpair()
        with self.context.wrap_socket(plain, server_side=True) as secure, wake, waker:
            number = len(self.calls)
            self.calls.append(0)
            state = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
            state.initiate_connection()
            while True:
                secure.sendall(state.data_to_send())
                ready = [secure] if secure.pending() else select.select([secure, wake], [], [])[0]
                if wake in ready:
                    wake.recv(1)
                    stream, data = replies.get()
                    state.send_headers(stream, [(":status", "200"), ("content-type", "application/json")])
                    state.send_data(stream, data, end_stream=True)
                if secure not in ready:
                    continue
                data = secure.recv(65536)
                if not data:
                    return
                for event in state.receive_data(data):
                    if isinstance(event, h2.events.DataReceived):
                        bodies[event.stream_id] = bodies.get(event.stream_id, b"") + event.data
                        state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    elif isinstance(event, h2.events.StreamEnded):
                        self.calls[number] += 1
                        threading.Thread(target=self.answer, daemon=True, args=(
                            event.stream_id, bodies.pop(event.stream_id), replies, waker)).start()

    def answer(self, stream, body, replies, waker):
        model = http.client.HTTPConnection("127.0.0.1", self.model)
        model.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
        replies.put((stream, model.getresponse().read()))
        with contextlib.suppress(OSError):  # nobody waits there any more
            waker.send(b"!")


DIRECT = json.dumps({**DECISION, "action": "answer", "answer": ANSWER, "sql": ""})


def trusting(askd, authority, url):
    """A daemon that knows the authority and asks the model at that URL."""
    askd.env["SSL_CERT_FILE"] = str(authority.file)
    return Web(askd, llm=f"{{main: {{plugin: openai, base_url: \"{url}\", model: test-model, json: off}}}}")


def held(web, llm, count):
    """So many questions wait at the model together; then all are answered."""
    llm.script({"reply": DIRECT, "hold": 0})
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        replies = [pool.submit(web.ask, f"Question {i}?") for i in range(count)]
        try:
            wait_until(lambda: llm._call("/__stats")["open"] == count,
                       f"{count} calls to wait at the model together", 60)
        finally:
            llm._call("/__release", {})
        for reply in replies:
            assert json.loads(reply.result().text)["answer"] == ANSWER


@pytest.mark.parametrize("count,connections", [(90, 1), (200, 32)])
def test_http2_carries_many_over_few_connections(askd, llm, authority, count, connections):
    """A connection takes 100 at once; 32 is the limit for an origin."""
    server = Http2(llm, *authority.certify("IP:127.0.0.1"))
    web = trusting(askd, authority, f"https://127.0.0.1:{server.port}/v1")
    held(web, llm, count)
    assert sum(server.calls) == count and len(server.calls) <= connections, server.calls


def test_http1_over_tls_is_not_held_to_the_connections_of_http2(askd, llm, authority):
    tls = Tls(llm, *authority.certify("IP:127.0.0.1"))
    web = trusting(askd, authority, f"https://127.0.0.1:{tls.port}/v1")
    llm.script({"reply": DIRECT})
    assert json.loads(web.ask("What does the server speak?").text)["answer"] == ANSWER
    held(web, llm, 100)
