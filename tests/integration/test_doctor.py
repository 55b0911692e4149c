"""`askd doctor`: finds what is wrong, names the remedy, ends in time, and prints no secret."""

import datetime
import email.utils
import http.server
import json
import re
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

from conftest import BUILD, sound

SECRET = "sk-planted-secret"


def doctor(askd, *args, check=None, **more):
    result = askd.run("doctor", *args, **more)
    assert SECRET not in result.stdout + result.stderr
    assert result.returncode == (1 if re.search(r"^failed ", result.stdout, re.M) else 0) or "--json" in args, result
    if check is not None:
        assert result.returncode == check, result.stdout
    return result.stdout


def line(text, level, words):
    """The line of that level with these words, and its remedy."""
    found = re.search(rf"^{level} +(.*{words}.*)\n(?: +-> (.*))?", text, re.M)
    assert found, f"no line '{level} ... {words}' in:\n{text}"
    return found[1], found[2]


@pytest.fixture
def askd(askd):
    askd.config.chmod(0o600)
    return askd


class Server(http.server.BaseHTTPRequestHandler):
    status, away_s = 200, 0
    keys = []

    def do_GET(self):
        type(self).keys.append((self.path, self.headers["Authorization"]))
        self.send_response_only(self.status)
        self.send_header("Date", email.utils.formatdate(time.time() + self.away_s, usegmt=True))
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *args):
        pass


@pytest.fixture
def serve(tmp_path):
    running = []

    def begin(status=200, away_s=0, days=None):
        handler = type("Handler", (Server,), {"status": status, "away_s": away_s, "keys": []})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        name = "http"
        if days is not None:
            certificate(tmp_path, days)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
            server.socket = context.wrap_socket(server.socket, server_side=True)
            name = "https"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        running.append(server)
        return f"{name}://localhost:{server.server_port}/v1", handler

    yield begin
    for server in running:
        server.shutdown()
        server.server_close()


def certificate(folder, days, name="localhost"):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-subj", f"/CN={name}",
                    "-addext", f"subjectAltName=DNS:{name}", "-days", str(days)], check=True, capture_output=True)


def use(askd, url, key=SECRET):
    askd.write(llm=f'{{main: {{plugin: openai, base_url: "{url}", model: m, api_key: {key}}}}}')
    askd.config.chmod(0o600)


# ---- well -------------------------------------------------------------------------------------------


@pytest.mark.threads
def test_all_is_well(askd):
    text = doctor(askd, check=0)
    for words in ("configuration: .*4 instances", "daemon: askd is not running", "files: .*askd.yaml: mode 600",
                  "disk: .* MB free", "a write is safe on it after", "may be open at a time", "clock: 20",
                  "database/shop: answers SELECT 1", "llm/main: http://127.0.0.1:.* answers in", "askd check: fine"):
        line(text, "ok", words)
    assert not askd.state.exists(), "looking leaves nothing behind"
    assert not [r for r in askd.llm.requests() if "chat" in json.dumps(r)], "it asked a model"


def test_json(askd):
    askd.write(database="{shop: {plugin: sqlite, path: /nowhere/x.db}}")
    result = askd.run("doctor", "--json", check=1)
    report = json.loads(result.stdout)
    assert report["ok"] is False and result.stdout.count("\n") == 1 and SECRET not in result.stdout
    levels = {(c["subject"], c["status"]) for c in report["checks"]}
    assert ("database/shop", "failed") in levels and ("disk", "ok") in levels
    assert all(set(c) == {"subject", "status", "found", "remedy"} for c in report["checks"])


def test_beside_a_running_daemon(askd):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    askd.write(transport=f'{{web: {{plugin: http, listen: ["127.0.0.1:{port}", "unix:{askd.folder}/s"]}}}}')
    askd.config.chmod(0o600)
    line(doctor(askd), "ok", f"127.0.0.1:{port}: free")
    daemon = askd.start()
    text = doctor(askd, check=0)
    line(text, "ok", f"daemon: askd .* runs as process {daemon.pid}")
    line(text, "ok", f"127.0.0.1:{port}: askd listens there")
    line(text, "ok", "unix:.*/s: askd listens there")
    line(text, "ok", "master.key: mode 600")
    askd.config.write_text(askd.config.read_text().replace(str(port), "0"))
    assert line(doctor(askd), "warning", "askd runs but does not listen there")[1] == "askd reload"
    assert askd.stop() == 0
    assert not (askd.folder / "s").exists()


@pytest.mark.threads
def test_a_daemon_that_hangs(askd):
    daemon = askd.start()
    daemon.send_signal(signal.SIGSTOP)
    text = doctor(askd, "--timeout", "300ms", check=1)
    line(text, "failed", "daemon: no answer within 1 s")
    line(text, "ok", "database/shop: answers SELECT 1")
    result = askd.run("status", "--timeout", "300ms", check=4)
    assert "does not say how it is" in result.stderr
    daemon.send_signal(signal.SIGCONT)
    assert askd.stop() == 0


# ---- the configuration ------------------------------------------------------------------------------


@pytest.mark.parametrize("text,fault,still", [
    ("llm: {main: {base_ulr: x, plugin: openai}}", "did you mean 'base_url'", "llm/main"),
    ("database: {shop: {plugin: sqlite, path: '${NOT_SET_AT_ALL}'}}", "NOT_SET_AT_ALL", "database/shop"),
    ("lmm: {}", "did you mean 'llm'", "disk"),
    ("a: [", "askd.yaml:", "disk"),
    ("askd: {zone: Nowhere/Land}", "Nowhere/Land", "disk"),
])
def test_a_broken_configuration_is_told_first_and_the_rest_goes_on(askd, text, fault, still):
    askd.config.write_text(text + "\n")
    env = {"ASKD__ASKD__PLUGIN_PATH": f"[{BUILD}/plugins]", "ASKD__ASKD__STATE_DIR": str(askd.state)}
    said = doctor(askd, env=env, check=1)
    first = next(one for one in said.splitlines() if one.startswith("failed"))
    assert fault in first, said
    assert still in said and "disk: " in said


def test_a_file_that_is_not_there(askd):
    askd.config.unlink()
    assert "No such file" in line(doctor(askd, check=1), "failed", "configuration")[0]


def test_a_plugin_that_is_not_there(askd):
    askd.write(llm="{main: {plugin: opeani}}")
    assert "llm/main" in line(doctor(askd, check=1), "failed", "opeani")[0]


# ---- rights -----------------------------------------------------------------------------------------


def test_a_secret_that_everybody_can_read(askd):
    askd.config.chmod(0o644)
    found, remedy = line(doctor(askd, check=1), "failed", "api_key")
    assert "everybody on this machine can read it" in found and remedy == f"chmod 640 {askd.config}"
    key = askd.folder / "openai.key"
    key.write_text(SECRET)
    key.chmod(0o644)
    use(askd, askd.llm.url, key=f'"${{file:{key.name}}}"')
    askd.config.chmod(0o644)
    found, remedy = line(doctor(askd, check=1), "failed", "holds a secret")
    assert str(key) in found and remedy == f"chmod 600 {key}"
    key.chmod(0o600)
    line(doctor(askd, check=0), "ok", "askd.yaml: mode 644")


def test_the_state_and_the_key(askd):
    askd.run("key", "list", check=0)
    (askd.state / "master.key").chmod(0o644)
    askd.state.chmod(0o755)
    text = doctor(askd, check=1)
    assert line(text, "failed", "master.key can be read by others")[1] == f"chmod 600 {askd.state}/master.key"
    assert line(text, "warning", "open to other users")[1] == f"chmod 700 {askd.state}"
    (askd.state / "master.key").rename(askd.folder / "kept")
    assert "put the copy of the key back" in line(doctor(askd, check=1), "failed", "master.key: No such file")[1]


def test_a_disk_that_is_nearly_full(askd):
    inside = ["unshare", "--mount", "--map-root-user", "sh", "-ec"]
    mount = f"mkdir -p '{askd.state}'; mount -t tmpfs -o size=3M,mode=700 tmpfs '{askd.state}';"
    if subprocess.run([*inside, mount], capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount")
    result = subprocess.run([*inside, f"{mount} '{BUILD}/askd' -c '{askd.config}' doctor"], env=askd.env,
                            capture_output=True, text=True, timeout=60)
    sound(result.stderr)
    assert result.returncode == 1
    line(result.stdout, "failed", "disk: [123] MB free")


# ---- the network ------------------------------------------------------------------------------------


def test_an_address_that_another_program_has(askd):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        askd.write(transport=f'{{web: {{plugin: http, listen: ["127.0.0.1:{port}"]}}}}')
        found, remedy = line(doctor(askd, check=1), "failed", f"127.0.0.1:{port}")
        assert "another program listens there" in found and "choose another address" in remedy


@pytest.mark.threads
def test_an_endpoint_that_hangs(askd):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        use(askd, f"http://127.0.0.1:{silent.getsockname()[1]}")
        begun = time.monotonic()
        text = doctor(askd, "--timeout", "500ms", check=1)
        assert time.monotonic() - begun < 20
        line(text, "failed", "llm/main: .*(timed out|no answer)")
        line(text, "ok", "database/shop: answers SELECT 1")


def test_a_name_and_a_port_that_nobody_has(askd):
    use(askd, "http://127.0.0.1:9")
    line(doctor(askd, check=1), "failed", "http://127.0.0.1:9: .*connect")
    use(askd, f"http://somebody:{SECRET}@nowhere.invalid:1234/path?q={SECRET}")
    found, remedy = line(doctor(askd, check=1), "failed", "nowhere.invalid")
    assert "llm/main: http://nowhere.invalid:1234: " in found and "name server" in remedy


def test_a_certificate_that_nobody_vouches_for(askd, serve):
    url, handler = serve(days=400)
    use(askd, url)
    found, remedy = line(doctor(askd, check=1), "failed", "llm/main: https")
    assert "certificate" in found and "SSL_CERT_FILE" in remedy
    assert not handler.keys, "the key went to a server that nobody vouches for"
    trusting = {"SSL_CERT_FILE": str(askd.folder / "cert.pem")}
    text = doctor(askd, env=trusting, check=0)
    day = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=400)).strftime("%Y-%m-%d")
    line(text, "ok", f"its certificate is valid until {day}")
    assert handler.keys == [("/v1/models", f"Bearer {SECRET}")]


def test_a_certificate_that_ends_soon(askd, serve):
    use(askd, serve(days=5)[0])
    text = doctor(askd, env={"SSL_CERT_FILE": str(askd.folder / "cert.pem")}, check=0)
    assert "renew" in line(text, "warning", "its certificate is valid until .*, [45] days")[1]


def test_a_certificate_of_another_name(askd, tmp_path, serve):
    use(askd, serve(days=50)[0].replace("localhost", "127.0.0.1"))
    text = doctor(askd, env={"SSL_CERT_FILE": str(askd.folder / "cert.pem")}, check=1)
    line(text, "failed", "llm/main: https")


@pytest.mark.parametrize("away_s,level,words", [(3600, "failed", "behind"), (-3600, "failed", "before"),
                                                (100, "warning", "behind")])
def test_a_clock_that_is_wrong(askd, serve, away_s, level, words):
    use(askd, serve(away_s=away_s)[0])
    found, remedy = line(doctor(askd), level, "the clock of this machine")
    assert words in found and "set-ntp" in remedy and abs(int(re.search(r"is (\d+) s", found)[1]) - abs(away_s)) < 5


@pytest.mark.parametrize("status,level", [(401, "failed"), (403, "failed"), (404, "ok"), (503, "warning")])
def test_what_the_model_server_says(askd, serve, status, level):
    use(askd, serve(status=status)[0])
    line(doctor(askd), level, f"llm/main: .*HTTP {status}")


def test_a_database_that_is_not_there(askd):
    askd.database.unlink()
    found, remedy = line(doctor(askd, check=1), "failed", "database/shop")
    assert "shop.db" in found and "configuration" in remedy


def test_a_certificate_of_our_own(askd, tmp_path):
    certificate(tmp_path, 3)
    askd.write(transport=f'{{web: {{plugin: http, listen: ["127.0.0.1:0"], tls_certificate: {tmp_path}/cert.pem,'
                         f" tls_key: {tmp_path}/key.pem}}}}")
    askd.config.chmod(0o600)
    assert "askd reload" in line(doctor(askd, check=0), "warning", "cert.pem is valid for [23] more days")[1]


def test_words(askd):
    assert "did you mean --json?" in askd.run("doctor", "--jsno", check=1).stderr
    assert "expected a time" in askd.run("doctor", "--timeout", "soon", check=1).stderr
