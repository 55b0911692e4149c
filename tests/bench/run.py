#!/usr/bin/python3
"""./dev bench: what askd costs, beside the bare thing in the same run. Prints tables."""

import argparse
import json
import os
import pathlib
import sqlite3
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))
import service


def table(title, rows):
    print(f"\n{title}\n")
    widths = [max(len(str(row[i])) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  " + "  ".join(str(cell).ljust(width) for cell, width in zip(row, widths)).rstrip())


def bench_contract(build, folder, _):
    out = subprocess.run([str(build / "tests/bench/bench_contract"),
                          str(build / "plugins/database/sqlite.so"), str(folder)],
                         capture_output=True, text=True, check=True).stdout
    r = json.loads(out)
    table("The contract beside the bare thing (CPU, best of 3)", [
        ("", "bare", "through the contract", "ratio"),
        ("a call, ns", r["call_bare_ns"], r["call_contract_ns"],
         f"{r['call_contract_ns'] - r['call_bare_ns']:+.1f} ns"),
        ("a row of five columns out of SQLite, ns", r["row_bare_ns"], r["row_contract_ns"],
         f"{r['row_contract_ns'] / r['row_bare_ns']:.2f}"),
    ])


SETUP = """
create table customers(id integer primary key, region text, total real);
with recursive n(i) as (select 1 union all select i+1 from n where i < 20000)
insert into customers select i, case i%4 when 0 then 'North' when 1 then 'South' when 2 then 'East'
 else 'West' end, i * 1.25 from n;
"""
SQL = ("SELECT region, COUNT(*) AS customers, ROUND(SUM(total), 2) AS revenue FROM customers "
       "GROUP BY region ORDER BY revenue DESC LIMIT 10")


def bare_question_us(path, count=200):
    """The statement alone, and the rows that a question leaves behind: the floor."""
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    begun = os.times()
    for _ in range(count):
        database.execute(SQL).fetchall()
    ended = os.times()
    return (ended.user + ended.system - begun.user - begun.system) * 1e6 / count


def bench_question(build, folder, _):
    import conftest
    llm = conftest.FakeLLM(folder)
    path = folder / "bench.db"
    database = sqlite3.connect(path)
    database.executescript(SETUP)
    database.close()
    rows = [("durability", "CPU a question, us", "of it the statement", "time, us")]
    try:
        llm.analysis(SQL, "North leads, followed by South, East and West.")
        for durability in ("normal", "full"):
            config = folder / f"{durability}.yaml"
            config.write_text(f"""
askd: {{state_dir: {folder}/{durability}, plugin_path: [{build}/plugins, {build}/test-plugins]}}
store: {{durability: {durability}}}
llm: {{main: {{plugin: openai, base_url: "{llm.url}", model: bench, api_key: none}}}}
pricing: {{main: {{bench: {{input: 0.075, output: 0.30}}}}}}
limits: {{question: {{by: person, rate: 100000/s, burst: 100000, concurrent: 64}}}}
database: {{sales: {{plugin: sqlite, path: {path}, access: [everyone]}}}}
transport: {{terminal: {{plugin: console}}, asker: {{plugin: asker}}}}
""")
            out = subprocess.run([str(build / "askd"), "-c", str(config), "bench", "500"],
                                 capture_output=True, text=True)
            if out.returncode:
                raise SystemExit(f"askd bench failed: {out.stderr}")
            r = json.loads(out.stdout)
            rows.append((durability, r["cpu_us"], round(bare_question_us(path), 1), r["wall_us"]))
    finally:
        llm.stop()
    table("A question with an instant model (one at a time, two model calls over HTTP)", rows)


def bench_service(build, folder, args):
    table("askd over HTTP: keys, limits, audit, costs and every bundled plugin on", service.run(build, folder, args))


def bench_nl2sql(build, folder, _):
    print("\nThe engine without a model: askd nl2sql on the development data", flush=True)
    if not os.environ.get("ASKD_TEST_DATA"):
        print("\nASKD_TEST_DATA is not set: without its questions there is nothing to measure")
        return
    data = pathlib.Path(os.environ["ASKD_TEST_DATA"], "nl2sql").resolve()
    engine = ["--engine", f"{build}/askd nl2sql"]
    env = {**os.environ, "HOME": str(folder)}
    env.pop("ASKD_CONFIG", None)
    print(flush=True)
    subprocess.run([sys.executable, str(data / "nl2sql_eval.py"), "--data", str(data / "data/spider"),
                    "--set", "spider,off-topic", *engine], cwd=folder, env=env, check=True)
    print("\nWith every noun of the schema, the question and the gold SQL renamed\n", flush=True)
    if subprocess.run([sys.executable, str(HERE / "nl2sql_rename.py"), *engine], cwd=folder, env=env).returncode:
        raise SystemExit("the renaming costs more than 3 points: a rule leans on the names of the development data")


def main():
    parser = argparse.ArgumentParser(prog="./dev bench")
    parser.add_argument("--build", type=pathlib.Path, required=True, help="the release build")
    parser.add_argument("--rounds", type=int, default=3, help="of the peer and askd in turn")
    parser.add_argument("--part", action="append", dest="parts", choices=service.PARTS,
                        help="only this part of the bench 'service'")
    parser.add_argument("--verbose", action="store_true", help="show what measure.py prints")
    parser.add_argument("names", nargs="*", help="contract, question, service, nl2sql; absent: all")
    args = parser.parse_args()
    os.environ["ASKD_BUILD"] = str(args.build)
    benches = {"contract": bench_contract, "question": bench_question, "service": bench_service,
               "nl2sql": bench_nl2sql}
    unknown = set(args.names) - set(benches)
    if unknown:
        raise SystemExit(f"no bench {', '.join(unknown)}; there are {', '.join(benches)}")
    for name, bench in benches.items():
        if not args.names or name in args.names:
            with tempfile.TemporaryDirectory(prefix="askd-bench-") as folder:
                bench(args.build.resolve(), pathlib.Path(folder), args)


main()
