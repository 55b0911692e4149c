"""The disk under askd's own state: full, failing, damaged. Nothing that was confirmed is lost."""

import resource
import shutil
import subprocess

import pytest

from conftest import BUILD, FAULTS, PER_CITY, wait_until
from test_crash import ANSWER, Chat, books_hold, turns_hold

QUESTION = "How much did the customers of each city order in all?"
BLOCK = 4096


def narrow(daemon, bytes):
    """From now on no file of the daemon may grow past that: what a full disk looks like."""
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (bytes, resource.RLIM_INFINITY))


def test_full_disk_is_an_error_and_room_ends_it(askd):
    chat = Chat(askd)
    daemon = chat.start()
    assert askd.ask(QUESTION)["answer"] == ANSWER
    narrow(daemon, BLOCK)
    result = askd.run("ask", "--json", QUESTION, check=1)
    assert result.stdout or "full" in result.stderr, result
    assert daemon.poll() is None, "a full disk ended the daemon"
    (name,) = chat.drop("chat")
    wait_until(lambda: "the disk of state_dir is full" in askd.log.read_text(), "the reason in the log")
    assert (chat.spool / f"{name}.json").exists(), "what is not stored was confirmed"
    narrow(daemon, resource.RLIM_INFINITY)
    wait_until((chat.spool / f"{name}.done").exists, "the event to be taken in")
    chat.settle()
    assert [text for _, text in chat.sent() if text.startswith(ANSWER)]
    assert askd.ask(QUESTION)["answer"] == ANSWER
    assert askd.stop() == 0
    books_hold(askd)


def test_really_full_file_system(askd):
    askd.llm.analysis("SELECT COUNT(*) AS n FROM customers", "There are 4 customers.")
    inside = ["unshare", "--mount", "--map-root-user", "sh", "-ec"]
    mount = f"mkdir -p '{askd.state}'; mount -t tmpfs -o size=2M,mode=700 tmpfs '{askd.state}';"
    if subprocess.run([*inside, mount], capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount")
    program = f"'{BUILD}/askd' -c '{askd.config}' ask --json '{QUESTION}'"
    result = subprocess.run(
        [*inside, f"{mount} {program}; cat /dev/zero >'{askd.state}/filler' || true;"
                  f"{program} && exit 3; rm '{askd.state}/filler'; {program}"],
        cwd=askd.folder, env=askd.env, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0 and "Sanitizer" not in result.stderr, result
    assert "full" in result.stderr, result
    assert result.stdout.count("There are 4 customers.") >= 2, result


@pytest.mark.faults
@pytest.mark.skipif(not FAULTS, reason="a release build flushes what it is told to")
def test_failed_flush_stops_the_daemon_and_loses_nothing(askd):
    chat, broken = Chat(askd), askd.folder / "broken"
    askd.env["ASKD_TEST_FAIL_FSYNC"] = str(broken)
    daemon = chat.start()
    chat.drop("chat")
    chat.settle()
    sent = chat.sent()
    broken.touch()
    (name,) = chat.drop("chat")
    assert daemon.wait(20) == 1
    log = askd.log.read_text()
    assert "stopping: the manager database could not be made durable" in log, log
    assert chat.sent() == sent, "something was said although nothing was stored"
    assert (chat.spool / f"{name}.json").exists(), "what is not stored was confirmed"
    result = askd.run("ask", QUESTION, check=1)
    assert "could not be made durable" in result.stderr or "I/O" in result.stderr, result
    broken.unlink()
    chat.start()
    chat.settle()
    assert len([text for _, text in chat.sent() if text.startswith(ANSWER)]) == 2
    assert askd.stop() == 0
    turns_hold(askd, 2)


@pytest.mark.parametrize("database", ["manager", "costs"])
@pytest.mark.parametrize("how", ["garbage", "cut"])
def test_damaged_state_is_refused_with_its_name_and_left_alone(askd, database, how):
    askd.llm.analysis("SELECT COUNT(*) AS n FROM customers", "There are 4 customers.")
    askd.ask(QUESTION)
    path = askd.state / f"{database}.db"
    good = askd.folder / "good.db"
    shutil.copy(path, good)
    whole = path.read_bytes()
    damaged = b"\x5a" * len(whole) if how == "garbage" else whole[:len(whole) // 2]
    path.write_bytes(damaged)
    result = askd.run("run", check=1)
    assert f"{database}.db" in result.stderr, result.stderr
    assert path.read_bytes() == damaged
    shutil.copy(good, path)
    assert askd.ask(QUESTION)["answer"] == "There are 4 customers."
    books = askd.sql("pragma integrity_check", database)
    assert books == [("ok",)]


def test_costs_that_somebody_removed_are_booked_again(askd):
    askd.llm.analysis(PER_CITY, "Hamburg leads with 300.")
    askd.ask("How much did the customers of each city order in all?")
    before = askd.sql("select stage, cost_pico from conversation_stages order by stage", "costs")
    assert len(before) >= 2
    for name in ("costs.db", "costs.db-wal", "costs.db-shm"):
        (askd.state / name).unlink(missing_ok=True)
    askd.ask("And once more?")
    after = askd.sql("select stage, cost_pico from conversation_stages order by stage", "costs")
    assert set(before) < set(after)
