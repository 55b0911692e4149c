/* gate_state.h: what the gate keeps while it reads; private to this room. */
#ifndef SQL_GATE_STATE_H
#define SQL_GATE_STATE_H

#include "sql/gate.h"
#include "sql/scope.h"
#include "sql/token.h"

enum frame_kind { F_STATEMENT, F_PLAIN, F_FUNCTION, F_COLUMNS, F_BODY, F_CASE };

/* Where a WITH stands. */
enum with_state { WITH_NONE, WITH_NAME, WITH_COLUMNS, WITH_AS, WITH_BODY, WITH_NEXT };

struct frame {
	enum frame_kind kind;
	enum with_state with;
	size_t at;         /* of what opened it */
	bool started;      /* a token has been seen */
	bool query;        /* it holds a SELECT */
	bool in_from;      /* a comma is followed by a table */
	bool expect_table; /* the next name is a table's */
	unsigned ors, ands, operators, compounds, joins;
	size_t names, references; /* of the scope, when it was opened */
};

struct gate {
	const struct sql_dialect *dialect;
	struct sql_reader reader;
	struct sql_token before, last, now, next;
	struct frame frames[SQL_GATE_NESTING + 2];
	size_t depth;            /* frames in use */
	enum frame_kind opening; /* what the next parenthesis opens */
	bool ended;              /* a semicolon was passed */
	size_t parts;            /* of the dotted name that is being read */
	struct sql_token first_part;
	struct scope scope;
	struct sql_verdict *verdict;
};

/* Writes the refusal; always false. `at`: 0-based place in the statement. */
__attribute__((format(printf, 4, 5))) bool gate_refuse(
        struct gate *g, size_t at, const char *code, const char *format, ...);
/* An identifier of the statement as it may stand in a reason: at most 60 bytes, one line. */
const char *gate_shown(const struct gate *g, const struct sql_token *token, char out[64]);

/* Moves on by one token. */
void gate_advance(struct gate *g);
/* The token behind the next one. */
struct sql_token gate_look_further(const struct gate *g);

/* The innermost frame. */
struct frame *gate_top(struct gate *g);
/* Opens and closes one. false: refused (nesting, growth). */
bool gate_push(struct gate *g, enum frame_kind kind);
bool gate_pop(struct gate *g);
/* Operators of one expression are counted for each rank, as they make the depth of its tree. false:
 * refused. */
bool gate_count_operator(struct gate *g);
void gate_reset_chains(struct frame *f);

#endif
