/* sqlite.c: the plugin: SQLite 3 files, read by questions, written by the host's own state. */
#include <pthread.h>

#include "sqlite.h"

static const struct askd_option options[] = {
        {.name = "path",
                .help = "The database file. Readers never create it",
                .flags = ASKD_OPT_REQUIRED,
                .max = 4096,
                ASKD_OPTION_TEXT(struct driver, path)},
        {.name = "busy_timeout",
                .help = "How long to wait for another program's lock on the file",
                .def = "5s",
                .min = 0,
                .max = 600000,
                ASKD_OPTION_DURATION(struct driver, busy_ms)},
        {.name = NULL},
};

static pthread_once_t configured = PTHREAD_ONCE_INIT;

/* Counting its memory would make every allocation of every thread wait for one lock, and pages
 * taken in advance would cost 90 KB of each connection. Only before SQLite is initialised is it
 * told anything. */
static void configure(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
}

static int32_t driver_open(void *self, const struct askd_host *host, struct askd_error *reterr)
{
	struct driver *driver = self;
	if (!driver->path || !*driver->path)
		return askd_fail(
		        reterr, ASKD_E_CONFIG, "'path' is empty: write the path of an SQLite file");
	if (!strcmp(driver->path, ":memory:"))
		return askd_fail(reterr, ASKD_E_CONFIG,
		        "'path' is \":memory:\", a database that no other connection sees: write "
		        "the path of a file");
	pthread_once(&configured, configure);
	if (sqlite3_initialize() != SQLITE_OK)
		return askd_fail(reterr, ASKD_E_NOMEM, "SQLite cannot be initialised");
	if (!sqlite3_threadsafe())
		return askd_fail(reterr, ASKD_E_UNSUPPORTED,
		        "this SQLite library was built without threads");
	driver->host = host;
	return ASKD_OK;
}

ASKD_MAKE(static const struct askd_dialect, dialect, .name = "sqlite");

ASKD_MAKE(static const struct askd_database_iface, iface, .dialect = &dialect,
        .connect = connection_connect, .describe = describe_tables, .query = cursor_query,
        .next = cursor_next, .finish = cursor_finish, .interrupt = connection_interrupt,
        .reset = connection_reset, .disconnect = connection_disconnect);

ASKD_PLUGIN(.kind = ASKD_KIND_DATABASE, .name = "sqlite", .version = "0.9.0",
        .summary = "SQLite 3 files", .license = "MIT", .options = options,
        .instance_size = sizeof(struct driver), .flags = ASKD_CONCURRENT, .open = driver_open,
        .iface = &iface);
