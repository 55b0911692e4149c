/* What is learnt of databases: once for all who ask, anew after a while, within a bound of memory;
 * and how the engine reads values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <semaphore.h>
#include <stdlib.h>

#include "offline.h"

enum { SCHEMA_BYTES = 400, TABLES = 45 };

/* ---- the engine ------------------------------------------------------------------------------ */

static struct {
	int created, alive, learnt; /* atomic */
	int32_t rc;                 /* of learning */
	bool blocks;                /* until `go` */
	sem_t began, go;
	size_t tables; /* of the last catalogue */
} engine;

struct schema *schema_create(const struct askd_catalogue *catalogue, struct askd_error *reterr)
{
	struct schema *schema = calloc(1, sizeof *schema);
	(void)reterr;
	assert_non_null(schema);
	schema->version = catalogue->version;
	for (engine.tables = 0; catalogue->tables[engine.tables];)
		engine.tables++;
	__atomic_add_fetch(&engine.created, 1, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&engine.alive, 1, __ATOMIC_SEQ_CST);
	return schema;
}

void schema_destroy(struct schema *schema)
{
	if (schema)
		__atomic_sub_fetch(&engine.alive, 1, __ATOMIC_SEQ_CST);
	free(schema);
}

int32_t schema_learn(struct schema *schema, const struct source *source, uint32_t max_values,
        struct askd_error *reterr)
{
	(void)schema, (void)source;
	assert_int_equal(max_values, 77);
	__atomic_add_fetch(&engine.learnt, 1, __ATOMIC_SEQ_CST);
	if (engine.blocks) {
		sem_post(&engine.began);
		sem_wait(&engine.go);
	}
	return engine.rc ? askd_fail(reterr, engine.rc, "no") : ASKD_OK;
}

size_t schema_memory(const struct schema *schema)
{
	(void)schema;
	return SCHEMA_BYTES;
}

/* ---- the host -------------------------------------------------------------------------------- */

static struct {
	int catalogues, within; /* within: calls that are not ended */
	uint32_t flags, max_rows;
	int32_t rc; /* of a run */
} world;
static uint32_t canceled; /* atomic */
static struct askd_db_table tables[TABLES];
static char names[TABLES][8];

static struct askd_call *call_within(
        const struct askd_host *host, struct askd_call *call, uint32_t ms)
{
	struct askd_call *inner = malloc(sizeof *inner);
	(void)host, (void)ms;
	assert_non_null(inner);
	*inner = *call;
	world.within++;
	return inner;
}

static void call_end(struct askd_call *call)
{
	world.within--;
	free(call);
}

static const struct askd_db_table *all_tables[TABLES + 1];

static int32_t catalogue(const struct askd_host *host, struct askd_call *call,
        const struct askd_query_catalogue *in, struct askd_catalogue *out,
        struct askd_error *reterr)
{
	(void)host, (void)call, (void)reterr;
	world.catalogues++;
	out->database = in->database;
	out->version = 1;
	out->tables = all_tables;
	return ASKD_OK;
}

static int32_t run(const struct askd_host *host, struct askd_call *call,
        const struct askd_query_run *in, struct askd_query_result *out, struct askd_error *reterr)
{
	static const struct askd_value cells[] = {{.type = ASKD_INT, .u.i = 1},
	        {.type = ASKD_INT, .u.i = 2}, {.type = ASKD_INT, .u.i = 3}};
	static const struct askd_batch batch = {
	        .size = sizeof batch, .rows = 3, .columns = 1, .end = 1, .cells = cells};
	static const struct askd_query_rows rows = {.size = sizeof rows, .batch = &batch};
	(void)host, (void)call, (void)out;
	world.flags = in->flags;
	world.max_rows = in->max_rows;
	if (world.rc)
		return askd_fail(reterr, world.rc, "no");
	return in->rows->put(in->rows, &rows) ? askd_fail(reterr, ASKD_E_CANCELED, "stopped")
	                                      : ASKD_OK;
}

static const struct askd_query_service query = {
        .size = sizeof query, .run = run, .catalogue = catalogue};
static const struct askd_host host = {
        .size = sizeof host, .call_within = call_within, .call_end = call_end};
static struct offline offline;
static struct askd_call call;

static int setup(void **state)
{
	(void)state;
	memset(&engine, 0, sizeof engine);
	memset(&world, 0, sizeof world);
	sem_init(&engine.began, 0, 0);
	sem_init(&engine.go, 0, 0);
	canceled = 0;
	for (size_t i = 0; i < TABLES; i++) {
		snprintf(names[i], sizeof names[i], "t%zu", i);
		tables[i] = (struct askd_db_table){
		        .size = sizeof tables[i], .name = askd_text_of(names[i])};
		all_tables[i] = &tables[i];
	}
	offline = (struct offline){.values = 77,
	        .memory = 1 << 20,
	        .refresh_ms = 600000,
	        .host = &host,
	        .query = &query};
	pthread_mutex_init(&offline.lock, NULL);
	pthread_cond_init(&offline.changed, NULL);
	call = (struct askd_call){.size = sizeof call, .cancel = &canceled};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cache_finish(&offline);
	return engine.alive || world.within;
}

/* The tables from `first` on, `n` of them. */
static int32_t take(
        uint64_t database, uint64_t version, size_t first, size_t n, struct cache_entry **entry)
{
	const struct askd_db_table *list[TABLES + 1] = {NULL};
	struct askd_catalogue in = {
	        .size = sizeof in, .database = database, .version = version, .tables = list};
	struct askd_error err;
	for (size_t i = 0; i < n; i++)
		list[i] = &tables[(first + i) % TABLES];
	return cache_take(&offline, &call, &in, false, entry, &err);
}

static void use(uint64_t database, uint64_t version)
{
	struct cache_entry *entry;
	assert_int_equal(take(database, version, 0, 3, &entry), ASKD_OK);
	assert_int_equal(cache_schema(entry)->version, version);
	cache_give(&offline, entry);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void *ask(void *arg)
{
	struct cache_entry *entry = NULL;
	int32_t rc = take(1, 1, 0, 3, &entry);
	sem_post(arg);
	if (!rc)
		cache_give(&offline, entry);
	return (void *)(intptr_t)rc;
}

static void many_at_once_learn_it_once(void **state)
{
	enum { THREADS = 8 };
	pthread_t threads[THREADS];
	sem_t done;
	void *rc;
	(void)state;
	sem_init(&done, 0, 0);
	engine.blocks = true;
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask, &done), 0);
	sem_wait(&engine.began);
	assert_int_not_equal(sem_trywait(&done), 0); /* nobody has it yet */
	for (size_t i = 0; i < THREADS; i++)
		sem_post(&engine.go);
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &rc);
		assert_null(rc);
	}
	assert_int_equal(engine.learnt, 1);
}

static void who_waits_can_be_canceled(void **state)
{
	pthread_t learner;
	struct cache_entry *entry;
	sem_t done;
	(void)state;
	sem_init(&done, 0, 0);
	engine.blocks = true;
	assert_int_equal(pthread_create(&learner, NULL, ask, &done), 0);
	sem_wait(&engine.began);
	__atomic_store_n(&canceled, 1, __ATOMIC_RELAXED);
	assert_int_equal(take(1, 1, 0, 3, &entry), ASKD_E_CANCELED);
	__atomic_store_n(&canceled, 0, __ATOMIC_RELAXED);
	sem_post(&engine.go);
	pthread_join(learner, NULL);
	use(1, 1);
	assert_int_equal(engine.learnt, 1);
}

static void a_failed_learning_is_tried_again(void **state)
{
	struct cache_entry *entry;
	(void)state;
	engine.rc = ASKD_E_CANCELED;
	assert_int_equal(take(1, 1, 0, 3, &entry), ASKD_E_CANCELED);
	assert_int_equal(engine.alive, 0);
	engine.rc = 0;
	use(1, 1);
	assert_int_equal(engine.learnt, 2);
}

static void a_new_version_replaces_the_old_one(void **state)
{
	struct cache_entry *held;
	(void)state;
	assert_int_equal(take(1, 1, 0, 3, &held), ASKD_OK);
	use(1, 2);
	assert_int_equal(engine.alive, 2); /* the old one is in use */
	assert_int_equal(cache_schema(held)->version, 1);
	cache_give(&offline, held);
	assert_int_equal(engine.alive, 1);
	use(1, 2);
	assert_int_equal(engine.learnt, 2);
}

static void memory_is_bounded(void **state)
{
	struct cache_entry *held;
	(void)state;
	offline.memory = 2 * SCHEMA_BYTES + 1;
	assert_int_equal(take(1, 1, 0, 3, &held), ASKD_OK);
	use(2, 1);
	use(3, 1);
	use(4, 1);
	assert_int_equal(engine.alive, 2); /* the one in use, and the last one */
	assert_int_equal(engine.learnt, 4);
	use(4, 1);
	use(1, 1);
	assert_int_equal(engine.learnt, 4);
	use(2, 1);
	assert_int_equal(engine.learnt, 5);
	cache_give(&offline, held);
}

static void values_are_learnt_anew_after_a_while(void **state)
{
	struct cache_entry *old, *now;
	(void)state;
	assert_int_equal(take(1, 1, 0, 3, &old), ASKD_OK);
	offline.refresh_ms = 0;
	assert_int_equal(take(1, 1, 0, 3, &now), ASKD_OK);
	assert_ptr_not_equal(old, now);
	assert_int_equal(engine.alive, 2);
	cache_give(&offline, old);
	assert_int_equal(engine.alive, 1);
	/* an old one is better than none */
	engine.rc = ASKD_E_IO;
	assert_int_equal(take(1, 1, 0, 3, &old), ASKD_OK);
	assert_ptr_equal(old, now);
	cache_give(&offline, old);
	engine.rc = ASKD_E_CANCELED;
	assert_int_equal(take(1, 1, 0, 3, &old), ASKD_E_CANCELED);
	cache_give(&offline, now);
	assert_int_equal(engine.alive, 1);
}

static void nobody_waits_for_what_is_learnt_anew(void **state)
{
	pthread_t learner;
	struct cache_entry *entry;
	sem_t done;
	(void)state;
	sem_init(&done, 0, 0);
	use(1, 1);
	offline.refresh_ms = 0;
	engine.blocks = true;
	assert_int_equal(pthread_create(&learner, NULL, ask, &done), 0);
	sem_wait(&engine.began);
	assert_int_equal(take(1, 1, 0, 3, &entry), ASKD_OK);
	assert_int_equal(engine.learnt, 2);
	sem_post(&engine.go);
	pthread_join(learner, NULL);
	cache_give(&offline, entry);
	assert_int_equal(engine.alive, 1);
}

static void a_choice_of_few_tables_is_what_is_learnt(void **state)
{
	struct cache_entry *a, *b;
	(void)state;
	assert_int_equal(take(1, 1, 0, 3, &a), ASKD_OK);
	assert_int_equal(engine.tables, 3);
	assert_int_equal(take(1, 1, 1, 3, &b), ASKD_OK);
	assert_ptr_not_equal(a, b);
	cache_give(&offline, a);
	cache_give(&offline, b);
	assert_int_equal(world.catalogues, 0);
}

/* Of a large database each question brings other tables. */
static void of_many_tables_all_are_learnt_once(void **state)
{
	struct cache_entry *a, *b;
	(void)state;
	assert_int_equal(take(1, 1, 0, CACHE_WHOLE, &a), ASKD_OK);
	assert_int_equal(engine.tables, TABLES);
	assert_int_equal(take(1, 1, 3, CACHE_WHOLE + 1, &b), ASKD_OK);
	assert_ptr_equal(a, b);
	cache_give(&offline, a);
	cache_give(&offline, b);
	assert_int_equal(world.catalogues, 1);
}

static int32_t until_two(void *owner, const struct askd_value *cells, uint32_t columns)
{
	int64_t *sum = owner;
	assert_int_equal(columns, 1);
	*sum += cells[0].u.i;
	return cells[0].u.i == 2 ? 42 : ASKD_OK;
}

static void rows_are_read_until_the_receiver_has_enough(void **state)
{
	struct reading reading;
	struct askd_error err;
	int64_t sum = 0;
	(void)state;
	reading_init(&reading, &offline, &call, 1, 1000, 1000);
	assert_int_equal(
	        reading.source.read(&reading.source, "SELECT", 9, until_two, &sum, &err), 42);
	assert_int_equal(sum, 3);
	assert_int_equal(world.flags, ASKD_QUERY_LOOK_UP);
	assert_int_equal(world.max_rows, 9);
	assert_false(reading.canceled);
	world.rc = ASKD_E_CANCELED;
	assert_int_equal(reading.source.read(&reading.source, "SELECT", 9, until_two, &sum, &err),
	        ASKD_E_CANCELED);
	assert_true(reading.canceled);
}

static void reading_ends_with_its_time(void **state)
{
	struct reading reading;
	struct askd_error err;
	int64_t sum = 0;
	(void)state;
	reading_init(&reading, &offline, &call, 1, 1000, 0);
	assert_int_equal(reading.source.read(&reading.source, "SELECT", 9, until_two, &sum, &err),
	        ASKD_E_TIMEOUT);
	assert_int_equal(sum, 0);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
	        TEST(many_at_once_learn_it_once),
	        TEST(who_waits_can_be_canceled),
	        TEST(a_failed_learning_is_tried_again),
	        TEST(a_new_version_replaces_the_old_one),
	        TEST(memory_is_bounded),
	        TEST(values_are_learnt_anew_after_a_while),
	        TEST(nobody_waits_for_what_is_learnt_anew),
	        TEST(a_choice_of_few_tables_is_what_is_learnt),
	        TEST(of_many_tables_all_are_learnt_once),
	        TEST(rows_are_read_until_the_receiver_has_enough),
	        TEST(reading_ends_with_its_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
