/* reply.c: askd.turn/1: what a turn says, and the object that a program gets. */
#include <inttypes.h>

#include "assistant/inside.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/i18n.h"
#include "base/log.h"

enum { TABLE_ROWS = 20, TABLE_CELL = 60, NOTICE_MS = 2000, NOTICE_EVERY_US = 1000 * 1000 };

/* ---- the object of `ask` ----------------------------------------------------------------------
 */

static void add_name(struct buffer *b, const char *name)
{
	buffer_add(b, ",\"", 2);
	buffer_add_string(b, name);
	buffer_add(b, "\":", 2);
}

static void add_text(struct buffer *b, const char *name, struct askd_text text)
{
	add_name(b, name);
	if (text.s)
		json_add_string(b, text.s, (size_t)text.n);
	else
		buffer_add_string(b, "null");
}

/* A part of plain JSON, as it is. */
static void add_plain(
        struct buffer *b, const char *name, struct askd_text json, const char *otherwise)
{
	add_name(b, name);
	json_add_plain(b, json.s ? json : askd_text_of(otherwise));
}

static const char *type_name(uint32_t type)
{
	static const char *const names[] = {"null", "integer", "boolean", "number", "text", "bytes",
	        "decimal", "date", "time", "timestamp", "timestamptz", "json", "uuid", "other"};
	return type < sizeof names / sizeof names[0] ? names[type] : "other";
}

static void add_table(struct buffer *b, const struct askd_message *message)
{
	const struct askd_db_column *const *columns = message ? message->columns : NULL;
	const struct askd_batch *table = message ? message->table : NULL;

	buffer_add_string(b, ",\"columns\":[");
	for (size_t i = 0; columns && columns[i]; i++) {
		buffer_add_string(b, i ? "," : "");
		json_add_string(b, columns[i]->name.s ? columns[i]->name.s : "",
		        (size_t)columns[i]->name.n);
	}
	buffer_add_string(b, "],\"types\":[");
	for (size_t i = 0; columns && columns[i]; i++) {
		buffer_add_string(b, i ? ",\"" : "\"");
		buffer_add_string(b, type_name(columns[i]->type));
		buffer_add(b, "\"", 1);
	}
	buffer_add_string(b, "],\"data\":[");
	for (size_t row = 0; table && row < table->rows; row++) {
		buffer_add_string(b, row ? ",[" : "[");
		for (size_t i = 0; i < table->columns; i++) {
			buffer_add_string(b, i ? "," : "");
			json_add_value(b, &table->cells[row * table->columns + i]);
		}
		buffer_add_string(b, "]");
	}
	buffer_add_string(b, "]");
}

/* What all stages cost together; false: a price is unknown. */
static bool sum_costs(const json_t *stages, int64_t *pico, int64_t *tokens)
{
	bool known = true;
	const json_t *stage;
	size_t i;

	*pico = *tokens = 0;
	json_array_foreach(stages, i, stage)
	{
		const json_t *cost = json_object_get(stage, "cost_pico");
		int64_t one;

		if (!json_is_integer(cost) && !json_is_string(cost)) {
			known = known && !json_object_get(stage, "llm");
			one = 0;
		} else if (json_is_integer(cost)) {
			one = json_integer_value(cost);
		} else if (!text_to_int(json_string_value(cost), &one)) {
			known = false;
			one = 0;
		}
		if (__builtin_add_overflow(*pico, one, pico))
			known = false;
		*tokens += json_get_int(stage, "input_tokens", 0) +
		           json_get_int(stage, "output_tokens", 0);
	}
	return known;
}

static void add_cost(struct buffer *b, const json_t *stages)
{
	int64_t pico, tokens;
	char fraction[16];
	size_t n;

	if (!sum_costs(stages, &pico, &tokens)) {
		buffer_add_string(b, ",\"cost\":null");
		return;
	}
	n = (size_t)snprintf(fraction, sizeof fraction, "%012" PRId64, pico % 1000000000000);
	while (n > 1 && fraction[n - 1] == '0')
		fraction[--n] = 0;
	buffer_print(
	        b, ",\"cost\":{\"usd\":%" PRId64 ".%s,\"pico\":", pico / 1000000000000, fraction);
	buffer_print(b, pico > (INT64_C(1) << 53) ? "\"%" PRId64 "\"" : "%" PRId64, pico);
	buffer_print(b, ",\"tokens\":%" PRId64 "}", tokens);
}

/* The highest level of what left the house in any stage. */
static const char *what_left(const json_t *stages)
{
	static const char *const levels[] = {"nothing", "schema", "results", "all"};
	size_t most = 0, i;
	const json_t *stage;

	json_array_foreach(stages, i, stage)
	{
		const char *one = json_get_string(stage, "left");

		for (size_t l = most + 1; one && l < 4; l++)
			if (!strcmp(one, levels[l]))
				most = l;
	}
	return levels[most];
}

/* What the host knows of the way, and what the skill adds: its word counts where both have one. */
static void add_receipt(struct buffer *b, const struct turn *turn, struct askd_text more)
{
	enum { QUESTION, DATABASE, SKILL, QUERIES, LEFT, OWN };
	static const char *const names[] = {
	        "question", "database", "skill", "queries", "left", NULL};
	struct askd_text theirs[OWN] = {{NULL, 0}}, members = {NULL, 0};
	struct buffer own;

	if (more.s && *more.s == '{') {
		json_pick(more, names, theirs);
		members = (struct askd_text){more.s + 1, more.n - 2};
	}
	buffer_init(&own, 0);
	if (!theirs[QUESTION].s)
		add_text(&own, names[QUESTION],
		        turn->state.ephemeral ? (struct askd_text){NULL, 0} : turn->turn.text);
	if (!theirs[DATABASE].s)
		add_text(&own, names[DATABASE], askd_text_of(turn->database_name));
	if (!theirs[SKILL].s)
		add_text(&own, names[SKILL],
		        askd_text_of(turn->skill ? turn->skill->host.instance : NULL));
	if (!theirs[QUERIES].s) {
		add_name(&own, names[QUERIES]);
		json_add(&own, turn->state.queries);
	}
	if (!theirs[LEFT].s)
		add_text(&own, names[LEFT], askd_text_of(what_left(turn->state.stages)));
	if (more.s && !members.s)
		add_plain(&own, "notes", more, "null");
	if (members.n) {
		size_t before = own.n;

		buffer_add(&own, ",", 1);
		json_add_plain(&own, members);
		if (!own.failed && own.n == before + 1)
			own.n--; /* there were blanks only */
	}
	add_name(b, "receipt");
	buffer_add(b, "{", 1);
	if (own.n)
		buffer_add(b, own.s + 1, own.n - 1); /* without the first comma */
	buffer_add(b, "}", 1);
	b->failed |= own.failed;
	buffer_finish(&own);
}

/* The message's details as plain JSON; absent when it has none. */
static int32_t details_take(
        struct arena *a, const struct askd_message *message, struct askd_text *details)
{
	struct askd_error error = {0};
	json_t *json;

	*details = message ? message->details : (struct askd_text){NULL, 0};
	if (!details->s || json_is_plain(*details))
		return ASKD_OK;
	json = json_read(*details, &error);
	*details = json ? json_write(a, json) : (struct askd_text){NULL, 0};
	json_decref(json);
	return (json && !details->s) || error.code == ASKD_E_NOMEM ? ASKD_E_NOMEM : ASKD_OK;
}

static struct askd_text joined(const struct turn *turn, struct arena *a)
{
	struct buffer b;
	struct askd_text text;

	buffer_init(&b, 0);
	buffer_add(&b, "", 0);
	for (size_t i = 0; i < turn->message_count; i++) {
		if (b.n && turn->messages[i]->text.n)
			buffer_add_string(&b, "\n\n");
		buffer_add_text(&b, turn->messages[i]->text);
	}
	text = arena_text(a, buffer_text(&b));
	buffer_finish(&b);
	return text;
}

struct askd_text reply_object(struct turn *turn, struct arena *a)
{
	static const char *const kinds[] = {"answer", "clarify", "declined", "refused", "error"};
	static const struct askd_text none = {NULL, 0};
	const struct askd_message *message =
	        turn->message_count ? turn->messages[turn->message_count - 1] : NULL;
	struct askd_text text = joined(turn, a), object = none;
	enum { TRUNCATED, CHOICES, SUGGESTIONS, INSIGHTS, RECEIPT, PARTS };
	static const char *const names[] = {
	        "truncated", "choices", "suggestions", "insights", "receipt", NULL};
	struct askd_text details, parts[PARTS];
	struct buffer b;
	bool answer = turn->kind == ASKD_TURN_ANSWER;

	for (size_t i = turn->message_count; i; i--)
		if (turn->messages[i - 1]->table || turn->messages[i - 1]->sql.s) {
			message = turn->messages[i - 1];
			break;
		}
	if (!text.s || details_take(a, message, &details))
		return none;
	json_pick(details, names, parts);
	buffer_init(&b, 0);
	buffer_add_string(&b, "{\"kind\":\"");
	buffer_add_string(&b, kinds[turn->kind]);
	buffer_add(&b, "\"", 1);
	add_text(&b, "answer", answer ? text : none);
	add_text(&b, "message", answer ? none : text);
	add_text(&b, "sql", message ? message->sql : none);
	add_text(&b, "explanation", message ? message->explanation : none);
	add_table(&b, message);
	add_plain(&b, names[TRUNCATED], text_is(parts[TRUNCATED], "true") ? parts[TRUNCATED] : none,
	        "false");
	add_plain(&b, names[CHOICES], parts[CHOICES], "[]");
	add_plain(&b, names[SUGGESTIONS], parts[SUGGESTIONS], "[]");
	add_plain(&b, names[INSIGHTS], parts[INSIGHTS], "[]");
	add_text(&b, "session_id", askd_text_of(turn->session));
	buffer_print(&b, ",\"turn_id\":\"%" PRIu64 "\"", turn->id);
	add_cost(&b, turn->state.stages);
	add_name(&b, "stages");
	json_add(&b, turn->state.stages);
	add_receipt(&b, turn, parts[RECEIPT]);
	buffer_add(&b, "}", 1);
	object = arena_text(a, buffer_text(&b));
	buffer_finish(&b);
	return object;
}

/* ---- a message in a chat ----------------------------------------------------------------------
 */

static void add_cell(struct buffer *b, const struct askd_value *value)
{
	struct buffer json;
	const char *s;
	size_t n;

	if (value->type == ASKD_NULL) {
		buffer_add_string(b, " ");
		return;
	}
	buffer_init(&json, 0);
	if (value->type > ASKD_FLOAT && value->type != ASKD_BYTES) {
		s = value->u.s;
		n = value->len;
	} else {
		json_add_value(&json, value);
		s = json.s ? json.s : "";
		n = json.n;
	}
	n = text_cut(s, n, TABLE_CELL);
	for (size_t i = 0; i < n; i++) {
		if (strchr("|\\`*_[]<>", s[i]) && s[i])
			buffer_add(b, "\\", 1);
		buffer_add(b, s[i] == '\n' || s[i] == '\r' ? " " : s + i, 1);
	}
	b->failed |= json.failed;
	buffer_finish(&json);
}

const char *reply_markdown(struct turn *turn, const struct askd_message *message, struct arena *a)
{
	const struct askd_batch *table = message->table;
	struct buffer b;
	const char *text = NULL;

	buffer_init(&b, 0);
	buffer_add(&b, "", 0);
	buffer_add_text(&b, message->text);
	if (table && message->columns && table->rows && (table->rows > 1 || table->columns > 1)) {
		buffer_add_string(&b, "\n\n|");
		for (size_t i = 0; message->columns[i]; i++) {
			struct askd_value name = {.type = ASKD_TEXT,
			        .len = (uint32_t)message->columns[i]->name.n,
			        .u.s = message->columns[i]->name.s};

			add_cell(&b, &name);
			buffer_add_string(&b, "|");
		}
		buffer_add_string(&b, "\n|");
		for (size_t i = 0; message->columns[i]; i++)
			buffer_add_string(&b, "---|");
		for (size_t row = 0; row < table->rows && row < TABLE_ROWS; row++) {
			buffer_add_string(&b, "\n|");
			for (size_t i = 0; i < table->columns; i++) {
				add_cell(&b, &table->cells[row * table->columns + i]);
				buffer_add_string(&b, "|");
			}
		}
		if (table->rows > TABLE_ROWS) {
			const char *more = i18n_plural(a, turn->state.language,
			        "... and one more row", "... and {count} more rows",
			        table->rows - TABLE_ROWS, NULL);

			buffer_print(&b, "\n\n%s", more ? more : "");
		}
	}
	if (!b.failed)
		text = arena_copy(a, b.s, b.n);
	buffer_finish(&b);
	return text;
}

/* ---- askd.turn/1 ------------------------------------------------------------------------------
 */

static struct turn *turn_of(struct askd_call *base, struct askd_error *reterr)
{
	struct plugin_call *call = plugin_call_of(base);
	struct turn_state *state = call ? turn_state_of(call->scope) : NULL;

	if (!state)
		askd_fail(reterr, ASKD_E_INVALID, "this call belongs to no turn");
	return (struct turn *)state;
}

static int32_t service_reply(const struct askd_host *host, struct askd_call *call,
        const struct askd_message *in, struct askd_delivered *out, struct askd_error *reterr)
{
	struct turn *turn = turn_of(call, reterr);
	const struct askd_message *copy;
	bool known = !in->edits;

	(void)host;
	if (!turn)
		return ASKD_E_INVALID;
	if (turn->message_count == TURN_MESSAGES)
		return askd_fail(
		        reterr, ASKD_E_TOO_LARGE, "a turn says at most %d messages", TURN_MESSAGES);
	copy = contract_copy(&turn->state.arena, contract_find("askd_message"), in);
	if (!copy)
		return askd_fail(reterr, ASKD_E_TOO_LARGE, "no room for a message");
	for (size_t i = 0; i < turn->message_count; i++)
		if (in->edits && turn->message_ids[i] == in->edits) {
			/* Of this turn and not sent yet: it takes its place. */
			((struct askd_message *)copy)->edits = turn->messages[i]->edits;
			turn->messages[i] = copy;
			if (out)
				out->id = turn->message_ids[i];
			return ASKD_OK;
		}
	if (!known) {
		struct store_rows rows;
		int32_t rc = store_read(turn->assistant->rooms.store, STORE_MANAGER,
		        &turn->state.arena, NULL,
		        ASKD_LITERAL("select id from outbox where id = $1 and conversation = $2"),
		        STORE_PARAMS(store_id(in->edits), store_id(turn->conversation.id)), 1,
		        &rows, reterr);
		if (rc)
			return rc;
		if (!rows.rows && turn->way)
			return askd_fail(reterr, ASKD_E_NOT_FOUND,
			        "no message with that id in this conversation");
	}
	turn->message_ids[turn->message_count] = id_make();
	if (out)
		out->id = turn->message_ids[turn->message_count];
	turn->messages[turn->message_count++] = copy;
	return ASKD_OK;
}

void turn_notice(struct turn *turn, uint32_t kind, struct askd_text text)
{
	const struct askd_transport_iface *iface;
	int64_t now_us = clock_monotonic_us();
	struct plugin_call call;
	struct askd_error error = {0};
	struct askd_notice notice = {.size = sizeof notice,
	        .kind = kind,
	        .conversation = turn->event->conversation,
	        .thread = turn->event->thread,
	        .token = turn->event->token,
	        .text = text};

	if (!turn->way || (turn->notice_us && now_us - turn->notice_us < NOTICE_EVERY_US))
		return;
	iface = plugin_instance_iface(turn->transport);
	if (!iface->notice)
		return;
	turn->notice_us = now_us;
	plugin_call_init(&call, &turn->state.scope, NOTICE_MS);
	if (enter_transport_iface_notice(turn->transport, NULL, NULL, &call, &notice, NULL, &error))
		log_debug("assistant", turn->id, "a notice did not go out: %s (%s)", error.message,
		        error_name(error.code));
	plugin_call_finish(&call);
}

static int32_t service_progress(const struct askd_host *host, struct askd_call *call,
        const struct askd_progress *in, struct askd_nothing *out, struct askd_error *reterr)
{
	struct turn *turn = turn_of(call, reterr);

	(void)host;
	(void)out;
	if (!turn)
		return ASKD_E_INVALID;
	if (turn->state.progress)
		return turn->state.progress->put(turn->state.progress, in)
		               ? askd_fail(reterr, ASKD_E_CANCELED, "nobody waits any more")
		               : ASKD_OK;
	turn_notice(turn,
	        in->kind == ASKD_PROGRESS_REPLACE ? ASKD_NOTICE_DRAFT : ASKD_NOTICE_TYPING,
	        in->kind == ASKD_PROGRESS_REPLACE ? in->text : (struct askd_text){NULL, 0});
	return ASKD_OK;
}

/* Where a person, or the conversation of the call, can be reached: a chat. */
static int32_t find_chat(struct assistant *assistant, struct plugin_call *call, uint64_t person,
        struct way **way, struct outbox_row *row, struct askd_error *reterr)
{
	const struct turn *turn = (const struct turn *)turn_state_of(call->scope);
	struct store_rows rows;
	int32_t rc;

	if (turn && turn->way && !person) { /* its conversation may be too new to be stored */
		*way = turn->way;
		row->conversation = turn->conversation.id;
		row->group = (turn->event->flags & ASKD_EVENT_GROUP) != 0;
		row->address = turn->event->conversation.s;
		row->thread = turn->event->thread.s;
		return ASKD_OK;
	}
	rc = store_read(assistant->rooms.store, STORE_MANAGER, &call->arena, NULL,
	        person ? ASKD_LITERAL(
	                         "select id, instance, chat, thread, is_group from conversations "
	                         "where person = $1 and chat is not null and is_group = 0 "
	                         "order by used_us desc limit 1")
	               : ASKD_LITERAL(
	                         "select id, instance, chat, thread, is_group from conversations "
	                         "where id = $1 and chat is not null"),
	        STORE_PARAMS(store_id(person ? person : call->scope->conversation)), 1, &rows,
	        reterr);
	if (rc)
		return rc;
	*way = rows.rows ? way_find_name(assistant, store_cell_text(&rows, 0, 1).s) : NULL;
	if (!*way)
		return askd_fail(
		        reterr, ASKD_E_NOT_FOUND, "there is no chat that this could be sent to");
	row->conversation = (uint64_t)store_cell_int(&rows, 0, 0);
	row->address = store_cell_text(&rows, 0, 2).s;
	row->thread = store_cell_text(&rows, 0, 3).s;
	row->group = store_cell_int(&rows, 0, 4) != 0;
	return ASKD_OK;
}

static int32_t service_post(const struct askd_host *host, struct askd_call *base,
        const struct askd_message *in, struct askd_delivered *out, struct askd_error *reterr)
{
	struct plugin_call *call = plugin_call_of(base);
	struct assistant *assistant = assistant_current;
	struct outbox_row row = {.id = id_make(), .kind = OUTBOX_ANSWER, .turn = call->scope->turn};
	struct way *way = NULL;
	struct store_unit *unit;
	int32_t rc;

	(void)host;
	if (!assistant)
		return askd_fail(reterr, ASKD_E_BUSY, "the assistant is not running");
	rc = find_chat(assistant, call, in->person, &way, &row, reterr);
	if (rc)
		return rc;
	row.payload = outbox_text(&call->arena, in->text.s ? in->text.s : "");
	unit = store_unit_create(assistant->rooms.store, STORE_MANAGER);
	if (!row.payload.s || !unit) {
		store_unit_destroy(unit);
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a message");
	}
	if ((rc = outbox_add(way, unit, &call->arena, &row, reterr))) {
		store_unit_destroy(unit);
		return rc;
	}
	if ((rc = store_commit(unit, reterr)))
		return rc;
	outbox_push(way, &row, false);
	if (out)
		out->id = row.id;
	return ASKD_OK;
}

static int32_t service_ask(const struct askd_host *host, struct askd_call *base,
        const struct askd_event *in, struct askd_reply *out, struct askd_error *reterr)
{
	struct plugin_call *call = plugin_call_of(base);
	struct askd_reply own = {.size = sizeof own};

	(void)host;
	if (!assistant_current)
		return askd_fail(reterr, ASKD_E_BUSY, "the assistant is not running");
	return inbox_ask(assistant_current, call, in, out ? out : &own, reterr);
}

static int32_t service_history(const struct askd_host *host, struct askd_call *base,
        const struct askd_session *in, struct askd_session_history *out, struct askd_error *reterr)
{
	struct askd_session_history own = {.size = sizeof own};

	(void)host;
	if (!assistant_current)
		return askd_fail(reterr, ASKD_E_BUSY, "the assistant is not running");
	return session_history(
	        assistant_current, plugin_call_of(base), in, out ? out : &own, reterr);
}

static int32_t service_forget(const struct askd_host *host, struct askd_call *base,
        const struct askd_session *in, struct askd_session_result *out, struct askd_error *reterr)
{
	struct askd_session_result own = {.size = sizeof own};

	(void)host;
	if (!assistant_current)
		return askd_fail(reterr, ASKD_E_BUSY, "the assistant is not running");
	return session_forget(
	        assistant_current, plugin_call_of(base), in, out ? out : &own, reterr);
}

static int32_t service_cancel(const struct askd_host *host, struct askd_call *base,
        const struct askd_session *in, struct askd_session_result *out, struct askd_error *reterr)
{
	struct askd_session_result own = {.size = sizeof own};

	(void)host;
	if (!assistant_current)
		return askd_fail(reterr, ASKD_E_BUSY, "the assistant is not running");
	return session_cancel(
	        assistant_current, plugin_call_of(base), in, out ? out : &own, reterr);
}

const struct askd_turn_service turn_service = {
        .size = sizeof turn_service,
        .reply = service_reply,
        .progress = service_progress,
        .post = service_post,
        .ask = service_ask,
        .history = service_history,
        .forget = service_forget,
        .cancel = service_cancel,
};
