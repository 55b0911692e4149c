/* check.h: questions to a sample company, and what is the right answer to them. */
#ifndef COMPANY_CHECK_H
#define COMPANY_CHECK_H

#include <jansson.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

enum { CHECKS = 20 };

struct check {
	const char *question; /* {} stands for the value */
	const char *value;    /* SQL that finds a value by :seed; NULL: the question has none */
	const char *sql; /* the answer, with :value; NULL: there is none, and askd must decline */
	bool ordered;    /* the order of the rows counts */
};

extern const struct check check_list[CHECKS];

/* The question as it is asked, and the rows of the answer (a list of lists; NULL where there is
 * none). The caller frees both. false: the database has failed. */
bool check_prepare(
        const struct check *check, sqlite3 *db, int64_t seed, char **question, json_t **expected);
/* `rows` holds the columns of `expected`, among others and in any order, and no other rows. */
bool check_agrees(const json_t *expected, const json_t *rows, bool ordered);

#endif
