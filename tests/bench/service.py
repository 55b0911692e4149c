"""askd as a service, beside the bare database, the Python peer and nginx, in one table."""

import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import threading
import time

import load
import side

SLOW_S, SLOW_CONNECTIONS, SLOW_MODEL_MS = 22, 1000, 2000
IDLE_CONNECTIONS = 10000
STARTS = 9
PEERS = ("peer-threads-1w", "peer-async-1w-lock")  # its fastest forms
STATIC = "/view.js"
PARTS = ("start", "instant", "idle", "questions", "slow")


class Bench:
    def __init__(self, build, folder, options):
        self.build, self.folder, self.options = build, folder, options
        self.rows, self.shared = [], None
        data = os.environ.get("ASKD_TEST_DATA")
        if data:  # a copy, for the peer and the model are built in place
            self.shared = folder / "shared"
            shutil.copytree(pathlib.Path(data) / "bench", self.shared)
            subprocess.run(["chmod", "-R", "u+w", self.shared], check=True)
            subprocess.run(["make", "-s", "-C", self.shared / "fake_llm"], check=True)
            shutil.copy(load.HERE / "query.lua", self.shared / "peer/query.lua")
            subprocess.run(["/usr/bin/python3", "setup_db.py"], cwd=self.shared / "peer", check=True)
        target = self.shared / "peer/data/target.db" if self.shared else None
        self.sides = side.sides_of(build, folder / "side", target)
        self.key = self.sides[0]["headers"]

    # ---- what runs

    def model(self, latency_ms=0):
        """The instant model; without ASKD_TEST_DATA a slower one in Python, which costs askd the same."""
        if self.shared:
            fake = self.shared / "fake_llm"
            port = load.free_port()
            return load.Server([f"{fake}/fake_llm", "-p", str(port), "-l", str(latency_ms), "-r",
                                f"{fake}/replies.json"], port)
        import conftest
        fake = conftest.FakeLLM(self.folder)
        fake.analysis("SELECT region, COUNT(*) AS customers, ROUND(SUM(total), 2) AS revenue FROM customers "
                      "GROUP BY region ORDER BY revenue DESC LIMIT 10",
                      "North leads with the highest revenue, followed by South, East and West.")
        return fake

    def askd(self, which=0, model_port=1):
        one, port = self.sides[which], load.free_port()
        subprocess.run(one["setup"], shell=True, check=True)
        return load.Server(one["run"].split(), port, "/ready", log=one["log"],
                           env={**one["env"], "PORT": str(port), "LLM_PORT": str(model_port)})

    # ---- the table

    def row(self, what, figure, limit="", beside="", ratio="", good=None):
        mark = "" if good is None else "yes" if good else "NO"
        self.rows.append((what, figure, limit, mark, beside, ratio))

    def at_most(self, what, value, limit, digits=1, beside="", ratio=""):
        self.row(what, f"{value:.{digits}f}", f"<= {limit}", beside, ratio, value <= limit)

    # ---- the parts

    def start_and_idle(self):
        times, sizes = [], []
        for _ in range(STARTS):
            server = self.askd()
            times.append(server.start_ms)
            time.sleep(0.3)
            sizes.append(server.rss_mb())
            server.stop()
        self.at_most("start to ready, ms", statistics.median(times), 15)
        self.at_most("idle, MB resident", statistics.median(sizes), 13)

    def instant(self):
        server = self.askd()
        nginx = load.start_nginx(self.folder, self.build / "web-root")
        try:
            load.wrk(server.port, "/health", 32, 1)
            load.wrk(server.port, STATIC, 32, 1)
            load.wrk(nginx.port, STATIC, 32, 1)
            health, page, theirs = [], [], []
            for _ in range(3):  # in turn
                health.append(load.loaded(server, "/health", 32, 2)["cpu_us"])
                page.append(load.loaded(server, STATIC, 32, 2)["cpu_us"])
                theirs.append(load.loaded(nginx, STATIC, 32, 2)["cpu_us"])
            health, page, theirs = map(statistics.median, (health, page, theirs))
            self.at_most("/health, us of CPU", health, 8)
            self.row("static page, us of CPU", f"{page:.1f}", "<= 1.15 nginx", f"nginx {theirs:.1f}",
                     f"{page / theirs:.2f}", page <= 1.15 * theirs)
            passed = load.get(server.port, "/health", f"X-Long: {'a' * 6000}\r\n") == 200
            self.row("headers of 6 KB", "pass" if passed else "refused", "pass", good=passed)
        finally:
            nginx.stop()
            server.stop()

    def idle_connections(self):
        server = self.askd()
        sockets = []
        try:
            load.wrk(server.port, "/health", 32, 1)
            before = server.rss_mb()
            threads = server.status("Threads")
            for _ in range(IDLE_CONNECTIONS):
                s = socket.create_connection(("127.0.0.1", server.port))
                sockets.append(s)
                s.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                if not s.recv(4096).startswith(b"HTTP/1.1 200"):
                    raise SystemExit(f"connection {len(sockets)} is not served")
            each = (server.rss_mb() - before) * 1024 / IDLE_CONNECTIONS
            self.at_most(f"{IDLE_CONNECTIONS:,} idle connections, KB each", each, 10)
            more = server.status("Threads") - threads
            self.row("threads for them", f"{more}", "0", good=more <= 0)
        finally:
            for s in sockets:
                s.close()
            server.stop()

    def floor(self):
        folder = self.folder / "floor"
        folder.mkdir()
        out = subprocess.run([self.build / "tests/bench/bench_floor", self.folder / "side/target.db", folder],
                             capture_output=True, text=True, check=True).stdout
        return json.loads(out)["cpu_us"] / 1000

    def questions_alone(self):
        """Without the peer: what a question costs, beside the bare database."""
        floor = self.floor()
        for which, name in enumerate(("normal", "full")):
            model = self.model()
            server = self.askd(which, model.port)
            try:
                more = {"headers": self.key, "script": load.HERE / "query.lua"}
                load.wrk(server.port, "/api/query", 32, 1, **more)
                got = load.loaded(server, "/api/query", 32, 4, **more)
                self.row("errors", got["errors"], "0", good=not got["errors"])
                self.cpu_row(name, got["cpu_us"] / 1000, floor)
            finally:
                server.stop()
                model.stop()

    def cpu_row(self, name, cpu_ms, floor):
        what = f"question, 32 connections, durability {name}, ms of CPU"
        beside, ratio = f"SQLite alone {floor:.3f}", f"{cpu_ms / floor:.1f}"
        if name == "normal":
            self.at_most(what, cpu_ms, 0.40, 3, beside, ratio)
        else:
            self.row(what, f"{cpu_ms:.3f}", beside=beside, ratio=ratio)

    def questions(self):
        """measure.py drives the peer and askd in turn."""
        floor = self.floor()
        ports = load.free_port(), load.free_port()
        peers = [p for p in json.loads((self.shared / "peer/sides.json").read_text()) if p["name"] in PEERS]
        for p in peers:
            p["cwd"], p["env"]["PEER_LLM_URL"] = str(self.shared / "peer"), f"http://127.0.0.1:{ports[1]}"
        (self.folder / "sides.json").write_text(json.dumps([*peers, *self.sides]))
        subprocess.run(["/usr/bin/python3", self.shared / "measure.py", self.folder / "sides.json", "--rounds",
                        str(self.options.rounds), "--slow-rounds", "0", "--port", str(ports[0]), "--llm-port",
                        str(ports[1]), "--json", self.folder / "measured.json"], check=True,
                       stdout=None if self.options.verbose else subprocess.DEVNULL)
        measured = json.loads((self.folder / "measured.json").read_text())

        def of(name, part, figure):
            """The median; a side that has answered nothing has no times."""
            figures = [r[part][figure] for r in measured[name]]
            return statistics.median(float("inf") if f is None else f for f in figures)

        def peer(part, figure, best=min):
            return best(of(p["name"], part, figure) for p in peers)

        def times(mine, theirs):
            return f"1/{theirs / mine:.0f}"

        bad = sum(r[q]["bad"] + r[q]["sock"] for n in ("askd", "askd-full") for r in measured[n]
                  for q in ("q1", "q32", "q256"))
        self.cpu_row("normal", of("askd", "q32", "cpu_ms"), floor)
        self.cpu_row("full", of("askd-full", "q32", "cpu_ms"), floor)
        mine, theirs = of("askd", "q32", "cpu_ms"), peer("q32", "cpu_ms")
        self.row("  beside the peer", f"{mine:.3f}", beside=f"peer {theirs:.2f}", ratio=times(mine, theirs))
        mine, theirs = of("askd", "q32", "rps"), peer("q32", "rps", max)
        self.row("questions a second, 32 connections", f"{mine:.0f}", ">= 25 peers", f"peer {theirs:.0f}",
                 f"{mine / theirs:.0f}", mine >= 25 * theirs)
        mine, theirs = of("askd", "q256", "p99"), peer("q256", "p99")
        self.at_most("p99 of 256 connections, ms", mine, 120, 0, f"peer {theirs:.0f}", times(mine, theirs))
        model = self.model_ms()
        mine, theirs = of("askd", "q1", "p50") - model, peer("q1", "p50") - model
        self.at_most("p50 of one connection over the model's, ms", mine, 0.8, 2, f"peer {theirs:.1f}",
                     times(mine, theirs))
        self.row("errors", bad, "0", good=not bad)
        starts = [min(r["startup_ms"] for r in measured[p["name"]]) for p in peers]
        sizes = [r["idle"]["rss"] for p in peers for r in measured[p["name"]]]
        self.row("  the peer's start, ms, and idle MB", "", beside=f"{min(starts):.0f}, {min(sizes):.0f}")

    def model_ms(self):
        """Two calls of the model, asked by itself."""
        model, times = self.model(), []
        try:
            for stage in ("You translate a question into SQL", "You explain a query result"):
                script = self.folder / "model.lua"
                script.write_text('wrk.method = "POST" wrk.headers["Content-Type"] = "application/json" wrk.body = '
                                  f'[[{{"model":"m","messages":[{{"role":"user","content":"{stage}"}}]}}]]')
                times.append(load.wrk(model.port, "/v1/chat/completions", 1, 2, script=script)["p50"])
            return sum(times)
        finally:
            model.stop()

    def slow(self):
        """A thousand questions wait for the model; /health is asked meanwhile."""
        ideal_ms = 2 * SLOW_MODEL_MS
        for turn in (1, 2):
            model = self.model(SLOW_MODEL_MS)
            server = self.askd(0, model.port)
            health = {}

            def ask_health():
                time.sleep(5)
                health.update(load.wrk(server.port, "/health", 4, 8))

            thread = threading.Thread(target=ask_health)
            try:
                thread.start()
                got = load.wrk(server.port, "/api/query", SLOW_CONNECTIONS, SLOW_S, headers=self.key,
                               script=load.HERE / "query.lua")
                thread.join()
                share = 100 * ideal_ms / got["mean"]
                what = f"{SLOW_CONNECTIONS:,} at once, model of 2 s, run {turn}: "
                self.row(what + "% of the ideal rate", f"{share:.1f}", ">= 99", f"p99 {got['p99'] / 1000:.2f} s",
                         good=share >= 99)
                self.row(what + "errors", got["errors"], "0", good=not got["errors"])
                self.at_most(what + "most MB resident", server.rss_mb(peak=True), 75)
                self.at_most(what + "p99 of /health, ms", health["p99"], 5, 2)
            finally:
                server.stop()
                model.stop()


def run(build, folder, options):
    load.raise_files()
    bench = Bench(build, folder, options)
    parts = (bench.start_and_idle, bench.instant, bench.idle_connections,
             bench.questions if bench.shared else bench.questions_alone, bench.slow)
    for name, part in zip(PARTS, parts):
        if (not options.parts or name in options.parts) and (name != "slow" or bench.shared):
            part()
    if not bench.shared:
        print("\nASKD_TEST_DATA is not set: without the peer, and without the thousand questions at once")
    return [("", "askd", "wanted", "met", "beside", "ratio"), *bench.rows]
