/* command.c: `askd key`. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "people/people_private.h"
#include "plugin/generation.h"

static const char usage[] = "usage: askd key create NAME [--person NAME] [--databases A,B]\n"
                            "       askd key list\n"
                            "       askd key revoke NAME\n";

static int fail(FILE *err, const struct askd_error *error)
{
	fprintf(err, "askd key: %s\n", error->message);
	return 1;
}

/* The one person that is meant: by identity, or by a name that only one has. */
static int32_t find_person(
        struct people *people, const char *name, uint64_t *person, struct askd_error *reterr)
{
	struct store_rows rows;
	const char **names, *nearest = NULL;
	uint64_t by_name = 0;
	size_t same = 0, n = 0;
	struct arena a;
	int32_t rc;

	*person = 0;
	arena_init(&a, 0);
	rc = store_read(people->store, STORE_MANAGER, &a, NULL,
	        ASKD_LITERAL("SELECT id, name FROM persons ORDER BY id"), NULL, 0, PEOPLE_MAX,
	        &rows, reterr);
	if (rc)
		goto out;
	names = arena_zalloc(&a, (rows.rows + 1) * sizeof *names);
	for (size_t i = 0; !rc && !*person && i < rows.rows; i++) {
		uint64_t id = (uint64_t)store_cell_int(&rows, i, 0);
		bool is = false;
		rc = access_is_person(people, id, name, &is, reterr);
		if (is)
			*person = id;
		if (names)
			names[n++] = store_cell_text(&rows, i, 1).s;
		if (text_is(store_cell_text(&rows, i, 1), name)) {
			by_name = id;
			same++;
		}
	}
	if (rc || *person)
		goto out;
	if (same == 1) {
		*person = by_name;
		goto out;
	}
	if (names)
		nearest = text_nearest(name, names);
	if (same)
		rc = askd_fail(reterr, ASKD_E_CONFLICT,
		        "%zu persons are called '%.64s': name the identity, as in telegram:123",
		        same, name);
	else
		rc = askd_fail(reterr, ASKD_E_NOT_FOUND,
		        "nobody is called '%.64s'%s%s%s; a person is known from the first question "
		        "on",
		        name, nearest ? ", did you mean '" : "", nearest ? nearest : "",
		        nearest ? "'?" : "");
out:
	arena_finish(&a);
	return rc;
}

/* "a,b" as "a b", each of them configured. */
static int32_t read_names(const struct config *config, const char *text, char *out, size_t size,
        struct askd_error *reterr)
{
	const char *names[256];
	size_t count = 0, used = 0;

	for (const struct config_instance *i = config->instances; i && count < 255; i = i->next)
		if (!strcmp(i->kind, "database"))
			names[count++] = i->name;
	names[count] = NULL;
	out[0] = 0;
	while (*text) {
		char name[128];
		size_t n = strcspn(text, ",");
		const char *nearest;
		snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name - 1),
		        text);
		text += n + (text[n] == ',');
		if (!*name)
			continue;
		if (!config_find_database(config, name)) {
			nearest = text_nearest(name, names);
			return askd_fail(reterr, ASKD_E_NOT_FOUND,
			        "there is no database '%s'%s%s%s; it must stand in the "
			        "configuration",
			        name, nearest ? ", did you mean '" : "", nearest ? nearest : "",
			        nearest ? "'?" : "");
		}
		if (used + strlen(name) + 2 > size)
			return askd_fail(
			        reterr, ASKD_E_TOO_LARGE, "too many databases for one key");
		used += (size_t)snprintf(out + used, size - used, "%s%s", used ? " " : "", name);
	}
	return ASKD_OK;
}

/* The same of the current configuration. */
static int32_t read_databases(
        struct people *people, const char *text, char *out, size_t size, struct askd_error *reterr)
{
	struct generation *generation = generation_hold(NULL);
	int32_t rc = read_names(
	        generation ? generation->config : people->config, text, out, size, reterr);

	generation_drop(generation);
	return rc;
}

static int create(struct people *people, const struct call_scope *scope, int argc, char **argv,
        FILE *out, FILE *err)
{
	static const char *const options[] = {"--person", "--databases", NULL};
	const char *name = NULL, *owner = NULL, *wanted = "";
	char databases[512], text[64];
	struct people_key key;
	struct person person;
	struct askd_error error = {0};
	uint64_t id = scope ? scope->person : 0;

	for (int i = 0; i < argc; i++) {
		const char **value = !strcmp(argv[i], "--person")      ? &owner
		                     : !strcmp(argv[i], "--databases") ? &wanted
		                                                       : NULL;
		if (value && i + 1 < argc) {
			*value = argv[++i];
		} else if (value) {
			fprintf(err, "askd key create: %s needs a value\n%s", argv[i], usage);
			return 1;
		} else if (argv[i][0] == '-') {
			const char *nearest = text_nearest(argv[i], options);
			fprintf(err, "askd key create: unknown option '%s'%s%s%s\n%s", argv[i],
			        nearest ? ", did you mean '" : "", nearest ? nearest : "",
			        nearest ? "'?" : "", usage);
			return 1;
		} else if (name) {
			fprintf(err, "askd key create: one name only, found '%s' as well\n%s",
			        argv[i], usage);
			return 1;
		} else {
			name = argv[i];
		}
	}
	if (!name) {
		fprintf(err, "askd key create: the key needs a name\n%s", usage);
		return 1;
	}
	if ((owner && find_person(people, owner, &id, &error)) ||
	        read_databases(people, wanted, databases, sizeof databases, &error) ||
	        people_key_create(people, scope, id, name, databases, text, &key, &error) ||
	        people_find(people, id, &person, &error))
		return fail(err, &error);
	/* The key alone, so that it may be put into a file. */
	fprintf(out, "%s\n", text);
	fflush(out);
	fprintf(err,
	        "This is the key '%s' of %s, for %s. It is shown once and kept nowhere: store it "
	        "now.\n",
	        key.name, person.name,
	        *key.databases ? key.databases : "every database that lets them in");
	memset(text, 0, sizeof text);
	return 0;
}

static const char *date(int64_t us, char buffer[32])
{
	if (!us)
		return "-";
	clock_format(us, buffer, 32);
	buffer[10] = 0;
	return buffer;
}

static int list(struct people *people, FILE *out, FILE *err)
{
	const struct people_key *keys;
	struct askd_error error = {0};
	struct arena a;
	size_t count;
	int status = 0;

	arena_init(&a, 0);
	if (people_key_list(people, &a, &keys, &count, &error)) {
		status = fail(err, &error);
	} else if (!count) {
		fprintf(out, "There are no keys. Make one with: askd key create NAME\n");
	} else {
		fprintf(out, "%-20s %-20s %-20s %-10s %-10s %s\n", "NAME", "PERSON", "DATABASES",
		        "CREATED", "USED", "STATE");
		for (size_t i = 0; i < count; i++) {
			char created[32], used[32], revoked[32];
			struct person person = {0};
			if (people_find(people, keys[i].person, &person, &error))
				snprintf(person.name, sizeof person.name, "?");
			fprintf(out, "%-20s %-20s %-20s %-10s %-10s %s%s\n", keys[i].name,
			        person.name, *keys[i].databases ? keys[i].databases : "all",
			        date(keys[i].created_us, created), date(keys[i].used_us, used),
			        keys[i].revoked_us ? "revoked " : "valid",
			        keys[i].revoked_us ? date(keys[i].revoked_us, revoked) : "");
		}
	}
	arena_finish(&a);
	return status;
}

int people_key_command(struct people *people, const struct call_scope *scope, int argc, char **argv,
        FILE *out, FILE *err)
{
	static const char *const verbs[] = {"create", "list", "revoke", NULL};
	struct askd_error error = {0};
	const char *nearest;

	if (argc < 1) {
		fputs(usage, err);
		return 1;
	}
	if (!strcmp(argv[0], "create"))
		return create(people, scope, argc - 1, argv + 1, out, err);
	if (!strcmp(argv[0], "list") && argc == 1)
		return list(people, out, err);
	if (!strcmp(argv[0], "revoke") && argc == 2) {
		if (people_key_revoke(people, scope, argv[1], &error))
			return fail(err, &error);
		fprintf(out, "Revoked the key '%s': it opens nothing any more.\n", argv[1]);
		return 0;
	}
	nearest = text_nearest(argv[0], verbs);
	if (nearest && strcmp(nearest, argv[0]) != 0)
		fprintf(err, "askd key: unknown '%s', did you mean '%s'?\n", argv[0], nearest);
	fputs(usage, err);
	return 1;
}
