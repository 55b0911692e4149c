"""What a shell offers at the cursor, and the pages of the manual: made of the verbs' and options' own tables."""

import gzip
import os
import pty
import re
import select
import shutil
import subprocess
import time

import pytest

from conftest import BUILD, TREE, sound
from documents import environment, prefix  # noqa: F401 (a fixture)


def complete(askd, *words):
    """What the last word may become, and what is said about it."""
    found = askd.run("help", "--complete", "--", *words, check=0).stdout
    return dict(line.split("\t") if "\t" in line else (line, None) for line in found.splitlines())


def test_verbs_of_the_host_and_of_plugins_are_offered(askd):
    listed = {line.split()[0] for line in askd.run("help").stdout.splitlines() if line.startswith("  ")}
    assert {"run", "ask", "key"} <= set(complete(askd, "")) == listed
    assert complete(askd, "rel") == {"reload": "Has the running daemon take up its changed configuration."}
    assert set(complete(askd, "help", "")) == listed
    assert complete(askd, "frobnicate", "") == {}


@pytest.mark.parametrize("words,expected", [
    (["plugin", ""], {"list", "info", "check", "new"}),
    (["plugin", "new", "da"], {"database"}),
    (["plugin", "new", "database", ""], set()),
    (["plugin", "check", ""], {":files"}),
    (["plugin", "check", "x.so", "--options", ""], {":files"}),
    (["plugin", "check", "x.so", "-"], {"--options", "-c", "--config"}),
    (["key", "create", "x", "-"], {"--person", "--databases", "-c", "--config"}),
    (["key", "create", "x", "--databases", ""], {"shop"}),
    (["key", "create", "x", "--person", ""], set()),
    (["key", "forget-sealed", ""], {"--yes"}),
    (["ask", "-d", ""], {"shop"}),
    (["ask", "-d", "x"], set()),
    (["ask", "-d", "shop", "--"], {"--session", "--json", "--config"}),
    (["-c", ""], {":files"}),
    (["ask", "--config", ""], {":files"}),
    (["-"], {"-c", "--config"}),
    (["run", "-"], {"-c"}),
])
def test_arguments_are_offered_as_the_usage_has_them(askd, words, expected):
    assert set(complete(askd, *words)) == expected


def test_plugins_are_offered_by_kind_and_name(askd):
    found = complete(askd, "plugin", "info", "database/")
    assert "database/sqlite" in found and all(name.startswith("database/") for name in found)


def test_options_say_what_they_do(askd):
    assert complete(askd, "key", "create", "x", "--p") == {"--person": "for whom it acts; absent: for you"}


def test_the_configuration_in_the_words_counts(askd):
    other = askd.folder / "other.yaml"
    other.write_text(askd.config.read_text().replace("{shop:", "{market:"))
    assert set(complete(askd, "-c", other, "ask", "-d", "")) == {"market"}
    other.write_text("llm: [")
    assert "ask" in complete(askd, "-c", other, "as"), "a configuration with a fault leaves the defaults"


# ---- shells -----------------------------------------------------------------------------------------

BASH = ["bash", "--noprofile", "--norc", "-i"]
SHELLS = {
    "bash": (BASH, ". {prefix}/share/bash-completion/completions/askd"),
    "zsh": (["zsh", "-f", "-i"], "fpath=({prefix}/share/zsh/site-functions $fpath); autoload -U compinit; compinit -u -D"),
    "fish": (["fish", "--no-config", "-i"], "source {prefix}/share/fish/vendor_completions.d/askd.fish"),
}


class Terminal:
    """A shell that believes somebody is typing."""

    def __init__(self, argv, env, folder):
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.chdir(folder)
            os.execvpe(argv[0], argv, env)
        self.seen = ""

    def type(self, text):
        os.write(self.fd, text.encode())

    def until(self, pattern, seconds=60):
        end = time.monotonic() + seconds
        while not re.search(pattern, self.seen):
            left = end - time.monotonic()
            assert left > 0 and select.select([self.fd], [], [], left)[0], f"no {pattern!r} in:\n{self.seen}"
            self.seen += os.read(self.fd, 65536).decode(errors="replace")
        found, self.seen = self.seen, ""
        return found

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


@pytest.mark.parametrize("shell", SHELLS)
def test_shell_completes(askd, prefix, shell):  # noqa: F811
    """askd ver<TAB>, with what was installed, as typed at a terminal."""
    argv, setup = SHELLS[shell]
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not here")
    env = {**environment(prefix, askd.folder), "TERM": "dumb", "PS1": "$ ", "ASKD_CONFIG": str(askd.config)}
    terminal = Terminal(argv, env, askd.folder)
    try:
        terminal.type(setup.format(prefix=prefix) + "; echo set''up\n")
        terminal.until(r"setup\s")
        terminal.type("askd ver\t\n")
        assert "askd 0." in terminal.until(r"SDK \d")
        (askd.folder / "a-plugin.so").write_text("")
        terminal.type("askd plugin check a-pl\t\n")
        terminal.until(r"a-plugin\.so: ")
        terminal.type("exit\n")
    finally:
        terminal.close()


# ---- the manual -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def manual(prefix):  # noqa: F811
    pages = {path.name[:-3]: gzip.decompress(path.read_bytes()).decode()
             for path in (prefix / "share/man").glob("man*/*.gz")}
    assert set(pages) == {"askd.1", "askd.yaml.5", "askd-company.1"}
    return pages


def plain(page):
    return re.sub(r"\\(f.|&)", "", page).replace("\\-", "-").replace("\\e", "\\")


@pytest.mark.parametrize("page", ["askd.1", "askd.yaml.5", "askd-company.1"])
def test_page_is_sound_roff(manual, page, tmp_path):
    (tmp_path / page).write_text(manual[page])
    result = subprocess.run(["groff", "-man", "-ww", "-z", "-Tutf8", page], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0 and not result.stderr, result.stderr
    assert not re.search(r"@\w+@", manual[page])


def test_manual_has_every_verb_and_every_option(askd, manual):
    page = plain(manual["askd.1"])
    for verb in complete(askd, ""):
        usage, text = askd.run("help", verb, check=0).stdout.strip().split("\n\n", 1)
        assert usage in page, verb
        for line in text.splitlines():
            assert re.split(r"  +", line.strip())[-1] in page, line
    options = plain(manual["askd.yaml.5"])
    names = re.findall(r"^\| `(\w+)` \|", (TREE / "docs/configuration.md").read_text(), re.M)
    assert len(names) > 60
    assert not [name for name in names if f"\n{name} (" not in options]


def test_manual_of_the_company_has_every_option(manual):
    usage = subprocess.run([str(BUILD / "askd-company"), "--help"], capture_output=True, text=True, check=True)
    sound(usage.stderr)
    for option in set(re.findall(r"--\w+", usage.stdout)):
        assert option in plain(manual["askd-company.1"]), option
