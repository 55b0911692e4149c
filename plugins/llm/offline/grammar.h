/* grammar.h: the tables of the grammar (grammar.c) and their compiled form (match.c). */
#ifndef OFFLINE_GRAMMAR_H
#define OFFLINE_GRAMMAR_H

#include "parse.h"

enum cue_class {
	CUE_COMPARE = 1, /* attribute: enum form_operator */
	CUE_OR_MORE,     /* behind a number: enum form_operator */
	CUE_AGGREGATE,   /* enum form_aggregate */
	CUE_EXTREME,     /* of a comparison: enum form_aggregate */
	CUE_MOST,        /* 1: the most, -1: the least */
	CUE_COMMON,      /* the same */
	CUE_DIRECTION,   /* 1: descending, -1: ascending */
	CUE_DISTINCT,
	CUE_BE,
	CUE_IS_NOT,
	CUE_ORDERED,
	CUE_EACH,
	CUE_HAVE,
	CUE_NOT,
	CUE_EXCEPT,
	CUE_LIKE,
	CUE_BEGINS,
	CUE_ENDS,
	CUE_MISSING,
	CUE_NUMBER_OF,
	CUE_COUNT,
	CUE_STAR,
	CUE_ABOUT,
	CUE_PERIOD /* enum form_period */
};

struct cue {
	enum cue_class class;
	int attribute;
	const char *words; /* folded */
};

struct rule {
	enum phrase_action action;
	int bonus; /* what the whole pattern is worth beyond its words */
	const char *pattern;
};

extern const struct cue grammar_cues[];
extern const struct rule grammar_rules[];
/* The name of each class in patterns, by enum cue_class; NULL at the end. */
extern const char *const grammar_classes[];

#endif
