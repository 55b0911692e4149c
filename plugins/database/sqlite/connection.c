/* connection.c: opening a file, its limits, its clock, and its state between turns. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sqlite.h"

bool connection_must_stop(struct connection *connection)
{
	if (connection->stopped)
		return true;
	if (__atomic_load_n(&connection->interrupted, __ATOMIC_ACQUIRE))
		connection->stopped = ASKD_E_CANCELED;
	else if (connection->call && askd_canceled(connection->call))
		connection->stopped = ASKD_E_CANCELED;
	else if (connection->call && connection->call->deadline_us) {
		struct timespec now;
		clock_gettime(CLOCK_MONOTONIC, &now);
		if ((int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000 >=
		        connection->call->deadline_us)
			connection->stopped = ASKD_E_TIMEOUT;
	}
	return connection->stopped != 0;
}

int32_t connection_enter(
        struct connection *connection, struct askd_call *call, struct askd_error *reterr)
{
	connection->call = call;
	connection->stopped = 0;
	connection->denied[0] = 0;
	if (!connection_must_stop(connection))
		return ASKD_OK;
	connection->call = NULL;
	return askd_fail(reterr, connection->stopped, "%s",
	        connection->stopped == ASKD_E_TIMEOUT ? "the deadline has passed"
	                                              : "the connection was interrupted");
}

void connection_leave(struct connection *connection)
{
	connection->call = NULL;
}

static int on_progress(void *arg)
{
	return connection_must_stop(arg);
}

static int on_busy(void *arg, int count)
{
	static const uint8_t steps_ms[] = {1, 2, 5, 10, 15, 20};
	struct connection *connection = arg;
	int64_t waited_ms = 0;
	unsigned last = sizeof steps_ms - 1;
	struct timespec pause = {0, 0};
	if (connection_must_stop(connection))
		return 0;
	for (int i = 0; i < count && i < (int)last; i++)
		waited_ms += steps_ms[i];
	if (count > (int)last)
		waited_ms += (int64_t)(count - (int)last) * steps_ms[last];
	if (waited_ms >= connection->driver->busy_ms)
		return 0;
	pause.tv_nsec = steps_ms[count < (int)last ? (unsigned)count : last] * 1000000L;
	nanosleep(&pause, NULL);
	return 1;
}

/* Makes an empty file with mode 0600 unless there is one. It is linked into place when its
 * descriptor is closed already: closing a descriptor of a database would drop the locks that other
 * connections of this process hold on it. */
static int32_t create_file(const struct driver *driver, const char *path, struct askd_error *reterr)
{
	char name[4096 + 64];
	uint64_t chance = 0;
	struct stat st;
	int fd;
	int32_t rc = ASKD_OK;
	if (!stat(path, &st))
		return ASKD_OK;
	if (driver->host->random(driver->host, &chance, sizeof chance))
		return askd_fail(reterr, ASKD_E_IO, "no random numbers");
	if (snprintf(name, sizeof name, "%s.new-%016llx", path, (unsigned long long)chance) >=
	        (int)sizeof name)
		return askd_fail(reterr, ASKD_E_CONFIG, "'path' is too long");
	fd = open(name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		rc = askd_fail(reterr,
		        errno == ENOENT                     ? ASKD_E_NOT_FOUND
		        : errno == EACCES || errno == EROFS ? ASKD_E_DENIED
		                                            : ASKD_E_IO,
		        "%s: the file cannot be created: %s", path, strerror(errno));
	if (fd >= 0 && close(fd))
		rc = askd_fail(reterr, ASKD_E_IO, "%s: %s", path, strerror(errno));
	if (!rc && link(name, path) && errno != EEXIST)
		rc = askd_fail(reterr, ASKD_E_IO, "%s: the file cannot be created: %s", path,
		        strerror(errno));
	if (fd >= 0)
		unlink(name);
	return rc;
}

static void set_limits(struct connection *connection)
{
	sqlite3 *db = connection->db;
	sqlite3_limit(db, SQLITE_LIMIT_EXPR_DEPTH, LIMIT_DEPTH);
	sqlite3_limit(db, SQLITE_LIMIT_COMPOUND_SELECT, LIMIT_COMPOUND);
	sqlite3_limit(db, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, PATTERN_BYTES);
	sqlite3_limit(db, SQLITE_LIMIT_WORKER_THREADS, 0);
	sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, connection->writer ? WRITER_SQL : READER_SQL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0, NULL);
	if (connection->writer)
		return;
	sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, READER_LENGTH);
	sqlite3_limit(db, SQLITE_LIMIT_VDBE_OP, READER_PROGRAM);
	sqlite3_limit(db, SQLITE_LIMIT_TRIGGER_DEPTH, 0);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
}

/* The driver's own statements. json_each and json_tree are used once here: their first use declares
 * a table, which the authorizer would refuse later. */
static const char reader_setup[] = "PRAGMA query_only = 1;"
                                   "PRAGMA mmap_size = 0;"
                                   "SELECT count(*) FROM sqlite_schema;"
                                   "SELECT count(*) FROM json_each('[]');"
                                   "SELECT count(*) FROM json_tree('[]');";
static const char writer_setup[] = "PRAGMA mmap_size = 0;"
                                   "PRAGMA foreign_keys = 1;"
                                   "SELECT count(*) FROM sqlite_schema;"
                                   "SELECT count(*) FROM json_each('[]');"
                                   "SELECT count(*) FROM json_tree('[]');";

static int take_mode(void *arg, int columns, char **values, char **names)
{
	bool *wal = arg;
	(void)names;
	*wal = columns > 0 && values[0] && !strcmp(values[0], "wal");
	return 0;
}

static int32_t set_up(struct connection *connection, struct askd_error *reterr)
{
	sqlite3 *db = connection->db;
	bool wal = false;
	int rc = sqlite3_exec(
	        db, connection->writer ? writer_setup : reader_setup, NULL, NULL, NULL);
	if (rc == SQLITE_OK && connection->writer) {
		rc = sqlite3_exec(db, "PRAGMA journal_mode = WAL", take_mode, &wal, NULL);
		if (rc == SQLITE_OK && !wal)
			return askd_fail(reterr, ASKD_E_UNSUPPORTED,
			        "%s: write-ahead logging cannot be switched on: the file must be "
			        "on a "
			        "local file system with shared memory",
			        connection->driver->path);
		if (rc == SQLITE_OK)
			rc = sqlite3_exec(db,
			        connection->durable ? "PRAGMA synchronous = FULL"
			                            : "PRAGMA synchronous = NORMAL",
			        NULL, NULL, NULL);
	}
	if (rc == SQLITE_OK && !connection->writer)
		rc = functions_install(connection);
	if (rc == SQLITE_OK && !connection->writer)
		rc = pattern_install(connection);
	return rc == SQLITE_OK ? ASKD_OK : failure_report(connection, rc, false, reterr);
}

static void destroy(struct connection *connection)
{
	if (!connection)
		return;
	connection->trusted = true;
	cursor_release(&connection->cursor);
	statement_drop_all(connection);
	sqlite3_close_v2(connection->db);
	free(connection);
}

DRIVER_FN(connection_connect, askd_db_connect, askd_object)
{
	const struct driver *driver = self;
	struct connection *connection = calloc(1, sizeof *connection);
	const char *path = driver->path;
	char plain[4096 + 8];
	struct stat st;
	int32_t rc = ASKD_OK;
	int sqlite_rc;
	if (!connection)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a connection");
	connection->driver = driver;
	connection->writer = in->flags & ASKD_DB_WRITE;
	connection->durable = in->flags & ASKD_DB_DURABLE;
	connection->cursor.connection = connection;
	connection->trusted = true;
	rc = connection_enter(connection, call, reterr);
	if (rc)
		goto out;
	/* SQLite gives a meaning to names like "file:x?mode=rwc" and ":memory:", but to no path. */
	if (*path != '/') {
		if (snprintf(plain, sizeof plain, "./%s", path) >= (int)sizeof plain) {
			rc = askd_fail(reterr, ASKD_E_CONFIG, "'path' is too long");
			goto out;
		}
		path = plain;
	}
	if (connection->writer)
		rc = create_file(driver, path, reterr);
	if (rc)
		goto out;
	sqlite_rc = sqlite3_open_v2(path, &connection->db,
	        (connection->writer ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) |
	                SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE,
	        NULL);
	if (sqlite_rc != SQLITE_OK) {
		rc = failure_of_open(connection->db, sqlite_rc, driver->path, reterr);
		goto out;
	}
	if (stat(path, &st)) {
		rc = askd_fail(reterr, ASKD_E_NOT_FOUND, "%s: %s", driver->path, strerror(errno));
		goto out;
	}
	connection->device = st.st_dev;
	connection->inode = st.st_ino;
	if (connection->writer && sqlite3_db_readonly(connection->db, "main")) {
		rc = askd_fail(
		        reterr, ASKD_E_DENIED, "%s: the file cannot be written", driver->path);
		goto out;
	}
	set_limits(connection);
	sqlite3_busy_handler(connection->db, on_busy, connection);
	sqlite3_progress_handler(connection->db, PROGRESS_STEPS, on_progress, connection);
	rc = set_up(connection, reterr);
	if (!rc)
		rc = guard_install(connection, reterr);
	if (rc)
		goto out;
	connection->trusted = false;
	connection_leave(connection);
	out->handle = connection;
	connection = NULL;
out:
	destroy(connection);
	return rc;
}

DRIVER_FN(connection_interrupt, askd_nothing, askd_nothing)
{
	struct connection *connection = self;
	(void)call, (void)in, (void)out, (void)reterr;
	__atomic_store_n(&connection->interrupted, 1, __ATOMIC_RELEASE);
	sqlite3_interrupt(connection->db);
	return ASKD_OK;
}

/* The file that stands at the path now must be the one that was opened. No server has to be asked;
 * a statement would cost the locks and the look for a journal that the next one pays anyway. */
static int32_t check_file(const struct connection *connection, struct askd_error *reterr)
{
	struct stat st;
	int32_t rc = ASKD_OK;
	if (stat(connection->driver->path, &st))
		rc = askd_fail(reterr, errno == ENOENT ? ASKD_E_NOT_FOUND : ASKD_E_IO, "%s: %s",
		        connection->driver->path, strerror(errno));
	else if (st.st_dev != connection->device || st.st_ino != connection->inode)
		rc = askd_fail(reterr, ASKD_E_IO, "%s: the file was replaced by another one",
		        connection->driver->path);
	if (rc == ASKD_E_IO && reterr)
		reterr->flags = ASKD_ERR_RETRY;
	return rc;
}

DRIVER_FN(connection_reset, askd_nothing, askd_nothing)
{
	struct connection *connection = self;
	int32_t rc;
	int sqlite_rc = SQLITE_OK;
	(void)in, (void)out;
	__atomic_store_n(&connection->interrupted, 0, __ATOMIC_RELEASE);
	cursor_finish(&connection->cursor, call, NULL, NULL, NULL);
	rc = connection_enter(connection, call, reterr);
	if (rc)
		return rc;
	connection->trusted = true;
	if (!sqlite3_get_autocommit(connection->db))
		sqlite_rc = sqlite3_exec(connection->db, "ROLLBACK", NULL, NULL, NULL);
	rc = sqlite_rc == SQLITE_OK ? check_file(connection, reterr)
	                            : failure_report(connection, sqlite_rc, false, reterr);
	connection->trusted = false;
	connection_leave(connection);
	return rc;
}

DRIVER_FN(connection_disconnect, askd_nothing, askd_nothing)
{
	(void)call, (void)in, (void)out, (void)reterr;
	destroy(self);
	return ASKD_OK;
}
