/* words_numbers.c: numbers in figures and in words. */
#include <stdlib.h>
#include <string.h>

#include "words_inside.h"

enum { UNITS_DIGITS = 18 /* that fit into `units` with room to spare */ };

static const uint64_t units_max = 999999999999999999;

bool decimal_scale(struct decimal *value, unsigned by)
{
	struct decimal scaled = *value;
	for (; by && scaled.decimals; by--)
		scaled.decimals--;
	for (; by; by--) {
		if (scaled.units > units_max / 10)
			return false;
		scaled.units *= 10;
	}
	*value = scaled;
	return true;
}

bool decimal_read(const char *text, size_t n, struct decimal *out)
{
	struct decimal value = {0};
	bool point = false;
	for (size_t i = 0; i < n; i++) {
		if (text[i] == ',')
			continue;
		if (text[i] == '.') {
			point = true;
			continue;
		}
		if (value.units > units_max / 10)
			return false;
		value.units = value.units * 10 + (unsigned)(text[i] - '0');
		value.decimals += point;
	}
	*out = value;
	return true;
}

bool word_set_number(struct pool *pool, struct word *word, const struct decimal *value)
{
	struct decimal plain = *value;
	char digits[UNITS_DIGITS + 24], *end = digits + sizeof digits - 1, *p = end;
	while (plain.decimals && plain.units % 10 == 0) {
		plain.units /= 10;
		plain.decimals--;
	}
	*p = 0;
	for (uint32_t i = 0; i < plain.decimals; i++, plain.units /= 10)
		*--p = (char)('0' + plain.units % 10);
	if (plain.decimals)
		*--p = '.';
	do {
		*--p = (char)('0' + plain.units % 10);
		plain.units /= 10;
	} while (plain.units);
	if (plain.minus && strspn(p, "0.") < strlen(p))
		*--p = '-';
	word->kind = WORD_NUMBER;
	word->number = pool_copy(pool, p, (size_t)(end - p));
	word->value = strtod(p, NULL);
	return word->number != NULL;
}

unsigned number_scale(const char *s, bool glued)
{
	static const struct {
		const char *word;
		unsigned scale;
		bool glued; /* alone */
	} scales[] = {{"hundred", 2, false}, {"thousand", 3, false}, {"million", 6, false},
	        {"millions", 6, false}, {"billion", 9, false}, {"billions", 9, false},
	        {"trillion", 12, false}, {"thousands", 3, false}, {"k", 3, true}, {"m", 6, true},
	        {"b", 9, true}, {"mn", 6, false}, {"mio", 6, false}, {"bn", 9, false},
	        {"tn", 12, false}, {"mil", 6, true}};
	for (size_t i = 0; i < sizeof scales / sizeof *scales; i++)
		if (!strcmp(scales[i].word, s) && (glued || !scales[i].glued))
			return scales[i].scale;
	return 0;
}

struct numeral {
	const char *word;
	unsigned value;
	bool ordinal;
};

static const struct numeral numerals[] = {{"zero", 0, false}, {"one", 1, false}, {"two", 2, false},
        {"three", 3, false}, {"four", 4, false}, {"five", 5, false}, {"six", 6, false},
        {"seven", 7, false}, {"eight", 8, false}, {"nine", 9, false}, {"ten", 10, false},
        {"eleven", 11, false}, {"twelve", 12, false}, {"thirteen", 13, false},
        {"fourteen", 14, false}, {"fifteen", 15, false}, {"sixteen", 16, false},
        {"seventeen", 17, false}, {"eighteen", 18, false}, {"nineteen", 19, false},
        {"twenty", 20, false}, {"thirty", 30, false}, {"forty", 40, false}, {"fourty", 40, false},
        {"fifty", 50, false}, {"sixty", 60, false}, {"seventy", 70, false}, {"eighty", 80, false},
        {"ninety", 90, false}, {"first", 1, true}, {"second", 2, true}, {"third", 3, true},
        {"fourth", 4, true}, {"fifth", 5, true}, {"sixth", 6, true}, {"seventh", 7, true},
        {"eighth", 8, true}, {"ninth", 9, true}, {"tenth", 10, true}, {"eleventh", 11, true},
        {"twelfth", 12, true}, {"thirteenth", 13, true}, {"fourteenth", 14, true},
        {"fifteenth", 15, true}, {"sixteenth", 16, true}, {"seventeenth", 17, true},
        {"eighteenth", 18, true}, {"nineteenth", 19, true}, {"twentieth", 20, true},
        {"thirtieth", 30, true}, {"fortieth", 40, true}, {"fiftieth", 50, true},
        {"sixtieth", 60, true}, {"seventieth", 70, true}, {"eightieth", 80, true},
        {"ninetieth", 90, true}, {"hundredth", 100, true}, {"thousandth", 1000, true}};

static const struct numeral *find_numeral(const char *s, size_t n)
{
	for (size_t i = 0; i < sizeof numerals / sizeof *numerals; i++)
		if (strlen(numerals[i].word) == n && !memcmp(numerals[i].word, s, n))
			return &numerals[i];
	return NULL;
}

/* "twenty", "twenty-five", "twenty-first": one word below 100. */
static bool read_numeral(const struct word *word, unsigned *value, bool *ordinal)
{
	const char *hyphen;
	const struct numeral *tens, *ones;
	if (word->kind != WORD_PLAIN)
		return false;
	hyphen = strchr(word->text, '-');
	tens = find_numeral(
	        word->text, hyphen ? (size_t)(hyphen - word->text) : strlen(word->text));
	if (!tens)
		return false;
	*value = tens->value;
	*ordinal = tens->ordinal;
	if (!hyphen)
		return true;
	ones = find_numeral(hyphen + 1, strlen(hyphen + 1));
	if (!ones || tens->ordinal || tens->value < 20 || ones->value < 1 || ones->value > 9)
		return false;
	*value += ones->value;
	*ordinal = ones->ordinal;
	return true;
}

static bool is(const struct words *words, size_t i, const char *text)
{
	return i < words->count && words->words[i].kind == WORD_PLAIN &&
	       !strcmp(words->words[i].text, text);
}

static unsigned scale_at(const struct words *words, size_t i, bool *ordinal)
{
	const struct word *word;
	*ordinal = false;
	if (i >= words->count || words->words[i].kind != WORD_PLAIN)
		return 0;
	word = &words->words[i];
	if (!strcmp(word->text, "hundredth") || !strcmp(word->text, "thousandth")) {
		*ordinal = true;
		return strcmp(word->text, "hundredth") ? 3 : 2;
	}
	return number_scale(word->text, false);
}

struct reading {
	struct decimal value;
	bool ordinal;
	bool ones; /* "three", "twenty five": below 100 without a scale */
};

/* One to ninety-nine at word i; returns the word behind it, or i. */
static size_t read_small(const struct words *words, size_t i, unsigned *value, bool *ordinal)
{
	unsigned ones;
	bool last;
	if (i >= words->count || !read_numeral(&words->words[i], value, ordinal))
		return i;
	i++;
	if (!*ordinal && *value >= 20 && *value % 10 == 0 && i < words->count &&
	        read_numeral(&words->words[i], &ones, &last) && ones >= 1 && ones <= 9 &&
	        !strchr(words->words[i].text, '-') && !is(words, i, "second")) {
		*value += ones;
		*ordinal = last;
		i++;
	}
	return i;
}

/* A number in words at i, "and" only if `join`; returns the word behind it, or i. */
static size_t read_in_words(const struct words *words, size_t i, bool join, struct reading *out)
{
	size_t at = i, next;
	uint64_t total = 0, group = 0;
	unsigned small, scale, last_scale = 99;
	bool ordinal = false, any = false, article = false;
	if ((is(words, i, "a") || is(words, i, "an")) && scale_at(words, i + 1, &ordinal)) {
		group = 1;
		at = i + 1;
		article = true;
	}
	out->ones = true;
	for (;;) {
		bool last = false;
		next = article ? at : read_small(words, at, &small, &last);
		if (next == at && !article)
			break;
		if (!article) {
			/* twenty ten, nineteen ninety-nine */
			if (any && group >= 11 && group <= 21 && small >= 10 && total == 0 &&
			        last_scale == 99) {
				group = group * 100 + small;
				ordinal = last;
				out->ones = false;
				at = next;
				break;
			}
			if (any && group % 100)
				break;
			if (any && last_scale < 2)
				break;
			group += small;
			ordinal = last;
			at = next;
			any = true;
		}
		article = false;
		if (ordinal)
			break;
		while ((scale = scale_at(words, at, &ordinal)) != 0) {
			if (scale == 2) {
				if (!group || group > 99)
					goto end;
				group *= 100;
				last_scale = 2;
			} else {
				uint64_t power = 1;
				if (!group || scale >= (last_scale == 2 ? 99 : last_scale))
					goto end;
				for (unsigned k = 0; k < scale; k++)
					power *= 10;
				if (group > units_max / power)
					goto end;
				total += group * power;
				group = 0;
				last_scale = scale;
			}
			out->ones = false;
			any = true;
			at++;
			if (ordinal)
				goto end;
		}
		if (join && is(words, at, "and") && last_scale != 99) {
			/* "two hundred and fifty", but not "two hundred and three hundred" */
			bool unused;
			next = read_small(words, at + 1, &small, &unused);
			if (next == at + 1 || scale_at(words, next, &unused))
				break;
			at++;
		}
	}
end:
	if (!any)
		return i;
	if (total > units_max - group)
		return i;
	out->value = (struct decimal){.units = total + group};
	out->ordinal = ordinal;
	return at;
}

/* Words after which "one" stands for a thing, and "second" is a time. */
static bool is_after(const struct words *words, size_t i, const char *const *list)
{
	if (!i)
		return false;
	for (; *list; list++)
		if (is(words, i - 1, *list))
			return true;
	return false;
}

static bool is_pronoun_one(const struct words *words, size_t i)
{
	static const char *const before[] = {"which", "no", "the", "any", "each", "every", "some",
	        "that", "this", "another", "other", "what", NULL};
	return is(words, i, "one") && is_after(words, i, before);
}

static bool is_second_of_time(const struct words *words, size_t i)
{
	static const char *const before[] = {"per", "a", "each", "every", "one", NULL};
	return is(words, i, "second") &&
	       (is_after(words, i, before) || (i && words->words[i - 1].kind == WORD_NUMBER));
}

/* Is there another "and" with a number behind word i? Then "between" has its own. */
static bool and_follows(const struct words *words, size_t i)
{
	struct reading unused;
	for (; i + 1 < words->count; i++)
		if (is(words, i, "and"))
			return words->words[i + 1].kind == WORD_NUMBER ||
			       read_in_words(words, i + 1, false, &unused) > i + 1;
	return false;
}

/* "dozen", "a dozen", "half a dozen", "half a million" at word i. */
static size_t read_dozens(const struct words *words, size_t i, struct reading *out)
{
	size_t at = i;
	bool half = is(words, at, "half") && (is(words, at + 1, "a") || is(words, at + 1, "an"));
	bool article = is(words, at, "a") || is(words, at, "one"), unused;
	unsigned scale;
	at += half ? 2 : article;
	out->ordinal = out->ones = false;
	if (is(words, at, "dozen")) {
		out->value = (struct decimal){.units = half ? 6 : 12};
		return at + 1;
	}
	scale = scale_at(words, at, &unused);
	if (!half || !scale)
		return i;
	out->value = (struct decimal){.units = 5, .decimals = 1};
	return decimal_scale(&out->value, scale) ? at + 1 : i;
}

/* What multiplies a number that is read: "million", "and a half million", "dozen". */
static size_t read_scales(const struct words *words, size_t i, struct decimal *value)
{
	size_t at = i;
	unsigned scale;
	bool unused;
	if (is(words, at, "and") && is(words, at + 1, "a") && is(words, at + 2, "half")) {
		if (value->decimals || value->units > units_max / 10)
			return i;
		value->units = value->units * 10 + 5;
		value->decimals = 1;
		at += 3;
	}
	if (is(words, at, "dozen") && value->units <= units_max / 12) {
		value->units *= 12;
		return at + 1;
	}
	scale = scale_at(words, at, &unused);
	if (scale && !unused && decimal_scale(value, scale))
		at++;
	return at;
}

static bool is_one_of(const struct words *words, size_t i, const char *const *list)
{
	for (; *list; list++)
		if (is(words, i, *list))
			return true;
	return false;
}

static const char *const codes[] = {"usd", "eur", "gbp", "chf", "jpy", "cad", "aud", "inr", "cny",
        "sek", "nok", "dkk", "pln", "try", "us$", NULL};
static const char *const coins[] = {"dollar", "dollars", "euro", "euros", "usd", "eur", "gbp",
        "chf", "jpy", "cad", "aud", "inr", "cny", "sek", "nok", "dkk", "pln", "bucks", "yen",
        "francs", "rupees", "yuan", NULL};

static bool is_money_mark(const struct words *words, size_t i)
{
	utf8proc_int32_t c;
	size_t length;
	const struct word *word;
	if (i >= words->count || words->words[i].kind != WORD_MARK)
		return false;
	word = &words->words[i];
	c = letter_read(word->written, strlen(word->written), &length);
	return c == '$' || (c >= 0x80 && utf8proc_category(c) == UTF8PROC_CATEGORY_SC);
}

/* The unit behind a number; returns the word behind it. */
static size_t read_unit(const struct words *words, size_t i, enum word_unit *unit)
{
	size_t at = i;
	if (at < words->count && words->words[at].kind == WORD_MARK &&
	        !strcmp(words->words[at].text, "%")) {
		*unit = UNIT_PERCENT;
		return at + 1;
	}
	if (is(words, at, "percent") || is(words, at, "pct")) {
		*unit = UNIT_PERCENT;
		return at + 1;
	}
	if (is(words, at, "per") && is(words, at + 1, "cent")) {
		*unit = UNIT_PERCENT;
		return at + 2;
	}
	if (is_money_mark(words, at)) {
		*unit = UNIT_MONEY;
		return at + 1;
	}
	if (is(words, at, "us") && is_one_of(words, at + 1, coins))
		at++;
	if (is_one_of(words, at, coins)) {
		*unit = UNIT_MONEY;
		return at + 1;
	}
	return i;
}

/* A number at word i in figures or words; returns the word behind it, or i. */
static size_t read_number(
        const struct words *words, size_t i, struct word *out, struct decimal *value)
{
	static const char *const two_ends[] = {"between", NULL};
	size_t first = i, at;
	struct reading reading = {0};
	bool minus = false;
	enum word_unit unit = UNIT_NONE;
	if ((is(words, i, "minus") || is(words, i, "negative")) &&
	        (!i || words->words[i - 1].kind != WORD_NUMBER)) {
		minus = true;
		first++;
	}
	if (first + 1 < words->count && words->words[first + 1].kind == WORD_NUMBER &&
	        words->words[first + 1].unit == UNIT_NONE && is_one_of(words, first, codes)) {
		unit = UNIT_MONEY;
		first++;
	}
	if (first >= words->count)
		return i;
	if (words->words[first].kind == WORD_NUMBER) {
		const struct word *word = &words->words[first];
		if (!decimal_read(word->number + (*word->number == '-'),
		            strlen(word->number) - (*word->number == '-'), value))
			return i;
		value->minus = *word->number == '-';
		unit = unit ? unit : word->unit;
		at = first + 1;
	} else {
		bool join = !is_after(words, first, two_ends);
		if (is_pronoun_one(words, first) || is_second_of_time(words, first)) {
			bool unused;
			if (!scale_at(words, first + 1, &unused))
				return i;
		}
		at = read_dozens(words, first, &reading);
		if (at == first)
			at = read_in_words(words, first, true, &reading);
		if (at > first && !join && !and_follows(words, at))
			at = read_in_words(words, first, false, &reading);
		if (at == first)
			return i;
		*value = reading.value;
		if (reading.ordinal)
			unit = UNIT_ORDINAL;
	}
	if (unit != UNIT_ORDINAL) {
		at = read_scales(words, at, value);
		if (unit == UNIT_NONE)
			at = read_unit(words, at, &unit);
	}
	if (minus) {
		if (unit == UNIT_ORDINAL)
			return i;
		value->minus = true;
	}
	out->unit = unit;
	return at;
}

bool words_join_numbers(struct pool *pool, const char *text, struct words *words)
{
	size_t used = 0, next;
	for (size_t i = 0; i < words->count; i = next) {
		struct word word = words->words[i];
		struct decimal value;
		next = read_number(words, i, &word, &value);
		if (next == i)
			next = i + 1;
		else {
			word.end = words->words[next - 1].end;
			word.written = pool_copy(pool, text + word.start, word.end - word.start);
			word.text = words_fold(pool, text + word.start, word.end - word.start);
			if (!word.written || !word.text || !word_set_number(pool, &word, &value))
				return false;
		}
		words->words[used++] = word;
	}
	words->count = used;
	return true;
}
