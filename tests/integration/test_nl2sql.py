"""The engine without a model on questions that people asked, judged by the rows of their statements."""

import json
import os
import pathlib
import subprocess
import sys

import pytest
from conftest import BUILD, FAULTS, TREE, sound

DATA = pathlib.Path(os.environ.get("ASKD_TEST_DATA", "/nonexistent"), "nl2sql")
pytestmark = [pytest.mark.threads,
              pytest.mark.skipif(not DATA.is_dir(), reason="ASKD_TEST_DATA is not set: the questions are not there")]
SAMPLE = 400
MEMORY_KIB = 64 * 1024


def clean(folder):
    """No configuration and no state of whoever runs the tests."""
    return {**{k: v for k, v in os.environ.items() if k != "ASKD_CONFIG"},
            "ASKD__ASKD__STATE_DIR": f"{folder}/state"}


@pytest.fixture
def measure(tmp_path):
    def run(*args):
        """The report of the harness, after what the engine said to standard error was looked at."""
        report = tmp_path / "report.json"
        result = subprocess.run(
            [sys.executable, "-B", DATA / "nl2sql_eval.py", "--data", DATA / "data/spider", "--engine",
             f"{BUILD}/askd nl2sql", "--variants", "1", "--timeout", "20", "--report", report, *args],
            cwd=tmp_path, env=clean(tmp_path), capture_output=True, text=True, timeout=240)
        sound(result.stderr)
        assert result.returncode == 0, result
        found = json.loads(report.read_text())
        assert found["engine"]["starts"] == 1, "the engine ended and was started again"
        assert not [q for q in found["questions"] if q["engine_error"]]
        if not FAULTS:
            assert found["engine"]["peak_rss_kib"] <= MEMORY_KIB
        return found

    return run


def test_it_answers_the_sample(measure):
    found = measure("--set", "spider", "--sample", str(SAMPLE))
    assert found["overall"]["n"] > 0.9 * SAMPLE
    assert found["overall"]["ex"] >= 0.45
    assert found["overall"]["sql_errors"] == 0, "every statement of it runs"


def test_it_declines_what_the_database_does_not_say(measure):
    found = measure("--set", "off-topic")
    assert found["off_topic"]["n"] == 200
    assert sum(q["sql"] is not None for q in found["questions"]) <= 10


@pytest.mark.slow
def test_no_rule_leans_on_the_names_of_these_databases(tmp_path):
    result = subprocess.run(
        [sys.executable, "-B", TREE / "tests/bench/nl2sql_rename.py", "--engine", f"{BUILD}/askd nl2sql",
         "--sample", "20"], cwd=tmp_path, env=clean(tmp_path), capture_output=True, text=True, timeout=280)
    sound(result.stderr)
    assert result.returncode == 0, result
