#include "query.h"

enum { REPAIRS = 2, MISREADS = 1 };

/* What the next call of the stage is told about the last one. */
struct repair {
	struct askd_text sql, problem, detail;
};

void query_stage(const struct query_turn *turn, const char *stage)
{
	ASKD_MAKE(struct askd_progress, progress, .kind = ASKD_PROGRESS_STAGE,
	        .stage = askd_text_of(stage));
	(void)turn->skill->turn->progress(turn->skill->host, turn->call, &progress, NULL, NULL);
}

static int32_t ask_model(struct query_turn *turn, const struct repair *repair,
        struct askd_llm_reply *reply, struct askd_error *reterr)
{
	const struct query_skill *skill = turn->skill;
	ASKD_MAKE(struct askd_task, task, .now_us = turn->turn->now_us,
	        .kind = ASKD_LITERAL("analysis"), .question = turn->question,
	        .language = turn->turn->language, .zone = turn->turn->zone,
	        .catalogue = turn->catalogue, .sql = repair->sql, .problem = repair->problem,
	        .detail = repair->detail);
	ASKD_MAKE(struct askd_llm_request, request, .temperature_milli = -1,
	        .model = ASKD_LITERAL("analysis"), .reply_schema = askd_text_of(decision_schema),
	        .task = &task);
	return skill->llm->complete(skill->host, turn->call, &request, reply, reterr);
}

static int32_t run_statement(struct query_turn *turn)
{
	const struct query_skill *skill = turn->skill;
	ASKD_MAKE(struct askd_query_run, run, .max_rows = ROWS_MAX,
	        .database = turn->turn->database,
	        .sql = {turn->decision.sql.s, turn->decision.sql.n}, .rows = &turn->rows.sink);
	rows_init(&turn->rows, turn->call);
	turn->result = (struct askd_query_result){.size = sizeof turn->result};
	memset(&turn->error, 0, sizeof turn->error);
	return skill->query->run(skill->host, turn->call, &run, &turn->result, &turn->error);
}

/* The word of the statement at a 1-based byte, at most 40 bytes of it. */
static struct askd_text word_at(const struct str *sql, uint32_t position)
{
	size_t start = position - 1, end;
	static const char ends[] = " \t\r\n(),;";
	if (!position || start >= sql->n)
		return (struct askd_text){0};
	end = start;
	while (end < sql->n && !strchr(ends, sql->s[end]))
		end++;
	end = start + str_cut(sql->s + start, end - start, 40);
	return (struct askd_text){sql->s + start, end - start};
}

/* Why it failed, for the model: never what the database says, which may quote values. */
static bool tell(struct query_turn *turn, int32_t rc, struct repair *repair)
{
	const struct askd_error *err = &turn->error;
	struct askd_call *call = turn->call;
	struct askd_text word = word_at(&turn->decision.sql, err->position);
	struct str why = {0};

	if (rc == ASKD_E_REFUSED) {
		str_puts(&why, err->message[0] ? err->message : "the statement is not permitted");
	} else {
		str_puts(&why, "the database rejects it");
		if (err->native[0])
			str_print(&why, " (%s)", err->native);
		if (err->position)
			str_print(&why, " near byte %u", err->position);
		if (word.n)
			str_print(&why, ", at \"%.*s\"", (int)word.n, word.s);
	}
	repair->sql = str_copy(call, &turn->decision.sql);
	repair->problem = str_copy(call, &why);
	repair->detail = rc == ASKD_E_STATEMENT && err->message[0]
	                         ? askd_copy(call, err->message, strlen(err->message))
	                         : (struct askd_text){0};
	str_finish(&why);
	return repair->sql.s && repair->problem.s;
}

/* One reply, read. PROTOCOL: it cannot be. */
static int32_t decide(struct query_turn *turn, const struct repair *repair, const char **problem,
        struct askd_error *reterr)
{
	ASKD_MAKE(struct askd_llm_reply, reply, .confidence_milli = -1);
	int32_t rc;

	decision_finish(&turn->decision);
	turn->decided = false;
	*problem = NULL;
	rc = ask_model(turn, repair, &reply, reterr);
	if (rc)
		return rc;
	rc = decision_parse(reply.text, &turn->decision, problem);
	if (rc == ASKD_E_PROTOCOL)
		return rc;
	*problem = NULL;
	if (rc)
		return askd_fail(reterr, rc, "no memory for a reply");
	turn->decided = true;
	turn->explanation = reply.explanation;
	turn->confidence_milli = turn->decision.confidence_milli >= 0
	                                 ? turn->decision.confidence_milli
	                                 : reply.confidence_milli;
	return ASKD_OK;
}

/* 1: again, with *repair. 0: done, or the trouble is set. */
static int32_t judge(
        struct query_turn *turn, int32_t rc, struct repair *repair, struct askd_error *reterr)
{
	switch (rc) {
	case ASKD_OK:
		turn->ran = true;
		turn->rows.truncated |= (turn->result.flags & ASKD_QUERY_TRUNCATED) != 0;
		return 0;
	case ASKD_E_REFUSED:
	case ASKD_E_STATEMENT:
		if (turn->repairs == REPAIRS) {
			turn->trouble = rc == ASKD_E_REFUSED ? TROUBLE_REFUSED : TROUBLE_STATEMENT;
			return 0;
		}
		turn->repairs++;
		return tell(turn, rc, repair) ? 1
		                              : askd_fail(reterr, ASKD_E_TOO_LARGE,
		                                        "no room to repair a statement");
	case ASKD_E_TIMEOUT:
	case ASKD_E_TOO_LARGE:
		/* The limit of the database, while the turn itself still has time. */
		if (rc == ASKD_E_TOO_LARGE || askd_limit_ms(turn->call, 2) > 1) {
			turn->trouble = rc == ASKD_E_TIMEOUT ? TROUBLE_TIMEOUT : TROUBLE_TOO_LARGE;
			return 0;
		}
		break;
	default:
		break;
	}
	if (reterr)
		*reterr = turn->error;
	return rc;
}

int32_t query_analyse(struct query_turn *turn, struct askd_error *reterr)
{
	struct repair repair = {.sql = {0}};
	uint32_t misreads = 0;

	for (;;) {
		const char *problem;
		int32_t rc;
		if (askd_canceled(turn->call))
			return askd_fail(reterr, ASKD_E_CANCELED, "canceled");
		query_stage(turn, "analysis");
		rc = decide(turn, &repair, &problem, reterr);
		if (problem) {
			if (misreads++ == MISREADS) {
				turn->trouble = TROUBLE_REPLY;
				return ASKD_OK;
			}
			turn->repairs += turn->repairs < REPAIRS;
			repair.problem = askd_text_of(problem);
			repair.detail = (struct askd_text){0};
			continue;
		}
		if (rc)
			return rc;
		if ((turn->decision.action != DECISION_SQL &&
		            turn->decision.action != DECISION_EMAIL) ||
		        !turn->decision.sql.n)
			return ASKD_OK;
		query_stage(turn, "database");
		rc = judge(turn, run_statement(turn), &repair, reterr);
		if (rc != 1)
			return rc;
	}
}
