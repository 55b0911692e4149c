"""Runs a page of the documentation as a reader would, from top to bottom, against an installed askd.

    ```sh            is executed; it must succeed
    ```sh norun="X"  is not, because of X
    ```sh plain      is executed without the model that the other commands of the page ask
    ```console       is typed into a terminal by a test of its own
    ```text          each of its lines must stand in what the last ```sh printed
    ```yaml file=X   is written to the file X (any language with file= is)

What differs from run to run (sessions, references, keys, times, processes) is left out of the
comparison. Blocks without a language, and indented ones, are only read; commands never stand in them.
"""

import os
import re
import subprocess

import pytest

from conftest import BUILD, TREE, sound

BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.M | re.S)
VARYING = (
    (re.compile(r"--session [\w-]{22}\b"), "--session SESSION"),
    (re.compile(r"\b\d{18,20}\b"), "NUMBER"),
    (re.compile(r"askd_[A-Za-z0-9_-]{40,}"), "KEY"),
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z"), "TIME"),
    (re.compile(r"\b20\d\d-\d\d-\d\d\b"), "DATE"),
    (re.compile(r"process \d+"), "process N"),
    (re.compile(r"\(\d+ instances\)"), "(N instances)"),
    (re.compile(r"\b\d{8}T\d{6}Z"), "STAMP"),
    (re.compile(r"\b\d[\d.]* (bytes|[KMGT]B)\b"), "SIZE"),
    (re.compile(r"\b\d+ (rows|ms)\b"), r"N \1"),
    (re.compile(r"\((\d+ (s|min|h|d) ?)+\)"), "(PERIOD)"),
    (re.compile(r"http://127\.0\.0\.1:\d+"), "http://SERVER"),
    (re.compile(r"^([-ds][rwx-]{9}) .* (\S+)$", re.M), r"\1 \2"),
)


def alike(text):
    for pattern, name in VARYING:
        text = pattern.sub(name, text)
    return text


@pytest.fixture(scope="session")
def prefix(tmp_path_factory):
    """askd, installed as ./dev install does it."""
    prefix = tmp_path_factory.mktemp("prefix")
    subprocess.run(["cmake", "--install", str(BUILD), "--prefix", str(prefix)], check=True,
                   capture_output=True)
    return prefix


def environment(prefix, folder):
    env = {**os.environ, "PATH": f"{prefix}/bin:{os.environ['PATH']}", "HOME": str(folder),
           "XDG_STATE_HOME": str(folder), "CMAKE_PREFIX_PATH": str(prefix),
           "ASKD_PLUGINS": f"{prefix}/lib/askd/plugins", "USER": "ada",
           "LD_LIBRARY_PATH": f"{BUILD}/tests/faults"}
    env.pop("ASKD_CONFIG", None)
    return env


def shell(command, prefix, folder, more=None):
    result = subprocess.run(["bash", "-ec", command], cwd=folder,
                            env={**environment(prefix, folder), **(more or {})},
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=180)
    sound(result.stdout)
    return result


def blocks_of(page):
    return BLOCK.findall((TREE / page).read_text(encoding="utf-8"))


def run_page(page, prefix, folder, more=None, shell=shell):
    """The number of commands that ran."""
    output, commands = "", 0
    for kind, info, body in blocks_of(page):
        name = re.search(r"file=(\S+)", info)
        if name:
            (folder / name.group(1)).write_text(body)
        elif kind == "sh" and "norun=" not in info:
            result = shell(body, prefix, folder, None if "plain" in info else more)
            assert result.returncode == 0, f"{page}: {body}\n{result.stdout}"
            output = alike(result.stdout)
            commands += 1
        elif kind == "text":
            for line in body.splitlines():
                assert alike(line) in output, f"{page}: '{line}' is not in:\n{output}"
    return commands
