/* words.h: the words of a question or of a name: folded, stemmed, numbers read. */
#ifndef OFFLINE_WORDS_H
#define OFFLINE_WORDS_H

#include "pool.h"

enum word_kind {
	WORD_PLAIN,
	WORD_NUMBER,
	WORD_QUOTED,
	WORD_MARK /* one character of punctuation */
};

/* What stands at a number. */
enum word_unit { UNIT_NONE, UNIT_PERCENT, UNIT_MONEY, UNIT_ORDINAL /* 3rd, third */ };

struct word {
	enum word_kind kind;
	enum word_unit unit;
	uint32_t start, end; /* bytes of the text that it was read from */
	const char *text; /* folded: lower case, without accents; of a quoted one, without quotes */
	const char *stem; /* English (Snowball) of `text`; of several words each, with one blank */
	const char *written; /* as it stands in the text, without quotes */
	const char *number; /* WORD_NUMBER: as SQL writes it: "1500000", "1.5"; never an exponent */
	double value;       /* of `number` */
	bool capital;       /* begins with a capital, or holds a digit or capitals ("B2B") */
	bool glued;         /* no blank stands before it */
};

struct words {
	struct word *words;
	size_t count;
};

enum { WORDS_MAX = 200 /* of a question: what is longer is cut there, `cut` says so */ };

/* Reads `n` bytes of UTF-8 (bad bytes become blanks). false: no memory.
 * - "1,000", "1.5k", "3 million", "$12", "20%", "a dozen", "third", "twenty-five", "one" become one
 *   WORD_NUMBER each, but neither "a" nor the "one" of "which one". The stem is that of the words
 *   ("first name" is found by stems). "between one hundred and fifty" has two numbers.
 * - 'x', "x", “x”, «x» become WORD_QUOTED; an unbalanced quote is a blank.
 * - An apostrophe is no quote inside a word: "don't" is do, not; "singer's" and "students'" are the
 *   noun and 's; "who's" is who, is; "o'brien" stays.
 * - Codes, dates and addresses stay one WORD_PLAIN: ACCT-211, A12, 2024-05-03, 3/5/2024, 10:30,
 *   user@mail.org. "2010-2012" is two numbers and a mark; "10-day" is 10, day.
 * - A word with a hyphen stays one, but its stem is that of its parts with a blank between, so that
 *   "part-time" meets "part time"; so do cust_name, CustName and address1. */
bool words_read(struct pool *pool, const char *text, size_t n, struct words *out, bool *cut);

/* Folds: case, accents, quotes and dashes to ASCII, one blank for several, none at the ends; other
 * characters stay. NULL: no memory. */
char *words_fold(struct pool *pool, const char *text, size_t n);
/* The stem of one folded word. The same stem for singular and plural, also irregular ones (people,
 * children, men, mice), and for the forms of a verb. NULL: no memory. */
const char *words_stem(struct pool *pool, const char *folded);
/* The stems of all words of a text, with one blank between: of a value, a quotation. Numbers in
 * several words stay as they are. */
const char *words_stems(struct pool *pool, const char *text, size_t n);
/* Splits an identifier into folded words: CustName, cust_name, CUST-NAME, custname2 (the last one
 * is "custname", "2"); runs of capitals are one word (customerID, GDPperCapita). */
bool words_split_name(struct pool *pool, const char *name, struct words *out);

#endif
