/* words.h: the words of a question or of a name: folded, stemmed, numbers read. */
#ifndef OFFLINE_WORDS_H
#define OFFLINE_WORDS_H

#include "pool.h"

enum word_kind { WORD_PLAIN, WORD_NUMBER, WORD_QUOTED, WORD_MARK /* one character of punctuation */ };

/* What stands at a number. */
enum word_unit { UNIT_NONE, UNIT_PERCENT, UNIT_MONEY, UNIT_ORDINAL /* 3rd, third */ };

struct word {
	enum word_kind kind;
	enum word_unit unit;
	uint32_t start, end; /* bytes of the text that it was read from */
	const char *text;    /* folded: lower case, without accents; of a quoted one, without quotes */
	const char *stem;    /* English (Snowball) of `text`; of several words each, with one blank */
	const char *written; /* as it stands in the text, without quotes */
	const char *number;  /* WORD_NUMBER: as SQL writes it: "1500000", "1.5"; never an exponent */
	double value;        /* of `number` */
	bool capital;        /* begins with a capital, or holds a digit or capitals ("B2B") */
	bool glued;          /* no blank stands before it */
};

struct words {
	struct word *words;
	size_t count;
};

enum { WORDS_MAX = 200 /* of a question: what is longer is cut there, `cut` says so */ };

/* Reads `n` bytes of UTF-8 (bad bytes become blanks). "1,000", "1.5k", "3 million", "$12", "20%",
 * "a dozen", "third", "2nd", "twenty-five" become one WORD_NUMBER each; "one" too, but not "a".
 * 'x', "x", “x” become WORD_QUOTED, where an apostrophe inside a word is none ("don't" is the words
 * do, not; "singer's" the words singer, 's). A date in ISO form (2024-05-03) is one WORD_PLAIN.
 * A code stays one word (ACCT-211, A12, user@mail.org). false: no memory. */
bool words_read(struct pool *pool, const char *text, size_t n, struct words *out, bool *cut);

/* Folds: case, accents, quotes and dashes to ASCII; other characters stay. NULL: no memory. */
char *words_fold(struct pool *pool, const char *text, size_t n);
/* The stem of one folded word. The same stem for singular and plural, also irregular ones (people,
 * children, men, mice), and for the forms of a verb. NULL: no memory. */
const char *words_stem(struct pool *pool, const char *folded);
/* The stems of all words of a text, with one blank between: of a value, a quotation. Numbers in
 * several words stay as they are. */
const char *words_stems(struct pool *pool, const char *text, size_t n);
/* Splits an identifier into folded words: CustName, cust_name, CUST-NAME, custname2 (the last one is
 * "custname", "2"); runs of capitals are one word (customerID, GDPperCapita). */
bool words_split_name(struct pool *pool, const char *name, struct words *out);

#endif
