"""`askd init`: from nothing to a configuration that works, and never over anything."""

import os
import pty
import re
import shutil
import socket
import sqlite3
import subprocess

import pytest

from conftest import BUILD, sound


class Folder:
    """An empty folder with a database, as somebody begins."""

    def __init__(self, path, llm):
        self.path, self.llm = path, llm
        self.state = path / "state"
        self.config = path / "askd.yaml"
        self.env = {**os.environ, "HOME": str(path)}
        for name in ("ASKD_CONFIG", "OPENAI_API_KEY"):
            self.env.pop(name, None)
        connection = sqlite3.connect(path / "Shop 1.db")
        connection.executescript("create table customers(id, name); insert into customers values (1, 'Ada')")
        connection.close()

    def run(self, *args, answers=None, env=None, check=0):
        result = subprocess.run([str(BUILD / "askd"), *args], cwd=self.path, env={**self.env, **(env or {})},
                                input=answers, capture_output=True, text=True, timeout=60)
        sound(result.stderr)
        if check is not None:
            assert result.returncode == check, result
        return result


@pytest.fixture
def folder(tmp_path, llm):
    return Folder(tmp_path, llm)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def test_defaults_for_scripts(folder):
    result = folder.run("init", "--yes")
    text = folder.config.read_text()
    assert f'path: "{folder.path}/Shop 1.db"' in text and "shop_1:" in text and "plugin: offline" in text
    assert "transport" not in text.replace("the section transport", "") and "    # access: [everyone]" in text
    assert "askd check: askd.yaml: fine" in result.stdout
    assert f"The master key is state/master.key" in result.stdout
    assert "  askd chat -c askd.yaml" in result.stdout and "  askd run -c askd.yaml" in result.stdout
    assert (folder.state / "master.key").stat().st_mode & 0o777 == 0o600
    assert folder.run("check", "-c", "askd.yaml").stdout.startswith("askd.yaml: fine")
    assert "customers is 1" in folder.run("ask", "-c", "askd.yaml", "How many customers are there?").stdout


def test_answers_through_a_pipe_and_then_it_answers(folder):
    folder.llm.analysis("SELECT COUNT(*) AS n FROM customers", "There is 1 customer.")
    port = free_port()
    answers = f"Shop 1.db\neveryone, key:reports\n{folder.llm.url}\ntest-model\nsk-planted-secret\n127.0.0.1:{port}\n" \
              "Europe/Berlin\n"
    result = folder.run("init", "here.yaml", answers=answers)
    config = folder.path / "here.yaml"
    text = config.read_text()
    assert "sk-planted" not in text and 'api_key: "${file:llm.secret}"' in text
    secret = folder.path / "llm.secret"
    assert secret.read_text() == "sk-planted-secret" and secret.stat().st_mode & 0o777 == 0o600
    assert config.stat().st_mode & 0o777 == 0o600
    assert 'access: ["everyone", "key:reports"]' in text and "anonymous: loopback" in text
    assert 'zone: "Europe/Berlin"' in text and f'listen: ["127.0.0.1:{port}"]' in text
    assert "[Shop 1.db]: Shop 1.db\n" in result.stdout, "what was asked and answered shows"
    said = folder.run("ask", "-c", "here.yaml", "How many customers are there?")
    assert "There is 1 customer." in said.stdout
    doctor = folder.run("doctor", "-c", "here.yaml", check=None)
    assert "failed" not in re.sub(r"0 failed", "", doctor.stdout), doctor.stdout


def test_an_end_of_the_answers_takes_the_defaults(folder):
    folder.run("init", answers="Shop 1.db\n")
    assert folder.config.exists()


@pytest.mark.parametrize("answers,words", [
    (["nowhere.db"], "nowhere.db: No such file"),
    (["askd.txt"], "askd.txt is no SQLite database"),
    (["Shop 1.db", "nobody:x"], "expected me, everyone"),
    (["Shop 1.db", "", "ftp://x"], "expected a URL"),
    (["Shop 1.db", "", "http://x/v1", "m", "none", "here:99999"], "expected IPv4:PORT"),
    (["Shop 1.db", "", "http://x/v1", "m", "none", "BUSY"], "another program listens there"),
    (["Shop 1.db", "", "http://x/v1", "m", "none", "none", "Nowhere/Land"], "expected a time zone"),
])
def test_each_answer_is_looked_at_at_once(folder, answers, words):
    (folder.path / "askd.txt").write_text("no database\n" * 100)
    with socket.create_server(("127.0.0.1", 0)) as busy:
        text = "\n".join(answers).replace("BUSY", f"127.0.0.1:{busy.getsockname()[1]}") + "\n"
        result = folder.run("init", answers=text, check=1)
    assert words in result.stderr, result
    assert not folder.config.exists() and not folder.state.exists()


def test_at_a_terminal_one_may_try_again(folder):
    master, slave = pty.openpty()
    process = subprocess.Popen([str(BUILD / "askd"), "init"], cwd=folder.path, env=folder.env, stdin=slave,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    os.close(slave)
    for line in ("nowhere.db", "Shop 1.db", "", folder.llm.url, "m", "none", "none", "Mars/Base", "UTC"):
        os.write(master, f"{line}\n".encode())
    said = process.communicate(timeout=60)[0]
    os.close(master)
    assert process.returncode == 0, said
    assert "nowhere.db: No such file" in said and "Mars/Base" in said
    assert 'zone: "UTC"' in folder.config.read_text()


def test_nothing_is_overwritten(folder):
    folder.config.write_text("mine: yes\n")
    result = folder.run("init", "--yes", check=1)
    assert "found askd.yaml, a file of 10 bytes, and changed nothing" in result.stderr and "--force" in result.stderr
    assert folder.config.read_text() == "mine: yes\n" and not folder.state.exists()
    folder.run("init", "--force", answers="no\n", check=1)
    assert folder.config.read_text() == "mine: yes\n"
    result = folder.run("init", "--force", answers="yes\n")
    (kept,) = folder.path.glob("askd.yaml.before-init-*")
    assert kept.read_text() == "mine: yes\n" and kept.name in result.stdout
    key = (folder.state / "master.key").read_bytes()
    shutil.copy(folder.config, folder.path / "copy")
    folder.run("init", "--force", "--yes")
    assert (folder.state / "master.key").read_bytes() == key, "a key was replaced"
    (folder.path / "llm.secret").write_text("another")
    answers = "Shop 1.db\n\nhttp://x/v1\nm\nsk-new-secret\nnone\nUTC\n"
    assert "llm.secret cannot be made" in folder.run("init", "new.yaml", answers=answers, check=1).stderr
    assert (folder.path / "llm.secret").read_text() == "another" and not (folder.path / "new.yaml").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to be root")
def test_root_sets_up_a_service(folder):
    """What root writes can be read by the user of the service, to whom the state belongs, and by no other."""
    folder.state.mkdir(mode=0o700)
    os.chown(folder.state, 65534, 65534)
    answers = "Shop 1.db\n\nhttp://x/v1\nm\nsk-new-secret\nnone\nUTC\n"
    result = folder.run("init", answers=answers)
    for file in (folder.config, folder.path / "llm.secret"):
        status = file.stat()
        assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (0, 65534, 0o640)
    assert "The master key is made with the first start" in result.stdout
    assert not [*folder.state.iterdir()], "something of root's is in the folder of the service"


def test_texts_that_yaml_and_variables_would_read_otherwise(folder):
    path = folder.path / 'a"b ${HOME} #x.db'
    shutil.copy(folder.path / "Shop 1.db", path)
    folder.run("init", "--yes", "--database", path.name, env={"OPENAI_API_KEY": "x"})
    folder.run("check", "-c", "askd.yaml", env={"OPENAI_API_KEY": "x"})
    doctor = folder.run("doctor", "-c", "askd.yaml", "--timeout", "1s", env={"OPENAI_API_KEY": "x"}, check=None)
    assert "answers SELECT 1" in doctor.stdout, doctor.stdout


def test_two_databases_are_no_default(folder):
    shutil.copy(folder.path / "Shop 1.db", folder.path / "other.db")
    result = folder.run("init", "--yes", check=1)
    assert "no answer to: 1. Database" in result.stderr
    folder.run("init", "--yes", "--database", "other.db")


def test_words(folder):
    assert "did you mean --force?" in folder.run("init", "--forse", check=1).stderr
    assert "'b' was not expected" in folder.run("init", "a", "b", check=1).stderr
    result = folder.run("init", "no/such/folder.yaml", "--yes", check=1)
    assert "no/such/folder.yaml cannot be written: No such file" in result.stderr
    assert not folder.state.exists()
