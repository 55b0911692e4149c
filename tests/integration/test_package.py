"""The Debian packages: installed, run, upgraded with their state, removed and purged.

The packages go into the system that runs the test, under an overlay whose changes are in memory: dpkg, its
scripts and the dependencies are the real ones, and the system itself stays as it is. There is no systemd in it.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import urllib.request

import pytest

from conftest import BUILD, FAULTS, wait_until
from documents import run_page
from test_http import free_port

pytestmark = [pytest.mark.package, pytest.mark.slow,
              pytest.mark.skipif(FAULTS, reason="packages are made of the release build"),
              pytest.mark.skipif(os.geteuid() != 0, reason="only root can install packages")]
VERSIONS = ("0.9.0", "0.9.0.1")
MOUNT = """
mount -t tmpfs none {layers}
mkdir {layers}/upper {layers}/work {layers}/root
mount -t overlay none -o lowerdir=/,upperdir={layers}/upper,workdir={layers}/work {layers}/root
mount --rbind /dev {layers}/root/dev
mount -t proc proc {layers}/root/proc
mount -t tmpfs none {layers}/root/run
mount --bind {shared} {layers}/root{shared}
echo mounted
exec sleep infinity
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """By version: the files of askd and askd-dev."""
    made = {}
    for version in VERSIONS:
        folder = tmp_path_factory.mktemp("packages")
        result = subprocess.run(["cpack", "--config", str(BUILD / "CPackConfig.cmake"), "-B", str(folder), "-D",
                                 f"CPACK_PACKAGE_VERSION={version}"], capture_output=True, text=True)
        assert result.returncode == 0, result.stdout + result.stderr
        made[version] = {name: next(folder.glob(f"{name}_{version}_*.deb")) for name in ("askd", "askd-dev")}
    return made


class System:
    """This system under an overlay. `shared` is the same folder inside and outside."""

    def __init__(self, layers, shared):
        self.layers, self.shared = layers, shared
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-ec", MOUNT.format(layers=layers, shared=shared)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self.holder.stdout.readline() != "mounted\n":
            why = self.holder.stderr.read()
            self.close()
            pytest.skip(f"nothing can be mounted here: {why}")

    def close(self):
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()
        self.holder.stderr.close()

    def inside(self, *argv):
        return ["nsenter", "-t", str(self.holder.pid), "--mount", *argv]

    def command(self, *argv):
        env = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"]
        return self.inside("chroot", f"{self.layers}/root", "env", "-i", "-C", str(self.shared), *env, *map(str, argv))

    def run(self, *argv, check=0):
        result = subprocess.run(self.command(*argv), capture_output=True, text=True, timeout=300)
        assert result.returncode == check, f"{argv}: {result.stdout}{result.stderr}"
        return result.stdout + result.stderr

    def shell(self, text, check=0):
        return self.run("bash", "-ec", text, check=check)

    def install(self, *files):
        for file in files:
            shutil.copy(file, self.shared)
        return self.run("dpkg", "--install", *(self.shared / file.name for file in files))

    def left(self):
        """Files of askd's that were made since the start."""
        found = subprocess.run(self.inside("find", f"{self.layers}/upper", "-path", "*askd*", "-not", "-type", "c",
                                           "-not", "-path", f"{self.layers}/upper{self.shared}*",
                                           "-not", "-path", f"{self.layers}/upper/srv/*"),
                               capture_output=True, text=True, check=True).stdout
        return found.replace(f"{self.layers}/upper", "").split()


@pytest.fixture
def system(tmp_path):
    layers, shared = tmp_path / "layers", tmp_path / "shared"
    layers.mkdir()
    shared.mkdir()
    system = System(layers, shared)
    system.run("dpkg", "--purge", "askd-dev", "askd")  # should this system have them
    yield system
    system.close()


class Service:
    """What systemd does with the unit, done by hand."""

    def __init__(self, system, port):
        self.system, self.port = system, port
        unit = system.run("cat", "/usr/lib/systemd/system/askd.service")
        command = re.search(r"^ExecStart=(.*)$", unit, re.M).group(1)
        user = re.search(r"^User=(.*)$", unit, re.M).group(1)
        self.process = subprocess.Popen(
            system.command(f"ASKD__TRANSPORT__WEB__LISTEN=127.0.0.1:{port}", "setpriv", "--reuid", user, "--regid", user,
                           "--init-groups", *command.split()), stderr=subprocess.PIPE, text=True)
        self.log = ""
        while "is ready" not in self.log:
            line = self.process.stderr.readline()
            assert line, f"the service ended: {self.log}"
            self.log += line

    def get(self, path):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{self.port}{path}", timeout=60) as reply:
            return reply.read().decode()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.log += self.process.communicate(timeout=60)[1]
        assert self.process.returncode == 0, self.log
        return self.log


def session_of(said):
    return re.search(r"--session (\S+)", said).group(1)


def test_package_lives(system, packages, llm):
    old, new = VERSIONS
    said = system.install(packages[old]["askd"])
    assert "warning" not in said.lower() and "error" not in said.lower(), said
    assert system.run("dpkg", "--verify", "askd") == ""
    assert system.run("stat", "-c", "%U:%G %a", "/var/lib/askd", "/var/log/askd").split("\n")[:2] == [
        "askd:askd 700", "askd:askd 750"]
    assert system.run("getent", "passwd", "askd").split(":")[5:] == ["/var/lib/askd", "/usr/sbin/nologin\n"]
    assert system.run("readlink", "/etc/systemd/system/multi-user.target.wants/askd.service").endswith(
        "/lib/systemd/system/askd.service\n")
    assert system.run("askd", "check").startswith("/etc/askd/askd.yaml: fine (")
    assert "/usr/lib/askd/plugins:" in system.run("askd", "plugin", "list")
    assert "no database here" in system.run("askd", "ask", "hello", check=2)
    # Root has worked on the state before the service: it is the service's all the same.
    assert set(system.shell("stat -c %U:%a /var/lib/askd/*").split()) == {"askd:600"}

    # The configuration as it comes: the page, and the watchers' routes.
    service = Service(system, free_port())
    assert "<title>" in service.get("/") and "ready" in service.get("/ready")
    service.stop()

    # A company to ask questions of.
    system.shell("mkdir -p /srv/askd /etc/askd/conf.d && askd-company --today 2026-06-30 /srv/askd/company.db")
    system.shell(f"""echo >>/etc/askd/askd.yaml '# mine'
echo key-of-mine | install -o root -g askd -m 640 /dev/stdin /etc/askd/openai.key
cat >/etc/askd/conf.d/company.yaml <<'YAML'
llm: {{main: {{plugin: openai, base_url: "{llm.url}", model: m, api_key: "${{file:../openai.key}}"}}}}
database: {{company: {{plugin: sqlite, path: /srv/askd/company.db}}}}
YAML""")
    llm.analysis("SELECT count(*) AS n FROM regions", "There are some regions.")
    said = system.run("askd", "ask", "How many regions are there?")
    assert "some regions" in said
    session = session_of(said)

    # An upgrade under the running service: nobody restarts it here, and it goes on until somebody does.
    service = Service(system, free_port())
    system.install(packages[new]["askd"])
    assert system.run("dpkg-query", "-W", "-f=${Version} ${Status}", "askd") == f"{new} install ok installed"
    assert "some regions" in system.run("askd", "ask", "How many regions are there now?")
    service.stop()
    assert "# mine" in system.run("cat", "/etc/askd/askd.yaml")
    service = Service(system, free_port())
    said = system.run("askd", "ask", "--session", session, "And how many products?")
    assert "some regions" in said and session_of(said) == session
    assert "How many regions are there?" in str(llm.requests()[-2]), "the conversation did not go on"
    assert "rows, none was changed" in system.run("askd", "audit")
    service.stop()

    # Without the program the state and the configuration stay; with the next installation they are there again.
    system.run("dpkg", "--remove", "askd")
    system.run("test", "-e", "/usr/bin/askd", check=1)
    system.shell("test -s /var/lib/askd/manager.db && test -s /etc/askd/openai.key && grep -q mine /etc/askd/askd.yaml")
    system.install(packages[new]["askd"])
    assert "some regions" in system.run("askd", "ask", "--session", session, "And how many orders?")

    system.run("dpkg", "--purge", "askd")
    records = ("/var/lib/dpkg/", "/var/log/dpkg.log")
    assert [name for name in system.left() if not name.startswith(records)] == []
    assert "askd" not in system.run("cat", "/etc/passwd", "/etc/group")
    system.shell("! dpkg-query -W askd 2>/dev/null")


def test_package_installs_where_there_is_no_systemd_at_all(system, packages):
    system.shell("rm -f /usr/bin/systemd-sysusers /bin/systemctl /usr/bin/systemctl")
    system.install(packages[VERSIONS[0]]["askd"])
    assert system.run("getent", "passwd", "askd").split(":")[5] == "/var/lib/askd"
    system.run("dpkg", "--purge", "askd")
    system.run("getent", "passwd", "askd", check=2)


def test_dev_package_wants_exactly_its_askd(system, packages):
    old, new = VERSIONS
    system.install(packages[old]["askd"])
    shutil.copy(packages[new]["askd-dev"], system.shared)
    assert f"depends on askd (= {new})" in system.run(
        "dpkg", "--install", system.shared / packages[new]["askd-dev"].name, check=1)


def test_tutorial_against_the_packages(system, packages):
    """docs/plugins.md, with nothing of this tree but what the two packages bring."""
    system.install(*packages[VERSIONS[0]].values())

    def shell(body, prefix, folder, more):
        return subprocess.run(system.command("ASKD_PLUGINS=/usr/lib/askd/plugins", "bash", "-ec", body),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)

    assert run_page("docs/plugins.md", None, system.shared, shell=shell) >= 5


@pytest.mark.skipif(not shutil.which("logrotate"), reason="logrotate is not here")
def test_log_is_rotated_under_the_running_service(system, packages):
    system.install(packages[VERSIONS[0]]["askd"])
    system.shell("mkdir /etc/askd/conf.d; echo 'askd: {log: {file: /var/log/askd/askd.log}}' >/etc/askd/conf.d/log.yaml")
    log = "/var/log/askd/askd.log"
    unit = system.run("cat", "/usr/lib/systemd/system/askd.service")
    assert "LogsDirectory=askd" in unit
    command = re.search(r"^ExecStart=(.*)$", unit, re.M).group(1).split()
    service = subprocess.Popen(system.command(
        f"ASKD__TRANSPORT__WEB__LISTEN=127.0.0.1:{free_port()}", "setpriv", "--reuid", "askd", "--regid", "askd",
        "--init-groups", *command))
    wait_until(lambda: "is ready" in system.shell(f"cat {log} || true"), "the service's log")
    system.run("logrotate", "--force", "/etc/logrotate.d/askd")
    service.send_signal(signal.SIGTERM)
    assert service.wait(60) == 0
    assert "is ready" in system.run("cat", f"{log}.1")
    assert "stopping" in system.run("cat", log)


def test_prefix_of_ones_own_is_touched_alone(tmp_path):
    """Only below /usr and /usr/local does an installation reach /etc."""
    subprocess.run(["cmake", "--install", str(BUILD), "--prefix", "/opt/askd"], check=True, capture_output=True,
                   env={**os.environ, "DESTDIR": str(tmp_path)})
    assert [path.name for path in tmp_path.iterdir()] == ["opt"]
    subprocess.run(["cmake", "--install", str(BUILD), "--prefix", "/usr/local", "--component", "askd"], check=True,
                   capture_output=True, env={**os.environ, "DESTDIR": str(tmp_path)})
    assert (tmp_path / "etc/askd/askd.yaml").exists() and not (tmp_path / "usr/local/include").exists()
    (tmp_path / "etc/askd/askd.yaml").write_text("# mine\n")
    subprocess.run(["cmake", "--install", str(BUILD), "--prefix", "/usr/local"], check=True, capture_output=True,
                   env={**os.environ, "DESTDIR": str(tmp_path)})
    assert (tmp_path / "etc/askd/askd.yaml").read_text() == "# mine\n"
    assert (tmp_path / "usr/local/include/askd/askd.h").exists()
    assert pathlib.Path(tmp_path / "usr/local/share/zsh/site-functions/_askd").exists()
