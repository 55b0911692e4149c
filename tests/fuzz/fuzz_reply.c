/* fuzz_reply.c: what a model may reply to the skill query: the decision, and the sentences of an
 * answer. */
// clang-format off
// sources: plugins/skill/query/decision.c plugins/skill/query/str.c plugins/skill/query/normalise.c plugins/skill/query/numbers.c plugins/skill/query/numerals.c plugins/skill/query/sentences.c plugins/skill/query/figures.c plugins/skill/query/figures_set.c plugins/skill/query/rows.c
// clang-format on
#include <stdlib.h>

#include "plugins/skill/query/decision.h"
#include "plugins/skill/query/figures.h"
#include "plugins/skill/query/sentences.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_decision(struct askd_text text)
{
	struct decision decision;
	const char *problem = NULL;
	if (decision_parse(text, &decision, &problem)) {
		if (!problem)
			abort();
		return;
	}
	if (!decision.choices || !decision.suggestions || decision.action > DECISION_DECLINE ||
	        decision.confidence_milli < -1 || decision.confidence_milli > 1000)
		abort();
	if (decision.action == DECISION_SQL && !decision.sql.n)
		abort();
	decision_finish(&decision);
}

static void read_answer(struct askd_text text)
{
	static const struct askd_value cells[] = {
	        {.type = ASKD_TEXT, .len = 6, .u.s = "Berlin"}, {.type = ASKD_INT, .u.i = 42}};
	ASKD_MAKE(struct askd_db_column, city, .name = ASKD_LITERAL("city"));
	ASKD_MAKE(struct askd_db_column, total, .name = ASKD_LITERAL("total_2024"));
	const struct askd_db_column *const columns[] = {&city, &total, NULL};
	struct rows rows = {.columns = columns, .seen = 1};
	struct figures figures;
	size_t n;
	rows.batch = (struct askd_batch){
	        .size = sizeof rows.batch, .rows = 1, .columns = 2, .cells = cells};
	if (figures_init(&figures, &rows, text, text, 0)) {
		figures_finish(&figures);
		return;
	}
	while (text.n) {
		n = sentence_length(text.s, text.n, true);
		if (!n || n > text.n)
			abort();
		(void)figures_check(&figures, (struct askd_text){text.s, n}, NULL, NULL);
		text.s += n;
		text.n -= n;
	}
	figures_finish(&figures);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1);
	if (!copy)
		return 0;
	memcpy(copy, data, size);
	copy[size] = 0;
	read_decision((struct askd_text){copy, size});
	if (size <= 4096)
		read_answer((struct askd_text){copy, size});
	free(copy);
	return 0;
}
