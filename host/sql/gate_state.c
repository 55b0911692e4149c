/* gate_state.c: what the gate keeps while it reads: the verdict, the tokens around, what is open.
 */
#include "sql/gate_state.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

bool gate_refuse(struct gate *g, size_t at, const char *code, const char *format, ...)
{
	struct sql_verdict *v = g->verdict;
	va_list ap;
	va_start(ap, format);
	vsnprintf(v->reason, sizeof v->reason, format, ap);
	va_end(ap);
	v->reason[text_cut(v->reason, strlen(v->reason), sizeof v->reason - 1)] = 0;
	snprintf(v->code, sizeof v->code, "%s", code);
	v->position = (uint32_t)at + 1;
	v->passed = false;
	v->table_count = 0;
	return false;
}

/* An identifier of the statement as it may stand in a reason: at most 60 bytes, one line. */
const char *gate_shown(const struct gate *g, const struct sql_token *token, char out[64])
{
	struct askd_text text = sql_token_inside(&g->reader, token);
	size_t n = text_cut(text.s, text.n, 60);
	memcpy(out, text.s, n);
	out[n] = 0;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)out[i] < ' ' || out[i] == 0x7f)
			out[i] = '?';
	return out;
}

void gate_advance(struct gate *g)
{
	g->before = g->last;
	g->last = g->now;
	g->now = g->next;
	g->next = sql_token_next(&g->reader);
}

/* The token behind the next one. */
struct sql_token gate_look_further(const struct gate *g)
{
	struct sql_reader copy = g->reader;
	return sql_token_next(&copy);
}

struct frame *gate_top(struct gate *g)
{
	return &g->frames[g->depth - 1];
}

bool gate_push(struct gate *g, enum frame_kind kind)
{
	struct frame *f;
	if (g->depth > SQL_GATE_NESTING)
		return gate_refuse(g, g->now.at, "nesting",
		        "more than %d levels of parentheses and CASE: write it flatter, for "
		        "example with WITH",
		        SQL_GATE_NESTING);
	f = &g->frames[g->depth++];
	*f = (struct frame){.kind = kind,
	        .at = g->now.at,
	        .names = g->scope.name_count,
	        .references = g->scope.reference_count};
	return true;
}

bool gate_pop(struct gate *g)
{
	struct frame *f = gate_top(g);
	if (!scope_close(&g->scope, f->names, f->references, f->at))
		return gate_refuse(g, f->at, "growth",
		        "the WITH queries use each other so often that the statement grows too "
		        "large: name each of them fewer times");
	g->depth--;
	return true;
}

void gate_reset_chains(struct frame *f)
{
	f->ors = f->ands = f->operators = 0;
}

bool gate_count_operator(struct gate *g)
{
	struct frame *f = gate_top(g);
	if (g->now.word == W_OR) {
		f->ors++;
		f->ands = f->operators = 0;
	} else if (g->now.word == W_AND) {
		f->ands++;
		f->operators = 0;
	} else {
		f->operators++;
	}
	if (f->ors > SQL_GATE_CHAIN || f->ands > SQL_GATE_CHAIN || f->operators > SQL_GATE_CHAIN)
		return gate_refuse(g, g->now.at, "chain",
		        "more than %d operators in one expression: use IN (...), or join with a "
		        "list of VALUES",
		        SQL_GATE_CHAIN);
	return true;
}
