/* init_ask.c: a question at a terminal or to a pipe, and the plugins that are installed. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "config/options.h"
#include "init.h"

/* NULL: the input ends. */
static const char *read_answer(struct init *init)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n = getline(&line, &room, stdin);
	const char *answer = NULL, *begin = line;

	if (n >= 0) {
		while (n && strchr(" \t\r\n", line[n - 1]))
			line[--n] = 0;
		while (*begin == ' ' || *begin == '\t')
			begin++;
		answer = arena_string(&init->arena, begin);
	}
	free(line);
	return answer;
}

const char *init_ask(struct init *init, const char *question, const char *otherwise,
        int32_t (*good)(struct init *init, const char *answer, struct askd_error *reterr))
{
	for (;;) {
		struct askd_error error = {0};
		const char *answer = NULL;

		if (!init->yes) {
			printf("%s%s%s%s: ", question, otherwise ? " [" : "",
			        otherwise ? otherwise : "", otherwise ? "]" : "");
			fflush(stdout);
			answer = read_answer(init);
			if (!init->terminal || !answer)
				puts(answer ? answer : "");
		}
		if (!answer || !*answer)
			answer = otherwise;
		if (!answer)
			askd_fail(&error, ASKD_E_INVALID, "there is no default for this");
		else if (!text_is_valid(answer, strlen(answer)))
			askd_fail(&error, ASKD_E_INVALID, "found invalid UTF-8, expected a text");
		else if (!good(init, answer, &error))
			return answer;
		fflush(stdout);
		fprintf(stderr, "  %s\n", error.message);
		/* Nobody is there to try again. */
		if (!init->terminal || init->yes || feof(stdin)) {
			if (init->yes)
				fprintf(stderr, "askd init: no answer to: %s\n", question);
			return NULL;
		}
	}
}

const struct askd_option *init_option(const struct plugin_library *library, const char *name)
{
	const struct askd_option *o = library->options;

	for (; o && o->name; o = options_next(o, library->plugin->option_size))
		if (!strcmp(o->name, name))
			return o;
	return NULL;
}

bool init_needs_nothing(const struct plugin_library *library)
{
	const struct askd_option *o = library->options;

	for (; o && o->name; o = options_next(o, library->plugin->option_size))
		if (o->flags & ASKD_OPT_REQUIRED)
			return false;
	return true;
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_library(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return entry->d_name[0] != '.' && n > 3 && !strcmp(entry->d_name + n - 3, ".so");
}

const struct plugin_library *init_library(struct init *init, const char *kind, size_t *at,
        bool (*fits)(const struct plugin_library *library))
{
	const char *const *folder = init->defaults->plugin_path;
	const struct plugin_library *found = NULL;
	size_t seen = 0;

	for (; folder && *folder && !found; folder++) {
		struct dirent **files = NULL;
		char path[PATH_MAX];
		int count;

		snprintf(path, sizeof path, "%s/%s", *folder, kind);
		count = scandir(path, &files, is_library, compare_names);
		for (int i = 0; i < count; i++) {
			const struct plugin_library *library;
			char file[PATH_MAX];

			snprintf(file, sizeof file, "%.3800s/%s", path, files[i]->d_name);
			if (!found && seen++ >= *at) {
				library = plugin_library_open(file, NULL, NULL);
				*at = seen;
				if (library && fits(library))
					found = library;
			}
			free(files[i]);
		}
		free(files);
	}
	return found;
}

/* JSON is YAML; "${" would be a variable. */
void init_add_value(struct buffer *b, const char *text)
{
	struct buffer plain;

	buffer_init(&plain, 0);
	for (; *text; text++) {
		if (text[0] == '$' && text[1] == '{')
			buffer_add(&plain, "$", 1);
		buffer_add(&plain, text, 1);
	}
	if (plain.failed)
		b->failed = true;
	else
		json_add_string(b, plain.n ? plain.s : "", plain.n);
	buffer_finish(&plain);
}
