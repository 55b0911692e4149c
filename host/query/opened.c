/* opened.c: databases that no configuration names: files and URLs that a local asker opens by their
 * address. They live as long as somebody uses them, and then until others push them out. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "config/options.h"
#include "query/catalogue.h"
#include "query/query_room.h"

enum {
	OPENED_MAX = 128,       /* whose handles and catalogues are kept */
	OPENED_CONNECTED = 4,   /* that keep a connection while they are idle */
	OPENED_CONNECTIONS = 4, /* of one, at once */
	OPENED_DRIVERS = 32,
	OPENED_CONNECT_US = 30 * 1000 * 1000
};

struct opened {
	struct database db; /* first */
	struct config_database config;
	struct arena arena;
	uint64_t person; /* whose it is */
	uint32_t users;  /* under the lock */
	struct opened *next;
};

static struct {
	pthread_mutex_t lock;
	/* Under the lock. */
	struct opened *list; /* used last first */
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void opened_destroy(struct opened *o)
{
	struct plugin_instance *instance = o->db.source ? o->db.source->pool.instance : NULL;

	source_drop(o->db.source);
	registry_close_one(instance);
	arena_finish(&o->arena);
	free(o);
}

/* Whose person it is nobody else finds it. With the lock. */
static struct opened *find(const struct call_scope *scope, uint64_t handle)
{
	struct opened **at = &all.list, *o;

	while (*at && (*at)->db.handle != handle)
		at = &(*at)->next;
	o = *at;
	if (!o || !opened_may(scope) || o->person != scope->person)
		return NULL;
	*at = o->next;
	o->next = all.list;
	all.list = o;
	o->users++;
	return o;
}

bool opened_may(const struct call_scope *scope)
{
	return scope->local && !scope->key;
}

struct database *opened_take(const struct call_scope *scope, uint64_t handle)
{
	struct opened *o;

	pthread_mutex_lock(&all.lock);
	o = find(scope, handle);
	pthread_mutex_unlock(&all.lock);
	return o ? &o->db : NULL;
}

void opened_give(struct database *db)
{
	struct opened *o = (struct opened *)db, *gone = NULL;
	size_t n = 0;

	pthread_mutex_lock(&all.lock);
	o->users--;
	for (struct opened **at = &all.list; *at;) {
		struct opened *old = *at;

		if (++n > OPENED_MAX && !old->users) {
			*at = old->next;
			old->next = gone;
			gone = old;
			continue;
		}
		/* Not in use, and nobody takes it while the lock is held. */
		if (n > OPENED_CONNECTED && !old->users)
			pool_rest(&old->db.source->pool);
		at = &old->next;
	}
	pthread_mutex_unlock(&all.lock);
	while (gone) {
		o = gone;
		gone = o->next;
		opened_destroy(o);
	}
}

void opened_stop(void)
{
	struct opened *list;

	pthread_mutex_lock(&all.lock);
	list = all.list;
	all.list = NULL;
	pthread_mutex_unlock(&all.lock);
	while (list) {
		struct opened *o = list;

		list = o->next;
		opened_destroy(o);
	}
}

/* ---- what an address means ----------------------------------------------------------------------
 */

struct address {
	const char *url;           /* NULL: a path */
	char scheme[32];           /* "" for a path */
	char path[PATH_MAX];       /* of a file, whole; "": the driver takes the URL */
	struct askd_error missing; /* why a URL leads to no file, if it could */
	const char *option;        /* of the driver */
	const struct plugin_library *library;
};

static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = list; n && *at; at += strcspn(at, " "), at += strspn(at, " "))
		if (strcspn(at, " ") == n && !strncasecmp(at, word, n))
			return true;
	return false;
}

static bool has_option(const struct plugin_library *library, const char *name)
{
	for (const struct askd_option *o = library->options; o && o->name;
	        o = options_next(o, library->plugin->option_size))
		if (!strcmp(o->name, name))
			return true;
	return false;
}

static const char *schemes_of(const struct plugin_library *library)
{
	const struct askd_database_iface *iface = library->iface;
	const struct sql_dialect *dialect =
	        iface && iface->dialect ? sql_dialect_of(iface->dialect, NULL) : NULL;

	return dialect ? sql_dialect_schemes(dialect) : "";
}

/* The driver whose scheme it is; of a file without one, the driver of its ending, or the first that
 * reads files. */
static int32_t find_driver(
        struct address *address, const char *const *search_path, struct askd_error *err)
{
	const struct plugin_library *list[OPENED_DRIVERS];
	const char *word = address->scheme, *dot;
	size_t n = registry_libraries(search_path, "database", list, OPENED_DRIVERS);
	struct buffer known;
	bool fits = false;

	if (!address->url) {
		dot = strrchr(address->path, '.');
		word = dot ? dot + 1 : "";
	}
	buffer_init(&known, 0);
	for (size_t i = 0; i < n; i++) {
		const bool named = has_word(schemes_of(list[i]), word);

		buffer_print(&known, "%s%s", *schemes_of(list[i]) && known.n ? " " : "",
		        schemes_of(list[i]));
		if (address->url ? !named : !has_option(list[i], "path"))
			continue;
		if (!address->library || (named && !fits)) {
			address->library = list[i];
			fits = named;
		}
	}
	if (!address->library && address->url)
		askd_fail(err, ASKD_E_UNSUPPORTED,
		        "no driver reads %.30s:// here; there %s: %.200s", address->scheme,
		        known.n ? "are" : "is", known.n ? known.s : "none");
	else if (!address->library)
		askd_fail(err, ASKD_E_UNSUPPORTED, "no driver reads files here");
	buffer_finish(&known);
	return address->library ? ASKD_OK : ASKD_E_UNSUPPORTED;
}

/* "%20" as a blank. false: too long, or no text. */
static bool decode(const char *s, char *out, size_t size)
{
	size_t n = 0;

	for (; *s && n + 1 < size; s++) {
		unsigned byte = 0;

		if (*s == '%' && sscanf(s + 1, "%2x", &byte) == 1 &&
		        strspn(s + 1, "0123456789"
		                      "abcdefABCDEF") > 1) {
			if (!byte)
				return false;
			out[n++] = (char)byte;
			s += 2;
		} else {
			out[n++] = *s;
		}
	}
	out[n] = 0;
	return !*s && text_is_valid(out, n);
}

/* The file itself, whatever folder the asker stands in and whatever links lead there. */
static int32_t find_file(const struct call_scope *scope, const char *named, struct address *address,
        struct askd_error *err)
{
	char joined[PATH_MAX];
	struct stat st;
	int n = snprintf(joined, sizeof joined, "%s%s%s",
	        *named == '/'   ? ""
	        : scope->folder ? scope->folder
	                        : ".",
	        *named == '/' ? "" : "/", named);

	if (n < 0 || (size_t)n >= sizeof joined)
		return askd_fail(err, ASKD_E_INVALID, "the path is too long");
	if (!realpath(joined, address->path) || stat(address->path, &st)) {
		int why = errno;

		address->path[0] = 0;
		return why == ENOENT || why == ENOTDIR
		               ? askd_fail(err, ASKD_E_NOT_FOUND, "there is no file %.300s", joined)
		               : askd_fail(err, ASKD_E_DENIED, "the file %.300s cannot be read: %s",
		                         joined, strerror(why));
	}
	if (!S_ISREG(st.st_mode))
		return askd_fail(err, ASKD_E_INVALID, "%.300s is %s, not a file", address->path,
		        S_ISDIR(st.st_mode) ? "a folder" : "something else");
	if (access(address->path, R_OK))
		return askd_fail(err, ASKD_E_DENIED, "the file %.300s cannot be read: %s",
		        address->path, strerror(errno));
	return ASKD_OK;
}

bool opened_is_address(const struct call_scope *scope, const char *text)
{
	struct askd_error ignored;
	struct address address = {.url = NULL};

	/* No name in a configuration has one of those. What files there are is for local askers. */
	return strpbrk(text, "/.") ||
	       (opened_may(scope) && !find_file(scope, text, &address, &ignored));
}

/* What it leads to, without a look at drivers. */
static int32_t read_address(const struct call_scope *scope, const char *text,
        struct address *address, struct askd_error *err)
{
	const char *colon = strstr(text, "://");
	char path[PATH_MAX];

	if (!colon)
		return find_file(scope, text, address, err);
	if (colon == text || (size_t)(colon - text) >= sizeof address->scheme)
		return askd_fail(err, ASKD_E_INVALID,
		        "an address begins like sqlite:///srv/shop.db, or is the path of a file");
	memcpy(address->scheme, text, (size_t)(colon - text));
	address->url = text;
	if (colon[3] != '/' || !decode(colon + 3, path, sizeof path))
		return ASKD_OK;
	find_file(scope, path, address, &address->missing);
	return ASKD_OK;
}

/* Who reads it, and by which option it learns of it. */
static int32_t choose_driver(
        struct address *address, const char *const *search_path, struct askd_error *err)
{
	int32_t rc = find_driver(address, search_path, err);

	if (rc)
		return rc;
	address->option = address->url && has_option(address->library, "url") ? "url" : "path";
	if (*address->option == 'u' || *address->path)
		return ASKD_OK;
	if (!has_option(address->library, "path"))
		return askd_fail(err, ASKD_E_UNSUPPORTED,
		        "the driver of %.30s:// takes no address: name the database in the "
		        "configuration",
		        address->scheme);
	if (address->missing.code)
		return error_copy(err, &address->missing);
	return askd_fail(err, ASKD_E_INVALID,
	        "after %.30s:// comes the whole path of a file, as in %.30s:///srv/shop.db",
	        address->scheme, address->scheme);
}

/* ---- opening ------------------------------------------------------------------------------------
 */

/* What people call it: the last part of its path. */
static const char *name_of(struct arena *a, const struct address *address)
{
	const char *at = *address->path ? address->path : address->url;
	const char *slash = strrchr(at, '/');

	at = slash ? slash + 1 : at;
	return arena_copy(a, *at ? at : address->scheme,
	        *at ? strcspn(at, *address->path ? "" : "?#") : strlen(address->scheme));
}

static int32_t fill(struct opened *o, const struct address *address, uint64_t handle,
        const char *const *search_path, struct askd_error *err)
{
	static const char *const no_keys[] = {NULL};
	struct yaml_node *options = yaml_make(&o->arena, YAML_MAP, NULL);
	struct yaml_node *value = yaml_make(&o->arena, YAML_SCALAR,
	        arena_string(&o->arena, *address->option == 'p' ? address->path : address->url));
	struct plugin_instance *instance;
	int32_t rc;

	if (!options || !value)
		return askd_fail(err, ASKD_E_NOMEM, "no memory for a database");
	value->quoted = true;
	yaml_append(options, address->option, value);
	o->config = (struct config_database){.instance = {.kind = "database",
	                                             .name = name_of(&o->arena, address),
	                                             .plugin = address->library->path,
	                                             .isolation = CONFIG_ISOLATION_NONE,
	                                             .node = options,
	                                             .known = no_keys},
	        .egress = CONFIG_EGRESS_DEFAULT};
	if (o->arena.full || !o->config.instance.name)
		return askd_fail(err, ASKD_E_NOMEM, "no memory for a database");
	instance = registry_open_one(&o->config.instance, search_path, err);
	if (!instance)
		return err->code;
	rc = query_database_fill(&o->db, &o->config, instance, handle, err);
	if (!rc && !(o->db.source = source_create(instance, err)))
		rc = err->code;
	if (rc) {
		registry_close_one(instance);
		return rc;
	}
	o->db.opened = true;
	o->db.source->pool.unnamed = true;
	o->db.source->pool.max = OPENED_CONNECTIONS;
	o->db.source->pool.keep = 1;
	return ASKD_OK;
}

/* Is it a database at all? A driver sees that when it connects. */
static int32_t prove(struct opened *o, const struct pool_work *work, struct askd_error *err)
{
	struct pool_connection *connection;
	int32_t rc = pool_take(&o->db.source->pool, work, &connection, err);

	if (!rc)
		pool_give(connection, true);
	return rc;
}

/* Others may have opened the same one meanwhile: theirs stays. */
static struct opened *put(const struct call_scope *scope, struct opened *o)
{
	struct opened *known;

	pthread_mutex_lock(&all.lock);
	known = find(scope, o->db.handle);
	if (!known) {
		o->users = 1;
		o->next = all.list;
		all.list = o;
	}
	pthread_mutex_unlock(&all.lock);
	if (known)
		opened_destroy(o);
	return known ? known : o;
}

int32_t opened_open(const struct call_scope *scope, const char *text, int64_t deadline_us,
        const char *const *search_path, struct database **db, struct askd_error *err)
{
	struct address address = {.url = NULL};
	struct pool_work work = {.scope = scope, .deadline_us = deadline_us};
	struct opened *o;
	char owner[24];
	uint64_t handle;
	int32_t rc;

	if (!opened_may(scope))
		return askd_fail(err, ASKD_E_DENIED, "only local askers open databases themselves");
	rc = read_address(scope, text, &address, err);
	if (rc)
		return rc;
	snprintf(owner, sizeof owner, "%llx", (unsigned long long)scope->person);
	handle = query_handle("open", owner, *address.path ? address.path : address.url);
	if (!handle)
		return askd_fail(err, ASKD_E_NOMEM, "no memory for a database");
	*db = opened_take(scope, handle);
	if (*db)
		return ASKD_OK;
	rc = choose_driver(&address, search_path, err);
	if (rc)
		return rc;
	o = calloc(1, sizeof *o);
	if (!o)
		return askd_fail(err, ASKD_E_NOMEM, "no memory for a database");
	arena_init(&o->arena, 0);
	o->person = scope->person;
	if (!work.deadline_us && !scope->deadline_us)
		work.deadline_us = clock_monotonic_us() + OPENED_CONNECT_US;
	rc = fill(o, &address, handle, search_path, err);
	if (!rc)
		rc = prove(o, &work, err);
	if (rc) {
		opened_destroy(o);
		return rc;
	}
	*db = &put(scope, o)->db;
	return ASKD_OK;
}
