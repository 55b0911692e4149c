"""askd.log.file: lines in a file that may be moved away at any time."""

import re

import pytest

from conftest import wait_until

pytestmark = pytest.mark.threads


def wait_for(file, text):
    return wait_until(lambda: file.exists() and text in file.read_text() and file.read_text(),
                      f"{text!r} in {file}")


def configure(askd, file):
    askd.write(askd=askd.section(f"log: {{file: {file}}}"))


def test_the_daemon_writes_into_a_file_and_goes_on_in_a_new_one(askd):
    log, moved = askd.folder / "askd.log", askd.folder / "askd.log.1"
    configure(askd, "askd.log")
    askd.start()
    wait_for(log, "is ready")
    assert log.stat().st_mode & 0o137 == 0
    log.rename(moved)
    askd.run("reload", check=0)  # nothing has changed, and nothing is told to anybody
    configure(askd, askd.folder / "elsewhere.log")
    assert "askd.log: changed" in askd.run("reload", check=0).stdout
    wait_for(askd.folder / "elsewhere.log", "reloaded: askd.log: changed")
    assert "elsewhere" not in moved.read_text()
    configure(askd, "askd.log")
    askd.run("reload", check=0)
    wait_for(log, "reloaded")
    log.rename(moved)
    assert askd.stop() == 0
    assert "stopping" in log.read_text() and "stopping" not in moved.read_text()
    assert askd.log.read_text() == ""


def test_a_file_that_cannot_be_opened_is_refused(askd):
    configure(askd, "nowhere/askd.log")
    refused = askd.run("run", check=1).stderr
    assert re.search(r"nowhere/askd\.log cannot be opened \(No such file or directory\): make its folder", refused)
    askd.run("check", check=0)
    askd.write()
    askd.start()
    configure(askd, "nowhere/askd.log")
    assert "cannot be opened" in askd.run("reload", check=1).stderr
    assert "cannot be opened" in wait_for(askd.log, "cannot be opened")


def test_other_commands_write_to_the_terminal(askd):
    configure(askd, "askd.log")
    assert "made the master key" in askd.run("audit", check=0).stderr
    assert not (askd.folder / "askd.log").exists()
