/* offline_reading.c: the values of a database, as its asker may read them. */
#include <time.h>

#include "offline.h"

/* A row wise receiver behind a batch wise sink. */
struct rows {
	source_row *row;
	void *owner;
	int32_t stopped; /* what the receiver said */
};

int64_t reading_now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int32_t take(const struct askd_query_rows_sink *sink, const struct askd_query_rows *item)
{
	struct rows *rows = sink->owner;
	const struct askd_batch *batch = item->batch;
	for (uint32_t r = 0; batch && r < batch->rows; r++) {
		rows->stopped = rows->row(
		        rows->owner, &batch->cells[(size_t)r * batch->columns], batch->columns);
		if (rows->stopped)
			return ASKD_E_CANCELED;
	}
	return ASKD_OK;
}

static int32_t reading_read(const struct source *source, const char *sql, uint32_t max_rows,
        source_row *row, void *owner, struct askd_error *reterr)
{
	struct reading *r = (struct reading *)(uintptr_t)source;
	struct rows rows = {.row = row, .owner = owner};
	struct askd_query_rows_sink sink = {.size = sizeof sink, .owner = &rows, .put = take};
	ASKD_MAKE(struct askd_query_run, run, .max_rows = max_rows, .database = r->database,
	        .sql = askd_text_of(sql), .rows = &sink, .flags = ASKD_QUERY_LOOK_UP);
	const struct askd_host *host = r->offline->host;
	int64_t left_ms = (r->until_us - reading_now_us()) / 1000;
	struct askd_call *call;
	int32_t rc;
	if (askd_canceled(r->call)) {
		r->canceled = true;
		return askd_fail(reterr, ASKD_E_CANCELED, "canceled");
	}
	if (left_ms <= 0)
		return askd_fail(reterr, ASKD_E_TIMEOUT, "no time is left to read values");
	left_ms = left_ms < r->one_ms ? left_ms : r->one_ms;
	call = host->call_within(host, r->call, (uint32_t)left_ms);
	if (!call)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory to read values");
	rc = r->offline->query->run(host, call, &run, NULL, reterr);
	host->call_end(call);
	r->canceled = r->canceled || (rc == ASKD_E_CANCELED && !rows.stopped);
	return rows.stopped ? rows.stopped : rc;
}

void reading_init(struct reading *reading, const struct offline *offline, struct askd_call *call,
        uint64_t database, int64_t one_ms, int64_t all_ms)
{
	*reading = (struct reading){.source = {.read = reading_read},
	        .offline = offline,
	        .call = call,
	        .database = database,
	        .one_ms = one_ms,
	        .until_us = reading_now_us() + all_ms * 1000};
}
