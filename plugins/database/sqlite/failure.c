/* failure.c: SQLite's result codes as the contract's errors. */
#include <errno.h>
#include <sys/stat.h>

#include "sqlite.h"

static const struct {
	int code;
	const char *name;
} names[] = {
#define NAME(code)          \
	{                   \
		code, #code \
	}
        NAME(SQLITE_ERROR),
        NAME(SQLITE_INTERNAL),
        NAME(SQLITE_PERM),
        NAME(SQLITE_ABORT),
        NAME(SQLITE_BUSY),
        NAME(SQLITE_LOCKED),
        NAME(SQLITE_NOMEM),
        NAME(SQLITE_READONLY),
        NAME(SQLITE_INTERRUPT),
        NAME(SQLITE_IOERR),
        NAME(SQLITE_CORRUPT),
        NAME(SQLITE_NOTFOUND),
        NAME(SQLITE_FULL),
        NAME(SQLITE_CANTOPEN),
        NAME(SQLITE_PROTOCOL),
        NAME(SQLITE_SCHEMA),
        NAME(SQLITE_TOOBIG),
        NAME(SQLITE_CONSTRAINT),
        NAME(SQLITE_MISMATCH),
        NAME(SQLITE_MISUSE),
        NAME(SQLITE_NOLFS),
        NAME(SQLITE_AUTH),
        NAME(SQLITE_RANGE),
        NAME(SQLITE_NOTADB),
        NAME(SQLITE_ERROR_MISSING_COLLSEQ),
        NAME(SQLITE_ABORT_ROLLBACK),
        NAME(SQLITE_BUSY_RECOVERY),
        NAME(SQLITE_BUSY_SNAPSHOT),
        NAME(SQLITE_BUSY_TIMEOUT),
        NAME(SQLITE_LOCKED_SHAREDCACHE),
        NAME(SQLITE_LOCKED_VTAB),
        NAME(SQLITE_READONLY_RECOVERY),
        NAME(SQLITE_READONLY_CANTLOCK),
        NAME(SQLITE_READONLY_ROLLBACK),
        NAME(SQLITE_READONLY_DBMOVED),
        NAME(SQLITE_READONLY_CANTINIT),
        NAME(SQLITE_READONLY_DIRECTORY),
        NAME(SQLITE_IOERR_READ),
        NAME(SQLITE_IOERR_SHORT_READ),
        NAME(SQLITE_IOERR_WRITE),
        NAME(SQLITE_IOERR_FSYNC),
        NAME(SQLITE_IOERR_DIR_FSYNC),
        NAME(SQLITE_IOERR_TRUNCATE),
        NAME(SQLITE_IOERR_FSTAT),
        NAME(SQLITE_IOERR_UNLOCK),
        NAME(SQLITE_IOERR_RDLOCK),
        NAME(SQLITE_IOERR_DELETE),
        NAME(SQLITE_IOERR_NOMEM),
        NAME(SQLITE_IOERR_ACCESS),
        NAME(SQLITE_IOERR_CHECKRESERVEDLOCK),
        NAME(SQLITE_IOERR_LOCK),
        NAME(SQLITE_IOERR_CLOSE),
        NAME(SQLITE_IOERR_SHMOPEN),
        NAME(SQLITE_IOERR_SHMSIZE),
        NAME(SQLITE_IOERR_SHMLOCK),
        NAME(SQLITE_IOERR_SHMMAP),
        NAME(SQLITE_IOERR_SEEK),
        NAME(SQLITE_IOERR_MMAP),
        NAME(SQLITE_IOERR_GETTEMPPATH),
        NAME(SQLITE_IOERR_DATA),
        NAME(SQLITE_IOERR_CORRUPTFS),
        NAME(SQLITE_CORRUPT_VTAB),
        NAME(SQLITE_CORRUPT_SEQUENCE),
        NAME(SQLITE_CORRUPT_INDEX),
        NAME(SQLITE_CANTOPEN_ISDIR),
        NAME(SQLITE_CANTOPEN_FULLPATH),
        NAME(SQLITE_CANTOPEN_NOTEMPDIR),
        NAME(SQLITE_CANTOPEN_SYMLINK),
        NAME(SQLITE_CONSTRAINT_CHECK),
        NAME(SQLITE_CONSTRAINT_COMMITHOOK),
        NAME(SQLITE_CONSTRAINT_FOREIGNKEY),
        NAME(SQLITE_CONSTRAINT_NOTNULL),
        NAME(SQLITE_CONSTRAINT_PRIMARYKEY),
        NAME(SQLITE_CONSTRAINT_TRIGGER),
        NAME(SQLITE_CONSTRAINT_UNIQUE),
        NAME(SQLITE_CONSTRAINT_ROWID),
        NAME(SQLITE_CONSTRAINT_DATATYPE),
#undef NAME
};

const char *failure_name(int extended)
{
	for (int pass = 0; pass < 2; pass++, extended &= 0xff)
		for (size_t i = 0; i < sizeof names / sizeof *names; i++)
			if (names[i].code == extended)
				return names[i].name;
	return "SQLITE_UNKNOWN";
}

static void set_native(struct askd_error *reterr, int extended)
{
	if (reterr)
		snprintf(reterr->native, sizeof reterr->native, "%s", failure_name(extended));
}

static int32_t code_of(const struct connection *connection, int extended, uint32_t *flags)
{
	switch (extended & 0xff) {
	case SQLITE_CONSTRAINT:
		switch (extended) {
		case SQLITE_CONSTRAINT_UNIQUE:
		case SQLITE_CONSTRAINT_PRIMARYKEY:
		case SQLITE_CONSTRAINT_FOREIGNKEY:
		case SQLITE_CONSTRAINT_ROWID:
			return ASKD_E_CONFLICT;
		default:
			return ASKD_E_INVALID;
		}
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
	case SQLITE_SCHEMA:
		*flags |= ASKD_ERR_RETRY;
		return connection->stopped ? connection->stopped : ASKD_E_BUSY;
	case SQLITE_INTERRUPT:
		return connection->stopped ? connection->stopped : ASKD_E_CANCELED;
	case SQLITE_AUTH:
		return ASKD_E_DENIED;
	case SQLITE_READONLY:
		return extended == SQLITE_READONLY ? ASKD_E_DENIED : ASKD_E_IO;
	case SQLITE_PERM:
		return ASKD_E_DENIED;
	case SQLITE_TOOBIG:
		return ASKD_E_TOO_LARGE;
	case SQLITE_NOMEM:
		return ASKD_E_NOMEM;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return ASKD_E_PROTOCOL;
	case SQLITE_IOERR:
		if (extended == SQLITE_IOERR_NOMEM)
			return ASKD_E_NOMEM;
		return ASKD_E_IO;
	case SQLITE_FULL:
	case SQLITE_CANTOPEN:
	case SQLITE_NOLFS:
		return ASKD_E_IO;
	case SQLITE_MISUSE:
	case SQLITE_INTERNAL:
		return ASKD_E_INTERNAL;
	default:
		return ASKD_E_STATEMENT;
	}
}

/* The system's errno behind a failed write: SQLite itself does not hand on that of a commit. */
static int32_t errno_of(sqlite3 *db, int extended)
{
	sqlite3_file *file = NULL;
	int found = sqlite3_system_errno(db);

	if (found || extended != SQLITE_IOERR_WRITE)
		return found;
	if (sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file) || !file ||
	        !file->pMethods ||
	        file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &found) || !found)
		sqlite3_file_control(db, "main", SQLITE_FCNTL_LAST_ERRNO, &found);
	return found;
}

/* What SQLite does not say. */
static const char *remedy_of(int error)
{
	return error == EMFILE || error == ENFILE
	               ? ": no descriptor is left, raise LimitNOFILE of the service or lower "
	                 "'connections' of the HTTP transport"
	               : "";
}

int32_t failure_report(
        struct connection *connection, int rc, bool commits, struct askd_error *reterr)
{
	int extended = sqlite3_extended_errcode(connection->db);
	const char *message = sqlite3_errmsg(connection->db);
	int offset = sqlite3_error_offset(connection->db);
	uint32_t flags = 0;
	int32_t code;
	if ((extended & 0xff) != (rc & 0xff)) {
		extended = rc;
		message = sqlite3_errstr(rc);
	}
	code = code_of(connection, extended, &flags);
	/* A table that is a function in disguise reports what was denied to it as a plain error. */
	if (code == ASKD_E_STATEMENT && connection->denied[0])
		code = ASKD_E_DENIED;
	if (code == ASKD_E_TIMEOUT || code == ASKD_E_CANCELED) {
		flags = 0;
		askd_fail(reterr, code, "%s",
		        code == ASKD_E_TIMEOUT ? "the deadline passed while the statement ran"
		                               : "the statement was canceled");
	} else if (code == ASKD_E_DENIED && connection->denied[0]) {
		askd_fail(reterr, code, "%s", connection->denied);
	} else if (code == ASKD_E_PROTOCOL) {
		askd_fail(reterr, code, "%s: %s", connection->driver->path,
		        (extended & 0xff) == SQLITE_NOTADB
		                ? "this is no SQLite database, or it is encrypted"
		                : "the database file is damaged");
	} else if (code == ASKD_E_IO) {
		askd_fail(reterr, code, "%s: %s%s", connection->driver->path, message,
		        remedy_of(errno_of(connection->db, extended)));
		if (commits && (extended & 0xff) == SQLITE_IOERR)
			flags |= ASKD_ERR_MAYBE_DONE;
	} else {
		askd_fail(reterr, code, "%s", message);
	}
	set_native(reterr, extended);
	if (reterr) {
		reterr->flags = flags;
		if (code == ASKD_E_STATEMENT && offset >= 0)
			reterr->position = (uint32_t)offset + 1;
		if (code == ASKD_E_IO)
			reterr->detail = errno_of(connection->db, extended);
	}
	return code;
}

int32_t failure_of_open(sqlite3 *db, int rc, const char *path, struct askd_error *reterr)
{
	int extended = db ? sqlite3_extended_errcode(db) : rc;
	struct stat st;
	int32_t code = ASKD_E_IO;
	if ((extended & 0xff) == SQLITE_NOMEM)
		code = askd_fail(reterr, ASKD_E_NOMEM, "no memory to open %s", path);
	else if (stat(path, &st) && (errno == ENOENT || errno == ENOTDIR))
		code = askd_fail(reterr, ASKD_E_NOT_FOUND, "%s: there is no such file", path);
	else if (!stat(path, &st) && S_ISDIR(st.st_mode))
		code = askd_fail(reterr, ASKD_E_NOT_FOUND,
		        "%s: this is a directory, not a database file", path);
	else if (db && (sqlite3_system_errno(db) == EACCES || sqlite3_system_errno(db) == EPERM))
		code = askd_fail(reterr, ASKD_E_DENIED, "%s: no permission to open it", path);
	else
		code = askd_fail(reterr, ASKD_E_IO, "%s: %s%s", path,
		        db ? sqlite3_errmsg(db) : sqlite3_errstr(rc),
		        remedy_of(db ? sqlite3_system_errno(db) : 0));
	set_native(reterr, extended);
	if (reterr && code == ASKD_E_IO)
		reterr->flags = ASKD_ERR_RETRY;
	if (reterr && db)
		reterr->detail = sqlite3_system_errno(db);
	return code;
}
