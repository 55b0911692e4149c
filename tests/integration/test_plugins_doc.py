"""docs/plugins.md, executed from top to bottom against an installed askd."""

import re
import subprocess

import pytest

from conftest import BUILD, TREE
from documents import prefix, run_page, shell  # noqa: F401 (a fixture)


@pytest.mark.slow
def test_tutorial(prefix, tmp_path):
    assert run_page("docs/plugins.md", prefix, tmp_path) >= 5


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["database", "llm", "mailer", "skill", "transport"])
def test_new_plugin_of_each_kind_compiles_and_passes(prefix, tmp_path, kind):
    result = shell(
        f"askd plugin new {kind} mine && cmake -S mine -B mine/build && cmake --build mine/build && "
        f"askd plugin check mine/build/plugins/{kind}/mine.so --options mine/options.yaml",
        prefix, tmp_path)
    assert result.returncode == 0, result.stdout
    assert " 0 failed" in result.stdout
    if kind == "mailer":
        assert "not tried" not in result.stdout, result.stdout
    for file in (tmp_path / "mine").glob("*.*"):
        assert "template_" not in file.read_text(encoding="utf-8"), file
    again = shell(f"askd plugin new {kind} mine", prefix, tmp_path)
    assert again.returncode == 1 and "exists" in again.stdout, "it overwrote a folder"


@pytest.mark.parametrize("words,expected", [
    (["new", "skil", "x"], "did you mean 'skill'"),
    (["new", "skill", "Not-A-Name"], "cannot be a plugin's name"),
    (["lst"], "did you mean 'plugin list'"),
    (["info", "sqlite"], "is not KIND/NAME"),
    (["info", "database/sqlit"], "sqlite"),
    (["check"], "which file"),
    (["check", "/etc/passwd"], ""),
    (["check", "/no/such/file.so"], ""),
])
def test_mistakes_are_answered_with_the_next_step(askd, words, expected):
    result = askd.run("plugin", *words)
    assert result.returncode in (1, 2)
    assert expected in result.stdout + result.stderr, result


def check(askd, plugin, options=None, **more):
    words = ["plugin", "check", plugin]
    if options is not None:
        file = askd.folder / "options.yaml"
        file.write_text(options)
        words += ["--options", file]
    return askd.run(*words, **more)


def options_of_sqlite(askd):
    """Every class but AUTH: a file has no password."""
    (askd.folder / "loop.db").symlink_to("loop.db")
    return f"""
path: {askd.database}
check:
  not_found: {{path: {askd.folder}/none.db}}
  io: {{path: {askd.folder}/loop.db}}
  write: {{path: {askd.folder}/write.db, busy_timeout: 20ms}}
"""


def options_of_openai(askd):
    return """
base_url: http://127.0.0.1:9/v1
model: m
api_key: k
check:
  answers:
    ok: {status: 200, body: {choices: [{message: {content: Yes}, finish_reason: stop}], usage: {prompt_tokens: 5}}}
    refused: {status: 200, body: {choices: [{message: {content: null}, finish_reason: content_filter}]}}
    too_large: {status: 400, body: {error: {message: too long, code: context_length_exceeded}}}
"""


def options_of_query(askd):
    return "check: {stage: '{\"action\": \"sql\", \"sql\": \"SELECT number FROM customers\"}'}\n"


# What is not tried with a bundled plugin, although its options are given.
BUNDLED = {
    "database/sqlite": (options_of_sqlite, ["AUTH (connecting with a wrong password)"]),
    "llm/openai": (options_of_openai, []),
    "transport/console": (None, ["send: the transport is synchronous"]),
    "transport/http": (None, ["send: the transport is synchronous", "what needs a server or a file"]),
    "skill/query": (options_of_query, []),
}


@pytest.mark.parametrize("plugin", BUNDLED)
def test_bundled_plugins_conform(askd, plugin):
    options, left = BUNDLED[plugin]
    result = check(askd, f"{BUILD}/plugins/{plugin}.so", options and options(askd))
    assert result.returncode == 0 and " 0 failed" in result.stdout, result.stdout
    assert "8 threads at once" in result.stdout
    said = result.stdout.partition("not tried:\n")[2].splitlines()[:-1]
    assert len(said) == len(left) and all(any(line.startswith(f"  {part}") for line in said) for part in left), said


@pytest.mark.parametrize("plugin", ["llm/echo_llm", "skill/hooks", "skill/ping", "skill/tools_verbs_health",
                                    "transport/queue_transport"])
def test_sound_test_plugins_conform(askd, plugin):
    result = check(askd, f"{BUILD}/test-plugins/{plugin}.so")
    assert result.returncode == 0 and " 0 failed" in result.stdout, result.stdout


def test_a_transport_is_driven_through_each_of_its_functions(askd):
    spool = askd.folder / "spool"
    (spool / "files").mkdir(parents=True)
    (spool / "files" / "report").write_text("three words here")
    result = check(askd, f"{BUILD}/test-plugins/transport/queue_transport.so",
                   f"spool: {spool}\ncheck:\n  fetch: report\n" + "".join(
                       f"  {name}: {{fail: 1, fail_with: {word}}}\n" for name, word in (
                           ("busy", "BUSY"), ("auth", "AUTH"), ("gone", "GONE"), ("remote", "REMOTE"),
                           ("io", "IO"), ("maybe_done", "MAYBE"))))
    assert result.returncode == 0 and " 0 failed" in result.stdout, result.stdout
    assert "not tried" not in result.stdout, result.stdout
    for name in ("too many messages is BUSY", "a receiver who left is GONE, TARGET",
                 "a connection that was cut is IO, MAYBE_DONE", "run ends soon", "send after a cancel", "fetch writes", "fetch of an unknown file"):
        assert f"ok   {name}" in result.stdout, name


def test_summary_names_what_was_not_tried(askd):
    result = check(askd, f"{BUILD}/plugins/database/sqlite.so")
    assert "give --options with path" in result.stdout
    result = check(askd, f"{BUILD}/plugins/database/sqlite.so", f"path: {askd.database}\n")
    for name in ("NOT_FOUND (connecting", "AUTH (connecting", "IO (connecting", "store mode, CONFLICT, BUSY: "):
        assert f"  {name}" in result.stdout, name
    assert "not tried" not in check(askd, f"{BUILD}/test-plugins/skill/ping.so").stdout


def test_a_driver_that_lies_fails(askd):
    result = check(askd, f"{BUILD}/test-plugins/database/lying_db.so", check=1)
    assert "is not UTF-8" in result.stdout
    assert "FAIL past the deadline it is TIMEOUT" in result.stdout


BROKEN = ["BAD_MAGIC", "BAD_SIZE", "BAD_STRIDE", "BAD_KIND", "NO_NAME", "WILD_NAME", "NO_FUNCTION", "NO_IFACE",
          "BAD_IFACE_SIZE", "BAD_DEFAULT", "BAD_OFFSET", "BAD_TYPE", "TWICE", "NO_HELP", "BAD_NAME",
          "NO_CHOICES", "NO_END", "SERIAL", "NO_EXPORT", "UNKNOWN_EXTENSION", "EMPTY_TOOLS",
          "NO_COMMAND_HELP", "MISSING_SYMBOL", "FROM_LIBRARY", "VERSION_0_8", "VERSION_0_10", "VERSION_1_0",
          "VERSION_1_9"]


def test_broken_plugins_are_refused_in_sentences(askd):
    listed = {file.stem for file in (BUILD / "broken").glob("*.so")}
    assert listed == {*BROKEN, "sound"}
    for name in BROKEN:
        result = check(askd, f"{BUILD}/broken/{name}.so", check=1)
        line = re.search(r"^FAIL the file is a plugin: (.*)", result.stdout, re.M)
        assert line and f"{name}.so" in line[1] and len(line[1].split()) > 4, result.stdout
        assert "0 passed, 1 failed" in result.stdout


HEAD = """
#include <askd/mailer.h>
#include <askd/skill.h>
#include <sched.h>
"""
MAILER = """
ASKD_MAKE(static const struct askd_mailer_iface, iface, .send = bad_send);
ASKD_PLUGIN(.kind = ASKD_KIND_MAILER, .name = "bad", .version = "1", .summary = "x", .license = "MIT",
            .instance_size = 8, .flags = ASKD_CONCURRENT, .iface = &iface);
"""
SKILL = """
struct bad { const struct askd_host *host; const struct askd_turn_service *turn; };
static int32_t bad_open(void *self, const struct askd_host *host, struct askd_error *reterr)
{
	struct bad *bad = self;
	bad->host = host;
	return askd_need(host, "askd.turn/1", &bad->turn, reterr);
}
ASKD_DEFINE(bad_handle, askd_turn, askd_outcome)
{
	struct bad *bad = self;
	ASKD_MAKE(struct askd_message, message, .text = ASKD_LITERAL("said"));
	int32_t rc = %s bad->turn->reply(bad->host, call, &message, NULL, reterr);
	%s
	return rc;
}
ASKD_MAKE(static const struct askd_skill_iface, iface, .handle = bad_handle);
ASKD_PLUGIN(.kind = ASKD_KIND_SKILL, .name = "bad", .version = "1", .summary = "x", .license = "MIT",
            .instance_size = sizeof(struct bad), .flags = ASKD_CONCURRENT, .open = bad_open,
            .iface = &iface);
"""
FAULTS = {
    "crash": ("ASKD_DEFINE(bad_send, askd_mail, askd_outgone) { *(volatile int *)8 = 1; return 0; }" + MAILER,
              "crashed with signal|AddressSanitizer|UndefinedBehavior|runtime error"),
    "no reason": ("ASKD_DEFINE(bad_send, askd_mail, askd_outgone) { return ASKD_E_INVALID; }" + MAILER,
                  "FAIL a mail without a message is refused: INVALID: .* and no reason"),
    "takes everything": ("ASKD_DEFINE(bad_send, askd_mail, askd_outgone) { return ASKD_OK; }" + MAILER,
                         "FAIL a mail without a message is refused"),
    # It finds another thread inside, which one that says ASKD_CONCURRENT must not mind.
    "not concurrent": ("""
static int inside;
ASKD_DEFINE(bad_send, askd_mail, askd_outgone)
{
	int others = __atomic_fetch_add(&inside, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; !others && i < 200; i++) {
		sched_yield();
		others = __atomic_load_n(&inside, __ATOMIC_SEQ_CST) - 1;
	}
	__atomic_fetch_sub(&inside, 1, __ATOMIC_SEQ_CST);
	return askd_fail(reterr, others ? ASKD_E_INTERNAL : ASKD_E_INVALID, "no");
}
""" + MAILER, "FAIL send without a message: 8 threads at once are told what one alone is: alone it is INVALID"),
    "another size": (SKILL % ("", "out->size = 4;"), "FAIL a plain text: handle speaks.*PROTOCOL: .*size"),
    "a deaf skill": (SKILL % ("", "rc = 0;"),
                     "FAIL reply fails, with each class: handle fails as well: UNSUPPORTED became OK"),
    "blames itself": ("""
struct bad { const struct askd_host *host; const struct askd_store_service *store; };
static int32_t bad_open(void *self, const struct askd_host *host, struct askd_error *reterr)
{
	struct bad *bad = self;
	bad->host = host;
	return askd_need(host, "askd.store/1", &bad->store, reterr);
}
ASKD_DEFINE(bad_handle, askd_turn, askd_outcome)
{
	struct bad *bad = self;
	ASKD_MAKE(struct askd_store_read, read, .sql = ASKD_LITERAL("SELECT 1"));
	int32_t rc = bad->store->read(bad->host, call, &read, NULL, reterr);
	return rc ? askd_fail(reterr, ASKD_E_INTERNAL, "no idea") : askd_fail(reterr, ASKD_E_DENIED, "never");
}
ASKD_MAKE(static const struct askd_skill_iface, iface, .handle = bad_handle);
ASKD_PLUGIN(.kind = ASKD_KIND_SKILL, .name = "bad", .version = "1", .summary = "x", .license = "MIT",
            .instance_size = sizeof(struct bad), .flags = ASKD_CONCURRENT, .open = bad_open,
            .iface = &iface);
""", "FAIL store fails, with each class: handle speaks or says why: UNSUPPORTED became INTERNAL: no idea"),
    "says nothing": (SKILL % ("0; if (0) rc =", ""), "FAIL a plain text: handle speaks.*it said nothing"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_check_finds(askd, fault):
    source, expected = FAULTS[fault]
    (askd.folder / "bad.c").write_text(HEAD + source)
    subprocess.run(["cc", "-shared", "-fPIC", "-D_GNU_SOURCE", f"-I{TREE}/sdk/include", "-o", "bad.so",
                    "bad.c"], cwd=askd.folder, check=True)
    result = subprocess.run([str(BUILD / "askd"), "-c", str(askd.config), "plugin", "check", "bad.so"],
                            cwd=askd.folder, capture_output=True, text=True, env=askd.env)
    assert result.returncode == 1
    assert re.search(expected, result.stdout + result.stderr), result
