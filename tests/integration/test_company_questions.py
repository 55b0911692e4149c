"""The questions of tests/fixtures/company/questions.sql: the offline engine against SQL written by hand.

Both are run on two companies of different seeds and days, and an answer counts when its rows are those
of the hand on both. `pytest -s` prints the table."""

import collections
import itertools
import json
import os
import re
import sqlite3
import subprocess
import time

import pytest

from conftest import BUILD, TREE, sound

COMPANIES = (("1", "2026-06-30"), ("7", "2025-11-20"))
SURE = 0.55  # answers that are less sure are not given: the default of `decline_below`
LEAST_RIGHT = {1: 0.66, 2: 0.40, 3: 0.24}  # of the questions of a level, those answered right
MOST_WRONG = 0.18  # of the answers given to questions that have one, those that are wrong
MOST_INVENTED = 1  # questions without an answer that are given one

Question = collections.namedtuple("Question", "level kind text values shows ties readings")
Answer = collections.namedtuple("Answer", "columns rows")
Said = collections.namedtuple("Said", "sql confidence")


def questions():
    text = (TREE / "tests/fixtures/company/questions.sql").read_text(encoding="utf-8")
    for block in text.split("\n\n")[1:]:
        head, *rest = block.splitlines()
        level, kind, question = re.fullmatch(r"-- (\d) ([\w-]+): (.+)", head).groups()
        notes = dict(re.fullmatch(r"-- (\{?\w+\}?): (.+)", line).groups() for line in rest if line.startswith("--"))
        sql = "\n".join(line for line in rest if not line.startswith("--"))
        shows, ties = notes.pop("shows", None), notes.pop("ties", None)
        values = {name.strip("{}"): select for name, select in notes.items()}
        yield Question(int(level), kind, question, values, shows and shows.split(", "), ties,
                       [reading.strip() for reading in sql.split(";") if reading.strip()])


QUESTIONS = list(questions())


class Company:
    """A database, and the questions as they read there."""

    def __init__(self, folder, seed, today):
        self.path, self.values = folder / f"company-{seed}.db", {"today": today}
        made = subprocess.run([BUILD / "askd-company", "--seed", seed, "--today", today, self.path],
                              capture_output=True, text=True, timeout=120)
        assert made.returncode == 0, made
        self.connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)
        self.known = {}

    def run(self, sql, values=None, seconds=10):
        end = time.monotonic() + seconds
        self.connection.set_progress_handler(lambda: time.monotonic() > end, 20000)
        cursor = self.connection.execute(sql, {**self.values, **(values or {})})
        return Answer([column[0] for column in cursor.description], cursor.fetchall())

    def filled(self, question):
        values = {name: self.run(select).rows[0][0] for name, select in question.values.items()}
        return question.text.format(**values), values

    def readings(self, question):
        if question.text not in self.known:
            values = self.filled(question)[1]
            self.known[question.text] = [self.run(sql, values) for sql in question.readings]
        return self.known[question.text]

    def is_right(self, question, sql):
        try:
            answer = self.run(sql)
        except sqlite3.Error:
            return False
        return any(agrees(question, sql, reading, answer)
                   for sql, reading in zip(question.readings, self.readings(question)))


# ---- what is the same answer ------------------------------------------------------------------------


def cell(value):
    """Numbers to 7 digits."""
    return float(f"{value:.7g}") if isinstance(value, float) else value


def is_ordered(sql):
    while re.search(r"\([^()]*\)", sql):
        sql = re.sub(r"\([^()]*\)", "", sql)
    return "ORDER BY" in sql


def runs(question, sql, reading):
    """The rows that may change places: lists of their numbers."""
    if not is_ordered(sql):
        return [list(range(len(reading.rows)))]
    if not question.ties:
        return [[number] for number in range(len(reading.rows))]
    at = reading.columns.index(question.ties)
    keyed = itertools.groupby(range(len(reading.rows)), lambda number: reading.rows[number][at])
    return [list(numbers) for _, numbers in keyed]


def agrees(question, sql, reading, answer):
    """The rows of `answer` are those of `reading`, with its columns in any order; where the question
    says what must be shown, the other columns may be absent."""
    if len(reading.rows) != len(answer.rows):
        return False
    needed = {reading.columns.index(name) for name in question.shows or reading.columns}
    whole, given = ([[cell(value) for value in row] for row in rows] for rows in (reading.rows, answer.rows))
    of_whole, of_given = ([collections.Counter(column) for column in zip(*rows)] for rows in (whole, given))
    fits = [[at for at, values in enumerate(of_whole) if values == column] for column in of_given]
    parts = runs(question, sql, reading)
    for pick in itertools.islice(itertools.product(*fits), 2000):
        if len(set(pick)) == len(pick) and needed <= set(pick) and all(
                collections.Counter(tuple(whole[number][at] for at in pick) for number in part)
                == collections.Counter(tuple(given[number]) for number in part) for part in parts):
            return True
    return False


# ---- the engine -------------------------------------------------------------------------------------


def asked(companies, folder):
    """What the engine says to each question, in each company: one process for all."""
    lines = [json.dumps({"id": number, "db": str(company.path), "question": company.filled(question)[0],
                         "today": company.values["today"]})
             for number, (question, company) in enumerate(itertools.product(QUESTIONS, companies))]
    result = subprocess.run([BUILD / "askd", "nl2sql"], input="\n".join(lines) + "\n", capture_output=True,
                            text=True, timeout=240, cwd=folder, env={**os.environ, "ASKD__ASKD__STATE_DIR": f"{folder}/state"})
    sound(result.stderr)
    assert result.returncode == 0, result.stderr
    replies = [json.loads(line) for line in result.stdout.splitlines()]
    assert [reply["id"] for reply in replies] == list(range(len(lines)))
    said = iter(Said(reply["sql"], reply["confidence"]) for reply in replies)
    return [[next(said) for _ in companies] for _ in QUESTIONS]


@pytest.fixture(scope="module")
def companies(tmp_path_factory):
    folder = tmp_path_factory.mktemp("companies")
    made = [Company(folder, seed, today) for seed, today in COMPANIES]
    yield made
    for company in made:
        company.connection.close()


def verdict(question, companies, said):
    if any(one.sql is None or one.confidence < SURE for one in said):
        return "declined"
    right = all(company.is_right(question, one.sql) for company, one in zip(companies, said))
    return "right" if question.level and right else "wrong"


def table(verdicts):
    lines = [f"{'level':>5} {'n':>5} {'right':>6} {'declined':>9} {'wrong':>6}"]
    for level in sorted({question.level for question in QUESTIONS}):
        of_level = [v for q, v in zip(QUESTIONS, verdicts) if q.level == level]
        lines.append(f"{level:5} {len(of_level):5} {of_level.count('right'):6} {of_level.count('declined'):9}"
                     f" {of_level.count('wrong'):6}")
    return "\n".join(lines)


def lost(companies, answers, verdicts):
    """The questions that were not answered as they should be, with both SQLs."""
    for question, said, found in zip(QUESTIONS, answers, verdicts):
        if found != ("right" if question.level else "declined"):
            yield (f"{found}: {question.level} {question.kind}: {companies[0].filled(question)[0]}\n"
                   f"  hand:   {' '.join(question.readings[0].split()) if question.readings else 'none'}\n"
                   f"  engine: {said[0].sql} ({said[0].confidence})")


def test_engine_answers_the_questions(companies, tmp_path):
    answers = asked(companies, tmp_path)
    verdicts = [verdict(*each) for each in zip(QUESTIONS, itertools.repeat(companies), answers)]
    print(f"\n{table(verdicts)}")
    rest = "\n".join([table(verdicts), *lost(companies, answers, verdicts)])
    for level, least in LEAST_RIGHT.items():
        of_level = [v for q, v in zip(QUESTIONS, verdicts) if q.level == level]
        assert of_level.count("right") >= least * len(of_level), f"level {level} lost too many\n{rest}"
    given = [v for q, v in zip(QUESTIONS, verdicts) if q.level and v != "declined"]
    assert given.count("wrong") <= MOST_WRONG * len(given), f"too many answers are wrong\n{rest}"
    invented = sum(v != "declined" for q, v in zip(QUESTIONS, verdicts) if not q.level)
    assert invented <= MOST_INVENTED, f"{invented} answers to questions that have none\n{rest}"


# ---- the questions themselves -----------------------------------------------------------------------


def test_there_are_enough_questions_and_none_twice():
    texts = [question.text for question in QUESTIONS]
    assert len(texts) == 181 and len(set(texts)) == len(texts)
    assert all(bool(question.level) == bool(question.readings) for question in QUESTIONS)
    assert sum(not question.level for question in QUESTIONS) >= 15


@pytest.mark.parametrize("question", [q for q in QUESTIONS if q.level], ids=lambda question: question.text)
def test_answer_by_hand_says_something(companies, question):
    """It is not empty, nothing or zero; the border of a LIMIT does not cut through equal rows; and
    the judge takes it for right."""
    for company in companies:
        text, values = company.filled(question)
        assert all(text.count(str(value)) for value in values.values())
        for sql, reading in zip(question.readings, company.readings(question)):
            assert any(any(row) for row in reading.rows), sql
            assert agrees(question, sql, reading, reading)
            limit = re.search(r"ORDER BY ([\w.]+)(?: DESC)? LIMIT (\d+)$", sql)
            if limit:
                name, most = limit.group(1).split(".")[-1], int(limit.group(2))
                more = company.run(sql[:limit.start(2)] + str(most + 1), values)
                assert len({row[more.columns.index(name)] for row in more.rows[most - 1:]}) == 2, sql


def test_judge_tells_answers_apart(companies):
    company = companies[0]
    tents = next(q for q in QUESTIONS if q.text.startswith("List the tents from"))
    from_tents = "FROM products JOIN categories ON categories.id = category_id WHERE categories.name = 'Tents'"
    by_price = f"{from_tents} ORDER BY list_price"
    assert company.is_right(tents, f"SELECT list_price, products.name {by_price}, sku")
    assert company.is_right(tents, f"SELECT products.name {by_price}, sku DESC")
    assert not company.is_right(tents, f"SELECT products.name {by_price} DESC")
    assert not company.is_right(tents, f"SELECT products.name {by_price} LIMIT 14")
    assert not company.is_right(tents, f"SELECT list_price {by_price}")
    assert not company.is_right(tents, f"SELECT products.name, 1 {by_price}")
    prices = next(q for q in QUESTIONS if q.text == "What is the average list price per category?")
    grouped = "FROM products JOIN categories g ON g.id = category_id GROUP BY g.id ORDER BY 1"
    assert company.is_right(prices, f"SELECT avg(list_price) * 1.000000001, g.name {grouped}")
    assert not company.is_right(prices, f"SELECT g.name, avg(list_price) + 0.01 {grouped}")
    assert not company.is_right(prices, f"SELECT g.name {grouped}")
    assert not company.is_right(prices, "no SQL")
