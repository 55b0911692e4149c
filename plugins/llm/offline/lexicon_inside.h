/* lexicon_inside.h: the tables of the lexicon, in plain words; lexicon.c stems them. */
#ifndef OFFLINE_LEXICON_INSIDE_H
#define OFFLINE_LEXICON_INSIDE_H

#include "lexicon.h"

/* Words that can stand for one another, parted by '|'; NULL at the end. */
extern const char *const lexicon_groups[];
/* "live:address|city": a verb and its nouns; NULL at the end. */
extern const char *const lexicon_verbs[];

/* `columns`: "age|-birth date"; `also`: adverbs of an adjective ("recently"), all forms of a verb,
 * parted by '|', or NULL. The end has no word. */
struct lexicon_adjective_entry {
	const char *word, *more, *most, *also;
	int direction;
	const char *columns;
};
extern const struct lexicon_adjective_entry lexicon_adjectives[], lexicon_measuring_verbs[];

struct lexicon_abbreviation {
	const char *word, *words;
};
/* Sorted. */
extern const struct lexicon_abbreviation lexicon_abbreviations[];
extern const size_t lexicon_abbreviation_count;
/* Sorted. */
extern const char *const lexicon_fillers[];
extern const size_t lexicon_filler_count;
extern const char *const lexicon_weak_verbs[];
extern const size_t lexicon_weak_verb_count;

#endif
