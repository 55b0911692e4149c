/* people.h: persons and how they are known. An identity (issuer, subject) belongs to one person. */
#ifndef PEOPLE_PEOPLE_H
#define PEOPLE_PEOPLE_H

#include "store/store.h"

struct people;

struct person {
	uint64_t id, organisation; /* organisation 0: none */
	char name[128];
	char language[16]; /* BCP 47; "" unknown */
	char zone[64];     /* IANA; "" unknown */
	bool admin;
};

int32_t people_open(struct people **people, struct store *store, const struct config *config,
        struct askd_error *reterr);
void people_close(struct people *people);
/* The person behind an identity, registered at first sight when `name` is given (issuers: "local",
 * "telegram:bot", "key"). NOT_FOUND otherwise. Cached; the cache is dropped by
 * SIGNAL_PERSON_CHANGED. */
int32_t people_identify(struct people *people, const char *issuer, struct askd_text subject,
        const char *name, struct person *person, struct askd_error *reterr);
int32_t people_find(
        struct people *people, uint64_t id, struct person *person, struct askd_error *reterr);

/* API keys. The text is shown once: "askd_" and 43 characters of base64url; its SHA-256 is stored.
 */
struct people_key {
	uint64_t id, person, organisation;
	char name[64];
	char databases[512]; /* names, separated by blanks; "" all that the person may use */
	int64_t created_us, revoked_us, used_us;
};
int32_t people_key_create(struct people *people, const struct call_scope *scope, uint64_t person,
        const char *name, const char *databases, char text[64], struct people_key *key,
        struct askd_error *reterr);
int32_t people_key_revoke(struct people *people, const struct call_scope *scope, const char *name,
        struct askd_error *reterr);
int32_t people_key_list(struct people *people, struct arena *a, const struct people_key **keys,
        size_t *count, struct askd_error *reterr);
/* AUTH: unknown or revoked, in the same time and words. */
int32_t people_key_verify(struct people *people, const char *text, struct people_key *key,
        struct person *person, struct askd_error *reterr);

/* May this scope use a database with this access list (NULL: local identities only)? */
bool people_may_use(struct people *people, const struct call_scope *scope, const char *database,
        const char *const *access);

/* `askd key create NAME [--person NAME] [--databases A,B] | list | revoke NAME`. */
int people_key_command(struct people *people, const struct call_scope *scope, int argc, char **argv,
        FILE *out, FILE *err);

#endif
