/* parse.h: from words to readings: the lattice of what spans may name, the phrases of the grammar
 * over it, and the best ways to cover a question with them. */
#ifndef OFFLINE_PARSE_H
#define OFFLINE_PARSE_H

#include "engine.h"
#include "form.h"
#include "lexicon.h"
#include "when.h"
#include "words.h"

/* ---- links ------------------------------------------------------------------------------------
 */

enum link_kind { LINK_TABLE = 1, LINK_COLUMN = 2, LINK_VALUE = 4 };

struct link_reading {
	enum link_kind kind;
	uint32_t index;   /* of the table or column */
	uint32_t weight;  /* up to 1000 */
	const char *text; /* LINK_VALUE: as stored */
};

/* Words that may name something, with all that they may name. */
struct link_span {
	size_t first, count;
	size_t joints;  /* how many of the words are "of", "the" and their like */
	uint32_t kinds; /* LINK_* that are among the readings */
	struct link_reading *readings;
	size_t reading_count;
	struct link_span *next; /* that begins at the same word, shorter */
};

struct lattice {
	const struct schema *schema;
	struct words words;
	struct joins *joins;
	uint8_t *spoken; /* by column: does a word speak of it? 0: not yet known, 1: no, 2: yes */
	struct link_span **at; /* by first word: the longest first */
	struct when **when;    /* by first word; NULL: no time begins there */
};

bool link_words(struct pool *pool, const struct schema *schema,
        const struct engine_question *question, struct lattice *lattice);
/* The best weight of the readings of a kind; 0: none. */
uint32_t link_weight(const struct link_span *span, uint32_t kinds);

/* ---- the grammar ------------------------------------------------------------------------------
 */

enum phrase_action {
	ACT_MENTION,         /* {X} */
	ACT_VALUE,           /* {V}: a value by itself */
	ACT_STAR,            /* all about {T} */
	ACT_COUNT,           /* how many {X} */
	ACT_COUNT_ALL,       /* how many, of what is asked about */
	ACT_AGGREGATE,       /* average {C} */
	ACT_AGGREGATE_TOO,   /* "minimum," before "and maximum {C}" */
	ACT_DISTINCT,        /* different */
	ACT_GROUP,           /* for each {X} */
	ACT_COMPARE,         /* {C} above {N} */
	ACT_COMPARE_OF,      /* more than {N} {X}: a comparison or a count */
	ACT_COMPARE_BARE,    /* above {N} */
	ACT_COMPARE_ADJ,     /* older than {N} */
	ACT_COMPARE_EXTREME, /* older than the average, above the highest {C} */
	ACT_BETWEEN,         /* {C} between {N} and {N} */
	ACT_IS,              /* {C} is {V} or {N} or {Q} */
	ACT_IS_TOO,          /* or {N}: of the same column as before */
	ACT_LIKE,            /* {C} contains {Q} */
	ACT_NULL,            /* {C} is missing */
	ACT_NOT_NULL,        /* has a {C} */
	ACT_SUPER,           /* with the highest {C} */
	ACT_SUPER_ADJ,       /* the oldest */
	ACT_SUPER_COUNT,     /* with the most {X} */
	ACT_COMMON,          /* most common {X} */
	ACT_ORDER,           /* sorted by {X} */
	ACT_ORDER_COUNT,     /* sorted by the number of {X} */
	ACT_ORDER_ADJ,       /* newest first */
	ACT_ORDER_SELF,      /* in alphabetical order */
	ACT_DIRECTION,       /* descending */
	ACT_LATEST,          /* most recently */
	ACT_SOME,            /* {N} {T}: so many of them, where an order says which */
	ACT_TOP,             /* the first {N} */
	ACT_TIMES,           /* more than once */
	ACT_NOT,             /* not, without, never */
	ACT_BOTH,
	ACT_OR,
	ACT_EXCEPT,       /* but not */
	ACT_WHEN,         /* in 2024 */
	ACT_PERIOD,       /* for each month */
	ACT_SUM,          /* how much */
	ACT_AGGREGATE_OF, /* total {T}: of its main figure */
	ACT_CODE,         /* {T} {K}: a code that no index holds */
	ACT_TOP_BY,       /* top {N} {T} by {C} */
	ACT_MOST,         /* the most, behind a figure or a table */
	ACT_ASK_WHERE,    /* where is */
	ACT_ASK_WHEN      /* when was */
};

enum { PHRASE_SLOTS = 3 };

/* A phrase of the grammar found in the question. */
struct phrase {
	enum phrase_action action;
	size_t first, count; /* words */
	int32_t score;
	const struct link_span *spans[PHRASE_SLOTS]; /* {X} {C} {T} {V}, in order */
	size_t span_count;
	size_t numbers[2]; /* words of {N} and {Q} */
	size_t number_count;
	int32_t operator;  /* enum form_operator; -1: none */
	int32_t aggregate; /* enum form_aggregate; 0: none */
	int32_t direction; /* 1: descending or more, -1: ascending or less, 0: none said */
	uint8_t period;    /* enum form_period */
	uint8_t like;      /* ACT_LIKE: 0 anywhere, 1 at the beginning, 2 at the end */
	bool distinct, negated;
	const struct lexicon_adjective *adjective;
	const struct when *when;
};

/* What every phrase of the grammar found, and the best covers of the question with them. */
struct cover {
	const struct phrase **phrases; /* in the order of the words */
	size_t count;
	int32_t score;
	size_t missed;  /* words of content that no phrase explains */
	size_t content; /* words of content in all */
};

enum { COVERS = 6 };

/* The best covers, the best first. 0 and pool->failed: no memory. */
size_t cover_find(struct pool *pool, const struct lattice *lattice, struct cover covers[COVERS]);
/* Is the word one that the grammar knows, or of no content? */
bool grammar_knows(const struct word *word);
/* All phrases of the grammar that the question holds, by first word; *count. NULL: no memory. */
struct phrase *grammar_match(struct pool *pool, const struct lattice *lattice, size_t *count);

/* ---- from phrases to a form -------------------------------------------------------------------
 */

/* What the confidence in a candidate is made of (confidence.c says what each is). */
enum { FEATURES = 40 };

struct candidate {
	const struct form_query *form; /* NULL: nothing came of it */
	const struct cover *cover;
	const char *sql;
	struct form_cost cost;
	int32_t score;
	uint32_t weakest; /* the lowest weight of a link that it rests on */
	uint32_t guesses; /* what nobody said: a column of a bare number, the table of a count, ...
	                   */
	uint32_t unused;  /* phrases that have no part in the form */
	uint32_t ambiguous; /* words with a second reading nearly as good */
	size_t choice;      /* which of them has its second */
	float features[FEATURES];
};

/* Makes a form of a cover. `choice`: 0 takes the best reading of each word; n the second best of
 * the n-th ambiguous one. false: there are fewer than n, or no memory (pool->failed). */
bool assemble(struct pool *pool, const struct lattice *lattice, const struct cover *cover,
        size_t choice, struct candidate *out);

/* Fills the features of all candidates of a question and their scores, by which they are ranked. */
void confidence_rank(const struct lattice *lattice, const struct cover *covers,
        struct candidate *candidates, size_t count);
/* How sure the engine is of a candidate, 0 to 1000. `rival`: the best other candidate with another
 * statement, or NULL. */
int32_t confidence_of(const struct candidate *candidate, const struct candidate *rival);

/* The best candidate, or one of nearly its score that finds rows where it finds none. `source`:
 * NULL asks nothing. */
const struct candidate *probe(const struct source *source, const struct candidate *candidates,
        size_t count, const struct candidate *best);

/* Fills the suggestions of a reply that declines. Without memory there are fewer (pool->failed). */
void suggest(struct pool *pool, const struct lattice *lattice,
        const struct engine_question *question, struct engine_reply *reply);
/* As engine_answer(), without suggestions. */
int32_t engine_read(const struct schema *schema, struct pool *pool,
        const struct engine_question *question, struct engine_reply *reply,
        struct askd_error *reterr);

#endif
