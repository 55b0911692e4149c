"""What plugins offer beside their kind: tools, verbs, health, hooks; and instances that are optional."""

import json
import re

import pytest

from conftest import DECISION, BUILD, wait_until

ASK = "You translate a question into SQL"
TELL = "You explain a query result"
QUESTION = "How many customers are there?"
COUNT = "SELECT COUNT(*) AS n FROM customers"
OFFERS = "{offers: {plugin: tools_verbs_health}}"
ANSWER_TOOLS = "{stages: {answer: {tools: [repeat]}}}"


def decision(**more):
    return json.dumps(dict(DECISION, **more))


def answers(askd, rows=((4,),), **more):
    """A question that is answered, whatever else goes wrong."""
    askd.llm.analysis(COUNT, "There are 4 customers.")
    reply = askd.ask(QUESTION, **more)
    assert [[int(cell) for cell in row] for row in reply["data"]] == [list(r) for r in rows]
    return reply


def asked(askd, stage):
    return [r["body"] for r in askd.llm.requests() if stage in json.dumps(r["body"], ensure_ascii=False)]


# ---- tools ------------------------------------------------------------------------------------------


def calls_repeat(name="repeat", arguments=None, **more):
    return {"match": TELL, "tool_calls": [
        {"id": "call_a", "name": name, "arguments": arguments or {"word": "zanzibar"}}], **more}


def with_tools(askd, *rules, **more):
    """`askd_section`: the section askd."""
    if "askd_section" in more:
        more["askd"] = more.pop("askd_section")
    askd.write(skill=OFFERS, assistant=ANSWER_TOOLS, **more)
    askd.llm.script({"match": ASK, "reply": decision(sql=COUNT)}, *rules)


def test_the_answer_has_what_the_tool_said(askd):
    with_tools(askd, {"match": [TELL, '"tool_call_id"', "zanzibar"],
                      "reply": "There are 4 customers, says zanzibar."}, calls_repeat())
    reply = askd.ask(QUESTION)
    assert reply["answer"] == "There are 4 customers, says zanzibar."
    first, second = asked(askd, TELL)
    assert [tool["function"]["name"] for tool in first["tools"]] == ["repeat"]
    assert first["tools"][0]["function"]["description"] == "Repeats its input"
    call, result = second["messages"][-2:]
    assert call["role"] == "assistant" and call["tool_calls"][0]["id"] == "call_a"
    assert result["role"] == "tool" and result["tool_call_id"] == "call_a"
    assert json.loads(result["content"]) == {"word": "zanzibar"}
    # Each round is a call of its own in the receipt and in the ledger.
    stages = [stage for stage in reply["stages"] if stage["stage"] == "answer"]
    assert [stage.get("tools") for stage in stages] == [
        [{"name": "repeat", "ms": stages[0]["tools"][0]["ms"], "ok": True}], None]
    assert askd.sql("select count(*) from stages where name = 'answer'") == [(2,)]


def test_stages_that_name_no_tools_offer_none(askd):
    askd.write(skill=OFFERS)
    answers(askd)
    assert not any("tools" in body for body in asked(askd, TELL))


@pytest.mark.parametrize("rule,says", [
    (calls_repeat(name="erase"), "there is no such tool"),
    (calls_repeat(arguments="{not json"), "no JSON object"),
    (calls_repeat(arguments="[1]"), "no JSON object"),
])
def test_the_model_reads_what_was_wrong_and_goes_on(askd, rule, says):
    with_tools(askd, {"match": [TELL, '"tool_call_id"', says], "reply": "There are 4 customers."}, rule)
    reply = askd.ask(QUESTION)
    assert reply["answer"] == "There are 4 customers."
    assert [t["ok"] for s in reply["stages"] for t in s.get("tools", [])] == [False]


@pytest.mark.faults
def test_a_failing_tool_does_not_end_the_turn(askd):
    with_tools(askd, {"match": [TELL, '"tool_call_id"', "the tool failed: IO"],
                      "reply": "There are 4 customers."}, calls_repeat())
    reply = askd.ask(QUESTION, env={"ASKD_TEST_FAIL": "tool.run:1:IO"})
    assert reply["answer"] == "There are 4 customers."


def test_a_model_that_never_stops_calling_is_stopped(askd):
    with_tools(askd, calls_repeat())
    reply = askd.ask(QUESTION)
    assert reply["data"] in ([[4]], [["4"]]), "the table is there even so"
    bodies = asked(askd, TELL)
    assert len(bodies) == 8 and bodies[-1]["tool_choice"] == "none"


def test_tools_are_not_offered_where_results_may_not_leave(askd):
    askd.llm.script({"match": ASK, "reply": decision(sql=COUNT)},
                    {"match": TELL, "reply": "There are 4 customers."})
    for level, offered in (("results", True), ("schema", False)):
        askd.write(skill=OFFERS, assistant="{stages: {analysis: {llm: main, tools: [repeat]}, answer: {llm: main}}}",
                   database=f"{{shop: {{plugin: sqlite, path: {askd.database}, egress: {level}}}}}")
        before = len(asked(askd, ASK))
        askd.ask(QUESTION)
        assert [("tools" in body) for body in asked(askd, ASK)[before:]] == [offered]


def test_words_of_tools_stay_out_of_the_log(askd):
    with_tools(askd, {"match": [TELL, '"tool_call_id"'], "reply": "There are 4 customers."}, calls_repeat(),
               askd_section=askd.section("log: {level: debug}"))
    assert "zanzibar" not in askd.run("ask", QUESTION, check=0).stderr


def test_a_tool_that_nobody_offers_stops_the_start(askd):
    askd.write(skill=OFFERS, assistant="{stages: {answer: {tools: [repaet]}}}")
    for verb in (["check"], ["ask", QUESTION]):
        result = askd.run(*verb, check=1)
        assert "askd.yaml:" in result.stderr and "'repaet'" in result.stderr
        assert "did you mean 'repeat'?" in result.stderr


# ---- limits of a stage ------------------------------------------------------------------------------


def test_a_used_up_limit_of_a_stage_is_a_worded_refusal(askd):
    askd.write(assistant="{stages: {analysis: {limits: [few]}}}", limits="{few: {by: person, rate: 1/h, burst: 1}}")
    askd.start()
    answers(askd)
    before = len(askd.llm.requests())
    reply = askd.ask(QUESTION, check=2)
    assert reply["kind"] == "refused" and re.search(r"ask again in \d+ minutes", reply["message"])
    assert len(askd.llm.requests()) == before, "nothing is asked, nothing is paid"


# ---- verbs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("served", [False, True])
def test_a_verb_runs_with_its_words_output_and_status(askd, served):
    askd.write(skill=OFFERS)
    if served:
        askd.start()
    result = askd.run("repeat", "Grüße", "--fast", check=3)
    assert json.loads(result.stdout) == ["Grüße", "--fast"]


def test_help_lists_verbs_and_tells_their_usage(askd):
    askd.write(skill=OFFERS)
    listed = askd.run("help", check=0).stdout
    assert re.search(r"^  repeat +Prints its arguments$", listed, re.M), listed
    assert "askd repeat [WORD]..." in askd.run("help", "repeat", check=0).stdout


@pytest.mark.parametrize("served", [False, True])
def test_an_unknown_verb_names_the_nearest(askd, served):
    askd.write(skill=OFFERS)
    if served:
        askd.start()
    result = askd.run("repaet", check=1)
    assert "unknown command 'repaet', did you mean 'repeat'?" in result.stderr
    assert "did you mean 'ask'?" in askd.run("aks", check=1).stderr


# ---- health -----------------------------------------------------------------------------------------


@pytest.mark.faults
@pytest.mark.parametrize("health,line", [
    ("degraded", "skill/offers is degraded: the option says so"),
    ("down", "skill/offers is down: the option says so")])
def test_trouble_of_an_instance_is_logged_once(askd, health, line):
    askd.write(skill=f"{{offers: {{plugin: tools_verbs_health, health: {health}}}, "
                     "well: {plugin: tools_verbs_health}}")
    askd.start(env={"ASKD_TEST_HEALTH_MS": "5", "ASKD_TEST_RECORD": str(askd.folder / "trace.jsonl")})
    trace = askd.folder / "trace.jsonl"
    wait_until(lambda: trace.exists() and trace.read_text().count("report") > 6, "some rounds of health")
    wait_until(lambda: line in askd.log.read_text(), line)
    answers(askd)
    assert askd.stop() == 0
    log = askd.log.read_text()
    assert log.count(line) == 1 and "skill/well is" not in log


# ---- hooks ------------------------------------------------------------------------------------------


def hooks(askd, **options):
    """hooks(askd, first={"before": "refuse"}, ...): one instance each, in that order."""
    text = ", ".join(f"{name}: {{plugin: hooks, " + ", ".join(
        f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()) + "}"
        for name, values in options.items())
    askd.write(skill=f"{{{text}}}")


def test_a_hook_refuses_before_anything_is_asked(askd):
    hooks(askd, guard={"before": "refuse", "text": "Not about salaries.", "word": "salary"})
    askd.llm.analysis(COUNT, "There are 4 customers.")
    reply = askd.ask("What salary does Ada have?", check=2)
    assert reply["kind"] == "refused" and reply["message"] == "Not about salaries."
    assert not askd.llm.requests() and not reply["data"] and not reply["stages"]
    assert askd.sql("select kind from turns") == [(3,)]
    assert askd.sql("select count(*) from messages") == [(0,)], "a refused question is not remembered"
    answers(askd)


def test_a_hook_changes_the_question_and_the_changed_one_is_kept(askd):
    hooks(askd, rewrite={"before": "change", "text": "How many customers live on the moon?", "word": "xyzzy"})
    askd.llm.analysis(COUNT, "There are 4 customers.")
    session = askd.ask("Say xyzzy")["session_id"]
    assert "live on the moon" in json.dumps(asked(askd, ASK)[0])
    assert "xyzzy" not in json.dumps(asked(askd, ASK)[0])
    reply = askd.ask("And then?", "--session", session)
    last = json.dumps(asked(askd, ASK)[-1])
    assert "live on the moon" in last and "xyzzy" not in last
    assert reply["kind"] == "answer"


def test_a_hook_changes_the_answer_and_the_table_stays(askd):
    hooks(askd, polish={"after": "change", "text": "Four, politely."})
    reply = answers(askd)
    assert reply["answer"] == "Four, politely." and reply["sql"] == COUNT
    askd.ask("And then?", "--session", reply["session_id"])
    last = json.dumps(asked(askd, ASK)[-1])
    assert "Four, politely." in last and "There are 4 customers." not in last


def test_a_hook_withholds_the_answer(askd):
    hooks(askd, guard={"after": "refuse", "text": "This answer stays here."})
    askd.llm.analysis(COUNT, "There are 4 customers.")
    reply = askd.ask(QUESTION, check=2)
    assert reply["kind"] == "refused" and reply["message"] == "This answer stays here."
    assert not reply["data"] and not reply["sql"], "nothing of the answer is left"


def test_a_hook_only_looks(askd):
    hooks(askd, watch={"before": "pass", "after": "pass"})
    askd.llm.analysis(COUNT, "There are 4 customers.")
    result = askd.run("ask", "--json", QUESTION, check=0)
    assert json.loads(result.stdout)["answer"] == "There are 4 customers."
    assert result.stderr.count("before a turn") == 1 and result.stderr.count("after a turn") == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_failing_hook_is_logged_and_passes(askd, when):
    hooks(askd, broken={when: "fail"})
    askd.llm.analysis(COUNT, "There are 4 customers.")
    result = askd.run("ask", "--json", QUESTION, check=0)
    assert json.loads(result.stdout)["answer"] == "There are 4 customers."
    assert len(re.findall(r"a hook of skill/broken failed with INTERNAL", result.stderr)) == 1, result.stderr


def test_hooks_act_in_the_order_of_the_file(askd):
    askd.llm.analysis(COUNT, "There are 4 customers.")
    hooks(askd, one={"after": "change", "text": "by the first"},
          two={"after": "change", "text": "by the second", "word": "by the first"})
    assert askd.ask(QUESTION)["answer"] == "by the second"
    hooks(askd, two={"after": "change", "text": "by the second", "word": "by the first"},
          one={"after": "change", "text": "by the first"})
    assert askd.ask(QUESTION)["answer"] == "by the first"
    hooks(askd, stop={"before": "refuse", "text": "no"}, never={"before": "refuse", "text": "not reached"})
    assert askd.ask(QUESTION, check=2)["message"] == "no"


# ---- optional ---------------------------------------------------------------------------------------


def faulty(askd):
    """Instances that cannot open: (kind and name, options, part of the reason)."""
    torn = askd.folder / "more-plugins" / "skill" / "torn.so"
    torn.parent.mkdir(parents=True)
    torn.write_bytes(b"\x7fELF and then nothing")
    return {
        "missing": ("skill", "extra", "{plugin: nowhere%s}", "nowhere"),
        "refused": ("skill", "extra", "{plugin: torn%s}", "torn"),
        "wrong kind": ("mailer", "extra", "{plugin: hooks%s}", "hooks"),
        "bad option": ("skill", "extra", "{plugin: hooks, befor: pass%s}", "did you mean 'before'?"),
        "bad value": ("skill", "extra", "{plugin: hooks, before: sometimes%s}", "sometimes"),
        "open fails": ("llm", "extra", '{plugin: openai, base_url: "gopher://x/", model: m%s}', "base_url"),
    }


@pytest.mark.parametrize("case", ["missing", "refused", "wrong kind", "bad option", "bad value", "open fails"])
def test_an_optional_instance_is_left_out_with_one_warning(askd, case):
    kind, name, options, reason = faulty(askd)[case]
    path = f"[{BUILD}/plugins, {BUILD}/test-plugins, {askd.folder}/more-plugins]"

    def write(more):
        section = f"{{{name}: {options % more}}}"
        if kind == "llm":
            section = (f'{{main: {{plugin: openai, base_url: "{askd.llm.url}", model: test-model, '
                       f"api_key: k}}, {name}: {options % more}}}")
        askd.write(**{kind: section, "askd": f"{{state_dir: {askd.state}, plugin_path: {path}}}"})

    write(", optional: true")
    askd.llm.analysis(COUNT, "There are 4 customers.")
    result = askd.run("ask", "--json", QUESTION, check=0)
    assert json.loads(result.stdout)["answer"] == "There are 4 customers."
    warnings = [line for line in result.stderr.splitlines() if "left out" in line]
    assert len(warnings) == 1 and f"{kind}/{name}" in warnings[0] and reason in warnings[0], result.stderr
    askd.start()
    answers(askd)
    assert askd.stop() == 0
    write("")
    for verb in (["run"], ["ask", QUESTION], ["check"]):
        result = askd.run(*verb, check=1)
        assert f"{kind}/{name}" in result.stderr or f"{askd.config}:" in result.stderr
        assert reason in result.stderr, result.stderr
        assert len(result.stderr.strip().splitlines()) == 1, result.stderr


def test_a_stage_goes_without_an_optional_fallback(askd):
    askd.write(llm=f'{{main: {{plugin: openai, base_url: "{askd.llm.url}", model: test-model, api_key: k}}, '
                   "spare: {plugin: nowhere, optional: true}}",
               assistant="{stages: {analysis: {llm: main, fallback: [spare]}}}")
    answers(askd)
    result = askd.run("ask", QUESTION, check=0)
    assert "the stage analysis goes without llm/spare" in result.stderr


def test_an_optional_engine_of_a_stage_leaves_its_fallback(askd):
    askd.write(llm="{first: {plugin: nowhere, optional: true}, "
                   f'main: {{plugin: openai, base_url: "{askd.llm.url}", model: test-model, api_key: k}}}}',
               assistant="{stages: {analysis: {llm: first, fallback: [main]}}}")
    answers(askd)


def test_a_stage_whose_only_engine_was_left_out_says_so_when_asked(askd):
    askd.write(llm="{main: {plugin: nowhere, optional: true}}", pricing=None)
    result = askd.run("ask", "--json", QUESTION, check=1)
    assert json.loads(result.stdout)["kind"] == "error"
    assert "the stage 'analysis' has no engine: llm/main did not open" in result.stderr


def test_a_database_that_was_left_out_is_told_as_such(askd):
    askd.write(database=f"{{shop: {{plugin: sqlite, path: {askd.database}}}, "
                        "old: {plugin: nowhere, optional: true}}")
    answers(askd)
    reply = askd.ask(QUESTION, "-d", "old", check=2)
    assert reply["kind"] == "refused" and "old" in reply["message"] and "did not open" in reply["message"]
