/* conformance_skill.c: what a skill must do. */
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "plugin/conformance_run.h"

static int32_t handle(struct conformance *run, uint64_t id, const char *command, const char *text,
        struct askd_error *error)
{
	struct plugin_call call;
	struct askd_turn turn = {.size = sizeof turn,
	        .kind = ASKD_EVENT_TEXT,
	        .id = id,
	        .conversation = 7,
	        .person = 8,
	        .database = 1,
	        .now_us = clock_now_us(),
	        .language = ASKD_LITERAL("en"),
	        .zone = ASKD_LITERAL("UTC"),
	        .command = askd_text_of(command),
	        .text = askd_text_of(text)};
	struct askd_outcome outcome;
	int32_t rc;

	plugin_call_init(&call, &run->scope, RUN_LIMIT_MS);
	rc = enter_skill_iface_handle(run->instance, NULL, NULL, &call, &turn, &outcome, error);
	if (!rc && outcome.status > ASKD_TURN_ERROR)
		rc = askd_fail(
		        error, ASKD_E_INTERNAL, "status %u is none of ASKD_TURN_*", outcome.status);
	if (!rc && outcome.state.n > 16384)
		rc = askd_fail(error, ASKD_E_INTERNAL, "a state of more than 16 KB");
	plugin_call_finish(&call);
	return rc;
}

static void check_turn(struct conformance *run, uint64_t id, const char *command, const char *text)
{
	struct askd_error error = {0};
	char name[128], first[256];
	int32_t rc, again;

	snprintf(name, sizeof name, "%s%s: handle speaks or fails with a reason",
	        command ? "/" : "", command ? command : "a plain text");
	conformance_services = (struct conformance_services){0};
	rc = handle(run, id, command, text, &error);
	conformance_check(run, rc ? conformance_fair(rc, &error) : conformance_services.replies > 0,
	        name, "%s%s%s", rc ? error_name(rc) : "OK, but it said nothing", rc ? ": " : "",
	        rc ? error.message : "");
	memcpy(first, conformance_services.last_reply, sizeof first);
	again = handle(run, id, command, text, &error);
	snprintf(name, sizeof name, "%s%s: the same turn a second time ends the same",
	        command ? "/" : "", command ? command : "a plain text");
	conformance_check(run, rc == again && !strcmp(first, conformance_services.last_reply), name,
	        "first \"%.60s\", then \"%.60s\"", first, conformance_services.last_reply);
}

/* What the services of a turn fail with is what happened, not a defect of the skill's. */
static void check_services(struct conformance *run, uint64_t id)
{
	static const char text[] = "How many customers are there?";
	static const struct {
		const char *name;
		int32_t *rc; /* what it fails with */
	} services[] = {{"reply", &conformance_services.turn_rc},
	        {"a stage", &conformance_services.llm_rc},
	        {"the catalogue", &conformance_services.catalogue_rc},
	        {"a statement", &conformance_services.run_rc},
	        {"store", &conformance_services.store_rc}};
	const struct yaml_node *stage = run->checks ? yaml_find(run->checks, "stage") : NULL;
	const struct conformance_services fresh = {
	        .stage = stage && stage->kind == YAML_SCALAR ? stage->text : NULL};
	size_t catalogues = 0, runs = 0;
	char title[128];

	for (size_t i = 0; i < sizeof services / sizeof *services; i++) {
		bool good = true;

		snprintf(title, sizeof title, "%s fails, with each class: handle %s",
		        services[i].name, i ? "speaks or says why" : "fails as well");
		for (int32_t code = ASKD_E_UNSUPPORTED; good && code >= ASKD_E_LAST; code--) {
			struct askd_error error = {0};
			int32_t rc;

			conformance_services = fresh;
			*services[i].rc = code;
			rc = handle(run, id++, NULL, text, &error);
			good = rc ? rc == code || conformance_fair(rc, &error)
			          : i && conformance_services.replies;
			catalogues += conformance_services.catalogues;
			runs += conformance_services.runs;
			if (!good)
				conformance_check(run, false, title, "%s became %s%s%s",
				        error_name(code), error_name(rc), rc ? ": " : "",
				        error.message);
		}
		if (good)
			conformance_check(run, true, title, NULL);
	}
	if (catalogues && !runs)
		conformance_skip(run,
		        "a statement that fails: name what a model answers, so that one is run, "
		        "under check: {stage: ...}");
	conformance_services = (struct conformance_services){0};
}

static int32_t handle_once(struct conformance *run, uint64_t id, struct askd_error *error)
{
	const struct askd_skill_iface *iface = plugin_instance_iface(run->instance);
	const struct askd_command *command = iface->commands ? iface->commands[0] : NULL;

	return handle(run, id, command ? command->name : NULL, "some words", error);
}

void conformance_skill(struct conformance *run)
{
	const struct askd_skill_iface *iface = plugin_instance_iface(run->instance);
	struct askd_error error = {0};
	uint64_t id = 1000;

	for (size_t i = 0; iface->migrations && iface->migrations[i]; i++)
		conformance_check(run,
		        iface->migrations[i]->number == i + 1 && iface->migrations[i]->sql,
		        "migrations are numbered from 1", "number %u stands at place %zu",
		        iface->migrations[i]->number, i + 1);
	for (size_t i = 0; iface->commands && iface->commands[i]; i++) {
		const struct askd_command *c = iface->commands[i];

		if (!conformance_check(run, c->name && c->name[0] && c->usage && c->help,
		            "a command has name, usage and help", "command %zu", i + 1))
			continue;
		check_turn(run, id++, c->name, "");
		check_turn(run, id++, c->name, "some words");
	}
	check_turn(run, id++, NULL, "How many customers are there?");
	check_services(run, id);
	id += 1000;
	conformance_together(run, "handle", handle_once);
	if (iface->offer) {
		struct askd_turn turn = {.size = sizeof turn,
		        .kind = ASKD_EVENT_TEXT,
		        .id = id,
		        .language = ASKD_LITERAL("en"),
		        .zone = ASKD_LITERAL("UTC"),
		        .text = ASKD_LITERAL("How many customers are there?")};
		struct askd_offer one, two;
		struct plugin_call call;
		int32_t rc;

		plugin_call_init(&call, &run->scope, RUN_LIMIT_MS);
		rc = enter_skill_iface_offer(run->instance, NULL, NULL, &call, &turn, &one, &error);
		if (conformance_error(run, "offer", rc, &error, ASKD_OK)) {
			enter_skill_iface_offer(
			        run->instance, NULL, NULL, &call, &turn, &two, &error);
			conformance_check(run,
			        one.milli >= 0 && one.milli <= 1000 && one.milli == two.milli,
			        "an offer is 0 to 1000, the same for the same text", "%d, then %d",
			        one.milli, two.milli);
		}
		plugin_call_finish(&call);
	}
}
