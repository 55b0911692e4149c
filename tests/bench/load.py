"""What a benchmark needs around a server: start it, ask it, see what it used."""

import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
UNITS = {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}


def raise_files():
    """As many descriptors as we may have, for what we start too."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def get(port, path, headers=""):
    """The status; 0: nobody is there."""
    try:
        with socket.create_connection(("127.0.0.1", port), 10) as s:
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Connection: close\r\n\r\n".encode())
            return int(s.recv(65536)[9:12] or 0)
    except (ConnectionError, ValueError):
        return 0


class Server:
    """A process that is ready when GET `ready` answers 200."""

    def __init__(self, command, port, ready="/health", env=None, log=None, cwd=None):
        self.port = port
        out = open(log, "ab") if log else subprocess.DEVNULL
        began = time.monotonic()
        self.process = subprocess.Popen(command, env={**os.environ, **(env or {})}, stdout=out,
                                        stderr=out, cwd=cwd, start_new_session=True)
        while get(port, ready) != 200:
            if self.process.poll() is not None or time.monotonic() - began > 60:
                raise SystemExit(f"{command[0]} does not get ready; see {log}")
            time.sleep(0.0002)
        self.start_ms = (time.monotonic() - began) * 1000

    def family(self):
        """The process and those below it."""
        pids, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop()
            pids.append(pid)
            for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
                todo += map(int, task.read_text().split())
        return pids

    def cpu_ms(self):
        total = 0
        for pid in self.family():
            words = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(words[11]) + int(words[12])
        return total * 1000 / os.sysconf("SC_CLK_TCK")

    def status(self, word):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"^{word}:\s+(\d+)", text, re.M)[1])

    def rss_mb(self, peak=False):
        return self.status("VmHWM" if peak else "VmRSS") / 1024

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def wrk(port, path, connections, seconds, headers=None, script=None):
    """wrk's figures; times in milliseconds."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "60"]
    for name, value in (headers or {}).items():
        command += ["-H", f"{name}: {value}"]
    command += ["-s", str(script)] if script else []
    out = subprocess.run([*command, f"http://127.0.0.1:{port}{path}"], capture_output=True,
                         text=True, check=True).stdout

    def time_of(label):
        found = re.search(rf"^\s+{label}\s+([\d.]+)(us|ms|s|m)\b", out, re.M)
        return float(found[1]) * UNITS[found[2]] if found else float("nan")

    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    lost = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", out)
    return {"count": int(re.search(r"(\d+) requests in", out)[1]),
            "rate": float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1]),
            "mean": time_of("Latency"), "p50": time_of("50%"), "p99": time_of("99%"),
            "errors": (int(bad[1]) if bad else 0) + (sum(map(int, lost.groups())) if lost else 0)}


def loaded(server, *args, **more):
    """wrk, with the server's CPU for each request in microseconds."""
    before = server.cpu_ms()
    result = wrk(server.port, *args, **more)
    result["cpu_us"] = (server.cpu_ms() - before) * 1000 / max(result["count"], 1)
    return result


def start_nginx(folder, root):
    """nginx with one worker that serves `root`, as lean as it goes."""
    (folder / "nginx.conf").write_text(f"""
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 1024; }}
http {{
  include /etc/nginx/mime.types; access_log off; sendfile on; tcp_nopush on;
  keepalive_timeout 60; keepalive_requests 100000000; open_file_cache max=100;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{(port := free_port())}; root {root}; }}
}}
""")
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    return Server([nginx, "-p", str(folder), "-c", str(folder / "nginx.conf")], port, "/index.html",
                  log=folder / "nginx.out")
