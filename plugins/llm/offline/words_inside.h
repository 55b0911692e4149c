/* words_inside.h: what the files of words.h share. */
#ifndef OFFLINE_WORDS_INSIDE_H
#define OFFLINE_WORDS_INSIDE_H

#include <libstemmer.h>
#include <utf8proc.h>

#include "words.h"

/* A number as it is read: units / 10^decimals. */
struct decimal {
	uint64_t units;
	uint32_t decimals;
	bool minus;
};

/* value * 10^by; false: too large, *value is untouched. */
bool decimal_scale(struct decimal *value, unsigned by);
/* Fills number and value of a word and makes it a WORD_NUMBER. */
bool word_set_number(struct pool *pool, struct word *word, const struct decimal *value);
/* Digits with thousands separators and decimals, no sign: "1,000.5". false: not such a number. */
bool decimal_read(const char *text, size_t n, struct decimal *out);
/* The power of ten that a suffix or a word says ("k": 3, "million": 6), 0: none. */
unsigned number_scale(const char *folded, bool glued);

/* Joins "3 million", "two hundred and fifty", "twenty-first", "20 %", "$ 12". */
bool words_join_numbers(struct pool *pool, const char *text, struct words *words);

struct word_form {
	const char *word, *base;
};
extern const struct word_form words_forms[];
extern const size_t words_form_count;
/* What is stemmed instead of a word; with '=' before it: its stem; NULL: nothing. */
const char *words_irregular(const char *folded);
/* Sets the stem of a word that is read. */
bool word_set_stem(struct pool *pool, struct sb_stemmer *stemmer, struct word *word);
/* The stem of a folded word without parts. */
const char *stem_with(struct pool *pool, struct sb_stemmer *stemmer, const char *folded, size_t n);

/* One character; *length bytes. A bad byte is a blank of length 1. */
utf8proc_int32_t letter_read(const char *s, size_t n, size_t *length);
bool letter_is_blank(utf8proc_int32_t c);
bool letter_is_word(utf8proc_int32_t c);

#endif
