/* keys.c: API keys. Only the hash of a key is kept. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/error.h"
#include "base/signal.h"
#include "base/text.h"
#include "people/people_private.h"
#include "store/audit.h"

enum { KEY_TEXT = 5 + 43, KEYS_MAX = 10000 };

static const int64_t used_every_us = 60 * 1000000;

#define KEY_COLUMNS                                                                         \
	"k.id, k.person, k.organisation, k.name, k.databases, k.created_us, k.revoked_us, " \
	"k.used_us"
enum { KEY_COLUMN_COUNT = 8 };

static void take_key(const struct store_rows *rows, size_t row, struct people_key *key)
{
	struct askd_text name = store_cell_text(rows, row, 3),
	                 databases = store_cell_text(rows, row, 4);

	*key = (struct people_key){.id = (uint64_t)store_cell_int(rows, row, 0),
	        .person = (uint64_t)store_cell_int(rows, row, 1),
	        .organisation = (uint64_t)store_cell_int(rows, row, 2),
	        .created_us = store_cell_int(rows, row, 5),
	        .revoked_us = store_cell_int(rows, row, 6),
	        .used_us = store_cell_int(rows, row, 7)};
	snprintf(key->name, sizeof key->name, "%s", name.s ? name.s : "");
	snprintf(key->databases, sizeof key->databases, "%s", databases.s ? databases.s : "");
}

static bool name_is_sound(const char *name)
{
	size_t n = strlen(name);

	return n && n < sizeof((struct people_key *)0)->name && *name != '-' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
	               n;
}

int32_t people_key_create(struct people *people, const struct call_scope *scope, uint64_t person,
        const char *name, const char *databases, char text[64], struct people_key *key,
        struct askd_error *reterr)
{
	unsigned char secret[32], hash[CRYPTO_HASH];
	struct people_key made = {.id = id_make(), .person = person, .created_us = clock_now_us()};
	struct person owner;
	struct store_unit *unit;
	char subject[80], plain[KEY_TEXT + 1] = "askd_";
	int32_t rc;

	if (!databases)
		databases = "";
	if (!name || !name_is_sound(name))
		return askd_fail(reterr, ASKD_E_INVALID,
		        "'%.64s' is no name for a key: use 1 to 63 letters, digits, '.', '_' or "
		        "'-'",
		        name ? name : "");
	if (strlen(databases) >= sizeof made.databases)
		return askd_fail(reterr, ASKD_E_TOO_LARGE,
		        "the names of a key's databases are longer than %zu bytes",
		        sizeof made.databases - 1);
	rc = people_find(people, person, &owner, reterr);
	if (rc)
		return rc;
	snprintf(made.name, sizeof made.name, "%s", name);
	snprintf(made.databases, sizeof made.databases, "%s", databases);
	made.organisation = owner.organisation;
	random_bytes(secret, sizeof secret);
	crypto_base64url(secret, sizeof secret, plain + 5);
	crypto_wipe(secret, sizeof secret);
	if (!crypto_sha256(plain, KEY_TEXT, hash))
		return askd_fail(reterr, ASKD_E_INTERNAL, "a key cannot be made");
	unit = store_unit_create(people->store, STORE_MANAGER);
	store_unit_add(unit, 1,
	        "INSERT INTO api_keys (id, name, person, organisation, databases, hash, "
	        "created_us) "
	        "VALUES ($1, $2, $3, $4, $5, $6, $7)",
	        STORE_PARAMS(store_int((int64_t)made.id), store_string(name),
	                store_int((int64_t)person), store_id(made.organisation),
	                store_string(databases), store_bytes(hash, sizeof hash),
	                store_int(made.created_us)));
	snprintf(subject, sizeof subject, "key/%s", name);
	audit_add(unit,
	        &(struct audit_entry){.scope = scope, .action = "key.created", .subject = subject});
	rc = store_commit(unit, reterr);
	if (rc == ASKD_E_CONFLICT)
		rc = askd_fail(reterr, ASKD_E_CONFLICT,
		        "there is a key '%s' already: choose another name, or revoke that one "
		        "first",
		        name);
	if (!rc) {
		memcpy(text, plain, sizeof plain);
		if (key)
			*key = made;
	}
	crypto_wipe(plain, sizeof plain);
	return rc;
}

int32_t people_key_list(struct people *people, struct arena *a, const struct people_key **keys,
        size_t *count, struct askd_error *reterr)
{
	struct people_key *out;
	struct store_rows rows;
	int32_t rc = store_read(people->store, STORE_MANAGER, a, NULL,
	        ASKD_LITERAL("SELECT " KEY_COLUMNS " FROM api_keys k ORDER BY k.created_us, k.id"),
	        NULL, 0, KEYS_MAX, &rows, reterr);

	if (rc)
		return rc;
	out = arena_alloc(a, rows.rows * sizeof *out + 1);
	if (!out)
		return askd_fail(reterr, ASKD_E_TOO_LARGE, "no room for the keys");
	for (size_t i = 0; i < rows.rows; i++)
		take_key(&rows, i, &out[i]);
	*keys = out;
	*count = rows.rows;
	return ASKD_OK;
}

static int32_t no_such_key(struct people *people, const char *name, struct askd_error *reterr)
{
	const struct people_key *keys;
	const char **names, *nearest = NULL;
	struct arena a;
	size_t count, n = 0;
	int32_t rc;

	arena_init(&a, 0);
	rc = people_key_list(people, &a, &keys, &count, reterr);
	if (rc)
		goto out;
	names = arena_zalloc(&a, (count + 1) * sizeof *names);
	for (size_t i = 0; names && i < count; i++)
		if (!keys[i].revoked_us)
			names[n++] = keys[i].name;
	if (names)
		nearest = text_nearest(name, names);
	rc = askd_fail(reterr, ASKD_E_NOT_FOUND, "there is no key '%.64s'%s%s%s; see askd key list",
	        name, nearest ? ", did you mean '" : "", nearest ? nearest : "",
	        nearest ? "'?" : "");
out:
	arena_finish(&a);
	return rc;
}

int32_t people_key_revoke(struct people *people, const struct call_scope *scope, const char *name,
        struct askd_error *reterr)
{
	struct store_rows rows;
	struct store_unit *unit;
	char subject[80];
	struct arena a;
	uint64_t id;
	int32_t rc;

	arena_init(&a, 0);
	rc = store_read(people->store, STORE_MANAGER, &a, NULL,
	        ASKD_LITERAL("SELECT id FROM api_keys WHERE name = $1 AND revoked_us IS NULL"),
	        STORE_PARAMS(store_string(name)), 1, &rows, reterr);
	id = !rc && rows.rows ? (uint64_t)store_cell_int(&rows, 0, 0) : 0;
	arena_finish(&a);
	if (rc)
		return rc;
	if (!id)
		return no_such_key(people, name, reterr);
	unit = store_unit_create(people->store, STORE_MANAGER);
	store_unit_add(unit, 1,
	        "UPDATE api_keys SET revoked_us = $1 WHERE id = $2 AND revoked_us IS NULL",
	        STORE_PARAMS(store_int(clock_now_us()), store_int((int64_t)id)));
	snprintf(subject, sizeof subject, "key/%.63s", name);
	audit_add(unit,
	        &(struct audit_entry){.scope = scope, .action = "key.revoked", .subject = subject});
	rc = store_commit(unit, reterr);
	if (!rc)
		signal_raise(SIGNAL_KEY_REVOKED, &id);
	return rc;
}

int32_t keys_find(
        struct people *people, uint64_t id, struct people_key *key, struct askd_error *reterr)
{
	struct people_key *cached = &people->keys[id % PEOPLE_KEYS];
	struct store_rows rows;
	struct arena a;
	uint64_t generation;
	bool found;
	int32_t rc;

	pthread_mutex_lock(&people->lock);
	generation = people_refresh(people);
	found = id && cached->id == id;
	if (found)
		*key = *cached;
	pthread_mutex_unlock(&people->lock);
	if (found)
		return ASKD_OK;
	arena_init(&a, 0);
	rc = store_read(people->store, STORE_MANAGER, &a, NULL,
	        ASKD_LITERAL("SELECT " KEY_COLUMNS " FROM api_keys k WHERE k.id = $1"),
	        STORE_PARAMS(store_int((int64_t)id)), 1, &rows, reterr);
	if (!rc && !rows.rows)
		rc = askd_fail(reterr, ASKD_E_NOT_FOUND, "there is no such key");
	if (!rc)
		take_key(&rows, 0, key);
	arena_finish(&a);
	if (rc)
		return rc;
	pthread_mutex_lock(&people->lock);
	if (people_refresh(people) == generation)
		*cached = *key;
	pthread_mutex_unlock(&people->lock);
	return ASKD_OK;
}

/* That it is used, at most once a minute; may be lost in a crash. */
static void note_use(struct people *people, const struct people_key *key)
{
	struct store_unit *unit;
	int64_t now_us = clock_now_us();

	if (key->used_us && now_us - key->used_us < used_every_us)
		return;
	unit = store_unit_create(people->store, STORE_MANAGER);
	store_unit_add(unit, -1, "UPDATE api_keys SET used_us = $1 WHERE id = $2",
	        STORE_PARAMS(store_int(now_us), store_int((int64_t)key->id)));
	store_commit_later(unit);
}

int32_t people_key_verify(struct people *people, const char *text, struct people_key *key,
        struct person *person, struct askd_error *reterr)
{
	unsigned char hash[CRYPTO_HASH];
	struct store_rows rows;
	struct people_key found;
	struct arena a;
	int32_t rc;

	/* Whatever it is, it is hashed and looked up: the time tells nothing. */
	if (!crypto_sha256(text ? text : "", text ? strnlen(text, 256) : 0, hash))
		return askd_fail(reterr, ASKD_E_INTERNAL, "a key cannot be checked");
	arena_init(&a, 0);
	rc = store_read(people->store, STORE_MANAGER, &a, NULL,
	        ASKD_LITERAL("SELECT " KEY_COLUMNS ", " PERSON_COLUMNS
	                     ", k.hash FROM api_keys k JOIN persons p ON p.id = k.person "
	                     "WHERE k.hash = $1"),
	        STORE_PARAMS(store_bytes(hash, sizeof hash)), 1, &rows, reterr);
	if (rc)
		goto out;
	if (rows.rows)
		take_key(&rows, 0, &found);
	if (!rows.rows || found.revoked_us ||
	        !crypto_equal(store_cell_text(&rows, 0, KEY_COLUMN_COUNT + PERSON_COLUMN_COUNT).s,
	                hash, CRYPTO_HASH)) {
		rc = askd_fail(reterr, ASKD_E_AUTH, "the API key is unknown or was revoked");
		goto out;
	}
	/* A key never carries the rights of an administrator. */
	people_take(&rows, 0, KEY_COLUMN_COUNT, person);
	*key = found;
	note_use(people, key);
out:
	arena_finish(&a);
	return rc;
}
