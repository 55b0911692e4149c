"""What `./dev install --prefix DIR` leaves, and that it works wherever DIR is."""

import subprocess

import pytest

from conftest import BUILD, TREE, sound

PLUGINS = ("database/sqlite", "llm/offline", "llm/openai", "skill/query", "transport/console", "transport/http")


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    prefix = tmp_path_factory.mktemp("prefix")
    subprocess.run(["cmake", "--install", str(BUILD), "--prefix", str(prefix)], check=True,
                   capture_output=True)
    return prefix


def test_everything_is_in_its_place(prefix):
    for name in ("bin/askd", "bin/askd-company", "share/askd/askd.yaml", "share/askd/LICENSE",
                 "include/askd/askd.h",
                 "include/askd/stub.h", "lib/cmake/askd/askdConfig.cmake",
                 "lib/cmake/askd/AskdPlugin.cmake", "lib/pkgconfig/askd.pc",
                 *(f"lib/askd/plugins/{plugin}.so" for plugin in PLUGINS)):
        assert (prefix / name).is_file(), f"{name} is not installed"
    assert (prefix / "share/askd/askd.yaml").read_text() == (TREE / "config/askd.yaml").read_text()
    tests = [p.name for p in (prefix / "lib/askd/plugins").glob("*/*.so")
             if f"{p.parent.name}/{p.stem}" not in PLUGINS]
    assert not tests, f"plugins of the tests are installed: {tests}"


def test_pkg_config_names_the_headers(prefix):
    flags = subprocess.run(
        ["pkg-config", "--cflags", "askd"], capture_output=True, text=True, check=True,
        env={"PATH": "/usr/bin", "PKG_CONFIG_PATH": str(prefix / "lib/pkgconfig")}).stdout
    compiled = subprocess.run(["cc", "-x", "c", "-fsyntax-only", *flags.split(), "-"],
                              input="#include <askd/skill.h>\n", capture_output=True, text=True)
    assert compiled.returncode == 0, compiled.stderr


def test_installed_program_finds_its_own_plugins(prefix, askd):
    """The prefix is not the one that the build was told of."""
    askd.write(askd=f"{{state_dir: {askd.state}}}")
    askd.llm.analysis("SELECT count(*) AS n FROM customers", "There are 4 customers.")

    def run(*words):
        result = subprocess.run([str(prefix / "bin/askd"), "-c", str(askd.config), *words],
                                cwd=askd.folder, env=askd.env, capture_output=True, text=True,
                                timeout=120)
        sound(result.stderr)
        assert result.returncode == 0, result
        return result.stdout

    listed = run("plugin", "list")
    assert f"{prefix}/" in listed.replace("bin/../", ""), listed
    assert str(BUILD) not in listed
    assert "There are 4 customers." in run("ask", "How many customers are there?")
