/* buttons.c: tokens that only the host can make: 8 bytes of id and 16 of HMAC, as 32 characters.
 * What they stand for is kept sealed in a row. */
#include "assistant/inside.h"
#include "base/clock.h"
#include "base/crypto.h"

enum { TOKEN_RAW = 24, TOKEN_MAC = 16 };

static bool token_write(const struct assistant *assistant, uint64_t id, char out[BUTTON_TOKEN + 1])
{
	unsigned char raw[TOKEN_RAW], mac[CRYPTO_HASH];

	for (size_t i = 0; i < 8; i++)
		raw[i] = (unsigned char)(id >> (8 * (7 - i)));
	if (!crypto_hmac(assistant->button_key, sizeof assistant->button_key, raw, 8, mac))
		return false;
	memcpy(raw + 8, mac, TOKEN_MAC);
	crypto_base64url(raw, sizeof raw, out);
	return true;
}

static int digit(char c)
{
	return c >= 'A' && c <= 'Z'   ? c - 'A'
	       : c >= 'a' && c <= 'z' ? c - 'a' + 26
	       : c >= '0' && c <= '9' ? c - '0' + 52
	       : c == '-'             ? 62
	       : c == '_'             ? 63
	                              : -1;
}

/* The id in a token; the caller compares the whole with what we would have written. */
static uint64_t token_id(const char *s)
{
	uint64_t id = 0;

	for (size_t i = 0; i < 10; i++) /* 60 bits */
		id = id << 6 | (uint64_t)(digit(s[i]) & 63);
	return id << 4 | (uint64_t)(digit(s[10]) & 63) >> 2;
}

const char *button_make(struct turn *turn, struct store_unit *unit, struct arena *a,
        const struct askd_button *button, const char *skill)
{
	uint64_t id = id_make();
	char *token = arena_alloc(a, BUTTON_TOKEN + 1);
	json_t *object = json_object();
	struct askd_text sealed = {NULL, 0};

	if (token && object &&
	        !json_object_set_new(
	                object, "action", json_string(button->action.s ? button->action.s : "")) &&
	        !json_object_set_new(
	                object, "data", json_string(button->data.s ? button->data.s : "")))
		sealed = event_seal(turn->assistant, a, "buttons", id, json_write(a, object), NULL);
	json_decref(object);
	if (!sealed.s || !token_write(turn->assistant, id, token))
		return NULL;
	store_unit_add(unit, 1,
	        "insert into buttons (id, turn, conversation, skill, payload, expires_us) "
	        "values ($1, $2, $3, $4, $5, $6)",
	        STORE_PARAMS(store_id(id), store_id(turn->id), store_id(turn->conversation.id),
	                store_string(skill), store_bytes(sealed.s, (size_t)sealed.n),
	                store_int(clock_now_us() + (int64_t)BUTTON_TTL_MS * 1000)));
	return token;
}

int32_t button_find(
        struct turn *turn, struct askd_text token, struct button *button, struct askd_error *reterr)
{
	struct arena *a = &turn->state.arena;
	char mine[BUTTON_TOKEN + 1];
	struct store_rows rows;
	struct askd_text payload;
	json_t *object;
	uint64_t id;
	int32_t rc;

	if (!token.s || token.n != BUTTON_TOKEN)
		return askd_fail(reterr, ASKD_E_DENIED, "a token has %d bytes", BUTTON_TOKEN);
	id = token_id(token.s);
	if (!token_write(turn->assistant, id, mine) || !crypto_equal(mine, token.s, BUTTON_TOKEN))
		return askd_fail(reterr, ASKD_E_DENIED, "a token that is not ours");
	rc = store_read(turn->assistant->rooms.store, STORE_MANAGER, a, NULL,
	        ASKD_LITERAL("select conversation, skill, payload, expires_us from buttons "
	                     "where id = $1"),
	        STORE_PARAMS(store_id(id)), 1, &rows, reterr);
	if (rc)
		return rc;
	if (!rows.rows || store_cell_int(&rows, 0, 3) <= clock_now_us())
		return askd_fail(reterr, ASKD_E_NOT_FOUND, "a button whose time is over");
	if ((uint64_t)store_cell_int(&rows, 0, 0) != turn->conversation.id)
		return askd_fail(reterr, ASKD_E_DENIED, "a button of another conversation");
	payload = event_unseal(
	        turn->assistant, a, "buttons", id, store_cell_text(&rows, 0, 2), reterr);
	if (!payload.s)
		return reterr ? reterr->code : ASKD_E_INTERNAL;
	if (!(object = json_read(payload, reterr)))
		return reterr ? reterr->code : ASKD_E_INTERNAL;
	*button = (struct button){.conversation = turn->conversation.id,
	        .skill = arena_string(a, store_cell_text(&rows, 0, 1).s),
	        .action = arena_string(a, json_get_string(object, "action")),
	        .data = arena_string(a, json_get_string(object, "data"))};
	json_decref(object);
	return button->skill && button->action && button->data
	               ? ASKD_OK
	               : askd_fail(reterr, ASKD_E_NOMEM, "no memory for a button");
}
