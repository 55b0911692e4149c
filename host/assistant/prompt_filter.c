/* prompt_filter.c: what of a task may leave the house. */
#include "assistant/prompt_parts.h"

static size_t list_count(const void *list)
{
	const void *const *entries = list;
	size_t n = 0;

	while (entries && entries[n])
		n++;
	return n;
}

/* The columns of a table without their sample values. */
static const struct askd_db_column *const *without_samples(
        struct arena *a, const struct askd_db_column *const *columns)
{
	size_t n = list_count(columns);
	const struct askd_db_column **list = arena_alloc(a, (n + 1) * sizeof(void *));
	struct askd_db_column *copies = arena_alloc(a, (n + 1) * sizeof *copies);

	if (!list || !copies)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		copies[i] = *columns[i];
		copies[i].samples = (struct askd_values){NULL, 0};
		list[i] = &copies[i];
	}
	list[n] = NULL;
	return list;
}

static const struct askd_catalogue *catalogue_without_samples(
        struct arena *a, const struct askd_catalogue *catalogue)
{
	size_t n = list_count(catalogue->tables);
	struct askd_catalogue *copy = arena_alloc(a, sizeof *copy);
	const struct askd_db_table **list = arena_alloc(a, (n + 1) * sizeof(void *));
	struct askd_db_table *tables = arena_alloc(a, (n + 1) * sizeof *tables);

	if (!copy || !list || !tables)
		return NULL;
	*copy = *catalogue;
	for (size_t i = 0; i < n; i++) {
		tables[i] = *catalogue->tables[i];
		tables[i].columns = without_samples(a, tables[i].columns);
		if (!tables[i].columns)
			return NULL;
		list[i] = &tables[i];
	}
	list[n] = NULL;
	copy->tables = list;
	return copy;
}

/* Questions and statements stay, answers go. Messages of other roles have no place in a history. */
static const struct askd_llm_message *const *history_without_answers(
        struct arena *a, const struct askd_llm_message *const *history)
{
	size_t n = list_count(history), kept = 0;
	const struct askd_llm_message **list = arena_alloc(a, (n + 1) * sizeof(void *));
	struct askd_llm_message *copies = arena_alloc(a, (n + 1) * sizeof *copies);

	if (!list || !copies)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (history[i]->role != ASKD_ROLE_USER && history[i]->role != ASKD_ROLE_ASSISTANT)
			continue;
		copies[kept] = *history[i];
		copies[kept].files = NULL;
		if (history[i]->role == ASKD_ROLE_ASSISTANT)
			copies[kept].text = (struct askd_text){NULL, 0};
		list[kept] = &copies[kept];
		kept++;
	}
	list[kept] = NULL;
	return list;
}

int32_t prompt_filter(struct arena *a, const struct askd_task *task, int64_t egress,
        const struct askd_task **filtered, struct askd_error *reterr)
{
	struct askd_task *copy;

	if (egress == CONFIG_EGRESS_DEFAULT)
		egress = CONFIG_EGRESS_RESULTS;
	if (egress <= CONFIG_EGRESS_NOTHING)
		return askd_fail(reterr, ASKD_E_REFUSED,
		        "nothing of this database may leave the house (egress: nothing)");
	copy = arena_alloc(a, sizeof *copy);
	if (!copy)
		goto nomem;
	*copy = *task;
	copy->today = prompt_today(a, task->now_us, task->zone);
	if (egress < CONFIG_EGRESS_ALL) {
		copy->detail = (struct askd_text){NULL, 0};
		if (task->catalogue) {
			copy->catalogue = catalogue_without_samples(a, task->catalogue);
			if (!copy->catalogue)
				goto nomem;
		}
	}
	if (egress < CONFIG_EGRESS_RESULTS) {
		copy->facts = (struct askd_text){NULL, 0};
		copy->columns = NULL;
		copy->rows = NULL;
		if (task->history) {
			copy->history = history_without_answers(a, task->history);
			if (!copy->history)
				goto nomem;
		}
	}
	*filtered = copy;
	return ASKD_OK;
nomem:
	return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the task of a stage");
}
