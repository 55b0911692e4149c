/* describe.c: what a driver says of its schema, checked, copied and put in order. */
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/error.h"
#include "base/json.h"
#include "query/catalogue.h"

enum { NAME_MAX_BYTES = 256, COMMENT_BYTES = 1000, CATALOGUE_ARENA = 64 << 20 };

struct collector {
	struct database *db;
	struct arena *arena;
	const struct askd_db_table **list;
	size_t n, room;
	int32_t rc;
	struct askd_error err;
};

static int32_t fault(struct collector *c, const char *what)
{
	c->rc = askd_fail(&c->err, ASKD_E_PROTOCOL, "database %s: describe returned %s",
	        c->db->config->instance.name, what);
	return c->rc;
}

static bool is_name(struct askd_text t)
{
	return t.s && t.n && t.n <= NAME_MAX_BYTES && text_is_valid(t.s, (size_t)t.n);
}

/* Texts that only explain may be cut or left out. */
static struct askd_text remark(struct arena *a, struct askd_text t)
{
	struct askd_text none = {NULL, 0};

	if (!t.s || !t.n || !text_is_valid(t.s, (size_t)t.n))
		return none;
	t.n = text_cut(t.s, (size_t)t.n, COMMENT_BYTES);
	return arena_text(a, t);
}

static const struct askd_db_column *const *copy_columns(
        struct collector *c, const struct askd_db_column *const *from)
{
	const struct askd_db_column **list;
	struct askd_db_column *column;
	size_t n = 0;

	while (from && from[n] && n <= CATALOGUE_COLUMNS)
		n++;
	if (n > CATALOGUE_COLUMNS) {
		fault(c, "a table of too many columns");
		return NULL;
	}
	list = arena_zalloc(c->arena, (n + 1) * sizeof(struct askd_db_column *));
	column = arena_zalloc(c->arena, (n + 1) * sizeof *column);
	if (!list || !column)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (!is_name(from[i]->name)) {
			fault(c, "a column without a valid name");
			return NULL;
		}
		column[i].size = sizeof *column;
		column[i].type = from[i]->type <= ASKD_OTHER ? from[i]->type : ASKD_OTHER;
		column[i].nullable = from[i]->nullable != 0;
		column[i].key = from[i]->key & (ASKD_KEY_PRIMARY | ASKD_KEY_UNIQUE);
		column[i].name = arena_text(c->arena, from[i]->name);
		column[i].type_name = remark(c->arena, from[i]->type_name);
		column[i].comment = remark(c->arena, from[i]->comment);
		list[i] = &column[i];
	}
	return list;
}

static bool is_name_list(struct askd_text text)
{
	json_t *list, *item;
	size_t i;
	bool good;

	if (!text.s)
		return false;
	list = json_read(text, NULL);
	good = json_is_array(list);
	json_array_foreach(list, i, item) good = good && json_is_string(item);
	json_decref(list);
	return good;
}

static const struct askd_db_reference *const *copy_references(
        struct collector *c, const struct askd_db_reference *const *from)
{
	const struct askd_db_reference **list;
	struct askd_db_reference *reference;
	size_t n = 0, m = 0;

	while (from && from[n] && n < CATALOGUE_COLUMNS)
		n++;
	list = arena_zalloc(c->arena, (n + 1) * sizeof(struct askd_db_reference *));
	reference = arena_zalloc(c->arena, (n + 1) * sizeof *reference);
	if (!list || !reference)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		/* A reference that says nothing usable is no reason to lose the table. */
		if (!is_name(from[i]->table) || !is_name_list(from[i]->columns))
			continue;
		reference[m].size = sizeof *reference;
		reference[m].columns = arena_text(c->arena, from[i]->columns);
		if (is_name(from[i]->schema))
			reference[m].schema = arena_text(c->arena, from[i]->schema);
		reference[m].table = arena_text(c->arena, from[i]->table);
		if (is_name_list(from[i]->remote_columns))
			reference[m].remote_columns = arena_text(c->arena, from[i]->remote_columns);
		list[m] = &reference[m];
		m++;
	}
	return list;
}

static int32_t put_table(const struct askd_db_table_sink *sink, const struct askd_db_table *in)
{
	struct collector *c = sink->owner;
	struct askd_db_table *table;

	if (c->rc)
		return c->rc;
	if (c->n >= CATALOGUE_TABLES)
		return c->rc = askd_fail(&c->err, ASKD_E_TOO_LARGE,
		               "database %s has more than %d tables; name the schemas that "
		               "matter under 'schemas'",
		               c->db->config->instance.name, CATALOGUE_TABLES);
	if (!in || !is_name(in->name) || (in->schema.s && !is_name(in->schema)))
		return fault(c, "a table without a valid name");
	if (c->n == c->room) {
		size_t room = c->room ? 2 * c->room : 64;
		const struct askd_db_table **list =
		        realloc(c->list, room * sizeof(struct askd_db_table *));

		if (!list)
			return c->rc = askd_fail(
			               &c->err, ASKD_E_NOMEM, "no memory for a catalogue");
		c->list = list;
		c->room = room;
	}
	table = arena_zalloc(c->arena, sizeof *table);
	if (table) {
		table->size = sizeof *table;
		table->kind = in->kind >= ASKD_TABLE && in->kind <= ASKD_MATERIALIZED_VIEW
		                      ? in->kind
		                      : ASKD_TABLE;
		table->rows = in->rows < 0 ? -1 : in->rows;
		table->schema = arena_text(c->arena, in->schema);
		table->name = arena_text(c->arena, in->name);
		table->comment = remark(c->arena, in->comment);
		table->columns = copy_columns(c, in->columns);
		table->references = copy_references(c, in->references);
	}
	if (c->rc)
		return c->rc;
	if (c->arena->full)
		return c->rc = askd_fail(&c->err, ASKD_E_TOO_LARGE,
		               "database %s: the schema is too large to be kept",
		               c->db->config->instance.name);
	c->list[c->n++] = table;
	return ASKD_OK;
}

static int32_t describe(struct collector *c, struct pool_connection *connection,
        const struct pool_work *work, const char *schema, struct askd_error *err)
{
	struct askd_db_table_sink sink = {.size = sizeof sink, .owner = c, .put = put_table};
	struct askd_db_describe in = {
	        .size = sizeof in, .schema = askd_text_of(schema), .tables = &sink};
	struct plugin_call call;
	int32_t rc;

	pool_call_init(&call, work);
	rc = enter_database_iface_describe(
	        connection->pool->instance, NULL, connection->handle, &call, &in, NULL, err);
	plugin_call_finish(&call);
	if (!c->rc)
		return rc;
	*err = c->err; /* also when the driver made light of it */
	return c->rc;
}

static int compare_tables(const void *a, const void *b)
{
	const struct askd_db_table *x = *(const struct askd_db_table *const *)a;
	const struct askd_db_table *y = *(const struct askd_db_table *const *)b;
	int order = strcmp(x->schema.s ? x->schema.s : "", y->schema.s ? y->schema.s : "");

	return order ? order : strcmp(x->name.s, y->name.s);
}

static void hash_text(struct buffer *b, struct askd_text t)
{
	buffer_add_text(b, t);
	buffer_add(b, "", 1);
}

/* A number that changes with everything but the estimates of rows. */
static uint64_t version_of(const struct catalogue *c)
{
	unsigned char hash[CRYPTO_HASH];
	uint64_t version = 0;
	struct buffer b;

	buffer_init(&b, 0);
	for (size_t i = 0; i < c->count; i++) {
		const struct askd_db_table *t = c->tables[i];

		hash_text(&b, t->schema);
		hash_text(&b, t->name);
		hash_text(&b, t->comment);
		buffer_print(&b, "%u\n", t->kind);
		for (size_t j = 0; t->columns[j]; j++) {
			hash_text(&b, t->columns[j]->name);
			hash_text(&b, t->columns[j]->type_name);
			hash_text(&b, t->columns[j]->comment);
			buffer_print(&b, "%u %u %u\n", t->columns[j]->type, t->columns[j]->nullable,
			        t->columns[j]->key);
		}
		for (size_t j = 0; t->references[j]; j++) {
			hash_text(&b, t->references[j]->columns);
			hash_text(&b, t->references[j]->schema);
			hash_text(&b, t->references[j]->table);
			hash_text(&b, t->references[j]->remote_columns);
		}
	}
	if (!b.failed && crypto_sha256(b.s ? b.s : "", b.n, hash))
		for (size_t i = 0; i < 8; i++)
			version = version << 8 | hash[i];
	buffer_finish(&b);
	version &= INT64_MAX;
	return version ? version : 1;
}

static size_t bytes_of_names(const struct catalogue *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->count; i++) {
		n += (size_t)(c->tables[i]->name.n + c->tables[i]->comment.n);
		for (size_t j = 0; c->tables[i]->columns[j]; j++)
			n += (size_t)(c->tables[i]->columns[j]->name.n +
			              c->tables[i]->columns[j]->comment.n);
	}
	return n;
}

/* The collected tables in order, each once. */
static int32_t settle(struct catalogue *c, struct collector *collected, struct askd_error *err)
{
	size_t n = collected->n, m = 0;

	c->tables = arena_zalloc(&c->arena, (n + 1) * sizeof(struct askd_db_table *));
	c->samples = calloc(n + 1, sizeof *c->samples);
	if (!c->tables || !c->samples)
		return askd_fail(err, ASKD_E_NOMEM, "no memory for a catalogue");
	if (n)
		qsort(collected->list, n, sizeof *collected->list, compare_tables);
	for (size_t i = 0; i < n; i++)
		if (!m || compare_tables(&collected->list[i], &c->tables[m - 1]) != 0)
			c->tables[m++] = collected->list[i];
	c->count = m;
	c->version = version_of(c);
	c->name_bytes = bytes_of_names(c);
	return ASKD_OK;
}

int32_t catalogue_read(struct database *db, const struct pool_work *work,
        struct catalogue **catalogue, struct askd_error *err)
{
	const char *const *schemas = db->config->schemas;
	struct catalogue *c = calloc(1, sizeof *c);
	struct collector collected = {.db = db};
	struct pool_connection *connection;
	struct pool_guard guard;
	int32_t rc;

	if (!c || pthread_mutex_init(&c->lock, NULL)) {
		free(c);
		return askd_fail(err, ASKD_E_NOMEM, "no memory for a catalogue");
	}
	c->refs = 1;
	arena_init(&c->arena, CATALOGUE_ARENA);
	arena_init(&c->sample_arena, CATALOGUE_ARENA);
	collected.arena = &c->arena;
	rc = pool_take(&db->source->pool, work, &connection, err);
	if (rc)
		goto out;
	pool_guard_begin(&guard, connection, work);
	if (!schemas)
		rc = describe(&collected, connection, work, NULL, err);
	for (size_t i = 0; !rc && schemas && schemas[i]; i++)
		rc = describe(&collected, connection, work, schemas[i], err);
	rc = pool_guard_end(&guard, NULL, rc, err);
	pool_give(connection, !rc);
	if (!rc)
		rc = settle(c, &collected, err);
	if (!rc) {
		*catalogue = c;
		c = NULL;
	}
out:
	free(collected.list);
	catalogue_release(c);
	return rc;
}
