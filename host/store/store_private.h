/* store_private.h: what the files of this room share. */
#ifndef STORE_STORE_PRIVATE_H
#define STORE_STORE_PRIVATE_H

#include <pthread.h>
#include <semaphore.h>

#include "base/crypto.h"
#include "store/audit.h"

enum {
	STORE_READERS = 8,      /* connections that read, of each database */
	STORE_GROUP = 256,      /* units of one commit */
	STORE_AUDIT_VALUES = 8, /* of an entry: at_us, identity, ... details */
	STORE_KEY_ID = 4,
	STORE_PATH = 4096
};

struct store_connection {
	struct plugin_instance *instance;
	void *handle; /* NULL: not connected */
};

struct store_statement {
	struct store_statement *next;
	int32_t expect;
	bool audit; /* params are the values of an entry; there is no sql */
	struct askd_text sql, prefix;
	const struct askd_value *params;
	size_t count;
};

struct store_unit {
	struct store *store;
	enum store_database db;
	struct arena arena;
	struct store_statement *first, *last;
	struct store_unit *joined; /* their arenas hold statements of this one */
	struct askd_error error;   /* code != 0: it will not be written */
	bool alone;                /* one statement, outside a transaction */
	bool detached;
	sem_t ended; /* posted once, for the one who waits; he destroys it */
	struct store_unit *next;
};

/* Where the chain of the audit stands. */
struct audit_chain {
	uint64_t number;
	unsigned char hash[CRYPTO_HASH];
};

struct store_writer {
	struct store *store;
	enum store_database db;
	struct store_connection connection;
	struct cancel cancel;
	struct call_scope scope;
	struct plugin_call call;
	pthread_t thread;
	bool running;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t wake;
	struct store_unit *first, *last;
	bool stopping;
	/* Of the thread alone, once it runs. */
	struct audit_chain chain;
	bool dead; /* a commit failed for good */
	char reason[448];
};

struct store_readers {
	pthread_mutex_t lock;
	pthread_cond_t freed;
	struct store_connection idle[STORE_READERS];
	size_t idle_count, open_count;
};

struct store_part {
	struct config_instance config;
	struct plugin_instance *instance;
	const char *path; /* of the file; NULL: it is none */
	bool fresh;       /* it was empty at the start */
	bool saved;       /* the backup of this start is made */
	struct store_writer writer;
	struct store_readers readers;
};

struct store {
	const struct config *config;
	struct arena arena;
	int lock_fd;
	struct store_part parts[STORE_DATABASE_COUNT];
	unsigned char master[CRYPTO_KEY], seal_key[CRYPTO_KEY], head_key[CRYPTO_KEY];
	unsigned char check[CRYPTO_KEY]; /* what `meta` keeps of the key */
	pthread_mutex_t sealed_lock;
	char sealed[32][64]; /* tables that are known to hold sealed records */
	size_t sealed_count;
};

/* state.c */
int32_t state_lock(const char *state_dir, int *fd, struct askd_error *reterr);

/* key.c. key_find: the key of the configuration, or of the file master.key in `folder`; NOT_FOUND:
 * there is none. Nothing is made. */
int32_t key_find(const struct config *config, const char *folder, unsigned char out[CRYPTO_KEY],
        struct askd_error *reterr);
/* What `meta` keeps of a key. */
bool key_check_of(const unsigned char key[CRYPTO_KEY], unsigned char check[CRYPTO_KEY]);
/* The MAC key of backups. */
bool key_backup_of(const unsigned char key[CRYPTO_KEY], unsigned char out[CRYPTO_KEY]);
/* key_load: `known` says that records sealed with some key exist, so none is made. */
int32_t key_load(struct store *store, bool known, struct askd_error *reterr);
/* Loads the key, compares it with what `meta` keeps, begins a new store. `forget`: an other key is
 * accepted, what it cannot open is deleted and counted. */
int32_t key_open(struct store *store, bool forget, uint64_t *rows, struct askd_error *reterr);

/* connection.c */
int32_t connection_open(struct store_connection *connection, struct plugin_instance *instance,
        uint32_t flags, const struct call_scope *scope, struct askd_error *reterr);
void connection_close(struct store_connection *connection);
/* Runs one statement to its end. affected may be NULL. */
int32_t connection_run(struct store_connection *connection, struct plugin_call *call,
        const struct store_statement *statement, int64_t *affected, struct askd_error *reterr);
/* The same, with its rows. columns may be NULL; all in the arena. */
int32_t connection_read(struct store_connection *connection, struct plugin_call *call,
        const struct store_statement *statement, size_t max_rows, struct arena *a,
        struct store_rows *rows, const struct askd_db_column *const **columns,
        struct askd_error *reterr);

/* reader.c */
void readers_init(struct store_readers *readers);
void readers_finish(struct store_readers *readers);
int32_t reader_take(struct store_part *part, const struct call_scope *scope,
        struct store_connection *connection, struct askd_error *reterr);
void reader_give(struct store_part *part, struct store_connection *connection, bool sound);
int32_t reader_read(struct store *store, enum store_database db, const struct call_scope *scope,
        struct arena *a, const struct store_statement *statement, size_t max_rows,
        struct store_rows *rows, const struct askd_db_column *const **columns,
        struct askd_error *reterr);

/* backup.c: a file of the database plugin, attached to a connection under this name. */
#define STORE_COPY "copy"
struct store_copy {
	struct store_connection *connection;
	const struct call_scope *scope;
};
int32_t copy_read(const struct store_copy *copy, struct arena *a, const char *sql,
        const struct askd_value *params, size_t count, size_t max_rows, struct store_rows *rows,
        struct askd_error *reterr);

/* restore.c: a restore that had been decided when the program was killed goes on; what an
 * interrupted backup or restore left is removed. With the lock of state_dir, before anything is
 * opened. */
int32_t restore_go_on(const struct config *config, struct askd_error *reterr);

/* store.c: the plugin's options with another path. In the arena. */
const struct yaml_node *store_options(
        struct arena *a, const struct yaml_node *node, const char *path);

/* unit.c */
void unit_add_statement(struct store_unit *unit, int32_t expect, bool audit, struct askd_text sql,
        const struct askd_value *params, size_t count, const char *prefix);

/* writer.c */
int32_t writer_start(struct store *store, enum store_database db, struct askd_error *reterr);
void writer_stop(struct store_writer *writer);
void writer_queue(struct store_writer *writer, struct store_unit *unit);

/* group.c: one commit of several units. On return each has its error; true: the store is dead. */
bool group_write(struct store_writer *writer, struct store_unit **units, size_t count);

/* chain.c: the audit's rows. Begin: where it stands; before the first unit with an entry. */
int32_t chain_load(struct store *store, struct askd_error *reterr);
/* Takes the rows as they are: the key that sealed the head is gone. */
int32_t chain_adopt(struct store *store, struct askd_error *reterr);
int32_t chain_append(
        struct store_writer *writer, const struct askd_value *values, struct askd_error *reterr);
/* audit_verify, of the store or (copy: not NULL) of a copy of its manager database. */
int32_t chain_verify(struct store *store, const struct store_copy *copy, uint64_t *rows,
        struct askd_error *reterr);
/* Once at the end of each group that appended. */
int32_t chain_seal(struct store_writer *writer, struct askd_error *reterr);

/* migrate.c */
int32_t migrate_prepare(struct store *store, enum store_database db, struct askd_error *reterr);

/* service.c */
void service_use(struct store *store); /* NULL: none any more */

#endif
