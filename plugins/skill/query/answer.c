#include <ctype.h>
#include <stdlib.h>

#include "facts.h"
#include "figures.h"
#include "phrase.h"
#include "query.h"
#include "sentences.h"

/* A text that grows while the model writes; only checked sentences pass. */
struct draft {
	struct query_turn *turn;
	struct figures *figures;
	struct str pending, said, culprit;
	struct str_list found, dropped;
	bool live; /* sentences are sent on as they are finished */
	int32_t rc;
};

/* A picture or link that a model writes can carry data away: the reader's program fetches it. */
static bool carries_link(struct askd_text sentence)
{
	return memmem(sentence.s, sentence.n, "](", 2) || memmem(sentence.s, sentence.n, "][", 2) ||
	       memmem(sentence.s, sentence.n, "<http", 5) ||
	       memmem(sentence.s, sentence.n, "<img", 4);
}

/* `text` is a piece of a longer one: what crosses ends in a 0. */
static void send(const struct draft *draft, uint32_t kind, struct askd_text text)
{
	const struct query_skill *skill = draft->turn->skill;
	ASKD_MAKE(struct askd_progress, progress, .kind = kind, .stage = ASKD_LITERAL("answer"),
	        .text = askd_copy(draft->turn->call, text.s, text.n));
	(void)skill->turn->progress(skill->host, draft->turn->call, &progress, NULL, NULL);
}

static int32_t drop(struct draft *draft, struct askd_text sentence)
{
	const char *why = draft->culprit.n ? draft->culprit.s : "link";
	if (draft->dropped.count < 50)
		str_json(str_list_next(&draft->dropped), why, strlen(why));
	/* The line ends where it ended. */
	if (sentence.s[sentence.n - 1] == '\n' && draft->said.n &&
	        draft->said.s[draft->said.n - 1] != '\n')
		str_puts(&draft->said, "\n");
	return draft->dropped.text.failed ? ASKD_E_NOMEM : ASKD_OK;
}

/* What may be said of the rows: worked out when the first sentence is there, for while the model
 * thinks it would only lie about. */
static int32_t know_figures(const struct draft *draft)
{
	const struct query_turn *turn = draft->turn;
	if (draft->figures->rows)
		return draft->figures->failed ? ASKD_E_NOMEM : ASKD_OK;
	return figures_init(draft->figures, &turn->rows, turn->question,
	        (struct askd_text){turn->decision.sql.s, turn->decision.sql.n}, turn->turn->now_us);
}

static int32_t take_sentence(struct draft *draft, struct askd_text sentence)
{
	int32_t rc = know_figures(draft);
	if (rc)
		return rc;
	str_clear(&draft->culprit);
	rc = carries_link(sentence)
	             ? 0
	             : figures_check(draft->figures, sentence, &draft->found, &draft->culprit);
	if (rc < 0)
		return rc;
	if (!rc)
		return drop(draft, sentence);
	str_text(&draft->said, sentence);
	if (draft->live)
		send(draft, ASKD_PROGRESS_APPEND, sentence);
	return draft->said.failed ? ASKD_E_NOMEM : ASKD_OK;
}

static int32_t take_finished(struct draft *draft, bool last)
{
	size_t at = 0, n;
	int32_t rc = draft->pending.failed ? ASKD_E_NOMEM : ASKD_OK;
	while (!rc && at < draft->pending.n &&
	        (n = sentence_length(draft->pending.s + at, draft->pending.n - at, last))) {
		rc = take_sentence(draft, (struct askd_text){draft->pending.s + at, n});
		at += n;
	}
	if (at) {
		memmove(draft->pending.s, draft->pending.s + at, draft->pending.n - at + 1);
		draft->pending.n -= at;
	}
	return rc;
}

static int32_t draft_put(const struct askd_llm_chunk_sink *sink, const struct askd_llm_chunk *chunk)
{
	struct draft *draft = sink->owner;
	if (askd_canceled(draft->turn->call))
		return ASKD_E_CANCELED;
	str_text(&draft->pending, chunk->text);
	draft->rc = take_finished(draft, false);
	return draft->rc;
}

static void draft_finish(struct draft *draft)
{
	str_finish(&draft->pending);
	str_finish(&draft->said);
	str_finish(&draft->culprit);
	str_finish(&draft->found.text);
	str_finish(&draft->dropped.text);
}

static bool says_something(const struct str *text)
{
	for (size_t i = 0; i < text->n; i++)
		if (isalnum((unsigned char)text->s[i]) || (unsigned char)text->s[i] >= 0x80)
			return true;
	return false;
}

/* The whole reply, sentence by sentence, into turn->text; `streamed` is what went out already. */
static int32_t settle(struct query_turn *turn, struct figures *figures, struct draft *streamed,
        const struct askd_llm_reply *reply)
{
	struct draft draft = {.turn = turn, .figures = figures};
	bool cut = reply->finish == ASKD_FINISH_LENGTH;
	int32_t rc;
	str_text(&draft.pending, reply->text);
	rc = take_finished(&draft, false);
	/* A reply that was cut off ends in half a sentence. */
	if (!rc && (!cut || !draft.said.n))
		rc = take_finished(&draft, true);
	if (rc)
		goto out;
	str_list_extend(&turn->dropped, &draft.dropped);
	/* "Here are the totals:" without a single one of them is no answer. */
	if (says_something(&draft.said) && (!draft.dropped.count || draft.found.count)) {
		struct askd_text text = str_trim((struct askd_text){draft.said.s, draft.said.n});
		str_text(&turn->text, text);
		str_list_extend(&turn->figures, &draft.found);
		if (draft.said.n != streamed->said.n ||
		        memcmp(draft.said.s, streamed->said.s, draft.said.n) != 0)
			send(&draft, ASKD_PROGRESS_REPLACE, text);
	}
	rc = turn->text.failed ? ASKD_E_NOMEM : ASKD_OK;
out:
	draft_finish(&draft);
	return rc;
}

static int32_t ask_model(struct query_turn *turn, struct askd_text facts, struct draft *streamed,
        struct askd_llm_reply *reply, struct askd_error *err)
{
	const struct query_skill *skill = turn->skill;
	struct askd_llm_chunk_sink sink = {
	        .size = sizeof sink, .owner = streamed, .put = draft_put};
	ASKD_MAKE(struct askd_task, task, .now_us = turn->turn->now_us,
	        .kind = ASKD_LITERAL("answer"), .question = turn->question,
	        .language = turn->turn->language, .zone = turn->turn->zone,
	        .sql = {turn->decision.sql.s, turn->decision.sql.n}, .facts = facts,
	        .columns = turn->rows.columns, .rows = &turn->rows.batch);
	ASKD_MAKE(struct askd_llm_request, request, .temperature_milli = -1,
	        .model = ASKD_LITERAL("answer"), .task = &task, .stream = &sink);
	return skill->llm->complete(skill->host, turn->call, &request, reply, err);
}

int32_t query_answer(struct query_turn *turn, struct askd_error *reterr)
{
	struct askd_error err = {.code = 0};
	struct figures figures = {.rows = NULL}; /* made when they are needed */
	struct draft streamed = {.turn = turn, .figures = &figures, .live = true};
	struct str facts = {0};
	ASKD_MAKE(struct askd_llm_reply, reply, .confidence_milli = -1);
	int32_t rc;

	query_stage(turn, "answer");
	rc = facts_write(&turn->rows, &facts);
	if (rc)
		goto out;
	rc = ask_model(turn, (struct askd_text){facts.s, facts.n}, &streamed, &reply, &err);
	if (streamed.rc) /* our own sink stopped it */
		rc = streamed.rc;
	if (rc == ASKD_E_CANCELED || rc == ASKD_E_NOMEM || askd_canceled(turn->call)) {
		rc = rc ? rc : ASKD_E_CANCELED;
		goto out;
	}
	if (!rc) {
		rc = settle(turn, &figures, &streamed, &reply);
		if (rc)
			goto out;
		/* An engine without words of its own leaves them to us. */
		if (!turn->text.n && str_trim(reply.text).n)
			turn->note = say(&turn->voice,
			        "The model's words did not agree with the figures, so the rows "
			        "speak for themselves.",
			        NULL);
	} else if (rc != ASKD_E_REFUSED) {
		/* The rows are there: a question is not lost because nobody words it. */
		turn->note = say(&turn->voice,
		        "The model did not answer, so the rows speak for themselves.", NULL);
	}
	rc = ASKD_OK;
	if (!turn->text.n)
		rc = phrase_rows(&turn->voice, &turn->rows, turn->question,
		        (struct askd_text){turn->decision.sql.s, turn->decision.sql.n},
		        &turn->text);
	if (!rc && streamed.said.n && !reply.text.s)
		send(&streamed, ASKD_PROGRESS_REPLACE,
		        (struct askd_text){turn->text.s, turn->text.n});
out:
	str_finish(&facts);
	figures_finish(&figures);
	draft_finish(&streamed);
	if (rc)
		return askd_fail(reterr, rc, rc == ASKD_E_CANCELED ? "canceled" : "no memory");
	return ASKD_OK;
}
