"""`askd status`: whether it runs, how it is, and the exit statuses of the LSB."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pytest

from conftest import BUILD, FAULTS, wait_until

QUESTION = "How many customers are there?"


def status(askd, check=0, **more):
    return json.loads(askd.run("status", "--json", check=check, **more).stdout)


def test_nothing_runs(askd):
    result = askd.run("status", check=3)
    assert result.stdout.startswith(f"askd is not running on {askd.state} (which is not there yet)\n"
                                    f"Start it with: askd run -c {askd.config}\n")
    assert not askd.state.exists(), "a question about the state has made one"
    askd.run("key", "list", check=0)
    assert "free on its disk" in askd.run("status", check=3).stdout
    assert status(askd, check=3)["running"] is False


def test_after_a_crash_nothing_runs(askd):
    askd.start()
    askd.stop(signal.SIGKILL)
    askd.run("status", check=3)


@pytest.mark.threads
def test_it_runs(askd):
    askd.write(transport=f'{{console: {{plugin: console}}, web: {{plugin: http, listen: ["unix:{askd.folder}/s"]}}}}')
    askd.llm.analysis("SELECT COUNT(*) AS n FROM customers", "There are 4 customers.")
    daemon = askd.start()
    cost = askd.ask(QUESTION)["cost"]["pico"]
    first = status(askd)
    assert (first["running"], first["pid"], first["generation"]) == (True, daemon.pid, 1)
    assert first["configuration"] == str(askd.config)
    assert first["addresses"] == [f"unix:{askd.folder}/s"]
    (database,) = first["databases"]
    assert (database["name"], database["status"], database["reason"]) == ("shop", "ok", None)
    assert database["connections"]["busy"] == 0 and database["connections"]["max"] > 0
    assert first["engines"] == [{"name": "main", "status": "ok", "failures": 0, "again_in_ms": 0}]
    assert first["last_backup"] is None
    wait_until(lambda: status(askd)["today"]["cost_pico"] == cost, "today's costs")
    sums = status(askd)["today"]
    assert (sums["questions"], sums["errors"], sums["calls"], sums["cost_unknown"]) == (1, 0, 2, 0)
    assert first["state"]["bytes"] > 0 and first["state"]["free_bytes"] > 0
    text = askd.run("status", check=0).stdout
    assert f"runs as process {daemon.pid}, since 20" in text and "last backup none: askd backup FILE" in text
    for words in ("database    shop: ok; connections: 0 busy, 1 idle", "engine      main: ok",
                  "today       1 questions, 0 errors, $0.00"):
        assert words in text, text
    askd.run("backup", askd.folder / "b.tar", check=0)
    assert status(askd)["last_backup"]["where"] == str(askd.folder / "b.tar")
    assert f"{askd.folder}/b.tar" in askd.run("status", check=0).stdout
    askd.config.write_text(askd.config.read_text() + "assistant: {memory: {chat: {turns: 3}}}\n")
    askd.run("reload", check=0)
    assert status(askd)["generation"] == 2


def test_what_is_wrong_shows(askd):
    askd.llm.script({"match": "You translate", "status": 500, "reply": {"error": {"message": "down"}}})
    askd.start()
    for _ in range(3):
        askd.run("ask", QUESTION, check=1)
    askd.database.unlink()
    now = status(askd)
    assert now["engines"][0]["failures"] >= 3 and now["engines"][0]["status"] in ("failing", "left out")
    assert now["today"]["errors"] == 3
    assert now["databases"][0]["status"] == "failed" and "shop.db" in now["databases"][0]["reason"]
    text = askd.run("status", check=0).stdout
    assert "database    shop: failed: " in text and "times in a row" in text


def test_questions_that_run_are_counted(askd):
    hold = askd.folder / "hold"
    if not FAULTS:
        pytest.skip("a release build cannot be held at a point")
    hold.touch()
    askd.llm.analysis("SELECT COUNT(*) AS n FROM customers", "There are 4 customers.")
    askd.start(env={"ASKD_TEST_HOLD": f"model_called:{hold}"})
    asking = subprocess.Popen([str(BUILD / "askd"), "-c", str(askd.config), "ask", QUESTION], env=askd.env,
                              stdout=subprocess.DEVNULL)
    wait_until(lambda: status(askd)["questions"]["running"] == 1, "a question at work")
    assert "now         1 questions run, 0 wait" in askd.run("status", check=0).stdout
    hold.unlink()
    assert asking.wait(60) == 0
    wait_until(lambda: status(askd)["questions"] == {"running": 0, "waiting": 0}, "nothing to run")


def test_a_broken_configuration_keeps_nobody_from_asking(askd):
    askd.start()
    text = askd.config.read_text()
    for fault in ("lmm: {}\n", "security: {master_key: '${NOT_SET_AT_ALL}'}\n"):
        askd.config.write_text(text + fault)
        assert status(askd)["running"] is True
    askd.stop()
    result = askd.run("status", check=3)
    assert "the configuration has a fault" in result.stderr and "NOT_SET_AT_ALL" in result.stderr


def test_a_command_that_holds_the_state_is_no_daemon(askd):
    if not FAULTS:
        pytest.skip("a release build cannot be held at a point")
    hold = askd.folder / "hold"
    hold.touch()
    askd.llm.analysis("SELECT COUNT(*) AS n FROM customers", "There are 4 customers.")
    asking = subprocess.Popen([str(BUILD / "askd"), "-c", str(askd.config), "ask", QUESTION],
                              env={**askd.env, "ASKD_TEST_HOLD": f"model_called:{hold}"}, stdout=subprocess.DEVNULL)
    wait_until(lambda: (askd.state / "askd.sock").exists(), "the command to hold the state")
    result = askd.run("status", check=3)
    assert f"held by a command, process {asking.pid}" in result.stdout
    assert "daemon: askd is not running; a command holds the state" in askd.run("doctor").stdout
    hold.unlink()
    assert asking.wait(60) == 0


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs the right to be somebody else")
def test_only_for_who_may(askd):
    """The folder of the state is closed; who comes to the socket all the same is refused there."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        askd.state = pathlib.Path(folder) / "state"
        askd.write(llm=None, pricing=None)
        open_config = pathlib.Path(folder) / "askd.yaml"
        open_config.write_text(askd.config.read_text())
        askd.start()
        somebody = ["setpriv", "--reuid", "65534", "--clear-groups"]
        program = [str(BUILD / "askd"), "-c", str(open_config)]
        if subprocess.run([*somebody, str(BUILD / "askd"), "version"], capture_output=True).returncode:
            pytest.skip("the build is closed to others")
        for verb in (["status"], ["backup", "-"]):
            result = subprocess.run([*somebody, *program, *verb], capture_output=True, text=True, timeout=60,
                                    env=askd.env, cwd=folder)
            assert result.returncode == (4 if verb == ["status"] else 1)
            assert "belongs to another user" in result.stderr and not result.stdout
        assert askd.stop() == 0


def test_words(askd):
    result = askd.run("status", "--jsno", check=4)
    assert "did you mean --json?" in result.stderr
