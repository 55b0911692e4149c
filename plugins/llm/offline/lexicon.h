/* lexicon.h: what words mean to each other: abbreviations, synonyms, adjectives that speak of a
 * column. Plain tables; none knows a database. All words are folded; look-ups are by stem. */
#ifndef OFFLINE_LEXICON_H
#define OFFLINE_LEXICON_H

#include <stddef.h>

/* The long form of a part of an identifier ("qty": "quantity", "fname": "first name"), or NULL. */
const char *lexicon_expand(const char *word);

/* Words of nearly the same meaning as this phrase of stems ("client" for "custom"),
 * NULL-terminated, stems, each maybe of several words; NULL: none. Common business vocabulary,
 * symmetric. */
const char *const *lexicon_synonyms(const char *stem);

/* The nouns that a verb (or "where", "when") speaks of ("live": city, address; "earn": salary),
 * stems, NULL-terminated; NULL: none. It names no result: "students who live in Oslo" asks for no
 * city, but says what Oslo is, and which of two ways between tables is meant. */
const char *const *lexicon_verb(const char *stem);

/* An adjective, its adverb or a verb that compares or picks by a column: "old", "older", "oldest",
 * "recently", "earns". */
struct lexicon_adjective {
	const char *word; /* "old": the base form, folded */
	const char *more; /* "older"; NULL: none */
	const char *most; /* "oldest"; NULL: none */
	int direction;    /* 1: more of the column; -1: less of it ("cheap", "young") */
	/* Stems of column words that it speaks of, best first, NULL at the end; behind '-' the
	 * direction turns round ("-birth date" of "old": the oldest has the least one). */
	const char *const *columns;
};
/* By any of its forms; *degree: 0 base ("old"; "recently"), 1 more, 2 most, 3 a verb ("earns",
 * "cost", "weighs", "lasted", "spent"). NULL: not one. */
const struct lexicon_adjective *lexicon_adjective(const char *folded, int *degree);

/* 1: a word of a question that carries no content ("the", "please", "show", "of"); 2: a verb that
 * says no more than that two things have to do with each other ("students who took courses",
 * "offered by", "associated with"), unless the schema knows it; 0: any other. */
int lexicon_is_filler(const char *folded);

#endif
