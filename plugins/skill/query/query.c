/* query.c: the skill that answers questions from the selected database. */
#include "query.h"
#include "routes.h"

#include <ctype.h>
#include <stdlib.h>

enum { QUESTION_STATE = 8000, SMALL_TALK = 500 };

static int32_t query_open(void *self, const struct askd_host *host, struct askd_error *reterr)
{
	struct query_skill *skill = self;
	int32_t rc;
	skill->host = host;
	rc = askd_need(host, "askd.turn/1", &skill->turn, reterr);
	if (!rc)
		rc = askd_need(host, "askd.llm/1", &skill->llm, reterr);
	if (!rc)
		rc = askd_need(host, "askd.query/1", &skill->query, reterr);
	if (!rc)
		rc = askd_need(host, "askd.i18n/1", &skill->i18n, reterr);
	skill->web = host->service(host, "askd.web/1"); /* without it nothing is streamed */
	return rc;
}

ASKD_DEFINE(query_offer, askd_turn, askd_offer)
{
	if (in->kind == ASKD_EVENT_TEXT && !in->command.s && in->database)
		out->milli = SMALL_TALK;
	return ASKD_OK;
}

/* ---- the question as understood -------------------------------------------------------------- */

/* A bare number, "2" or "2.", picks a choice. */
static const char *picked(struct askd_text text, const json_t *choices)
{
	char *end;
	long n;
	if (!text.n || text.n > 3 || !isdigit((unsigned char)text.s[0]))
		return NULL;
	n = strtol(text.s, &end, 10);
	if (end != text.s + text.n && (*end != '.' || end + 1 != text.s + text.n))
		return NULL;
	return n >= 1 ? json_string_value(json_array_get(choices, (size_t)n - 1)) : NULL;
}

/* What is asked: the text, behind the question that it answers if we asked back. */
static struct askd_text understand(struct askd_call *call, const struct askd_turn *turn)
{
	struct askd_text text = str_trim(turn->text.s ? turn->text : ASKD_LITERAL(""));
	json_t *state = turn->state.s && turn->state.n <= 16384
	                        ? json_loadb(turn->state.s, turn->state.n, 0, NULL)
	                        : NULL;
	const char *question = json_string_value(json_object_get(state, "question"));
	const char *choice = picked(text, json_object_get(state, "choices"));
	struct askd_text understood = askd_copy(call, text.s, text.n);
	if (question && choice)
		understood = askd_print(call, "%s (%s)", question, choice);
	else if (question)
		understood = askd_print(call, "%s (%.*s)", question, (int)text.n, text.s);
	json_decref(state);
	return understood;
}

/* The state that keeps a question until the person has answered ours. */
static struct askd_text keep_question(struct query_turn *turn)
{
	struct askd_text kept = {0};
	size_t n = str_cut(turn->question.s, turn->question.n, QUESTION_STATE);
	json_t *question = json_stringn(turn->question.s, n), *state = json_object();
	char *text = NULL;
	if (question && state && !json_object_set(state, "question", question) &&
	        !json_object_set(state, "choices", turn->decision.choices))
		text = json_dumps(state, JSON_COMPACT);
	if (text && strlen(text) <= 16384)
		kept = askd_copy(turn->call, text, strlen(text));
	free(text);
	json_decref(question);
	json_decref(state);
	return kept;
}

/* ---- details and receipt --------------------------------------------------------------------- */

/* Tables of the catalogue whose names stand in the statement outside of quoted texts. */
static void put_tables(const struct query_turn *turn, struct str *out)
{
	struct str_list list = {.count = 0};
	const struct askd_db_table *const *table = turn->catalogue ? turn->catalogue->tables : NULL;
	const struct str *sql = &turn->decision.sql;
	for (; table && *table && sql->n; table++) {
		size_t n = (*table)->name.n;
		bool quoted = false, found = false;
		for (size_t i = 0; n && i + n <= sql->n && !found; i++) {
			quoted ^= sql->s[i] == '\'';
			found = !quoted && !strncasecmp(sql->s + i, (*table)->name.s, n) &&
			        (!i || !(isalnum((unsigned char)sql->s[i - 1]) ||
			                       sql->s[i - 1] == '_')) &&
			        !(isalnum((unsigned char)sql->s[i + n]) || sql->s[i + n] == '_');
		}
		if (found)
			str_json(str_list_next(&list), (*table)->name.s, n);
	}
	str_list_put(out, &list);
	str_finish(&list.text);
}

static const char *action_name(const struct query_turn *turn)
{
	static const char *const names[] = {"sql", "answer", "clarify", "email", "decline"};
	return turn->decided ? names[turn->decision.action] : "none";
}

static void put_receipt(const struct query_turn *turn, struct str *out)
{
	struct askd_text verdict = turn->result.verdict;
	str_puts(out, "{\"understood\":");
	str_json(out, turn->question.s, turn->question.n);
	str_print(out, ",\"action\":\"%s\",\"tables\":", action_name(turn));
	put_tables(turn, out);
	str_print(out, ",\"repairs\":%u,\"dropped\":", turn->repairs);
	str_list_put(out, &turn->dropped);
	str_puts(out, ",\"figures\":");
	str_list_put(out, &turn->figures);
	if (turn->confidence_milli >= 0)
		str_print(out, ",\"confidence_milli\":%d", turn->confidence_milli);
	if (turn->ran)
		str_print(out, ",\"rows\":%u,\"truncated\":%s", turn->rows.batch.rows,
		        turn->rows.truncated ? "true" : "false");
	if (turn->ran && verdict.s) {
		str_puts(out, ",\"verdict\":");
		str_json(out, verdict.s, verdict.n);
	}
	str_puts(out, "}");
}

/* A list of texts; none was decided: an empty one. */
static void put_texts(struct str *out, const json_t *texts)
{
	struct str_list list = {.count = 0};
	const json_t *text;
	size_t i;
	json_array_foreach(texts, i, text)
	        str_json(str_list_next(&list), json_string_value(text), json_string_length(text));
	str_list_put(out, &list);
	str_finish(&list.text);
}

static struct askd_text details_of(const struct query_turn *turn)
{
	struct str out = {0};
	struct askd_text details;
	str_puts(&out, "{\"choices\":");
	put_texts(&out, turn->decision.choices);
	str_puts(&out, ",\"suggestions\":");
	put_texts(&out, turn->decision.suggestions);
	str_puts(&out, ",\"insights\":[],\"figures\":");
	str_list_put(&out, &turn->figures);
	if (turn->ran)
		str_puts(&out,
		        turn->rows.truncated ? ",\"truncated\":true" : ",\"truncated\":false");
	str_puts(&out, ",\"receipt\":");
	put_receipt(turn, &out);
	str_puts(&out, "}");
	details = str_copy(turn->call, &out);
	str_finish(&out);
	return details;
}

/* Where the model, the engine and we have something to say about the way. */
static struct askd_text explanation_of(const struct query_turn *turn)
{
	struct askd_text words = {0};
	if (turn->decided && turn->decision.explanation.n)
		words = (struct askd_text){
		        turn->decision.explanation.s, turn->decision.explanation.n};
	else if (turn->explanation.n)
		words = turn->explanation;
	if (!turn->note.n)
		return words.s ? askd_copy(turn->call, words.s, words.n) : words;
	if (!words.n)
		return turn->note;
	return askd_print(
	        turn->call, "%.*s %.*s", (int)words.n, words.s, (int)turn->note.n, turn->note.s);
}

/* ---- speaking -------------------------------------------------------------------------------- */

static int32_t reply(struct query_turn *turn, struct askd_error *reterr)
{
	struct askd_text text = str_copy(turn->call, &turn->text);
	struct askd_text details = details_of(turn);
	bool sql = turn->decision.sql.n > 0;
	ASKD_MAKE(struct askd_message, message, .text = text, .details = details,
	        .sql = sql ? str_copy(turn->call, &turn->decision.sql) : (struct askd_text){0},
	        .explanation = explanation_of(turn));
	if (!text.s || !details.s || (sql && !message.sql.s))
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the answer");
	if (turn->ran) {
		message.columns = turn->rows.columns;
		message.table = &turn->rows.batch;
	}
	return turn->skill->turn->reply(turn->skill->host, turn->call, &message, NULL, reterr);
}

static uint32_t say_trouble(struct query_turn *turn)
{
	const struct voice *voice = &turn->voice;
	uint32_t status = ASKD_TURN_ERROR;
	switch (turn->trouble) {
	case TROUBLE_REFUSED:
		status = ASKD_TURN_REFUSED;
		str_text(&turn->text, say(voice,
		                              "I will not run the query that this leads to: "
		                              "{reason}. I only read, "
		                              "and only what is known to be safe.",
		                              "reason", turn->error.message, NULL));
		break;
	case TROUBLE_STATEMENT:
		str_text(&turn->text,
		        say(voice,
		                "I could not put this into a query that the database understands. "
		                "Please ask it in other words.",
		                NULL));
		break;
	case TROUBLE_TIMEOUT:
		str_text(&turn->text,
		        say(voice,
		                "The database needs too long for this. Please narrow the question, "
		                "to a shorter period for example.",
		                NULL));
		break;
	case TROUBLE_TOO_LARGE:
		str_text(&turn->text,
		        say(voice, "The result is too large. Please narrow the question.", NULL));
		break;
	default:
		str_text(&turn->text, say(voice,
		                              "I could not make sense of what the model replied. "
		                              "Please ask again, "
		                              "perhaps in other words.",
		                              NULL));
	}
	return status;
}

static void say_question(struct query_turn *turn)
{
	const json_t *choices = turn->decision.choices;
	size_t i;
	json_t *choice;
	if (turn->decision.answer.n)
		str_add(&turn->text, turn->decision.answer.s, turn->decision.answer.n);
	else
		str_text(&turn->text, say(&turn->voice, "What do you mean?", NULL));
	json_array_foreach(choices, i, choice)
	{
		str_print(&turn->text, i ? "\n%zu. " : "\n\n%zu. ", i + 1);
		str_markdown(&turn->text, json_string_value(choice), json_string_length(choice));
	}
}

static int32_t say_answer(struct query_turn *turn, struct askd_error *reterr)
{
	int32_t rc;
	if (turn->ran) {
		rc = query_answer(turn, reterr);
		if (rc)
			return rc;
	} else if (turn->decision.answer.n) {
		str_add(&turn->text, turn->decision.answer.s, turn->decision.answer.n);
	}
	if (turn->decision.action == DECISION_EMAIL) {
		str_puts(&turn->text, turn->text.n ? "\n\n" : "");
		str_text(&turn->text,
		        say(&turn->voice, "Nothing was mailed: no mail has been set up here yet.",
		                NULL));
	}
	return ASKD_OK;
}

static uint32_t say_decline(struct query_turn *turn)
{
	if (turn->decision.answer.n)
		str_add(&turn->text, turn->decision.answer.s, turn->decision.answer.n);
	else
		str_text(&turn->text,
		        say(&turn->voice, "This database holds nothing about that.", NULL));
	return ASKD_TURN_DECLINED;
}

static int32_t speak(struct query_turn *turn, struct askd_outcome *out, struct askd_error *reterr)
{
	int32_t rc = ASKD_OK;
	out->status = ASKD_TURN_ANSWER;
	if (turn->trouble != TROUBLE_NONE) {
		out->status = say_trouble(turn);
	} else if (turn->decision.action == DECISION_CLARIFY) {
		out->status = ASKD_TURN_CLARIFY;
		out->state = keep_question(turn);
		out->awaits = out->state.s != NULL;
		say_question(turn);
	} else if (turn->decision.action == DECISION_DECLINE) {
		out->status = say_decline(turn);
	} else {
		rc = say_answer(turn, reterr);
	}
	if (!rc)
		rc = reply(turn, reterr);
	return rc;
}

static int32_t look(struct query_turn *turn, struct askd_error *reterr)
{
	const struct query_skill *skill = turn->skill;
	struct askd_catalogue *catalogue = turn->call->alloc(turn->call, sizeof *catalogue);
	ASKD_MAKE(struct askd_query_catalogue, in, .database = turn->turn->database,
	        .question = turn->question, .tables = turn->turn->tables);
	if (!catalogue)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the catalogue");
	*catalogue = (struct askd_catalogue){.size = sizeof *catalogue};
	turn->catalogue = catalogue;
	return skill->query->catalogue(skill->host, turn->call, &in, catalogue, reterr);
}

ASKD_DEFINE(query_handle, askd_turn, askd_outcome)
{
	const struct query_skill *skill = self;
	struct query_turn turn = {.skill = skill,
	        .call = call,
	        .turn = in,
	        .voice = {skill->host, skill->i18n, call, in->language},
	        .question = understand(call, in),
	        .confidence_milli = -1};
	int32_t rc = ASKD_OK;

	if (!turn.question.s) {
		rc = askd_fail(reterr, ASKD_E_NOMEM, "no memory for a question");
		goto out;
	}
	if (!turn.question.n) {
		out->status = ASKD_TURN_DECLINED;
		str_text(&turn.text, say(&turn.voice, "Please ask a question.", NULL));
		rc = reply(&turn, reterr);
		goto out;
	}
	if (!in->database) {
		out->status = ASKD_TURN_DECLINED;
		str_text(&turn.text, say(&turn.voice, "There is no database to ask.", NULL));
		rc = reply(&turn, reterr);
		goto out;
	}
	query_stage(&turn, "analysis");
	rc = look(&turn, reterr);
	if (rc)
		goto out;
	if (!turn.catalogue->tables || !*turn.catalogue->tables) {
		out->status = ASKD_TURN_DECLINED;
		str_text(&turn.text, say(&turn.voice, "This database has no tables to ask.", NULL));
		rc = reply(&turn, reterr);
		goto out;
	}
	rc = query_analyse(&turn, reterr);
	if (!rc)
		rc = speak(&turn, out, reterr);
out:
	decision_finish(&turn.decision);
	str_finish(&turn.text);
	str_finish(&turn.figures.text);
	str_finish(&turn.dropped.text);
	return rc;
}

ASKD_MAKE(
        static const struct askd_skill_iface, iface, .offer = query_offer, .handle = query_handle);
static const struct askd_extension *const extensions[] = {&query_routes, NULL};
ASKD_PLUGIN(.kind = ASKD_KIND_SKILL, .name = "query", .version = "0.9.0",
        .summary = "answers questions from the selected database", .license = "MIT",
        .instance_size = sizeof(struct query_skill), .flags = ASKD_CONCURRENT, .open = query_open,
        .iface = &iface, .extensions = extensions);
