/* memory.c: the last turns of a conversation, kept sealed, given back as messages for a model. */
#include "assistant/memory.h"

#include "assistant/inside.h"
#include "base/clock.h"
#include "base/log.h"

enum {
	MEMORY_TURNS_MAX = 50,   /* that a question can see */
	MEMORY_KEEP_TURNS = 1000 /* of a conversation */
};

/* What was said, all parts together. */
static struct askd_text said(const struct turn *turn, struct arena *a)
{
	struct buffer b;
	struct askd_text text;

	buffer_init(&b, 0);
	buffer_add(&b, "", 0);
	for (size_t i = 0; i < turn->message_count; i++) {
		if (b.n)
			buffer_add_string(&b, "\n\n");
		buffer_add_text(&b, turn->messages[i]->text);
	}
	text = arena_text(a, buffer_text(&b));
	buffer_finish(&b);
	return text;
}

static int32_t keep_one(struct turn *turn, struct store_unit *unit, struct arena *a, uint32_t role,
        struct askd_text text, struct askd_text sql, struct askd_error *reterr)
{
	uint64_t id = id_make();
	json_t *object = json_object();
	struct askd_text sealed = {NULL, 0};

	if (!object || !text.s ||
	        json_object_set_new(object, "text", json_stringn(text.s, (size_t)text.n)) ||
	        (sql.s && json_object_set_new(object, "sql", json_stringn(sql.s, (size_t)sql.n))))
		askd_fail(reterr, ASKD_E_NOMEM, "no memory to keep a message");
	else
		sealed = event_seal(
		        turn->assistant, a, "messages", id, json_write(a, object), reterr);
	json_decref(object);
	if (!sealed.s)
		return ASKD_E_NOMEM;
	store_unit_add(unit, 1,
	        "insert into messages (id, turn, conversation, role, at_us, payload) "
	        "values ($1, $2, $3, $4, $5, $6)",
	        STORE_PARAMS(store_id(id), store_id(turn->id), store_id(turn->conversation.id),
	                store_int(role), store_int(clock_now_us()),
	                store_bytes(sealed.s, (size_t)sealed.n)));
	return ASKD_OK;
}

int32_t memory_keep(
        struct turn *turn, struct store_unit *unit, struct arena *a, struct askd_error *reterr)
{
	struct askd_text sql = {NULL, 0}, none = {NULL, 0};
	int32_t rc;

	/* What was declined, refused or failed is no ground for a follow-up, and what only the host
	 * has said is none either. */
	if (!turn->text || !turn->skill ||
	        (turn->kind != ASKD_TURN_ANSWER && turn->kind != ASKD_TURN_CLARIFY))
		return ASKD_OK;
	for (size_t i = 0; i < turn->message_count; i++)
		if (turn->messages[i]->sql.s)
			sql = turn->messages[i]->sql;
	rc = keep_one(turn, unit, a, ASKD_ROLE_USER, turn->turn.text, none, reterr);
	if (!rc)
		rc = keep_one(turn, unit, a, ASKD_ROLE_ASSISTANT, said(turn, a), sql, reterr);
	/* The last turns only: each has one message of the person's. */
	if (!rc)
		store_unit_add(unit, -1,
		        "delete from messages where conversation = $1 and turn <= "
		        "(select turn from messages where conversation = $1 and role = $2 "
		        "order by turn desc limit 1 offset $3)",
		        STORE_PARAMS(store_id(turn->conversation.id), store_int(ASKD_ROLE_USER),
		                store_int(MEMORY_KEEP_TURNS)));
	return rc;
}

static const struct askd_llm_message *message_read(struct turn *turn, struct arena *a,
        const struct store_rows *rows, size_t row, struct askd_error *error)
{
	struct askd_text plain = event_unseal(turn->assistant, a, "messages",
	        (uint64_t)store_cell_int(rows, row, 0), store_cell_text(rows, row, 4), error);
	json_t *object = plain.s ? json_read(plain, error) : NULL;
	struct askd_llm_message *message = object ? arena_zalloc(a, sizeof *message) : NULL;
	const char *sql;

	if (!message) {
		json_decref(object);
		return NULL;
	}
	message->size = sizeof *message;
	message->role = (uint32_t)store_cell_int(rows, row, 2);
	message->text = askd_text_of(arena_string(a, json_get_string(object, "text")));
	sql = json_get_string(object, "sql");
	if (sql) {
		struct askd_tool_call *call = arena_zalloc(a, sizeof *call);
		const struct askd_tool_call **calls = arena_zalloc(a, 2 * sizeof *calls);
		json_t *arguments = json_pack("{s:s}", "sql", sql);

		if (call && calls && arguments) {
			*call = (struct askd_tool_call){.size = sizeof *call,
			        .id = askd_text_of(arena_print(a, "sql-%llu",
			                (unsigned long long)store_cell_int(rows, row, 0))),
			        .name = ASKD_LITERAL("sql"),
			        .arguments = json_write(a, arguments)};
			calls[0] = call;
			message->calls = calls;
		}
		json_decref(arguments);
	}
	json_decref(object);
	return message->text.s ? message : NULL;
}

const struct askd_llm_message *const *memory_history(struct turn_state *state, struct arena *a)
{
	static const struct askd_llm_message *const nothing[] = {NULL};
	struct turn *turn = (struct turn *)state;
	const struct config *config = state->plan->rooms.config;
	int64_t turns = turn->way ? config->memory_chat_turns : config->memory_program_turns;
	int64_t idle_us =
	        (turn->way ? config->memory_chat_idle_ms : config->memory_program_idle_ms) * 1000;
	int64_t later_us = clock_now_us(), kept = 0;
	const struct askd_llm_message **list;
	struct askd_error error = {0};
	struct store_rows rows;
	uint64_t last = 0;
	size_t first = 0, count = 0;

	if (turns > MEMORY_TURNS_MAX)
		turns = MEMORY_TURNS_MAX;
	if (turns <= 0)
		return nothing;
	if (store_read(state->assistant->rooms.store, STORE_MANAGER, a, NULL,
	            ASKD_LITERAL("select id, turn, role, at_us, payload from messages "
	                         "where conversation = $1 and turn <> $2 "
	                         "order by turn desc, role desc, id desc limit $3"),
	            STORE_PARAMS(store_id(turn->conversation.id), store_id(turn->id),
	                    store_int(2 * turns)),
	            (size_t)(2 * turns), &rows, &error)) {
		log_warning(
		        "assistant", turn->id, "no memory of the conversation: %s", error.message);
		return nothing;
	}
	/* From the newest back, until a pause was too long. */
	for (; first < rows.rows; first++) {
		uint64_t of = (uint64_t)store_cell_int(&rows, first, 1);
		int64_t at_us = store_cell_int(&rows, first, 3);

		if (of != last) {
			if (kept && later_us - at_us > idle_us)
				break;
			/* After a long pause nothing but the last turn. */
			if (!kept && later_us - at_us > idle_us)
				turns = 1;
			if (kept++ == turns)
				break;
			last = of;
		}
		later_us = at_us;
	}
	list = arena_zalloc(a, (first + 1) * sizeof *list);
	for (size_t i = first; list && i; i--) {
		const struct askd_llm_message *message =
		        message_read(turn, a, &rows, i - 1, &error);

		if (message)
			list[count++] = message;
		else
			log_warning("assistant", turn->id, "a message of the memory is lost: %s",
			        error.message);
	}
	return list ? list : nothing;
}
