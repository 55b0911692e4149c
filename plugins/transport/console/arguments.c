#include "arguments.h"

#include <stdio.h>
#include <string.h>

const char *const ask_options[] = {"--database", "--session", "--json", "--help", NULL};
const char *const chat_options[] = {"--database", "--session", "--help", NULL};

/* Edit distance of short words. */
static size_t distance(const char *a, const char *b)
{
	size_t row[40], n = strlen(b);
	if (n >= 40 || strlen(a) >= 40)
		return 40;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[n];
}

const char *arguments_nearest(const char *word, const char *const *list)
{
	const char *nearest = NULL;
	size_t best = strlen(word) < 4 ? strlen(word) : 4;
	for (; *list; list++) {
		size_t d = distance(word, *list);
		if (d < best) {
			best = d;
			nearest = *list;
		}
	}
	return nearest;
}

/* Questions may come without quotes: their words are joined. */
static bool add_question(struct arguments *a, json_t *word)
{
	json_t *joined;
	if (!a->question) {
		a->question = json_incref(word);
		return true;
	}
	joined = json_sprintf("%s %s", json_string_value(a->question), json_string_value(word));
	json_decref(a->question);
	a->question = joined;
	return joined != NULL;
}

/* The value of an option, behind '=' or in the next word. */
static const char *value_of(struct arguments *a, const char *equals, const char *option, size_t *i)
{
	const char *value =
	        equals ? equals + 1 : json_string_value(json_array_get(a->list, *i + 1));
	if (!value || !*value) {
		a->needs = option;
		return NULL;
	}
	*i += equals ? 0 : 1;
	return value;
}

bool arguments_read(struct arguments *a, const char *const *options, const char *args, size_t n)
{
	bool words_only = false;
	*a = (struct arguments){.list = args ? json_loadb(args, n, 0, NULL) : json_array()};
	if (!json_is_array(a->list))
		return false;
	for (size_t i = 0; i < json_array_size(a->list) && !a->unknown[0] && !a->needs; i++) {
		json_t *item = json_array_get(a->list, i);
		const char *word = json_string_value(item);
		const char *equals = word ? strchr(word, '=') : NULL;
		size_t length = equals ? (size_t)(equals - word) : word ? strlen(word) : 0;
		if (!word)
			return false;
		if (words_only || word[0] != '-' || strchr(word, ' ')) {
			if (!add_question(a, item))
				return false;
		} else if (!strcmp(word, "-")) {
			a->standard_input = true;
		} else if (!strcmp(word, "--")) {
			words_only = true;
		} else if (!strcmp(word, "-h") || !strcmp(word, "--help")) {
			a->help = true;
		} else if (!strcmp(word, "-d")) {
			a->database = value_of(a, NULL, "-d", &i);
		} else if (length == 10 && !strncmp(word, "--database", length)) {
			a->database = value_of(a, equals, "--database", &i);
		} else if (length == 9 && !strncmp(word, "--session", length)) {
			a->session = value_of(a, equals, "--session", &i);
		} else if (!strcmp(word, "--json") && options == ask_options) {
			a->json = true;
		} else if (!strcmp(word, "--exchange") && options == ask_options) {
			a->exchange = true;
		} else {
			snprintf(a->unknown, sizeof a->unknown, "%.*s",
			        length < 60 ? (int)length : 60, word);
			a->nearest = arguments_nearest(a->unknown, options);
		}
	}
	return true;
}

void arguments_finish(struct arguments *a)
{
	json_decref(a->question);
	json_decref(a->list);
	a->question = a->list = NULL;
}
