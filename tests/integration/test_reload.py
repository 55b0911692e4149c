"""A changed configuration is taken up by the running daemon, or refused as a whole."""

import concurrent.futures
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import threading
import time

import pytest

from chat import chat  # noqa: F401: a fixture
from conftest import BUILD, PER_CITY, SCALE, TREE, FakeLLM, wait_until
from test_http import Web, events, free_port

pytestmark = pytest.mark.threads

LIMITS = ("{key: {by: key, rate: 10000/s, burst: 10000, concurrent: 1000}, question: {by: person, rate: 10000/s,"
          " burst: 10000, concurrent: 1000, waiting: 1000}}")


QUERY = "skill/" + "query"  # the instance, whatever its plugin is called


class Site(Web):
    """A daemon that listens, and the configurations that it gets one after the other."""

    def __init__(self, askd, /, **sections):
        self.askd, self.port, self.scheme, self.host = askd, free_port(), "http", "127.0.0.1"
        self.write(**sections)
        self.start()

    def http(self, options="", port=None):
        return f'{{plugin: http, listen: ["127.0.0.1:{port or self.port}"]{options}}}'

    def write(self, options="", more="", **sections):
        sections.setdefault("security", "{anonymous: loopback}")
        sections.setdefault("limits", LIMITS)
        sections.setdefault("transport", f"{{web: {self.http(options)}}}")
        self.askd.write(more, **sections)

    def reload(self, *expected, **sections):
        """Writes, reloads, and wants these lines."""
        self.write(**sections)
        return reload(self.askd, *expected)


def reload(askd, *expected, check=0):
    result = askd.run("reload", check=check)
    lines = (result.stdout + result.stderr).splitlines()
    for line in expected:
        assert any(re.fullmatch(line, got) for got in lines), (line, lines)
    return lines


def hangup(askd):
    """SIGHUP, and its line in the log."""
    before = len(askd.log.read_text())
    askd.daemon.send_signal(signal.SIGHUP)
    return wait_until(lambda: re.search(r".* (?:not )?reloaded.*\n", askd.log.read_text()[before:]),
                      "the reload to be told in the log").group()


def spoken_to(site, request):
    """A connection that has had its answer."""
    connection = socket.create_connection((site.host, site.port), 20)
    connection.sendall(request)
    assert connection.recv(10000).startswith(b"HTTP/1.1 200")
    return connection


def shop(askd, name="shop", more="", file=None):
    return f"{name}: {{plugin: sqlite, path: {file or askd.database}{more}}}"


def llm_at(url):
    return f'{{main: {{plugin: openai, base_url: "{url}", model: test-model, api_key: sk-planted-secret}}}}'


@pytest.fixture
def other_llm(tmp_path):
    folder = tmp_path / "other"
    folder.mkdir()
    fake = FakeLLM(folder)
    yield fake
    fake.stop()


def held(llm, answer):
    """A model that stops in the middle of its words until it is released."""
    llm.script({"match": ["You translate a question into SQL"],
                "reply": {"action": "sql", "answer": "", "explanation": "", "confidence": 0.9,
                          "choices": [], "sql": PER_CITY}},
               {"match": ["You explain a query result"], "reply": answer, "hold": 1})


def answer_of(reply):
    assert reply.status == 200, reply.text
    return json.loads(reply.text)["answer"]


# ---- what is said ----------------------------------------------------------------------------------


def test_nothing_has_changed(askd):
    Site(askd)
    assert reload(askd) == ["nothing has changed"]
    assert "nothing has changed" in hangup(askd)
    assert askd.stop() == 0


def test_every_change_is_told(askd, llm, other_llm):
    site = Site(askd, askd=askd.section("log: {level: info}"))
    lines = site.reload(
        askd=askd.section("log: {level: debug}", "workers: {max: 100}"), llm=llm_at(other_llm.url),
        database=f"{{{shop(askd, more=', access: [everyone]')}, {shop(askd, 'copy')}}}",
        limits=LIMITS.replace("1000}}", "999}}"), skill="{query: null, ping: {plugin: ping}}",
        pricing="{main: {test-model: {input: 1, output: 1}}}",
        assistant="{stages: {analysis: {temperature: 0.5}}}")
    assert sorted(lines) == [
        "askd.log: changed", "askd.workers: changed", "assistant: changed", "database/copy: added",
        "database/shop: changed, its connections stay", "limits: changed", "llm/main: replaced",
        "pricing: changed", "skill/ping: added", f"{QUERY}: removed"]
    assert f" reloaded: {'; '.join(lines)}\n" in askd.log.read_text()
    lines = site.reload()
    assert "askd.workers: back to its default" in lines and f"{QUERY}: added" in lines
    assert reload(askd) == ["nothing has changed"]
    assert askd.stop() == 0


def test_prompts_and_secrets_from_files_count(askd, llm, tmp_path):
    key, prompt = tmp_path / "key", tmp_path / "prompt.md"
    key.write_text("sk-the-first-key")
    prompt.write_text("You translate a question into SQL. One.\n--- user\n{question}\n")
    llm.analysis(PER_CITY, "Berlin is first.")
    site = Site(askd, llm=llm_at(llm.url).replace("sk-planted-secret", f'"${{file:{key}}}"'),
                assistant=f"{{stages: {{analysis: {{prompt: {prompt}}}}}}}")
    site.ask("How much per city?")
    key.write_text("sk-the-second-key")
    assert reload(askd) == ["llm/main: replaced"]
    prompt.write_text(prompt.read_text().replace("One", "Two"))
    assert reload(askd) == ["assistant: changed"]
    site.ask("How much per city?")
    first, *_, last = [r for r in llm.requests() if "You translate" in json.dumps(r["body"])]
    assert "sk-the-first-key" in str(first["headers"]) and "sk-the-second-key" in str(last["headers"])
    assert "One" in json.dumps(first["body"]) and "Two" in json.dumps(last["body"])
    assert askd.stop() == 0
    assert "sk-the" not in askd.log.read_text()


def test_no_daemon_and_other_words(askd):
    result = askd.run("reload", check=1)
    assert result.stderr == (f"askd: no daemon is running on {askd.state}: `askd run` reads the "
                             "configuration when it starts\n")
    Site(askd)
    assert "'now' was not expected after 'reload'" in askd.run("reload", "now", check=1).stderr
    assert "askd reload [-c FILE]" in askd.run("help", "reload", check=0).stdout
    assert askd.stop() == 0


# ---- what is refused -------------------------------------------------------------------------------


def test_a_broken_file_changes_nothing(askd, llm):
    llm.analysis(PER_CITY, "Berlin is first.")
    site = Site(askd)
    good = askd.config.read_text()
    askd.config.write_text(good + "limits: {\n")
    line = hangup(askd)
    place = re.search(rf"{askd.config}:\d+:\d+: ", line)
    assert place and "error" in line and "not reloaded, nothing has changed" in line, line
    assert place.group() in "".join(reload(askd, check=1))
    askd.config.write_text(good)
    # What only the plugin's own table knows is found as early.
    site.write(options=", boddy: 1M")
    assert re.search(rf"error main not reloaded.*{askd.config}:\d+:\d+: .*'boddy'.*body", hangup(askd))
    lines = reload(askd, check=1)
    assert len(lines) == 1 and re.search(r"yaml:\d+:\d+: .*'boddy'.*body", lines[0]), lines
    # So is what does not open, what the stages name, and what clashes.
    site.write(options=", tls_certificate: /nowhere.pem, tls_key: /nowhere.pem")
    assert "transport/web: tls_certificate: cannot read /nowhere.pem" in reload(askd, check=1)[0]
    site.write(assistant="{stages: {analysis: {llm: mian}}}")
    assert "did you mean 'main'" in reload(askd, check=1)[0]
    site.write(skill="{query: {plugin: query}, again: {plugin: query}}")
    assert "both want" in reload(askd, check=1)[0]
    site.write(database=f"{{{shop(askd)}, {shop(askd, 'new')}}}", llm="{main: {plugin: opena}}")
    assert "did you mean openai?" in reload(askd, check=1)[0]
    assert site.status("/ready") == 200
    assert "Berlin is first." in answer_of(site.ask("How much per city?"))
    assert site.reload() == ["nothing has changed"]
    assert askd.stop() == 0
    assert len(re.findall(" error ", askd.log.read_text())) == 6


def test_what_needs_a_restart_is_named_and_the_rest_applies(askd, llm, tmp_path):
    plugins = tmp_path / "plugins"
    shutil.copytree(BUILD / "plugins", plugins, ignore=lambda folder, names: [
        name for name in names if not name.endswith(".so") and pathlib.Path(folder) != BUILD / "plugins"])
    section = f"{{state_dir: {askd.state}, plugin_path: [{plugins}, {BUILD}/test-plugins]}}"
    site = Site(askd, askd=section)
    site.write(askd=section, store="{durability: normal}", more="budgets: {all: {by: organisation, day: 5}}\n")
    assert reload(askd) == ["budgets: changed",
                            "needs a restart: store: the databases that were opened at the start stay"]
    assert reload(askd) == ["nothing has changed",
                            "needs a restart: store: the databases that were opened at the start stay"]
    site.write(askd=section, security=f"{{anonymous: loopback, master_key: \"{'00' * 32}\"}}")
    assert reload(askd) == ["budgets: changed",
                            "needs a restart: security.master_key: the key that was given at the start stays"]
    site.write(askd=section.replace("state,", "elsewhere,"))
    assert "askd.state_dir" not in hangup(askd)
    assert f"needs a restart: askd.state_dir: the state stays in {askd.state}\n" in askd.log.read_text()
    assert not (tmp_path / "elsewhere").exists()
    site.write(askd=section)
    # The same plugin, built anew: another build-id at the old place.
    target = plugins / "llm" / "openai.so"
    fresh = target.with_suffix(".new")
    shutil.copy(BUILD / "plugins" / "llm" / "openai.so", fresh)
    note = fresh.read_bytes()
    at = note.index(b"GNU\0", note.index(b"\x03\0\0\0GNU\0")) + 4
    fresh.write_bytes(note[:at] + bytes([note[at] ^ 1]) + note[at + 1:])
    fresh.rename(target)
    assert reload(askd)[-1] == f"needs a restart: llm/main: {target} has changed since it was loaded"
    assert askd.stop() == 0
    assert "the budget 'all' is not enforced" in askd.log.read_text()


# ---- what changes ----------------------------------------------------------------------------------


def test_a_question_ends_under_the_configuration_that_it_began_with(askd, llm, other_llm):
    held(llm, "Berlin is first, says the old one.")
    other_llm.analysis(PER_CITY, "Berlin is first, says the new one.")
    site = Site(askd)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        old = pool.submit(site.ask, "How much per city?")
        wait_until(lambda: len(llm.requests()) == 2, "the question to be held in the answer stage")
        lines = site.reload(llm=llm_at(other_llm.url), skill="{ping: {plugin: ping}, query: {plugin: query}}",
                            database=f"{{{shop(askd, 'renamed')}}}")
        assert "database/shop: removed" in lines and "llm/main: replaced" in lines
        assert "the new one" in answer_of(site.ask("How much per city?"))
        assert not old.done()
        llm._call("/__release", {})
        assert "the old one" in answer_of(old.result())
    assert len(llm.requests()) == 2
    assert askd.stop() == 0


def test_databases_come_go_and_change(askd, llm):
    llm.analysis(PER_CITY, "These are the figures.")
    site = Site(askd)

    def rows(**more):
        return json.loads(site.ask("How much per city?", **more).text)["data"]

    assert len(rows()) == 3
    second = askd.folder / "second.db"
    shutil.copy(askd.database, second)
    connection = sqlite3.connect(second)
    connection.execute("update customers set city = 'Berlin'")
    connection.commit()
    connection.close()
    assert site.reload(database=f"{{{shop(askd, file=second)}}}") == ["database/shop: replaced"]
    assert len(rows()) == 1
    assert site.reload(database=f"{{{shop(askd, file=second)}, {shop(askd, 'other')}}}") == ["database/other: added"]
    assert len(rows(database="other")) == 3 and len(rows(database="shop")) == 1
    assert site.reload(database=f"{{{shop(askd, 'other')}}}") == ["database/shop: removed"]
    reply = json.loads(site.ask("How much per city?", database="shop").text)
    assert reply["kind"] == "refused" and "no database shop here" in reply["message"], reply
    assert len(rows()) == 3  # the only one needs no name
    # Rights and limits change while the connections stay.
    site.reload("database/other: changed, its connections stay",
                database=f"{{{shop(askd, 'other', ', limits: {rows: 2}')}}}")
    assert len(rows()) == 2
    assert askd.stop() == 0


def test_settings_of_the_server_change_under_its_connections(askd, llm):
    held(llm, "Berlin is first, of all the cities.")
    site = Site(askd)
    idle = spoken_to(site, b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    stream = site.connect()
    stream.request("POST", "/api/query", json.dumps({"question": "How much per city?"}),
                   {"Content-Type": "application/json", "Accept": "text/event-stream"})
    reply = stream.getresponse()
    wait_until(lambda: len(llm.requests()) == 2, "the question to be held")
    fresh = socket.create_connection((site.host, site.port))  # connected, and says nothing yet
    page = {"Origin": "https://app.example"}
    assert not site.request("GET", "/health", headers=page).getheader("Access-Control-Allow-Origin")
    assert site.reload(options=", cors: [\"https://app.example\"]") == ["transport/web: replaced"]
    assert site.request("GET", "/health", headers=page).getheader("Access-Control-Allow-Origin")
    # Who had his answer is let go; who waits for one, or has not spoken yet, is served.
    assert idle.recv(100) == b""
    fresh.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert fresh.recv(100).startswith(b"HTTP/1.1 200")
    fresh.close()
    llm._call("/__release", {})
    assert events(reply.read().decode())[-1][0] == "result"
    stream.close()
    idle.close()
    assert askd.stop() == 0



def test_ports_come_go_and_stay(askd, llm):
    llm.analysis(PER_CITY, "Berlin is first.")
    site = Site(askd)
    second, third = free_port(), free_port()
    assert site.reload(transport=f"{{web: {site.http()}, more: {site.http(port=second)}}}") == ["transport/more: added"]
    first, site.port = site.port, second
    wait_until(lambda: site.status("/ready") == 200, "the new transport to listen")
    # An address that moves to another transport is open all the time.
    stop, refused = threading.Event(), []

    def knock():
        while not stop.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", second, timeout=20)
            try:
                connection.request("GET", "/ready")
                assert connection.getresponse().read() == b'{"status":"ready"}'
            except (OSError, AssertionError, http.client.HTTPException) as e:
                refused.append(e)
            finally:
                connection.close()

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        knocking = pool.submit(knock)
        try:
            assert site.reload(transport=f"{{other: {site.http(port=second)}}}") == [
                "transport/other: added", "transport/web: removed", "transport/more: removed"]
            assert site.reload(transport=f"{{web: {site.http(port=second)}}}")
            assert site.reload(transport=f'{{web: {{plugin: http, listen: ["127.0.0.1:{second}", '
                                         f'"127.0.0.1:{third}"]}}}}') == ["transport/web: replaced"]
            site.port = third
            wait_until(lambda: site.status("/ready") == 200, "the third port to listen")
        finally:
            stop.set()
        knocking.result()
    assert not refused, refused
    # One that nobody listens on any more is given up.
    assert site.reload() == ["transport/web: replaced"]
    for port in (first, second):
        wait_until(lambda port=port: is_refused(port), f"port {port} to be closed")
    assert "Berlin is first." in answer_of(site.ask("How much per city?"))
    assert askd.stop() == 0


def is_refused(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_renewed_certificate_is_taken(askd, tmp_path):
    def renew(name):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                        "-nodes", "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem",
                        "-days", "2", "-subj", f"/CN={name}"], check=True, capture_output=True)
        return (tmp_path / "cert.pem").read_text().strip()

    def shown():
        return ssl.get_server_certificate(("127.0.0.1", site.port)).strip()

    old = renew("old")
    site = Site.__new__(Site)
    site.askd, site.port, site.scheme, site.host = askd, free_port(), "https", "127.0.0.1"
    site.write(f", tls_certificate: {tmp_path}/cert.pem, tls_key: {tmp_path}/key.pem")
    site.start()
    assert shown() == old
    assert reload(askd) == ["nothing has changed"]
    new = renew("new")
    assert reload(askd) == ["transport/web: replaced"]
    wait_until(lambda: shown() == new, "the new certificate")
    (tmp_path / "key.pem").write_text("-----BEGIN nothing")
    assert "cannot be used together" in reload(askd, check=1)[0]
    assert shown() == new
    assert askd.stop() == 0


def test_workers_limits_and_rights(askd, llm):
    llm.analysis(PER_CITY, "Berlin is first.")
    few = "{question: {by: person, rate: 1/h, burst: 1, concurrent: 8, waiting: 8}}"
    site = Site(askd, limits=few)
    assert site.ask("How much?").status == 200
    assert site.ask("How much?").status == 429
    # Another setting leaves what was used used; another rate begins anew.
    assert site.reload(limits=few, askd=askd.section("workers: {max: 2, queue: 1}")) == ["askd.workers: changed"]
    assert site.ask("How much?").status == 429
    assert site.reload(limits=few.replace("1/h", "1/min"), security="{anonymous: no}") == [
        "askd.workers: back to its default", "security.anonymous: changed", "limits: changed"]
    assert site.ask("How much?").status == 401
    assert site.reload() == ["security.anonymous: changed", "limits: changed"]
    assert site.ask("How much?").status == 200
    assert askd.stop() == 0


# ---- chats -----------------------------------------------------------------------------------------


def test_a_chat_goes_on_through_reloads(askd, chat):
    go = askd.folder / "go"
    chat.write()
    askd.start()
    assert chat.ask("echo one") == "one"
    chat.taken(chat.put(f"wait {go}"))
    wait_until(lambda: askd.sql("select status from turns where kind is null") == [("running",)], "a turn to run")
    chat.write(", per_second: 1000")
    assert reload(askd) == ["transport/chat: replaced"]
    assert chat.ask("echo two", "d", sender="8") == "two"
    go.touch()
    assert chat.wait(2)[-1] == "waited"
    # What is answered while the chat is gone goes out when it is back.
    (askd.folder / "go").unlink()
    chat.taken(chat.put(f"wait {go}"))
    wait_until(lambda: len(askd.sql("select id from turns where status = 'running'")) == 1, "a turn to run")
    with_chat = askd.config.read_text()
    askd.config.write_text(re.sub("transport: .*", "", with_chat))
    assert reload(askd) == ["transport/chat: removed"]
    go.touch()
    wait_until(lambda: askd.sql("select count(*) from turns where status = 'running'") == [(0,)], "the turn to end")
    assert chat.texts() == ["one", "waited"]
    askd.config.write_text(with_chat)
    assert reload(askd) == ["transport/chat: added"]
    assert chat.wait(3) == ["one", "waited", "waited"]
    assert askd.stop() == 0
    assert askd.sql("select count(*) from outbox where status in (0, 1)") == [(0,)]


def test_a_dialogue_of_a_skill_that_is_gone_gets_a_sentence(askd, chat):
    chat.write()
    askd.start()
    assert chat.ask("/dialogue") == "which colour?"
    chat.ask("/buttons", "d", sender="8")
    token = json.loads((chat.spool / "sent.jsonl").read_text().splitlines()[-1])["buttons"][0]["token"]
    with_talker = askd.config.read_text()
    askd.config.write_text(with_talker.replace("{talker: {plugin: talker}}", "{query: null}"))
    assert "skill/talker: removed" in reload(askd)
    said = chat.ask("blue")
    assert "colour" not in said and said.endswith("."), said
    assert "does not work any more" in chat.ask("", "d", sender="8", kind=2, token=token)
    assert "do not know /args" in chat.ask("/args x", "d", sender="8")
    askd.config.write_text(with_talker)
    reload(askd)
    assert chat.ask("/args x") == "[x]"
    assert askd.stop() == 0


# ---- many of them ----------------------------------------------------------------------------------


def test_a_storm_of_signals(askd, llm):
    llm.analysis(PER_CITY, "Berlin is first.")
    site = Site(askd)
    contents = [askd.config.read_text(),
                askd.config.read_text() + "budgets: {all: {by: organisation, day: 5}}\n"]
    for i in range(200 * SCALE):
        askd.config.write_text(contents[i % 2])
        askd.daemon.send_signal(signal.SIGHUP)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        commands = [pool.submit(askd.run, "reload", check=0) for _ in range(8)]
        assert all("changed" in command.result().stdout for command in commands)
    assert reload(askd) == ["nothing has changed"]
    assert "Berlin is first." in answer_of(site.ask("How much per city?"))
    # The end comes through, in the midst of reloads, too.
    for i in range(20):
        askd.config.write_text(contents[i % 2])
        askd.daemon.send_signal(signal.SIGHUP)
    assert askd.stop() == 0


def resources(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return {"fds": len(os.listdir(f"/proc/{pid}/fd")),
            "threads": int(re.search(r"Threads:\s+(\d+)", status).group(1)),
            "rss": int(re.search(r"VmRSS:\s+(\d+)", status).group(1))}


def ask_on(connection):
    connection.request("POST", "/api/query", json.dumps({"question": "How much per city?", "database": "shop"}),
                       {"Content-Type": "application/json"})
    reply = connection.getresponse()
    return reply.status, reply.read().decode()


def ask_until(site, stop, reconnect, failures):
    """Questions one after the other, on a connection that is kept or on new ones; how many."""
    connection, count = None, 0
    while not stop.is_set():
        fresh = connection is None
        connection = connection or site.connect()
        try:
            status, text = ask_on(connection)
            if status != 200 or "Berlin is first." not in text:
                failures.append((status, text))
            count += 1
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as e:
            # An idle connection may be closed at any time: another one then.
            if fresh:
                failures.append(repr(e))
            connection = None
        except (OSError, http.client.HTTPException) as e:
            failures.append(repr(e))
            connection = None
        if reconnect and connection:
            connection.close()
            connection = None
    if connection:
        connection.close()
    return count


def storm(site, count, configurations):
    """Reloads while 32 clients ask; ends with the first configuration. How many questions."""
    stop, failures = threading.Event(), []
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        clients = [pool.submit(ask_until, site, stop, i % 2, failures) for i in range(32)]
        try:
            for i in range(count):
                if i % 10 == 9:
                    good = site.askd.config.read_text()
                    site.askd.config.write_text(good + "limits: [\n")
                    assert " not reloaded" in hangup(site.askd)
                    site.askd.config.write_text(good)
                else:
                    site.write(**configurations[i % len(configurations)])
                    assert " reloaded" in hangup(site.askd)
            site.write()
            hangup(site.askd)
        finally:
            stop.set()
        counts = [one.result() for one in clients]
    assert not failures, (len(failures), failures[:5])
    assert min(counts) > 0, counts
    return sum(counts)


def configurations_of(site, other_llm):
    """What the reloads go through; the first is what the site began with."""
    askd, second = site.askd, site.askd.folder / "second.db"
    shutil.copy(askd.database, second)
    return [
        {}, {"llm": llm_at(other_llm.url)}, {"database": f"{{{shop(askd, file=second)}}}"},
        {"options": ", body: 2M"},
        {"transport": f"{{web: {site.http()}, more: {site.http(port=free_port())}}}"},
        {"database": f"{{{shop(askd, more=', access: [everyone]')}, {shop(askd, 'more')}}}",
         "skill": "{query: {plugin: query}, ping: {plugin: ping}}"}]


def test_reloads_under_load(askd, llm, other_llm):
    """No question fails, and no connection is refused."""
    for one in (llm, other_llm):
        one.analysis(PER_CITY, "Berlin is first.")
    site = Site(askd)
    answers = storm(site, 300 * SCALE, configurations_of(site, other_llm))
    print(f"{300 * SCALE} reloads, {answers} answers")
    assert askd.stop() == 0


def test_reloads_leave_nothing_behind(askd, llm, other_llm):
    llm.analysis(PER_CITY, "Berlin is first.")
    site = Site(askd)
    configurations, pid = configurations_of(site, other_llm), askd.daemon.pid

    def some(count):
        for i in range(count):
            site.write(**configurations[i % len(configurations)])
            assert " reloaded" in hangup(askd)
        site.write()
        hangup(askd)
        assert "Berlin is first." in answer_of(site.ask("How much per city?", database="shop"))

    some(30)
    before = resources(pid)
    some(200 * SCALE)
    # What serves no more ends when its last connection is closed, and idle workers after ten seconds.
    wait_until(lambda: resources(pid)["threads"] <= before["threads"], "the same number of threads")
    wait_until(lambda: resources(pid)["fds"] <= before["fds"], "the same number of descriptors")
    after = resources(pid)
    print(f"{200 * SCALE} reloads: {before} {after}")
    # A sanitizer keeps what is freed; it looks itself at what is left at the end.
    if not re.search("lib[at]san", pathlib.Path(f"/proc/{pid}/maps").read_text()):
        assert after["rss"] < before["rss"] + 4096
    assert askd.stop() == 0
