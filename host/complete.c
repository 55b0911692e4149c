/* complete.c: what the word at the cursor may become. It is read from the usage of the verbs, so a
 * plugin's verbs are completed like the host's:
 *   create NAME [--person NAME] | list         alternatives, each with a first word of its own
 *   [-d DATABASE] [--format csv|json]          options, and what stands behind them
 *   DATABASE KIND KIND/NAME COMMAND FILE FOLDER  what askd knows candidates for */
#include <string.h>

#include "help.h"
#include "plugin/command.h"
#include "plugin/scaffold.h"

enum { TOKENS = 128 };

/* One word of a usage, without its brackets. */
struct token {
	const char *s;
	size_t n;
	bool closes; /* a bracket closes behind it: no value follows */
};

struct completion {
	const struct daemon_verb *lists[2];
	const struct config *config;
	struct arena arena;
	const char *word; /* that is to be completed */
	size_t found;
};

static void offer(struct completion *c, const char *s, size_t n, const char *help)
{
	size_t typed = strlen(c->word);

	if (n < typed || strncmp(s, c->word, typed) != 0)
		return;
	printf("%.*s\t%.*s\n", (int)n, s, (int)strcspn(help, "\n"), help);
	c->found++;
}

static void offer_text(struct completion *c, const char *s, const char *help)
{
	offer(c, s, strlen(s), help);
}

static void offer_files(struct completion *c)
{
	puts(":files");
	c->found++;
}

static bool token_is(const struct token *t, const char *s)
{
	return t->n == strlen(s) && !memcmp(t->s, s, t->n);
}

static bool token_begins(const struct token *t, const char *s)
{
	return t->n >= strlen(s) && !memcmp(t->s, s, strlen(s));
}

static bool is_option(const struct token *t)
{
	return t->n > 1 && *t->s == '-';
}

/* Is it a word to be typed as it stands? */
static bool is_literal(const struct token *t)
{
	return t->n && *t->s >= 'a' && *t->s <= 'z';
}

/* What may stand in the place of NAME. */
static void offer_value(struct completion *c, const struct token *t)
{
	if (token_is(t, "KIND/NAME")) {
		const char *const *names = plugin_names(c->config->plugin_path, &c->arena);
		for (; names && *names; names++)
			offer_text(c, *names, "");
	} else if (token_is(t, "KIND")) {
		for (const char *const *kind = scaffold_kinds; *kind; kind++)
			offer_text(c, *kind, "");
	} else if (token_begins(t, "DATABASE")) {
		for (const struct config_instance *i = c->config->instances; i; i = i->next)
			if (!strcmp(i->kind, "database"))
				offer_text(c, i->name, i->plugin);
	} else if (token_is(t, "COMMAND")) {
		for (size_t l = 0; l < 2; l++)
			for (const struct daemon_verb *v = c->lists[l]; v && v->name; v++)
				offer_text(c, v->name, v->help);
	} else if (token_begins(t, "FILE") || token_begins(t, "FOLDER")) {
		offer_files(c);
	} else if (is_literal(t) && memchr(t->s, '|', t->n)) {
		for (size_t at = 0, n; at < t->n; at += n + 1) {
			const char *end = memchr(t->s + at, '|', t->n - at);
			n = end ? (size_t)(end - t->s) - at : t->n - at;
			offer(c, t->s + at, n, "");
		}
	}
}

/* "  -d, --database NAME   what it does" in the lines behind the first sentence of the help. */
static const char *help_of(const struct daemon_verb *verb, const struct token *option)
{
	for (const char *line = strchr(verb->help, '\n'); line; line = strchr(line + 1, '\n')) {
		const char *s = line + 1 + strspn(line + 1, " "), *text = strstr(s, "  ");

		for (size_t n; text && s < text && *s != '\n'; s += n + strspn(s + n, " ,")) {
			n = strcspn(s, " ,\n");
			if (n == option->n && !memcmp(s, option->s, n))
				return text + strspn(text, " ");
		}
	}
	return "";
}

/* The words of a usage behind "askd VERB". "|" between alternatives is a token of its own. */
static size_t read_usage(const struct daemon_verb *verb, struct token *tokens)
{
	size_t n = 0, skip = 2, depth = 0;

	for (const char *s = verb->usage + strspn(verb->usage, " "); *s && n < TOKENS;
	        s += strspn(s, " \n")) {
		struct token t = {s, strcspn(s, " \n"), false};
		bool bar = t.n == 1 && *s == '|';

		s += t.n;
		if (skip) {
			skip--;
			continue;
		}
		if (bar && depth)
			continue; /* [QUESTION | -] */
		while (t.n && strchr("[\"(", *t.s)) {
			depth += *t.s == '[';
			t.s++;
			t.n--;
		}
		while (t.n && strchr("]\").", t.s[t.n - 1])) {
			t.n--;
			t.closes |= t.s[t.n] == ']';
			depth -= depth && t.s[t.n] == ']';
		}
		if (t.n)
			tokens[n++] = t;
	}
	return n;
}

static bool is_bar(const struct token *t)
{
	return token_is(t, "|");
}

/* The value of the option before it, or NULL: it takes none. */
static const struct token *value_of(const struct token *t, const struct token *end)
{
	return !t->closes && t + 1 < end && !is_option(t + 1) && !is_bar(t + 1) ? t + 1 : NULL;
}

/* The alternative whose first word is `word`; NULL: the one without a word of its own. */
static const struct token *find_alternative(
        const struct token *tokens, const struct token *end, const char *word)
{
	bool first = true;

	for (const struct token *t = tokens; t < end; t++) {
		if (first && (word ? is_literal(t) && token_is(t, word) : !is_literal(t)))
			return t;
		first = is_bar(t);
	}
	return NULL;
}

static const struct token *find_option(
        const struct token *from, const struct token *end, const char *word)
{
	for (; from < end && !is_bar(from); from++)
		if (is_option(from) && token_is(from, word))
			return from;
	return NULL;
}

static void complete_verb(
        struct completion *c, const struct daemon_verb *verb, int argc, char *const *argv)
{
	struct token tokens[TOKENS];
	const struct token *end = tokens + read_usage(verb, tokens), *from, *option, *value = NULL;
	bool first = true;
	int places = 0, i = 0;

	from = argc ? find_alternative(tokens, end, argv[0]) : NULL;
	if (from) {
		i = 1;
		from++;
	} else {
		from = find_alternative(tokens, end, NULL);
	}
	/* How many places are filled, and does the last word want a value? */
	for (; from && i < argc; i++) {
		option = find_option(from, end, argv[i]);
		value = option ? value_of(option, end) : NULL;
		if (value && ++i < argc)
			value = NULL;
		places += !option;
	}
	if (value) {
		offer_value(c, value);
		return;
	}
	for (const struct token *t = tokens; !argc && t < end; t++) {
		if (first && is_literal(t))
			offer(c, t->s, t->n, "");
		first = is_bar(t);
	}
	for (const struct token *t = from; t && t < end && !is_bar(t); t++)
		if (is_option(t))
			t = value_of(t, end) ? t + 1 : t;
		else if (places-- == 0)
			offer_value(c, t);
	if (c->found && *c->word != '-')
		return;
	for (const struct token *t = from; t && t < end && !is_bar(t); t++)
		if (is_option(t))
			offer(c, t->s, t->n, help_of(verb, t));
}

/* Takes `-c FILE` out of the words; true: the last word is that file. */
static bool take_config(int *argc, char **argv, const char **file)
{
	int n = 0;

	for (int i = 0; i < *argc; i++) {
		if (i + 1 < *argc && (!strcmp(argv[i], "-c") || !strcmp(argv[i], "--config"))) {
			if (++i + 1 == *argc)
				return true;
			*file = argv[i];
		} else if (i + 1 < *argc && !strncmp(argv[i], "--config=", 9)) {
			*file = argv[i] + 9;
		} else {
			argv[n++] = argv[i];
		}
	}
	*argc = n;
	return false;
}

int complete_command(const struct daemon_verb *own, const char *config_file, int argc, char **argv)
{
	static const struct token command = {"COMMAND", 7, false};
	struct completion c = {.lists = {own, NULL}};
	const struct daemon_verb *found = NULL;
	struct config *config;

	if (argc && !strcmp(argv[0], "--")) {
		argc--;
		argv++;
	}
	c.word = argc ? argv[argc - 1] : "";
	if (take_config(&argc, argv, &config_file)) {
		offer_files(&c);
		return fflush(stdout) ? 1 : 0;
	}
	config = config_read(config_file, NULL);
	if (!config) /* one that this user may not read, or with a fault */
		config = config_read_string("defaults", "", NULL);
	if (!config)
		return 1;
	c.config = config;
	arena_init(&c.arena, 0);
	c.lists[1] = help_plugin_verbs(config, &c.arena);
	for (size_t l = 0; argc > 1 && l < 2; l++)
		for (const struct daemon_verb *v = c.lists[l]; v && v->name; v++)
			if (!strcmp(v->name, argv[0]))
				found = v;
	if (found)
		complete_verb(&c, found, argc - 2, argv + 1);
	else if (argc < 2)
		offer_value(&c, &command);
	if (*c.word == '-' && (found ? !strstr(found->usage, "-c ") : argc < 2)) {
		offer_text(&c, "-c", "the configuration");
		offer_text(&c, "--config", "the configuration");
	}
	arena_finish(&c.arena);
	config_destroy(config);
	return fflush(stdout) ? 1 : 0;
}
