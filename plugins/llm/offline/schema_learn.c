/* schema_learn.c: reads samples and values, and corrects what the names made believe. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "schema_inside.h"
#include "values.h"

enum {
	SAMPLE_ROWS = 2000,     /* of a table */
	SAMPLE_COLUMNS = 64,    /* in one statement */
	SAMPLE_BYTES = 4 << 20, /* of one statement: more is left */
	SCAN_ROWS = 200000,     /* of a table, for the different values of a column */
	LONG_TEXT = 80,         /* bytes on average: nothing that is asked for by its value */
	LONGEST_VALUE = 200,    /* bytes */
	VALUES_TOTAL = 400000,  /* of a schema */
	CHECKED_EDGES = 64,
	CHECKED_VALUES = 200
};

static const char *const gender_words[] = {"gender", "sex", NULL};

/* ---- different values --------------------------------------------------------------------------
 */

struct slot {
	uint64_t hash;
	const char *text; /* NULL: not kept */
};

struct set {
	struct slot *slots;
	size_t room, count;
};

static uint64_t hash_bytes(const char *s, size_t n)
{
	uint64_t h = 14695981039346656037u;
	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * 1099511628211u;
	h ^= h >> 29;
	return h ? h : 1;
}

/* The place of a value that was not there yet; NULL: it was, or no memory. */
static struct slot *set_add(struct set *set, struct pool *pool, uint64_t hash)
{
	size_t at;
	if (set->count * 2 >= set->room) {
		struct set larger = {NULL, set->room ? set->room * 2 : 16, set->count};
		larger.slots = pool_alloc(pool, larger.room * sizeof *larger.slots);
		if (!larger.slots)
			return NULL;
		for (size_t i = 0; i < set->room; i++)
			if (set->slots[i].hash) {
				at = set->slots[i].hash & (larger.room - 1);
				while (larger.slots[at].hash)
					at = (at + 1) & (larger.room - 1);
				larger.slots[at] = set->slots[i];
			}
		*set = larger;
	}
	at = hash & (set->room - 1);
	while (set->slots[at].hash) {
		if (set->slots[at].hash == hash)
			return NULL;
		at = (at + 1) & (set->room - 1);
	}
	set->slots[at].hash = hash;
	set->count++;
	return &set->slots[at];
}

/* ---- the sample of a table ---------------------------------------------------------------------
 */

struct learner {
	struct draft *draft;
	const struct source *source;
	struct pool pool; /* of the table that is read */
	struct column_facts *facts;
	struct set *sets;
	struct value_draft *values;
	size_t value_count, value_room;
	uint32_t max_values;
	/* the statement that is running */
	uint32_t column;
	unsigned kinds;
	uint64_t rows, bytes;
	bool full;
	int64_t counts[2];
};

static bool is_text(const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;
	for (size_t i = 0; i < n;) {
		size_t more = p[i] < 0x80   ? 0
		              : p[i] < 0xc2 ? 9
		              : p[i] < 0xe0 ? 1
		              : p[i] < 0xf0 ? 2
		              : p[i] < 0xf5 ? 3
		                            : 9;
		if (!p[i] || more > 3 || i + more >= n + (more == 0))
			return false;
		for (size_t j = 1; j <= more; j++)
			if ((p[i + j] & 0xc0) != 0x80)
				return false;
		i += more + 1;
	}
	return true;
}

static bool is_iso(const char *s, size_t n)
{
	static const char form[] = "dddd-dd-dd";
	if (n < 10)
		return false;
	for (size_t i = 0; i < 10; i++)
		if (form[i] == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != '-')
			return false;
	return n == 10 || s[10] == ' ' || s[10] == 'T';
}

static const char *skip_digits(const char *s, size_t most)
{
	size_t n = strspn(s, "0123456789");
	return n && n <= most ? s + n : NULL;
}

/* 8/29/2013 9:08, 29.8.2013, 2013/08/29, 29 August 2013, Aug 29, 2013, August 2013 */
static bool is_date(const char *s)
{
	static const char *const months[] = {"january", "february", "march", "april", "may", "june",
	        "july", "august", "september", "october", "november", "december"};
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const char *end = skip_digits(s, 4);
	if (end && *end && strchr("/.-", *end)) {
		const char *last = skip_digits(end + 1, 2);
		size_t a = (size_t)(end - s), b = 0;
		if (last && *last == *end) {
			b = strspn(last + 1, "0123456789");
			last += 1 + b;
		}
		/* neither 1.2.3 nor 123-45-6789 */
		return b && (!*last || *last == ' ') &&
		       ((a == 4 && b <= 2) || (a <= 2 && b == 4) ||
		               (a <= 2 && b == 2 && *end == '/'));
	}
	s = end ? end + strspn(end, " ") : s;
	for (size_t i = 0; i < 12; i++) {
		size_t n = strspn(s, letters);
		if (n >= 3 && n <= strlen(months[i]) && !strncasecmp(s, months[i], n)) {
			s += n + (s[n] == '.');
			return *s && strspn(s, " ,0123456789") == strlen(s);
		}
	}
	return false;
}

static void note_text(struct column_facts *facts, const char *s, size_t n)
{
	char *end;
	size_t digits = strspn(s, "0123456789");
	facts->texts++;
	facts->bytes += n;
	if (is_iso(s, n))
		facts->iso_texts++;
	else if (n < 40 && is_date(s))
		facts->date_texts++;
	if (!n || n > 30 || strspn(s, "+-.0123456789") != n)
		return;
	strtod(s, &end);
	if (*end || end == s)
		return;
	facts->number_texts++;
	facts->zero_texts += n > 1 && *s == '0' && digits == n;
	if (digits == n && n < 18) {
		int64_t i = strtoll(s, NULL, 10);
		facts->min = i < facts->min ? i : facts->min;
		facts->max = i > facts->max ? i : facts->max;
	}
}

static void note_cell(struct learner *l, uint32_t index, const struct askd_value *cell)
{
	struct column_facts *facts = &l->facts[index];
	struct slot *slot;
	char number[40];
	const char *s = number;
	size_t n;
	facts->rows++;
	switch (cell->type) {
	case ASKD_NULL:
		facts->nulls++;
		return;
	case ASKD_BOOL:
		facts->bools++;
		s = cell->u.i ? "1" : "0";
		n = 1;
		break;
	case ASKD_INT:
		facts->ints++;
		facts->min = cell->u.i < facts->min ? cell->u.i : facts->min;
		facts->max = cell->u.i > facts->max ? cell->u.i : facts->max;
		n = (size_t)snprintf(number, sizeof number, "%lld", (long long)cell->u.i);
		break;
	case ASKD_FLOAT:
		facts->floats++;
		n = (size_t)snprintf(number, sizeof number, "%.17g", cell->u.f);
		break;
	case ASKD_DECIMAL:
		facts->floats++;
		s = cell->u.s;
		n = cell->len;
		break;
	case ASKD_TEXT:
	case ASKD_OTHER: /* an enumeration of the database */
		s = cell->u.s;
		n = cell->len;
		if (!is_text(s, n)) {
			facts->others++;
			return;
		}
		note_text(facts, s, n);
		break;
	case ASKD_BYTES:
		facts->others++;
		return;
	default:
		facts->others++;
		s = cell->u.s;
		n = cell->len;
	}
	l->bytes += n;
	slot = set_add(&l->sets[index], &l->pool, hash_bytes(s, n));
	if (slot && n <= LONGEST_VALUE && (facts->texts || facts->distinct < 2)) {
		slot->text = pool_copy(&l->pool, s, n);
		if (facts->distinct < 2)
			facts->samples[facts->distinct] = slot->text;
	}
	facts->distinct += slot != NULL;
}

static int32_t take_row(void *owner, const struct askd_value *cells, uint32_t columns)
{
	struct learner *l = owner;
	for (uint32_t i = 0; i < columns; i++)
		note_cell(l, l->column + i, &cells[i]);
	l->rows++;
	l->full |= l->bytes > SAMPLE_BYTES;
	if (l->pool.failed)
		return ASKD_E_NOMEM;
	return l->full ? ASKD_E_TOO_LARGE : ASKD_OK;
}

/* What concerns the statement alone: the rest of the database can still be learnt. A view may take
 * longer than anybody waits. */
static bool is_local(int32_t rc, bool view)
{
	return (rc == ASKD_E_TIMEOUT && view) || rc == ASKD_E_STATEMENT || rc == ASKD_E_DENIED ||
	       rc == ASKD_E_NOT_FOUND || rc == ASKD_E_TOO_LARGE || rc == ASKD_E_UNSUPPORTED ||
	       rc == ASKD_E_REFUSED || rc == ASKD_E_INVALID;
}

/* Samples columns of a table, at most SAMPLE_COLUMNS. */
static int32_t sample(struct learner *l, const struct schema_table *table, uint32_t first,
        uint32_t count, struct askd_error *reterr)
{
	const struct schema *schema = l->draft->schema;
	const char *what = NULL, *sql;
	int32_t rc;
	for (uint32_t i = 0; i < count; i++) {
		const char *name = sql_name(&l->pool, schema, schema->columns[first + i].name);
		what = !name || (i && !what) ? NULL
		       : i                   ? pool_print(&l->pool, "%s, %s", what, name)
		                             : name;
	}
	sql = sql_limited(
	        &l->pool, schema, false, what, sql_table(&l->pool, schema, table), SAMPLE_ROWS);
	if (!sql)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the values");
	l->column = first;
	l->rows = l->bytes = 0;
	l->full = false;
	for (uint32_t i = 0; i < count; i++) {
		l->facts[first + i] = (struct column_facts){.min = INT64_MAX, .max = INT64_MIN};
		l->sets[first + i] = (struct set){0};
	}
	rc = l->source->read(l->source, sql, SAMPLE_ROWS, take_row, l, reterr);
	if (l->pool.failed)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the values");
	if (rc && !l->full && count > 1 && !table->view && is_local(rc, false)) {
		/* One that cannot be read must not take the others with it. */
		rc = sample(l, table, first, count / 2, reterr);
		if (!rc)
			rc = sample(l, table, first + count / 2, count - count / 2, reterr);
		return rc;
	}
	for (uint32_t i = 0; i < count; i++) {
		l->facts[first + i].whole = !rc && l->rows < SAMPLE_ROWS;
		l->facts[first + i].broken = rc && !l->full;
		l->facts[first + i].gone = l->facts[first + i].broken && rc != ASKD_E_TOO_LARGE;
	}
	return l->full || is_local(rc, table->view) ? ASKD_OK : rc;
}

/* ---- values ------------------------------------------------------------------------------------
 */

static void add_value(struct learner *l, uint32_t column, const char *text, size_t n)
{
	struct pool *pool = &l->draft->pool;
	l->values = pool_grow(pool, l->values, l->value_count, &l->value_room, sizeof *l->values);
	if (!l->values)
		return;
	l->values[l->value_count].column = column;
	l->values[l->value_count].kinds = l->kinds;
	l->values[l->value_count].text = pool_copy(pool, text, n);
	l->value_count += l->values[l->value_count].text != NULL;
}

static int32_t take_value(void *owner, const struct askd_value *cells, uint32_t columns)
{
	struct learner *l = owner;
	const struct askd_value *cell = cells;
	l->rows++;
	if (columns && (cell->type == ASKD_TEXT || cell->type == ASKD_OTHER) && cell->len &&
	        cell->len <= LONGEST_VALUE && is_text(cell->u.s, cell->len))
		add_value(l, l->column, cell->u.s, cell->len);
	return l->draft->pool.failed ? ASKD_E_NOMEM : ASKD_OK;
}

static bool worth_it(const struct learner *l, const struct schema_column *column)
{
	const struct column_facts *facts = &l->facts[column - l->draft->schema->columns];
	return !facts->broken && facts->texts && facts->texts * 2 >= facts->rows - facts->nulls &&
	       facts->bytes <= facts->texts * LONG_TEXT && !(column->flags & COLUMN_ISO) &&
	       l->value_count < VALUES_TOTAL;
}

static int32_t index_column(struct learner *l, uint32_t index, struct askd_error *reterr)
{
	struct schema *schema = l->draft->schema;
	struct schema_column *column = &schema->columns[index];
	struct set *set = &l->sets[index];
	const char *name, *from, *sql;
	int32_t rc = ASKD_OK;
	if (!worth_it(l, column))
		return ASKD_OK;
	l->kinds = (column->flags & COLUMN_ENUM ? ALIAS_WORDS : 0u) |
	           (name_ends(&l->draft->columns[index], gender_words) ? ALIAS_GENDER : 0u);
	if (l->facts[index].whole) {
		uint32_t kept = 0;
		for (size_t i = 0; i < set->room && kept < l->max_values; i++)
			if (set->slots[i].text && *set->slots[i].text) {
				add_value(l, index, set->slots[i].text, strlen(set->slots[i].text));
				kept++;
			}
	} else {
		name = sql_name(&l->pool, schema, column->name);
		from = sql_limited(&l->pool, schema, false, name,
		        sql_table(&l->pool, schema, &schema->tables[column->table]), SCAN_ROWS);
		from = from ? pool_print(&l->pool, "(%s) AS s", from) : NULL;
		sql = sql_limited(&l->pool, schema, true, name, from, l->max_values);
		if (!sql)
			return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the values");
		l->column = index;
		l->rows = 0;
		rc = l->source->read(l->source, sql, l->max_values, take_value, l, reterr);
		column->distinct =
		        l->rows > column->distinct ? (uint32_t)l->rows : column->distinct;
		if (column->distinct > ENUM_MOST)
			column->flags &= ~(uint32_t)COLUMN_ENUM;
		if (is_local(rc, schema->tables[column->table].view))
			return ASKD_OK;
	}
	l->facts[index].indexed = !rc;
	return rc;
}

static int32_t learn_table(struct learner *l, struct schema_table *table, struct askd_error *reterr)
{
	int32_t rc = ASKD_OK;
	for (uint32_t i = 0; !rc && i < table->columns; i += SAMPLE_COLUMNS) {
		uint32_t first = table->first + i, count = table->columns - i;
		count = count < SAMPLE_COLUMNS ? count : SAMPLE_COLUMNS;
		rc = sample(l, table, first, count, reterr);
		for (uint32_t j = first; !rc && j < first + count; j++) {
			if (!l->facts[j].broken && !classes_learn(l->draft, j, &l->facts[j]))
				rc = ASKD_E_NOMEM;
			if (!rc)
				rc = index_column(l, j, reterr);
			l->facts[j].samples[0] = l->facts[j].samples[1] = NULL;
		}
		if (!rc && table->rows < 0 && l->facts[first].whole)
			table->rows = (int64_t)l->facts[first].rows;
		pool_finish(&l->pool);
	}
	return rc;
}

/* Nothing of a question is read as a column that cannot be read, or as a view of such. */
static void forget_broken(struct learner *l)
{
	struct schema *schema = l->draft->schema;
	size_t kept = 0;
	for (size_t i = 0; i < schema->phrase_count; i++) {
		const struct schema_phrase *phrase = &schema->phrases[i];
		bool gone = true;
		if (phrase->kind == PHRASE_COLUMN) {
			gone = l->facts[phrase->index].gone;
		} else {
			const struct schema_table *table = &schema->tables[phrase->index];
			for (uint32_t j = 0; gone && j < table->columns; j++)
				gone = l->facts[table->first + j].gone;
		}
		if (!gone)
			schema->phrases[kept++] = *phrase;
	}
	schema->phrase_count = kept;
}

/* ---- references --------------------------------------------------------------------------------
 */

static int32_t take_count(void *owner, const struct askd_value *cells, uint32_t columns)
{
	struct learner *l = owner;
	for (uint32_t i = 0; i < columns && i < 2; i++)
		l->counts[i] = cells[i].type == ASKD_INT ? cells[i].u.i : 0;
	return ASKD_OK;
}

/* Are nearly all values of a column among those that it seems to lead to? */
static int32_t check_edge(
        struct learner *l, const struct schema_edge *edge, bool *keep, struct askd_error *reterr)
{
	const struct schema *schema = l->draft->schema;
	const struct schema_column *from = &schema->columns[edge->from],
	                           *to = &schema->columns[edge->to];
	const char *column = sql_name(&l->pool, schema, from->name);
	const char *table = sql_table(&l->pool, schema, &schema->tables[from->table]);
	const char *key = sql_name(&l->pool, schema, to->name);
	const char *other = sql_table(&l->pool, schema, &schema->tables[to->table]);
	const char *sql =
	        table ? pool_print(&l->pool, "%s WHERE %s IS NOT NULL", table, column) : NULL;
	int32_t rc;
	sql = sql_limited(&l->pool, schema, false, column, sql, SAMPLE_ROWS);
	sql = sql ? pool_print(&l->pool, "(%s) AS a", sql) : NULL;
	column = column ? pool_print(&l->pool, "%s AS v", column) : NULL;
	sql = sql_limited(&l->pool, schema, true, column, sql, CHECKED_VALUES);
	if (sql && key && other)
		sql = pool_print(&l->pool,
		        "SELECT count(*), count(k.%s) FROM (%s) AS s LEFT JOIN %s AS k ON k.%s = "
		        "s.v",
		        key, sql, other, key);
	if (l->pool.failed)
		return ASKD_E_NOMEM;
	l->counts[0] = l->counts[1] = 0;
	rc = l->source->read(l->source, sql, 1, take_count, l, reterr);
	/* One stranger among several may stand for none: 0, -1. */
	*keep = !rc && (l->counts[1] * 20 >= l->counts[0] * 19 ||
	                       (l->counts[0] >= 8 && l->counts[0] - l->counts[1] == 1));
	pool_finish(&l->pool);
	return is_local(rc, false) ? ASKD_OK : rc;
}

static int32_t check_edges(struct learner *l, struct askd_error *reterr)
{
	struct schema *schema = l->draft->schema;
	bool *keep = pool_alloc(&l->draft->pool, schema->edge_count + 1);
	size_t checked = 0;
	int32_t rc = ASKD_OK;
	if (!keep)
		return ASKD_E_NOMEM;
	for (size_t i = 0; !rc && i < schema->edge_count; i++) {
		keep[i] = true;
		if (schema->edges[i].cost > 10 && checked++ < CHECKED_EDGES)
			rc = check_edge(l, &schema->edges[i], &keep[i], reterr);
	}
	if (rc)
		return rc;
	for (size_t i = 0; i < schema->edge_count; i++)
		if (!keep[i])
			l->facts[schema->edges[i].from].astray = true;
	keys_keep(schema, keep);
	/* What leads nowhere may be an amount after all. */
	for (uint32_t i = 0; i < schema->column_count; i++) {
		struct schema_column *column = &schema->columns[i];
		uint32_t distinct = column->distinct;
		if (!l->facts[i].astray || (column->flags & (COLUMN_FOREIGN | COLUMN_PRIMARY)))
			continue;
		column->flags &= ~(uint32_t)COLUMN_CODE;
		if (!classes_learn(l->draft, i, &l->facts[i]))
			return ASKD_E_NOMEM;
		column->distinct = distinct;
	}
	return ASKD_OK;
}

int32_t schema_learn(struct schema *schema, const struct source *source, uint32_t max_values,
        struct askd_error *reterr)
{
	struct draft draft = {.schema = schema};
	struct learner l = {.draft = &draft, .source = source, .max_values = max_values};
	struct values *values;
	int32_t rc = ASKD_E_NOMEM;
	if (!names_read(&draft))
		goto out;
	l.facts = pool_alloc(&draft.pool, (schema->column_count + 1) * sizeof *l.facts);
	l.sets = pool_alloc(&draft.pool, (schema->column_count + 1) * sizeof *l.sets);
	if (!l.facts || !l.sets)
		goto out;
	rc = ASKD_OK;
	for (size_t i = 0; !rc && i < schema->table_count; i++)
		if (!schema->tables[i].view)
			rc = learn_table(&l, &schema->tables[i], reterr);
	for (size_t i = 0; !rc && i < schema->table_count; i++)
		if (schema->tables[i].view)
			rc = learn_table(&l, &schema->tables[i], reterr);
	if (!rc)
		rc = check_edges(&l, reterr);
	if (rc)
		goto out;
	rc = ASKD_E_NOMEM;
	if (draft.pool.failed)
		goto out;
	forget_broken(&l);
	classes_choose_display(&draft);
	keys_mark_junctions(schema);
	values = values_create(l.values, l.value_count);
	if (!values)
		goto out;
	values_destroy(schema->values);
	schema->values = values;
	for (size_t i = 0; i < schema->column_count; i++)
		if (l.facts[i].indexed)
			schema->columns[i].flags |= COLUMN_INDEXED;
	rc = ASKD_OK;
out:
	pool_finish(&l.pool);
	pool_finish(&draft.pool);
	if (rc == ASKD_E_NOMEM)
		askd_fail(reterr, rc, "no memory for the values of the database");
	return rc;
}
