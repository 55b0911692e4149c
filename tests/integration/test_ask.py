"""The main job: a question in words, the answer with its table, SQL, tokens and cost."""

import concurrent.futures
import json

import pytest

from conftest import PER_CITY

pytestmark = pytest.mark.threads

QUESTION = "How much did the customers of each city order in all?"
ANSWER = "Hamburg ordered 300, Berlin 200, and Köln 0.5."


def test_answer_has_words_table_sql_tokens_and_cost(askd):
    askd.llm.analysis(PER_CITY, ANSWER)
    reply = askd.ask(QUESTION)
    assert reply["kind"] == "answer"
    assert reply["answer"] == ANSWER
    assert reply["sql"] == PER_CITY
    assert reply["columns"] == ["city", "total"]
    assert [row[0] for row in reply["data"]] == ["Hamburg", "Berlin", "Köln"]
    assert [float(row[1]) for row in reply["data"]] == [300, 200, 0.5]
    # 812 + 342 tokens in at $0.075, 64 + 903 out at $0.30 per million, exact in pico-dollars.
    assert int(reply["cost"]["pico"]) == (812 + 342) * 75_000 + (64 + 903) * 300_000
    assert reply["cost"]["tokens"] == 812 + 64 + 342 + 903
    assert [stage["stage"] for stage in reply["stages"]] == ["analysis", "answer"]


def test_terminal_shows_the_same_for_people(askd):
    askd.llm.analysis(PER_CITY, ANSWER)
    result = askd.run("ask", QUESTION, check=0)
    for part in (ANSWER, "Hamburg", "GROUP BY c.city", "test-model", "$0.0003"):
        assert part in result.stdout, result.stdout
    assert "\x1b" not in result.stdout, "colours go to terminals only"


def test_json_prints_nothing_but_the_object(askd):
    askd.llm.analysis(PER_CITY, ANSWER)
    result = askd.run("ask", "--json", QUESTION, check=0)
    assert result.stdout.count("\n") == 1
    json.loads(result.stdout)


def test_follow_up_sees_the_last_turn(askd):
    askd.llm.analysis(PER_CITY, ANSWER)
    session = askd.ask(QUESTION)["session_id"]
    askd.ask("And last year?", "--session", session)
    last = [r for r in askd.llm.requests() if "You translate a question" in json.dumps(r)][-1]
    assert QUESTION in json.dumps(last, ensure_ascii=False)


def test_daemon_answers_its_clients(askd):
    askd.llm.analysis(PER_CITY, ANSWER)
    askd.start()
    assert askd.ask(QUESTION)["answer"] == ANSWER
    assert askd.stop() == 0


def test_commands_at_the_same_moment_all_get_answers(askd):
    """The first holds the state and serves the others; whoever finds it leaving takes over."""
    askd.llm.analysis(PER_CITY, ANSWER)
    askd.write(limits="{question: {by: person, rate: 100/s, burst: 100, concurrent: 32}}")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: askd.ask(QUESTION), range(24)))
    assert [reply["answer"] for reply in replies] == [ANSWER] * 24
    assert askd.sql("pragma integrity_check") == [("ok",)]
