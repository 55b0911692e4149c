"""The Debian packages: installed, run, upgraded with their state, removed and purged."""

import os
import re
import shutil
import subprocess

import pytest

from conftest import BUILD
from documents import run_page
from system import VERSIONS, InsideLLM, System, make_packages, marks

pytestmark = marks


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    return make_packages(tmp_path_factory)


@pytest.fixture
def system(tmp_path):
    system = System(tmp_path)
    system.run("dpkg", "--purge", "askd-dev", "askd")  # should this system have them
    yield system
    system.close()


@pytest.fixture
def llm(system, tmp_path):
    llm = InsideLLM(system, tmp_path)
    yield llm
    llm.stop()


def session_of(said):
    return re.search(r"--session (\S+)", said).group(1)


def get(system, path):
    return system.run("curl", "-sS", f"http://127.0.0.1:8080{path}")


def running(system):
    """When the service was started, to the tick; another process has another time."""
    return system.shell("cut -d' ' -f22 /proc/$(</run/pid)/stat")


def test_package_lives(system, packages, llm):
    old, new = VERSIONS
    system.play_systemd()
    said = system.install(packages[old]["askd"])
    assert "warning" not in said.lower() and "error" not in said.lower(), said
    assert system.run("dpkg", "--verify", "askd") == ""
    assert system.run("stat", "-c", "%U:%G %a", "/var/lib/askd", "/var/log/askd") == "askd:askd 700\naskd:askd 750\n"
    assert system.run("getent", "passwd", "askd").split(":")[5:] == ["/var/lib/askd", "/usr/sbin/nologin\n"]
    if shutil.which("systemd-tmpfiles"):
        assert system.shell("rm -r /var/log/askd; systemd-tmpfiles --create askd.conf\n"
                            "stat -c '%U:%G %a' /var/log/askd") == "askd:askd 750\n"
    assert system.run("askd", "check").startswith("/etc/askd/askd.yaml: fine (")
    assert "/usr/lib/askd/plugins:\n" in system.run("askd", "plugin", "list")

    # It runs as it comes: the page, and the routes for watchers.
    assert "<title>" in get(system, "/") and get(system, "/ready") == '{"status":"ready"}'
    assert "no database here" in system.run("askd", "ask", "hello", check=2)
    # Root works on the state while the service is down: it is the service's all the same.
    system.run("systemctl", "stop", "askd")
    system.shell("rm -r /var/lib/askd/*; askd key create reports")
    assert set(system.shell("stat -c %U:%a /var/lib/askd/*").split()) == {"askd:600"}
    system.run("systemctl", "start", "askd")

    # A company to ask questions of.
    system.shell(f"""mkdir -p /srv/askd /etc/askd/conf.d && askd-company --today 2026-06-30 /srv/askd/company.db
echo '# mine' >>/etc/askd/askd.yaml
echo key-of-mine | install -o root -g askd -m 640 /dev/stdin /etc/askd/openai.key
cat >/etc/askd/conf.d/company.yaml <<'YAML'
llm: {{main: {{plugin: openai, base_url: "{llm.url}", model: m, api_key: "${{file:../openai.key}}"}}}}
database: {{company: {{plugin: sqlite, path: /srv/askd/company.db}}}}
YAML
askd reload""")
    llm.analysis("SELECT count(*) AS n FROM regions", "There are some regions.")
    said = system.run("askd", "ask", "How many regions are there?")
    assert "some regions" in said
    session, began = session_of(said), running(system)

    said = system.install(packages[new]["askd"])
    assert "# mine" in system.run("cat", "/etc/askd/askd.yaml") and "onfiguration file" not in said, said
    assert system.run("dpkg-query", "-W", "-f=${Version} ${Status}", "askd") == f"{new} install ok installed"
    assert running(system) != began, "the new program does not run"
    said = system.run("askd", "ask", "--session", session, "And how many products?")
    assert "some regions" in said and session_of(said) == session
    assert "How many regions are there?" in str(llm.requests()[-2]), "the conversation did not go on"
    assert "rows, none was changed" in system.run("askd", "audit")

    # Without the program the state and the configuration stay, and the next installation finds them.
    system.run("dpkg", "--remove", "askd")
    system.run("test", "-e", "/usr/bin/askd", check=1)
    system.run("systemctl", "is-active", "askd.service", check=1)
    system.shell("test -s /var/lib/askd/manager.db && test -s /etc/askd/openai.key && grep -q mine /etc/askd/askd.yaml")
    system.install(packages[new]["askd"])
    assert "some regions" in system.run("askd", "ask", "--session", session, "And how many orders?")

    system.run("dpkg", "--purge", "askd")
    assert system.left() == []
    assert "askd" not in system.run("cat", "/etc/passwd", "/etc/group")


def test_package_installs_where_there_is_no_systemd_at_all(system, packages):
    system.shell("rm -f /usr/bin/systemd-sysusers /usr/bin/systemctl")
    system.install(packages[VERSIONS[0]]["askd"])
    assert system.run("getent", "passwd", "askd").split(":")[5] == "/var/lib/askd"
    assert system.run("readlink", "/etc/systemd/system/multi-user.target.wants/askd.service").endswith(
        "/lib/systemd/system/askd.service\n"), "the service would not be enabled when systemd comes"
    system.run("dpkg", "--purge", "askd")
    system.run("getent", "passwd", "askd", check=2)
    assert system.left() == []


def test_dev_package_wants_exactly_its_askd(system, packages):
    old, new = VERSIONS
    system.install(packages[old]["askd"])
    shutil.copy(packages[new]["askd-dev"], system.shared)
    assert f"depends on askd (= {new})" in system.run(
        "dpkg", "--install", system.shared / packages[new]["askd-dev"].name, check=1)


def test_tutorial_against_the_packages(system, packages):
    """docs/plugins.md, with nothing of this tree but what the two packages bring."""
    system.install(*packages[VERSIONS[0]].values())

    def shell(body, *_):
        return subprocess.run(system.command("ASKD_PLUGINS=/usr/lib/askd/plugins", "bash", "-ec", body),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)

    assert run_page("docs/plugins.md", None, system.shared, shell=shell) >= 5


def test_install_page(system, packages, llm):
    """docs/install.md, on a system that has nothing of askd's but the two packages."""
    system.play_systemd()
    for file in packages[VERSIONS[0]].values():
        shutil.copy(file, system.shared)
    llm.analysis("SELECT count(*) AS customers FROM customers", "There are 6000 customers.")

    def shell(body, *_):
        # The scripted model answers in the place of the vendor's.
        return subprocess.run(system.command("bash", "-ec", body.replace("https://api.openai.com/v1", llm.url)),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)

    assert run_page("docs/install.md", None, system.shared, shell=shell) >= 10
    assert system.left() == []


@pytest.mark.skipif(not shutil.which("logrotate"), reason="logrotate is not here")
def test_log_is_rotated_under_the_running_service(system, packages):
    system.play_systemd()
    system.install(packages[VERSIONS[0]]["askd"])
    assert "LogsDirectory=askd" in system.run("cat", "/usr/lib/systemd/system/askd.service")
    system.shell("mkdir /etc/askd/conf.d; echo 'askd: {log: {file: /var/log/askd/askd.log}}' >/etc/askd/conf.d/log.yaml\n"
                 "askd reload; logrotate --force /etc/logrotate.d/askd; askd reload; systemctl stop askd")
    assert "reloaded" in system.run("cat", "/var/log/askd/askd.log.1")
    assert "stopping" in system.run("cat", "/var/log/askd/askd.log")


def test_prefix_of_ones_own_is_touched_alone(tmp_path):
    """Only below /usr and /usr/local does an installation reach /etc."""

    def install(*words):
        subprocess.run(["cmake", "--install", str(BUILD), *words], check=True, capture_output=True,
                       env={**os.environ, "DESTDIR": str(tmp_path)})

    install("--prefix", "/opt/askd")
    assert [path.name for path in tmp_path.iterdir()] == ["opt"]
    install("--prefix", "/usr/local", "--component", "askd")
    configuration = tmp_path / "etc/askd/askd.yaml"
    assert configuration.exists() and not (tmp_path / "usr/local/include").exists()
    configuration.write_text("# mine\n")
    install("--prefix", "/usr/local")
    assert configuration.read_text() == "# mine\n"
    assert (tmp_path / "usr/local/include/askd/askd.h").exists()
    assert (tmp_path / "usr/local/share/zsh/site-functions/_askd").exists()
