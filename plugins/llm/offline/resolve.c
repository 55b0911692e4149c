/* resolve.c: which of its readings a word has, by what stands around it. */
#include <stdio.h>
#include <string.h>

#include "assembly.h"

enum {
	SURE = 700,     /* weight of a table's name from which on the table counts as named */
	CLOSE = 120,    /* two readings nearer than this are ambiguous */
	AT_TABLE = 240, /* "names of students": the column is of that table */
	IN_NAMED = 110,
	AFTER_ONE = 50, /* a column of that table was asked for before */
	PER_COST = 6,   /* of a join */
	FAR_AWAY = 600,
	PART = 150, /* a value that lacks so much of the best is a part of a longer one: "Glove" */
	WRONG_TYPE = 350
};

bool resolve_tables(struct assembly *a)
{
	const struct cover *cover = a->cover;

	a->sure = pool_alloc(a->pool, a->schema->table_count + 1);
	a->votes = pool_alloc(a->pool, (a->schema->table_count + 1) * sizeof *a->votes);
	a->sure_tables = pool_alloc(a->pool, (a->schema->table_count + 1) * sizeof *a->sure_tables);
	if (!a->sure || !a->votes || !a->sure_tables)
		return false;
	for (size_t i = 0; i < cover->count; i++)
		for (size_t k = 0; k < cover->phrases[i]->span_count; k++) {
			const struct link_span *span = cover->phrases[i]->spans[k];
			uint32_t table = link_weight(span, LINK_TABLE),
			         column = link_weight(span, LINK_COLUMN);

			for (size_t r = 0; r < span->reading_count; r++) {
				const struct link_reading *reading = &span->readings[r];
				uint32_t of = reading->kind == LINK_TABLE
				                      ? reading->index
				                      : a->schema->columns[reading->index].table;

				if (reading->kind == LINK_TABLE && reading->weight == table &&
				        table >= SURE && table + 100 >= column && !a->sure[of]) {
					a->sure[of] = 1;
					a->sure_tables[a->sure_count++] = of;
				}
				a->votes[of] += reading->weight / 100;
			}
		}
	return true;
}

/* How far a table is from those that are named. */
static int32_t distance_penalty(const struct assembly *a, uint32_t table)
{
	uint32_t best = UINT32_MAX;

	for (size_t i = 0; i < a->sure_count && best; i++) {
		uint32_t d = join_distance(a->lattice->joins, a->sure_tables[i], table);

		if (d < best)
			best = d;
	}
	return best == UINT32_MAX ? FAR_AWAY : (int32_t)best * PER_COST;
}

static int32_t score_of(const struct assembly *a, const struct link_reading *r, int numeric,
        int32_t near, bool named)
{
	const struct schema_column *c;
	int32_t score = (int32_t)r->weight;

	if (r->kind == LINK_TABLE)
		return score + 60 + (near == (int32_t)r->index ? 30 : 0);
	c = &a->schema->columns[r->index];
	if (near == (int32_t)c->table)
		score += AT_TABLE;
	if (a->sure[c->table])
		score += IN_NAMED;
	if (a->recent == (int32_t)c->table)
		score += AFTER_ONE;
	if (named)
		score -= distance_penalty(a, c->table);
	else
		score += 4 * (int32_t)a->votes[c->table];
	if (a->schema->tables[c->table].view)
		score -= 60;
	if (r->kind == LINK_VALUE)
		return score;
	if (c->flags & COLUMN_FOREIGN)
		score -= 15;
	if (numeric && c->type != COLUMN_NUMBER && !(numeric == 1 && c->type == COLUMN_TIME))
		score -= WRONG_TYPE;
	if (numeric && c->type == COLUMN_NUMBER && !(c->flags & (COLUMN_MEASURE | COLUMN_YEAR)))
		score -= 60;
	return score;
}

const struct link_reading *resolve(
        struct assembly *a, const struct link_span *span, uint32_t kinds, int numeric, int32_t near)
{
	const struct link_reading *best = NULL, *second = NULL;
	int32_t best_score = 0, second_score = 0;
	const bool named = a->sure_count > 0;
	const uint32_t whole = link_weight(span, LINK_VALUE);

	for (size_t i = 0; i < span->reading_count; i++) {
		const struct link_reading *r = &span->readings[i];
		int32_t score;

		if (!(r->kind & kinds) || (r->kind == LINK_VALUE && r->weight + PART < whole))
			continue;
		score = score_of(a, r, numeric, near, named);
		if (!best || score > best_score) {
			second = best;
			second_score = best_score;
			best = r;
			best_score = score;
		} else if (!second || score > second_score) {
			second = r;
			second_score = score;
		}
	}
	if (second && best_score - second_score < CLOSE) {
		if (++a->ambiguous == a->choice) {
			a->chosen = true;
			best = second;
		}
	}
	if (best && best->weight < a->weakest)
		a->weakest = best->weight;
	return best;
}

/* ---- near what --------------------------------------------------------------------------------
 */

static bool is_one_of(const struct word *w, const char *const *list)
{
	for (size_t i = 0; list[i]; i++)
		if (!strcmp(w->text, list[i]))
			return true;
	return false;
}

static int32_t table_of_phrase(const struct assembly *a, const struct phrase *p)
{
	for (size_t k = 0; k < p->span_count; k++)
		for (size_t r = 0; r < p->spans[k]->reading_count; r++) {
			const struct link_reading *reading = &p->spans[k]->readings[r];

			if (reading->kind == LINK_TABLE && a->sure[reading->index] &&
			        reading->weight >= SURE)
				return (int32_t)reading->index;
		}
	return -1;
}

int32_t resolve_near(const struct assembly *a, size_t phrase)
{
	static const char *const of[] = {"of", "for", "from", "in", "among", "by", "about", "on",
	        "each", "every", "all", NULL};
	const struct cover *c = a->cover;
	const struct word *words = a->lattice->words.words;
	const struct phrase *self = c->phrases[phrase];
	int32_t table;

	/* "student name", "the student's name" */
	if (phrase &&
	        c->phrases[phrase - 1]->first + c->phrases[phrase - 1]->count + 1 >= self->first) {
		const struct phrase *before = c->phrases[phrase - 1];
		size_t gap = before->first + before->count;

		table = before->action == ACT_MENTION || before->action == ACT_GROUP
		                ? table_of_phrase(a, before)
		                : -1;
		if (table >= 0 && (gap == self->first || !strcmp(words[gap].text, "'s")))
			return table;
	}
	/* "names, ages and heights of the students" */
	for (size_t i = phrase + 1; i < c->count; i++) {
		const struct phrase *p = c->phrases[i];
		size_t end = c->phrases[i - 1]->first + c->phrases[i - 1]->count;
		bool joined = false;

		for (size_t w = end; w < p->first; w++)
			joined |= is_one_of(&words[w], of);
		if (p->action == ACT_GROUP || p->action == ACT_COUNT)
			joined = true;
		table = table_of_phrase(a, p);
		if (joined && table >= 0)
			return table;
		if (p->action != ACT_MENTION && p->action != ACT_AGGREGATE &&
		        p->action != ACT_DISTINCT && p->action != ACT_COUNT &&
		        p->action != ACT_VALUE && p->action != ACT_IS)
			break;
		if (p->first - end > 3)
			break;
	}
	/* The nearest before it. */
	for (size_t i = phrase; i > 0; i--) {
		table = table_of_phrase(a, c->phrases[i - 1]);
		if (table >= 0)
			return table;
	}
	return -1;
}

/* ---- columns that nobody names ----------------------------------------------------------------
 */

int32_t resolve_adjective(struct assembly *a, const struct lexicon_adjective *adjective,
        int32_t near, int32_t *direction)
{
	const bool named = a->sure_count > 0;
	int32_t best = -1, best_score = 0;
	bool turned = false;

	for (size_t i = 0; adjective && adjective->columns[i]; i++) {
		const char *stems = adjective->columns[i];
		bool turns = *stems == '-';
		size_t count;
		const struct schema_phrase *p = schema_find(a->schema, stems + turns, &count);

		for (size_t k = 0; k < count; k++) {
			const struct link_reading r = {LINK_COLUMN, p[k].index, p[k].weight, NULL};
			int32_t score;

			if (p[k].kind != PHRASE_COLUMN)
				continue;
			score = score_of(a, &r, 1, near, named) - (int32_t)i * 40;
			if (best < 0 || score > best_score) {
				best = (int32_t)p[k].index;
				best_score = score;
				turned = turns;
			}
		}
	}
	if (best >= 0 && best_score < 300)
		return -1;
	if (turned && direction)
		*direction = -*direction;
	return best;
}

/* Does the question say a word of the column's name, in some form ("registered": register year)? */
static bool is_spoken_of(const struct assembly *a, const struct schema_column *c)
{
	char start[6];

	for (size_t i = 0; i < a->lattice->words.count; i++) {
		const struct word *w = &a->lattice->words.words[i];

		if (w->kind != WORD_PLAIN || strlen(w->stem) < 4 ||
		        !strcmp(w->stem, a->schema->tables[c->table].words))
			continue;
		snprintf(start, sizeof start, "%s", w->stem);
		if (c->words && strstr(c->words, start))
			return true;
	}
	return false;
}

int32_t resolve_time(const struct assembly *a, int32_t table, bool year)
{
	int32_t best = -1, best_score = 0;

	for (size_t i = 0; i < a->schema->column_count; i++) {
		const struct schema_column *c = &a->schema->columns[i];
		int32_t score;

		if (c->type != COLUMN_TIME && !(year && (c->flags & COLUMN_YEAR)))
			continue;
		score = 500 + (table == (int32_t)c->table ? 300 : 0) +
		        (a->sure[c->table] ? 150 : 0);
		if (a->schema->tables[c->table].view)
			score -= 100;
		score += year && (c->flags & COLUMN_YEAR) ? 40 : 0;
		if (!a->lattice->spoken[i])
			a->lattice->spoken[i] = is_spoken_of(a, c) ? 2 : 1;
		score += a->lattice->spoken[i] == 2 ? 130 : 0;
		if (table >= 0) {
			uint32_t d = join_distance(a->lattice->joins, (uint32_t)table, c->table);

			score -= d == UINT32_MAX ? FAR_AWAY : (int32_t)d * PER_COST;
		}
		if (best < 0 || score > best_score) {
			best = (int32_t)i;
			best_score = score;
		}
	}
	return best_score > 200 ? best : -1;
}

int32_t resolve_measure(const struct assembly *a, int32_t table)
{
	int32_t found = -1;

	if (table < 0)
		return -1;
	for (uint32_t i = 0; i < a->schema->tables[table].columns; i++) {
		uint32_t column = a->schema->tables[table].first + i;

		if (!(a->schema->columns[column].flags & COLUMN_MEASURE))
			continue;
		if (found >= 0)
			return -1; /* it could be either */
		found = (int32_t)column;
	}
	return found;
}

int32_t resolve_place(const struct assembly *a, int32_t table)
{
	static const char *const stems[] = {
	        "locat", "address", "place", "citi", "build", "countri", "venu", "state", NULL};

	for (size_t i = 0; table >= 0 && stems[i]; i++) {
		size_t count;
		const struct schema_phrase *p = schema_find(a->schema, stems[i], &count);

		for (size_t k = 0; k < count; k++)
			if (p[k].kind == PHRASE_COLUMN &&
			        a->schema->columns[p[k].index].table == (uint32_t)table)
				return (int32_t)p[k].index;
	}
	return -1;
}

int32_t resolve_figure(const struct assembly *a, int32_t table)
{
	static const char *const words[] = {"amount", "total", "revenue", "sum", "turnover",
	        "refund", "value", "price", "cost", "salary", NULL};

	for (size_t i = 0; table >= 0 && words[i]; i++)
		for (uint32_t k = 0; k < a->schema->tables[table].columns; k++) {
			uint32_t column = a->schema->tables[table].first + k;
			const struct schema_column *c = &a->schema->columns[column];

			if (c->flags & COLUMN_MEASURE && strstr(c->words, words[i]) &&
			        !strstr(c->words, "unit") && !strstr(c->words, "percent"))
				return (int32_t)column;
		}
	return resolve_measure(a, table);
}
