/* numerals.h: the words that numbers are made of, in one table with all that each can mean. */
#ifndef QUERY_NUMERALS_H
#define QUERY_NUMERALS_H

#include <stddef.h>
#include <stdint.h>

enum numeral_kind {
	NUMERAL_NONE,
	NUMERAL_CARDINAL,
	NUMERAL_ORDINAL,
	NUMERAL_TIMES, /* "twice" */
	NUMERAL_SHARE  /* "half": value is the percentage */
};

/* What a word does beside numbers. Bits. */
enum {
	NUMERAL_ABOUT = 1,           /* "about 5" */
	NUMERAL_OVER = 2,            /* "more than 5" */
	NUMERAL_UNDER = 4,           /* "almost 5" */
	NUMERAL_TOP = 8,             /* "top 5" */
	NUMERAL_PERCENT = 16,        /* "5 percent" */
	NUMERAL_FOLD = 32,           /* "5 times" */
	NUMERAL_CURRENCY = 64,       /* "eur5" */
	NUMERAL_WHOLE = 128,         /* "half of": what a share is of */
	NUMERAL_WHICH = 256,         /* "the first half" is no share */
	NUMERAL_ENDING = 512,        /* "3rd" */
	NUMERAL_OF = 1024,           /* "3rd of May" */
	NUMERAL_DE = 2048,           /* "3 de mayo" */
	NUMERAL_NOON = 4096,         /* "3 pm" */
	NUMERAL_EACH = 8192,         /* "per second" */
	NUMERAL_ABBREVIATION = 16384 /* a dot behind it ends no sentence */
};

struct numeral {
	const char *s;   /* not followed by a 0; NULL: the word is not in the table */
	double value;    /* with kind */
	double scale;    /* 1000 for "thousand" and "tsd"; 0: no scale */
	double attached; /* the same for "k", a scale directly behind digits only */
	uint16_t lists;  /* NUMERAL_ABOUT ... */
	uint8_t n;
	uint8_t month; /* 1 to 12; 0: none */
	uint8_t kind;  /* enum numeral_kind */
};

/* The word of n bytes, in lower case. Never NULL: a word that means nothing here is all 0. [any] */
const struct numeral *numeral_find(const char *s, size_t n);

#endif
