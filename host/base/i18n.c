/* i18n.c: every text for a person. The English text is the key of the catalogues. */
#include "base/i18n.h"

#include <ctype.h>
#include <inttypes.h>

#include "base/text.h"

enum { ARGS_MAX = 32 };

struct pair {
	struct askd_text name, value;
	bool markdown;
};

/* Is the end of b the place where a line begins? */
static bool at_line_start(const struct buffer *b)
{
	size_t n = b->n;

	while (n && b->s[n - 1] == ' ')
		n--;
	return !n || b->s[n - 1] == '\n';
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* Does the character at s[i] mean something in CommonMark (or its tables and strike-through)? */
static bool is_markup(const struct buffer *b, const char *s, size_t n, size_t i)
{
	switch (s[i]) {
	case '\\':
	case '`':
	case '*':
	case '[':
	case ']':
	case '<':
	case '|':
	case '~':
		return true;
	case '_': /* inside a word it is a letter, as in order_items */
		return !(i && i + 1 < n && is_word(s[i - 1]) && is_word(s[i + 1]));
	case '&':
		return i + 1 < n && (isalnum((unsigned char)s[i + 1]) || s[i + 1] == '#');
	case '>':
	case '#':
	case '+':
	case '-':
	case '=':
		return at_line_start(b);
	case '.':
	case ')': /* "1." at the beginning of a line makes a list */
		for (size_t k = b->n; k; k--)
			if (!isdigit((unsigned char)b->s[k - 1])) {
				struct buffer before = {.s = b->s, .n = k};

				return k != b->n && at_line_start(&before);
			}
		return b->n > 0;
	default:
		return false;
	}
}

static void add_escaped(struct buffer *b, struct askd_text value)
{
	for (size_t i = 0; i < value.n; i++) {
		if (is_markup(b, value.s, value.n, i))
			buffer_add(b, "\\", 1);
		buffer_add(b, value.s + i, 1);
	}
}

static const struct pair *find(const struct pair *pairs, size_t count, const char *name, size_t n)
{
	for (size_t i = 0; i < count; i++)
		if (pairs[i].name.n == n && !memcmp(pairs[i].name.s, name, n))
			return &pairs[i];
	return NULL;
}

/* Puts the pairs into the text; a name that nobody knows stays as it is written. */
static const char *substitute(
        struct arena *a, const char *text, const struct pair *pairs, size_t count)
{
	struct buffer b;
	const char *result = NULL;

	buffer_init(&b, 0);
	buffer_add(&b, "", 0);
	while (*text) {
		const char *open = strchrnul(text, '{'), *close;
		const struct pair *pair = NULL;

		buffer_add(&b, text, (size_t)(open - text));
		if (!*open)
			break;
		close = strchr(open, '}');
		if (close)
			pair = find(pairs, count, open + 1, (size_t)(close - open - 1));
		if (!pair) {
			buffer_add(&b, "{", 1);
			text = open + 1;
			continue;
		}
		if (pair->markdown)
			buffer_add_text(&b, pair->value);
		else
			add_escaped(&b, pair->value);
		text = close + 1;
	}
	if (b.failed)
		a->full = true;
	else
		result = arena_copy(a, b.s, b.n);
	buffer_finish(&b);
	return result;
}

static void pair_add(
        struct pair *pairs, size_t *count, struct askd_text name, struct askd_text value)
{
	bool markdown = name.n && name.s[0] == '*';

	if (*count == ARGS_MAX || !name.s)
		return;
	if (markdown) {
		name.s++;
		name.n--;
	}
	pairs[(*count)++] = (struct pair){name, value.s ? value : ASKD_LITERAL(""), markdown};
}

static void pairs_read(struct pair *pairs, size_t *count, va_list ap)
{
	const char *name;

	while ((name = va_arg(ap, const char *))) {
		const char *value = va_arg(ap, const char *);

		pair_add(pairs, count, askd_text_of(name), askd_text_of(value));
	}
}

/* The text in that language. English, the language of the keys, is the catalogue of this release:
 * every language reads it. */
static const char *translate(const char *language, const char *text)
{
	(void)language;
	return text;
}

const char *i18n_text(struct arena *a, const char *language, const char *text, ...)
{
	struct pair pairs[ARGS_MAX];
	size_t count = 0;
	va_list ap;

	va_start(ap, text);
	pairs_read(pairs, &count, ap);
	va_end(ap);
	return substitute(a, translate(language, text), pairs, count);
}

/* The first pair is {count}; returns the text that fits it. */
static const char *choose(struct pair *pairs, size_t *count, char digits[24], const char *text,
        const char *plural, int64_t number)
{
	int n = snprintf(digits, 24, "%" PRId64, number);

	pairs[(*count)++] = (struct pair){
	        ASKD_LITERAL("count"), {digits, (uint64_t)n}, true /* a number needs no escape */};
	return number == 1 || !plural ? text : plural;
}

const char *i18n_plural(struct arena *a, const char *language, const char *text, const char *plural,
        int64_t count, ...)
{
	struct pair pairs[ARGS_MAX];
	size_t pairs_n = 0;
	char digits[24];
	va_list ap;

	text = choose(pairs, &pairs_n, digits, text, plural, count);
	va_start(ap, count);
	pairs_read(pairs, &pairs_n, ap);
	va_end(ap);
	return substitute(a, translate(language, text), pairs, pairs_n);
}

const char *i18n_format(struct arena *a, const char *language, const char *text, const char *plural,
        int64_t count, const struct askd_header *const *args)
{
	struct pair pairs[ARGS_MAX];
	size_t pairs_n = 0;
	char digits[24];

	text = choose(pairs, &pairs_n, digits, text, plural, count);
	for (; args && *args; args++)
		pair_add(pairs, &pairs_n, (*args)->name, (*args)->value);
	return substitute(a, translate(language, text), pairs, pairs_n);
}
