#include "numbers.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>

#include "numerals.h"

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool letter(char c)
{
	return (c >= 'a' && c <= 'z') || (unsigned char)c >= 0x80 || c == '_';
}

/* ---- a reader -------------------------------------------------------------------------------- */

struct reader {
	const char *s;
	size_t n, i;
	bool spaces;
	struct number *list;
	size_t count;
};

static char at(const struct reader *r, size_t i)
{
	return i < r->n ? r->s[i] : 0;
}

static size_t word_end(const struct reader *r, size_t i)
{
	while (letter(at(r, i)))
		i++;
	return i;
}

static size_t skip(const struct reader *r, size_t i)
{
	while (at(r, i) == ' ' || at(r, i) == NUMBERS_THIN)
		i++;
	return i;
}

static size_t digits(const struct reader *r, size_t i, int32_t *value)
{
	size_t n = 0;
	*value = 0;
	while (digit(at(r, i + n)) && n < 9)
		*value = *value * 10 + (at(r, i + n++) - '0');
	return digit(at(r, i + n)) ? 0 : n;
}

static const struct numeral *word_at(const struct reader *r, size_t i)
{
	return numeral_find(r->s + i, word_end(r, i) - i);
}

/* The lists of up to `back` words before i. */
static uint32_t before(const struct reader *r, size_t i, uint32_t back)
{
	uint32_t found = 0;
	while (back--) {
		size_t end;
		while (i && (r->s[i - 1] == ' ' || r->s[i - 1] == NUMBERS_THIN ||
		                    r->s[i - 1] == '-' || r->s[i - 1] == '$' || r->s[i - 1] == '('))
			i--;
		end = i;
		while (i && letter(r->s[i - 1]))
			i--;
		if (i == end)
			break;
		found |= numeral_find(r->s + i, end - i)->lists;
	}
	return found;
}

static enum number_about about(const struct reader *r, size_t i)
{
	size_t j = i;
	uint32_t found;
	while (j && (r->s[j - 1] == ' ' || r->s[j - 1] == '$'))
		j--;
	if (j && r->s[j - 1] == '~')
		return NUMBER_ABOUT;
	found = before(r, i, 2);
	return found & NUMERAL_UNDER   ? NUMBER_UNDER
	       : found & NUMERAL_ABOUT ? NUMBER_ABOUT
	       : found & NUMERAL_OVER  ? NUMBER_OVER
	                               : NUMBER_EXACT;
}

static void push(struct reader *r, struct number number, size_t end)
{
	size_t after = skip(r, end);
	number.at = r->i;
	number.n = end - r->i;
	number.followed = letter(at(r, after));
	number.top = (before(r, r->i, 1) & NUMERAL_TOP) != 0;
	if (number.kind != NUMBER_DATE && number.kind != NUMBER_TIME)
		number.about = about(r, r->i);
	if (r->count < NUMBERS_MAX)
		r->list[r->count] = number;
	r->count++;
	r->i = end;
}

int32_t numbers_month(const char *s, size_t n, size_t *length)
{
	struct reader r = {.s = s, .n = n};
	*length = word_end(&r, 0);
	return numeral_find(s, *length)->month;
}

static int32_t full_year(int32_t year, size_t n)
{
	return n == 2 ? (year < 70 ? 2000 : 1900) + year : year;
}

static bool year_at(const struct reader *r, size_t i, int32_t *year, size_t *end)
{
	int32_t value;
	size_t n = digits(r, i, &value);
	/* "2,024" and "2024.5" are no years. */
	if (n != 4 || value < 1000 || value > 2200 ||
	        (at(r, i + n) && strchr(".,", at(r, i + n)) && digit(at(r, i + n + 1))))
		return false;
	*year = value;
	*end = i + n;
	return true;
}

/* After a day and month: ", 2024" or " 2024". */
static size_t maybe_year(const struct reader *r, size_t i, int32_t *year)
{
	size_t j = skip(r, i), end;
	if (at(r, j) == ',' || at(r, j) == '.')
		j = skip(r, j + 1);
	if (word_at(r, j)->lists & NUMERAL_OF)
		j = skip(r, word_end(r, j));
	return year_at(r, j, year, &end) ? end : i;
}

static bool valid(int32_t month, int32_t day)
{
	return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

/* 2024-05-03, 2024-05, 3.5.2024, 05/03/2024, and what follows a day in words. */
static bool read_date(struct reader *r)
{
	struct number number = {.kind = NUMBER_DATE};
	int32_t a, b = 0, c = 0;
	size_t i = r->i, n = digits(r, i, &a), m, k, end, length;
	char mark = at(r, i + n);

	if (!n)
		return false;
	if (mark == '-' || mark == '/' || mark == '.') {
		m = digits(r, i + n + 1, &b);
		k = m && at(r, i + n + 1 + m) == mark ? digits(r, i + n + m + 2, &c) : 0;
		end = i + n + m + 2 + k;
		if (n == 4 && m && m <= 2 && k && k <= 2 && valid(b, c)) {
			number.year = a;
			number.month = b;
			number.day = c;
			/* An ISO instant: the time is read for itself. */
			if (at(r, end) == 't' && digit(at(r, end + 1)))
				end++;
			return push(r, number, end), true;
		}
		if (n <= 2 && m && m <= 2 && (k == 4 || k == 2) && mark != '-' &&
		        (valid(b, a) || (mark == '/' && valid(a, b)))) {
			number.year = full_year(c, k);
			number.month = valid(b, a) ? b : a;
			number.day = valid(b, a) ? a : b;
			number.swapped = mark == '/' && valid(b, a) && valid(a, b);
			return push(r, number, end), true;
		}
		if (n == 4 && m == 2 && !k && mark != '.' && b >= 1 && b <= 12 && a >= 1000 &&
		        a <= 2200) {
			number.year = a;
			number.month = b;
			return push(r, number, i + n + 1 + m), true;
		}
	}
	if (n > 2 || !valid(1, a))
		return false;
	end = i + n;
	if (word_at(r, end)->lists & NUMERAL_ENDING)
		end = word_end(r, end);
	else if (mark == '.')
		end++;
	m = skip(r, end);
	if (word_at(r, m)->lists & (NUMERAL_OF | NUMERAL_DE))
		m = skip(r, word_end(r, m));
	if (m > i + n && (number.month = numbers_month(r->s + m, r->n - m, &length))) {
		number.day = a;
		return push(r, number, maybe_year(r, m + length, &number.year)), true;
	}
	return false;
}

/* May 2024, May 3, May 3rd 2024, Q2 2024 */
static bool read_word_date(struct reader *r, size_t end, int32_t month)
{
	struct number number = {.kind = NUMBER_DATE, .month = month};
	size_t n, i = end, stop;
	int32_t day;

	if (end - r->i == 1 && r->s[r->i] == 'q' && at(r, end) >= '1' && at(r, end) <= '4' &&
	        !digit(at(r, end + 1)) && !letter(at(r, end + 1))) {
		number.quarter = at(r, end) - '0';
		i = at(r, end + 1) == '/' || at(r, end + 1) == '-' ? end + 2 : end + 1;
		stop = maybe_year(r, i, &number.year);
		push(r, number, number.year ? stop : end + 1);
		return true;
	}
	if (!month)
		return false;
	i = skip(r, end);
	if (at(r, i) == '.')
		i = skip(r, i + 1);
	if (i == end)
		return false;
	if (year_at(r, i, &number.year, &stop)) {
		push(r, number, stop);
		return true;
	}
	number.year = 0;
	n = digits(r, i, &day);
	if (!n || n > 2 || !valid(1, day) ||
	        (strchr(".,", at(r, i + n)) && at(r, i + n) && digit(at(r, i + n + 1))) ||
	        at(r, i + n) == '%' || at(r, i + n) == ':')
		return false;
	number.day = day;
	stop = i + n;
	if (word_at(r, stop)->lists & NUMERAL_ENDING)
		stop = word_end(r, stop);
	push(r, number, maybe_year(r, stop, &number.year));
	return true;
}

static bool read_time(struct reader *r)
{
	struct number number = {.kind = NUMBER_TIME};
	int32_t hour, minute = 0, second;
	size_t n = digits(r, r->i, &hour), end = r->i + n, word;
	bool clock = false;

	if (!n || n > 2 || hour > 24)
		return false;
	if (at(r, end) == ':' && digits(r, end + 1, &minute) == 2 && minute < 60) {
		end += 3;
		clock = true;
		if (at(r, end) == ':' && digits(r, end + 1, &second) == 2)
			end += 3;
		while (at(r, end) == '.' && digit(at(r, end + 1)))
			for (end++; digit(at(r, end));)
				end++;
	}
	word = skip(r, end);
	if (word_at(r, word)->lists & NUMERAL_NOON && hour <= 12) {
		hour = hour % 12 + (at(r, word) == 'p' ? 12 : 0);
		end = word_end(r, word);
		clock = true;
	}
	if (!clock)
		return false;
	number.minute = hour * 60 + minute;
	push(r, number, end);
	return true;
}

/* ---- digits ---------------------------------------------------------------------------------- */

/* What separates, e.g. "1.234.567,89": up to 16 marks with the digits after each. */
struct shape {
	char mark[16];
	uint32_t group[17];
	uint32_t marks;
};

static size_t read_shape(const struct reader *r, struct shape *shape)
{
	size_t i = r->i;
	*shape = (struct shape){.marks = 0};
	for (;;) {
		uint32_t n = 0;
		char c;
		while (digit(at(r, i + n)))
			n++;
		shape->group[shape->marks] = n;
		i += n;
		c = at(r, i);
		if (shape->marks == 16 || !digit(at(r, i + 1)))
			return i;
		if (c == ' ') {
			/* Only between groups, "12 345", and never after a decimal mark. */
			bool grouped = r->spaces && n <= 3 && (!shape->marks || n == 3) &&
			               digit(at(r, i + 2)) && digit(at(r, i + 3)) &&
			               !digit(at(r, i + 4));
			if (!grouped || (shape->marks && shape->mark[shape->marks - 1] != ' '))
				return i;
		} else if (!c || !strchr(".,'_\x01", c)) {
			return i;
		}
		shape->mark[shape->marks++] = c;
		i++;
	}
}

static bool grouped(const struct shape *shape, uint32_t marks)
{
	if (!marks || !shape->group[0] || shape->group[0] > 3 || shape->group[marks] != 3)
		return false;
	for (uint32_t g = 1; g < marks; g++)
		/* Groups of two are Indian. */
		if (shape->mark[g] != shape->mark[0] ||
		        !(shape->group[g] == 3 || (shape->group[g] == 2 && shape->mark[0] == ',')))
			return false;
	return true;
}

static void add_reading(
        struct number *number, const struct reader *r, size_t end, char decimal, uint32_t decimals)
{
	char text[64];
	size_t n = 0;
	for (size_t i = r->i; i < end && n + 1 < sizeof text; i++) {
		if (digit(r->s[i]))
			text[n++] = r->s[i];
		else if (decimal && r->s[i] == decimal && end - i - 1 == decimals)
			text[n++] = '.';
	}
	text[n] = 0;
	number->reading[number->readings] = strtod(text, NULL);
	number->unit[number->readings++] = pow(10, -(double)decimals);
}

static bool readings(
        struct number *number, const struct reader *r, size_t end, const struct shape *shape)
{
	uint32_t last = shape->marks ? shape->marks - 1 : 0;
	char mark = shape->marks ? shape->mark[last] : 0;
	bool decimal = mark == '.' || mark == ',';
	if (end - r->i > 60)
		return false;
	if (!shape->marks)
		return add_reading(number, r, end, 0, 0), true;
	if (grouped(shape, shape->marks) && !(shape->marks == 1 && r->s[r->i] == '0'))
		add_reading(number, r, end, 0, 0);
	if (decimal && shape->marks == 1)
		add_reading(number, r, end, mark, shape->group[1]);
	if (decimal && shape->marks > 1 && shape->mark[last - 1] != mark && grouped(shape, last))
		add_reading(number, r, end, mark, shape->group[shape->marks]);
	return number->readings > 0;
}

/* What follows the digits: %, k, million, times, rd. */
static size_t read_suffix(const struct reader *r, size_t end, struct number *number)
{
	double scale = 1;
	size_t i = end, next;
	for (int step = 0; step < 2; step++) {
		size_t word = skip(r, i);
		const struct numeral *unit;
		if (at(r, word) == '-')
			word++;
		next = word_end(r, word);
		unit = numeral_find(r->s + word, next - word);
		if (unit->scale > 1)
			scale *= unit->scale;
		else if (word == i && unit->attached > 1)
			scale *= unit->attached;
		else
			break;
		i = next;
	}
	for (uint32_t k = 0; k < number->readings; k++) {
		number->reading[k] *= scale;
		number->unit[k] *= scale;
	}
	number->round = number->readings ? number->unit[0] : 1;
	while (number->readings && number->unit[0] >= 1 && number->round < number->reading[0] &&
	        fmod(number->reading[0], number->round * 10) == 0)
		number->round *= 10;
	next = skip(r, i);
	if (at(r, next) == '-')
		next++;
	if (at(r, next) == '%' || word_at(r, next)->lists & NUMERAL_PERCENT) {
		number->kind = NUMBER_PERCENT;
		return at(r, next) == '%' ? next + 1 : word_end(r, next);
	}
	if (word_at(r, next)->lists & NUMERAL_FOLD) {
		number->kind = NUMBER_TIMES;
		return word_end(r, next);
	}
	if (scale == 1 && word_at(r, end)->lists & NUMERAL_ENDING) {
		number->kind = NUMBER_ORDINAL;
		return word_end(r, end);
	}
	return i;
}

static void read_digits(struct reader *r)
{
	struct number number = {.kind = NUMBER_PLAIN};
	struct shape shape;
	size_t end, start = r->i;
	bool inside;

	while (start && letter(r->s[start - 1]))
		start--;
	inside = start < r->i &&
	         !(numeral_find(r->s + start, r->i - start)->lists & NUMERAL_CURRENCY);
	if (!inside && (read_date(r) || read_time(r)))
		return;
	end = read_shape(r, &shape);
	for (uint32_t m = 0; m < shape.marks; m++)
		number.spaced |= shape.mark[m] == ' ';
	if (!inside && shape.marks && !readings(&number, r, end, &shape)) {
		/* A list without blanks, "1,2,3": one after the other. */
		if (shape.mark[0] == ',' && shape.group[0] < 10) {
			end = r->i + shape.group[0];
			shape.marks = 0;
			inside = !readings(&number, r, end, &shape);
		} else {
			inside = true;
		}
	} else if (!inside && !shape.marks) {
		inside = !readings(&number, r, end, &shape);
	}
	if (!inside && letter(at(r, end)) && digit(at(r, word_end(r, end))))
		inside = true;
	if (inside) {
		number.kind = NUMBER_NAME;
		r->i = start;
		while (letter(at(r, end)) || digit(at(r, end)))
			end++;
		push(r, number, end);
		return;
	}
	start = r->i;
	while (start && strchr("$ ", r->s[start - 1]) && r->s[start - 1] == '$')
		start--;
	number.negative = start && r->s[start - 1] == '-' &&
	                  (start == 1 || strchr(" (\n$:;|", r->s[start - 2]) != NULL);
	push(r, number, read_suffix(r, end, &number));
}

/* ---- words ----------------------------------------------------------------------------------- */

static void read_word(struct reader *r)
{
	size_t end = word_end(r, r->i), next;
	const struct numeral *word = numeral_find(r->s + r->i, end - r->i), *unit;
	uint32_t kind = word->kind;
	double value = word->value;
	struct number number;

	if ((word->month || r->s[r->i] == 'q') && read_word_date(r, end, word->month))
		return;
	if (kind == NUMERAL_CARDINAL && value >= 20 && value < 100) {
		next = at(r, end) == '-' || at(r, end) == ' ' ? end + 1 : end;
		unit = word_at(r, next);
		if (next > end && unit->value >= 1 && unit->value < 10) {
			value += unit->value;
			kind = unit->kind == NUMERAL_ORDINAL ? NUMERAL_ORDINAL : NUMERAL_CARDINAL;
			end = word_end(r, next);
		}
	}
	number = (struct number){.readings = 1, .reading = {value}, .unit = {1}, .round = 1};
	switch (kind) {
	case NUMERAL_CARDINAL:
		next = read_suffix(r, end, &number);
		/* "one of them" counts nothing. */
		if (value > 1 || number.reading[0] > 1 || number.kind != NUMBER_PLAIN) {
			push(r, number, next);
			return;
		}
		break;
	case NUMERAL_ORDINAL:
		if (value == 2 && before(r, r->i, 1) & NUMERAL_EACH)
			break;
		number.kind = NUMBER_ORDINAL;
		push(r, number, end);
		return;
	case NUMERAL_TIMES:
		number.kind = NUMBER_TIMES;
		number.unit[0] = 0.1;
		push(r, number, end);
		return;
	case NUMERAL_SHARE:
		next = skip(r, end);
		if (!(word_at(r, next)->lists & NUMERAL_WHOLE) ||
		        before(r, r->i, 1) & NUMERAL_WHICH)
			break;
		number.kind = NUMBER_PERCENT;
		number.unit[0] = 4;
		push(r, number, end);
		return;
	default:
		break;
	}
	r->i = end;
}

/* "1." or "2)" at the beginning of a line numbers a list. */
static bool skip_enumerator(struct reader *r)
{
	size_t i = r->i, n = 0;
	while (i && r->s[i - 1] == ' ')
		i--;
	if (i && r->s[i - 1] != '\n')
		return false;
	while (digit(at(r, r->i + n)))
		n++;
	if (n > 2 || !strchr(".)", at(r, r->i + n)) || at(r, r->i + n + 1) != ' ')
		return false;
	r->i += n + 1;
	return true;
}

size_t numbers_read(const char *s, size_t n, bool spaces, struct number list[NUMBERS_MAX])
{
	struct reader r = {.s = s, .n = n, .spaces = spaces, .list = list};
	while (r.i < n) {
		if (digit(s[r.i])) {
			if (!skip_enumerator(&r))
				read_digits(&r);
		} else if (letter(s[r.i])) {
			read_word(&r);
		} else {
			r.i++;
		}
	}
	return r.count;
}
