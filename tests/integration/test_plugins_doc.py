"""docs/plugins.md, executed from top to bottom against an installed askd."""

import subprocess

import pytest

from conftest import BUILD, TREE
from documents import prefix, run_page, shell  # noqa: F401 (a fixture)


@pytest.mark.slow
def test_tutorial(prefix, tmp_path):
    assert run_page("docs/plugins.md", prefix, tmp_path) >= 5


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["database", "llm", "mailer", "skill", "transport"])
def test_new_plugin_of_each_kind_compiles_and_passes(prefix, tmp_path, kind):
    result = shell(
        f"askd plugin new {kind} mine && cmake -S mine -B mine/build && cmake --build mine/build && "
        f"askd plugin check mine/build/plugins/{kind}/mine.so --options mine/options.yaml",
        prefix, tmp_path)
    assert result.returncode == 0, result.stdout
    assert " 0 failed" in result.stdout
    again = shell(f"askd plugin new {kind} mine", prefix, tmp_path)
    assert again.returncode == 1 and "exists" in again.stdout, "it overwrote a folder"


@pytest.mark.parametrize("words,expected", [
    (["new", "skil", "x"], "did you mean 'skill'"),
    (["new", "skill", "Not-A-Name"], "cannot be a plugin's name"),
    (["lst"], "did you mean 'plugin list'"),
    (["info", "sqlite"], "is not KIND/NAME"),
    (["info", "database/sqlit"], "sqlite"),
    (["check"], "which file"),
    (["check", "/etc/passwd"], ""),
    (["check", "/no/such/file.so"], ""),
])
def test_mistakes_are_answered_with_the_next_step(askd, words, expected):
    result = askd.run("plugin", *words)
    assert result.returncode in (1, 2)
    assert expected in result.stdout + result.stderr, result


def test_bundled_plugins_conform(askd):
    (askd.folder / "sqlite.yaml").write_text(
        f"path: {askd.database}\ncheck:\n  not_found: {{path: {askd.folder}/none.db}}\n"
        f"  write: {{path: {askd.folder}/write.db}}\n")
    (askd.folder / "openai.yaml").write_text(
        "base_url: http://127.0.0.1:9/v1\nmodel: m\napi_key: k\n")
    for plugin, options in (("database/sqlite", "sqlite.yaml"), ("llm/openai", "openai.yaml"),
                            ("transport/console", None), ("skill/query", None)):
        words = ["check", f"{BUILD}/plugins/{plugin}.so"]
        if options:
            words += ["--options", askd.folder / options]
        result = askd.run("plugin", *words)
        assert result.returncode == 0 and " 0 failed" in result.stdout, result.stdout


def test_a_crash_or_a_hang_is_a_finding(askd):
    (askd.folder / "crash.c").write_text("""
#include <askd/mailer.h>
ASKD_DEFINE(crash_send, askd_mail, askd_outgone) { *(volatile int *)8 = 1; return 0; }
ASKD_MAKE(static const struct askd_mailer_iface, iface, .send = crash_send);
ASKD_PLUGIN(.kind = ASKD_KIND_MAILER, .name = "crash", .version = "1", .summary = "x",
            .license = "MIT", .instance_size = 8, .iface = &iface);
""")
    subprocess.run(["cc", "-shared", "-fPIC", "-D_GNU_SOURCE", f"-I{TREE}/sdk/include", "-o", "crash.so",
                    "crash.c"], cwd=askd.folder, check=True)
    result = subprocess.run([str(BUILD / "askd"), "-c", str(askd.config), "plugin", "check", "crash.so"],
                            cwd=askd.folder, capture_output=True, text=True, env=askd.env)
    assert result.returncode == 1
    assert "crashed" in result.stdout or "AddressSanitizer" in result.stderr, result
