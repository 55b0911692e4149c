#include "decision.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

const char decision_schema[] =
        "{\"type\":\"object\",\"properties\":{"
        "\"action\":{\"type\":\"string\",\"enum\":[\"sql\",\"answer\",\"clarify\",\"email\","
        "\"decline\"]},"
        "\"sql\":{\"type\":\"string\"},"
        "\"answer\":{\"type\":\"string\"},"
        "\"explanation\":{\"type\":\"string\"},"
        "\"confidence\":{\"type\":\"number\"},"
        "\"choices\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
        "\"email\":{\"type\":[\"object\",\"null\"],\"properties\":{"
        "\"to\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
        "\"subject\":{\"type\":\"string\"},\"body\":{\"type\":\"string\"}},"
        "\"required\":[\"to\",\"subject\",\"body\"],\"additionalProperties\":false}},"
        "\"required\":[\"action\",\"sql\",\"answer\",\"explanation\",\"confidence\",\"choices\","
        "\"email\"],\"additionalProperties\":false}";

static const char not_object[] = "the reply was not the JSON object asked for";
static const char no_statement[] = "the action was sql, but the reply holds no statement";
static const char no_words[] = "the reply holds neither a statement nor an answer";
static const char too_long[] = "the reply was far too long";

/* Names under which models write the same thing, the most binding first. */
static const char *const names_action[] = {"action", "way", "type", "kind", NULL};
static const char *const names_sql[] = {"sql", "sql_query", "query", "statement", "sqlQuery", NULL};
static const char *const names_answer[] = {
        "answer", "text", "message", "response", "question", "content", NULL};
static const char *const names_explanation[] = {
        "explanation", "reasoning", "reason", "rationale", NULL};
static const char *const names_choices[] = {"choices", "options", "alternatives", NULL};
static const char *const names_suggestions[] = {"suggestions", "follow_ups", NULL};

static json_t *member(json_t *object, const char *const *names)
{
	for (; *names; names++) {
		json_t *value = json_object_get(object, *names);
		if (value && !json_is_null(value))
			return value;
	}
	return NULL;
}

static const char *member_string(json_t *object, const char *const *names)
{
	for (; *names; names++) {
		const char *s = json_string_value(json_object_get(object, *names));
		if (s && *s)
			return s;
	}
	return NULL;
}

static int action_of(const char *word)
{
	static const struct {
		const char *word;
		enum decision_action action;
	} words[] = {{"sql", DECISION_SQL}, {"query", DECISION_SQL}, {"sql_query", DECISION_SQL},
	        {"database", DECISION_SQL}, {"db", DECISION_SQL}, {"answer", DECISION_ANSWER},
	        {"text", DECISION_ANSWER}, {"direct", DECISION_ANSWER}, {"chat", DECISION_ANSWER},
	        {"message", DECISION_ANSWER}, {"clarify", DECISION_CLARIFY},
	        {"clarification", DECISION_CLARIFY}, {"ask", DECISION_CLARIFY},
	        {"question", DECISION_CLARIFY}, {"email", DECISION_EMAIL}, {"mail", DECISION_EMAIL},
	        {"send_email", DECISION_EMAIL}, {"decline", DECISION_DECLINE},
	        {"declined", DECISION_DECLINE}, {"refuse", DECISION_DECLINE},
	        {"unsupported", DECISION_DECLINE}, {"irrelevant", DECISION_DECLINE}};
	for (size_t i = 0; word && i < sizeof words / sizeof *words; i++)
		if (!strcasecmp(word, words[i].word))
			return (int)words[i].action;
	return -1;
}

static int32_t confidence_of(const json_t *value)
{
	double c;
	if (json_is_number(value)) {
		c = json_number_value(value);
	} else if (json_is_string(value)) {
		const char *s = json_string_value(value);
		char *end;
		if (!strcasecmp(s, "high"))
			return 900;
		if (!strcasecmp(s, "medium"))
			return 600;
		if (!strcasecmp(s, "low"))
			return 200;
		c = strtod(s, &end);
		if (end == s)
			return -1;
		if (*end == '%')
			c /= 100;
	} else {
		return -1;
	}
	if (c > 1 && c <= 100)
		c /= 100;
	return c >= 0 && c <= 1 ? (int32_t)(c * 1000 + 0.5) : -1;
}

/* The texts of a list; of an object in it its label. */
static json_t *texts_of(json_t *list)
{
	static const char *const labels[] = {"label", "text", "title", "question", "name", NULL};
	json_t *texts = json_array(), *item;
	size_t i;
	if (!texts)
		return NULL;
	json_array_foreach(list, i, item)
	{
		const char *s = json_is_object(item) ? member_string(item, labels)
		                                     : json_string_value(item);
		if (!s || !*s || json_array_size(texts) >= DECISION_CHOICES)
			continue;
		if (json_array_append_new(texts, json_string(s))) {
			json_decref(texts);
			return NULL;
		}
	}
	return texts;
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* The position of a word (lower case) in s, whole and in any case, or -1. */
static int64_t find_word(struct askd_text s, const char *word)
{
	size_t n = strlen(word);
	for (size_t i = 0; i + n <= s.n; i++) {
		struct askd_text rest = {s.s + i, s.n - i};
		if (str_starts(rest, word) && (!i || !is_word(s.s[i - 1])) &&
		        (i + n == s.n || !is_word(s.s[i + n])))
			return (int64_t)i;
	}
	return -1;
}

/* Does the text begin as a statement does, and not as a sentence ("With pleasure ...")? */
static bool looks_like_sql(struct askd_text s)
{
	struct askd_text rest;
	s = str_trim(s);
	while (s.n && s.s[0] == '(')
		s = str_trim((struct askd_text){s.s + 1, s.n - 1});
	if (str_starts(s, "select") && s.n > 6 && !is_word(s.s[6])) {
		rest = str_trim((struct askd_text){s.s + 6, s.n - 6});
		return rest.n &&
		       (strchr("'\"`(*[-0123456789", rest.s[0]) || find_word(rest, "from") > 0 ||
		               (memchr(rest.s, '(', rest.n) && memchr(rest.s, ')', rest.n)));
	}
	if (str_starts(s, "with") && s.n > 4 && !is_word(s.s[4]))
		return find_word(s, "as") > 0 && find_word(s, "select") > 0 &&
		       memchr(s.s, '(', s.n);
	if (str_starts(s, "values") && s.n > 6)
		return str_trim((struct askd_text){s.s + 6, s.n - 6}).s[0] == '(';
	return false;
}

/* Without a fence around it and without the prose that follows a finished statement. */
static struct askd_text statement_of(struct askd_text s)
{
	s = str_trim(s);
	for (size_t i = 0; i + 2 < s.n; i++)
		if ((s.s[i] == ';' && s.s[i + 1] == '\n' && s.s[i + 2] == '\n') ||
		        !memcmp(s.s + i, "```", 3)) {
			s.n = s.s[i] == ';' ? i + 1 : i;
			break;
		}
	return str_trim(s);
}

static int32_t finish_sql(struct decision *d, struct askd_text sql, const char **problem)
{
	d->choices = json_array();
	d->suggestions = json_array();
	d->action = DECISION_SQL;
	d->confidence_milli = -1;
	str_text(&d->sql, statement_of(sql));
	if (!d->choices || !d->suggestions || d->sql.failed)
		return ASKD_E_NOMEM;
	if (!d->sql.n) {
		*problem = no_statement;
		return ASKD_E_PROTOCOL;
	}
	return ASKD_OK;
}

/* Some models wrap the object into another one, or into a list. */
static json_t *unwrap(json_t *value)
{
	for (int depth = 0; depth < 3; depth++) {
		json_t *inner = NULL;
		if (json_is_array(value) && json_array_size(value) == 1)
			inner = json_array_get(value, 0);
		else if (json_is_object(value) && json_object_size(value) == 1)
			inner = json_object_iter_value(json_object_iter(value));
		if (!json_is_object(inner) && !(json_is_array(inner) && depth < 2))
			break;
		value = inner;
	}
	return json_is_object(value) ? value : NULL;
}

static int32_t from_object(json_t *object, struct decision *d, const char **problem)
{
	json_t *actions = member(object, names_action), *email = json_object_get(object, "email");
	const char *sql = member_string(object, names_sql);
	const char *answer = member_string(object, names_answer);
	const char *asked = json_string_value(json_object_get(object, "question"));
	int action = action_of(json_string_value(actions));

	for (const char *const *name = names_action; action < 0 && *name; name++)
		action = action_of(json_string_value(json_object_get(object, *name)));
	d->choices = texts_of(member(object, names_choices));
	d->suggestions = texts_of(member(object, names_suggestions));
	if (!d->choices || !d->suggestions)
		return ASKD_E_NOMEM;
	if (action == DECISION_CLARIFY && asked && *asked)
		answer = asked;
	if (json_is_true(json_object_get(object, "declined")))
		action = DECISION_DECLINE;
	/* An answer that comes with a statement is to be had from the database. */
	if ((action < 0 || action == DECISION_ANSWER) && sql)
		action = DECISION_SQL;
	if (action == DECISION_SQL && !sql && answer)
		action = looks_like_sql(askd_text_of(answer)) ? DECISION_SQL : DECISION_ANSWER;
	if (action < 0 && json_array_size(d->choices))
		action = DECISION_CLARIFY;
	/* Without an action only `answer` is one: {"error": {"message": ...}} is not. */
	if (action < 0 && json_is_string(json_object_get(object, "answer")) && answer)
		action = DECISION_ANSWER;
	if (action < 0 && !json_object_get(object, "answer")) {
		*problem = not_object;
		return ASKD_E_PROTOCOL;
	}
	if (action < 0) {
		*problem = no_words;
		return ASKD_E_PROTOCOL;
	}
	if (action == DECISION_SQL && !sql && answer) {
		sql = answer;
		answer = NULL;
	}
	if (action == DECISION_EMAIL && !answer && json_is_object(email))
		answer = json_string_value(json_object_get(email, "body"));
	if (sql) {
		struct askd_text s = str_trim(askd_text_of(sql));
		if (s.n > 3 && !memcmp(s.s, "```", 3)) {
			const char *line = memchr(s.s, '\n', s.n);
			uint64_t skip = line ? (uint64_t)(line + 1 - s.s) : 3;
			s = (struct askd_text){s.s + skip, s.n - skip};
		}
		str_text(&d->sql, statement_of(s));
	}
	if (answer)
		str_text(&d->answer, str_trim(askd_text_of(answer)));
	str_puts(&d->explanation, member_string(object, names_explanation));
	if (d->sql.failed || d->answer.failed || d->explanation.failed)
		return ASKD_E_NOMEM;
	d->action = (enum decision_action)action;
	d->confidence_milli = confidence_of(json_object_get(object, "confidence"));
	if (action == DECISION_SQL && !d->sql.n) {
		*problem = no_statement;
		return ASKD_E_PROTOCOL;
	}
	if (action == DECISION_ANSWER && !d->answer.n) {
		*problem = no_words;
		return ASKD_E_PROTOCOL;
	}
	return ASKD_OK;
}

/* The object in s that can be a decision, wherever it begins; the first that parses. The parser
 * counts how deep it nests and gives up at 2048, which takes a quarter of a thread's stack. */
static json_t *find_object(struct askd_text s, bool *whole)
{
	uint32_t tries = 0;
	for (size_t i = 0; i < s.n && tries < 24; i++) {
		struct askd_text rest = {s.s + i, s.n - i};
		json_error_t error;
		json_t *value;
		if (s.s[i] != '{' && s.s[i] != '[')
			continue;
		tries++;
		value = json_loadb(rest.s, rest.n, JSON_DISABLE_EOF_CHECK, &error);
		if (value && unwrap(value)) {
			*whole = i == 0 && (size_t)error.position == s.n;
			return value;
		}
		json_decref(value);
	}
	return NULL;
}

/* The next ``` block of s from *at on: its language and what it holds. */
static bool next_fence(struct askd_text s, size_t *at, bool *sql, struct askd_text *body)
{
	for (size_t i = *at; i + 3 <= s.n; i++) {
		size_t start, end;
		struct askd_text tag;
		if (memcmp(s.s + i, "```", 3) != 0)
			continue;
		start = i + 3;
		while (start < s.n && is_word(s.s[start]))
			start++;
		tag = (struct askd_text){s.s + i + 3, start - i - 3};
		*sql = tag.n >= 3 && (str_starts(tag, "sql") || str_starts(tag, "postgres") ||
		                             str_starts(tag, "mysql"));
		for (end = start; end + 3 <= s.n && memcmp(s.s + end, "```", 3) != 0; end++)
			;
		if (end + 3 > s.n)
			end = s.n;
		*body = str_trim((struct askd_text){s.s + start, end - start});
		*at = end + 3 > s.n ? s.n : end + 3;
		return true;
	}
	return false;
}

static int32_t parse(struct askd_text text, struct decision *d, const char **problem)
{
	size_t at = 0;
	bool sql, whole = false;
	struct askd_text body;
	json_t *value;
	int32_t rc;

	value = find_object(text, &whole);
	if (value) {
		rc = from_object(unwrap(value), d, problem);
		d->strict = whole && json_is_object(value) &&
		            json_is_string(json_object_get(value, "action"));
		json_decref(value);
		return rc;
	}
	while (next_fence(text, &at, &sql, &body))
		if (body.n && (sql || looks_like_sql(body)))
			return finish_sql(d, body, problem);
	if (looks_like_sql(text))
		return finish_sql(d, text, problem);
	/* A statement that begins a line after some words. */
	for (size_t i = 0; i + 1 < text.n; i++) {
		struct askd_text rest = {text.s + i + 1, text.n - i - 1};
		if (text.s[i] == '\n' && looks_like_sql(rest))
			return finish_sql(d, rest, problem);
	}
	*problem = not_object;
	return ASKD_E_PROTOCOL;
}

int32_t decision_parse(struct askd_text text, struct decision *decision, const char **problem)
{
	int32_t rc;
	*decision = (struct decision){.confidence_milli = -1};
	*problem = not_object;
	if (!text.s)
		return ASKD_E_PROTOCOL;
	if (text.n > DECISION_BYTES) {
		*problem = too_long;
		return ASKD_E_PROTOCOL;
	}
	if (text.n >= 3 && !memcmp(text.s, "\xef\xbb\xbf", 3))
		text = (struct askd_text){text.s + 3, text.n - 3};
	rc = parse(str_trim(text), decision, problem);
	if (rc)
		decision_finish(decision);
	return rc;
}

void decision_finish(struct decision *decision)
{
	if (!decision)
		return;
	str_finish(&decision->sql);
	str_finish(&decision->answer);
	str_finish(&decision->explanation);
	json_decref(decision->choices);
	json_decref(decision->suggestions);
	*decision = (struct decision){.confidence_milli = -1};
}
