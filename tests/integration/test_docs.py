"""README.md and the pages for operators and people: their commands, transcripts and tables are true."""

import json
import os
import re

import jsonschema
import pytest

from conftest import DECISION, PER_CITY, TREE
from documents import alike, blocks_of, environment, prefix, run_page, shell  # noqa: F401 (a fixture)
from terminal import Terminal

PER_CITY_ANSWER = "Hamburg ordered the most, 300.5 in all, ahead of Berlin with 200. Köln ordered 0.5."


PAGES = ["README.md", *sorted(f"docs/{path.name}" for path in (TREE / "docs").glob("*.md"))]
# Commands of this tree may stand in an indented block: they are what its own tests are run with.
LOOSE = re.compile(r"^(?: {4}|\t)(?:\$ |askd |(?:sudo )?(?!\./dev )(?:\./|apt|systemctl|install|cmake|curl|perf|/usr/bin/))", re.M)


def decide(question, **decision):
    return {"match": ["You translate a question into SQL", f"<question>\n{question}"],
            "reply": json.dumps({**DECISION, "sql": "", **decision}),
            "usage": {"prompt_tokens": 812, "completion_tokens": 64}}


def say(question, answer):
    return {"match": ["You explain a query result", question], "reply": answer,
            "usage": {"prompt_tokens": 342, "completion_tokens": 28}}


SCRIPT = [
    decide("And how many", action="sql", sql="SELECT count(*) AS orders FROM orders",
           explanation="Counts all orders, the orders of all cities."),
    decide("How much did", action="sql", sql=PER_CITY,
           explanation="Sums the orders of the customers of each city."),
    decide("Who are the best", action="clarify", answer="Best by what: number of orders, or money?",
           choices=["number of orders", "money"]),
    decide("Will it rain", action="decline", answer="I can only answer from the shop's customers and orders."),
    say("And how many", "There were 5 orders."),
    say("How much did", PER_CITY_ANSWER),
]


@pytest.fixture
def reader(llm, prefix, tmp_path):  # noqa: F811
    """Whoever follows a page: a folder, a shop, a model that knows the questions of the pages."""
    llm.script(*SCRIPT)
    readme = (TREE / "README.md").read_text(encoding="utf-8")
    sql = re.search(r"^```sql file=shop.sql\n(.*?)^```$", readme, re.M | re.S).group(1)
    (tmp_path / "shop.sql").write_text(sql)
    (tmp_path / "askd.yaml").write_text(
        re.search(r"^```yaml file=askd.yaml\n(.*?)^```$", readme, re.M | re.S).group(1))
    env = {"ASKD__LLM__MAIN__BASE_URL": llm.url, "OPENAI_API_KEY": "sk-of-the-reader"}
    if not (tmp_path / "shop.db").exists():
        shell("sqlite3 shop.db <shop.sql", prefix, tmp_path)
    return prefix, tmp_path, env


def test_readme(llm, prefix, tmp_path):  # noqa: F811
    llm.script(*SCRIPT)
    env = {"ASKD__LLM__MAIN__BASE_URL": llm.url, "OPENAI_API_KEY": "sk-of-the-reader"}
    assert run_page("README.md", prefix, tmp_path, env) >= 2
    text = (tmp_path / "askd.yaml").read_text(encoding="utf-8")
    assert text.count("\n") == 12, "the README promises little"


@pytest.mark.parametrize("page,least", [("docs/operating.md", 6), ("docs/asking.md", 5)])
def test_page(reader, page, least):
    prefix, folder, env = reader  # noqa: F811
    assert run_page(page, prefix, folder, env) >= least


def test_page_of_the_engine_without_a_model(prefix, tmp_path):  # noqa: F811
    if os.path.exists("/etc/askd/askd.yaml"):
        pytest.skip("this machine has a configuration of its own")
    assert run_page("docs/offline.md", prefix, tmp_path, {"ASKD__ASKD__STATE_DIR": f"{tmp_path}/own"}) >= 4


def test_conversation(reader):
    """The ```console block of docs/asking.md is what a person sees who types the same."""
    prefix, folder, env = reader  # noqa: F811
    page = (TREE / "docs/asking.md").read_text(encoding="utf-8")
    first, *lines = re.search(r"^```console\n(.*?)^```$", page, re.M | re.S).group(1).splitlines()
    shell("askd ask -c askd.yaml 'Will it rain?' || true", prefix, folder, env)  # makes the master key
    one = Terminal([f"{prefix}/bin/askd", *first.split()[2:]], folder, {**environment(prefix, folder), **env})
    try:
        for line in lines:
            if line.startswith("shop> "):
                one.see("shop> ")
                one.type(line.removeprefix("shop> ") + "\r")
                one.see(line.removeprefix("shop> ")[:70])
            else:
                one.see(alike(line).removesuffix("SESSION"))
        assert one.left() == 0
    finally:
        one.close()


def test_commands_of_dev_exist():
    listed = re.findall(r"^\./dev (\w+)", shell("./dev help", TREE, TREE).stdout, re.M)
    for page in PAGES:
        for word in re.findall(r"\./dev (\w+)", (TREE / page).read_text(encoding="utf-8")):
            assert word in listed, f"{page} names ./dev {word}"


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (TREE / page).read_text(encoding="utf-8")):
        assert (TREE / page).parent.joinpath(target).exists(), f"{page} links to {target}"


@pytest.mark.parametrize("page", PAGES)
def test_every_command_is_run_by_a_test_or_says_why_not(page):
    runs = any(re.search(rf'run_page\("{page}"|\("{page}", \d', path.read_text())
               for path in (TREE / "tests/integration").glob("test_*.py"))
    for kind, info, body in blocks_of(page):
        if kind == "console":  # test_conversation, and test_demo.py
            assert page in ("README.md", "docs/asking.md"), f"{page}: nobody types this: {body}"
        if kind in ("bash", "shell") or kind == "sh" and not runs and "norun=" not in info:
            pytest.fail(f"{page}: nobody runs this; write it as ```sh, and run the page with run_page():\n{body}")
        assert "norun" not in info or re.search(r'^ norun="[^"]{12,}"$', info), f"{page}: without a reason: {info}"
    text = re.sub(r"^```.*?^```$", "", (TREE / page).read_text(encoding="utf-8"), flags=re.M | re.S)
    assert not (found := LOOSE.search(text)), f"{page}: write it as ```sh: {found.group()}"


def test_alerts_ask_for_metrics_that_there_are():
    page = (TREE / "docs/install.md").read_text(encoding="utf-8")
    code = "".join(path.read_text() for path in (TREE / "host").glob("*/*.c"))
    names = set(re.findall(r"\baskd_[a-z_]+", page.split("file=askd-alerts.yml", 1)[1].split("```", 1)[0]))
    assert len(names) >= 6
    for name in names:
        assert f'"{name.removesuffix("_bucket")}"' in code, f"nobody counts {name}"


# ---- config/askd.yaml -------------------------------------------------------------------------------


def test_reference_passes_the_check(prefix, tmp_path):  # noqa: F811
    text = (TREE / "config/askd.yaml").read_text(encoding="utf-8")
    (tmp_path / "askd.yaml").write_text(text.replace("/usr/lib/askd/", f"{prefix}/lib/askd/"))
    (tmp_path / "master.key").write_text("0123456789abcdef" * 4 + "\n")
    (tmp_path / "analysis.md").write_bytes((TREE / "config/prompts/analysis.md").read_bytes())
    result = shell("askd check -c askd.yaml", prefix, tmp_path, {"OPENAI_API_KEY": "sk-of-the-reader"})
    assert result.returncode == 0, result.stdout


def test_reference_has_every_key_of_the_host():
    page = (TREE / "docs/configuration.md").read_text(encoding="utf-8")
    reference = (TREE / "config/askd.yaml").read_text(encoding="utf-8")
    sections = re.split(r"^## ", page, flags=re.M)[1:]
    host = [section for section in sections if "{plugin:" not in section.splitlines()[0]]
    names = {name for section in host for name in re.findall(r"^\| `(\w+)` \|", section, re.M)}
    assert len(names) > 40
    missing = [name for name in sorted(names) if not re.search(rf"^ *(# |- )?{name}:", reference, re.M)]
    assert not missing, f"config/askd.yaml does not show {missing}"


# ---- the object of --json ---------------------------------------------------------------------------

TEXT, INTEGER, TRUTH = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
MAYBE_TEXT = {"type": ["string", "null"]}


def only(required, **optional):
    """An object with these members and no others."""
    return {"type": "object", "properties": {**required, **optional}, "required": list(required),
            "additionalProperties": False}


def list_of(kind):
    return {"type": "array", "items": kind}


LEFT = {"enum": ["nothing", "schema", "results", "all"]}
PICO = {"type": ["integer", "string"]}
STAGE = only({
    "stage": TEXT, "ordinal": INTEGER, "llm": TEXT, "model": TEXT, "prompt": TEXT, "input_tokens": INTEGER,
    "output_tokens": INTEGER, "cost_pico": {"type": ["integer", "null"]}, "ms": INTEGER,
    "status": {"enum": ["reserved", "done", "failed", "unknown"]}, "left": LEFT}, confidence=INTEGER)
QUERY = only({"database": TEXT, "sql": TEXT, "verdict": TEXT, "rows": INTEGER, "ms": INTEGER,
              "status": TEXT})
FIGURE = only({"text": TEXT, "source": {"enum": [
    "cell", "sum", "average", "extreme", "count", "difference", "ratio", "share", "question", "statement",
    "date"]}}, column=TEXT, row=INTEGER)
RECEIPT = only(
    {"question": MAYBE_TEXT, "database": MAYBE_TEXT, "skill": MAYBE_TEXT, "queries": list_of(QUERY),
     "left": LEFT},
    understood=TEXT, action={"enum": ["sql", "answer", "clarify", "email", "decline", "none"]},
    tables=list_of(TEXT), repairs=INTEGER, dropped=list_of(TEXT), figures=list_of(FIGURE),
    confidence_milli=INTEGER, rows=INTEGER, truncated=TRUTH, verdict=TEXT, notes={})
REPLY = only({
    "kind": {"enum": ["answer", "clarify", "declined", "refused", "error"]},
    "answer": MAYBE_TEXT, "message": MAYBE_TEXT, "sql": MAYBE_TEXT, "explanation": MAYBE_TEXT,
    "columns": list_of(TEXT),
    "types": list_of({"enum": ["null", "integer", "boolean", "number", "text", "bytes", "decimal", "date",
                               "time", "timestamp", "timestamptz", "json", "uuid", "other"]}),
    "data": list_of({"type": "array"}), "truncated": TRUTH, "choices": list_of(TEXT),
    "suggestions": list_of(TEXT), "insights": {"type": "array"}, "session_id": TEXT,
    "turn_id": {"type": "string", "pattern": "^[0-9]+$"},
    "cost": {"anyOf": [{"type": "null"},
                       only({"usd": {"type": "number"}, "pico": PICO, "tokens": INTEGER})]},
    "stages": list_of(STAGE), "receipt": RECEIPT})


def members(schema):
    """Every name of the schema, nested ones too."""
    for name, inner in schema.get("properties", {}).items():
        yield name
        yield from members(inner)
    for inner in [*([schema["items"]] if "items" in schema else []), *schema.get("anyOf", [])]:
        yield from members(inner)


def shape(value):
    """What an object is made of, without its values."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in sorted(value.items())}
    if isinstance(value, list):
        return sorted({json.dumps(shape(inner)) for inner in value})
    return None


def asked(reader, question, *args):
    prefix, folder, env = reader  # noqa: F811
    result = shell(f"askd ask -c askd.yaml --json {' '.join(args)} '{question}' 2>log || true", prefix,
                   folder, env)
    reply = json.loads(result.stdout)
    jsonschema.validate(reply, REPLY)
    return reply


def test_object_of_json_is_as_documented(reader):
    page = (TREE / "docs/asking.md").read_text(encoding="utf-8")
    missing = [name for name in members(REPLY) if f"`{name}`" not in page]
    assert not missing, f"docs/asking.md does not explain {missing}"
    example = json.loads(re.search(r"^```json\n(.*?)^```$", page, re.M | re.S).group(1))
    jsonschema.validate(example, REPLY)
    real = asked(reader, "How much did the customers of each city order in all?")
    assert shape(example) == shape(real), "the example of docs/asking.md is not what askd prints"
    for name in ("kind", "answer", "sql", "explanation", "columns", "types", "data", "cost"):
        assert example[name] == real[name], name


@pytest.mark.parametrize("question,args,kind", [
    ("Who are the best customers?", (), "clarify"),
    ("Will it rain tomorrow?", (), "declined"),
    ("How much did they?", ("-d", "nowhere"), "refused"),
    ("Nobody told the model about this", (), "error"),
])
def test_object_of_json_for_every_kind(reader, question, args, kind):
    reply = asked(reader, question, *args)
    assert reply["kind"] == kind
    assert reply["answer"] is None and reply["message"]
