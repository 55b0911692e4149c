"""kill -9 anywhere on the path of a turn: one answer, paid once, and a sound state after the restart."""

import hashlib
import json
import os
import signal
import sqlite3
import struct

import pytest

from conftest import FAULTS, PER_CITY, SCALE, wait_until

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not FAULTS, reason="a release build has no kill points"),
]

ANSWER = "Hamburg leads with 300."
WORKING = "One moment"
AGAIN = "Sent again after an interruption"
ANALYSIS_PICO = 812 * 75_000 + 64 * 300_000
ANSWER_PICO = 342 * 75_000 + 903 * 300_000
RESERVED, DONE, FAILED, UNKNOWN = range(4)
ATTEMPTS = 64  # rows that one call of a stage may have

# Each point, and how often one question passes it.
POINTS = {
    "received": 1, "stored": 1, "limited": 1, "model_called": 2, "model_answered": 2, "gate_passed": 1,
    "sql_sent": 1, "rows_read": 1, "second_call": 1, "turn_stored": 1, "delivered": 2, "ledger": 1,
    "confirmed": 2,
}


class Chat:
    """A daemon whose only way in and out is the folder of the test transport."""

    def __init__(self, askd, **options):
        self.askd, self.spool = askd, askd.folder / "spool"
        self.events = 0
        self.spool.mkdir()
        askd.llm.analysis(PER_CITY, ANSWER)
        self.write(**options)

    def write(self, **options):
        given = "".join(f", {name}: {value}" for name, value in options.items())
        self.askd.write(
            transport=f"{{queue: {{plugin: queue_transport, spool: {self.spool}{given}}}}}",
            database=f"{{shop: {{plugin: sqlite, path: {self.askd.database}, access: [everyone]}}}}",
            limits="{question: {by: person, rate: 1000/s, burst: 1000, concurrent: 8, waiting: 8}}")

    def start(self, kill=None):
        """Ready, or dead already. The socket of a killed daemon is still there."""
        log = self.askd.folder / "daemon.log"
        ready = log.read_text().count("is ready") if log.exists() else 0
        daemon = self.askd.start({"ASKD_TEST_KILL": kill} if kill else None)
        wait_until(lambda: log.read_text().count("is ready") > ready or daemon.poll() is not None,
                   "askd run to be ready")
        return daemon

    def drop(self, *conversations, key=None):
        """Hands in a question for each of the conversations, all at once. Gives their keys."""
        keys = []
        for conversation in conversations:
            self.events += 1
            name = f"e{self.events:05}"
            event = {"conversation": conversation, "sender": f"person-{conversation}", "key": key or name,
                     "text": f"How much did they order, question {self.events}?"}
            (self.spool / f"{name}.new").write_text(json.dumps(event))
            keys.append(name)
        for name in keys:
            os.rename(self.spool / f"{name}.new", self.spool / f"{name}.json")
        return keys

    def sent(self):
        """The messages as a person sees them: an edit replaces what stood there."""
        path, seen = self.spool / "sent.jsonl", {}
        for line in path.read_text().splitlines() if path.exists() else []:
            message = json.loads(line)
            seen.setdefault(message["message"], []).append(message)
        return [(edits[0]["conversation"], edits[-1]["text"]) for edits in seen.values()]

    def quiet(self):
        """Nothing is left to hand in, to do, to deliver or to book, asked in the order in which it moves."""
        if list(self.spool.glob("*.json")):
            return False
        left = self.askd.sql(
            "select (select count(*) from inbox where ended_us is null)"
            " + (select count(*) from outbox where status in (0, 1))"
            " + (select count(*) from stages where status = 0 or applied = 0)")[0][0]
        return not left

    def settle(self):
        wait_until(lambda: self.quiet() or self.askd.daemon.poll() is not None, "the turns to end")
        assert self.askd.daemon.poll() is None, f"askd ended: {self.askd.log.read_text()[-4000:]}"


def audit_holds(rows):
    """Each row has the hash of the one before it, and its own is right."""
    previous = bytes(32)
    for number, row in enumerate(rows, 1):
        *values, before, own = row
        text = bytearray(previous)
        assert values[0] == number, f"row {values[0]} of the audit stands where {number} should"
        for value in values:
            if value is None:
                text += b"\0"
            elif isinstance(value, int):
                text += b"\1" + struct.pack("<q", value)
            else:
                text += b"\2" + struct.pack("<I", len(value.encode())) + value.encode()
        assert before == previous and own == hashlib.sha256(text).digest(), f"row {number} of the audit"
        previous = own


def books_hold(askd):
    """Whole files, an unbroken audit, and the same money everywhere. Gives the stages."""
    for database in ("manager", "costs"):
        assert askd.sql("pragma integrity_check", database) == [("ok",)]
    audit_holds(askd.sql("select number, at_us, identity, person, organisation, turn, action, subject,"
                         " details, previous_hash, hash from audit order by number"))
    stages = askd.sql("select id, turn, name, ordinal, status, cost_pico, reserved_pico from stages")
    assert askd.sql("select count(*) from stages where applied = 0 or status = 0") == [(0,)]
    booked = askd.sql("select stage, turn, name, ordinal, status, cost_pico from conversation_stages", "costs")
    assert sorted(booked) == sorted(stage[:6] for stage in stages)
    for table in ("conversations", "model_usage", "stages_usage"):
        sums = askd.sql(f"select sum(calls), sum(cost_pico), sum(unknown) from {table}", "costs")
        assert sums == [(len(stages), sum(stage[5] for stage in stages), 0)], table
    done = set()
    for _, turn, name, ordinal, status, cost, reserved in stages:
        if status == DONE:
            assert (turn, name, ordinal // ATTEMPTS) not in done, "a finished stage was paid for again"
            done.add((turn, name, ordinal // ATTEMPTS))
            assert cost == {"analysis": ANALYSIS_PICO, "answer": ANSWER_PICO}[name]
        else:
            assert cost == (reserved if status == UNKNOWN else 0)
    return stages


def turns_hold(askd, events):
    """All turns are over, each with its answer, its entry in the audit, and no call but those of the kills."""
    turns = askd.sql("select id, status, kind from turns")
    assert len(turns) == events and all(turn[1:] == ("done", 0) for turn in turns), turns
    ended = askd.sql("select turn, count(*) from audit where action = 'turn.ended' group by turn")
    assert sorted(ended) == sorted((turn[0], 1) for turn in turns)
    stages = books_hold(askd)
    assert {stage[4] for stage in stages} <= {DONE, UNKNOWN}
    finished = sorted(stage[1:3] for stage in stages if stage[4] == DONE)
    assert finished == sorted((turn[0], name) for turn in turns for name in ("analysis", "answer"))


def killed(chat, trial, point):
    """One question or two, one kill or two, and what must be true after the restart."""
    askd, passes = chat.askd, POINTS[point]
    if point in ("delivered", "confirmed") and trial % 2:
        chat.write(edits="no")
        passes = 1  # without edits there is no message to begin with
    else:
        chat.write()
    before, requests = chat.sent(), len(askd.llm.requests())
    stages = len(askd.sql("select 1 from stages")) if chat.events else 0
    asked = [f"chat-{trial % 3}"] + ([f"other-{trial % 3}"] if trial % 3 == 2 else [])
    warm = trial // 2 % 2  # questions before the one that is killed
    daemon = chat.start(f"{point}:{warm * passes + 1 + trial % (passes * len(asked))}")
    for _ in range(warm):
        chat.drop("warm")
        chat.settle()
    keys = chat.drop(*asked)
    wait_until(lambda: daemon.poll() is not None, f"the death at '{point}', which was never passed")
    assert daemon.wait() == -signal.SIGKILL
    cut = 1
    if trial % 5 == 4:  # and once more, while it recovers
        daemon = chat.start(f"{point}:1")
        wait_until(lambda: daemon.poll() is not None or chat.quiet(), "another death, or the end")
        cut += askd.stop() == -signal.SIGKILL
    chat.start()
    chat.settle()

    new = chat.sent()[len(before):]
    for conversation, count in [(name, 1) for name in asked] + [("warm", warm)]:
        texts = [text for where, text in new if where == conversation and not text.startswith(WORKING)]
        first = [text for text in texts if AGAIN not in text]
        assert len(first) == count and all(text.startswith(ANSWER) for text in first), new
        again = len(texts) - len(first)
        assert again == 0 or (again < cut + 1 and point == "delivered"), new

    # What is handed in again is known.
    sent = chat.sent()
    (name,) = chat.drop(asked[0], key=keys[0])
    wait_until((chat.spool / f"{name}.duplicate").exists, "the second delivery to be called a duplicate")
    chat.settle()
    assert chat.sent() == sent
    chat.events -= 1

    calls = len(askd.llm.requests()) - requests
    rows = askd.sql(f"select status from stages order by id limit -1 offset {stages}")
    finished, unknown = rows.count((DONE,)), rows.count((UNKNOWN,))
    assert finished + unknown == len(rows) and finished == 2 * (len(asked) + warm)
    assert finished <= calls <= len(rows), f"{calls} calls of the model, {len(rows)} rows"
    if len(asked) == 1 and cut == 1 and not (point in ("delivered", "confirmed") and passes == 2):
        # Nothing else went on at that moment: it is known exactly what was cut off.
        assert unknown == (point in ("model_called", "second_call", "model_answered"))
        assert calls == finished + (point == "model_answered")
    assert askd.stop() == 0


def kill_often(askd, point, trials):
    chat = Chat(askd)
    for trial in trials:
        killed(chat, trial, point)
    turns_hold(askd, chat.events)


@pytest.mark.parametrize("point", POINTS)
def test_killed_once(askd, point):
    kill_often(askd, point, [0])


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_killed_25_times(askd, point):
    kill_often(askd, point, range(1, 25 * SCALE + 1))
