/* backup.c: makes an archive of the state while it is in use. */
#include "store/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/tar.h"
#include "base/testpoint.h"
#include "store/backup_private.h"

enum { PIECE = 1 << 16, TABLES_MAX = 10000, ROOM_LEFT = 4 << 20 };

struct backup {
	struct store *store;
	const struct backup_wish *wish;
	struct tar_writer tar;
	json_t *files;
	uint64_t audit_rows;
	char folder[STORE_PATH + 32];
};

/* ---- the archive ---- */

static int32_t tar_failed(const struct backup *b, struct askd_error *reterr)
{
	return b->tar.error == EPIPE
	               ? askd_fail(reterr, ASKD_E_CANCELED, "nobody takes the backup any more")
	               : askd_fail(reterr, ASKD_E_IO, "the backup cannot be written: %s",
	                         strerror(b->tar.error));
}

static int32_t note_file(struct backup *b, const char *name, uint64_t size,
        const unsigned char sum[CRYPTO_HASH], json_t *tables, struct askd_error *reterr)
{
	char hex[2 * CRYPTO_HASH + 1];
	json_t *file;

	crypto_hex(sum, CRYPTO_HASH, hex);
	file = json_pack("{s:s,s:I,s:s}", "name", name, "size", (json_int_t)size, "sha256", hex);
	if (tables && file && json_object_set(file, "rows", tables)) {
		json_decref(file);
		file = NULL;
	}
	return !file || json_array_append_new(b->files, file)
	               ? askd_fail(reterr, ASKD_E_NOMEM, "no memory for a backup")
	               : ASKD_OK;
}

static int32_t put_text(
        struct backup *b, const char *name, struct askd_text text, struct askd_error *reterr)
{
	char full[TAR_NAME];

	snprintf(full, sizeof full, BACKUP_ROOT "%s", name);
	tar_begin(&b->tar, full, text.n);
	tar_put(&b->tar, text.s, (size_t)text.n);
	tar_end(&b->tar, text.n);
	return b->tar.error ? tar_failed(b, reterr) : ASKD_OK;
}

static int32_t put_file(struct backup *b, const char *name, const char *path, json_t *tables,
        struct askd_error *reterr)
{
	struct crypto_sum *sum = crypto_sum_begin();
	unsigned char hash[CRYPTO_HASH];
	char full[TAR_NAME], piece[PIECE];
	struct stat st;
	uint64_t left;
	int32_t rc = ASKD_OK;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (!sum) {
		rc = askd_fail(reterr, ASKD_E_NOMEM, "no memory for a backup");
	} else if (fd < 0 || fstat(fd, &st)) {
		rc = askd_fail(reterr, ASKD_E_IO, "%s cannot be read: %s", path, strerror(errno));
	} else if (snprintf(full, sizeof full, BACKUP_ROOT "%s", name) >= (int)sizeof full) {
		rc = askd_fail(
		        reterr, ASKD_E_TOO_LARGE, "the name %.200s is too long for a backup", name);
	}
	if (rc)
		goto out;
	tar_begin(&b->tar, full, (uint64_t)st.st_size);
	for (left = (uint64_t)st.st_size; !rc && left;) {
		ssize_t got = read(fd, piece, left < sizeof piece ? (size_t)left : sizeof piece);

		if (got <= 0 || !crypto_sum_add(sum, piece, (size_t)got)) {
			rc = askd_fail(reterr, ASKD_E_IO, "%s cannot be read: %s", path,
			        got < 0 ? strerror(errno) : "it became shorter");
			break;
		}
		tar_put(&b->tar, piece, (size_t)got);
		left -= (uint64_t)got;
		if (b->tar.error)
			rc = tar_failed(b, reterr);
		else if (cancel_fired(b->wish->scope->cancel))
			rc = askd_fail(reterr, ASKD_E_CANCELED, "the backup was stopped");
	}
	tar_end(&b->tar, (uint64_t)st.st_size);
	if (!rc && b->tar.error)
		rc = tar_failed(b, reterr);
out:
	if (fd >= 0)
		close(fd);
	if (!crypto_sum_end(sum, hash) && !rc)
		rc = askd_fail(reterr, ASKD_E_INTERNAL, "a checksum cannot be made");
	return rc ? rc : note_file(b, name, (uint64_t)st.st_size, hash, tables, reterr);
}

/* ---- a copy of a database ---- */

void sql_add_literal(struct buffer *sql, const char *s)
{
	buffer_add_string(sql, "'");
	for (; *s; s++)
		buffer_add(sql, *s == '\'' ? "''" : s, *s == '\'' ? 2 : 1);
	buffer_add_string(sql, "'");
}

int32_t copy_read(const struct store_copy *copy, struct arena *a, const char *sql,
        const struct askd_value *params, size_t count, size_t max_rows, struct store_rows *rows,
        struct askd_error *reterr)
{
	struct store_statement statement = {
	        .sql = askd_text_of(sql), .params = params, .count = count};
	struct plugin_call call;
	int32_t rc;

	plugin_call_init(&call, copy->scope, 0);
	rc = connection_read(copy->connection, &call, &statement, max_rows, a, rows, NULL, reterr);
	plugin_call_finish(&call);
	return rc;
}

int32_t copy_check_structure(
        const struct store_copy *copy, const char *schema, struct askd_error *reterr)
{
	struct store_rows rows;
	struct arena a;
	const char *sql;
	int32_t rc;

	arena_init(&a, 0);
	sql = arena_print(&a, "PRAGMA %s.integrity_check(1)", schema);
	rc = sql ? copy_read(copy, &a, sql, NULL, 0, 2, &rows, reterr)
	         : askd_fail(reterr, ASKD_E_NOMEM, "no memory for a backup");
	if (!rc && (rows.rows != 1 || !text_is(store_cell_text(&rows, 0, 0), "ok")))
		rc = askd_fail(reterr, ASKD_E_PROTOCOL, "the database is damaged: %.300s",
		        rows.rows ? store_cell_text(&rows, 0, 0).s : "it cannot be checked");
	arena_finish(&a);
	return rc;
}

/* {"turns": 12, ...} */
static int32_t count_rows(const struct store_copy *copy, json_t **counts, struct askd_error *reterr)
{
	json_t *object = json_object();
	struct store_rows tables, count;
	struct arena a;
	int32_t rc;

	arena_init(&a, 0);
	rc = copy_read(copy, &a,
	        "SELECT name FROM " STORE_COPY ".sqlite_schema WHERE type = 'table' "
	        "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
	        NULL, 0, TABLES_MAX, &tables, reterr);
	for (size_t i = 0; !rc && i < tables.rows; i++) {
		struct buffer sql;

		buffer_init(&sql, 0);
		buffer_print(&sql, "SELECT count(*) FROM " STORE_COPY ".\"%s\"",
		        store_cell_text(&tables, i, 0).s);
		rc = sql.failed ? askd_fail(reterr, ASKD_E_NOMEM, "no memory for a backup")
		                : copy_read(copy, &a, sql.s, NULL, 0, 1, &count, reterr);
		if (!rc && json_object_set_new(object, store_cell_text(&tables, i, 0).s,
		                   json_integer(store_cell_int(&count, 0, 0))))
			rc = askd_fail(reterr, ASKD_E_NOMEM, "no memory for a backup");
		buffer_finish(&sql);
	}
	arena_finish(&a);
	if (rc)
		json_decref(object);
	else
		*counts = object;
	return rc;
}

static int32_t check_key(
        struct store *store, const struct store_copy *copy, struct askd_error *reterr)
{
	struct store_rows rows;
	struct askd_text kept = {0};
	struct arena a;
	int32_t rc;

	arena_init(&a, 0);
	rc = copy_read(copy, &a, "SELECT value FROM " STORE_COPY ".meta WHERE name = 'key_check'",
	        NULL, 0, 1, &rows, reterr);
	if (!rc && rows.rows)
		kept = store_cell_text(&rows, 0, 0);
	if (!rc && (kept.n != CRYPTO_KEY || !crypto_equal(kept.s, store->check, CRYPTO_KEY)))
		rc = askd_fail(reterr, ASKD_E_CONFLICT, "the copy is of another master key");
	arena_finish(&a);
	return rc;
}

static int32_t run(const struct store_copy *copy, const char *before, const char *path,
        const char *after, struct askd_error *reterr)
{
	struct store_statement statement = {0};
	struct plugin_call call;
	struct buffer sql;
	int32_t rc;

	buffer_init(&sql, 0);
	buffer_add_string(&sql, before);
	if (path)
		sql_add_literal(&sql, path);
	buffer_add_string(&sql, after);
	if (sql.failed) {
		buffer_finish(&sql);
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a backup");
	}
	statement.sql = buffer_text(&sql);
	plugin_call_init(&call, copy->scope, 0);
	rc = connection_run(copy->connection, &call, &statement, NULL, reterr);
	plugin_call_finish(&call);
	buffer_finish(&sql);
	return rc;
}

/* A backup must never be what fills the disk on which everybody's answers are stored. */
static int32_t check_room(const struct backup *b, const char *path, struct askd_error *reterr)
{
	struct statvfs fs;
	struct stat st;
	uint64_t room, needed = ROOM_LEFT;
	char wal[STORE_PATH + 8];

	snprintf(wal, sizeof wal, "%s-wal", path);
	if (!stat(path, &st))
		needed += (uint64_t)st.st_size;
	if (!stat(wal, &st))
		needed += (uint64_t)st.st_size;
	if (statvfs(b->folder, &fs))
		return askd_fail(reterr, ASKD_E_IO, "%s: %s", b->folder, strerror(errno));
	room = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (room >= needed)
		return ASKD_OK;
	return askd_fail(reterr, ASKD_E_IO,
	        "the copy needs %llu MB in %s for a moment, %llu MB are free: make room there",
	        (unsigned long long)(needed >> 20) + 1, b->store->config->state_dir,
	        (unsigned long long)(room >> 20));
}

static int32_t put_database(struct backup *b, enum store_database db, struct askd_error *reterr)
{
	const char *name = db == STORE_MANAGER ? "manager.db" : "costs.db";
	struct store_part *part = &b->store->parts[db];
	struct store_connection connection = {0};
	struct store_copy copy = {&connection, b->wish->scope};
	char path[STORE_PATH + 64];
	json_t *tables = NULL;
	int32_t rc = check_room(b, part->path, reterr);

	snprintf(path, sizeof path, "%s/%s", b->folder, name);
	if (!rc)
		rc = connection_open(
		        &connection, part->instance, ASKD_DB_WRITE, b->wish->scope, reterr);
	if (!rc)
		rc = run(&copy, "VACUUM INTO ", path, "", reterr);
	TESTPOINT("backup_copied");
	if (!rc)
		rc = run(&copy, "ATTACH ", path, " AS " STORE_COPY, reterr);
	if (!rc)
		rc = copy_check_structure(&copy, STORE_COPY, reterr);
	if (!rc && db == STORE_MANAGER)
		rc = check_key(b->store, &copy, reterr);
	if (!rc && db == STORE_MANAGER)
		rc = chain_verify(b->store, &copy, &b->audit_rows, reterr);
	if (!rc)
		rc = count_rows(&copy, &tables, reterr);
	if (!rc)
		rc = run(&copy, "DETACH " STORE_COPY, NULL, "", reterr);
	connection_close(&connection);
	if (!rc)
		rc = put_file(b, name, path, tables, reterr);
	else
		error_prefix(reterr, "store.%s", db == STORE_MANAGER ? "manager" : "costs");
	json_decref(tables);
	unlink(path);
	return rc;
}

/* ---- all of it ---- */

static const char readme[] =
        "A backup of the state of askd: persons, conversations, keys, costs and the audit.\n"
        "\n"
        "Put it back with\n"
        "\n"
        "    askd restore FILE\n"
        "\n"
        "while askd is stopped. Contents of conversations are sealed with the master key. It is "
        "in\n"
        "here only if there is a file master.key; else it must be in the state folder, or in the\n"
        "configuration, before that. manager.db and costs.db are SQLite databases.\n";

static int32_t put_key(struct backup *b, struct askd_error *reterr)
{
	char hex[2 * CRYPTO_KEY + 2];
	unsigned char sum[CRYPTO_HASH];
	int32_t rc;

	crypto_hex(b->store->master, CRYPTO_KEY, hex);
	hex[2 * CRYPTO_KEY] = '\n';
	hex[2 * CRYPTO_KEY + 1] = 0;
	rc = put_text(b, "master.key", (struct askd_text){hex, 2 * CRYPTO_KEY + 1}, reterr);
	if (!rc && !crypto_sha256(hex, 2 * CRYPTO_KEY + 1, sum))
		rc = askd_fail(reterr, ASKD_E_INTERNAL, "a checksum cannot be made");
	if (!rc)
		rc = note_file(b, "master.key", 2 * CRYPTO_KEY + 1, sum, NULL, reterr);
	crypto_wipe(hex, sizeof hex);
	return rc;
}

/* The main file and what is laid over it. */
static int32_t put_config(struct backup *b, struct askd_error *reterr)
{
	const char *path = b->store->config->path, *slash;
	char pattern[STORE_PATH], name[STORE_PATH];
	glob_t found = {0};
	int32_t rc;

	if (!path)
		return ASKD_OK;
	slash = strrchr(path, '/');
	rc = put_file(b, "config/askd.yaml", path, NULL, reterr);
	snprintf(pattern, sizeof pattern, "%.*sconf.d/*.yaml", slash ? (int)(slash - path + 1) : 0,
	        path);
	if (!rc && !glob(pattern, 0, NULL, &found))
		for (size_t i = 0; !rc && i < found.gl_pathc; i++) {
			snprintf(name, sizeof name, "config/conf.d/%s",
			        strrchr(found.gl_pathv[i], '/') + 1);
			rc = put_file(b, name, found.gl_pathv[i], NULL, reterr);
		}
	globfree(&found);
	return rc;
}

static int32_t put_manifest(struct backup *b, int64_t made_us, struct askd_error *reterr)
{
	unsigned char key[CRYPTO_KEY], mac[CRYPTO_HASH];
	char hex[2 * CRYPTO_HASH + 1], made[32], check[2 * CRYPTO_KEY + 1];
	struct askd_text text = {0};
	struct arena a;
	json_t *manifest;
	int32_t rc;

	arena_init(&a, 0);
	crypto_hex(b->store->check, CRYPTO_KEY, check);
	manifest = json_pack("{s:i,s:s,s:s,s:I,s:s,s:I,s:O}", "format", BACKUP_FORMAT, "askd",
	        b->wish->version, "made", clock_format(made_us, made, sizeof made), "made_us",
	        (json_int_t)made_us, "key_check", check, "audit_rows", (json_int_t)b->audit_rows,
	        "files", b->files);
	if (manifest)
		text = json_write(&a, manifest);
	if (!text.s || !key_backup_of(b->store->master, key) ||
	        !crypto_hmac(key, sizeof key, text.s, (size_t)text.n, mac)) {
		rc = askd_fail(reterr, ASKD_E_NOMEM, "no memory for a backup");
	} else {
		crypto_hex(mac, sizeof mac, hex);
		rc = put_text(b, "manifest.json", text, reterr);
		if (!rc)
			rc = put_text(b, "manifest.mac", askd_text_of(hex), reterr);
	}
	crypto_wipe(key, sizeof key);
	json_decref(manifest);
	arena_finish(&a);
	return rc;
}

void backup_clean(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		unlinkat(fd, entry->d_name, 0);
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
	rmdir(folder);
}

static int32_t make_archive(struct backup *b, struct askd_error *reterr)
{
	int64_t made_us = clock_now_us();
	int32_t rc;

	b->tar = (struct tar_writer){.fd = b->wish->out, .at_s = made_us / 1000000};
	rc = put_text(b, "README", askd_text_of(readme), reterr);
	if (!rc && b->wish->with_key)
		rc = put_key(b, reterr);
	if (!rc && b->wish->with_config)
		rc = put_config(b, reterr);
	if (!rc)
		rc = put_database(b, STORE_MANAGER, reterr);
	if (!rc)
		rc = put_database(b, STORE_COSTS, reterr);
	if (!rc)
		rc = put_manifest(b, made_us, reterr);
	if (rc)
		return rc;
	tar_finish(&b->tar);
	return b->tar.error ? tar_failed(b, reterr) : ASKD_OK;
}

int32_t store_backup(struct store *store, const struct backup_wish *wish, struct askd_error *reterr)
{
	static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
	struct backup b = {.store = store, .wish = wish};
	int32_t rc;

	for (int db = 0; db < STORE_DATABASE_COUNT; db++) {
		const struct store_part *part = &store->parts[db];
		const struct askd_database_iface *iface = plugin_instance_iface(part->instance);

		if (!part->path || !iface->dialect || strcmp(iface->dialect->name, "sqlite") != 0)
			return askd_fail(reterr, ASKD_E_UNSUPPORTED,
			        "store.%s is kept by a server (plugin %s), not in a file: back it "
			        "up "
			        "with that server's own tool, such as pg_dump, and keep a copy of "
			        "the master key beside it",
			        part->config.name, part->config.plugin);
	}
	if (pthread_mutex_trylock(&one_at_a_time))
		return askd_fail(
		        reterr, ASKD_E_BUSY, "another backup is running: wait for its end");
	snprintf(b.folder, sizeof b.folder, "%s/" BACKUP_FOLDER, store->config->state_dir);
	backup_clean(b.folder);
	b.files = json_array();
	if (!b.files)
		rc = askd_fail(reterr, ASKD_E_NOMEM, "no memory for a backup");
	else if (mkdir(b.folder, 0700))
		rc = askd_fail(reterr, ASKD_E_IO, "%s: %s", b.folder, strerror(errno));
	else
		rc = make_archive(&b, reterr);
	backup_clean(b.folder);
	json_decref(b.files);
	pthread_mutex_unlock(&one_at_a_time);
	return rc;
}

int32_t store_check_structure(struct store *store, struct askd_error *reterr)
{
	struct cancel cancel;
	struct call_scope scope = {.cancel = &cancel};
	int32_t rc = ASKD_OK;

	cancel_init(&cancel);
	for (int db = 0; !rc && db < STORE_DATABASE_COUNT; db++) {
		struct store_part *part = &store->parts[db];
		struct store_connection connection = {0};
		const struct store_copy copy = {&connection, &scope};

		rc = connection_open(&connection, part->instance, ASKD_DB_WRITE, &scope, reterr);
		if (!rc)
			rc = copy_check_structure(&copy, "main", reterr);
		connection_close(&connection);
		if (rc)
			error_prefix(reterr, "store.%s", part->config.name);
	}
	cancel_finish(&cancel);
	return rc;
}

int32_t store_backup_made(struct store *store, const struct call_scope *scope, const char *where,
        uint64_t bytes, struct askd_error *reterr)
{
	struct store_unit *unit = store_unit_create(store, STORE_MANAGER);
	json_t *object = json_pack("{s:I,s:s%,s:I}", "at_us", (json_int_t)clock_now_us(), "where",
	        where, text_cut(where, strlen(where), 1000), "bytes", (json_int_t)bytes);
	struct askd_text json = {0};
	struct arena a;
	int32_t rc;

	arena_init(&a, 0);
	if (object)
		json = json_write(&a, object);
	json_decref(object);
	if (!json.s) {
		store_unit_destroy(unit);
		rc = askd_fail(reterr, ASKD_E_INVALID, "the name of the file is not valid UTF-8");
	} else {
		store_unit_add(unit, 1,
		        "INSERT INTO meta (name, value) VALUES ('last_backup', $1) "
		        "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
		        STORE_PARAMS(store_bytes(json.s, (size_t)json.n)));
		audit_add(unit, &(struct audit_entry){.scope = scope,
		                        .action = "backup.made",
		                        .subject = "state",
		                        .details = json.s});
		rc = store_commit(unit, reterr);
	}
	arena_finish(&a);
	return rc;
}

int32_t store_backup_last(
        struct store *store, struct arena *a, struct askd_text *json, struct askd_error *reterr)
{
	struct store_rows rows;
	int32_t rc = store_read(store, STORE_MANAGER, a, NULL,
	        ASKD_LITERAL("SELECT value FROM meta WHERE name = 'last_backup'"), NULL, 0, 1,
	        &rows, reterr);

	if (!rc)
		*json = rows.rows ? store_cell_text(&rows, 0, 0) : (struct askd_text){0};
	return rc;
}
