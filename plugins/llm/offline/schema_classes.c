/* schema_classes.c: what columns are for, as their names and declared types tell. */
#include <string.h>
#include <strings.h>

#include "schema_inside.h"

static const char *const code_ends[] = {"id", "code", "key", "number", "no", "phone", "telephone",
        "fax", "mobile", "cell", "zip", "zipcode", "postcode", "postal", "ssn", "isbn", "ean",
        "sku", "uuid", "guid", "extension", "identifier", "serial", "barcode", "iban", "vat", NULL};
static const char *const name_ends_list[] = {"name", "title", "label", "fullname", NULL};
static const char *const year_ends[] = {"year", "yr", NULL};
static const char *const counts[] = {
        "count", "total", "amount", "quantity", "sum", "average", NULL};
static const char *const time_ends[] = {"date", "datetime", "timestamp", "dob", "birthday", NULL};
static const char *const year_words[] = {"year", "yr", "founded", "built", "opened", "since",
        "season", "established", "released", "opening", "closing", "formed", "started", NULL};
static const char *const first_names[] = {
        "first", "given", "personal", "fore", "forename", "firstname", NULL};
static const char *const last_names[] = {
        "last", "family", "surname", "lastname", "sur", "sirname", NULL};
/* What does not name a row, even if no value stands there twice. */
static const char *const not_display[] = {"type", "status", "category", "date", "time", "datetime",
        "year", "size", "duration", "length", "phone", "url", "password", "score", "result",
        "rating", "gender", "sex", "notes", "note", "comment", "comments", "level", "position",
        "hash", "uuid", "image", "photo", "day", "month", "issue", NULL};
static const char *const kinds_of_names[] = {
        "full", "official", "common", "display", "short", NULL};
static const char *const genders[] = {"gender", "sex", NULL};
static const char *const not_names[] = {
        "user", "file", "login", "path", "middle", "nick", "maiden", "first", "given", NULL};

static void guess_column(struct draft *draft, uint32_t index)
{
	struct schema_column *column = &draft->schema->columns[index];
	const struct name *name = &draft->columns[index];
	/* "number of rooms" is a count; "room number" is a code. */
	bool counted = name->count > 1 && !strcmp(name->words[name->skip], "number");
	if (!name->count)
		return;
	if (column->type == COLUMN_OTHER && name_ends(name, time_ends))
		column->type = COLUMN_TIME;
	if (name_ends(name, name_ends_list) || name_ends(name, last_names))
		column->flags |= COLUMN_NAME;
	else if (!counted && name_ends(name, code_ends) && !name_has(name, counts))
		column->flags |= COLUMN_CODE;
	if (column->type == COLUMN_NUMBER && (column->flags & (COLUMN_PRIMARY | COLUMN_FOREIGN)))
		column->flags |= COLUMN_CODE;
	if (column->type == COLUMN_NUMBER && name_ends(name, year_ends) && !counted)
		column->flags |= COLUMN_YEAR;
	if (column->type == COLUMN_NUMBER && !name_ends(name, time_ends) &&
	        !(column->flags & (COLUMN_PRIMARY | COLUMN_FOREIGN | COLUMN_CODE | COLUMN_YEAR |
	                                  COLUMN_TRUTH)))
		column->flags |= COLUMN_MEASURE;
}

/* How well does it name a row? */
static int score(const struct draft *draft, const struct schema_table *table, uint32_t index)
{
	static const struct {
		const char *word;
		int score;
	} words[] = {{"name", 100}, {"fullname", 100}, {"title", 95}, {"label", 85},
	        {"surname", 90}, {"lastname", 90}, {"description", 40}, {"detail", 35},
	        {"details", 35}, {"username", 50}, {"login", 48}, {"email", 30}, {"text", 25}};
	const struct schema_column *column = &draft->schema->columns[index];
	const struct name *name = &draft->columns[index];
	const struct name *owner = &draft->tables[table - draft->schema->tables];
	uint32_t rest = name->count - name->skip - name->own;
	int best = 0;
	if (!name->count || column->type != COLUMN_TEXT || (column->flags & COLUMN_FOREIGN))
		return 0;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (!strcmp(name->words[name->count - 1], words[i].word))
			best = words[i].score;
	/* "player" of a table of players */
	if (!best && name_says(name, owner))
		best = 97;
	if (best > 50 && name_has(name, not_names))
		best = 45;
	/* "name", "customer name" and "title" before "contact name" */
	if (best && rest <= 1)
		best += 4;
	else if (best >= 85 && !name_has(name, kinds_of_names))
		best = 84;
	if (best >= 84 && name_has(name, last_names))
		best = 92;
	/* That of a job, not of a book. */
	if (best == 95 && rest > 1 && !(column->flags & COLUMN_UNIQUE))
		best = 88;
	if (!best && (column->flags & COLUMN_UNIQUE) && !(column->flags & COLUMN_PRIMARY) &&
	        !name_ends(name, not_display))
		best = 45;
	if (best && (column->flags & COLUMN_CODE))
		best = 10;
	return best;
}

void classes_choose_display(struct draft *draft)
{
	struct schema *schema = draft->schema;
	for (size_t i = 0; i < schema->table_count; i++) {
		struct schema_table *table = &schema->tables[i];
		int best = 0;
		table->display = table->display2 = -1;
		for (uint32_t j = table->first; j < table->first + table->columns; j++) {
			int now = score(draft, table, j);
			if (now > best) {
				best = now;
				table->display = (int32_t)j;
			}
		}
		if (table->display < 0 || !name_has(&draft->columns[table->display], last_names))
			continue;
		for (uint32_t j = table->first; j < table->first + table->columns; j++)
			if (schema->columns[j].type == COLUMN_TEXT &&
			        name_has(&draft->columns[j], first_names))
				table->display2 = (int32_t)j;
	}
}

/* ---- what the values tell ----------------------------------------------------------------------
 */

/* Pairs that mean yes and no. */
static const char *const truths[][2] = {{"y", "n"}, {"yes", "no"}, {"t", "f"}, {"true", "false"},
        {"on", "off"}, {"active", "inactive"}, {"1", "0"}};

/* The literals of a column of yes and no. */
static bool set_truth(
        struct schema *schema, struct schema_column *column, const char *yes, const char *no)
{
	const char **both = pool_alloc(&schema->pool, 2 * sizeof *both);
	if (!both || !yes || !no)
		return false;
	both[0] = yes;
	both[1] = no;
	column->yes = both;
	column->flags |= COLUMN_TRUTH;
	column->flags &= ~(uint32_t)COLUMN_MEASURE;
	return true;
}

static bool set_declared_truth(struct schema *schema, struct schema_column *column)
{
	bool numbers = !strcmp(schema->dialect, "sqlite") || !strcmp(schema->dialect, "mysql") ||
	               !strcmp(schema->dialect, "sqlserver");
	return set_truth(schema, column, numbers ? "1" : "TRUE", numbers ? "0" : "FALSE");
}

/* Of the two values that a column has. */
static bool find_truth(struct draft *draft, struct schema_column *column,
        const struct column_facts *facts, bool text)
{
	struct pool *pool = &draft->schema->pool;
	const char *a = facts->samples[0], *b = facts->samples[1];
	for (size_t i = 0; i < sizeof truths / sizeof *truths; i++) {
		const char *const *pair = truths[i];
		bool turned = !strcasecmp(a, pair[1]) && !strcasecmp(b, pair[0]);
		if (!turned && (strcasecmp(a, pair[0]) != 0 || strcasecmp(b, pair[1]) != 0))
			continue;
		return text ? set_truth(draft->schema, column, sql_text(pool, turned ? b : a),
		                      sql_text(pool, turned ? a : b))
		            : set_truth(draft->schema, column, pair[0], pair[1]);
	}
	return true;
}

bool classes_guess(struct draft *draft)
{
	struct schema *schema = draft->schema;
	for (uint32_t i = 0; i < schema->column_count; i++) {
		guess_column(draft, i);
		if ((schema->columns[i].flags & COLUMN_TRUTH) &&
		        !set_declared_truth(schema, &schema->columns[i]))
			return false;
	}
	classes_choose_display(draft);
	return true;
}

static bool says_amount(const struct name *name)
{
	return name_has(name, counts) || name_has(name, (const char *const[]){"number", NULL});
}

bool classes_learn(struct draft *draft, uint32_t index, const struct column_facts *facts)
{
	struct schema_column *column = &draft->schema->columns[index];
	const struct name *name = &draft->columns[index];
	uint64_t filled = facts->rows - facts->nulls, numbers = facts->ints + facts->floats;
	column->distinct = facts->distinct > UINT32_MAX ? UINT32_MAX : (uint32_t)facts->distinct;
	if (!filled)
		return true;
	if (numbers * 20 >= filled * 19 && column->type != COLUMN_TIME) {
		column->type = COLUMN_NUMBER;
	} else if (facts->texts * 20 >= filled * 19) {
		if (facts->iso_texts * 20 >= filled * 19) {
			column->type = COLUMN_TIME;
			column->flags |= COLUMN_ISO;
		} else if (facts->number_texts * 20 >= filled * 19 && !facts->zero_texts &&
		           !(column->flags & (COLUMN_CODE | COLUMN_NAME))) {
			column->type = COLUMN_NUMBER;
			column->flags |= COLUMN_TEXTUAL;
		} else if (facts->date_texts * 20 >= filled * 19) {
			column->type = COLUMN_TIME;
			column->flags |= COLUMN_TEXTUAL;
		} else if (column->type != COLUMN_TIME) {
			column->type = COLUMN_TEXT;
		}
	}
	column->flags &= ~(uint32_t)(COLUMN_MEASURE | COLUMN_YEAR);
	if (facts->texts * 2 > filled) {
		/* Declared as a truth, but words stand there. */
		column->flags &= ~(uint32_t)COLUMN_TRUTH;
		column->yes = NULL;
	}
	guess_column(draft, index);
	if (column->type == COLUMN_NUMBER && name->count) {
		bool years = facts->min >= 1000 && facts->max <= 2100 && !facts->floats;
		if (years && (name_ends(name, year_words) ||
		                     word_in(name->words[name->skip], year_ends) ||
		                     (column->flags & COLUMN_TEXTUAL)))
			column->flags |= COLUMN_YEAR;
		else if (!years)
			column->flags &= ~(uint32_t)COLUMN_YEAR;
		if (column->flags & COLUMN_YEAR)
			column->flags &= ~(uint32_t)COLUMN_MEASURE;
		else if (name_ends(name, year_ends) && !(column->flags & COLUMN_CODE))
			column->flags |= COLUMN_MEASURE;
	}
	if (facts->distinct <= ENUM_MOST && facts->distinct * 2 <= filled)
		column->flags |= COLUMN_ENUM;
	if (facts->whole && facts->distinct == filled && !facts->nulls && filled > 1)
		column->flags |= COLUMN_UNIQUE;
	if (facts->distinct == 2 && !name_has(name, genders) && facts->samples[0] &&
	        facts->samples[1] && !(column->flags & COLUMN_FOREIGN) &&
	        (facts->texts == filled || (facts->ints == filled && !says_amount(name))))
		return find_truth(draft, column, facts, facts->texts == filled);
	return true;
}
