/* access.c: who may use which database. */
#include "base/log.h"
#include "base/text.h"
#include "people/people_private.h"

static bool is_identity(const char *name, struct askd_text issuer, struct askd_text subject)
{
	size_t n = strlen(name), kind = strcspn(issuer.s, ":/");

	if (text_is(issuer, "local") && text_is(subject, name))
		return true;
	if (n == issuer.n + 1 + subject.n && !strncmp(name, issuer.s, (size_t)issuer.n) &&
	        name[issuer.n] == ':' && !strcmp(name + issuer.n + 1, subject.s))
		return true;
	return n == kind + 1 + subject.n && !strncmp(name, issuer.s, kind) && name[kind] == ':' &&
	       !strcmp(name + kind + 1, subject.s);
}

int32_t access_is_person(struct people *people, uint64_t person, const char *name, bool *is,
        struct askd_error *reterr)
{
	struct store_rows rows;
	struct arena a;
	int32_t rc;

	*is = false;
	arena_init(&a, 0);
	rc = store_read(people->store, STORE_MANAGER, &a, NULL,
	        ASKD_LITERAL("SELECT issuer, subject FROM identities WHERE person = $1"),
	        STORE_PARAMS(store_int((int64_t)person)), 1000, &rows, reterr);
	for (size_t i = 0; !rc && !*is && i < rows.rows; i++)
		*is = is_identity(name, store_cell_text(&rows, i, 0), store_cell_text(&rows, i, 1));
	arena_finish(&a);
	return rc;
}

/* Is it one of the names, which blanks separate? */
static bool is_named(const char *names, const char *name)
{
	size_t n = strlen(name);

	while (*names) {
		size_t length = strcspn(names, " ");
		if (length == n && !strncmp(names, name, n))
			return true;
		names += length;
		names += strspn(names, " ");
	}
	return false;
}

bool people_may_use(struct people *people, const struct call_scope *scope, const char *database,
        const char *const *access)
{
	struct people_key key = {0};
	struct askd_error err = {0};
	int32_t rc = ASKD_OK;

	if (scope->key) {
		rc = keys_find(people, scope->key, &key, &err);
		if (!rc &&
		        (key.revoked_us || (*key.databases && !is_named(key.databases, database))))
			return false;
	} else if (scope->local) {
		return true;
	}
	for (; !rc && access && *access; access++) {
		bool is = false;
		if (!strcmp(*access, "everyone"))
			return true;
		if (!strncmp(*access, "key:", 4) && scope->key && !strcmp(*access + 4, key.name))
			return true;
		if (!strncmp(*access, "person:", 7) && scope->person)
			rc = access_is_person(people, scope->person, *access + 7, &is, &err);
		if (!rc && is)
			return true;
	}
	if (rc)
		log_warning("people", scope->id, "rights cannot be looked up, so refused: %s",
		        err.message);
	return false;
}
