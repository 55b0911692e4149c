#!/usr/bin/python3
"""Makes askd a side of the benchmark: state with an API key, a database, a sides file.

    side.py --build BUILD --folder FOLDER [--target DB]

FOLDER/sides.json then serves as it is for measure.py (in $ASKD_TEST_DATA/bench). The state of each
run is a copy of the one made here, for a key is shown once. DB is the peer's target.db; absent: one
with the same rows.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
CONFIG = HERE / "askd.yaml"


def make_target(path):
    path.unlink(missing_ok=True)
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, region TEXT, "
                     "total REAL, created TEXT)")
    database.executemany("INSERT INTO customers VALUES (?, ?, ?, ?, '2025-01-01')", [
        (i, f"Customer {i}", ("North", "South", "East", "West")[i % 4], i * 7919 % 10000 + 0.5)
        for i in range(100)])
    database.commit()
    database.close()


def sides_of(build, folder, target=None):
    """The sides: durability normal, as the peer has it, and full."""
    folder.mkdir(parents=True, exist_ok=True)
    if target:
        shutil.copy(target, folder / "target.db")
    else:
        make_target(folder / "target.db")
    env = {"BENCH_BUILD": str(build), "BENCH_FOLDER": str(folder), "BENCH_DURABILITY": "normal"}
    askd = f"{build}/askd -c {CONFIG}"
    shutil.rmtree(folder / "state", ignore_errors=True)
    out = subprocess.run(f"{askd} key create bench", shell=True, check=True, text=True,
                         stdout=subprocess.PIPE, env={**os.environ, **env, "PORT": "1", "LLM_PORT": "1"})
    key = re.search(r"askd_[\w-]{43}", out.stdout).group()
    shutil.rmtree(folder / "fresh", ignore_errors=True)
    (folder / "state").rename(folder / "fresh")
    setup = f"rm -rf {folder}/state && cp -rp {folder}/fresh {folder}/state"
    return [{"name": name, "no_dashboard": True, "setup": setup, "run": f"{askd} run",
             "env": {**env, "BENCH_DURABILITY": durability}, "log": f"{folder}/{name}.log",
             "headers": {"Authorization": f"Bearer {key}"}}
            for name, durability in (("askd", "normal"), ("askd-full", "full"))]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--target", type=pathlib.Path)
    args = parser.parse_args()
    folder = args.folder.resolve()
    sides = sides_of(args.build.resolve(), folder, args.target)
    (folder / "sides.json").write_text(json.dumps(sides, indent=1))


if __name__ == "__main__":
    main()
