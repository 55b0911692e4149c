/* backup.h: the whole state as one archive, and back. The archive is a plain tar:
 *
 *     askd-backup/README          what this is, and how to put it back
 *     askd-backup/master.key      only when asked for
 *     askd-backup/config/...      only when asked for; never put back by itself
 *     askd-backup/manager.db      both databases, each as it stood at one moment
 *     askd-backup/costs.db
 *     askd-backup/manifest.json   size and SHA-256 of each, rows of each table, version, time
 *     askd-backup/manifest.mac    HMAC of the manifest under a key derived from the master key
 *
 * The manager database is copied first: a stage that is booked in `costs` and not yet marked as
 * booked in `manager` is not booked twice, while the reverse would lose money. */
#ifndef STORE_BACKUP_H
#define STORE_BACKUP_H

#include "store/store.h"

#define BACKUP_ROOT "askd-backup/"

struct backup_wish {
	const struct call_scope *scope; /* its cancel ends it */
	const char *version;            /* of the program */
	bool with_key, with_config;
	int out; /* the archive goes there, from front to back */
};
/* While the store is in use: neither readers nor the writer wait. Each copy is checked (structure,
 * audit, key) before it goes out; it stands in state_dir meanwhile. UNSUPPORTED: a database of the
 * store is no file. BUSY: another backup runs. [any] */
int32_t store_backup(
        struct store *store, const struct backup_wish *wish, struct askd_error *reterr);
/* Notes that an archive is safe where it is now; for backup_last and the audit. [any] */
int32_t store_backup_made(struct store *store, const struct call_scope *scope, const char *where,
        uint64_t bytes, struct askd_error *reterr);
/* The JSON of the last one ({"at_us", "where", "bytes"}), or absent. In the arena. [any] */
int32_t store_backup_last(
        struct store *store, struct arena *a, struct askd_text *json, struct askd_error *reterr);

/* Looks through both databases page by page. PROTOCOL: one is damaged. [main] */
int32_t store_check_structure(struct store *store, struct askd_error *reterr);

/* What an archive says about itself. In the arena. */
struct backup_file {
	const char *name; /* "manager.db" */
	uint64_t size, rows;
	struct backup_file *next;
};
struct backup_manifest {
	const char *version, *made; /* of the program; ISO 8601 */
	int64_t made_us;
	uint64_t audit_rows;
	bool with_key, with_config;
	struct backup_file *files;
	unsigned char key_check[32], mac[32]; /* of the key; of the manifest, as it stands there */
	struct askd_text text;
};
/* Reads an archive to its end and compares every size and sum with its manifest. folder: NULL, or
 * where its databases and key are put. PROTOCOL with what is wrong. [any] */
int32_t backup_read(int fd, const char *folder, struct arena *a, struct backup_manifest *manifest,
        struct askd_error *reterr);

/* Putting an archive back. Holds the lock of state_dir from begin to finish. */
struct restore;
/* Reads the archive from fd into a folder in state_dir and checks all of it, its key too. Nothing
 * of the state changes. CONFLICT: state_dir is in use, or (without force) holds a state. [main] */
int32_t restore_begin(struct restore **restore, const struct config *config, int fd, bool force,
        struct askd_error *reterr);
const struct backup_manifest *restore_manifest(const struct restore *restore);
/* The configuration under which the unpacked state can be opened where it is. */
const struct config *restore_config(const struct restore *restore);
/* Puts it into the place of what is there, which keeps its name with this behind it
 * (".before-restore-20261121T183000Z"). From the moment at which this is decided a crash does not
 * take it back: whoever opens the state next goes on with it. The unpacked state is closed. [main]
 */
int32_t restore_commit(struct restore *restore, const char **suffix, struct askd_error *reterr);
void restore_finish(struct restore *restore); /* NULL is fine */

#endif
