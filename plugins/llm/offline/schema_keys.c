/* schema_keys.c: primary keys, declared references, and those that nobody declared. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "schema_inside.h"

enum { DECLARED = 10, INFERRED = 16 };
enum { FIT_NONE, FIT_ROLE, FIT_PART, FIT_END, FIT_WHOLE };

static const char *const key_ends[] = {"id", "code", "key", "number", "no", NULL};
/* Words of columns that lead to a person above, and tables of persons. */
static const char *const bosses[] = {"manager", "supervisor", "boss", "parent", "superior",
        "mentor", "reports", "report", "predecessor", "chief", "head", "super", NULL};
static const char *const persons[] = {"employee", "employees", "staff", "person", "persons",
        "people", "worker", "workers", "user", "users", "member", "members", "personnel", NULL};

static int32_t find_table(const struct schema *schema, struct askd_text name, struct askd_text in)
{
	int32_t found = -1;
	for (size_t i = 0; i < schema->table_count; i++) {
		const struct schema_table *table = &schema->tables[i];
		if (!name.s || strcasecmp(table->name, name.s) != 0)
			continue;
		if (!table->schema == !in.s && (!in.s || !strcasecmp(table->schema, in.s)))
			return (int32_t)i;
		found = (int32_t)i;
	}
	return found;
}

static int32_t find_column(const struct schema *schema, uint32_t table, const char *name)
{
	const struct schema_table *t = &schema->tables[table];
	for (uint32_t i = 0; name && i < t->columns; i++)
		if (!strcasecmp(schema->columns[t->first + i].name, name))
			return (int32_t)(t->first + i);
	return -1;
}

struct edges {
	struct schema *schema;
	size_t room;
};

static void add_edge(struct edges *edges, uint32_t from, uint32_t to, uint32_t cost, uint32_t more)
{
	struct schema *schema = edges->schema;
	schema->edges = pool_grow(&schema->pool, schema->edges, schema->edge_count, &edges->room,
	        sizeof *schema->edges);
	if (!schema->edges)
		return;
	schema->edges[schema->edge_count++] = (struct schema_edge){from, to, cost, more};
	schema->columns[from].flags |= COLUMN_FOREIGN;
}

/* ---- declared ----------------------------------------------------------------------------------
 */

static void read_reference(
        struct edges *edges, uint32_t table, const struct askd_db_reference *reference)
{
	const struct schema *schema = edges->schema;
	json_t *here = reference->columns.s ? json_loads(reference->columns.s, 0, NULL) : NULL;
	json_t *there = reference->remote_columns.s
	                        ? json_loads(reference->remote_columns.s, 0, NULL)
	                        : NULL;
	int32_t other = find_table(schema, reference->table, reference->schema);
	size_t count = json_array_size(here);
	int32_t pairs[16][2];
	if (other < 0 || !count || count > 16 || json_array_size(there) != count)
		goto out;
	for (size_t i = 0; i < count; i++) {
		pairs[i][0] =
		        find_column(schema, table, json_string_value(json_array_get(here, i)));
		pairs[i][1] = find_column(
		        schema, (uint32_t)other, json_string_value(json_array_get(there, i)));
		if (pairs[i][0] < 0 || pairs[i][1] < 0)
			goto out;
	}
	for (size_t i = 0; i < count; i++)
		add_edge(edges, (uint32_t)pairs[i][0], (uint32_t)pairs[i][1], DECLARED,
		        i ? 0 : (uint32_t)count - 1);
out:
	json_decref(here);
	json_decref(there);
}

/* ---- primary keys ------------------------------------------------------------------------------
 */

/* Could it be the key: a first column "id", "customer_id", "code" of a table without one? */
static bool looks_like_key(const struct draft *draft, uint32_t column)
{
	const struct name *name = &draft->columns[column];
	uint32_t rest = name->count - name->skip - name->own;
	return rest == 1 && name_ends(name, key_ends);
}

static void find_keys(struct draft *draft)
{
	struct schema *schema = draft->schema;
	for (size_t i = 0; i < schema->table_count; i++) {
		struct schema_table *table = &schema->tables[i];
		uint32_t keys = 0;
		for (uint32_t j = table->first; j < table->first + table->columns; j++)
			if (schema->columns[j].flags & COLUMN_PRIMARY) {
				table->key = (int32_t)j;
				keys++;
			}
		if (keys > 1)
			table->key = -1;
		if (!keys && looks_like_key(draft, table->first) &&
		        !(schema->columns[table->first].flags & COLUMN_FOREIGN)) {
			table->key = (int32_t)table->first;
			schema->columns[table->first].flags |= COLUMN_PRIMARY;
		}
	}
}

/* ---- inferred ----------------------------------------------------------------------------------
 */

static bool same_end(const struct name *name, const char *const *stems, uint32_t count)
{
	if (!count || name->count < count)
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (strcmp(name->stems[name->count - count + i], stems[i]) != 0)
			return false;
	return true;
}

/* How well does a column fit the key of a table by its name? `boss`: it says a person above. */
static int fit(const struct draft *draft, uint32_t column, uint32_t table, bool boss)
{
	const struct schema *schema = draft->schema;
	const struct schema_table *to = &schema->tables[table];
	const struct name *name = &draft->columns[column], *owner = &draft->tables[table];
	const struct name *key = &draft->columns[to->key];
	const char *stems[16];
	uint32_t rest = key->count - key->skip, own = owner->count - owner->skip;
	bool same = schema->columns[column].table == table;
	if (schema->columns[column].type != schema->columns[to->key].type ||
	        (name->end != key->end && name->end != owner->end && !boss))
		return FIT_NONE;
	/* The same name, where that name says more than "id". */
	if (rest > 1 && same_end(name, key->stems + key->skip, rest))
		return name->count - name->skip == rest ? FIT_WHOLE : FIT_END;
	/* "<table>_<key>" */
	if (rest && rest + own <= 16) {
		memcpy(stems, owner->stems + owner->skip, own * sizeof *stems);
		memcpy(stems + own, key->stems + key->skip, rest * sizeof *stems);
		if (same_end(name, stems, own + rest))
			return name->count - name->skip == own + rest ? FIT_WHOLE : FIT_END;
		if (own > 1 && same_end(name, stems + own - 1, 1 + rest))
			return FIT_PART;
	}
	if (!same && schema->columns[column].type == COLUMN_NUMBER && name_says(name, owner))
		return FIT_PART;
	/* "manager_id" leads to another person, of the same table if that is one of persons. */
	if (boss && name_ends(owner, persons))
		return FIT_ROLE + same;
	return boss && same && !draft->persons ? FIT_ROLE : FIT_NONE;
}

/* Does the name of a column speak for what is declared of it? */
static bool fit_declared(const struct draft *draft, uint32_t from, uint32_t to)
{
	uint32_t table = draft->schema->columns[to].table;
	const struct name *name = &draft->columns[from], *key = &draft->columns[to];
	return draft->schema->tables[table].key != (int32_t)to ||
	       fit(draft, from, table, false) != FIT_NONE ||
	       name_says(name, &draft->tables[table]) ||
	       (name->count && key->count && !strcmp(name->stems[0], key->stems[0]));
}

static void infer(struct draft *draft, struct edges *edges)
{
	struct schema *schema = draft->schema;
	size_t declared = schema->edge_count;
	for (size_t i = 0; i < schema->table_count; i++)
		draft->persons |=
		        schema->tables[i].key >= 0 && name_ends(&draft->tables[i], persons);
	for (uint32_t i = 0; i < schema->column_count; i++) {
		const struct schema_column *column = &schema->columns[i];
		const struct schema_table *own = &schema->tables[column->table];
		bool boss = name_has(&draft->columns[i], bosses) &&
		            name_ends(&draft->columns[i], key_ends);
		int best = FIT_NONE;
		uint32_t at = 0;
		if (column->type == COLUMN_TIME || column->type == COLUMN_OTHER || own->view)
			continue;
		for (uint32_t j = 0; j < schema->table_count; j++) {
			const struct schema_table *table = &schema->tables[j];
			int now;
			if (table->key < 0 || table->key == (int32_t)i)
				continue;
			/* A key leads only to the key of a table that it is named after. */
			if (own->key == (int32_t)i && (j == column->table || draft->columns[i].own))
				continue;
			now = fit(draft, i, j, boss);
			if (now > best) {
				best = now;
				at = j;
			}
		}
		/* What is declared is believed, unless the name says plainly something else. */
		for (size_t k = 0; k < declared && best && (column->flags & COLUMN_FOREIGN); k++)
			if (schema->edges[k].from == i &&
			        (best < FIT_WHOLE || schema->edges[k].more ||
			                schema->edges[k].to == (uint32_t)schema->tables[at].key ||
			                fit_declared(draft, i, schema->edges[k].to)))
				best = FIT_NONE;
		if (best)
			add_edge(edges, i, (uint32_t)schema->tables[at].key, INFERRED, 0);
	}
}

/* Columns of a table that lead elsewhere; those of one reference are one. */
static uint32_t references_of(const struct schema *schema, size_t table)
{
	uint32_t count = 0;
	for (size_t i = 0; i < schema->edge_count; i += 1 + schema->edges[i].more)
		count += schema->columns[schema->edges[i].from].table == table;
	return count;
}

void keys_mark_junctions(struct schema *schema)
{
	for (size_t i = 0; i < schema->table_count; i++) {
		struct schema_table *table = &schema->tables[i];
		uint32_t others = 0;
		for (uint32_t j = table->first; j < table->first + table->columns; j++)
			others += !(schema->columns[j].flags & (COLUMN_FOREIGN | COLUMN_PRIMARY));
		/* What has a key of its own is rather a thing of its own. */
		if (table->key >= 0 && !(schema->columns[table->key].flags & COLUMN_FOREIGN))
			others++;
		table->junction =
		        others <= 2 && table->display < 0 && references_of(schema, i) >= 2;
	}
}

void keys_keep(struct schema *schema, const bool *keep)
{
	size_t kept = 0;
	for (size_t i = 0; i < schema->column_count; i++)
		schema->columns[i].flags &= ~(uint32_t)COLUMN_FOREIGN;
	for (size_t i = 0; i < schema->edge_count; i++)
		if (keep[i]) {
			schema->edges[kept] = schema->edges[i];
			schema->columns[schema->edges[kept++].from].flags |= COLUMN_FOREIGN;
		}
	schema->edge_count = kept;
}

bool keys_read(struct draft *draft)
{
	struct edges edges = {draft->schema, 0};
	for (uint32_t i = 0; i < draft->schema->table_count; i++) {
		const struct askd_db_reference *const *reference = draft->told[i]->references;
		for (; reference && *reference; reference++)
			read_reference(&edges, i, *reference);
	}
	find_keys(draft);
	infer(draft, &edges);
	return !draft->schema->pool.failed;
}
