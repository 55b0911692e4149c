"""What every integration test has: the program, a folder of its own, a database, a model."""

import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request

import pytest

TREE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("ASKD_BUILD", TREE / "build-asan"))
SCALE = int(os.environ.get("ASKD_TEST_SCALE", "1"))
FAULTS = BUILD.name != "build"

DECISION = {"action": "sql", "answer": "", "explanation": "", "confidence": 0.9, "choices": []}


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: left out by ./dev test --fast")
    config.addinivalue_line("markers", "faults: needs a build with ASKD_FAULTS")
    config.addinivalue_line("markers", "package: makes packages of the release build and installs them; needs root")
    config.addinivalue_line("markers", "threads: runs under ThreadSanitizer and in the release build too")


def pytest_collection_modifyitems(config, items):
    if not (BUILD / "askd").exists():
        raise pytest.UsageError(f"{BUILD}/askd is not there: build it first (./dev test does)")


def wait_until(condition, what, seconds=20):
    """Waits for a condition, and says what was waited for when it does not come."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"waited {seconds} s in vain for: {what}")


class FakeLLM:
    """The scripted OpenAI-compatible server in fake_llm.py, as a process of its own."""

    def __init__(self, folder, before=()):
        self.process = subprocess.Popen(
            [*before, sys.executable, str(TREE / "tests/integration/fake_llm.py")],
            stdout=subprocess.PIPE, stderr=(folder / "fake_llm.log").open("w"), text=True)
        line = self.process.stdout.readline()
        assert line.strip().isdigit(), f"fake_llm.py did not start; see {folder}/fake_llm.log"
        self.port = int(line)
        self.url = f"http://127.0.0.1:{self.port}/v1"

    def _call(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{self.port}{path}", data, timeout=20) as reply:
            return json.loads(reply.read() or b"null")

    def script(self, *rules):
        """Rules as fake_llm.py describes them: the first whose texts all occur wins."""
        self._call("/__script", list(rules))

    def requests(self):
        return self._call("/__requests")

    def analysis(self, sql=None, answer="The answer.", match=None, **more):
        """The usual script: one statement, one sentence."""
        decision = {**DECISION, "sql": sql or "", "action": "sql" if sql else "answer", **more}
        first = ["You translate a question into SQL"] + ([match] if match else [])
        self.script(
            {"match": first, "reply": json.dumps(decision),
             "usage": {"prompt_tokens": 812, "completion_tokens": 64}},
            {"match": ["You explain a query result"], "reply": answer,
             "usage": {"prompt_tokens": 342, "completion_tokens": 903}})

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


SHOP = """
create table customers(id integer primary key, name text not null, city text, created_at text);
create table orders(id integer primary key, customer_id integer not null references customers(id),
                    total numeric(10,2) not null, ordered_on date);
insert into customers values
  (1,'Ada','Berlin','2024-01-02'),(2,'Grace','Hamburg','2024-02-03'),(3,'Linus','Berlin','2024-03-04'),
  (4,'Müller','Köln','2024-04-05');
insert into orders values
  (1,1,100.50,'2025-01-01'),(2,1,20.25,'2025-02-01'),(3,2,300,'2025-02-02'),(4,3,79.25,'2025-03-01'),
  (5,4,0.5,'2025-03-02');
"""
PER_CITY = ("SELECT c.city, SUM(o.total) AS total FROM customers c "
            "JOIN orders o ON o.customer_id = c.id GROUP BY c.city ORDER BY total DESC")


class Askd:
    """A state folder, a configuration, and the program that works on them."""

    def __init__(self, folder, llm):
        self.folder, self.llm = folder, llm
        self.config = folder / "askd.yaml"
        self.state = folder / "state"
        self.database = folder / "shop.db"
        self.daemon = None
        self.env = dict(os.environ, ASKD_CONFIG="", HOME=str(folder), XDG_STATE_HOME=str(folder))
        self.env.pop("ASKD_CONFIG")
        connection = sqlite3.connect(self.database)
        connection.executescript(SHOP)
        connection.close()
        self.write()

    def section(self, *more):
        """The section `askd`, with more keys."""
        keys = [f"state_dir: {self.state}", f"plugin_path: [{BUILD}/plugins, {BUILD}/test-plugins]"]
        return "{" + ", ".join([*keys, *more]) + "}"

    def write(self, more="", **replace):
        """Writes the configuration. Keyword arguments replace whole sections by YAML text."""
        sections = {
            "askd": self.section(),
            "llm": f"{{main: {{plugin: openai, base_url: \"{self.llm.url}\", model: test-model,"
                   " api_key: sk-planted-secret}}",
            "pricing": "{main: {test-model: {input: 0.075, output: 0.30}}}",
            "database": f"{{shop: {{plugin: sqlite, path: {self.database}}}}}",
        }
        sections.update(replace)
        text = "".join(f"{key}: {value}\n" for key, value in sections.items() if value is not None)
        self.config.write_text(text + more)

    def run(self, *args, env=None, input=None, timeout=120, check=None):
        result = subprocess.run(
            [str(BUILD / "askd"), "-c", str(self.config), *map(str, args)], cwd=self.folder,
            env={**self.env, **(env or {})}, input=input, capture_output=True, timeout=timeout,
            text=True)
        sound(result.stderr)
        if check is not None:
            assert result.returncode == check, f"{args}: {result}"
        return result

    def ask(self, question, *args, check=0, **more):
        """`askd ask --json`: the object."""
        result = self.run("ask", "--json", *args, question, check=check, **more)
        return json.loads(result.stdout)

    def start(self, env=None, before=(), **more):
        """`askd run`, ready. `before`: a command that runs it; `more`: for Popen."""
        self.log = self.folder / "daemon.log"
        self.daemon = subprocess.Popen(
            [*before, str(BUILD / "askd"), "-c", str(self.config), "run"], cwd=self.folder,
            env={**self.env, **(env or {})}, stderr=self.log.open("a"), stdin=subprocess.DEVNULL, **more)
        socket = self.state / "askd.sock"
        wait_until(lambda: socket.exists() or self.daemon.poll() is not None,
                   f"askd run to serve {socket}; see {self.log}")
        return self.daemon

    def stop(self, how=signal.SIGTERM):
        if self.daemon:
            self.daemon.send_signal(how)
            status = self.daemon.wait(60)
            self.daemon = None
            sound(self.log.read_text())
            return status
        return None

    def sql(self, statement, database="manager"):
        connection = sqlite3.connect(self.state / f"{database}.db")
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()


def sound(text):
    """No sanitizer has found anything."""
    for sign in ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "runtime error:"):
        assert sign not in text, text[:6000]


@pytest.fixture
def llm(tmp_path):
    fake = FakeLLM(tmp_path)
    yield fake
    fake.stop()


@pytest.fixture
def askd(tmp_path, llm):
    instance = Askd(tmp_path, llm)
    yield instance
    if instance.daemon:
        instance.stop(signal.SIGKILL)
    shutil.rmtree(instance.state, ignore_errors=True)
