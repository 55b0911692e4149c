#!/usr/bin/env python3
"""Fits the weights of the offline engine's two linear models (confidence_weights.c).

    ASKD_TEST_DATA=DIR tests/bench/nl2sql_fit.py DRIVER > plugins/llm/offline/confidence_weights.c

DRIVER is build/tests/plugin/offline/drive. DIR/nl2sql holds the development questions and the harness.
Every candidate of every question is judged on the database and on two perturbed copies. One model ranks
the candidates of a question (softmax over them); the other says how probable it is that the first is
right (logistic, over questions of other databases too, which must be declined). Databases whose names
begin with p to z are kept out of the fit with --hold, to see what the weights are worth elsewhere.
"""
import argparse
import json
import math
import os
import random
import subprocess
import sys

FEATURES = 40


def gather(driver, data, judge, sets):
    questions = [json.loads(line) for line in open(f"{data}/questions.jsonl", encoding="utf-8")]
    questions = sorted((q for q in questions if q["set"] in sets), key=lambda q: q["db_id"])
    engine = subprocess.Popen([driver, "--trace"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for number, question in enumerate(questions):
        path = f"{data}/databases/{question['db_id']}.sqlite"
        engine.stdin.write(json.dumps({"id": number, "db": path, "question": question["question"]}) + "\n")
        engine.stdin.flush()
        found = {}
        for line in json.loads(engine.stdout.readline())["trace"]:
            if line.startswith("candidate "):
                head, features = line.rsplit(" |", 1)
                sql = head.split(": ", 1)[1]
                if sql not in found:
                    right = question["sql"] is not None and bool(judge.judge(question, sql)["ok"])
                    found[sql] = (right, [float(x) for x in features.split()])
        yield question, list(found.values())
    engine.stdin.close()
    engine.wait()


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


class Descent:
    """Adaptive gradient ascent with a small pull to zero."""

    def __init__(self, n, rate=0.05, pull=1e-3):
        self.w, self.squares, self.rate, self.pull = [0.0] * n, [1e-6] * n, rate, pull

    def step(self, gradient):
        for i, g in enumerate(gradient):
            g -= self.pull * self.w[i]
            self.squares[i] += g * g
            self.w[i] += self.rate * g / math.sqrt(self.squares[i])


def fit_rank(examples, rounds):
    descent, rnd = Descent(FEATURES), random.Random(1)
    examples = [c for c in examples if any(r for r, _ in c) and not all(r for r, _ in c)]
    for _ in range(rounds):
        rnd.shuffle(examples)
        for candidates in examples:
            scores = [dot(descent.w, f) for _, f in candidates]
            top = max(scores)
            e = [math.exp(s - top) for s in scores]
            total, good = sum(e), sum(x for x, (r, _) in zip(e, candidates) if r)
            gradient = [0.0] * FEATURES
            for x, (right, f) in zip(e, candidates):
                share = (x / good if right else 0) - x / total
                for i, v in enumerate(f):
                    gradient[i] += share * v
            descent.step(gradient)
    return descent.w


def first(candidates, w):
    """The best candidate with the lead over the second as its last feature, as confidence_of() has it."""
    ranked = sorted(candidates, key=lambda c: -dot(w, c[1]))
    lead = dot(w, ranked[0][1]) - dot(w, ranked[1][1]) if len(ranked) > 1 else 3
    return ranked[0][0], ranked[0][1][:-1] + [min(lead, 3)]


def fit_sure(examples, rounds):
    descent, rnd = Descent(FEATURES), random.Random(2)
    for _ in range(rounds):
        rnd.shuffle(examples)
        for right, f in examples:
            p = 1 / (1 + math.exp(-max(-30, min(30, dot(descent.w, f)))))
            descent.step([(right - p) * v for v in f])
    return descent.w


def report(name, questions, rank, sure):
    """Accuracy, and the coverage at which the precision is 90 %, to standard error."""
    rows, off = [], []
    for question, candidates in questions:
        right, f = first(candidates, rank) if candidates else (False, None)
        p = 1 / (1 + math.exp(-dot(sure, f))) if f else 0
        (off if question["sql"] is None else rows).append((p, right))
    rows.sort(key=lambda r: -r[0])
    best = hits = 0
    for n, (_, right) in enumerate(rows, 1):
        hits += right
        if hits / n >= 0.9:
            best = n
    marks = ", ".join(f"{sum(r for _, r in rows[:len(rows) * k // 100]) / max(1, len(rows) * k // 100):.0%} of the "
                      f"first {k} %" for k in (5, 10, 20, 30))
    print(f"{name}: {marks} are right", file=sys.stderr)
    print(f"{name}: {len(rows)} questions, {sum(r for _, r in rows) / max(1, len(rows)):.1%} right, precision 90 % "
          f"up to {best / max(1, len(rows)):.1%} of them", file=sys.stderr)


def table(name, weights):
    lines, line = [], "       "
    for w in weights:
        text = f" {w:.4f}f,"
        if len(line) + len(text) > 96:
            lines.append(line)
            line = "       "
        line += text
    return f"const float {name}[FEATURES] = {{\n" + "\n".join(lines + [line.rstrip(',')]) + "};\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("driver")
    parser.add_argument("--hold", action="store_true", help="keep the databases from p on out of the fit")
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    folder = os.path.join(os.environ["ASKD_TEST_DATA"], "nl2sql")
    sys.path.insert(0, folder)
    from nl2sql_eval import Judge  # pylint: disable=import-outside-toplevel
    data = os.path.join(folder, "data/spider")
    judge = Judge(data, 2, 5)
    questions = [(q, c) for q, c in gather(args.driver, data, judge, {"spider", "off-topic"}) if not q.get("vacuous")]
    used = [x for x in questions if not args.hold or x[0]["db_id"] < "p"]
    rank = fit_rank([c for q, c in used if q["sql"]], args.rounds)
    sure = fit_sure([first(c, rank) for _, c in used if c], args.rounds)
    report("fitted on", used, rank, sure)
    if args.hold:
        report("held out", [x for x in questions if x not in used], rank, sure)
    print("/* confidence_weights.c: fitted by tests/bench/nl2sql_fit.py; see there. Do not edit. */")
    print('#include "confidence.h"\n')
    print(table("confidence_rank_weights", rank))
    print(table("confidence_sure_weights", sure), end="")


if __name__ == "__main__":
    main()
