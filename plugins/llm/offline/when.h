/* when.h: times in a question: "last month", "in 2024", "since 3 May", "past 30 days". */
#ifndef OFFLINE_WHEN_H
#define OFFLINE_WHEN_H

#include "words.h"

struct when {
	size_t first, count;      /* of the words that say it, with "in", "during", "since", ... */
	char from[11], until[11]; /* days; until is the first day behind it; "": open */
	const char *said;         /* for people: "last month = 2026-10-01 to 2026-10-31" */
	bool year; /* a whole calendar year and nothing else: from is its first day */
	bool bare; /* nothing but a number like 2009, or a name like May, says that it is a time */
	bool guessed; /* no year was said ("in May", "on Monday"): the last one that has begun */
};

/* The time that begins at word `at` exactly there. `today`: "2026-11-21". false: none there, or no
 * memory (pool->failed). How the readings that others take differently are taken:
 * - Weeks begin on Monday and count as in ISO 8601; fiscal years are calendar years.
 * - "last month" is the calendar month before; so are "last year", "previous quarter".
 * - "past 30 days", "last 3 months", "past year", "in the last year", "over the last month" go from
 *   the day so long ago until today, both included; "last 3 months, excluding the current month"
 *   are whole months.
 * - "3 weeks ago" is that week, "a year ago" that year; behind "since", "before", "more than" it is
 *   the day.
 * - "from 2023" alone is in 2023, "from 2023 on" and "since 2023" are open. "after May" begins in
 *   June, "until May" and "by May" end with May, "before May" with April.
 * - 03/05/2024 is the 5th of March unless only the other order is a date; 3.5.2024 the 3rd of May.
 * - Years of two digits: 70 to 99 are of the 1900s. Years run from 1 to 9999; what ends behind 9999
 *   is open. */
bool when_read(struct pool *pool, const struct words *words, size_t at, const char *today,
        struct when *out);

#endif
