/* wording.h: the words of a question and of its statement, for what is said of the rows. */
#ifndef QUERY_WORDING_H
#define QUERY_WORDING_H

#include "str.h"

/* How an English question can be turned into the sentence that answers it with one value. */
enum wording {
	WORDING_NONE,
	WORDING_COUNT,   /* "How many orders were late?": VALUE `rest` */
	WORDING_THERE,   /* "How many orders are there in May?": there are VALUE `rest` */
	WORDING_EXISTED, /* the same with "were" */
	WORDING_VALUE,   /* "What is the average price?": the `rest` is VALUE */
	WORDING_PAST     /* the same with "was" */
};

/* *rest: the words of the question that the sentence takes over. */
enum wording wording_of(struct askd_text question, struct str *rest);
/* "customers are late" becomes "customers that are late". false: where its verb is, is unknown. */
bool wording_relative(struct str *rest);
/* What the statement asks of the rows, where it is plain: "city = Berlin, age > 20". Empty: nothing
 * that could be told. */
void wording_filters(struct askd_text sql, struct str *out);

#endif
