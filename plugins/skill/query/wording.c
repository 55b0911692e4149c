#include "wording.h"

#include <ctype.h>
#include <strings.h>

enum { REST_BYTES = 160, FILTERS = 4, LITERAL_BYTES = 60 };

/* ---- the question ---------------------------------------------------------------------------- */

static bool in_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* Where the words stand in s as whole words, in any case; -1: nowhere. */
static int64_t find_words(struct askd_text s, const char *words)
{
	size_t n = strlen(words);
	for (size_t i = 0; i + n <= s.n; i++)
		if (!strncasecmp(s.s + i, words, n) && (!i || !in_word(s.s[i - 1])) &&
		        (i + n == s.n || !in_word(s.s[i + n])))
			return (int64_t)i;
	return -1;
}

/* Is it one plain question, whose words keep their order in the answer? "How many do we have?" does
 * not. */
static bool keeps_order(struct askd_text rest)
{
	static const char *const words[] = {"do", "does", "did", "can", "could", "will", "would",
	        "should", "may", "must", "i", "we", "you", "they", "it", "what", "which", "who",
	        "how", "and", NULL};
	if (!rest.n || rest.n > REST_BYTES || memchr(rest.s, '?', rest.n) ||
	        memchr(rest.s, ',', rest.n) || memchr(rest.s, '\n', rest.n))
		return false;
	for (const char *const *word = words; *word; word++)
		if (find_words(rest, *word) >= 0)
			return false;
	return true;
}

/* Takes the words off the beginning. */
static bool take(struct askd_text *s, const char *words)
{
	size_t n = strlen(words);
	if (s->n <= n || strncasecmp(s->s, words, n) != 0 || s->s[n] != ' ')
		return false;
	*s = str_trim((struct askd_text){s->s + n, s->n - n});
	return true;
}

/* "orders are there in May": `there` is cut out. */
static bool cut_there(struct askd_text s, const char *there, struct str *rest)
{
	int64_t at = find_words(s, there);
	struct askd_text before, after;
	size_t end = (size_t)at + strlen(there);
	if (at <= 0)
		return false;
	before = str_trim((struct askd_text){s.s, (uint64_t)at});
	after = str_trim((struct askd_text){s.s + end, s.n - end});
	str_text(rest, before);
	str_puts(rest, after.n ? " " : "");
	str_text(rest, after);
	return true;
}

enum wording wording_of(struct askd_text question, struct str *rest)
{
	struct askd_text s = str_trim(question);
	while (s.n && strchr("?.! ", s.s[s.n - 1]))
		s.n--;
	if (take(&s, "how many")) {
		if (!keeps_order(s))
			return WORDING_NONE;
		if (cut_there(s, "are there", rest))
			return WORDING_THERE;
		if (cut_there(s, "were there", rest))
			return WORDING_EXISTED;
		str_text(rest, s);
		return WORDING_COUNT;
	}
	if (take(&s, "what is the") || take(&s, "what's the"))
		return keeps_order(s) ? str_text(rest, s), WORDING_VALUE : WORDING_NONE;
	if (take(&s, "what was the"))
		return keeps_order(s) ? str_text(rest, s), WORDING_PAST : WORDING_NONE;
	return WORDING_NONE;
}

bool wording_relative(struct str *rest)
{
	static const char *const verbs[] = {"are", "were", "have", "had", NULL};
	struct askd_text s = {rest->s, rest->n};
	for (const char *const *verb = verbs; *verb; verb++) {
		int64_t at = find_words(s, *verb);
		struct str made = {0};
		if (at <= 0)
			continue;
		str_add(&made, s.s, (size_t)at);
		str_puts(&made, "that ");
		str_add(&made, s.s + at, s.n - (size_t)at);
		str_finish(rest);
		*rest = made;
		return !made.failed;
	}
	return false;
}

/* ---- the statement --------------------------------------------------------------------------- */

enum token_kind { TOKEN_END, TOKEN_NAME, TOKEN_LITERAL, TOKEN_OPERATOR, TOKEN_OTHER };

struct token {
	enum token_kind kind;
	struct askd_text text; /* without its quotes */
};

/* The next token of s from *at on. */
static struct token next_token(struct askd_text s, size_t *at)
{
	static const char operators[] = "=<>!";
	size_t start;
	char c, close;
	while (*at < s.n && isspace((unsigned char)s.s[*at]))
		++*at;
	start = *at;
	if (start >= s.n)
		return (struct token){TOKEN_END, {NULL, 0}};
	c = s.s[start];
	close = c == '[' ? ']' : c;
	if (strchr("'\"`[", c)) {
		for (++*at; *at < s.n; ++*at) {
			if (s.s[*at] != close)
				continue;
			if (*at + 1 == s.n || s.s[*at + 1] != close)
				break;
			++*at;
		}
		*at += *at < s.n;
		return (struct token){c == '\'' ? TOKEN_LITERAL : TOKEN_NAME,
		        {s.s + start + 1, *at - start - (*at > start + 1 ? 2 : 1)}};
	}
	if (in_word(c)) {
		while (*at < s.n &&
		        (in_word(s.s[*at]) || (s.s[*at] == '.' && isdigit((unsigned char)c))))
			++*at;
		return (struct token){isdigit((unsigned char)c) ? TOKEN_LITERAL : TOKEN_NAME,
		        {s.s + start, *at - start}};
	}
	if (strchr(operators, c)) {
		while (*at < s.n && strchr(operators, s.s[*at]))
			++*at;
		return (struct token){TOKEN_OPERATOR, {s.s + start, *at - start}};
	}
	++*at;
	return (struct token){TOKEN_OTHER, {s.s + start, 1}};
}

/* Names of people's things: "first_name" is "first name"; a pattern loses its signs. */
static void add_plain(struct str *out, struct askd_text text, const char *drop)
{
	size_t n = str_cut(text.s, text.n, LITERAL_BYTES);
	for (size_t i = 0; i < n; i++)
		if (text.s[i] == '_' && strchr(drop, '_'))
			str_puts(out, " ");
		else if (!strchr(drop, text.s[i]))
			str_add(out, text.s + i, 1);
}

static bool is_word(struct askd_text text, const char *word)
{
	return text.n == strlen(word) && !strncasecmp(text.s, word, text.n);
}

void wording_filters(struct askd_text sql, struct str *out)
{
	struct token name = {TOKEN_END, {NULL, 0}}, sign = name, token;
	uint32_t count = 0;
	size_t at = 0;
	while (count < FILTERS && (token = next_token(sql, &at)).kind != TOKEN_END) {
		bool like = token.kind == TOKEN_NAME && is_word(token.text, "like");
		if (like || token.kind == TOKEN_OPERATOR) {
			sign = name.kind == TOKEN_NAME ? token
			                               : (struct token){TOKEN_END, {NULL, 0}};
			continue;
		}
		if (token.kind == TOKEN_LITERAL && sign.kind != TOKEN_END) {
			str_puts(out, count++ ? ", " : "");
			add_plain(out, name.text, "_");
			str_puts(out, " ");
			if (sign.kind == TOKEN_OPERATOR)
				str_text(out, sign.text);
			else
				str_puts(out, "like");
			str_puts(out, " ");
			add_plain(out, token.text, sign.kind == TOKEN_OPERATOR ? "" : "%");
		}
		name = token;
		sign.kind = TOKEN_END;
	}
}
