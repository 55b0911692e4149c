"""./dev demo: an askd that answers questions about the sample company until it is left; --check tells right
answers from wrong ones."""

import os
import re
import signal
import socket
import subprocess
import urllib.error
import urllib.request

import pytest

from conftest import BUILD, TREE, sound, wait_until
from terminal import CTRL_D, Terminal
from test_http import free_port

QUESTION = re.compile(r"^    (\S.* .*[?.])$", re.M)


class Demo:
    """`./dev demo` on what is built already, in a folder and at a port of its own."""

    def __init__(self, folder):
        self.folder, self.port, self.processes = folder / "demo", free_port(), []
        self.said = folder / "said"
        self.env = {**os.environ, "ASKD_BUILD": str(BUILD), "ASKD_DEMO_DIR": str(self.folder),
                    "ASKD_DEMO_PORT": str(self.port), "HOME": str(folder), "TERM": "dumb"}

    def run(self, *args, **env):
        return subprocess.run([TREE / "dev", "demo", *args], env={**self.env, **env}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=200)

    def start(self, **streams):
        streams = streams or {"stdin": subprocess.DEVNULL, "stdout": self.said.open("w"),
                              "stderr": subprocess.STDOUT}
        process = subprocess.Popen([TREE / "dev", "demo"], env=self.env, start_new_session=True, **streams)
        self.processes.append(process)
        return process

    def answers(self):
        try:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            return opener.open(f"http://127.0.0.1:{self.port}/health", timeout=20).status == 200
        except urllib.error.URLError:
            return False

    def text(self):
        return self.said.read_text(encoding="utf-8")


@pytest.fixture
def demo(tmp_path):
    demo = Demo(tmp_path)
    yield demo
    for process in demo.processes:
        if process.poll() is None:
            process.terminate()
            process.wait(60)
    if (demo.folder / "askd.log").exists():
        sound((demo.folder / "askd.log").read_text(encoding="utf-8"))


def test_demo_runs_until_it_is_interrupted(demo):
    process = demo.start()
    wait_until(lambda: "Ctrl-C ends it" in demo.text() or process.poll() is not None, "the demo", 90)
    assert f"http://127.0.0.1:{demo.port}" in demo.text() and demo.answers()
    questions = QUESTION.findall(demo.text())
    assert len(questions) == 6
    for question in questions:
        said = subprocess.run([BUILD / "askd", "-c", TREE / "config/demo.yaml", "ask", question], env=demo.env,
                              capture_output=True, text=True, timeout=60)
        assert said.returncode == 0 and "SQL: SELECT" in said.stdout, said
    again = demo.run()
    assert again.returncode == 0 and f"running already: http://127.0.0.1:{demo.port}" in again.stdout
    assert demo.answers(), "the second one ended the first"
    wrong = subprocess.run(
        [BUILD / "askd-company-check", "--url", f"http://127.0.0.1:{demo.port}", "--askd", BUILD / "askd",
         "--config", TREE / "config/demo.yaml", other_company(demo)],
        env=demo.env, capture_output=True, text=True, timeout=120)
    assert wrong.returncode == 1 and re.search(r"^ *3  wrong +wrong +How many orders", wrong.stdout, re.M), wrong
    assert "expected: [[" in wrong.stdout
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(60) == 130
    assert not demo.answers() and not (demo.folder / "state/askd.sock").exists()


def other_company(demo):
    """Not the one that the demo answers about."""
    path = demo.folder / "other.db"
    subprocess.run([BUILD / "askd-company", "--seed", "99", path], check=True, capture_output=True, timeout=120)
    return path


def test_conversation_of_the_readme(demo):
    """The ```console block of README.md is what a person sees who types the same. Leaving ends the demo."""
    page = (TREE / "README.md").read_text(encoding="utf-8")
    first, *lines = re.search(r"^```console\n(.*?)^```$", page, re.M | re.S).group(1).splitlines()
    one = Terminal([TREE / "dev", *first.split()[2:]], TREE, demo.env)
    try:
        for line in lines:
            if line.startswith("company> "):
                one.see("company> ", seconds=90)
                one.type(line.removeprefix("company> ") + "\r")
                line = line.removeprefix("company> ")[:60]
            one.see(line.replace("8484", str(demo.port)).replace("build/demo", str(demo.folder)), seconds=90)
        assert demo.answers()
        one.type(CTRL_D)
        assert one.left(60) == 0
    finally:
        one.close()
    assert not demo.answers() and not (demo.folder / "state/askd.sock").exists()


def test_a_taken_port_is_named_with_the_next_step(demo):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", demo.port))
        taken.listen()
        result = demo.run()
    assert result.returncode == 1 and re.search(
        rf"port {demo.port} is taken; take another: ASKD_DEMO_PORT=\d+ \./dev demo", result.stdout), result
    assert not demo.folder.exists()


def test_what_keeps_askd_from_starting_is_shown(demo):
    result = demo.run(ASKD__ASKD__LOG__LEVEL="loud")
    assert result.returncode == 1 and "found 'loud'" in result.stdout and "did not start" in result.stdout, result


def test_check_finds_all_as_expected(demo):
    result = demo.run("--check")
    assert result.returncode == 0 and "20 of 20 as expected" in result.stdout, result.stdout
    assert re.search(r"Seed \d+, last day \d{4}-\d\d-\d\d\. The same again: \./dev demo --check --seed",
                     result.stdout)
    assert len(re.findall(r"^ *\d+  declined +declined ", result.stdout, re.M)) == 5
    assert not (demo.folder / "check").exists()


@pytest.mark.parametrize("args,said", [
    (("--chek",), "'--chek' was not expected"), (("--seed",), "takes a number"), (("--today",), "takes a day"),
    (("--check", "--seed", "x"), "not: x"), (("--check", "--today", "june"), "not: june")])
def test_wrong_arguments(demo, args, said):
    result = demo.run(*args)
    assert result.returncode != 0 and said in result.stdout, result
