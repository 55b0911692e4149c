/* help.c: what the verbs are, for people and for the manual. */
#include "help.h"

#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "plugin/command.h"

enum { NAMES = 64, NAME_COLUMN = 10 };

const struct daemon_verb *help_plugin_verbs(const struct config *config, struct arena *a)
{
	const struct daemon_verb *verbs = NULL;
	struct registry *registry;

	if (daemon_offer(NULL))
		return NULL;
	registry = registry_open(config, NULL);
	if (registry) {
		verbs = daemon_verbs(registry, a);
		registry_close(registry);
	}
	return verbs;
}

/* ---- the manual -------------------------------------------------------------------------------
 */

static void roff_text(const char *s, size_t n)
{
	if (n && (*s == '.' || *s == '\''))
		fputs("\\&", stdout);
	for (; n; s++, n--)
		if (*s == '\\')
			fputs("\\e", stdout);
		else if (*s == '-')
			fputs("\\-", stdout);
		else
			putchar(*s);
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
	       c == '/' || c == '.';
}

/* What one types is bold, what one puts in its place is italic. */
static void roff_usage(const char *s, size_t n)
{
	while (n) {
		size_t length = 0;

		while (length < n && is_letter(s[length]))
			length++;
		if (length) {
			fputs(*s >= 'A' && *s <= 'Z' ? "\\fI" : "\\fB", stdout);
			roff_text(s, length);
			fputs("\\fR", stdout);
		} else {
			roff_text(s, length = 1);
		}
		s += length;
		n -= length;
	}
}

/* The sentence, and "  --option VALUE   what it does" in the lines behind it. */
static void roff_verb(const struct daemon_verb *v)
{
	const char *line = v->help;

	fputs(".TP\n", stdout);
	roff_usage(v->usage, strlen(v->usage));
	putchar('\n');
	while (*line) {
		size_t n = strcspn(line, "\n");
		const char *wide = n > 2 && !strncmp(line, "  ", 2) ? strstr(line + 2, "  ") : NULL;

		if (wide && wide < line + n) {
			size_t option = (size_t)(wide - line) - 2;

			fputs(".RS\n.TP\n", stdout);
			roff_usage(line + 2, option);
			putchar('\n');
			wide += strspn(wide, " ");
			roff_text(wide, (size_t)(line + n - wide));
			fputs("\n.RE\n", stdout);
		} else {
			roff_text(line, n);
			putchar('\n');
		}
		line += n + (line[n] == '\n');
	}
}

static int print_manual(const struct daemon_verb *own, const struct config *config)
{
	const char *const *names;
	struct arena arena;

	for (; own->name; own++)
		roff_verb(own);
	arena_init(&arena, 0);
	names = plugin_names(config->plugin_path, &arena);
	for (; names && *names; names++) {
		const char *slash = strchr(*names, '/');
		const char *kind = arena_copy(&arena, *names, (size_t)(slash - *names));
		const struct plugin_library *library =
		        kind ? plugin_library_find(config->plugin_path, kind, slash + 1, NULL)
		             : NULL;
		const struct askd_verbs *verbs =
		        library ? plugin_library_extension(library, "askd.verbs/1") : NULL;

		for (size_t i = 0; verbs && verbs->verbs[i]; i++) {
			struct daemon_verb verb = {verbs->verbs[i]->name, verbs->verbs[i]->usage,
			        verbs->verbs[i]->help};
			roff_verb(&verb);
		}
	}
	arena_finish(&arena);
	return names && !fflush(stdout) ? 0 : 1;
}

/* ---- for people -------------------------------------------------------------------------------
 */

static void print_all(const struct daemon_verb *const lists[2])
{
	printf("askd %s: asks your own databases in plain language\n\n", ASKD_VERSION);
	for (size_t l = 0; l < 2; l++)
		for (const struct daemon_verb *v = lists[l]; v && v->name; v++)
			printf("  %-*s %.*s\n", NAME_COLUMN, v->name, (int)strcspn(v->help, "\n"),
			        v->help);
	printf("\nEvery command takes -c FILE, the configuration; without it askd reads\n"
	       "$ASKD_CONFIG or /etc/askd/askd.yaml, and without those works on defaults.\n");
}

static int print_one(const struct daemon_verb *const lists[2], const char *wanted)
{
	const char *names[NAMES] = {NULL};
	const char *nearest;
	size_t n = 0;

	for (size_t l = 0; l < 2; l++)
		for (const struct daemon_verb *v = lists[l]; v && v->name; v++) {
			if (!strcmp(v->name, wanted)) {
				printf("%s\n\n%s\n", v->usage, v->help);
				return 0;
			}
			if (n < NAMES - 1)
				names[n++] = v->name;
		}
	nearest = text_nearest(wanted, names);
	fprintf(stderr, "askd: no command '%s'%s%s%s\n", wanted, nearest ? ", did you mean '" : "",
	        nearest ? nearest : "", nearest ? "'?" : "");
	return 1;
}

int help_command(const struct daemon_verb *own, const char *config_file, int argc, char **argv)
{
	const struct daemon_verb *lists[2] = {own, NULL};
	struct config *config;
	struct arena arena;
	int status = 0;

	log_init(ASKD_LOG_ERROR, LOG_FORMAT_TEXT);
	if (argc > 1 && !strcmp(argv[1], "--complete"))
		return complete_command(own, config_file, argc - 2, argv + 2);
	arena_init(&arena, 0);
	config = config_read(config_file, NULL);
	lists[1] = config ? help_plugin_verbs(config, &arena) : NULL;
	if (argc < 2)
		print_all(lists);
	else if (strcmp(argv[1], "--man") != 0)
		status = print_one(lists, argv[1]);
	else
		status = config ? print_manual(own, config) : 1;
	arena_finish(&arena);
	config_destroy(config);
	return status;
}
