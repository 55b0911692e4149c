/* key.c: the master key: read or made, compared with what the records were sealed with, and what is
 * derived from it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/testpoint.h"
#include "base/text.h"
#include "store/store_private.h"

enum { SEAL_VERSION = 1, SEAL_HEAD = 1 + STORE_KEY_ID, TABLE_NAME = 64, KEY_FILE = 256 };

/* ---- reading and making ---- */

static int digit64(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

static bool from_base64(const char *s, size_t n, unsigned char out[CRYPTO_KEY])
{
	unsigned long bits = 0;
	size_t have = 0, at = 0;

	if (n == 44 && s[43] == '=')
		n = 43;
	if (n != 43)
		return false;
	for (size_t i = 0; i < n; i++) {
		int digit = digit64(s[i]);
		if (digit < 0)
			return false;
		bits = (bits << 6 | (unsigned long)digit) & 0xffffff;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[at++] = (unsigned char)(bits >> have);
		}
	}
	/* 43 digits carry 258 bits: the last two must be 0. */
	return at == CRYPTO_KEY && !(bits & 3);
}

static int32_t key_parse(const char *text, const char *from, unsigned char out[CRYPTO_KEY],
        struct askd_error *reterr)
{
	size_t n = strlen(text);

	while (n && strchr(" \t\r\n", text[n - 1]))
		n--;
	while (n && strchr(" \t\r\n", *text))
		text++, n--;
	if ((n == 2 * CRYPTO_KEY && crypto_from_hex(text, n, out)) || from_base64(text, n, out))
		return ASKD_OK;
	return askd_fail(reterr, ASKD_E_CONFIG,
	        "%s: found %zu characters, expected a key of 32 bytes as 64 hexadecimal digits or "
	        "43 or 44 characters of base64 (openssl rand -hex 32)",
	        from, n);
}

static int32_t key_file_read(
        const char *path, unsigned char out[CRYPTO_KEY], struct askd_error *reterr)
{
	char text[KEY_FILE];
	struct stat st;
	ssize_t n;
	int32_t rc;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return askd_fail(reterr, errno == ENOENT ? ASKD_E_NOT_FOUND : ASKD_E_CONFIG,
		        "%s cannot be read: %s", path, strerror(errno));
	if (!fstat(fd, &st) && (st.st_mode & 077))
		log_warning("store", 0, "%s can be read by other users (mode %03o): chmod 600 it",
		        path, (unsigned)st.st_mode & 0777);
	n = read(fd, text, sizeof text - 1);
	if (n < 0) {
		rc = askd_fail(
		        reterr, ASKD_E_CONFIG, "%s cannot be read: %s", path, strerror(errno));
	} else {
		text[n] = 0;
		rc = key_parse(text, path, out, reterr);
	}
	close(fd);
	crypto_wipe(text, sizeof text);
	return rc;
}

/* Made beside and linked into place, so that a crash leaves a whole key or none. */
static int32_t key_file_make(const char *state_dir, const char *path, unsigned char out[CRYPTO_KEY],
        struct askd_error *reterr)
{
	char name[STORE_PATH + 32], text[2 * CRYPTO_KEY + 2];
	int fd, folder;
	bool ok;

	random_bytes(out, CRYPTO_KEY);
	crypto_hex(out, CRYPTO_KEY, text);
	text[2 * CRYPTO_KEY] = '\n';
	snprintf(name, sizeof name, "%s.new", path);
	unlink(name);
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	ok = fd >= 0 && write(fd, text, 2 * CRYPTO_KEY + 1) == 2 * CRYPTO_KEY + 1 && !fsync(fd);
	if (fd >= 0 && close(fd))
		ok = false;
	TESTPOINT("key_made");
	ok = ok && !link(name, path);
	if (fd >= 0)
		unlink(name);
	folder = ok ? open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	ok = ok && folder >= 0 && !fsync(folder);
	if (folder >= 0)
		close(folder);
	crypto_wipe(text, sizeof text);
	if (!ok)
		return askd_fail(reterr, ASKD_E_IO, "%s cannot be made: %s", path,
		        strerror(errno ? errno : ENOSPC));
	log_info("store", 0, "made the master key %s: keep a copy of it in a safe place", path);
	return ASKD_OK;
}

int32_t key_find(const struct config *config, const char *folder, unsigned char out[CRYPTO_KEY],
        struct askd_error *reterr)
{
	char path[STORE_PATH + 16];

	if (config->master_key) {
		log_hide(config->master_key);
		return key_parse(config->master_key, "security.master_key", out, reterr);
	}
	snprintf(path, sizeof path, "%s/master.key", folder);
	return key_file_read(path, out, reterr);
}

bool key_check_of(const unsigned char key[CRYPTO_KEY], unsigned char check[CRYPTO_KEY])
{
	return crypto_derive(key, NULL, 0, "askd/check", check);
}

bool key_backup_of(const unsigned char key[CRYPTO_KEY], unsigned char out[CRYPTO_KEY])
{
	return crypto_derive(key, NULL, 0, "askd/backup", out);
}

int32_t key_load(struct store *store, bool known, struct askd_error *reterr)
{
	const char *folder = store->config->state_dir;
	char path[STORE_PATH + 16];
	struct askd_error err = {0};
	int32_t rc = key_find(store->config, folder, store->master, &err);

	snprintf(path, sizeof path, "%s/master.key", folder);
	if (rc == ASKD_E_NOT_FOUND && !known)
		rc = key_file_make(folder, path, store->master, reterr);
	else if (rc)
		error_copy(reterr, &err);
	if (rc)
		return rc;
	if (!crypto_derive(store->master, NULL, 0, "askd/seal", store->seal_key) ||
	        !crypto_derive(store->master, NULL, 0, "askd/audit", store->head_key) ||
	        !key_check_of(store->master, store->check))
		return askd_fail(reterr, ASKD_E_INTERNAL, "keys cannot be derived");
	return ASKD_OK;
}

/* ---- what is dead with another key ---- */

struct sealed_column {
	struct arena *arena;
	const char *table;
	struct askd_text names[16];
	bool nullable[16];
	size_t count;
	bool full;
};

static int32_t take_table(const struct askd_db_table_sink *sink, const struct askd_db_table *table)
{
	struct sealed_column *out = sink->owner;

	if (!text_is(table->name, out->table))
		return ASKD_OK;
	for (size_t i = 0; table->columns && table->columns[i]; i++) {
		const struct askd_db_column *column = table->columns[i];
		if ((column->type != ASKD_BYTES && !text_is(column->type_name, "bytea")) ||
		        out->count == 16)
			continue;
		out->names[out->count] = arena_text(out->arena, column->name);
		out->nullable[out->count] = column->nullable;
		if (!out->names[out->count++].s)
			out->full = true;
	}
	return ASKD_OK;
}

static int32_t find_columns(
        struct store *store, struct sealed_column *columns, struct askd_error *reterr)
{
	struct store_part *part = &store->parts[STORE_MANAGER];
	const struct call_scope *scope = &part->writer.scope;
	struct store_connection connection = {0};
	struct plugin_call call;
	struct askd_db_table_sink sink = {.size = sizeof sink, .owner = columns, .put = take_table};
	struct askd_db_describe in = {
	        .size = sizeof in, .table = askd_text_of(columns->table), .tables = &sink};
	int32_t rc = reader_take(part, scope, &connection, reterr);

	if (rc)
		return rc;
	plugin_call_init(&call, scope, 0);
	rc = enter_database_iface_describe(
	        part->instance, NULL, connection.handle, &call, &in, NULL, reterr);
	plugin_call_finish(&call);
	reader_give(part, &connection, !rc);
	if (!rc && columns->full)
		rc = askd_fail(reterr, ASKD_E_NOMEM, "no memory to look at sealed records");
	return rc;
}

/* For each table with sealed records: how many, and, with a unit, the statements that delete them.
 */
static int32_t count_dead(struct store *store, struct store_unit *unit, uint64_t *total,
        struct buffer *words, struct askd_error *reterr)
{
	struct store_rows tables, count;
	struct buffer sql;
	struct arena a;
	int32_t rc;

	arena_init(&a, 0);
	buffer_init(&sql, 0);
	*total = 0;
	rc = store_read(store, STORE_MANAGER, &a, NULL,
	        ASKD_LITERAL("SELECT name FROM sealed_tables ORDER BY name"), NULL, 0, 1000,
	        &tables, reterr);
	for (size_t i = 0; !rc && i < tables.rows; i++) {
		struct sealed_column columns = {
		        .arena = &a, .table = store_cell_text(&tables, i, 0).s};
		rc = find_columns(store, &columns, reterr);
		if (rc || !columns.count)
			continue;
		buffer_clear(&sql);
		buffer_print(&sql, "SELECT count(*) FROM %s WHERE ", columns.table);
		for (size_t c = 0; c < columns.count; c++)
			buffer_print(&sql, "%s%s IS NOT NULL", c ? " OR " : "", columns.names[c].s);
		if (!sql.failed)
			rc = store_read(store, STORE_MANAGER, &a, NULL, buffer_text(&sql), NULL, 0,
			        1, &count, reterr);
		if (rc || sql.failed || !store_cell_int(&count, 0, 0))
			continue;
		*total += (uint64_t)store_cell_int(&count, 0, 0);
		buffer_print(words, "%s%lld in %s", words->n ? ", " : "",
		        (long long)store_cell_int(&count, 0, 0), columns.table);
		for (size_t c = 0; unit && c < columns.count; c++) {
			buffer_clear(&sql);
			if (columns.nullable[c])
				buffer_print(&sql, "UPDATE %s SET %s = NULL WHERE %s IS NOT NULL",
				        columns.table, columns.names[c].s, columns.names[c].s);
			else
				buffer_print(&sql, "DELETE FROM %s", columns.table);
			if (!sql.failed)
				store_unit_add(unit, -1, sql.s, NULL, 0);
		}
	}
	if (!rc && (sql.failed || words->failed))
		rc = askd_fail(reterr, ASKD_E_NOMEM, "no memory to look at sealed records");
	buffer_finish(&sql);
	arena_finish(&a);
	return rc;
}

static int32_t refuse(struct store *store, struct askd_error *reterr)
{
	struct buffer words;
	uint64_t total;
	int32_t rc;

	buffer_init(&words, 200);
	rc = count_dead(store, NULL, &total, &words, reterr);
	if (!rc)
		rc = askd_fail(reterr, ASKD_E_CONFIG,
		        "the master key is another one than that of the store in %s: records that "
		        "nobody can open without the old key: %s. Put the old key back (%s), or "
		        "give them up with `askd key forget-sealed`",
		        store->config->state_dir, words.n ? words.s : "none",
		        store->config->master_key ? "security.master_key"
		                                  : "master.key in state_dir");
	buffer_finish(&words);
	return rc;
}

static void add_check(struct store *store, struct store_unit *unit)
{
	store_unit_add(unit, 1,
	        "INSERT INTO meta (name, value) VALUES ('key_check', $1) "
	        "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
	        STORE_PARAMS(store_bytes(store->check, CRYPTO_KEY)));
}

static int32_t forget(struct store *store, uint64_t *total, struct askd_error *reterr)
{
	struct store_unit *unit = store_unit_create(store, STORE_MANAGER);
	struct buffer words;
	char details[64];
	int32_t rc;

	buffer_init(&words, 0);
	rc = count_dead(store, unit, total, &words, reterr);
	if (!rc)
		rc = chain_adopt(store, reterr);
	if (rc) {
		store_unit_destroy(unit);
		goto out;
	}
	snprintf(details, sizeof details, "{\"records\":%llu}", (unsigned long long)*total);
	add_check(store, unit);
	store_unit_add(unit, -1, "DELETE FROM sealed_tables", NULL, 0);
	audit_add(unit,
	        &(struct audit_entry){
	                .action = "key.replaced", .subject = "master key", .details = details});
	rc = store_commit(unit, reterr);
	if (!rc)
		log_warning("store", 0, "the master key was replaced; sealed records deleted: %s",
		        words.n ? words.s : "none");
out:
	buffer_finish(&words);
	return rc;
}

int32_t key_open(struct store *store, bool forgets, uint64_t *total, struct askd_error *reterr)
{
	struct store_unit *unit;
	struct store_rows rows;
	struct askd_text kept;
	struct arena a;
	bool known;
	int32_t rc;

	arena_init(&a, 0);
	rc = store_read(store, STORE_MANAGER, &a, NULL,
	        ASKD_LITERAL("SELECT value FROM meta WHERE name = 'key_check'"), NULL, 0, 1, &rows,
	        reterr);
	if (rc)
		goto out;
	known = rows.rows != 0;
	kept = known ? store_cell_text(&rows, 0, 0) : (struct askd_text){0};
	rc = key_load(store, known && !forgets, reterr);
	if (rc == ASKD_E_NOT_FOUND)
		rc = refuse(store, reterr);
	if (rc)
		goto out;
	if (known && (kept.n != CRYPTO_KEY || !crypto_equal(kept.s, store->check, CRYPTO_KEY))) {
		rc = forgets ? forget(store, total, reterr) : refuse(store, reterr);
		goto out;
	}
	rc = chain_load(store, reterr);
	if (rc || known)
		goto out;
	unit = store_unit_create(store, STORE_MANAGER);
	add_check(store, unit);
	audit_add(unit, &(struct audit_entry){.action = "store.created"});
	rc = store_commit(unit, reterr);
out:
	arena_finish(&a);
	return rc;
}

/* ---- sealing ---- */

void store_derive(struct store *store, const char *purpose, unsigned char key[32])
{
	char info[128];

	snprintf(info, sizeof info, "askd/use/%s", purpose);
	if (!crypto_derive(store->master, NULL, 0, info, key)) {
		log_error("store", 0, "a key cannot be derived");
		abort();
	}
}

/* The table is written down before the first record in it: units keep their order. */
static int32_t note_table(struct store *store, const char *place, struct askd_error *reterr)
{
	size_t n = strcspn(place, "|");
	struct store_unit *unit = NULL;
	int32_t rc = ASKD_OK;

	if (!n || n >= TABLE_NAME || place[n] != '|' ||
	        strspn(place, "abcdefghijklmnopqrstuvwxyz0123456789_") != n)
		return askd_fail(reterr, ASKD_E_INVALID,
		        "the place of a sealed record is a table, a bar and a row, not '%.60s'",
		        place);
	pthread_mutex_lock(&store->sealed_lock);
	for (size_t i = 0; i < store->sealed_count; i++)
		if (!strncmp(store->sealed[i], place, n) && !store->sealed[i][n])
			goto out;
	unit = store_unit_create(store, STORE_MANAGER);
	if (!unit || store->sealed_count == sizeof store->sealed / sizeof *store->sealed) {
		rc = askd_fail(reterr, ASKD_E_NOMEM, "no room for one more sealed table");
		store_unit_destroy(unit);
		goto out;
	}
	memcpy(store->sealed[store->sealed_count], place, n);
	store->sealed[store->sealed_count][n] = 0;
	store_unit_add(unit, -1,
	        "INSERT INTO sealed_tables (name) VALUES ($1) ON CONFLICT (name) DO NOTHING",
	        STORE_PARAMS(store_string(store->sealed[store->sealed_count])));
	store->sealed_count++;
	store_commit_later(unit);
out:
	pthread_mutex_unlock(&store->sealed_lock);
	return rc;
}

int32_t store_seal(struct store *store, struct arena *a, const char *place, struct askd_bytes plain,
        struct askd_bytes *sealed, struct askd_error *reterr)
{
	size_t n = (size_t)plain.n + SEAL_HEAD + CRYPTO_SEAL_EXTRA;
	unsigned char *out;
	int32_t rc = note_table(store, place, reterr);

	if (rc)
		return rc;
	out = plain.n < UINT32_MAX - SEAL_HEAD - CRYPTO_SEAL_EXTRA ? arena_alloc(a, n) : NULL;
	if (!out)
		return askd_fail(reterr, ASKD_E_TOO_LARGE, "no room for a sealed record");
	out[0] = SEAL_VERSION;
	memcpy(out + 1, store->check, STORE_KEY_ID);
	if (!crypto_seal(store->seal_key, place, strlen(place), plain.p, (size_t)plain.n,
	            out + SEAL_HEAD))
		return askd_fail(reterr, ASKD_E_INTERNAL, "a record cannot be sealed");
	*sealed = (struct askd_bytes){out, n};
	return ASKD_OK;
}

int32_t store_unseal(struct store *store, struct arena *a, const char *place,
        struct askd_bytes sealed, struct askd_bytes *plain, struct askd_error *reterr)
{
	const unsigned char *p = sealed.p;
	unsigned char *out;
	size_t n;

	if (!p || sealed.n < SEAL_HEAD + CRYPTO_SEAL_EXTRA || p[0] != SEAL_VERSION)
		return askd_fail(reterr, ASKD_E_PROTOCOL, "the record %.100s is damaged", place);
	if (memcmp(p + 1, store->check, STORE_KEY_ID) != 0)
		return askd_fail(reterr, ASKD_E_CONFIG,
		        "the record %.100s was sealed with another master key: put that key back",
		        place);
	n = (size_t)sealed.n - SEAL_HEAD - CRYPTO_SEAL_EXTRA;
	out = arena_alloc(a, n + 1);
	if (!out)
		return askd_fail(reterr, ASKD_E_TOO_LARGE, "no room for a sealed record");
	if (!crypto_open(store->seal_key, place, strlen(place), p + SEAL_HEAD,
	            (size_t)sealed.n - SEAL_HEAD, out))
		return askd_fail(reterr, ASKD_E_PROTOCOL,
		        "the record %.100s was changed, or moved from another place", place);
	out[n] = 0;
	*plain = (struct askd_bytes){out, n};
	return ASKD_OK;
}
