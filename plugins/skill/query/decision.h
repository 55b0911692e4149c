/* decision.h: what the model decided at the first stage, read from whatever it wrote. */
#ifndef QUERY_DECISION_H
#define QUERY_DECISION_H

#include <jansson.h>

#include "str.h"

enum decision_action {
	DECISION_SQL,
	DECISION_ANSWER,
	DECISION_CLARIFY,
	DECISION_EMAIL,
	DECISION_DECLINE
};

enum { DECISION_BYTES = 512 * 1024, DECISION_CHOICES = 20 };

struct decision {
	enum decision_action action;
	int32_t confidence_milli; /* 0 to 1000; -1: not said */
	struct str sql;           /* trimmed; empty: none */
	struct str answer;        /* the words of an answer, a question back, a refusal */
	struct str explanation;   /* empty: none */
	json_t *choices;          /* list of texts, never NULL after success */
	json_t *suggestions;      /* list of texts, never NULL after success */
	bool strict;              /* the reply was exactly the object that was asked for */
};

/* The JSON schema of the reply. */
extern const char decision_schema[];

/* Reads strict JSON, JSON in fences or amid words, bare or fenced SQL, and the shapes of older
 * prompts. 0; NOMEM; or PROTOCOL with *problem, a static sentence for the model that repairs it.
 * decision_finish after success. */
int32_t decision_parse(struct askd_text text, struct decision *decision, const char **problem);
void decision_finish(struct decision *decision);

#endif
