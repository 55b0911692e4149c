"""A beginner's mistakes: each message says what was found, what was expected, and what to do next."""

import json
import os
import subprocess

import pytest

from conftest import BUILD, PER_CITY

QUESTION = "How much did the customers of each city order in all?"


def file_of(askd, **replace):
    values = {"url": askd.llm.url, "key": "sk-of-a-beginner", "model": "test-model", "path": askd.database,
              "plugins": f"{BUILD}/plugins", "state": askd.state}
    values.update(replace)
    return """\
askd:
  state_dir: {state}
  plugin_path: ["{plugins}"]
llm:
  main:
    plugin: openai
    base_url: {url}
    api_key: {key}
    model: {model}
database:
  shop:
    plugin: sqlite
    path: {path}
""".format(**values)


# What `askd check` says of a file in which one text was replaced.
WRITTEN = {
    "indentation": ("    model:", "   model:", [":9:4: found bad YAML", "nested by indentation"]),
    "tab": ("    model:", "\tmodel:", [":9:1: found bad YAML (found a tab", "indentation with spaces"]),
    "no colon": ("model: test-model", "model test-model", ["found bad YAML", "could not find expected ':'"]),
    "key": ("    model:", "    modle:", [":9:5: found 'modle'", "expected one of", "did you mean 'model'?"]),
    "section": ("llm:", "lmm:", [":4:1: found 'lmm'", "expected one of", "did you mean 'llm'?"]),
    "plugin": ("plugin: openai", "plugin: openais", ["no plugin llm/openais", "did you mean openai?"]),
    "no model": ("    model: test-model\n", "", [":5:3: found no 'model' in llm/main", "expected a text"]),
    "no plugin": ("    plugin: openai\n", "", [":5:3: found no 'plugin' in llm/main", "expected a text"]),
    "variable": ("sk-of-a-beginner", '"${NOBODY_SET_THIS}"', [":8:14: found ${NOBODY_SET_THIS}", "set NOBODY"]),
    "file": ("sk-of-a-beginner", '"${file:no.such.key}"', [":8:14: found ${file:no.such.key}", "expected a file"]),
    "type": ("  shop:\n", "  shop:\n    limits: {rows: many}\n", [":12:20: found 'many'", "expected an integer"]),
    "duration": ("  shop:\n", "  shop:\n    limits: {time: 30}\n", ["found '30'", "expected a duration such as"]),
    "choice": ("  shop:\n", "  shop:\n    egress: some\n", ["found 'some'", "expected one of nothing, schema"]),
    "access": ("  shop:\n", "  shop:\n    access: [acme]\n", ["found 'acme'", "expected one of everyone, org:NAME"]),
    "isolation": ("  shop:\n", "  shop:\n    isolation: process\n", ["isolation", "leave the line"]),
}


@pytest.mark.parametrize("mistake", WRITTEN)
def test_in_the_file(askd, mistake):
    old, new, expected = WRITTEN[mistake]
    text = file_of(askd)
    assert text.count(old) == 1
    askd.config.write_text(text.replace(old, new))
    said = askd.run("check", check=1).stderr
    assert said.startswith("askd: ") and said.count("\n") == 1
    for part in expected:
        assert part in said, said


def test_url_without_a_scheme(askd):
    askd.config.write_text(file_of(askd, url="api.example.com/v1"))
    said = askd.run("check", check=1).stderr
    assert "'base_url' must begin with http:// or https://, for instance" in said


def test_plugin_path_that_leads_nowhere(askd):
    askd.config.write_text(file_of(askd, plugins=askd.folder))
    said = askd.run("check", check=1).stderr
    assert f"openai.so is in none of: {askd.folder}/llm" in said and "askd.plugin_path" in said


# What the log says of a question, and what the person reads.
def asked(askd, said_to_person, *in_log, **replace):
    askd.config.write_text(file_of(askd, **replace))
    result = askd.run("ask", QUESTION, check=None)
    assert result.returncode in (1, 2)
    for part in in_log:
        assert part in result.stderr, result.stderr
    assert said_to_person in result.stdout, result.stdout
    assert "sk-of-a-beginner" not in result.stdout + result.stderr
    return result


LATER = "the trouble is on my side"
RUNNERS = "hoever runs me can"


def test_database_that_is_not_there(askd):
    asked(askd, RUNNERS, "database/shop: ", "there is no such file", "check its options",
          path=askd.folder / "nowhere.db")


def test_database_that_is_none(askd):
    askd.llm.analysis(PER_CITY)
    (askd.folder / "notes.txt").write_text("This is a text. " * 100)
    asked(askd, LATER, "database/shop: ", "this is no SQLite database", "check its options",
          path=askd.folder / "notes.txt")


def asked_without_privileges(askd):
    """Root may read everything, unless it gives that up."""
    words = ["setpriv", "--bounding-set=-all"] if os.geteuid() == 0 else []
    return subprocess.run([*words, str(BUILD / "askd"), "-c", str(askd.config), "ask", QUESTION],
                          capture_output=True, text=True, cwd=askd.folder, env=askd.env, timeout=60)


def test_state_of_another_user(askd):
    askd.config.write_text(file_of(askd))
    askd.state.mkdir(mode=0o000)
    result = asked_without_privileges(askd)
    askd.state.chmod(0o700)
    assert result.returncode == 1 and "askd.sock belongs to another user" in result.stderr
    assert "run this as the user that runs askd" in result.stderr


def test_database_that_may_not_be_read(askd):
    askd.config.write_text(file_of(askd))
    askd.database.chmod(0o000)
    result = asked_without_privileges(askd)
    assert result.returncode == 1 and RUNNERS in result.stdout
    assert "no permission to open it" in result.stderr and "check its options" in result.stderr


def test_server_that_is_not_there(askd):
    result = asked(askd, LATER, "llm/main failed", "127.0.0.1:9: Couldn't connect to server",
                   "check `base_url`, and that the server runs", url="http://127.0.0.1:9/v1")
    assert "tokens" not in result.stdout, "nothing was used, so nothing is listed"


def test_server_with_a_name_that_nobody_knows(askd):
    asked(askd, LATER, "no-such-host.invalid", "check `base_url`", url="https://no-such-host.invalid/v1")


@pytest.mark.parametrize("status,error,person,expected", [
    (401, {"message": "Incorrect API key: sk-of-a-beginner", "code": "invalid_api_key"}, "have noted it",
     ["the server answered 401", "Incorrect API key: ***", "check `api_key`"]),
    (404, {"message": "The model does not exist", "code": "model_not_found"}, RUNNERS,
     ["the server answered 404", "The model does not exist", "check `model` and `base_url`"]),
    (429, {"message": "You exceeded your quota", "code": "insufficient_quota"}, "The budget",
     ["the server answered 429", "see your account there"]),
])
def test_server_that_says_no(askd, status, error, person, expected):
    askd.llm.script({"status": status, "reply": {"error": error}})
    asked(askd, person, *expected)


def test_nothing_may_leave(askd):
    asked(askd, RUNNERS, "egress: nothing", "llm/main is not on this machine",
          url="https://192.0.2.1/v1", path=f"{askd.database}\n    egress: nothing")


def test_state_in_an_impossible_place(askd):
    askd.config.write_text(file_of(askd, state="/proc/askd"))
    said = askd.run("ask", QUESTION, check=1).stderr
    assert "state_dir /proc/askd cannot be made" in said and "set askd.state_dir" in said
    askd.config.write_text(file_of(askd, state=askd.database))
    assert "is no folder: set askd.state_dir to one" in askd.run("ask", QUESTION, check=1).stderr


def test_file_that_is_not_there(askd):
    askd.config.unlink()
    said = askd.run("check", check=1).stderr
    assert "found no file that can be read (No such file or directory), expected a YAML file" in said


def test_two_configurations(askd):
    said = askd.run("check", "-c", "other.yaml", check=1).stderr
    assert "found two configurations" in said and "expected one" in said and "conf.d/" in said


def test_configuration_that_the_daemon_does_not_have(askd):
    askd.llm.analysis(PER_CITY)
    askd.start()
    other = askd.folder / "other.yaml"
    other.write_text(askd.config.read_text())
    result = subprocess.run([str(BUILD / "askd"), "-c", str(other), "ask", "--json", QUESTION],
                            capture_output=True, text=True, env=askd.env, cwd=askd.folder, timeout=60)
    assert f"answered by the running daemon, whose configuration is {askd.config}" in result.stderr
    assert json.loads(result.stdout)["kind"] == "answer"


def test_budget_that_is_not_enforced(askd):
    askd.llm.analysis(PER_CITY)
    askd.config.write_text(file_of(askd) + "budgets:\n  all: {by: organisation, day: 5.00}\n")
    said = askd.run("ask", QUESTION, check=0).stderr
    assert "the budget 'all' is not enforced" in said and "at the model's vendor" in said


@pytest.mark.parametrize("words", [("check", "twice"), ("run", "now"), ("version", "please")])
def test_words_too_many(askd, words):
    said = askd.run(*words, check=1).stderr
    assert f"'{words[1]}' was not expected after '{words[0]}'; see: askd help {words[0]}" in said


def test_kind_of_plugin_that_does_not_exist(askd):
    assert "did you mean 'skill'?" in askd.run("plugin", "info", "skil/query", check=1).stderr


def test_list_of_plugins_lines_up(askd):
    lines = [line for line in askd.run("plugin", "list", check=0).stdout.splitlines() if "/" in line[2:28]]
    versions = {line.index("0.9.0") for line in lines if "0.9.0" in line}
    assert len(versions) == 1, "\n".join(lines)
