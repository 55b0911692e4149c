"""askd as a service: what it tells systemd, whose sockets and limits it takes over, and its unit files."""

import contextlib
import os
import re
import resource
import shutil
import signal
import socket
import subprocess

import pytest

from conftest import BUILD, PER_CITY, SCALE, TREE, wait_until
from test_http import Web, free_port

pytestmark = pytest.mark.threads
# What systemd does before it runs the program: sockets from descriptor 3 on, and whom they are for.
HAND_OVER = 'n=3; for fd in $FDS; do eval "exec $n<&$fd"; n=$((n+1)); done; LISTEN_PID=$$ exec "$@"'


class Manager:
    """The side of the service manager."""

    def __init__(self, folder):
        self.path = folder / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.settimeout(60 * SCALE)

    def next(self):
        return dict(line.split("=", 1) for line in self.socket.recv(4096).decode().split("\n"))

    def until(self, name):
        while name not in (message := self.next()):
            pass
        return message


@pytest.fixture
def manager(tmp_path):
    manager = Manager(tmp_path)
    yield manager
    manager.socket.close()


def listen(*address):
    s = socket.socket(socket.AF_UNIX if len(address) == 1 else socket.AF_INET)
    s.bind(address[0] if len(address) == 1 else address)
    s.listen()
    return s


def hand_over(askd, sockets, names, **more):
    fds = [s.fileno() for s in sockets]
    askd.start({"LISTEN_FDS": str(len(fds)), "LISTEN_FDNAMES": ":".join(names), "FDS": " ".join(map(str, fds))},
               before=("bash", "-c", HAND_OVER, "bash"), pass_fds=fds, **more)


def test_the_manager_hears_of_start_life_and_end(askd, llm, manager):
    web = Web(askd, start=False)
    askd.start({"NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": "300000"})
    message = manager.next()
    assert message["READY"] == "1" and message["STATUS"], message
    assert web.status("/ready") == 200  # at once: it listens already
    for _ in range(3):
        assert manager.next() == {"WATCHDOG": "1"}
    askd.daemon.send_signal(signal.SIGTERM)
    message = manager.until("STOPPING")
    assert message["STOPPING"] == "1" and "30000 ms" in message["STATUS"], message
    assert int(message["EXTEND_TIMEOUT_USEC"]) > 30_000_000
    assert askd.daemon.wait(60) == 0


def test_the_watchdog_is_for_the_process_that_is_watched(askd, llm, manager):
    Web(askd, start=False)
    askd.start({"NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"})
    assert "READY" in manager.next()
    askd.daemon.send_signal(signal.SIGTERM)
    assert "STOPPING" in manager.next()
    assert askd.daemon.wait(60) == 0


def test_inherited_sockets_are_taken_over(askd, llm, tmp_path):
    """One of each family under `listen`, one that nobody wants, one that is no listener."""
    llm.analysis(PER_CITY, "Berlin is first.")
    web = Web(askd, start=False)
    path, spare = tmp_path / "askd.http", free_port()
    askd.config.write_text(askd.config.read_text().replace(f'"127.0.0.1:{web.port}"',
                                                           f'"127.0.0.1:{web.port}", "unix:{path}"'))
    with contextlib.ExitStack() as stack:
        given = [stack.enter_context(s) for s in (
            listen("127.0.0.1", web.port), listen(str(path)), listen("127.0.0.1", spare),
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM))]
        # Who came before askd runs is served as well.
        early = stack.enter_context(socket.create_connection(("127.0.0.1", web.port), 30))
        early.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        hand_over(askd, given, ["http", "local", "spare", "odd"])
        assert early.recv(12) == b"HTTP/1.1 200"
        assert web.ask("How much per city?").status == 200
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(path))
            s.sendall(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n")
            assert s.recv(12).endswith(b" 200")
        log = wait_until(lambda: "is ready" in askd.log.read_text() and askd.log.read_text(), "the start")
        assert re.search(rf"warning run the inherited socket 127\.0\.0\.1:{spare} \(spare\) is answered by nobody",
                         log), log
        assert "(odd) is no listening stream socket" in log
        assert log.count("warning run the inherited") == 2, log
        assert askd.stop() == 0
        assert path.exists()  # the manager's, not ours
        # It goes on listening for the next start.
        hand_over(askd, given[:2], ["http", "local"])
        assert web.ask("How much per city?").status == 200
        assert askd.stop() == 0


def test_every_address_is_one_socket_of_systemd(askd, llm):
    """ListenStream=PORT is an IPv6 socket that takes IPv4 as well; "*:PORT" means the same."""
    web = Web(askd, listen="*", start=False)
    try:
        given = socket.create_server(("::", web.port), family=socket.AF_INET6, dualstack_ipv6=True)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with given:
        hand_over(askd, [given], ["http"])
        wait_until(lambda: web.status("/ready") == 200, "/ready to answer 200")
        assert askd.stop() == 0
    assert "the inherited" not in askd.log.read_text()


def test_sockets_of_another_process_are_left_alone(askd, llm):
    web = Web(askd, start=False)
    askd.start({"LISTEN_PID": "1", "LISTEN_FDS": "1"})
    wait_until(lambda: web.status("/ready") == 200, "/ready to answer 200")
    assert askd.stop() == 0
    assert "the inherited" not in askd.log.read_text()


def limited(soft, hard):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_limit_of_descriptors_is_raised(askd, llm):
    web = Web(askd, ", connections: 700", start=False)
    askd.start(preexec_fn=limited(200, 1000))
    wait_until(lambda: web.status("/ready") == 200, "/ready to answer 200")
    assert resource.prlimit(askd.daemon.pid, resource.RLIMIT_NOFILE) == (1000, 1000)
    askd.stop()
    assert "do not fit" not in askd.log.read_text()
    askd.start(preexec_fn=limited(200, 800))
    wait_until(lambda: web.status("/ready") == 200, "/ready to answer 200")
    askd.stop()
    assert "connections: 700 do not fit into the 800 descriptors of this process, of which 200 are kept" \
        in askd.log.read_text()


# ---- the unit files ------------------------------------------------------------------------------


def options(path):
    return dict(line.split("=", 1) for line in path.read_text().splitlines() if re.match(r"\w+=", line))


@pytest.fixture(scope="module")
def units(tmp_path_factory):
    prefix = tmp_path_factory.mktemp("prefix")
    subprocess.run(["cmake", "--install", str(BUILD), "--prefix", str(prefix)], check=True, capture_output=True)
    return prefix / "lib/systemd/system"


def test_units_name_what_is_installed(units):
    service, unit = options(units / "askd.service"), options(units / "askd.socket")
    program = service["ExecStart"].split()[0]
    assert program == str(units.parents[2] / "bin/askd") and os.access(program, os.X_OK)
    assert "@" not in service["ExecStart"] + service["Documentation"]
    assert os.path.exists(service["Documentation"].removeprefix("file:"))
    assert service["Type"] == "notify" and int(service["WatchdogSec"]) > 0
    # The default of the HTTP transport.
    assert f'"{unit["ListenStream"]}"' in (TREE / "plugins/transport/http/http.c").read_text().replace("\\", "")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not here")
def test_units_are_understood_by_systemd(units):
    result = subprocess.run(["systemd-analyze", "verify", "--man=no", units / "askd.service", units / "askd.socket"],
                            capture_output=True, text=True)
    assert result.returncode == 0 and not result.stderr, result.stderr
    result = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--threshold=20",
                             units / "askd.service"], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[-2000:]
