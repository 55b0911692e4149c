/* reference.c: prints docs/configuration.md from the option tables of the host and of the plugins.
 * askd_reference PLUGIN_FOLDER >docs/configuration.md (./dev docs does it; a test compares) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/options.h"
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

int main(int argc, char **argv)
{
	static const char *const plugins[][2] = {{"llm", "openai"}, {"llm", "offline"},
	        {"database", "sqlite"}, {"transport", "console"}, {"transport", "http"},
	        {"skill", "query"}};
	const char *const path[] = {argc > 1 ? argv[1] : "build/plugins", NULL};

	fputs(head, stdout);
	for (const struct config_section *s = config_sections(); s->name; s++) {
		printf("\n## `%s`\n\n%s\n", s->name, s->help);
		if (s->options)
			print_table(s->options, sizeof *s->options);
	}
	for (size_t i = 0; i < sizeof plugins / sizeof *plugins; i++) {
		struct askd_error error = {0};
		struct plugin_library *library =
		        plugin_library_find(path, plugins[i][0], plugins[i][1], &error);

		if (!library) {
			fprintf(stderr, "askd_reference: %s\n", error.message);
			return 1;
		}
		printf("\n## `%s: {NAME: {plugin: %s}}`\n\nThe plugin %s", plugins[i][0],
		        plugins[i][1], library->plugin->name);
		printf(" (%s): %s.\n", library->plugin->license, library->plugin->summary);
		if (library->options && library->options->name)
			print_table(library->options, library->plugin->option_size);
		else
			printf("\nIt has no options of its own.\n");
	}
	return fflush(stdout) ? 1 : 0;
}
