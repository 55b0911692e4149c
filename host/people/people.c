/* people.c: persons and the identities by which they are known. */
#include "people/people.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/signal.h"
#include "base/text.h"
#include "people/people_private.h"
#include "plugin/generation.h"
#include "store/audit.h"

static const struct askd_migration people_1 = {.size = sizeof people_1,
        .number = 1,
        .sql = "CREATE TABLE persons (id bigint PRIMARY KEY, organisation bigint, "
               "name text NOT NULL, language text NOT NULL, zone text NOT NULL, "
               "created_us bigint NOT NULL);\n"
               "CREATE TABLE identities (issuer text NOT NULL, subject text NOT NULL, "
               "person bigint NOT NULL REFERENCES persons (id), created_us bigint NOT NULL, "
               "PRIMARY KEY (issuer, subject));\n"
               "CREATE INDEX identities_person ON identities (person);\n"
               "CREATE TABLE api_keys (id bigint PRIMARY KEY, name text NOT NULL, "
               "person bigint NOT NULL REFERENCES persons (id), organisation bigint, "
               "databases text NOT NULL, hash bytea NOT NULL UNIQUE, "
               "created_us bigint NOT NULL, revoked_us bigint, used_us bigint);\n"
               "CREATE UNIQUE INDEX api_keys_name ON api_keys (name) "
               "WHERE revoked_us IS NULL;\n"};
static const struct askd_migration *const list[] = {&people_1, NULL};

/* Counts changes of persons and keys; caches that are older are dropped. */
static uint64_t changes;

static void on_change(void *arg, const void *data)
{
	(void)arg, (void)data;
	__atomic_add_fetch(&changes, 1, __ATOMIC_RELEASE);
}

int32_t people_open(struct people **out, struct store *store, const struct config *config,
        struct askd_error *reterr)
{
	static bool subscribed;
	struct people *people = calloc(1, sizeof *people);
	int32_t rc;

	if (!people)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for people");
	pthread_mutex_init(&people->lock, NULL);
	people->cache = calloc(PEOPLE_CACHE, sizeof *people->cache);
	people->persons = calloc(PEOPLE_CACHE, sizeof *people->persons);
	people->keys = calloc(PEOPLE_KEYS, sizeof *people->keys);
	if (!people->cache || !people->persons || !people->keys) {
		people_close(people);
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for people");
	}
	people->store = store;
	people->config = config;
	if (!subscribed) {
		signal_subscribe(SIGNAL_PERSON_CHANGED, on_change, NULL);
		signal_subscribe(SIGNAL_KEY_REVOKED, on_change, NULL);
	}
	subscribed = true;
	rc = store_migrate(store, STORE_MANAGER, "people", list, reterr);
	if (rc) {
		people_close(people);
		return rc;
	}
	*out = people;
	return ASKD_OK;
}

void people_close(struct people *people)
{
	if (!people)
		return;
	pthread_mutex_destroy(&people->lock);
	free(people->cache);
	free(people->persons);
	free(people->keys);
	free(people);
}

/* "telegram:123" names the subject 123 of every telegram instance, "telegram:bot:123" of one. */
bool people_is_admin(const struct people *people, const char *issuer, struct askd_text subject)
{
	char full[PEOPLE_ISSUER + PEOPLE_SUBJECT + 2], kind[PEOPLE_ISSUER + PEOPLE_SUBJECT + 2];
	struct generation *generation;
	const char *const *a;
	bool is = false;

	if (snprintf(full, sizeof full, "%s:%s", issuer, subject.s) >= (int)sizeof full)
		return false;
	snprintf(kind, sizeof kind, "%.*s:%s", (int)strcspn(issuer, ":/"), issuer, subject.s);
	generation = generation_hold(NULL);
	for (a = (generation ? generation->config : people->config)->admins; a && *a; a++)
		is = is || !strcmp(*a, full) || !strcmp(*a, kind);
	generation_drop(generation);
	return is;
}

static void take_text(char *out, size_t size, struct askd_text text)
{
	size_t n = text.s ? text_cut(text.s, (size_t)text.n, size - 1) : 0;

	if (n)
		memcpy(out, text.s, n);
	out[n] = 0;
}

void people_take(const struct store_rows *rows, size_t row, size_t column, struct person *person)
{
	*person = (struct person){.id = (uint64_t)store_cell_int(rows, row, column),
	        .organisation = (uint64_t)store_cell_int(rows, row, column + 1)};
	take_text(person->name, sizeof person->name, store_cell_text(rows, row, column + 2));
	take_text(
	        person->language, sizeof person->language, store_cell_text(rows, row, column + 3));
	take_text(person->zone, sizeof person->zone, store_cell_text(rows, row, column + 4));
}

/* ---- the cache ---- */

static struct cached_identity *place_of(
        struct people *people, const char *issuer, struct askd_text subject)
{
	uint64_t hash = 14695981039346656037u;

	for (const char *s = issuer; *s; s++)
		hash = (hash ^ (unsigned char)*s) * 1099511628211u;
	hash *= 1099511628211u;
	for (size_t i = 0; i < subject.n; i++)
		hash = (hash ^ (unsigned char)subject.s[i]) * 1099511628211u;
	return &people->cache[(hash ^ hash >> 32) % PEOPLE_CACHE];
}

uint64_t people_refresh(struct people *people)
{
	uint64_t now = __atomic_load_n(&changes, __ATOMIC_ACQUIRE);

	if (people->generation != now) {
		memset(people->cache, 0, PEOPLE_CACHE * sizeof *people->cache);
		memset(people->persons, 0, PEOPLE_CACHE * sizeof *people->persons);
		memset(people->keys, 0, PEOPLE_KEYS * sizeof *people->keys);
		people->generation = now;
	}
	return now;
}

static bool cache_find(struct people *people, const char *issuer, struct askd_text subject,
        struct person *person, uint64_t *generation)
{
	struct cached_identity *place = place_of(people, issuer, subject);
	bool found;

	pthread_mutex_lock(&people->lock);
	*generation = people_refresh(people);
	found = place->person.id && !strcmp(place->issuer, issuer) &&
	        !strcmp(place->subject, subject.s);
	if (found)
		*person = place->person;
	pthread_mutex_unlock(&people->lock);
	return found;
}

/* `generation`: when the look-up began; a change meanwhile makes it worthless. */
static void cache_put(struct people *people, const char *issuer, struct askd_text subject,
        const struct person *person, uint64_t generation)
{
	struct cached_identity *place = place_of(people, issuer, subject);

	pthread_mutex_lock(&people->lock);
	if (people_refresh(people) == generation) {
		snprintf(place->issuer, sizeof place->issuer, "%s", issuer);
		snprintf(place->subject, sizeof place->subject, "%s", subject.s);
		place->person = *person;
	}
	pthread_mutex_unlock(&people->lock);
}

/* ---- looking up ---- */

static int32_t look_up(struct people *people, const char *issuer, struct askd_text subject,
        struct person *person, struct askd_error *reterr)
{
	struct store_rows rows;
	struct arena a;
	int32_t rc;

	arena_init(&a, 0);
	rc = store_read(people->store, STORE_MANAGER, &a, NULL,
	        ASKD_LITERAL("SELECT " PERSON_COLUMNS
	                     " FROM identities i JOIN persons p ON p.id = i.person "
	                     "WHERE i.issuer = $1 AND i.subject = $2"),
	        STORE_PARAMS(store_string(issuer), store_text(subject)), 1, &rows, reterr);
	if (!rc && !rows.rows)
		rc = askd_fail(
		        reterr, ASKD_E_NOT_FOUND, "nobody is known as %s:%s", issuer, subject.s);
	if (!rc) {
		people_take(&rows, 0, 0, person);
		person->admin = people_is_admin(people, issuer, subject);
	}
	arena_finish(&a);
	return rc;
}

static int32_t add_person(struct people *people, const char *issuer, struct askd_text subject,
        const char *name, struct askd_error *reterr)
{
	struct store_unit *unit = store_unit_create(people->store, STORE_MANAGER);
	const struct askd_value id = store_int((int64_t)id_make()), now = store_int(clock_now_us());
	char who[PEOPLE_ISSUER + PEOPLE_SUBJECT + 2];

	snprintf(who, sizeof who, "%s:%s", issuer, subject.s);
	store_unit_add(unit, 1,
	        "INSERT INTO persons (id, name, language, zone, created_us) "
	        "VALUES ($1, $2, '', '', $3)",
	        STORE_PARAMS(id, store_string(name), now));
	store_unit_add(unit, 1,
	        "INSERT INTO identities (issuer, subject, person, created_us) "
	        "VALUES ($1, $2, $3, $4)",
	        STORE_PARAMS(store_string(issuer), store_text(subject), id, now));
	audit_add(unit, &(struct audit_entry){.action = "person.registered", .subject = who});
	return store_commit(unit, reterr);
}

int32_t people_identify(struct people *people, const char *issuer, struct askd_text subject,
        const char *name, struct person *person, struct askd_error *reterr)
{
	struct askd_error err = {0};
	uint64_t generation;
	int32_t rc;

	if (!issuer || !*issuer || strlen(issuer) >= PEOPLE_ISSUER || !subject.s || !subject.n ||
	        subject.n >= PEOPLE_SUBJECT)
		return askd_fail(reterr, ASKD_E_INVALID,
		        "an identity has an issuer of 1 to %d bytes and a subject of 1 to %d",
		        PEOPLE_ISSUER - 1, PEOPLE_SUBJECT - 1);
	if (cache_find(people, issuer, subject, person, &generation))
		return ASKD_OK;
	rc = look_up(people, issuer, subject, person, &err);
	if (rc == ASKD_E_NOT_FOUND && name) {
		rc = add_person(people, issuer, subject, name, &err);
		/* CONFLICT: somebody else saw the same person first, at this moment. */
		if (!rc || rc == ASKD_E_CONFLICT)
			rc = look_up(people, issuer, subject, person, &err);
	}
	if (rc)
		return error_copy(reterr, &err);
	cache_put(people, issuer, subject, person, generation);
	return ASKD_OK;
}

int32_t people_find(
        struct people *people, uint64_t id, struct person *person, struct askd_error *reterr)
{
	struct person *cached = &people->persons[id % PEOPLE_CACHE];
	struct store_rows rows;
	struct arena a;
	uint64_t generation;
	bool found;
	int32_t rc;

	pthread_mutex_lock(&people->lock);
	generation = people_refresh(people);
	found = id && cached->id == id;
	if (found)
		*person = *cached;
	pthread_mutex_unlock(&people->lock);
	if (found)
		return ASKD_OK;
	arena_init(&a, 0);
	rc = store_read(people->store, STORE_MANAGER, &a, NULL,
	        ASKD_LITERAL("SELECT " PERSON_COLUMNS
	                     ", i.issuer, i.subject FROM persons p LEFT JOIN identities i "
	                     "ON i.person = p.id WHERE p.id = $1"),
	        STORE_PARAMS(store_int((int64_t)id)), 1000, &rows, reterr);
	if (!rc && !rows.rows)
		rc = askd_fail(reterr, ASKD_E_NOT_FOUND, "there is no person %llu",
		        (unsigned long long)id);
	if (!rc)
		people_take(&rows, 0, 0, person);
	for (size_t i = 0; !rc && i < rows.rows; i++) {
		struct askd_text issuer = store_cell_text(&rows, i, PERSON_COLUMN_COUNT);
		if (issuer.s && people_is_admin(people, issuer.s,
		                        store_cell_text(&rows, i, PERSON_COLUMN_COUNT + 1)))
			person->admin = true;
	}
	arena_finish(&a);
	if (rc)
		return rc;
	pthread_mutex_lock(&people->lock);
	if (people_refresh(people) == generation)
		*cached = *person;
	pthread_mutex_unlock(&people->lock);
	return ASKD_OK;
}
