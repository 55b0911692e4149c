/* conformance_classes.c: each class of errors of a kind is provoked, in up to three ways: what the
 * stand-in of askd.http/1 answers by itself; what it answers with `check: {answers: {NAME: ...}}`;
 * and options, `check: {NAME: {...}}`, with which the other side fails so. */
#include <string.h>

#include "base/error.h"
#include "plugin/conformance_run.h"

bool conformance_answer_of(
        struct conformance *run, const char *name, struct conformance_answer *answer)
{
	const struct yaml_node *answers = run->checks ? yaml_find(run->checks, "answers") : NULL;
	const struct yaml_node *node =
	        answers && answers->kind == YAML_MAP ? yaml_find(answers, name) : NULL;
	const struct yaml_node *status, *body, *header;
	struct conformance_answer given = {0};
	int64_t number;

	if (!node)
		return false;
	status = node->kind == YAML_MAP ? yaml_find(node, "status") : NULL;
	if (!status || status->kind != YAML_SCALAR || !text_to_int(status->text, &number) ||
	        number < 100 || number > 599) {
		conformance_check(run, false, "check.answers", "%s has no status", name);
		return false;
	}
	given.status = (int32_t)number;
	body = yaml_find(node, "body");
	if (body)
		given.body =
		        body->kind == YAML_SCALAR ? body->text : yaml_to_json(&run->arena, body);
	header = yaml_find(node, "header");
	if (header && header->kind == YAML_SCALAR && strstr(header->text, ": "))
		given.header = header->text;
	*answer = given;
	return true;
}

static void judge(struct conformance *run, const struct conformance_class *due, const char *how,
        int32_t rc, const struct askd_error *error)
{
	char title[192];

	snprintf(title, sizeof title, "%s is %s%s%s%s", due->what, error_name(due->code),
	        due->flags & ASKD_ERR_RETRY ? ", RETRY" : "",
	        due->flags & ASKD_ERR_MAYBE_DONE ? ", MAYBE_DONE" : "",
	        due->flags & ASKD_ERR_TARGET ? ", TARGET" : "");
	if (how)
		snprintf(title + strlen(title), sizeof title - strlen(title), " (check.%s%s)", how,
		        due->name);
	if (rc && rc == due->code && (error->flags & due->flags) != due->flags)
		conformance_check(run, false, title, "its flags are %u", error->flags);
	else
		conformance_error(run, title, rc, error, due->code);
}

static void provoke_over_http(struct conformance *run, const struct conformance_class *due,
        const struct conformance_answer *answer, const char *how, conformance_entry enter)
{
	struct askd_error error = {0};

	conformance_services = (struct conformance_services){.http = *answer};
	judge(run, due, how, enter(run, 0, &error), &error);
	if (!answer->rc)
		conformance_check(run,
		        conformance_services.http_calls >= 1 &&
		                conformance_services.http_calls <= 3,
		        "the plugin does not retry by itself", "%zu calls",
		        conformance_services.http_calls);
	if (answer->header && !strcmp(answer->header, CONFORMANCE_DELAY))
		conformance_check(run, error.retry_after_ms == 7000,
		        "the server's own delay is handed on", "7000 ms were due, it says %u",
		        error.retry_after_ms);
}

static void provoke_by_options(struct conformance *run, const struct conformance_class *due,
        const struct yaml_node *more, conformance_entry enter)
{
	struct plugin_instance *own = run->instance;
	struct askd_error error = {0};
	int32_t rc;

	conformance_services = (struct conformance_services){.http = {.status = 200, .body = "{}"}};
	conformance_answer_of(run, "ok", &conformance_services.http);
	run->instance = conformance_open(run, more, &error);
	rc = run->instance ? enter(run, 0, &error) : error.code;
	judge(run, due, "", rc, &error);
	registry_close_one(run->instance);
	run->instance = own;
}

void conformance_classes(struct conformance *run, const struct conformance_class *classes,
        bool over_http, conformance_entry enter)
{
	struct {
		bool tried;
		uint32_t flags; /* with which */
	} seen[-ASKD_E_LAST + 1] = {{false, 0}};

	for (const struct conformance_class *due = classes; due->what; due++) {
		const struct yaml_node *more =
		        due->name && run->checks ? yaml_find(run->checks, due->name) : NULL;
		struct conformance_answer answer;
		bool tried = false;

		if (over_http && (due->answer.rc || due->answer.status)) {
			provoke_over_http(run, due, &due->answer, NULL, enter);
			tried = true;
		}
		if (over_http && due->name && conformance_answer_of(run, due->name, &answer)) {
			provoke_over_http(run, due, &answer, "answers.", enter);
			tried = true;
		}
		if (more && more->kind == YAML_MAP) {
			provoke_by_options(run, due, more, enter);
			tried = true;
		}
		if (tried) {
			seen[-due->code].tried = true;
			seen[-due->code].flags |= due->flags;
		}
	}
	for (const struct conformance_class *due = classes; due->what; due++)
		if (due->name && (over_http || due->code) &&
		        (!seen[-due->code].tried || due->flags & ~seen[-due->code].flags))
			conformance_skip(run, "%s (%s): give %s under check: {%s%s: {...}%s}",
			        error_name(due->code), due->what,
			        over_http ? "the server's answer" : "options that provoke it",
			        over_http ? "answers: {" : "", due->name, over_http ? "}" : "");
}
