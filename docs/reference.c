/* reference.c: prints docs/configuration.md, or with --man the same for askd.yaml(5), from the
 * option tables of the host and of the plugins. askd_reference PLUGIN_FOLDER >docs/configuration.md
 * (./dev docs does it; a test compares) askd_reference PLUGIN_FOLDER --man >options (packaging/
 * does it) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/options.h"
#include "plugin/command.h"
#include "plugin/library.h"

static const char head[] =
        "# Configuration\n"
        "\n"
        "This page is made from the tables that askd itself reads its options by (`./dev docs`).\n"
        "`config/askd.yaml` shows every key in its place, with comments.\n"
        "\n"
        "askd reads one YAML file: `-c FILE`, else `$ASKD_CONFIG`, else `/etc/askd/askd.yaml`, "
        "else none. Over\n"
        "it go the files of `conf.d/*.yaml` beside it, in the order of their names, and then "
        "variables of the\n"
        "environment: `ASKD__LLM__MAIN__MODEL=gpt-4.1` sets `llm.main.model`. What nobody sets has "
        "the default\n"
        "below. `askd check` validates everything and connects to nothing.\n"
        "\n"
        "In any value `${VAR}` is the environment's variable, `${VAR:default}` has a default, "
        "`${file:PATH}` is\n"
        "the contents of a file without its last line end; `$${` is a plain `${`. Aliases, "
        "anchors, merge keys, tags,\n"
        "duplicate keys, several documents, nesting over 64 and files over 1 MiB are refused.\n"
        "\n"
        "Durations are written `500ms`, `20s`, `5m`, `8h`, `2d`; sizes `64K`, `8M`, `1G`; yes and "
        "no as `yes`, `no`,\n"
        "`true`, `false`. A list of one text may be written as that text.\n";

static void print_cell(const char *s)
{
	for (; s && *s; s++) {
		if (*s == '|')
			putchar('\\');
		putchar(*s == '\n' ? ' ' : *s);
	}
}

static void print_table(const struct askd_option *table, uint32_t stride)
{
	printf("\n| option | type | default | meaning |\n| --- | --- | --- | --- |\n");
	for (const struct askd_option *o = table; o && o->name; o = options_next(o, stride)) {
		printf("| `%s` | %s | ", o->name, options_type_name(o->type));
		if (o->flags & ASKD_OPT_REQUIRED)
			printf("required");
		else if (o->def && o->def[0] && !(o->flags & ASKD_OPT_SECRET))
			printf("`%s`", o->def);
		printf(" | ");
		print_cell(o->help);
		for (size_t i = 0; o->choices && o->choices[i]; i++)
			printf("%s `%s`", i ? "," : "; one of", o->choices[i]);
		if (o->flags & ASKD_OPT_SECRET)
			printf("; secret");
		printf(" |\n");
	}
}

/* ---- the manual -------------------------------------------------------------------------------
 */

static void print_roff(const char *s)
{
	if (s && (*s == '.' || *s == '\''))
		fputs("\\&", stdout);
	for (; s && *s; s++)
		if (*s == '\\')
			fputs("\\e", stdout);
		else if (*s == '-')
			fputs("\\-", stdout);
		else
			putchar(*s == '\n' ? ' ' : *s);
}

static void print_entries(const struct askd_option *table, uint32_t stride)
{
	for (const struct askd_option *o = table; o && o->name; o = options_next(o, stride)) {
		printf(".TP\n\\fB%s\\fR (%s", o->name, options_type_name(o->type));
		if (o->flags & ASKD_OPT_REQUIRED)
			printf("; required");
		else if (o->def && o->def[0] && !(o->flags & ASKD_OPT_SECRET)) {
			printf("; default \\fB");
			print_roff(o->def);
			printf("\\fR");
		}
		printf("%s)\n", o->flags & ASKD_OPT_SECRET ? "; secret" : "");
		print_roff(o->help);
		for (size_t i = 0; o->choices && o->choices[i]; i++)
			printf("%s \\fB%s\\fR", i ? "," : "; one of", o->choices[i]);
		printf(".\n");
	}
}

/* ---- both -------------------------------------------------------------------------------------
 */

static void print_section(bool man, const struct config_section *s)
{
	printf(man ? ".SS %s\n" : "\n## `%s`\n\n", s->name);
	if (man)
		print_roff(s->help);
	else
		fputs(s->help, stdout);
	puts(man ? "." : "");
	if (s->options)
		(man ? print_entries : print_table)(s->options, sizeof *s->options);
}

static void print_plugin(bool man, const char *kind, const struct plugin_library *library)
{
	const struct askd_plugin *plugin = library->plugin;

	printf(man ? ".SS %s: {NAME: {plugin: %s}}\n" : "\n## `%s: {NAME: {plugin: %s}}`\n\n", kind,
	        plugin->name);
	printf("The plugin %s (%s): %s.\n", plugin->name, plugin->license, plugin->summary);
	if (library->options && library->options->name)
		(man ? print_entries : print_table)(library->options, plugin->option_size);
	else
		printf("%sIt has no options of its own.\n", man ? "" : "\n");
}

int main(int argc, char **argv)
{
	const char *const path[] = {argc > 1 ? argv[1] : "build/plugins", NULL};
	bool man = argc > 2 && !strcmp(argv[2], "--man");
	const char *const *names;
	struct arena arena;
	int status = 0;

	arena_init(&arena, 0);
	if (!man)
		fputs(head, stdout);
	for (const struct config_section *s = config_sections(); s->name; s++)
		print_section(man, s);
	names = plugin_names(path, &arena);
	for (; names && *names && !status; names++) {
		const char *slash = strchr(*names, '/');
		const char *kind = arena_copy(&arena, *names, (size_t)(slash - *names));
		struct askd_error error = {0};
		struct plugin_library *library =
		        kind ? plugin_library_find(path, kind, slash + 1, &error) : NULL;

		if (library)
			print_plugin(man, kind, library);
		else
			status = fprintf(stderr, "askd_reference: %s\n", error.message);
	}
	arena_finish(&arena);
	return !names || status || fflush(stdout) ? 1 : 0;
}
