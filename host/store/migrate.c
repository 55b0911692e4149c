/* migrate.c: numbered changes of the tables, each applied once and for ever. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "store/backup_private.h"

enum { MIGRATIONS_MAX = 10000, PREFIX_MAX = 100 };

static const char *part_name(enum store_database db)
{
	return db == STORE_MANAGER ? "manager" : "costs";
}

int32_t migrate_prepare(struct store *store, enum store_database db, struct askd_error *reterr)
{
	struct store_part *part = &store->parts[db];
	struct store_unit *unit = store_unit_create(store, db);
	struct store_rows rows;
	struct arena a;
	int32_t rc;

	store_unit_add(unit, -1,
	        "CREATE TABLE IF NOT EXISTS migrations (room text NOT NULL, number bigint NOT "
	        "NULL, "
	        "checksum bytea NOT NULL, at_us bigint NOT NULL, PRIMARY KEY (room, number))",
	        NULL, 0);
	rc = store_commit(unit, reterr);
	if (rc)
		return rc;
	arena_init(&a, 0);
	rc = store_read(store, db, &a, NULL, ASKD_LITERAL("SELECT count(*) FROM migrations"), NULL,
	        0, 1, &rows, reterr);
	if (!rc)
		part->fresh = store_cell_int(&rows, 0, 0) == 0;
	arena_finish(&a);
	return rc;
}

/* A copy of the whole file as it was, beside it. */
static int32_t save(struct store *store, enum store_database db, struct askd_error *reterr)
{
	struct store_part *part = &store->parts[db];
	const struct askd_database_iface *iface = plugin_instance_iface(part->instance);
	struct store_unit *unit = NULL;
	struct store_rows rows;
	struct buffer sql;
	const char *path, *fresh;
	struct arena a;
	int fd;
	int32_t rc;

	if (part->fresh || part->saved || !part->path || !iface->dialect ||
	        strcmp(iface->dialect->name, "sqlite") != 0)
		return ASKD_OK;
	arena_init(&a, 0);
	buffer_init(&sql, 0);
	rc = store_read(store, db, &a, NULL, ASKD_LITERAL("SELECT count(*) FROM migrations"), NULL,
	        0, 1, &rows, reterr);
	if (rc)
		goto out;
	path = arena_print(
	        &a, "%s.before-%lld", part->path, (long long)store_cell_int(&rows, 0, 0) + 1);
	fresh = arena_print(&a, "%s.new", path);
	buffer_add_string(&sql, "VACUUM INTO ");
	sql_add_literal(&sql, fresh ? fresh : "");
	unit = store_unit_create(store, db);
	if (!path || !fresh || sql.failed || !unit) {
		rc = askd_fail(reterr, ASKD_E_NOMEM, "no memory for a backup");
		goto out;
	}
	unlink(fresh);
	unit->alone = true;
	store_unit_add(unit, -1, sql.s, NULL, 0);
	rc = store_commit(unit, reterr);
	unit = NULL;
	if (rc) {
		error_prefix(reterr, "the backup before a change of the tables failed");
		unlink(fresh);
		goto out;
	}
	fd = open(fresh, O_RDWR | O_CLOEXEC);
	if (fd < 0 || fchmod(fd, 0600) || fsync(fd) || rename(fresh, path))
		rc = askd_fail(reterr, ASKD_E_IO, "the backup %s cannot be made: %s", path,
		        strerror(errno));
	if (fd >= 0)
		close(fd);
	if (!rc) {
		part->saved = true;
		log_info(
		        "store", 0, "saved %s before changing its tables, as %s", part->path, path);
	}
out:
	store_unit_destroy(unit);
	buffer_finish(&sql);
	arena_finish(&a);
	return rc;
}

static bool is_blank(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strchr(" \t\r\n;", s[i]))
			return false;
	return true;
}

/* Statements are separated by ";\n". */
static void add_statements(struct store_unit *unit, const char *sql, const char *prefix)
{
	while (*sql) {
		const char *end = strstr(sql, ";\n");
		size_t n = end ? (size_t)(end - sql) : strlen(sql);
		size_t used = n;
		while (used && strchr(" \t\r\n;", sql[used - 1]))
			used--;
		if (!is_blank(sql, used))
			store_unit_add_text(
			        unit, -1, (struct askd_text){sql, used}, NULL, 0, prefix);
		sql += end ? n + 2 : n;
	}
}

static int32_t apply(struct store *store, enum store_database db, const char *room,
        const struct askd_migration *migration, const unsigned char checksum[CRYPTO_HASH],
        struct askd_error *reterr)
{
	struct store_unit *unit = store_unit_create(store, db);
	const char *plugin = strrchr(room, '/');
	char prefix[PREFIX_MAX];
	int32_t rc;

	if (plugin) {
		snprintf(prefix, sizeof prefix, "%s_", plugin + 1);
		for (char *c = prefix; *c; c++)
			if (*c == '-')
				*c = '_';
	}
	add_statements(unit, migration->sql, plugin ? prefix : NULL);
	store_unit_add(unit, 1,
	        "INSERT INTO migrations (room, number, checksum, at_us) VALUES ($1, $2, $3, $4)",
	        STORE_PARAMS(store_string(room), store_int(migration->number),
	                store_bytes(checksum, CRYPTO_HASH), store_int(clock_now_us())));
	rc = store_commit(unit, reterr);
	if (rc)
		error_prefix(reterr, "%s database: migration %u of %s", part_name(db),
		        migration->number, room);
	return rc;
}

int32_t store_migrate(struct store *store, enum store_database db, const char *room,
        const struct askd_migration *const *list, struct askd_error *reterr)
{
	unsigned char checksum[CRYPTO_HASH];
	struct store_rows rows;
	struct arena a;
	size_t count = 0;
	int32_t rc;

	arena_init(&a, 0);
	rc = store_read(store, db, &a, NULL,
	        ASKD_LITERAL("SELECT number, checksum FROM migrations WHERE room = $1 "
	                     "ORDER BY number"),
	        STORE_PARAMS(store_string(room)), MIGRATIONS_MAX, &rows, reterr);
	while (!rc && list && list[count]) {
		if (list[count]->number != count + 1 || !list[count]->sql)
			rc = askd_fail(reterr, ASKD_E_INVALID,
			        "the migrations of %s are not numbered from 1 without gaps: found "
			        "%u, expected %zu",
			        room, list[count]->number, count + 1);
		count++;
	}
	if (!rc && rows.rows > count)
		rc = askd_fail(reterr, ASKD_E_CONFIG,
		        "the %s database is newer than this program: its tables of %s are at step "
		        "%zu, this program knows %zu. Use the newer version again, or put back the "
		        "backup that it made beside the file (.before-N)",
		        part_name(db), room, rows.rows, count);
	for (size_t i = 0; !rc && i < count; i++) {
		struct askd_text kept;
		if (!crypto_sha256(list[i]->sql, strlen(list[i]->sql), checksum)) {
			rc = askd_fail(reterr, ASKD_E_INTERNAL, "a checksum cannot be made");
			break;
		}
		if (i >= rows.rows) {
			rc = save(store, db, reterr);
			if (!rc)
				rc = apply(store, db, room, list[i], checksum, reterr);
			continue;
		}
		kept = store_cell_text(&rows, i, 1);
		if (store_cell_int(&rows, i, 0) != (int64_t)i + 1 || kept.n != CRYPTO_HASH ||
		        !crypto_equal(kept.s, checksum, CRYPTO_HASH))
			rc = askd_fail(reterr, ASKD_E_CONFIG,
			        "%s database: step %zu of the tables of %s is not the one that was "
			        "applied: this program was built from changed sources; use the "
			        "version that wrote the database",
			        part_name(db), i + 1, room);
	}
	arena_finish(&a);
	return rc;
}
