/* Databases that no configuration names: who may open them, what an address means, how many stay.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin/crossing.h"
#include "query/query_room.h"

static const char *const path[] = {BINARY_DIR "/plugins", NULL};
static struct config config = {.plugin_path = path};
static struct plugin_instance *none[] = {NULL};
static struct registry registry = {.config = &config, .instances = none};
static struct generation generation;
static struct query *query;
static char folder[] = "/tmp/askd-opened-XXXXXX";

/* Stands before the one of the room people/, which needs a store. */
bool people_may_use(struct people *people, const struct call_scope *scope, const char *database,
        const char *const *access)
{
	(void)people, (void)scope, (void)database, (void)access;
	return true;
}

struct asker {
	struct cancel cancel;
	struct call_scope scope;
	struct arena arena;
	struct askd_error err;
};

static void asker_init(struct asker *a, uint64_t person)
{
	memset(a, 0, sizeof *a);
	cancel_init(&a->cancel);
	a->scope = (struct call_scope){
	        .cancel = &a->cancel, .local = 1, .person = person, .folder = folder};
	arena_init(&a->arena, 0);
}

static void asker_finish(struct asker *a)
{
	arena_finish(&a->arena);
	cancel_finish(&a->cancel);
}

static const char *in_folder(struct asker *a, const char *prefix, const char *name)
{
	return arena_print(&a->arena, "%s%s/%s", prefix, folder, name);
}

/* An empty file is a database without tables. */
static void make(struct asker *a, const char *name, const char *text)
{
	int fd = open(in_folder(a, "", name), O_CREAT | O_WRONLY | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

/* The handle; 0: a->err says why not. */
static uint64_t find(struct asker *a, const char *address)
{
	struct query_database found = {.handle = 0};

	return query_find_name(query, &a->arena, &a->scope, 0, address, &found, &a->err)
	               ? 0
	               : found.handle;
}

static bool knows(struct asker *a, uint64_t handle)
{
	struct query_database found;

	return !query_find(query, &a->arena, &a->scope, handle, &found, &a->err);
}

static int setup(void **state)
{
	struct askd_error err;

	(void)state;
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	if (!mkdtemp(folder) || query_open(&query, &registry, NULL, NULL, &err))
		return -1;
	generation.query = query;
	generation_set(&generation);
	return 0;
}

static int teardown(void **state)
{
	char command[sizeof folder + 16];

	(void)state;
	query_stop();
	generation_set(NULL);
	query_close(query);
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return system(command);
}

static void every_way_to_name_a_file_leads_to_one_database(void **state)
{
	struct asker a;
	struct query_database found;
	uint64_t handle;

	(void)state;
	asker_init(&a, 7);
	make(&a, "my shop.db", "");
	assert_int_equal(symlink(in_folder(&a, "", "my shop.db"), in_folder(&a, "", "link.db")), 0);
	handle = find(&a, "my shop.db");
	assert_int_not_equal(handle, 0);
	assert_int_equal(find(&a, "./my shop.db"), handle);
	assert_int_equal(find(&a, in_folder(&a, "", "my shop.db")), handle);
	assert_int_equal(find(&a, in_folder(&a, "sqlite://", "my%20shop.db")), handle);
	assert_int_equal(find(&a, in_folder(&a, "SQLite3://", "link.db")), handle);
	assert_int_equal(query_find(query, &a.arena, &a.scope, handle, &found, &a.err), ASKD_OK);
	assert_string_equal(found.name, "my shop.db");
	assert_string_equal(found.dialect, "sqlite");
	asker_finish(&a);
}

static void what_cannot_be_opened_says_why(void **state)
{
	static const struct {
		const char *address;
		int32_t code;
		const char *said;
	} cases[] = {{"none.db", ASKD_E_NOT_FOUND, "there is no file /tmp/askd-opened-"},
	        {"sqlite:///none.db", ASKD_E_NOT_FOUND, "there is no file /none.db"},
	        {"text.db", ASKD_E_PROTOCOL, "no SQLite database"},
	        {"../", ASKD_E_INVALID, "a folder"}, {"/dev/null", ASKD_E_INVALID, "not a file"},
	        {"klingon://x/y", ASKD_E_UNSUPPORTED, "there are: sqlite sqlite3"},
	        {"sqlite://host/y", ASKD_E_INVALID, "sqlite:///srv/shop.db"},
	        {"sqlite:///a%00b", ASKD_E_INVALID, "sqlite:///srv/shop.db"},
	        {"://x", ASKD_E_INVALID, "an address begins like"},
	        {"shop", ASKD_E_NOT_FOUND, "there is no database 'shop' here"}};
	struct asker a;

	(void)state;
	asker_init(&a, 7);
	make(&a, "text.db",
	        "This is a text, and it is longer than the header of a database is: "
	        "it has more than a hundred characters, you see.");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(find(&a, cases[i].address), 0);
		if (a.err.code != cases[i].code || !strstr(a.err.message, cases[i].said))
			fail_msg("%s: %d %s", cases[i].address, a.err.code, a.err.message);
	}
	make(&a, "closed.db", "");
	assert_int_equal(chmod(in_folder(&a, "", "closed.db"), 0), 0);
	if (geteuid()) {
		assert_int_equal(find(&a, "closed.db"), 0);
		assert_int_equal(a.err.code, ASKD_E_DENIED);
	}
	asker_finish(&a);
}

static void nobody_else_finds_it(void **state)
{
	struct asker mine, theirs;
	uint64_t handle;

	(void)state;
	asker_init(&mine, 7);
	asker_init(&theirs, 8);
	make(&mine, "shop.db", "");
	handle = find(&mine, "shop.db");
	assert_true(knows(&mine, handle));
	assert_false(knows(&theirs, handle));
	assert_int_equal(theirs.err.code, ASKD_E_NOT_FOUND);
	assert_int_not_equal(find(&theirs, "shop.db"), handle);
	/* a person of the network, and a key, with the same id */
	mine.scope.local = 0;
	assert_false(knows(&mine, handle));
	assert_int_equal(find(&mine, in_folder(&mine, "", "shop.db")), 0);
	assert_int_equal(mine.err.code, ASKD_E_DENIED);
	assert_int_equal(find(&mine, "none.db"), 0);
	assert_int_equal(mine.err.code, ASKD_E_DENIED); /* it is not told whether there is one */
	assert_int_equal(find(&mine, "shop"), 0);
	assert_int_equal(mine.err.code, ASKD_E_NOT_FOUND);
	mine.scope.local = 1;
	mine.scope.key = 3;
	assert_false(knows(&mine, handle));
	assert_int_equal(find(&mine, in_folder(&mine, "", "shop.db")), 0);
	asker_finish(&mine);
	asker_finish(&theirs);
}

/* Descriptors of this process that lead into the folder. */
static size_t open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	char target[PATH_MAX];
	size_t n = 0;

	while ((entry = readdir(dir))) {
		ssize_t length = readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1);

		n += length > 0 && !strncmp(target, folder, strlen(folder));
	}
	closedir(dir);
	return n;
}

static void only_so_many_stay(void **state)
{
	enum { FILES = 140, KEPT = 128, CONNECTED = 4 };
	uint64_t handles[FILES];
	struct asker a;

	(void)state;
	asker_init(&a, 7);
	for (int i = 0; i < FILES; i++) {
		char name[16];

		snprintf(name, sizeof name, "%d.db", i);
		make(&a, name, "");
		handles[i] = find(&a, name);
		assert_int_not_equal(handles[i], 0);
		assert_true(open_files() <= CONNECTED);
	}
	assert_int_equal(open_files(), CONNECTED);
	assert_false(knows(&a, handles[FILES - KEPT - 1]));
	assert_true(knows(&a, handles[FILES - KEPT]));
	assert_int_equal(find(&a, "0.db"), handles[0]);
	asker_finish(&a);
}

static void what_is_in_use_stays(void **state)
{
	enum { FILES = 140 };
	struct database *held;
	struct asker a;
	uint64_t handle;

	(void)state;
	asker_init(&a, 7);
	make(&a, "held.db", "");
	handle = find(&a, "held.db");
	held = query_take(query, &a.scope, handle);
	assert_non_null(held);
	for (int i = 0; i < FILES; i++) {
		char name[16];

		snprintf(name, sizeof name, "%d.db", i);
		make(&a, name, "");
		assert_int_not_equal(find(&a, name), 0);
	}
	assert_int_equal(held->handle, handle);
	query_give(held); /* it was used longest ago: now it goes */
	assert_false(knows(&a, handle));
	asker_finish(&a);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
	        TEST(every_way_to_name_a_file_leads_to_one_database),
	        TEST(what_cannot_be_opened_says_why),
	        TEST(nobody_else_finds_it),
	        TEST(only_so_many_stay),
	        TEST(what_is_in_use_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
