/* writer.c: the one thread that writes to a database. It takes everything that waits and commits it
 * together. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/signal.h"
#include "base/testpoint.h"
#include "store/store_private.h"

enum { STACK = 1 << 20, CROWD = 3, GATHER_NS = 300 * 1000 };

static void end_unit(struct store_unit *unit)
{
	if (unit->detached) {
		if (unit->error.code)
			log_warning("store", 0, "a write was given up: %s", unit->error.message);
		store_unit_destroy(unit);
		return;
	}
	/* The one who waits destroys it. */
	sem_post(&unit->ended);
}

void writer_queue(struct store_writer *writer, struct store_unit *unit)
{
	bool closed;

	unit->next = NULL;
	pthread_mutex_lock(&writer->lock);
	closed = writer->stopping || !writer->running;
	if (!closed) {
		if (writer->last)
			writer->last->next = unit;
		else
			writer->first = unit;
		writer->last = unit;
	}
	pthread_mutex_unlock(&writer->lock);
	if (closed) {
		askd_fail(&unit->error, ASKD_E_IO, "the store is closed");
		end_unit(unit);
		return;
	}
	pthread_cond_signal(&writer->wake);
}

/* Takes up to a group. One that must run alone is a group by itself. Under the lock. */
static size_t take_group(struct store_writer *writer, struct store_unit **units)
{
	size_t count = 0;

	while (writer->first && count < STORE_GROUP && !(count && writer->first->alone)) {
		struct store_unit *unit = writer->first;
		writer->first = unit->next;
		if (!writer->first)
			writer->last = NULL;
		units[count++] = unit;
		if (unit->alone)
			break;
	}
	return count;
}

static void *writer_main(void *arg)
{
	struct store_writer *writer = arg;
	const struct timespec gather = {0, GATHER_NS};
	struct store_unit *units[STORE_GROUP];
	size_t count = 0;

	pthread_setname_np(pthread_self(), "store");
	pthread_mutex_lock(&writer->lock);
	for (;;) {
		while (!writer->first && !writer->stopping)
			pthread_cond_wait(&writer->wake, &writer->lock);
		pthread_mutex_unlock(&writer->lock);
		/* Many write at once: a moment later a group is larger, and costs little more. */
		if (count >= CROWD)
			clock_nanosleep(CLOCK_MONOTONIC, 0, &gather, NULL);
		pthread_mutex_lock(&writer->lock);
		count = take_group(writer, units);
		if (!count)
			break;
		pthread_mutex_unlock(&writer->lock);
		TESTPOINT("store_begin");
		if (writer->dead) {
			for (size_t i = 0; i < count; i++)
				askd_fail(&units[i]->error, ASKD_E_IO, "the store has stopped: %s",
				        writer->reason);
		} else if (group_write(writer, units, count)) {
			writer->dead = true;
			signal_raise(SIGNAL_STORE_FATAL, writer->reason);
		}
		TESTPOINT("store_end");
		for (size_t i = 0; i < count; i++)
			end_unit(units[i]);
		pthread_mutex_lock(&writer->lock);
	}
	pthread_mutex_unlock(&writer->lock);
	return NULL;
}

int32_t writer_start(struct store *store, enum store_database db, struct askd_error *reterr)
{
	struct store_writer *writer = &store->parts[db].writer;
	uint32_t flags = ASKD_DB_WRITE;
	pthread_attr_t attributes;
	sigset_t all, before;
	int32_t rc;
	int failed;

	if (store->config->durability == CONFIG_DURABILITY_FULL)
		flags |= ASKD_DB_DURABLE;
	rc = connection_open(
	        &writer->connection, store->parts[db].instance, flags, &writer->scope, reterr);
	if (rc)
		return rc;
	plugin_call_init(&writer->call, &writer->scope, 0);
	if (pthread_attr_init(&attributes))
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a thread");
	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	writer->running = true;
	failed = pthread_attr_setstacksize(&attributes, STACK);
	if (!failed)
		failed = pthread_create(&writer->thread, &attributes, writer_main, writer);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	if (!failed)
		return ASKD_OK;
	writer->running = false;
	return askd_fail(
	        reterr, ASKD_E_NOMEM, "the store's thread cannot be made: %s", strerror(failed));
}

void writer_stop(struct store_writer *writer)
{
	if (writer->running) {
		pthread_mutex_lock(&writer->lock);
		writer->stopping = true;
		pthread_cond_signal(&writer->wake);
		pthread_mutex_unlock(&writer->lock);
		pthread_join(writer->thread, NULL);
		writer->running = false;
	}
	plugin_call_finish(&writer->call);
	connection_close(&writer->connection);
}
