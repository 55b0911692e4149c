/* collect.c: gathers what the phrases of a cover say, in their order. */
#include "collect.h"

#include <string.h>

const char *const collect_lead_prepositions[] = {"of", "for", "from", "in", "at", "on", "by", "to",
        "under", "among", "within", "during", "into", "through", "about", "between", NULL};

const char *const collect_lead_havings[] = {
        "with", "have", "has", "had", "having", "whose", "without", "where", NULL};

const struct word *collect_word_at(const struct collector *k, size_t i)
{
	return &k->a->lattice->words.words[i];
}

bool collect_is_word(const struct word *w, const char *const *list)
{
	for (size_t i = 0; list[i]; i++)
		if (w->kind != WORD_QUOTED && !strcmp(w->text, list[i]))
			return true;
	return false;
}

static const char *const starts_tail[] = {"who", "that", "which", "whose", "where", "with",
        "having", "have", "has", "had", "in", "from", "at", "on", "by", "under", "during", "when",
        "whom", "for", "to", "without", "if", "located", "using", "through", NULL};

static const char *const starts_head[] = {"show", "list", "give", "return", "find", "display",
        "tell", "what", "along", "together", "also", "report", "print", "get", "name", "state",
        NULL};

/* The word that leads to the phrase, over determiners; NULL: none, or another phrase. */
const struct word *collect_lead_of(const struct collector *k)
{
	static const char *const passed[] = {"the", "a", "an", "all", "any", "each", "every",
	        "their", "its", "his", "her", "those", "these", "some", "different", "distinct",
	        "both", "other", "our", NULL};
	size_t from = k->phrase ? k->a->cover->phrases[k->phrase - 1]->first +
	                                  k->a->cover->phrases[k->phrase - 1]->count
	                        : 0;

	for (size_t i = k->p->first; i > from; i--)
		if (!collect_is_word(collect_word_at(k, i - 1), passed))
			return collect_word_at(k, i - 1);
	return NULL;
}

/* Follows the words between two phrases: where do conditions begin, where what is asked for? */
static void follow(struct collector *k, size_t from, size_t until)
{
	for (size_t i = from; i < until; i++) {
		const struct word *w = collect_word_at(k, i);

		if (w->kind == WORD_MARK && strchr(".?!;", *w->text)) {
			k->tail = false;
			continue;
		}
		if (collect_is_word(w, starts_head))
			k->tail = false;
		else if (collect_is_word(w, starts_tail) && i) {
			/* "in which city": it asks. */
			bool asks = i + 1 < k->a->lattice->words.count &&
			            (!strcmp(collect_word_at(k, i + 1)->text, "which") ||
			                    !strcmp(collect_word_at(k, i + 1)->text, "what"));

			if (!asks && !(i == 1 && !strcmp(w->text, "which")))
				k->tail = true;
		}
		if (!strcmp(w->text, "and") && i + 1 < until &&
		        (!strcmp(collect_word_at(k, i + 1)->text, "their") ||
		                !strcmp(collect_word_at(k, i + 1)->text, "its") ||
		                !strcmp(collect_word_at(k, i + 1)->text, "his")))
			k->tail = false;
	}
}

struct form_value collect_value_of(
        const struct assembly *a, int32_t column, const char *text, bool number)
{
	const struct schema_column *c = column < 0 ? NULL : &a->schema->columns[column];

	return (struct form_value){text, !number || (c && c->type != COLUMN_NUMBER)};
}

void collect_add_condition(struct collector *k, struct condition condition)
{
	struct assembly *a = k->a;

	if (a->condition_count == ITEMS) {
		a->unused++;
		return;
	}
	condition.negated = condition.negated || k->negated || k->except;
	condition.or_before = k->or_before;
	condition.both = k->both;
	condition.word = k->p->first;
	a->conditions[a->condition_count++] = condition;
	k->negated = k->or_before = k->both = k->except = false;
}

void collect_add_select(struct collector *k, struct form_expression e)
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

void collect_add_named(struct collector *k, uint32_t table, bool head)
{
	struct assembly *a = k->a;

	if (a->named_count < ITEMS)
		a->named[a->named_count++] =
		        (struct named_table){table, head, k->negated || k->except, k->p->first};
	else
		a->unused++;
	k->negated = k->except = false;
}

struct form_expression collect_of_column(int32_t column, enum form_aggregate aggregate)
{
	return (struct form_expression){.aggregate = aggregate, .column = column, .table = -1};
}

bool collect_is_measure(const struct assembly *a, uint32_t column)
{
	return (a->schema->columns[column].flags & COLUMN_MEASURE) != 0;
}

int32_t collect_near_table(const struct collector *k)
{
	return resolve_near(k->a, k->phrase);
}

bool collect_is_participle(const char *word)
{
	static const char *const irregular[] = {"left", "paid", "sold", "sent", "made", "built",
	        "begun", "born", "gone", "done", "given", "taken", "written", "won", "lost", NULL};
	size_t n = strlen(word);

	for (size_t i = 0; irregular[i]; i++)
		if (!strcmp(word, irregular[i]))
			return true;
	return n > 3 && !strcmp(word + n - 2, "ed");
}

/* Does the next phrase say when? */
bool collect_time_follows(const struct collector *k)
{
	const struct phrase *next =
	        k->phrase + 1 < k->a->cover->count ? k->a->cover->phrases[k->phrase + 1] : NULL;

	return next && next->first <= k->p->first + k->p->count + 1 &&
	       (next->action == ACT_WHEN || next->action == ACT_COMPARE_BARE ||
	               next->action == ACT_BETWEEN);
}

/* What was mentioned just before turns out to be the left side of a comparison. */
void collect_unselect_last(struct collector *k)
{
	if (k->last_select && k->last_select == k->a->selected && k->tail)
		k->a->selected--;
	k->last_select = 0;
}

static void take(struct collector *k)
{
	struct assembly *a = k->a;

	switch (k->p->action) {
	case ACT_MENTION:
		collect_mention(k);
		break;
	case ACT_VALUE:
	case ACT_IS:
		collect_value(k);
		break;
	case ACT_IS_TOO:
		collect_value_too(k);
		break;
	case ACT_STAR:
		collect_star(k);
		break;
	case ACT_COUNT:
		collect_count(k);
		break;
	case ACT_COUNT_ALL:
		a->counts = true;
		break;
	case ACT_AGGREGATE:
		collect_aggregate(k);
		break;
	case ACT_AGGREGATE_TOO:
		if (k->pending_count < 3)
			k->pending[k->pending_count++] = (enum form_aggregate)k->p->aggregate;
		break;
	case ACT_DISTINCT:
		a->distinct = true;
		break;
	case ACT_GROUP:
		collect_group(k);
		break;
	case ACT_COMPARE:
		collect_compare(k);
		break;
	case ACT_COMPARE_OF:
		collect_compare_of(k);
		break;
	case ACT_COMPARE_BARE:
	case ACT_COMPARE_ADJ:
		collect_compare_bare(k);
		break;
	case ACT_COMPARE_EXTREME:
		collect_compare_extreme(k);
		break;
	case ACT_BETWEEN:
		collect_between(k);
		break;
	case ACT_LIKE:
		collect_like(k);
		break;
	case ACT_NULL:
	case ACT_NOT_NULL:
		collect_null(k);
		break;
	case ACT_SUPER:
	case ACT_SUPER_ADJ:
	case ACT_ORDER_ADJ:
		collect_super(k);
		break;
	case ACT_SUPER_COUNT:
		collect_super_count(k);
		break;
	case ACT_COMMON:
		collect_common(k);
		break;
	case ACT_ORDER:
	case ACT_ORDER_COUNT:
		collect_order(k);
		break;
	case ACT_ORDER_SELF:
	case ACT_DIRECTION:
		collect_direction(k);
		break;
	case ACT_LATEST:
		collect_latest(k);
		break;
	case ACT_SOME:
		a->some = collect_limit_of(k);
		collect_mention(k);
		break;
	case ACT_TOP:
		a->limit = collect_limit_of(k);
		break;
	case ACT_TIMES:
		collect_times(k);
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
		collect_when(k);
		break;
	case ACT_PERIOD:
		a->period = (enum form_period)k->p->period;
		break;
	case ACT_SUM:
		a->sums = true;
		a->sum_aggregate = AGGREGATE_SUM;
		break;
	case ACT_AGGREGATE_OF:
		collect_aggregate_of(k);
		break;
	case ACT_CODE:
		collect_code(k);
		break;
	case ACT_TOP_BY:
		collect_top_by(k);
		break;
	case ACT_MOST:
		collect_most(k);
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
		if (collect_is_word(collect_word_at(&k, k.p->first), inside) &&
		        k.p->action != ACT_SUPER && k.p->action != ACT_SUPER_COUNT)
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
