/* query.h: what the files of the skill share about one turn. */
#ifndef QUERY_QUERY_H
#define QUERY_QUERY_H

#include <askd/web.h>

#include "decision.h"
#include "rows.h"
#include "say.h"

struct query_skill {
	const struct askd_host *host;
	const struct askd_turn_service *turn;
	const struct askd_llm_service *llm;
	const struct askd_query_service *query;
	const struct askd_i18n_service *i18n;
	const struct askd_web_service *web; /* NULL: none */
};

/* How the analysis ended when it ended without a decision that can be carried out. */
enum query_trouble {
	TROUBLE_NONE,
	TROUBLE_REPLY,     /* no reply of the model could be read */
	TROUBLE_REFUSED,   /* the gate refuses the statement */
	TROUBLE_STATEMENT, /* the database rejects the statement */
	TROUBLE_TIMEOUT,   /* the statement takes too long */
	TROUBLE_TOO_LARGE  /* the result is too large */
};

struct query_turn {
	const struct query_skill *skill;
	struct askd_call *call;
	const struct askd_turn *turn;
	struct voice voice;
	struct askd_text question; /* as understood: with what an earlier turn asked */
	const struct askd_catalogue *catalogue;

	struct decision decision; /* of the last reply; finished by query.c */
	bool decided;
	bool ran; /* rows are there */
	struct rows rows;
	struct askd_query_result result;
	enum query_trouble trouble;
	struct askd_error error;      /* of the last statement */
	struct askd_text explanation; /* the engine's, absent: none */
	int32_t confidence_milli;
	uint32_t repairs;

	/* of the answer */
	struct str text;
	struct str_list figures; /* of the sentences that were kept */
	struct str_list dropped; /* numbers for which sentences were dropped */
	struct askd_text note;   /* how the answer came about, where that is special */
};

/* analysis.c: question -> decision, and its rows where it is a statement. 0 also when that led
 * nowhere (`trouble`). */
int32_t query_analyse(struct query_turn *turn, struct askd_error *reterr);
/* answer.c: rows -> words in turn->text. Fails only with CANCELED and NOMEM. */
int32_t query_answer(struct query_turn *turn, struct askd_error *reterr);
/* Tells that a stage begins; a failure to tell is no failure. */
void query_stage(const struct query_turn *turn, const char *stage);

#endif
