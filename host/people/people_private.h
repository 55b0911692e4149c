/* people_private.h: what the files of this room share. */
#ifndef PEOPLE_PEOPLE_PRIVATE_H
#define PEOPLE_PEOPLE_PRIVATE_H

#include <pthread.h>

#include "people/people.h"

enum {
	PEOPLE_CACHE = 1024,
	PEOPLE_KEYS = 256,
	PEOPLE_SUBJECT = 192,
	PEOPLE_ISSUER = 64,
	PEOPLE_MAX = 100000
};

struct cached_identity {
	char issuer[PEOPLE_ISSUER], subject[PEOPLE_SUBJECT];
	struct person person;
};

struct people {
	struct store *store;
	const struct config *config; /* the first one: where there is no generation */
	pthread_mutex_t lock;        /* of the cache */
	uint64_t generation;
	/* Each by a hash; a second one replaces the first. */
	struct cached_identity *cache;
	struct person *persons;
	struct people_key *keys;
};

/* people.c */
/* Under the lock: forgets what a change of persons or keys has made old; returns the generation. */
uint64_t people_refresh(struct people *people);
bool people_is_admin(const struct people *people, const char *issuer, struct askd_text subject);
void people_take(const struct store_rows *rows, size_t row, size_t column, struct person *person);
#define PERSON_COLUMNS "p.id, p.organisation, p.name, p.language, p.zone"
enum { PERSON_COLUMN_COUNT = 5 };

/* access.c. Is `name` this person: an identity ("telegram:123", "telegram/bot:123"), or the name of
 * a local user? Names that people give themselves count for nothing. */
int32_t access_is_person(struct people *people, uint64_t person, const char *name, bool *is,
        struct askd_error *reterr);

/* keys.c */
int32_t keys_find(
        struct people *people, uint64_t id, struct people_key *key, struct askd_error *reterr);

#endif
