/* event.c: events as JSON, and how rows are sealed. */
#include <stddef.h>

#include "assistant/inside.h"
#include "base/crypto.h"

static const struct {
	const char *name;
	size_t at;
} texts[] = {
        {"key", offsetof(struct askd_event, key)},
        {"conversation", offsetof(struct askd_event, conversation)},
        {"thread", offsetof(struct askd_event, thread)},
        {"sender", offsetof(struct askd_event, sender)},
        {"sender_name", offsetof(struct askd_event, sender_name)},
        {"forwarded_from", offsetof(struct askd_event, forwarded_from)},
        {"language", offsetof(struct askd_event, language)},
        {"text", offsetof(struct askd_event, text)},
        {"message", offsetof(struct askd_event, message)},
        {"token", offsetof(struct askd_event, token)},
        {"database", offsetof(struct askd_event, database)},
        {"tables", offsetof(struct askd_event, tables)},
        {"address", offsetof(struct askd_event, address)},
        {"reply_to", offsetof(struct askd_event, reply_to)},
};
enum { TEXTS = sizeof texts / sizeof texts[0] };

static int put_text(json_t *object, const char *name, struct askd_text text)
{
	return text.s ? json_object_set_new(object, name, json_stringn(text.s, (size_t)text.n)) : 0;
}

static struct askd_text get_text(struct arena *a, const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	if (!json_is_string(value))
		return (struct askd_text){NULL, 0};
	return arena_text(
	        a, (struct askd_text){json_string_value(value), json_string_length(value)});
}

struct askd_text event_write(struct arena *a, const struct askd_event *event)
{
	json_t *object = json_object(), *files = json_array();
	struct askd_text result = {NULL, 0};
	int bad = !object || !files;

	bad |= bad || json_object_set_new(object, "kind", json_integer(event->kind)) ||
	       json_object_set_new(object, "flags", json_integer(event->flags)) ||
	       json_object_set_new(object, "at_us", json_integer(event->at_us));
	for (size_t i = 0; !bad && i < TEXTS; i++) {
		struct askd_text text;

		memcpy(&text, (const char *)event + texts[i].at, sizeof text);
		bad = put_text(object, texts[i].name, text);
	}
	for (size_t i = 0; !bad && event->files && event->files[i]; i++) {
		const struct askd_remote_file *file = event->files[i];
		json_t *one = json_object();

		bad = !one || put_text(one, "ref", file->ref) ||
		      put_text(one, "name", file->name) || put_text(one, "mime", file->mime) ||
		      json_object_set_new(one, "length", json_integer((json_int_t)file->length));
		bad |= json_array_append_new(files, one);
	}
	if (!bad && json_array_size(files))
		bad = json_object_set(object, "files", files);
	if (!bad)
		result = json_write(a, object);
	json_decref(files);
	json_decref(object);
	return result;
}

const struct askd_event *event_read(
        struct arena *a, struct askd_text text, struct askd_error *reterr)
{
	json_t *object = json_read(text, reterr);
	struct askd_event *event = arena_zalloc(a, sizeof *event);
	const json_t *files = json_object_get(object, "files");
	size_t count = json_array_size(files);
	const struct askd_remote_file **list;

	if (!object)
		return NULL;
	list = arena_zalloc(a, (count + 1) * sizeof *list);
	if (!event || !list)
		goto fail;
	event->size = sizeof *event;
	event->kind = (uint32_t)json_get_int(object, "kind", 0);
	event->flags = (uint32_t)json_get_int(object, "flags", 0);
	event->at_us = json_get_int(object, "at_us", 0);
	for (size_t i = 0; i < TEXTS; i++) {
		struct askd_text one = get_text(a, object, texts[i].name);

		memcpy((char *)event + texts[i].at, &one, sizeof one);
	}
	for (size_t i = 0; i < count; i++) {
		const json_t *one = json_array_get(files, i);
		struct askd_remote_file *file = arena_zalloc(a, sizeof *file);

		if (!file)
			goto fail;
		file->size = sizeof *file;
		file->fd = -1;
		file->length = (uint64_t)json_get_int(one, "length", 0);
		file->ref = get_text(a, one, "ref");
		file->name = get_text(a, one, "name");
		file->mime = get_text(a, one, "mime");
		list[i] = file;
	}
	event->files = list;
	if (a->full)
		goto fail;
	json_decref(object);
	return event;
fail:
	json_decref(object);
	askd_fail(reterr, ASKD_E_NOMEM, "no memory for a stored event");
	return NULL;
}

struct askd_text event_seal(struct assistant *assistant, struct arena *a, const char *table,
        uint64_t id, struct askd_text plain, struct askd_error *reterr)
{
	const char *place = arena_print(a, "%s|%llu", table, (unsigned long long)id);
	struct askd_bytes sealed = {NULL, 0};

	if (!place || !plain.s) {
		askd_fail(reterr, ASKD_E_NOMEM, "no memory to seal a row of %s", table);
		return (struct askd_text){NULL, 0};
	}
	if (store_seal(assistant->rooms.store, a, place, (struct askd_bytes){plain.s, plain.n},
	            &sealed, reterr))
		return (struct askd_text){NULL, 0};
	return (struct askd_text){sealed.p, sealed.n};
}

struct askd_text event_unseal(struct assistant *assistant, struct arena *a, const char *table,
        uint64_t id, struct askd_text sealed, struct askd_error *reterr)
{
	const char *place = arena_print(a, "%s|%llu", table, (unsigned long long)id);
	struct askd_bytes plain = {NULL, 0};
	struct askd_text text = {NULL, 0};

	if (!place) {
		askd_fail(reterr, ASKD_E_NOMEM, "no memory to read a row of %s", table);
		return text;
	}
	if (!sealed.s) {
		askd_fail(reterr, ASKD_E_NOT_FOUND, "row %s has no text any more", place);
		return text;
	}
	if (store_unseal(assistant->rooms.store, a, place, (struct askd_bytes){sealed.s, sealed.n},
	            &plain, reterr))
		return text;
	text.s = arena_copy(a, plain.p, (size_t)plain.n);
	text.n = text.s ? plain.n : 0;
	if (!text.s)
		askd_fail(reterr, ASKD_E_NOMEM, "no memory to read a row of %s", table);
	return text;
}

uint64_t conversation_id(const char *instance, const char *address)
{
	unsigned char hash[CRYPTO_HASH] = {0};
	struct buffer b;
	uint64_t id = 0;

	buffer_init(&b, 0);
	buffer_add(&b, instance, strlen(instance) + 1);
	buffer_add_string(&b, address);
	if (!b.failed && crypto_sha256(b.s, b.n, hash))
		memcpy(&id, hash, sizeof id);
	buffer_finish(&b);
	return id & INT64_MAX; /* 0: no memory */
}
