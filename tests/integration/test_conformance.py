"""`askd plugin check` finds, for each kind, each class of errors that a plugin gets wrong."""

import re
import subprocess

import pytest

from conftest import BUILD, TREE

# WRONG: every failure has this class. Without it: the right one, but no flag and no delay.
HEAD = """
#include <askd/database.h>
#include <askd/http.h>
#include <askd/llm.h>
#include <askd/mailer.h>
#include <askd/transport.h>

struct liar { const struct askd_host *host; const struct askd_http_service *http; int64_t fail; };
static const struct askd_option options[] = {
	{.name = "fail", .help = "x", .def = "no", ASKD_OPTION_BOOL(struct liar, fail)}, {.name = NULL}};
static int32_t liar_open(void *self, const struct askd_host *host, struct askd_error *reterr)
{
	((struct liar *)self)->host = host;
	return askd_need(host, "askd.http/1", &((struct liar *)self)->http, reterr);
}
static int32_t fetch(struct liar *liar, struct askd_call *call, struct askd_error *reterr)
{
	ASKD_MAKE(struct askd_http_request, request, .method = ASKD_LITERAL("GET"), .url = ASKD_LITERAL("http://x/"));
	int32_t rc, status = 0;
	for (int i = 0; i < TIMES && (!i || status >= 400); i++) {
		ASKD_MAKE(struct askd_http_response, response);
		rc = liar->http->fetch(liar->host, call, &request, &response, reterr);
		status = rc ? 0 : response.status;
	}
	if (!rc && (status != 200 || liar->fail))
		rc = status == 429 ? ASKD_E_BUSY : ASKD_E_IO;
#ifdef WRONG
	rc = rc || EVEN_OK ? WRONG : ASKD_OK;
#endif
	return rc ? askd_fail(reterr, rc, "no") : ASKD_OK;
}
#define LIAR(the_kind)                                                                        \\
	ASKD_PLUGIN(.kind = the_kind, .name = "liar", .version = "1", .summary = "x",         \\
	            .license = "MIT", .options = options, .instance_size = sizeof(struct liar), \\
	            .flags = ASKD_CONCURRENT, .open = liar_open, .iface = &iface)
"""
SOURCES = {
    "mailer": """
ASKD_DEFINE(liar_send, askd_mail, askd_outgone)
{
	return in->message ? fetch(self, call, reterr) : askd_fail(reterr, ASKD_E_INVALID, "no message");
}
ASKD_MAKE(static const struct askd_mailer_iface, iface, .send = liar_send);
LIAR(ASKD_KIND_MAILER);
""",
    "transport": """
ASKD_DEFINE(liar_send, askd_outgoing, askd_outgone) { return fetch(self, call, reterr); }
ASKD_DEFINE(liar_able, askd_nothing, askd_capabilities) { return ASKD_OK; }
ASKD_MAKE(static const struct askd_transport_iface, iface, .send = liar_send, .capabilities = liar_able);
LIAR(ASKD_KIND_TRANSPORT);
""",
    "llm": """
ASKD_DEFINE(liar_complete, askd_llm_request, askd_llm_reply)
{
	out->text = ASKD_LITERAL("yes");
	out->finish = ASKD_FINISH_STOP;
	return fetch(self, call, reterr);
}
ASKD_DEFINE(liar_model, askd_llm_model, askd_llm_model) { return ASKD_OK; }
ASKD_MAKE(static const struct askd_llm_iface, iface, .complete = liar_complete, .model = liar_model);
LIAR(ASKD_KIND_LLM);
""",
    "database": """
static int something;
ASKD_DEFINE(liar_connect, askd_db_connect, askd_object)
{
#ifdef WRONG
	if (((struct liar *)self)->fail)
		return askd_fail(reterr, WRONG, "no");
#else
	if (((struct liar *)self)->fail)
		return askd_fail(reterr, ASKD_E_IO, "no");
#endif
	out->handle = &something;
	return ASKD_OK;
}
ASKD_DEFINE(liar_nothing, askd_nothing, askd_nothing) { return ASKD_OK; }
ASKD_DEFINE(liar_describe, askd_db_describe, askd_nothing) { return ASKD_OK; }
ASKD_DEFINE(liar_query, askd_db_query, askd_db_result)
{
	out->cursor = &something;
	if (askd_equal(in->sql, ASKD_LITERAL("works")))
		return ASKD_OK;
#ifdef WRONG
	return askd_fail(reterr, WRONG, "no");
#else
	int32_t rc = askd_equal(in->sql, ASKD_LITERAL("want")) ? ASKD_E_BUSY : ASKD_E_STATEMENT;
	askd_fail(reterr, rc, "no");
	if (reterr)
		reterr->position = 99;
	return rc;
#endif
}
ASKD_DEFINE(liar_next, askd_db_fetch, askd_batch)
{
	out->end = 1;
	return ASKD_OK;
}
ASKD_MAKE(static const struct askd_dialect, dialect, .name = "liar");
ASKD_MAKE(static const struct askd_database_iface, iface, .dialect = &dialect, .connect = liar_connect,
	.describe = liar_describe, .query = liar_query, .next = liar_next, .finish = liar_nothing,
	.interrupt = liar_nothing, .reset = liar_nothing, .disconnect = liar_nothing);
LIAR(ASKD_KIND_DATABASE);
""",
}
STATEMENTS = "statements: {write: w, large: l, endless: e, begin: works, hold: works, want: want}"
# For each kind: the variants, and all that is to be found when the class is always another one.
KINDS = {
    "mailer": ("remote: {fail: yes}", [
        "later is BUSY", "a server that is full is BUSY", "never is REMOTE", "a wrong key is AUTH",
        "a lost connection is IO", "a connection that was cut is IO, MAYBE_DONE", "a deadline is TIMEOUT",
        "a cancel is CANCELED", "never is REMOTE (check.remote)"]),
    "transport": ("gone: {fail: yes}, answers: {remote: {status: 400}}", [
        "too many messages is BUSY", "a wrong key is AUTH", "a receiver who left is GONE, TARGET (check.gone)",
        "a message that is never taken is REMOTE (check.answers.remote)", "a lost connection is IO",
        "a connection that was cut is IO, MAYBE_DONE"]),
    "llm": ("answers: {ok: {status: 200}, refused: {status: 400}}", [
        "a sound reply is OK (check.answers.ok)", "a wrong key (401) is AUTH",
        "a right that is missing (403) is DENIED", "an unknown model (404) is NOT_FOUND",
        "no money left (402) is QUOTA", "a request that is too long (413) is TOO_LARGE",
        "too many requests (429) is BUSY", "a server that is full (503) is BUSY",
        "a server that fails (500) is IO, RETRY",
        "a reply that makes no sense is PROTOCOL", "the vendor's own filter is REFUSED (check.answers.refused)",
        "a lost connection is IO, RETRY", "a deadline is TIMEOUT", "a cancel is CANCELED",
        "an endless body is TOO_LARGE"]),
    "database": (f"not_found: {{fail: yes}}, auth: {{fail: yes}}, io: {{fail: yes}}, write: {{}}, {STATEMENTS}", [
        "connecting to what is not there is NOT_FOUND (check.not_found)",
        "connecting with a wrong password is AUTH (check.auth)",
        "connecting where nobody answers is IO, RETRY (check.io)",
        "the same key again is CONFLICT", "a foreign key that leads nowhere is CONFLICT",
        "a table outside the prefix is DENIED", "a lock that another one holds is BUSY",
        "what is no statement is STATEMENT", "a wrong statement is STATEMENT",
        "an unknown column is STATEMENT", "two statements are STATEMENT", "a write on a reader is DENIED",
        "what is above the server's limit is TOO_LARGE", "past the deadline it is TIMEOUT",
        "interrupt makes it CANCELED"]),
}
CLASS = re.compile(r"^(ok  |FAIL) ((?:.* (?:is|are|makes it|it is)) [A-Z][A-Z_]+(?:, [A-Z_]+)*(?: \(check\..*\))?)(?::|$)",
                   re.M)


def check(askd, kind, variants, *defines):
    (askd.folder / "liar.c").write_text(HEAD + SOURCES[kind])
    (askd.folder / "options.yaml").write_text(f"fail: no\ncheck: {{{variants}}}\n")
    subprocess.run(["cc", "-shared", "-fPIC", "-D_GNU_SOURCE", f"-I{TREE}/sdk/include", *defines, "-o", "liar.so",
                    "liar.c"], cwd=askd.folder, check=True)
    return subprocess.run([str(BUILD / "askd"), "plugin", "check", "liar.so", "--options", "options.yaml"],
                          cwd=askd.folder, capture_output=True, text=True, env=askd.env).stdout


@pytest.mark.parametrize("kind", KINDS)
def test_each_class_that_is_wrong_is_found(askd, kind):
    variants, expected = KINDS[kind]
    wrong = "ASKD_E_QUOTA" if kind == "transport" else "ASKD_E_GONE"
    said = check(askd, kind, variants, "-DTIMES=1", f"-DWRONG={wrong}", f"-DEVEN_OK={int(kind == 'llm')}")
    found = dict((title, word) for word, title in CLASS.findall(said))
    assert set(expected) <= set(found), said
    assert not [title for title in expected if found[title] != "FAIL"], said


MISSING = {
    "mailer": ["a connection that was cut is IO, MAYBE_DONE: its flags are 0",
               "the server's own delay is handed on", "the plugin does not retry by itself"],
    "transport": ["a connection that was cut is IO, MAYBE_DONE: its flags are 0",
                  "the server's own delay is handed on"],
    "llm": ["a lost connection is IO, RETRY: its flags are 0", "the server's own delay is handed on",
            "the plugin does not retry by itself"],
    "database": ["connecting where nobody answers is IO, RETRY (check.io): its flags are 0",
                 "and may be tried again", "with the database's own code", "with a position inside it"],
}


@pytest.mark.parametrize("kind", KINDS)
def test_missing_flags_and_delays_are_found(askd, kind):
    said = check(askd, kind, KINDS[kind][0], "-DTIMES=5")
    for line in MISSING[kind]:
        assert f"FAIL {line}" in said, said


def test_classes_without_a_variant_are_named(askd):
    """An own dialect, and no options that make the other side fail."""
    said = check(askd, "database", "write: {}", "-DTIMES=1").partition("not tried:")[2]
    for name in ("NOT_FOUND", "AUTH", "IO", "BUSY", "DENIED", "TOO_LARGE", "TIMEOUT, CANCELED"):
        assert f"\n  {name}" in said, said
    said = check(askd, "transport", "", "-DTIMES=1").partition("not tried:")[2]
    for name in ("GONE", "REMOTE"):
        assert f"\n  {name} (" in said, said
    assert "\n  REFUSED (the vendor's own filter)" in check(askd, "llm", "", "-DTIMES=1")


def test_statements_of_the_options_go_before_those_of_the_dialect(askd):
    (askd.folder / "options.yaml").write_text(
        f"path: {askd.database}\ncheck: {{statements: {{large: SELECT no_such_column}}}}\n")
    said = askd.run("plugin", "check", f"{BUILD}/plugins/database/sqlite.so", "--options",
                    askd.folder / "options.yaml", check=1).stdout
    assert "FAIL what is above the server's limit is TOO_LARGE: TOO_LARGE was due, it answered STATEMENT" in said
