/* signal.c: what an earlier room tells the later ones. */
#include "base/signal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUBSCRIBERS_MAX = 16 };

struct subscriber {
	void (*fn)(void *arg, const void *data);
	void *arg;
};

static struct subscriber subscribers[SIGNAL_COUNT][SUBSCRIBERS_MAX];
static unsigned counts[SIGNAL_COUNT];

void signal_subscribe(enum signal_id id, void (*fn)(void *arg, const void *data), void *arg)
{
	/* The subscribers are the rooms, each once: more of them is a defect of the program. */
	if (counts[id] == SUBSCRIBERS_MAX) {
		fprintf(stderr, "askd: too many subscribers of signal %d\n", (int)id);
		abort();
	}
	subscribers[id][counts[id]++] = (struct subscriber){fn, arg};
}

void signal_raise(enum signal_id id, const void *data)
{
	for (unsigned i = 0; i < counts[id]; i++)
		subscribers[id][i].fn(subscribers[id][i].arg, data);
}

void signal_reset(void)
{
	memset(counts, 0, sizeof counts);
}
