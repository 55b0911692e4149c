/* collect.c: gathers what the phrases of a cover say, in their order. */
#include <string.h>

#include "assembly.h"

struct collector {
	struct assembly *a;
	size_t phrase; /* index */
	const struct phrase *p;
	bool tail;     /* behind "who", "with", "in": conditions stand there, not what is asked for */
	bool negated, or_before, both, except;
	enum form_aggregate pending[3]; /* "minimum and maximum" before their column */
	size_t pending_count;
	int32_t last_column; /* the last one mentioned; -1 */
	size_t last_select;  /* + 1, where it went; 0: nowhere */
	int32_t last_direction;
};

static const struct word *word_at(const struct collector *k, size_t i)
{
	return &k->a->lattice->words.words[i];
}

static bool is_word(const struct word *w, const char *const *list)
{
	for (size_t i = 0; list[i]; i++)
		if (w->kind != WORD_QUOTED && !strcmp(w->text, list[i]))
			return true;
	return false;
}

static const char *const lead_prepositions[] = {"of", "for", "from", "in", "at", "on", "by", "to",
        "under", "among", "within", "during", "into", "through", "about", "between", NULL};
static const char *const lead_havings[] = {"with", "have", "has", "had", "having", "whose", "without",
        "where", NULL};
static const char *const starts_tail[] = {"who", "that", "which", "whose", "where", "with", "having",
        "have", "has", "had", "in", "from", "at", "on", "by", "under", "during", "when", "whom", "for",
        "to", "without", "if", "located", "using", "through", NULL};
static const char *const starts_head[] = {"show", "list", "give", "return", "find", "display", "tell",
        "what", "along", "together", "also", "report", "print", "get", "name", "state", NULL};

/* The word that leads to the phrase, over determiners; NULL: none, or another phrase. */
static const struct word *lead_of(const struct collector *k)
{
	static const char *const passed[] = {"the", "a", "an", "all", "any", "each", "every", "their",
	        "its", "his", "her", "those", "these", "some", "different", "distinct", "both", "other",
	        "our", NULL};
	size_t from = k->phrase ? k->a->cover->phrases[k->phrase - 1]->first +
	                                  k->a->cover->phrases[k->phrase - 1]->count
	                        : 0;

	for (size_t i = k->p->first; i > from; i--)
		if (!is_word(word_at(k, i - 1), passed))
			return word_at(k, i - 1);
	return NULL;
}

/* Follows the words between two phrases: where do conditions begin, where what is asked for? */
static void follow(struct collector *k, size_t from, size_t until)
{
	for (size_t i = from; i < until; i++) {
		const struct word *w = word_at(k, i);

		if (w->kind == WORD_MARK && strchr(".?!;", *w->text)) {
			k->tail = false;
			continue;
		}
		if (is_word(w, starts_head))
			k->tail = false;
		else if (is_word(w, starts_tail) && i) {
			/* "in which city": it asks. */
			bool asks = i + 1 < k->a->lattice->words.count &&
			            (!strcmp(word_at(k, i + 1)->text, "which") ||
			                    !strcmp(word_at(k, i + 1)->text, "what"));

			if (!asks && !(i == 1 && !strcmp(w->text, "which")))
				k->tail = true;
		}
		if (!strcmp(w->text, "and") && i + 1 < until &&
		        (!strcmp(word_at(k, i + 1)->text, "their") ||
		                !strcmp(word_at(k, i + 1)->text, "its") ||
		                !strcmp(word_at(k, i + 1)->text, "his")))
			k->tail = false;
	}
}

static struct form_value value_of(const struct assembly *a, int32_t column, const char *text, bool number)
{
	const struct schema_column *c = column < 0 ? NULL : &a->schema->columns[column];

	return (struct form_value){text, !number || (c && c->type != COLUMN_NUMBER)};
}

static struct condition *add_condition(struct collector *k, struct condition condition)
{
	struct assembly *a = k->a;

	if (a->condition_count == ITEMS)
		return NULL;
	condition.negated = condition.negated || k->negated || k->except;
	condition.or_before = k->or_before;
	condition.both = k->both;
	condition.word = k->p->first;
	a->conditions[a->condition_count] = condition;
	k->negated = k->or_before = k->both = k->except = false;
	return &a->conditions[a->condition_count++];
}

static void add_select(struct collector *k, struct form_expression e)
{
	struct assembly *a = k->a;

	for (size_t i = 0; i < a->selected; i++)
		if (a->select[i].column == e.column && a->select[i].aggregate == e.aggregate &&
		        a->select[i].table == e.table)
			return;
	if (a->selected == FORM_SELECT)
		return;
	if (e.column >= 0)
		a->recent = (int32_t)a->schema->columns[e.column].table;
	a->select[a->selected] = e;
	a->select_word[a->selected++] = k->p->first;
}

static void add_named(struct collector *k, uint32_t table, bool head)
{
	struct assembly *a = k->a;

	if (a->named_count < ITEMS)
		a->named[a->named_count++] =
		        (struct named_table){table, head, k->negated || k->except, k->p->first};
	k->negated = k->except = false;
}

static struct form_expression of_column(int32_t column, enum form_aggregate aggregate)
{
	return (struct form_expression){.aggregate = aggregate, .column = column, .table = -1};
}

/* ---- what is asked for ------------------------------------------------------------------------ */

/* Does the phrase go on with the list of what is asked for? */
static bool goes_on(const struct collector *k)
{
	static const char *const joints[] = {"and", ",", "along", "together", "well", "also", "plus",
	        "show", "list", "give", "return", "find", "what", "tell", "their", "its", "his", "with",
	        "&", NULL};
	size_t from = k->phrase ? k->a->cover->phrases[k->phrase - 1]->first +
	                                  k->a->cover->phrases[k->phrase - 1]->count
	                        : 0;

	if (!k->a->selected)
		return true;
	/* "first name middle name" */
	if (from == k->p->first && k->phrase && link_weight(k->p->spans[0], LINK_COLUMN) >= 950 &&
	        !(k->p->spans[0]->kinds & LINK_TABLE) &&
	        k->a->cover->phrases[k->phrase - 1]->action == ACT_MENTION &&
	        k->a->select_word[k->a->selected - 1] == k->a->cover->phrases[k->phrase - 1]->first)
		return true;
	for (size_t i = from; i < k->p->first; i++)
		if (is_word(word_at(k, i), joints))
			return true;
	return false;
}

static bool is_before_table(const struct collector *k)
{
	const struct phrase *next = k->phrase + 1 < k->a->cover->count
	                                    ? k->a->cover->phrases[k->phrase + 1]
	                                    : NULL;

	return next && next->first == k->p->first + k->p->count && next->span_count &&
	       next->spans[0]->kinds & LINK_TABLE;
}

/* The literal of yes or no; takes the "not" that stands before it. */
static struct form_value truth(struct assembly *a, int32_t column, bool yes)
{
	const char *text = a->schema->columns[column].yes[yes ? 0 : 1];
	bool quoted = *text == '\'';

	return (struct form_value){
	        quoted ? pool_copy(a->pool, text + 1, strlen(text) - 2) : text, quoted};
}

/* "have no phone", "without a phone" */
static bool is_behind_no(const struct collector *k)
{
	static const char *const no[] = {"no", "without", NULL};
	const struct phrase *before = k->phrase ? k->a->cover->phrases[k->phrase - 1] : NULL;

	return k->negated && before && before->action == ACT_NOT && !lead_of(k) &&
	       is_word(word_at(k, before->first), no) && k->p->action == ACT_MENTION &&
	       !(k->p->spans[0]->kinds & LINK_TABLE);
}

static void take_column(struct collector *k, int32_t column, bool distinct)
{
	const struct word *lead = lead_of(k);
	bool condition = k->tail && ((lead && is_word(lead, lead_havings)) || is_behind_no(k));

	k->last_column = column;
	k->last_select = 0;
	/* "customers who are active", "active customers" */
	if (k->a->schema->columns[column].flags & COLUMN_TRUTH && k->a->schema->columns[column].yes &&
	        (k->tail || k->a->selected || is_before_table(k))) {
		add_condition(k, (struct condition){.left = of_column(column, AGGREGATE_NONE),
		                         .operator = FORM_EQ,
		                         .value = truth(k->a, column, !k->negated)});
		k->a->conditions[k->a->condition_count - 1].negated = false;
		return;
	}
	if (condition && k->negated) {
		add_condition(k, (struct condition){.left = of_column(column, AGGREGATE_NONE),
		                         .operator = FORM_NULL});
		k->a->conditions[k->a->condition_count - 1].negated = false;
		return;
	}
	if (condition)
		return;
	if (k->tail && lead && is_word(lead, lead_prepositions))
		return;
	if (!goes_on(k))
		return;
	for (size_t i = 0; i < k->pending_count; i++)
		add_select(k, of_column(column, k->pending[i]));
	if (!k->pending_count)
		add_select(k, of_column(column, AGGREGATE_NONE));
	k->pending_count = 0;
	k->last_select = k->a->selected;
	if (distinct)
		k->a->distinct = true;
}

static void add_order(struct collector *k, struct form_expression by, bool descending)
{
	struct assembly *a = k->a;

	if (a->orders < FORM_ORDER)
		a->order[a->orders++] = (struct form_order){by, descending};
}

/* "sorted by name and age" */
static bool is_ordered_too(const struct collector *k)
{
	const struct phrase *before = k->phrase ? k->a->cover->phrases[k->phrase - 1] : NULL;
	size_t end = before ? before->first + before->count : 0;

	return before && before->action == ACT_ORDER && k->a->orders && end + 1 == k->p->first &&
	       (!strcmp(word_at(k, end)->text, "and") || !strcmp(word_at(k, end)->text, ","));
}

static void take_mention(struct collector *k)
{
	struct assembly *a = k->a;
	const struct link_reading *r = resolve(
	        a, k->p->spans[0], LINK_TABLE | LINK_COLUMN, 0, resolve_near(a, k->phrase));
	const struct word *lead = lead_of(k);

	if (!r)
		return;
	if (r->kind == LINK_COLUMN && is_ordered_too(k)) {
		add_order(k, of_column((int32_t)r->index, AGGREGATE_NONE),
		        a->order[a->orders - 1].descending);
		return;
	}
	if (r->kind == LINK_COLUMN) {
		take_column(k, (int32_t)r->index, a->distinct);
		return;
	}
	add_named(k, r->index,
	        !k->tail && goes_on(k) && !(lead && (is_word(lead, lead_prepositions) || is_word(lead, lead_havings))));
}

static void take_star(struct collector *k)
{
	const struct link_reading *r =
	        k->p->span_count ? resolve(k->a, k->p->spans[0], LINK_TABLE, 0, -1) : NULL;

	k->a->star = true;
	if (!r)
		return;
	add_named(k, r->index, true);
	add_select(k, (struct form_expression){.column = FORM_STAR, .table = (int32_t)r->index});
}

static bool is_measure(const struct assembly *a, uint32_t column)
{
	return (a->schema->columns[column].flags & COLUMN_MEASURE) != 0;
}

/* "how many advisors are there" counts, also where the column is a number. */
static bool are_there(const struct collector *k)
{
	static const char *const words[] = {"there", "exist", "exists", "listed", "total", NULL};
	size_t end = k->p->first + k->p->count;

	for (size_t i = end; i < end + 3 && i < k->a->lattice->words.count; i++)
		if (is_word(word_at(k, i), words))
			return true;
	return false;
}

static void take_count(struct collector *k)
{
	struct assembly *a = k->a;
	const struct phrase *p = k->p;
	const struct link_reading *r =
	        resolve(a, p->spans[p->span_count - 1], LINK_TABLE | LINK_COLUMN, 0,
	                resolve_near(a, k->phrase));
	struct form_expression e = {.aggregate = AGGREGATE_COUNT, .column = FORM_STAR, .table = -1};

	if (!r)
		return;
	/* "the total enrollment number of the colleges" */
	if (r->kind == LINK_TABLE && k->phrase && k->a->selected &&
	        k->a->cover->phrases[k->phrase - 1]->first + k->a->cover->phrases[k->phrase - 1]->count ==
	                p->first &&
	        k->a->cover->phrases[k->phrase - 1]->action == ACT_AGGREGATE) {
		add_named(k, r->index, false);
		return;
	}
	/* What is counted is rather a table. */
	if (r->kind == LINK_COLUMN && !p->distinct) {
		const struct link_reading *table =
		        resolve(a, p->spans[p->span_count - 1], LINK_TABLE, 0, -1);

		if (table && table->weight + 250 >= r->weight)
			r = table;
	}
	if (r->kind == LINK_TABLE) {
		const struct schema_table *t = &a->schema->tables[r->index];

		if (a->count_table < 0)
			a->count_table = (int32_t)r->index;
		e.table = (int32_t)r->index;
		if (p->distinct && t->key >= 0) {
			e.distinct = true;
			e.column = t->key;
		}
		add_named(k, r->index, true);
		a->named[a->named_count - 1].head = false;
	} else if (is_measure(a, r->index) && !p->distinct && !are_there(k)) {
		/* "how many credits": a figure that is there already */
		e = of_column((int32_t)r->index, AGGREGATE_NONE);
	} else {
		e.column = (int32_t)r->index;
		e.distinct = p->distinct || !(a->schema->columns[r->index].flags & COLUMN_UNIQUE);
		e.table = -1;
	}
	add_select(k, e);
}

/* "total sales": what stands in a table of money, if its rows are called after it; -1: it is none. */
static int32_t money_of(const struct collector *k)
{
	static const char *const columns[] = {"amount", "total", "price", "valu", NULL};
	const struct assembly *a = k->a;
	const struct link_reading *r = resolve(k->a, k->p->spans[0], LINK_TABLE, 0, -1);

	if (!r || !grammar_is_money(word_at(k, k->p->spans[0]->first)))
		return -1;
	for (size_t i = 0; columns[i]; i++) {
		size_t count;
		const struct schema_phrase *p = schema_find(a->schema, columns[i], &count);

		for (size_t n = 0; n < count; n++)
			if (p[n].kind == PHRASE_COLUMN &&
			        a->schema->columns[p[n].index].table == r->index &&
			        a->schema->columns[p[n].index].flags & COLUMN_MEASURE)
				return (int32_t)p[n].index;
	}
	return -1;
}

static void take_aggregate(struct collector *k)
{
	struct assembly *a = k->a;
	bool sums = k->p->aggregate == AGGREGATE_SUM || k->p->aggregate == AGGREGATE_AVG;
	const struct link_reading *r =
	        resolve(a, k->p->spans[0], LINK_COLUMN, sums ? 2 : 1, resolve_near(a, k->phrase));
	int32_t money = sums ? money_of(k) : -1, column = money >= 0 ? money : r ? (int32_t)r->index : -1;

	if (column < 0)
		return;
	for (size_t i = 0; i < k->pending_count; i++)
		add_select(k, of_column(column, k->pending[i]));
	k->pending_count = 0;
	add_select(k, of_column(column, (enum form_aggregate)k->p->aggregate));
	k->last_column = column;
	k->last_select = a->selected;
}

static void take_group(struct collector *k)
{
	struct assembly *a = k->a;
	const struct link_reading *r = resolve(
	        a, k->p->spans[0], LINK_TABLE | LINK_COLUMN, 0, resolve_near(a, k->phrase));

	if (!r || a->groups == FORM_GROUP)
		return;
	a->group_by[a->groups] = !strcmp(word_at(k, k->p->first)->text, "by");
	a->group_column[a->groups] = r->kind == LINK_COLUMN ? (int32_t)r->index : -1;
	a->group_table[a->groups++] = r->kind == LINK_TABLE ? (int32_t)r->index : -1;
	if (r->kind == LINK_TABLE) {
		add_named(k, r->index, false);
	} else {
		k->last_column = (int32_t)r->index;
	}
}

/* ---- conditions ------------------------------------------------------------------------------- */

static const char *number_of(const struct collector *k, size_t i)
{
	return word_at(k, k->p->numbers[i])->number;
}

static enum form_operator operator_of(const struct phrase *p)
{
	if (p->operator>= 0)
		return (enum form_operator)p->operator;
	if (p->adjective)
		return p->direction < 0 ? FORM_LT : FORM_GT;
	return FORM_EQ;
}

static enum form_operator turned(enum form_operator operator)
{
	switch (operator) {
	case FORM_GT:
		return FORM_LT;
	case FORM_GE:
		return FORM_LE;
	case FORM_LT:
		return FORM_GT;
	case FORM_LE:
		return FORM_GE;
	default:
		return operator;
	}
}

static void compare(struct collector *k, int32_t column, enum form_operator operator)
{
	const char *number = number_of(k, 0);

	add_condition(k, (struct condition){.left = of_column(column, (enum form_aggregate)k->p->aggregate),
	                         .operator = operator,
	                         .value = value_of(k->a, k->p->aggregate ? -1 : column, number, true)});
	k->last_column = column;
}

static void take_compare(struct collector *k)
{
	const struct link_reading *r =
	        resolve(k->a, k->p->spans[0], LINK_COLUMN, 1, resolve_near(k->a, k->phrase));

	if (r)
		compare(k, (int32_t)r->index, operator_of(k->p));
}

/* "more than 3 courses" counts, "more than 3 points" compares. */
static void take_compare_of(struct collector *k)
{
	struct assembly *a = k->a;
	const struct phrase *p = k->p;
	const struct link_reading *r =
	        resolve(a, p->spans[0], LINK_TABLE | LINK_COLUMN, 0, resolve_near(a, k->phrase));
	enum form_operator operator = operator_of(p);
	const char *number = p->number_count ? number_of(k, 0) : "1";

	if (!r)
		return;
	if (!p->number_count && p->operator< 0)
		operator = FORM_GT; /* several */
	/* "with 5 star rating": the value, not five of them. */
	if (r->kind == LINK_COLUMN && p->number_count &&
	        (is_measure(a, r->index) || (operator== FORM_EQ && !p->distinct))) {
		compare(k, (int32_t)r->index, operator);
		return;
	}
	if (a->having_count == sizeof a->having / sizeof *a->having)
		return;
	a->having[a->having_count++] = (struct tally){
	        .table = r->kind == LINK_TABLE ? (int32_t)r->index : -1,
	        .column = r->kind == LINK_COLUMN ? (int32_t)r->index : -1,
	        .distinct = p->distinct,
	        .operator = operator,
	        .number = number};
	if (r->kind == LINK_TABLE)
		add_named(k, r->index, false);
}

static void take_times(struct collector *k)
{
	struct assembly *a = k->a;
	const char *number = "1";

	if (a->having_count == sizeof a->having / sizeof *a->having)
		return;
	if (k->p->number_count)
		number = number_of(k, 0);
	else if (!strcmp(word_at(k, k->p->first + k->p->count - 1)->text, "twice"))
		number = "2";
	a->having[a->having_count++] = (struct tally){
	        .table = -1, .column = -1, .operator = operator_of(k->p), .number = number};
}

static int32_t near_table(const struct collector *k)
{
	return resolve_near(k->a, k->phrase);
}

/* What was mentioned just before turns out to be the left side of a comparison. */
static void unselect_last(struct collector *k)
{
	if (k->last_select && k->last_select == k->a->selected && k->tail)
		k->a->selected--;
	k->last_select = 0;
}

static void take_compare_bare(struct collector *k)
{
	struct assembly *a = k->a;
	const struct word *number = word_at(k, k->p->numbers[0]);
	enum form_operator operator = operator_of(k->p);
	int32_t column = -1, direction = 1;
	bool year = number->value >= 1800 && number->value <= 2100 && number->value == (int)number->value;

	if (k->p->adjective || k->p->action == ACT_COMPARE_ADJ) {
		direction = k->p->adjective ? k->p->adjective->direction : 1;
		if (k->p->adjective) {
			int32_t before = direction;

			column = resolve_adjective(a, k->p->adjective, near_table(k), &direction);
			/* A date that stands for an age: years cannot be compared with it. */
			if (column >= 0 && before != direction &&
			        a->schema->columns[column].type == COLUMN_TIME)
				column = -1;
			else if (before != direction)
				operator = turned(operator);
		} else {
			int degree;

			column = resolve_adjective(a, lexicon_adjective("old", &degree), near_table(k), NULL);
		}
	}
	if (column < 0 && k->last_column >= 0 &&
	        a->schema->columns[k->last_column].type != COLUMN_TEXT) {
		column = k->last_column;
		unselect_last(k);
	}
	if (column < 0 && year)
		column = resolve_time(a, near_table(k), true);
	if (column < 0) {
		int degree;

		column = resolve_adjective(a, lexicon_adjective("old", &degree), near_table(k), NULL);
		if (column >= 0 && a->schema->columns[column].type != COLUMN_NUMBER)
			column = -1;
	}
	if (column < 0)
		column = resolve_measure(a, near_table(k));
	a->guesses++;
	if (column < 0)
		a->unused++;
	else
		compare(k, column, operator);
}

static const struct form_query *extreme_query(
        struct collector *k, int32_t column, enum form_aggregate aggregate)
{
	struct form_query *q = pool_alloc(k->a->pool, sizeof *q);

	if (!q)
		return NULL;
	q->select[0] = of_column(column, aggregate);
	q->selected = 1;
	return q;
}

static void take_compare_extreme(struct collector *k)
{
	struct assembly *a = k->a;
	const struct phrase *p = k->p;
	enum form_operator operator = operator_of(p);
	int32_t direction = p->adjective ? p->adjective->direction : 1, column = -1, of;
	const struct link_reading *r = NULL;
	const struct form_query *q;

	if (p->span_count)
		r = resolve(a, p->spans[0], LINK_COLUMN, 1, near_table(k));
	if (r) {
		column = (int32_t)r->index;
	} else if (p->adjective) {
		column = resolve_adjective(a, p->adjective, near_table(k), &direction);
		if (direction != p->adjective->direction)
			operator = turned(operator);
	}
	if (column < 0) {
		a->unused++;
		return;
	}
	of = column;
	if (p->span_count > 1 && (r = resolve(a, p->spans[1], LINK_COLUMN, 1, near_table(k))))
		of = (int32_t)r->index;
	q = extreme_query(k, of, (enum form_aggregate)p->aggregate);
	if (q)
		add_condition(k, (struct condition){.left = of_column(column, AGGREGATE_NONE),
		                         .operator = operator,
		                         .query = q});
}

static void take_between(struct collector *k)
{
	struct assembly *a = k->a;
	const struct link_reading *r =
	        k->p->span_count ? resolve(a, k->p->spans[0], LINK_COLUMN, 1, near_table(k)) : NULL;
	int32_t column = r ? (int32_t)r->index : k->last_column;

	if (!r && column >= 0 && a->schema->columns[column].type == COLUMN_TEXT)
		column = -1;
	if (!r && column >= 0)
		unselect_last(k);
	if (column < 0 && word_at(k, k->p->numbers[0])->value >= 1800)
		column = resolve_time(a, near_table(k), true);
	if (column < 0)
		column = resolve_measure(a, near_table(k));
	if (!r)
		a->guesses++;
	if (column < 0) {
		a->unused++;
		return;
	}
	add_condition(k, (struct condition){.left = of_column(column, AGGREGATE_NONE),
	                         .operator = FORM_BETWEEN,
	                         .value = value_of(a, column, number_of(k, 0), true),
	                         .until = value_of(a, column, number_of(k, 1), true)});
}

/* A value by itself, or at the name of its column. */
static void take_value(struct collector *k)
{
	struct assembly *a = k->a;
	const struct phrase *p = k->p;
	const struct link_span *value = NULL, *name = NULL;
	const struct link_reading *r = NULL;
	int32_t column = -1;
	struct form_value literal = {NULL, false};

	for (size_t i = 0; i < p->span_count; i++)
		if (p->spans[i]->kinds & LINK_VALUE && (!value || p->action == ACT_VALUE))
			value = p->spans[i];
	if (p->span_count == 2 && value == p->spans[0])
		name = p->spans[1];
	else if (p->span_count == 2) {
		name = p->spans[0];
		value = p->spans[1];
	} else if (p->span_count == 1 && p->number_count) {
		name = p->spans[0];
		value = NULL;
	}
	if (value && name) {
		/* The reading of both that agrees. */
		uint32_t best = 0;

		for (size_t v = 0; v < value->reading_count; v++)
			for (size_t n = 0; n < name->reading_count; n++) {
				const struct link_reading *x = &value->readings[v], *y = &name->readings[n];
				uint32_t sum = x->weight + y->weight;

				if (x->kind != LINK_VALUE || y->kind == LINK_VALUE)
					continue;
				if (y->kind == LINK_COLUMN ? y->index != x->index
				                           : y->index != a->schema->columns[x->index].table)
					continue;
				if (a->sure[a->schema->columns[x->index].table])
					sum += 200;
				if (near_table(k) == (int32_t)a->schema->columns[x->index].table)
					sum += 200;
				if (sum > best) {
					best = sum;
					r = x;
					if (y->kind == LINK_TABLE) {
						column = -1;
					}
				}
			}
		if (r)
			for (size_t n = 0; n < name->reading_count; n++)
				if (name->readings[n].kind == LINK_TABLE &&
				        p->action == ACT_IS && name == p->spans[1] &&
				        name->readings[n].index == a->schema->columns[r->index].table)
					add_named(k, name->readings[n].index, !k->tail);
	} else if (value) {
		r = resolve(a, value, LINK_VALUE, 0, near_table(k));
	}
	if (r && value->count == 1 && r->weight < 850 &&
	        word_at(k, value->first)->kind == WORD_QUOTED) {
		/* A part of what is stored. */
		add_condition(k, (struct condition){.left = of_column((int32_t)r->index, AGGREGATE_NONE),
		                         .operator = p->negated ? FORM_NOT_LIKE : FORM_LIKE,
		                         .value = {pool_print(a->pool, "%%%s%%",
		                                           word_at(k, value->first)->written),
		                                 true}});
		return;
	}
	if (r) {
		column = (int32_t)r->index;
		literal = value_of(a, column, r->text, false);
		if (r->weight < a->weakest)
			a->weakest = r->weight;
	} else if (name && p->number_count) {
		const struct word *w = word_at(k, p->numbers[0]);

		r = resolve(a, name, LINK_COLUMN, w->kind == WORD_NUMBER, near_table(k));
		if (!r)
			return;
		column = (int32_t)r->index;
		literal = w->kind == WORD_NUMBER ? value_of(a, column, w->number, true)
		                                 : value_of(a, column, w->written, false);
		if (w->kind == WORD_QUOTED)
			a->guesses++;
	} else if (p->number_count) {
		/* A quoted text that stands in no column: of what is asked for. */
		int32_t table = near_table(k);

		column = table < 0 ? -1 : a->schema->tables[table].display;
		literal = value_of(a, column, word_at(k, p->numbers[0])->written, false);
		a->guesses += 2;
	}
	if (column < 0) {
		a->unused++;
		return;
	}
	add_condition(k, (struct condition){.left = of_column(column, AGGREGATE_NONE),
	                         .operator = p->negated ? FORM_NE : FORM_EQ,
	                         .value = literal});
}

static void take_value_too(struct collector *k)
{
	struct assembly *a = k->a;
	const struct word *w = word_at(k, k->p->numbers[0]);
	const struct condition *before =
	        a->condition_count ? &a->conditions[a->condition_count - 1] : NULL;

	/* A range has two values, and where it ends is not said again. */
	if (!before || before->query || before->left.aggregate || before->operator== FORM_BETWEEN) {
		a->unused++;
		return;
	}
	k->or_before = !strcmp(word_at(k, k->p->first)->text, "or");
	add_condition(k, (struct condition){.left = before->left,
	                         .operator = before->operator,
	                         .value = w->kind == WORD_NUMBER
	                                          ? value_of(a, before->left.column, w->number, true)
	                                          : value_of(a, before->left.column, w->written, false)});
}

static void take_like(struct collector *k)
{
	struct assembly *a = k->a;
	const struct link_reading *r = resolve(a, k->p->spans[0], LINK_COLUMN, 0, near_table(k));
	const char *text = word_at(k, k->p->numbers[0])->written, *pattern;

	if (!r)
		return;
	pattern = k->p->like == 1   ? pool_print(a->pool, "%s%%", text)
	          : k->p->like == 2 ? pool_print(a->pool, "%%%s", text)
	                            : pool_print(a->pool, "%%%s%%", text);
	add_condition(k, (struct condition){.left = of_column((int32_t)r->index, AGGREGATE_NONE),
	                         .operator = FORM_LIKE,
	                         .value = {pattern, true}});
}

static void take_null(struct collector *k)
{
	const struct link_reading *r = resolve(k->a, k->p->spans[0], LINK_COLUMN, 0, near_table(k));

	if (r)
		add_condition(k, (struct condition){.left = of_column((int32_t)r->index, AGGREGATE_NONE),
		                         .operator = k->p->action == ACT_NULL ? FORM_NULL
		                                                              : FORM_NOT_NULL});
}

/* A year in a column of years or of dates that are no ISO texts; a span of days in one of dates. */
static void take_when(struct collector *k)
{
	struct assembly *a = k->a;
	const struct when *w = k->p->when;
	int32_t column = -1;
	const struct schema_column *c;
	bool year_from, year_until;
	struct condition condition = {.operator = FORM_BETWEEN, .open = true};

	if (k->last_column >= 0 && (a->schema->columns[k->last_column].type == COLUMN_TIME ||
	                                   a->schema->columns[k->last_column].flags & COLUMN_YEAR)) {
		column = k->last_column;
		unselect_last(k);
	}
	year_from = !w->from[0] || !strcmp(w->from + 4, "-01-01");
	year_until = !w->until[0] || !strcmp(w->until + 4, "-01-01");
	if (column < 0)
		column = resolve_time(a, near_table(k), year_from && year_until);
	if (column < 0) {
		a->unused++;
		return;
	}
	a->guesses++;
	c = &a->schema->columns[column];
	condition.left = of_column(column, AGGREGATE_NONE);
	if (c->flags & COLUMN_YEAR && year_from && year_until) {
		bool quoted = c->type == COLUMN_TEXT;

		condition.value = (struct form_value){
		        w->from[0] ? pool_copy(a->pool, w->from, 4) : NULL, quoted};
		condition.until = (struct form_value){
		        w->until[0] ? pool_copy(a->pool, w->until, 4) : NULL, quoted};
		if (w->year) {
			condition.operator = FORM_EQ;
			condition.open = false;
		}
	} else if (c->flags & COLUMN_ISO || c->type == COLUMN_TIME) {
		if (w->year && !(c->flags & COLUMN_ISO)) {
			condition.operator = FORM_LIKE;
			condition.value =
			        (struct form_value){pool_print(a->pool, "%%%.4s%%", w->from), true};
		} else {
			condition.value = (struct form_value){
			        w->from[0] ? pool_copy(a->pool, w->from, 10) : NULL, true};
			condition.until = (struct form_value){
			        w->until[0] ? pool_copy(a->pool, w->until, 10) : NULL, true};
		}
	} else {
		a->unused++;
		return;
	}
	add_condition(k, condition);
}

/* ---- the most of something, order ------------------------------------------------------------- */

static uint32_t limit_of(const struct collector *k)
{
	const struct word *w = k->p->number_count ? word_at(k, k->p->numbers[0]) : NULL;

	return w && w->value >= 1 && w->value <= 100000 ? (uint32_t)w->value : 1;
}

/* "the top 3 oldest": what was said first counts. */
static void set_limit(struct collector *k)
{
	if (!k->a->limit || k->p->number_count)
		k->a->limit = limit_of(k);
}

static void order_by_tally(struct collector *k, const struct link_reading *r, bool distinct)
{
	struct assembly *a = k->a;

	a->by_tally = true;
	a->order_tally = (struct tally){.table = r && r->kind == LINK_TABLE ? (int32_t)r->index : -1,
	        .column = r && r->kind == LINK_COLUMN ? (int32_t)r->index : -1,
	        .distinct = distinct};
	if (r && r->kind == LINK_TABLE)
		add_named(k, r->index, false);
}

static bool speaks_of_time(const struct lexicon_adjective *adjective)
{
	static const char *const words[] = {"recent", "late", "early", "new", NULL};

	for (size_t i = 0; words[i]; i++)
		if (!strcmp(adjective->word, words[i]))
			return true;
	return false;
}

static bool has_head(const struct assembly *a)
{
	for (size_t i = 0; i < a->named_count; i++)
		if (a->named[i].head)
			return true;
	return false;
}

/* "the student in the department with the most credits": with goes with what is asked for. */
static int32_t of_what(const struct collector *k)
{
	const struct assembly *a = k->a;

	if (!is_word(word_at(k, k->p->first), lead_havings))
		return near_table(k);
	for (size_t i = 0; i < a->named_count; i++)
		if (!a->named[i].negated)
			return (int32_t)a->named[i].table;
	return near_table(k);
}

static void take_super(struct collector *k)
{
	struct assembly *a = k->a;
	const struct phrase *p = k->p;
	const struct link_reading *r;
	bool descending = p->direction ? p->direction > 0
	                               : p->aggregate != AGGREGATE_MIN;
	enum form_aggregate aggregate = AGGREGATE_NONE;

	if (p->action == ACT_SUPER) {
		r = resolve(a, p->spans[0], LINK_COLUMN, 1, of_what(k));
		/* "what is the highest price": the price itself. */
		if (r && !p->aggregate && !p->number_count && !a->selected && !has_head(a) &&
		        !is_word(word_at(k, p->first), lead_havings)) {
			add_select(k, of_column((int32_t)r->index,
			                   descending ? AGGREGATE_MAX : AGGREGATE_MIN));
			k->last_column = (int32_t)r->index;
			return;
		}
		if (r && a->schema->columns[r->index].type == COLUMN_TEXT &&
		        !(a->schema->columns[r->index].flags & COLUMN_MEASURE)) {
			const struct link_reading *table =
			        resolve(a, p->spans[0], LINK_TABLE, 0, near_table(k));

			order_by_tally(k, table ? table : r, p->distinct);
			a->tally_descending = descending;
			set_limit(k);
			return;
		}
		if (!r)
			return;
		if (p->aggregate == AGGREGATE_AVG || p->aggregate == AGGREGATE_SUM)
			aggregate = (enum form_aggregate)p->aggregate;
		add_order(k, of_column((int32_t)r->index, aggregate), descending);
		k->last_column = (int32_t)r->index;
	} else {
		int32_t direction = p->direction, column;

		column = resolve_adjective(a, p->adjective, near_table(k), &direction);
		if (column < 0 && speaks_of_time(p->adjective))
			column = resolve_time(a, near_table(k), true);
		if (column < 0) {
			a->unused++;
			return;
		}
		add_order(k, of_column(column, AGGREGATE_NONE), direction > 0);
	}
	set_limit(k);
}

static void take_latest(struct collector *k)
{
	int32_t column = resolve_time(k->a, near_table(k), true);

	if (column < 0) {
		k->a->unused++;
		return;
	}
	add_order(k, of_column(column, AGGREGATE_NONE), true);
	set_limit(k);
}

static void take_super_count(struct collector *k)
{
	struct assembly *a = k->a;
	const struct link_reading *r =
	        resolve(a, k->p->spans[0], LINK_TABLE | LINK_COLUMN, 0, near_table(k));

	if (!r)
		return;
	set_limit(k);
	if (r->kind == LINK_COLUMN && is_measure(a, r->index)) {
		add_order(k, of_column((int32_t)r->index, AGGREGATE_NONE), k->p->direction > 0);
		return;
	}
	order_by_tally(k, r, k->p->distinct);
	a->tally_descending = k->p->direction > 0;
}

static void take_common(struct collector *k)
{
	struct assembly *a = k->a;

	a->common = true;
	order_by_tally(k, NULL, false);
	a->tally_descending = k->p->direction >= 0;
	set_limit(k);
	if (k->p->span_count) {
		bool tail = k->tail;

		k->tail = false;
		take_mention(k);
		k->tail = tail;
	}
}

static void take_order(struct collector *k)
{
	struct assembly *a = k->a;
	const struct link_reading *r =
	        resolve(a, k->p->spans[0], LINK_TABLE | LINK_COLUMN, 0, near_table(k));
	bool descending = k->p->direction > 0;
	int32_t column;

	if (!r)
		return;
	if (k->p->action == ACT_ORDER_COUNT && r->kind == LINK_COLUMN && is_measure(a, r->index)) {
		add_order(k, of_column((int32_t)r->index, AGGREGATE_NONE), descending);
		return;
	}
	if (k->p->action == ACT_ORDER_COUNT) {
		order_by_tally(k, r, k->p->distinct);
		a->tally_descending = descending;
		return;
	}
	column = r->kind == LINK_COLUMN ? (int32_t)r->index : a->schema->tables[r->index].display;
	if (column >= 0)
		add_order(k, of_column(column, (enum form_aggregate)k->p->aggregate), descending);
}

static void take_direction(struct collector *k)
{
	struct assembly *a = k->a;

	if (a->orders && !a->limit)
		a->order[a->orders - 1].descending = k->p->direction > 0;
	else if (a->by_tally && !a->limit)
		a->tally_descending = k->p->direction > 0;
	else
		a->order_self = true, a->self_descending = k->p->direction > 0;
}

static void take(struct collector *k)
{
	struct assembly *a = k->a;

	switch (k->p->action) {
	case ACT_MENTION:
		take_mention(k);
		break;
	case ACT_VALUE:
	case ACT_IS:
		take_value(k);
		break;
	case ACT_IS_TOO:
		take_value_too(k);
		break;
	case ACT_STAR:
		take_star(k);
		break;
	case ACT_COUNT:
		take_count(k);
		break;
	case ACT_COUNT_ALL:
		a->counts = true;
		break;
	case ACT_AGGREGATE:
		take_aggregate(k);
		break;
	case ACT_AGGREGATE_TOO:
		if (k->pending_count < 3)
			k->pending[k->pending_count++] = (enum form_aggregate)k->p->aggregate;
		break;
	case ACT_DISTINCT:
		a->distinct = true;
		break;
	case ACT_GROUP:
		take_group(k);
		break;
	case ACT_COMPARE:
		take_compare(k);
		break;
	case ACT_COMPARE_OF:
		take_compare_of(k);
		break;
	case ACT_COMPARE_BARE:
	case ACT_COMPARE_ADJ:
		take_compare_bare(k);
		break;
	case ACT_COMPARE_EXTREME:
		take_compare_extreme(k);
		break;
	case ACT_BETWEEN:
		take_between(k);
		break;
	case ACT_LIKE:
		take_like(k);
		break;
	case ACT_NULL:
	case ACT_NOT_NULL:
		take_null(k);
		break;
	case ACT_SUPER:
	case ACT_SUPER_ADJ:
		take_super(k);
		break;
	case ACT_SUPER_COUNT:
		take_super_count(k);
		break;
	case ACT_COMMON:
		take_common(k);
		break;
	case ACT_ORDER:
	case ACT_ORDER_COUNT:
		take_order(k);
		break;
	case ACT_ORDER_SELF:
	case ACT_DIRECTION:
		take_direction(k);
		break;
	case ACT_LATEST:
		take_latest(k);
		break;
	case ACT_SOME:
		a->some = limit_of(k);
		take_mention(k);
		break;
	case ACT_TOP:
		a->limit = limit_of(k);
		break;
	case ACT_TIMES:
		take_times(k);
		break;
	case ACT_NOT:
		k->negated = true;
		break;
	case ACT_BOTH:
		k->both = true;
		break;
	case ACT_OR:
		k->or_before = true;
		break;
	case ACT_EXCEPT:
		k->except = true;
		break;
	case ACT_WHEN:
		take_when(k);
		break;
	case ACT_ASK_WHERE:
		a->asks_where = true;
		break;
	case ACT_ASK_WHEN:
		a->asks_when = true;
		break;
	}
}

void collect(struct assembly *a)
{
	static const char *const inside[] = {"with", "have", "has", "had", "having", "whose", NULL};
	struct collector k = {.a = a, .last_column = -1};
	size_t end = 0;

	for (size_t i = 0; i < a->cover->count; i++) {
		k.phrase = i;
		k.p = a->cover->phrases[i];
		follow(&k, end, k.p->first);
		if (is_word(word_at(&k, k.p->first), inside) && k.p->action != ACT_SUPER &&
		        k.p->action != ACT_SUPER_COUNT)
			k.tail = true;
		take(&k);
		end = k.p->first + k.p->count;
		/* "the oldest student who ...": a superlative leaves the head open. */
		if (k.p->action == ACT_COMPARE || k.p->action == ACT_COMPARE_OF)
			k.tail = true;
	}
	if (k.negated || k.except)
		a->unused++;
}
