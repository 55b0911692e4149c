/* assemble.h: what the parts of assemble.c share. */
#ifndef OFFLINE_ASSEMBLE_H
#define OFFLINE_ASSEMBLE_H

#include "assembly.h"

/* A form that grows from an assembly. */
struct builder {
	struct assembly *a;
	const struct schema *schema;
	struct form_query *q;
	int32_t entity; /* the table whose rows are asked for; -1: unknown */
};

/* assemble.c */
struct form_expression assemble_expression(int32_t column);
/* The table of a column; -1 of FORM_STAR. */
int32_t assemble_table_of(const struct builder *b, int32_t column);
/* The query stands on the table also when it uses no column of it; -1: nothing. */
void assemble_need_table(struct form_query *q, int32_t table);
/* Shows a column, once. false: it is none, or there are too many. */
bool assemble_select_column(struct builder *b, int32_t column);
bool assemble_has_aggregate(const struct form_query *q);
void assemble_add_group(struct builder *b, int32_t column);

/* assemble_conditions.c */
/* false: no memory. */
bool assemble_add_filter(struct builder *b, struct form_query *q, struct form_filter filter);
/* Does each row of `from` lead to at most one of `to`? Only by foreign keys in their direction. */
bool assemble_leads_to_one(const struct builder *b, int32_t from, int32_t to);
/* Tables that are named: the query stands on them, or their rows must be absent. */
bool assemble_add_named(struct builder *b);
bool assemble_take_conditions(struct builder *b);

#endif
