/* command.c: `askd plugin list | info | check | new`: what is there, what it takes, is it sound. */
#include "plugin/command.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/options.h"
#include "plugin/conformance.h"
#include "plugin/library.h"
#include "plugin/scaffold.h"

static const char usage[] =
        "usage: askd plugin list                               the plugins that askd finds\n"
        "       askd plugin info KIND/NAME                     what one does and takes\n"
        "       askd plugin check FILE.so [--options FILE.yaml]  is it sound?\n"
        "       askd plugin new KIND NAME                      a folder with a plugin to start "
        "from\n";

static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int is_library(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return entry->d_name[0] != '.' && n > 3 && !strcmp(entry->d_name + n - 3, ".so");
}

static void free_entries(struct dirent **entries, int count)
{
	for (int i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
}

/* One line for each library of a kind's folder; a file that is refused says why. */
static void list_kind(const char *folder, const char *kind, FILE *out)
{
	struct dirent **files = NULL;
	char path[PATH_MAX], name[NAME_MAX + 80];
	int count;

	snprintf(path, sizeof path, "%s/%s", folder, kind);
	count = scandir(path, &files, is_library, compare_names);
	for (int i = 0; i < count; i++) {
		struct askd_error error = {0};
		const struct plugin_library *library;
		char file[PATH_MAX];

		if (snprintf(file, sizeof file, "%s/%s/%s", folder, kind, files[i]->d_name) >=
		        (int)sizeof file)
			continue;
		library = plugin_library_open(file, NULL, &error);
		snprintf(name, sizeof name, "%.64s/%s", kind,
		        library ? library->plugin->name : files[i]->d_name);
		if (library)
			fprintf(out, "  %-24s %-8s %-10s %s\n", name, library->plugin->version,
			        library->plugin->license, library->plugin->summary);
		else
			fprintf(out, "  %-24s refused: %s\n", name, error.message);
	}
	if (count >= 0)
		free_entries(files, count);
}

enum { NAMES_MAX = 1024 };

static bool is_listed(const char *const *list, const char *name)
{
	while (*list && strcmp(*list, name) != 0)
		list++;
	return *list;
}

const char *const *plugin_names(const char *const *plugin_path, struct arena *a)
{
	const char **list = arena_zalloc(a, (NAMES_MAX + 1) * sizeof *list);
	size_t n = 0;

	for (; list && *plugin_path; plugin_path++)
		for (const char *const *kind = scaffold_kinds; list && *kind; kind++) {
			const char *folder = arena_print(a, "%s/%s", *plugin_path, *kind);
			struct dirent **files = NULL;
			int count = folder ? scandir(folder, &files, is_library, compare_names) : 0;

			for (int i = 0; i < count && list && n < NAMES_MAX; i++) {
				const char *name = arena_print(a, "%s/%.*s", *kind,
				        (int)strlen(files[i]->d_name) - 3, files[i]->d_name);

				if (!name)
					list = NULL;
				else if (!is_listed(list, name))
					list[n++] = name;
			}
			if (count >= 0)
				free_entries(files, count);
		}
	return list;
}

static int command_list(const struct config *config, FILE *out, FILE *err)
{
	size_t found = 0;

	for (size_t i = 0; config->plugin_path && config->plugin_path[i]; i++) {
		struct dirent **kinds = NULL;
		int count = scandir(config->plugin_path[i], &kinds, is_visible, compare_names);

		if (count < 0) {
			fprintf(err, "askd: %s: %s\n", config->plugin_path[i], strerror(errno));
			continue;
		}
		fprintf(out, "%s:\n", config->plugin_path[i]);
		for (int k = 0; k < count; k++)
			list_kind(config->plugin_path[i], kinds[k]->d_name, out);
		free_entries(kinds, count);
		found++;
	}
	if (!found)
		fprintf(err, "askd: no folder with plugins; name one under askd.plugin_path\n");
	return found ? 0 : 1;
}

/* 2500 -> "2500ms", 8388608 -> "8M": as one would write it. */
static void print_amount(FILE *out, const struct askd_option *o, int64_t value)
{
	static const struct {
		int64_t unit;
		const char *name;
	} durations[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}},
	  sizes[] = {{1 << 30, "G"}, {1 << 20, "M"}, {1 << 10, "K"}, {1, ""}};

	if (o->type == ASKD_OPT_DURATION) {
		for (size_t i = 0; i < sizeof durations / sizeof *durations; i++)
			if (value % durations[i].unit == 0 && (value || durations[i].unit == 1)) {
				fprintf(out, "%" PRId64 "%s", value / durations[i].unit,
				        durations[i].name);
				return;
			}
	} else if (o->type == ASKD_OPT_SIZE) {
		for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
			if (value % sizes[i].unit == 0 && (value || sizes[i].unit == 1)) {
				fprintf(out, "%" PRId64 "%s", value / sizes[i].unit, sizes[i].name);
				return;
			}
	}
	fprintf(out, "%" PRId64, value);
}

static void print_option(FILE *out, const struct askd_option *o)
{
	fprintf(out, "  %-18s %-9s %s", o->name, options_type_name(o->type),
	        o->help ? o->help : "");
	if (o->flags & ASKD_OPT_REQUIRED)
		fprintf(out, "; required");
	else if (o->def && !(o->flags & ASKD_OPT_SECRET))
		fprintf(out, "; default %s", o->def[0] ? o->def : "empty");
	if (o->flags & ASKD_OPT_SECRET)
		fprintf(out, "; secret");
	if (o->choices) {
		fprintf(out, "; one of");
		for (size_t i = 0; o->choices[i]; i++)
			fprintf(out, "%s %s", i ? "," : "", o->choices[i]);
	}
	if ((o->min || o->max) && (o->type == ASKD_OPT_INT || o->type == ASKD_OPT_DURATION ||
	                                  o->type == ASKD_OPT_SIZE)) {
		fprintf(out, "; ");
		print_amount(out, o, o->min);
		fprintf(out, " to ");
		print_amount(out, o, o->max);
	}
	fprintf(out, "\n");
}

static void print_commands(FILE *out, const struct askd_skill_iface *skill)
{
	for (size_t i = 0; skill->commands && skill->commands[i]; i++)
		fprintf(out, "%s  %-26s %s\n", i ? "" : "commands:\n", skill->commands[i]->usage,
		        skill->commands[i]->help);
}

static int command_info(const struct config *config, const char *what, FILE *out, FILE *err)
{
	const char *slash = strchr(what, '/');
	struct askd_error error = {0};
	const struct plugin_library *library;
	const struct askd_plugin *plugin;
	char kind[64];

	if (!slash || slash == what || !slash[1] || slash - what >= (int)sizeof kind) {
		fprintf(err, "askd: '%s' is not KIND/NAME, as in: askd plugin info llm/openai\n",
		        what);
		return 1;
	}
	snprintf(kind, sizeof kind, "%.*s", (int)(slash - what), what);
	library = plugin_library_find(config->plugin_path, kind, slash + 1, &error);
	if (!library) {
		const char *nearest = text_nearest(kind, scaffold_kinds);

		if (nearest && strcmp(nearest, kind) != 0)
			fprintf(err, "askd: no kind '%s', did you mean '%s'?\n", kind, nearest);
		else
			fprintf(err, "askd: %s\n", error.message);
		return 1;
	}
	plugin = library->plugin;
	fprintf(out, "%s/%s %s: %s\n", kind, plugin->name, plugin->version, plugin->summary);
	fprintf(out, "kind %s, contract %u.%u, licence %s, %s\n", plugin->kind, plugin->abi_major,
	        plugin->abi_minor, plugin->license,
	        plugin->flags & ASKD_CONCURRENT ? "several threads at once"
	                                        : "one thread at a time");
	fprintf(out, "file %s%s%s\n", library->path, library->build_id[0] ? ", build " : "",
	        library->build_id);
	for (size_t i = 0; plugin->extensions && plugin->extensions[i]; i++)
		fprintf(out, "offers %s\n", plugin->extensions[i]->id);
	fprintf(out, "options:\n");
	if (!library->options || !library->options->name)
		fprintf(out, "  none\n");
	for (const struct askd_option *o = library->options; o && o->name;
	        o = options_next(o, plugin->option_size))
		print_option(out, o);
	if (!strcmp(kind, "skill"))
		print_commands(out, library->iface);
	return 0;
}

static int command_check(int argc, char **argv, FILE *out, FILE *err)
{
	const char *file = NULL, *options = NULL;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--options") && i + 1 < argc) {
			options = argv[++i];
		} else if (argv[i][0] == '-' || file) {
			fprintf(err, "askd: '%s' was not expected\n%s", argv[i], usage);
			return 2;
		} else {
			file = argv[i];
		}
	}
	if (!file) {
		fprintf(err, "askd: which file?\n%s", usage);
		return 2;
	}
	return conformance_run(file, options, out);
}

int plugin_command(const struct config *config, int argc, char **argv, FILE *out, FILE *err)
{
	static const char *const names[] = {"list", "info", "check", "new", NULL};
	const char *word = argc > 0 ? argv[0] : "";
	const char *nearest;

	if (!strcmp(word, "list") && argc == 1)
		return command_list(config, out, err);
	if (!strcmp(word, "info") && argc == 2)
		return command_info(config, argv[1], out, err);
	if (!strcmp(word, "check"))
		return command_check(argc, argv, out, err);
	if (!strcmp(word, "new") && argc == 3)
		return scaffold_make(argv[1], argv[2], out, err);
	nearest = argc ? text_nearest(word, names) : NULL;
	if (nearest && strcmp(nearest, word) != 0)
		fprintf(err, "askd: no 'plugin %s', did you mean 'plugin %s'?\n", word, nearest);
	fputs(usage, err);
	return 1;
}
