/* when.h: times in a question: "last month", "in 2024", "May 2024", "since 3 May", "past 30 days". */
#ifndef OFFLINE_WHEN_H
#define OFFLINE_WHEN_H

#include "words.h"

struct when {
	size_t first, count;  /* of the words that say it, with "in", "during", "since", ... */
	char from[11], until[11]; /* days, "2026-10-01"; until is the first day behind it; "": open */
	const char *said;     /* for people: "last month = 2026-10-01 to 2026-10-31" */
	bool year;            /* a whole calendar year and nothing else: from is its first day */
	bool bare;            /* nothing but a number like 2009 says that it is a time */
};

/* The time that begins at word `at` exactly there. `today`: "2026-11-21". Weeks begin on Monday.
 * "last month" is the calendar month before, "past 30 days" ends today. false: none there. */
bool when_read(struct pool *pool, const struct words *words, size_t at, const char *today,
        struct when *out);

#endif
