/* test_library.c: a refusal is a sentence, and no file makes the host crash. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins.h"

#define BROKEN(fault) BINARY_DIR "/broken/" fault ".so"

static void each_fault_is_refused_with_a_sentence(void **state)
{
	static const struct {
		const char *path, *words;
		int32_t code;
	} faults[] = {
	        {BROKEN("BAD_MAGIC"), "its magic is 0x12345678, this host knows 0x646b7361",
	                ASKD_E_INVALID},
	        {BROKEN("BAD_SIZE"), "100000 bytes", ASKD_E_INVALID},
	        {BROKEN("BAD_STRIDE"), "12 bytes wide", ASKD_E_INVALID},
	        {BROKEN("BAD_KIND"), "askd.weather/1", ASKD_E_UNSUPPORTED},
	        {BROKEN("NO_NAME"), "does not say its name", ASKD_E_INVALID},
	        {BROKEN("WILD_NAME"), "does not say its name", ASKD_E_INVALID},
	        {BROKEN("NO_FUNCTION"), "lacks the function handle", ASKD_E_INVALID},
	        {BROKEN("NO_IFACE"), "askd_skill_iface is missing", ASKD_E_INVALID},
	        {BROKEN("BAD_IFACE_SIZE"), "wrong size", ASKD_E_INVALID},
	        {BROKEN("BAD_DEFAULT"), "bad option table", ASKD_E_INVALID},
	        {BROKEN("BAD_OFFSET"), "bad option table", ASKD_E_INVALID},
	        {BROKEN("BAD_TYPE"), "bad option table", ASKD_E_INVALID},
	        {BROKEN("TWICE"), "bad option table", ASKD_E_INVALID},
	        {BROKEN("NO_HELP"), "option text has no help", ASKD_E_INVALID},
	        {BROKEN("BAD_NAME"), "bad option table", ASKD_E_INVALID},
	        {BROKEN("NO_CHOICES"), "bad option table", ASKD_E_INVALID},
	        {BROKEN("NO_END"), "no end", ASKD_E_INVALID},
	        {BROKEN("SERIAL"), "is not ASKD_CONCURRENT", ASKD_E_UNSUPPORTED},
	        {BROKEN("NO_EXPORT"), "exports no askd_plugin_v1", ASKD_E_INVALID},
	        {BROKEN("UNKNOWN_EXTENSION"), "did you mean askd.hooks/1?", ASKD_E_UNSUPPORTED},
	        {BROKEN("EMPTY_TOOLS"), "list of tools", ASKD_E_INVALID},
	        {BROKEN("NO_COMMAND_HELP"), "command 1 lacks", ASKD_E_INVALID},
	        {BROKEN("MISSING_SYMBOL"), "undefined symbol: not_there_at_all", ASKD_E_INVALID},
	        {BROKEN("FROM_LIBRARY"), "libbroken-gone.so", ASKD_E_INVALID},
	        {BROKEN("VERSION_0_8"), "needs ABI 0.8, this host offers 0.9", ASKD_E_UNSUPPORTED},
	        {BROKEN("VERSION_0_10"), "needs ABI 0.10, this host offers 0.9",
	                ASKD_E_UNSUPPORTED},
	        {BROKEN("VERSION_1_0"), "needs ABI 1.0, this host offers 0.9", ASKD_E_UNSUPPORTED},
	        {BROKEN("VERSION_1_9"), "needs ABI 1.9, this host offers 0.9", ASKD_E_UNSUPPORTED},
	        {"/nowhere/at/all.so", "No such file", ASKD_E_NOT_FOUND},
	        {"/tmp", "not a regular file", ASKD_E_INVALID},
	        {"/bin/sh", NULL, ASKD_E_INVALID},
	        {SOURCE_DIR "/LICENSE", "is not an ELF file", ASKD_E_INVALID},
	        {"/dev/null", "not a regular file", ASKD_E_INVALID},
	};
	(void)state;
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		struct askd_error err = {0};
		if (plugin_library_open(faults[i].path, NULL, &err))
			fail_msg("%s is accepted", faults[i].path);
		if (err.code != faults[i].code ||
		        (faults[i].words && !strstr(err.message, faults[i].words)))
			fail_msg("%s: %d %s", faults[i].path, err.code, err.message);
	}
}

static void a_sound_plugin_opens_once_and_has_a_build_id(void **state)
{
	struct askd_error err = {0};
	struct plugin_library *library =
	        plugin_library_open(BROKEN("sound"), ASKD_KIND_SKILL, &err);
	(void)state;
	if (!library)
		fail_msg("%s", err.message);
	assert_int_equal(strlen(library->build_id), 40);
	assert_string_equal(library->plugin->name, "broken");
	assert_ptr_equal(
	        library, plugin_library_open(BINARY_DIR "/broken/../broken/sound.so", NULL, &err));
	assert_null(plugin_library_open(BROKEN("sound"), ASKD_KIND_LLM, &err));
	assert_int_equal(err.code, ASKD_E_CONFIG);
	assert_non_null(
	        strstr(err.message, "is a plugin of the kind askd.skill/1, askd.llm/1 is wanted"));
}

static void a_name_that_is_nowhere_gets_the_folders_and_the_nearest(void **state)
{
	static const char *const path[] = {"/nowhere", BINARY_DIR "/test-plugins", NULL};
	struct askd_error err = {0};
	(void)state;
	assert_non_null(plugin_library_find(path, ASKD_KIND_SKILL, "ping", &err));
	assert_non_null(plugin_library_find(path, "skill", "ping", &err));
	assert_null(plugin_library_find(path, "skill", "pong", &err));
	assert_int_equal(err.code, ASKD_E_NOT_FOUND);
	assert_non_null(strstr(err.message, "/nowhere/skill"));
	assert_non_null(strstr(err.message, "did you mean ping?"));
	assert_null(plugin_library_find(path, "skill", "../skill/ping", &err));
	assert_int_equal(err.code, ASKD_E_CONFIG);
}

static void extensions_are_found_by_id(void **state)
{
	struct askd_error err = {0};
	struct plugin_library *library =
	        plugin_library_open(TEST_PLUGIN("skill/tools_verbs_health"), NULL, &err);
	(void)state;
	if (!library)
		fail_msg("%s", err.message);
	assert_non_null(plugin_library_extension(library, "askd.tools/1"));
	assert_non_null(plugin_library_extension(library, "askd.verbs/1"));
	assert_non_null(plugin_library_extension(library, "askd.health/1"));
	assert_null(plugin_library_extension(library, "askd.hooks/1"));
}

/* ---- damaged files ----------------------------------------------------------------------------
 */

static unsigned char *image;
static size_t image_size;

static int read_image(void **state)
{
	FILE *file = fopen(BROKEN("sound"), "rb");
	(void)state;
	assert_non_null(file);
	image = malloc(4 << 20);
	assert_non_null(image);
	image_size = fread(image, 1, 4 << 20, file);
	assert_true(image_size > 4096 && image_size < 4 << 20);
	return fclose(file);
}

static int free_image(void **state)
{
	(void)state;
	free(image);
	return 0;
}

/* Opens these bytes as a file of their own; they must be refused. */
static void refuses(const char *path, const unsigned char *p, size_t n)
{
	struct askd_error err = {0};
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(p, 1, n, file), n);
	assert_int_equal(fclose(file), 0);
	if (plugin_library_open(path, NULL, &err))
		fail_msg("%zu of %zu bytes are accepted", n, image_size);
	assert_int_equal(err.code, ASKD_E_INVALID);
	assert_non_null(strstr(err.message, path));
	remove(path);
}

static void a_truncated_file_is_refused_at_every_length(void **state)
{
	char path[64];
	(void)state;
	snprintf(path, sizeof path, "/tmp/askd-truncated-%d.so", (int)getpid());
	for (size_t n = 0; n < 1024; n += 7)
		refuses(path, image, n);
	for (size_t n = 1024; n < image_size; n += image_size / 200 + 1)
		refuses(path, image, n);
	refuses(path, image, image_size - 1);
}

/* A simple generator with a fixed seed: the same bytes in each run. */
static uint32_t chance(void)
{
	static uint64_t x = 88172645463325252u;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)(x >> 16);
}

static void random_bytes_behind_a_true_header_are_refused(void **state)
{
	char path[64];
	unsigned char bytes[8192];
	(void)state;
	snprintf(path, sizeof path, "/tmp/askd-random-%d.so", (int)getpid());
	for (int round = 0; round < 300; round++) {
		size_t keep = round % 4 == 0 ? 0 : round % 4 == 1 ? 20 : round % 4 == 2 ? 64 : 400;
		for (size_t i = 0; i < sizeof bytes; i++)
			bytes[i] = (unsigned char)chance();
		memcpy(bytes, image, keep);
		refuses(path, bytes, sizeof bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_fault_is_refused_with_a_sentence),
	        cmocka_unit_test(a_sound_plugin_opens_once_and_has_a_build_id),
	        cmocka_unit_test(a_name_that_is_nowhere_gets_the_folders_and_the_nearest),
	        cmocka_unit_test(extensions_are_found_by_id),
	        cmocka_unit_test(a_truncated_file_is_refused_at_every_length),
	        cmocka_unit_test(random_bytes_behind_a_true_header_are_refused),
	};
	return cmocka_run_group_tests(tests, read_image, free_image);
}
