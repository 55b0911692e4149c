"""Many questions at the same time in one daemon: each gets its own answer, and is charged once."""

import concurrent.futures

import pytest

pytestmark = pytest.mark.threads
ASKERS = 8


def test_questions_at_once_get_their_own_answers(askd):
    askd.write(limits="{question: {by: person, rate: 1000/s, burst: 1000, concurrent: 64, waiting: 64}}")
    rules = []
    for n in range(ASKERS):
        rules += [
            {"match": ["You translate a question into SQL", f"asker {n} here"],
             "reply": '{"action": "sql", "sql": "SELECT %d AS n", "answer": "", "explanation": "",'
                      ' "confidence": 0.9, "choices": []}' % (700 + n),
             "usage": {"prompt_tokens": 10, "completion_tokens": 1}},
            {"match": ["You explain a query result", f"asker {n} here"],
             "reply": f"The number is {700 + n}.", "usage": {"prompt_tokens": 5, "completion_tokens": 2}}]
    askd.llm.script(*rules)
    askd.start()
    with concurrent.futures.ThreadPoolExecutor(ASKERS) as pool:
        replies = list(pool.map(lambda n: askd.ask(f"asker {n} here: which number?"), range(ASKERS)))
    for n, reply in enumerate(replies):
        assert reply["answer"] == f"The number is {700 + n}.", reply
        assert reply["cost"]["tokens"] == 18
    assert len({reply["session_id"] for reply in replies}) == ASKERS
    assert len(askd.llm.requests()) == 2 * ASKERS
    assert askd.stop() == 0
