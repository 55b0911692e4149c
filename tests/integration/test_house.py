"""The rules of docs/contributing.md that a machine can check."""

import os
import re
import shutil
import subprocess
import tempfile

import pytest

from conftest import BUILD, TREE, sound

ROOMS = ["base", "config", "plugin", "run", "sql", "store", "people", "ledger", "query", "web",
         "assistant"]
LONGEST = 800


def tracked(*patterns):
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", *patterns], cwd=TREE,
                         capture_output=True, text=True, check=True).stdout
    return [TREE / line for line in out.splitlines() if (TREE / line).exists()]


def includes(path):
    return re.findall(r'^\s*#\s*include\s*["<]([^">]+)[">]', path.read_text(), re.M)


def test_a_room_stands_only_on_those_before_it():
    wrong = []
    for path in tracked("host/*/*.[ch]"):
        room = path.parent.name
        assert room in ROOMS, f"{path}: a room that the design does not know"
        allowed = ROOMS[:ROOMS.index(room) + 1]
        for name in includes(path):
            other = name.split("/")[0]
            if "/" in name and other in ROOMS and other not in allowed:
                wrong.append(f"{path}: includes {name}")
    assert not wrong, "\n".join(wrong)


def test_plugins_and_sdk_see_only_the_sdk():
    wrong = []
    for path in tracked("plugins/**.[ch]", "sdk/**.[ch]"):
        inside = TREE / "plugins" in path.parents
        own = {p.name for p in path.parent.glob("*.h")}
        if inside:
            own |= {f"../lib/{p.name}" for p in (path.parent.parent / "lib").glob("*.h")}
        for name in includes(path):
            if name.startswith("askd/") or name in own:
                continue
            if "host" in name.split("/") or any(name.startswith(f"{r}/") for r in ROOMS) \
                    or name.startswith(".."):
                wrong.append(f"{path}: includes {name}")
    assert not wrong, "\n".join(wrong)


def test_files_stay_short():
    long = [f"{path}: {count} lines" for path in
            tracked("*.c", "*.h", "*.py", "dev", "*.ts", "*.tsx", "*.cmake")
            if (count := len(path.read_text().splitlines())) > LONGEST]
    assert not long, "make two of: " + ", ".join(long)


def test_no_drawer_for_everything():
    drawers = [str(p) for p in tracked("*.c", "*.h") if p.stem in ("util", "utils", "common", "misc")]
    assert not drawers


def is_dialect(path, line):
    """Dialects of SQL have names too, and some are those of plugins: what a driver says it speaks
    may be compared (dialect->name), and the room sql and the conformance suite have tables of them."""
    return "dialect->name" in line or path.parent.name == "sql" \
        or path.name == "conformance_database.c"


def test_the_host_names_no_plugin():
    """Names of bundled plugins stand in config/defaults.yaml alone."""
    bundled = {p.parent.name for p in tracked("plugins/*/*/CMakeLists.txt")} - {"query", "http"}
    wrong = []
    for path in tracked("host/*.[ch]", "host/*/*.[ch]"):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            code = re.sub(r"/\*.*?\*/|//.*$", "", line)
            for text in re.findall(r'"([^"]*)"', code):
                if text in bundled and not is_dialect(path, line):
                    wrong.append(f"{path}:{number}: {line.strip()}")
    assert not wrong, "\n".join(wrong)


def test_plugins_export_one_symbol_and_need_none_of_the_host():
    plugins = sorted((BUILD / "plugins").glob("*/*.so"))
    assert len(plugins) >= 4, f"no plugins in {BUILD}/plugins"
    own = subprocess.run(["nm", "--defined-only", str(BUILD / "askd")], capture_output=True,
                         text=True, check=True).stdout
    host = {line.split()[-1] for line in own.splitlines() if " T " in line}
    for plugin in plugins:
        def symbols(flag):
            out = subprocess.run(["nm", "-D", flag, "--format=just-symbols", str(plugin)],
                                 capture_output=True, text=True, check=True).stdout.split()
            return {s.split("@")[0] for s in out}
        exported = {s for s in symbols("--defined-only")
                    if not s.startswith(("__asan", "__ubsan", "__odr_asan", "___asan", "__tsan"))}
        assert exported == {"askd_plugin_v1"}, f"{plugin} exports {exported}"
        needed = {s for s in symbols("--undefined-only") if s in host and s != "main"}
        assert not needed, f"{plugin} needs {needed} of the host"


def test_the_repository_speaks_of_itself_alone():
    words = re.compile(r"/(?:work|home|root)/|\.\./shared|/\.library|/tmp/b-|subagent", re.I)
    wrong = []
    for path in tracked("*"):
        if path.suffix in (".png", ".db", ".sqlite") or ".ci" in path.parts \
                or path.name == "test_house.py":
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if words.search(line):
                wrong.append(f"{path}:{number}: {line.strip()[:100]}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
def test_plugins_build_from_the_installed_sdk_alone_and_run_here(askd, tmp_path):
    """Every bundled plugin, in a project that sees only the installed SDK, then in this daemon."""
    prefix, project = tmp_path / "prefix", tmp_path / "authors"
    subprocess.run(["cmake", "--install", str(BUILD), "--prefix", str(prefix)], check=True,
                   capture_output=True)
    project.mkdir()
    folders = [p.parent for p in tracked("plugins/*/*/CMakeLists.txt")]
    lines = ["cmake_minimum_required(VERSION 3.25)", "project(authors C)",
             "find_package(askd REQUIRED)", "find_package(PkgConfig REQUIRED)"]
    for folder in folders:
        kind = folder.parent.name
        shutil.copytree(folder, project / kind / folder.name)
        if (folder.parent / "lib").exists():
            shutil.copytree(folder.parent / "lib", project / kind / "lib", dirs_exist_ok=True)
        lines.append(f"add_subdirectory({kind}/{folder.name})")
    (project / "CMakeLists.txt").write_text("\n".join(lines) + "\n")
    for command in (["cmake", "-S", str(project), "-B", str(project / "b"), "-G", "Ninja",
                     f"-DCMAKE_PREFIX_PATH={prefix}"], ["cmake", "--build", str(project / "b")]):
        result = subprocess.run(command, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout + result.stderr
    askd.llm.analysis("SELECT count(*) AS n FROM customers", "There are 4 customers.")
    askd.write(askd=f"{{state_dir: {askd.state}, plugin_path: [{project}/b/plugins]}}")
    # Plugins without a sanitizer in a host with one: what the host's own code does is still judged.
    assert askd.ask("How many customers are there?")["data"] in ([[4]], [["4"]])


def rename_bundled_plugins(source):
    """Puts an x before the name of every bundled plugin: where it is made, in the defaults, and where
    a page or a test names it. Instances keep their names."""
    def put_x(files, *patterns):
        for file in files:
            text = file.read_text()
            for pattern in patterns:
                text = re.sub(pattern, "x", text, flags=re.M)
            file.write_text(text)

    for path in source.glob("plugins/*/*/CMakeLists.txt"):
        kind, name = path.parts[-3:-1]
        put_x([path], rf"(?<=askd_plugin\({kind} )(?={name}\b)")
        put_x(path.parent.glob("*.c"), rf'(?<=\.name = ")(?={name}",\s*\.version)')
        tests = list(source.glob("tests/integration/*.py"))
        # As a configuration and the reference write it; what a path or a sentence of the host's says.
        put_x([*source.glob("*.md"), *source.glob("docs/*.md"), *source.glob("config/**/*.yaml"), *tests],
              rf"(?<=plugin: )(?={name}\b)", rf"(?<=^The plugin )(?={name} \()")
        put_x(tests, rf"(?<=\b{kind}/)(?={name}\b(?!/))", rf"\b(?={name}\.so\b)", rf"(?<=did you mean )(?={name}\?)")


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_suite_passes_with_every_plugin_renamed(tmp_path):
    """No code of the host may depend on what a plugin is called."""
    source, build = tmp_path / "tree", tmp_path / "renamed"
    subprocess.run(["git", "clone", "-q", str(TREE), str(source)], check=True)
    for path in tracked("*"):
        target = source / path.relative_to(TREE)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    rename_bundled_plugins(source)
    targets = ["askd", "askd-company", "askd-company-check", "askd_stub", "askd_reference", "broken_plugins", "dashboard", "manual"] + [
        f"plugin-{kind}-{name}" for path in source.glob("*/**/CMakeLists.txt") if "broken" not in path.parts
        for kind, name in re.findall(r"^\s*askd_plugin\((\w+) (\w+)\s+SOURCES", path.read_text(), re.M)
        if kind != "kind" and "versions" not in path.parts]
    # The same objects again, whatever the folder of this run is called.
    env = {**os.environ, "CCACHE_BASEDIR": str(tmp_path), "CCACHE_NOHASHDIR": "1"}
    for command in (["cmake", "-S", str(source), "-B", str(build), "-G", "Ninja", "-DASKD_FAULTS=ON"],
                    ["cmake", "--build", str(build), "--target", *targets]):
        result = subprocess.run(command, capture_output=True, text=True, env=env)
        assert result.returncode == 0, (result.stdout + result.stderr)[-4000:]
    made = {path.stem for path in (build / "plugins").glob("*/*.so")}
    assert len(made) >= 5 and all(name.startswith("x") for name in made), made
    with tempfile.TemporaryDirectory(prefix="askd-") as short:  # sockets have paths of 107 bytes at most
        result = subprocess.run(
            ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2", "-m", "not slow",
             "--basetemp", f"{short}/t", f"--ignore={source}/tests/integration/test_house.py",
             str(source / "tests/integration")],
            env={**os.environ, "ASKD_BUILD": str(build)}, capture_output=True, text=True)
    assert result.returncode == 0, (result.stdout + result.stderr)[-6000:]
    sound(result.stdout)
