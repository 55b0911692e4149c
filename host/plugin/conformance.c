/* conformance.c: the suite's frame: a child that runs the checks, and a parent that outlives it. */
#include "plugin/conformance.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "config/options.h"
#include "plugin/conformance_run.h"

enum { CHILD_SECONDS = 120 };

static const char *const host_keys[] = {"check", NULL};

bool conformance_check(
        struct conformance *run, bool good, const char *name, const char *detail, ...)
{
	va_list ap;

	fprintf(run->out, "%s %s", good ? "ok  " : "FAIL", name);
	if (!good && detail) {
		fprintf(run->out, ": ");
		va_start(ap, detail);
		vfprintf(run->out, detail, ap);
		va_end(ap);
	}
	fprintf(run->out, "\n");
	fflush(run->out);
	*(good ? &run->passed : &run->failed) += 1;
	return good;
}

void conformance_skip(struct conformance *run, const char *format, ...)
{
	char line[256];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof line, format, ap);
	va_end(ap);
	buffer_print(&run->not_tried, "  %s\n", line);
}

static bool has_reason(const struct askd_error *error)
{
	/* The host puts these words where a plugin gives none. */
	return error->message[0] && !strstr(error->message, " and no reason");
}

bool conformance_fair(int32_t rc, const struct askd_error *error)
{
	return !rc || (has_reason(error) && rc != ASKD_E_PROTOCOL && rc != ASKD_E_INTERNAL &&
	                      rc != ASKD_E_CRASHED);
}

bool conformance_error(struct conformance *run, const char *name, int32_t rc,
        const struct askd_error *error, int32_t expected)
{
	if (rc != expected)
		return conformance_check(run, false, name, "%s was due, it answered %s%s%s",
		        error_name(expected), error_name(rc), rc ? ": " : "",
		        rc ? error->message : "");
	if (rc && !has_reason(error))
		return conformance_check(
		        run, false, name, "%s came without a reason", error_name(rc));
	return conformance_check(run, true, name, NULL);
}

struct plugin_instance *conformance_open(
        struct conformance *run, const struct yaml_node *more, struct askd_error *reterr)
{
	struct config_instance *config = arena_zalloc(&run->arena, sizeof *config);
	struct yaml_node *node = yaml_make(&run->arena, YAML_MAP, NULL);
	char *kind = arena_string(&run->arena, run->library->plugin->kind + strlen("askd."));

	if (!config || !node || !kind) {
		askd_fail(reterr, ASKD_E_NOMEM, "no memory");
		return NULL;
	}
	kind[strcspn(kind, "/")] = 0;
	for (const struct yaml_node *n = run->options ? run->options->first : NULL; n; n = n->next)
		if (strcmp(n->key.s, "check") != 0 && (!more || !yaml_find(more, n->key.s))) {
			struct yaml_node *copy = arena_alloc(&run->arena, sizeof *copy);

			if (copy) {
				*copy = *n;
				copy->next = NULL;
				yaml_append(node, n->key.s, copy);
			}
		}
	for (const struct yaml_node *n = more ? more->first : NULL; n; n = n->next) {
		struct yaml_node *copy = arena_alloc(&run->arena, sizeof *copy);

		if (copy) {
			*copy = *n;
			copy->next = NULL;
			yaml_append(node, n->key.s, copy);
		}
	}
	*config = (struct config_instance){.kind = kind,
	        .name = "check",
	        .plugin = run->library->path,
	        .node = node,
	        .known = host_keys};
	return registry_open_one(config, NULL, reterr);
}

/* Required options that nobody gave; absent when all are there. */
static const char *missing_options(struct conformance *run)
{
	struct buffer b;
	const char *list = NULL;

	buffer_init(&b, 0);
	for (const struct askd_option *o = run->library->options; o && o->name;
	        o = options_next(o, run->library->plugin->option_size))
		if ((o->flags & ASKD_OPT_REQUIRED) &&
		        !(run->options && yaml_find(run->options, o->name)))
			buffer_print(&b, "%s%s", b.n ? ", " : "", o->name);
	if (b.n)
		list = arena_string(&run->arena, b.s);
	buffer_finish(&b);
	return list;
}

static void check_options(struct conformance *run)
{
	struct askd_error error = {0};
	struct yaml_node *more = yaml_make(&run->arena, YAML_MAP, NULL);
	struct yaml_node *odd = yaml_make(&run->arena, YAML_SCALAR, "x");
	struct plugin_instance *instance;

	conformance_error(run, "the option table is sound",
	        run->library->options
	                ? options_check(run->library->options, run->library->plugin->option_size,
	                          run->library->plugin->instance_size, &error)
	                : ASKD_OK,
	        &error, ASKD_OK);
	if (!more || !odd)
		return;
	yaml_append(more, "no_such_option_anywhere", odd);
	instance = conformance_open(run, more, &error);
	conformance_check(run, !instance, "an unknown option is refused", "it was taken");
	registry_close_one(instance);
}

static void check_life(struct conformance *run)
{
	struct askd_error error = {0};
	struct plugin_instance *first, *second;

	first = conformance_open(run, NULL, &error);
	if (!conformance_check(run, first != NULL, "open", "%s", error.message))
		return;
	second = conformance_open(run, NULL, &error);
	conformance_check(run, second != NULL,
	        "a second instance opens beside the first (reload does so)", "%s", error.message);
	registry_close_one(second);
	registry_close_one(first);
	run->instance = conformance_open(run, NULL, &error);
	conformance_check(
	        run, run->instance != NULL, "open again after close", "%s", error.message);
}

static void run_checks(struct conformance *run)
{
	static const struct {
		const char *kind;
		void (*run)(struct conformance *run);
	} kinds[] = {{ASKD_KIND_DATABASE, conformance_database}, {ASKD_KIND_LLM, conformance_llm},
	        {ASKD_KIND_SKILL, conformance_skill}, {ASKD_KIND_TRANSPORT, conformance_transport},
	        {ASKD_KIND_MAILER, conformance_mailer}};
	const char *missing;

	cancel_init(&run->cancel);
	run->scope = (struct call_scope){.id = 1, .cancel = &run->cancel, .identity = "check"};
	conformance_services_offer();
	check_options(run);
	missing = missing_options(run);
	if (missing) {
		conformance_skip(run,
		        "everything that needs an open instance: give --options with %s", missing);
	} else {
		check_life(run);
	}
	if (run->instance) {
		for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
			if (!strcmp(kinds[i].kind, run->library->plugin->kind))
				kinds[i].run(run);
		conformance_extensions(run);
		registry_close_one(run->instance);
	}
	cancel_finish(&run->cancel);
}

static int run_child(const char *path, const char *options, FILE *out)
{
	struct conformance run = {.out = out};
	struct askd_error error = {0};
	int status = 2;

	alarm(CHILD_SECONDS);
	arena_init(&run.arena, 0);
	buffer_init(&run.not_tried, 0);
	run.library = plugin_library_open(path, NULL, &error);
	if (!run.library) {
		fprintf(out, "FAIL the file is a plugin: %s\n0 passed, 1 failed\n", error.message);
		status = 1;
		goto out;
	}
	conformance_check(&run, true, "the file is a plugin", NULL);
	fprintf(out, "     %s %s %s\n", run.library->plugin->kind, run.library->plugin->name,
	        run.library->plugin->version);
	if (options) {
		run.options = yaml_read_file(&run.arena, options, &error);
		if (!run.options || run.options->kind != YAML_MAP) {
			fprintf(out, "cannot use the options: %s\n",
			        run.options ? "the file is no map" : error.message);
			goto out;
		}
		run.checks = yaml_find(run.options, "check");
	} else if (run.library->options && run.library->options->name) {
		conformance_skip(&run, "what needs a server or a file: give --options FILE.yaml");
	}
	run_checks(&run);
	if (run.not_tried.n)
		fprintf(out, "not tried:\n%s", run.not_tried.s);
	fprintf(out, "%zu passed, %zu failed\n", run.passed, run.failed);
	status = run.failed ? 1 : 0;
out:
	buffer_finish(&run.not_tried);
	arena_finish(&run.arena);
	return status;
}

int conformance_run(const char *path, const char *options, FILE *out)
{
	pid_t child;
	int status;

	fflush(out);
	child = fork();
	if (child < 0) {
		fprintf(out, "cannot make a child process\n");
		return 2;
	}
	if (!child) {
		status = run_child(path, options, out);
		fflush(out);
		_exit(status);
	}
	while (waitpid(child, &status, 0) < 0)
		;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	if (WTERMSIG(status) == SIGALRM)
		fprintf(out,
		        "FAIL it hangs: the check that follows the last line above was not done "
		        "after %d s\n",
		        CHILD_SECONDS);
	else
		fprintf(out,
		        "FAIL it crashed with signal %d (%s) in the check that follows the last "
		        "line "
		        "above\n",
		        WTERMSIG(status), strsignal(WTERMSIG(status)));
	return 1;
}
