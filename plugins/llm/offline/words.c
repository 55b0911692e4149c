/* words.c: a question or a name taken apart into words. */
#include <stdlib.h>
#include <string.h>

#include "words_inside.h"

enum {
	TEXT_MAX = 16384, /* bytes that are looked at: far more than WORDS_MAX words */
	QUOTED_MAX = 400  /* characters between two quotes */
};

struct letter {
	utf8proc_int32_t c;
	uint32_t at; /* byte */
};

struct scan {
	struct pool *pool;
	const char *text;
	struct letter *letters; /* one more at the end: a blank behind the text */
	size_t n;
	struct words *out;
	size_t room;
	bool quotes;        /* are read */
	bool behind_number; /* "10-" was read: what follows is parted at its hyphens */
	bool full, failed;
};

static utf8proc_int32_t at(const struct scan *scan, size_t i)
{
	return i < scan->n ? scan->letters[i].c : ' ';
}

static bool is_digit(utf8proc_int32_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(utf8proc_int32_t c)
{
	return letter_is_word(c) && !is_digit(c) && c != '_';
}

static bool is_capital(utf8proc_int32_t c)
{
	return (c >= 'A' && c <= 'Z') ||
	       (c >= 0x80 && utf8proc_category(c) == UTF8PROC_CATEGORY_LU);
}

static bool is_small(utf8proc_int32_t c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_apostrophe(utf8proc_int32_t c)
{
	return c == '\'' || c == 0x2019 || c == '`' || c == 0xb4 || c == 0x2018;
}

static bool is_hyphen(utf8proc_int32_t c)
{
	return c == '-' || c == 0x2010 || c == 0x2011;
}

static bool is_minus(utf8proc_int32_t c)
{
	return c == '-' || c == 0x2212;
}

static bool is_money(utf8proc_int32_t c)
{
	return c == '$' || (c >= 0x80 && utf8proc_category(c) == UTF8PROC_CATEGORY_SC);
}

/* 0: none; else the family whose members close each other. */
static int quote_family(utf8proc_int32_t c)
{
	switch (c) {
	case '"':
	case 0x201c:
	case 0x201d:
	case 0x201e:
	case 0x201f:
		return 1;
	case '\'':
	case '`':
	case 0x2018:
	case 0x2019:
	case 0x201a:
	case 0x201b:
		return 2;
	case 0xab:
	case 0xbb:
		return 3;
	case 0x2039:
	case 0x203a:
		return 4;
	default:
		return 0;
	}
}

/* The word of letters [first, end); `text`: instead of what is written. */
static struct word *add(
        struct scan *scan, enum word_kind kind, size_t first, size_t end, const char *text)
{
	struct words *out = scan->out;
	uint32_t start = scan->letters[first].at, stop = scan->letters[end].at;
	struct word *word, *grown;
	if (out->count >= WORDS_MAX) {
		scan->full = true;
		return NULL;
	}
	grown = pool_grow(scan->pool, out->words, out->count, &scan->room, sizeof *out->words);
	if (!grown)
		goto failed;
	out->words = grown;
	word = &out->words[out->count];
	*word = (struct word){.kind = kind, .start = start, .end = stop};
	word->written = pool_copy(scan->pool, scan->text + start, stop - start);
	word->text = text ? text : words_fold(scan->pool, scan->text + start, stop - start);
	if (!word->written || !word->text)
		goto failed;
	if (!*word->text)
		return NULL; /* nothing but invisible characters */
	for (size_t i = first; i < end; i++)
		word->capital |= is_capital(at(scan, i)) || is_digit(at(scan, i));
	word->glued = first > 0 && !letter_is_blank(at(scan, first - 1));
	out->count++;
	return word;
failed:
	scan->failed = true;
	return NULL;
}

/* The end of the quotation that begins at i, or 0; *first, *last: what is quoted. */
static size_t find_quoted(const struct scan *scan, size_t i, size_t *first, size_t *last)
{
	utf8proc_int32_t open = at(scan, i), before = i ? at(scan, i - 1) : ' ';
	int family = quote_family(open);
	size_t stop;
	bool twice;
	if (family == 2 ? letter_is_word(before) : is_digit(before))
		return 0;
	twice = at(scan, i + 1) == open;
	*first = i + 1 + twice;
	stop = *first + QUOTED_MAX < scan->n ? *first + QUOTED_MAX : scan->n;
	for (size_t j = *first; j < stop; j++) {
		if (quote_family(at(scan, j)) != family)
			continue;
		if (family == 2 && (letter_is_word(at(scan, j + 1)) || j == *first ||
		                           letter_is_blank(at(scan, j - 1))))
			continue;
		if (j == *first)
			return 0;
		*last = j;
		return j + 1 + (twice && quote_family(at(scan, j + 1)) == family);
	}
	return 0;
}

static size_t scan_quoted(struct scan *scan, size_t i)
{
	size_t first, last, end = scan->quotes ? find_quoted(scan, i, &first, &last) : 0;
	struct word *word;
	if (!end)
		return i + 1; /* an unbalanced one is a blank */
	while (first < last && letter_is_blank(at(scan, first)))
		first++;
	while (last > first && letter_is_blank(at(scan, last - 1)))
		last--;
	if (first == last)
		return end;
	word = add(scan, WORD_QUOTED, first, last, NULL);
	if (word) {
		word->start = scan->letters[i].at;
		word->end = scan->letters[end].at;
		word->glued = i > 0 && !letter_is_blank(at(scan, i - 1));
	}
	return end;
}

static bool letters_are(const struct scan *scan, size_t i, const char *s)
{
	for (; *s; i++, s++) {
		utf8proc_int32_t c = at(scan, i);
		if ((c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c) != *s)
			return false;
	}
	return true;
}

/* Letters from i on that an apostrophe may part from a word ("s", "re"); `n` of them. */
static const char *short_form(const struct scan *scan, size_t i, size_t *n)
{
	static const struct {
		const char *letters, *word;
	} forms[] = {{"s", "'s"}, {"re", "are"}, {"ve", "have"}, {"ll", "will"}, {"d", "would"},
	        {"m", "am"}};
	for (size_t k = 0; k < sizeof forms / sizeof *forms; k++) {
		*n = strlen(forms[k].letters);
		if (letters_are(scan, i, forms[k].letters) && !letter_is_word(at(scan, i + *n)))
			return forms[k].word;
	}
	return NULL;
}

static bool is_word_before_is(const struct scan *scan, size_t first, size_t end)
{
	static const char *const words[] = {"who", "what", "where", "when", "how", "that", "it",
	        "there", "here", "he", "she", "which", "why"};
	for (size_t k = 0; k < sizeof words / sizeof *words; k++)
		if (strlen(words[k]) == end - first && letters_are(scan, first, words[k]))
			return true;
	return false;
}

/* A word of letters [first, end) and an apostrophe at `end`. Returns where to go on, 0: the
 * apostrophe is a letter of the word ("o'brien"). */
static size_t scan_apostrophe(struct scan *scan, size_t first, size_t end)
{
	size_t n, digits = first;
	const char *form = short_form(scan, end + 1, &n);
	while (digits < end && is_digit(at(scan, digits)))
		digits++;
	if (form && *form == '\'' && digits == end) { /* the 90's */
		add(scan, WORD_PLAIN, first, end + 2,
		        pool_print(scan->pool, "%.*ss", (int)(end - first),
		                scan->text + scan->letters[first].at));
		return end + 2;
	}
	if (form) {
		if (*form == '\'' && is_word_before_is(scan, first, end))
			form = "is";
		add(scan, WORD_PLAIN, first, end, NULL);
		add(scan, WORD_PLAIN, end, end + 1 + n, form);
		return end + 1 + n;
	}
	if (letters_are(scan, end + 1, "t") && !letter_is_word(at(scan, end + 2)) && end > first &&
	        (at(scan, end - 1) | 32) == 'n' && end - first > 1) {
		size_t stem = end - 1;
		const char *base = NULL;
		if (end - first == 3 && letters_are(scan, first, "can"))
			stem = end;
		else if (end - first == 3 && letters_are(scan, first, "won"))
			base = "will";
		else if (end - first == 4 && letters_are(scan, first, "shan"))
			base = "shall";
		else if (end - first == 3 && letters_are(scan, first, "ain"))
			base = "is";
		add(scan, WORD_PLAIN, first, stem, base);
		add(scan, WORD_PLAIN, stem, end + 2, "not");
		return end + 2;
	}
	if (letter_is_word(at(scan, end + 1)))
		return 0;
	add(scan, WORD_PLAIN, first, end, NULL);
	if ((at(scan, end - 1) | 32) == 's')
		add(scan, WORD_PLAIN, end, end + 1, "'s");
	return end + 1;
}

static size_t scan_address(struct scan *scan, size_t i)
{
	size_t end = i;
	while (end < scan->n && !letter_is_blank(at(scan, end)) && !quote_family(at(scan, end)) &&
	        at(scan, end) != '<' && at(scan, end) != '>')
		end++;
	while (end > i && at(scan, end - 1) < 0x80 && strchr(".,;:!?)", (int)at(scan, end - 1)))
		end--;
	add(scan, WORD_PLAIN, i, end, NULL);
	return end;
}

/* Is the hyphen at j, behind the letters from `first` on, no more than a blank? "second-largest",
 * "best-selling", "top-10", "19-year-old". */
static bool hyphen_parts(const struct scan *scan, size_t first, size_t j)
{
	static const char *const words[] = {"first", "second", "third", "fourth", "fifth", "sixth",
	        "seventh", "eighth", "ninth", "tenth", "most", "least", "top", "bottom", "last",
	        "past", "next", "non", "worst"};
	if (scan->behind_number)
		return true;
	if (j - first >= 4 && letters_are(scan, j - 3, "est"))
		return true;
	for (size_t k = 0; k < sizeof words / sizeof *words; k++)
		if (strlen(words[k]) == j - first && letters_are(scan, first, words[k]))
			return true;
	return false;
}

/* Does the character at j, which is none of a word, join what stands before and behind it? */
static bool joins(const struct scan *scan, size_t first, size_t j)
{
	utf8proc_int32_t c = at(scan, j), before = at(scan, j - 1), next = at(scan, j + 1);
	size_t k;
	if (!letter_is_word(next))
		return false;
	if (is_hyphen(c))
		return !hyphen_parts(scan, first, j);
	if (c == '@' || c == '&')
		return true;
	if (c == ':')
		return is_digit(before) && is_digit(next);
	if (c == '/') {
		for (k = first; k < j; k++) /* 3/5/2024 */
			if (!is_digit(at(scan, k)) && at(scan, k) != '/')
				return false;
		return is_digit(next);
	}
	if (c != '.')
		return false;
	if (is_digit(next) || is_small(next))
		return true;
	for (k = j; k > first && letter_is_word(at(scan, k - 1)); k--)
		;
	return j - k == 1; /* U.S */
}

static size_t scan_word(struct scan *scan, size_t i)
{
	size_t j = i, next;
	if (letters_are(scan, i, "http://") || letters_are(scan, i, "https://") ||
	        letters_are(scan, i, "www."))
		return scan_address(scan, i);
	for (;;) {
		while (j < scan->n && letter_is_word(at(scan, j)))
			j++;
		if (is_apostrophe(at(scan, j)) && j < scan->n) {
			next = scan_apostrophe(scan, i, j);
			if (next)
				return next;
		} else if (j >= scan->n || !joins(scan, i, j))
			break;
		j++;
	}
	if (at(scan, j) == '.' && j - i >= 3 && at(scan, j - 2) == '.' && is_letter(at(scan, i)) &&
	        at(scan, i + 1) == '.')
		j++; /* the last dot of U.S. */
	else if (j - i == 1 && is_letter(at(scan, i)) && at(scan, j) == '+' &&
	         at(scan, j + 1) == '+')
		j += 2; /* C++ */
	else if (j - i == 1 && is_letter(at(scan, i)) && at(scan, j) == '#')
		j++;
	add(scan, WORD_PLAIN, i, j, NULL);
	/* The hyphen that parts is dropped. */
	if (is_hyphen(at(scan, j)) && letter_is_word(at(scan, j + 1)) && hyphen_parts(scan, i, j))
		return j + 1;
	scan->behind_number = false;
	return j;
}

/* Does a number end at j, so that what follows is another word? *stop: where that begins. */
static bool number_ends(const struct scan *scan, size_t first, size_t j, size_t *stop)
{
	static const char *const units[] = {"km", "kg", "cm", "mm", "lb", "lbs", "mph", "kmh", "mb",
	        "gb", "kb", "tb", "min", "mins", "hr", "hrs", "yr", "yrs", "ft", "oz", "kw", "kwh",
	        "usd", "eur", "gbp", "chf", "am", "pm", "sec", "secs", "ml", "mg", "px", "pts"};
	utf8proc_int32_t c = at(scan, j), next = at(scan, j + 1);
	size_t k = j, digits;
	*stop = j;
	if (is_letter(c)) {
		while (is_letter(at(scan, k)))
			k++;
		if (letter_is_word(at(scan, k)))
			return false;
		for (size_t i = 0; i < sizeof units / sizeof *units; i++)
			if (strlen(units[i]) == k - j && letters_are(scan, j, units[i]))
				return true;
		return false;
	}
	if (c == '_' || (c == '@' && letter_is_word(next)) || (c == '&' && letter_is_word(next)) ||
	        (is_apostrophe(c) && (next | 32) == 's' && !letter_is_word(at(scan, j + 2))))
		return false;
	if (c == '.' || c == ':')
		return !is_digit(next);
	if (c == '/') {
		for (k = j + 1; is_digit(at(scan, k)); k++)
			;
		return k == j + 1 || at(scan, k) != '/' || !is_digit(at(scan, k + 1));
	}
	if (!is_hyphen(c) || !letter_is_word(next))
		return true;
	if (is_small(next)) { /* 10-day, 19-year-old */
		for (k = j + 1; is_small(at(scan, k)); k++)
			;
		*stop = j + 1;
		return k - j > 3 && !is_digit(at(scan, k)) &&
		       !(is_hyphen(at(scan, k)) && is_digit(at(scan, k + 1)));
	}
	if (!is_digit(next) || at(scan, j + 1) == '0')
		return false;
	/* 2010-2012 is two numbers; 555-1234, 2024-05 and 1-2-3 are codes. */
	for (k = j + 1; is_digit(at(scan, k)); k++)
		;
	digits = k - j - 1;
	return digits >= j - first && digits <= 4 && !(j - first == 3 && digits == 4) &&
	       !is_hyphen(at(scan, k)) && !is_letter(at(scan, k)) && at(scan, first) != '0';
}

/* A number in digits at i, with sign and currency before it. 0: none. */
static size_t scan_number(struct scan *scan, size_t i)
{
	size_t first, j = i, stop, end;
	bool minus = false, money = false, ordinal = false, decimals = false;
	struct decimal value;
	struct word *word;
	char digits[64];
	size_t count = 0;
	unsigned scale = 0;
	if ((is_minus(at(scan, j)) || at(scan, j) == '+') &&
	        (i == 0 || !letter_is_word(at(scan, i - 1))))
		minus = is_minus(at(scan, j++));
	if (is_money(at(scan, j))) {
		if (at(scan, j + 1) == ' ' && j >= 2 && is_digit(at(scan, j - 2)))
			return 0; /* 12 $ 5 */
		money = true;
		j += 1 + (at(scan, j + 1) == ' ');
	}
	first = j;
	while (count < sizeof digits - 1) {
		utf8proc_int32_t c = at(scan, j);
		if (c == ',' && !decimals && is_digit(at(scan, j + 1)) &&
		        is_digit(at(scan, j + 2)) && is_digit(at(scan, j + 3)) &&
		        !is_digit(at(scan, j + 4)) && j > first)
			;
		else if (c == '.' && !decimals && is_digit(at(scan, j + 1)))
			decimals = true;
		else if (!is_digit(c))
			break;
		digits[count++] = (char)c;
		j++;
	}
	if (!count || is_digit(at(scan, j)) || !decimal_read(digits, count, &value))
		return 0;
	end = j;
	if (is_letter(at(scan, j))) {
		char suffix[4] = "";
		size_t n = 0;
		while (n < 3 && is_letter(at(scan, j + n)) && at(scan, j + n) < 0x80) {
			suffix[n] = (char)(at(scan, j + n) | 32);
			n++;
		}
		if (!letter_is_word(at(scan, j + n))) {
			scale = number_scale(suffix, true);
			ordinal = !decimals &&
			          (!strcmp(suffix, "st") || !strcmp(suffix, "nd") ||
			                  !strcmp(suffix, "rd") || !strcmp(suffix, "th"));
			if (scale || ordinal)
				end = j += n;
		}
	}
	stop = j;
	if (!memchr(digits, ',', count) && !number_ends(scan, first, j, &stop))
		return 0;
	scan->behind_number = stop > j;
	if (scale && !decimal_scale(&value, scale))
		return 0;
	value.minus = minus;
	word = add(scan, WORD_NUMBER, i, end, NULL);
	if (word) {
		word->unit = money ? UNIT_MONEY : ordinal ? UNIT_ORDINAL : UNIT_NONE;
		if (!word_set_number(scan->pool, word, &value))
			scan->failed = true;
	}
	return stop;
}

static size_t scan_one(struct scan *scan, size_t i)
{
	utf8proc_int32_t c = at(scan, i), next = at(scan, i + 1);
	size_t end = 0;
	if (letter_is_blank(c))
		return i + 1;
	if (quote_family(c))
		return scan_quoted(scan, i);
	if (is_digit(c) || (c == '.' && is_digit(next)) || is_money(c) ||
	        ((is_minus(c) || c == '+') && (is_digit(next) || is_money(next) ||
	                                              (next == '.' && is_digit(at(scan, i + 2))))))
		end = scan_number(scan, i);
	if (end)
		return end;
	if (letter_is_word(c))
		return scan_word(scan, i);
	add(scan, WORD_MARK, i, i + 1, NULL);
	return i + 1;
}

static bool set_stems(struct scan *scan, struct sb_stemmer *stemmer)
{
	for (size_t i = 0; i < scan->out->count; i++) {
		struct word *word = &scan->out->words[i];
		if (word->kind == WORD_QUOTED) {
			word->stem = words_stems(scan->pool, word->written, strlen(word->written));
			if (!word->stem)
				return false;
		} else if (!word_set_stem(scan->pool, stemmer, word))
			return false;
	}
	return true;
}

/* Without `quotes`, quotes are blanks; without `join`, numbers in several words stay so. */
static bool read_words(struct pool *pool, const char *text, size_t n, bool quotes, bool join,
        struct words *out, bool *cut)
{
	size_t bytes = n < TEXT_MAX ? n : TEXT_MAX, length;
	struct scan scan = {.pool = pool, .text = text, .out = out, .quotes = quotes};
	struct sb_stemmer *stemmer = NULL;
	bool ok = false;
	*out = (struct words){0};
	while (bytes < n && bytes > TEXT_MAX - 4 && ((unsigned char)text[bytes] & 0xc0) == 0x80)
		bytes--;
	scan.letters = malloc((bytes + 1) * sizeof *scan.letters);
	stemmer = sb_stemmer_new("english", NULL);
	if (!scan.letters || !stemmer)
		goto out;
	for (size_t i = 0; i < bytes; i += length) {
		scan.letters[scan.n].at = (uint32_t)i;
		scan.letters[scan.n++].c = letter_read(text + i, bytes - i, &length);
	}
	scan.letters[scan.n] = (struct letter){' ', (uint32_t)bytes};
	for (size_t i = 0; i < scan.n && !scan.full && !scan.failed;)
		i = scan_one(&scan, i);
	ok = !scan.failed && (!join || words_join_numbers(pool, text, out)) &&
	     set_stems(&scan, stemmer);
	if (cut)
		*cut = scan.full || bytes < n;
out:
	if (!ok)
		pool->failed = true;
	sb_stemmer_delete(stemmer);
	free(scan.letters);
	return ok;
}

bool words_read(struct pool *pool, const char *text, size_t n, struct words *out, bool *cut)
{
	return read_words(pool, text, n, true, true, out, cut);
}

const char *words_stems(struct pool *pool, const char *text, size_t n)
{
	struct pool own = {0};
	struct words words;
	size_t used = 0;
	char *all = NULL;
	if (!read_words(&own, text, n, false, false, &words, NULL)) {
		pool->failed = true;
		goto out;
	}
	for (size_t i = 0; i < words.count; i++)
		if (words.words[i].kind != WORD_MARK)
			used += strlen(words.words[i].stem) + 1;
	all = pool_alloc(pool, used + 1);
	if (!all)
		goto out;
	used = 0;
	for (size_t i = 0; i < words.count; i++)
		if (words.words[i].kind != WORD_MARK) {
			size_t length = strlen(words.words[i].stem);
			if (used)
				all[used++] = ' ';
			memcpy(all + used, words.words[i].stem, length);
			used += length;
		}
out:
	pool_finish(&own);
	return all;
}
