/* test_tar.c: what is written is read, by others too; what is cut or changed is found out. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/tar.h"

static char path[] = "/tmp/askd-tar-XXXXXX";

static int setup(void **state)
{
	int *fd = malloc(sizeof *fd);

	strcpy(path + strlen(path) - 6, "XXXXXX");
	*fd = mkostemp(path, O_CLOEXEC);
	*state = fd;
	return *fd < 0;
}

static int teardown(void **state)
{
	close(*(int *)*state);
	unlink(path);
	free(*state);
	return 0;
}

static void put(struct tar_writer *tar, const char *name, const char *text)
{
	tar_begin(tar, name, strlen(text));
	tar_put(tar, text, strlen(text));
	tar_end(tar, strlen(text));
}

static void write_two(int fd)
{
	struct tar_writer tar = {.fd = fd, .at_s = 1700000000};

	put(&tar, "a/one", "first");
	put(&tar, "empty", "");
	tar_finish(&tar);
	assert_int_equal(tar.error, 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
}

static void what_is_written_is_read(void **state)
{
	int fd = *(int *)*state;
	struct tar_reader tar = {.fd = fd};
	struct askd_error error = {0};
	char name[TAR_NAME + 1], text[100];
	uint64_t size;
	size_t got;

	write_two(fd);
	assert_int_equal(tar_next(&tar, name, &size, &error), ASKD_OK);
	assert_string_equal(name, "a/one");
	assert_int_equal(size, 5);
	assert_int_equal(tar_get(&tar, text, 3, &got, &error), ASKD_OK);
	assert_int_equal(got, 3);
	/* The rest is read over. */
	assert_int_equal(tar_next(&tar, name, &size, &error), ASKD_OK);
	assert_string_equal(name, "empty");
	assert_int_equal(size, 0);
	assert_int_equal(tar_get(&tar, text, sizeof text, &got, &error), ASKD_OK);
	assert_int_equal(got, 0);
	assert_int_equal(tar_next(&tar, name, &size, &error), ASKD_E_NOT_FOUND);
}

static void other_programs_read_it(void **state)
{
	char command[200], out[64] = "";
	FILE *tar;

	write_two(*(int *)*state);
	snprintf(command, sizeof command, "tar xOf %s a/one", path);
	tar = popen(command, "r");
	assert_non_null(tar);
	assert_non_null(fgets(out, sizeof out, tar));
	assert_int_equal(pclose(tar), 0);
	assert_string_equal(out, "first");
}

static void more_than_octal_digits_hold(void **state)
{
	const uint64_t sizes[] = {UINT64_C(8589934591), UINT64_C(8589934592), UINT64_C(1) << 50};
	int fd = *(int *)*state;

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct tar_writer writer = {.fd = fd};
		struct tar_reader reader = {.fd = fd};
		char name[TAR_NAME + 1];
		uint64_t size = 0;

		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		tar_begin(&writer, "large", sizes[i]);
		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		assert_int_equal(tar_next(&reader, name, &size, NULL), ASKD_OK);
		assert_int_equal(size, sizes[i]);
	}
}

static void a_cut_archive_is_no_end(void **state)
{
	static const long sizes[] = {0, 100, 512, 514, 600, 1024, 1400, 1536, 1600};
	int fd = *(int *)*state;

	write_two(fd);
	for (size_t i = sizeof sizes / sizeof *sizes; i--;) {
		struct tar_reader tar = {.fd = fd};
		struct askd_error error = {0};
		char name[TAR_NAME + 1];
		uint64_t size;
		int32_t rc;

		assert_int_equal(ftruncate(fd, sizes[i]), 0);
		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		while (!(rc = tar_next(&tar, name, &size, &error)))
			;
		assert_int_equal(rc, ASKD_E_PROTOCOL);
		assert_non_null(strstr(error.message, "cut off"));
	}
}

static void every_changed_byte_of_a_head_is_found(void **state)
{
	int fd = *(int *)*state;

	write_two(fd);
	for (off_t at = 0; at < 512; at++) {
		struct tar_reader tar = {.fd = fd};
		char name[TAR_NAME + 1], was, other;
		uint64_t size;

		assert_int_equal(pread(fd, &was, 1, at), 1);
		/* The end of the sum's field says nothing. */
		if (at >= 154 && at < 156)
			continue;
		other = (char)(was ^ 1);
		assert_int_equal(pwrite(fd, &other, 1, at), 1);
		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		assert_int_equal(tar_next(&tar, name, &size, NULL), ASKD_E_PROTOCOL);
		assert_int_equal(pwrite(fd, &was, 1, at), 1);
	}
}

static void a_full_disk_is_kept(void **state)
{
	struct tar_writer tar = {.fd = open("/dev/full", O_WRONLY | O_CLOEXEC)};

	(void)state;
	put(&tar, "x", "text");
	tar_finish(&tar);
	assert_string_equal(strerror(tar.error), "No space left on device");
	close(tar.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(what_is_written_is_read, setup, teardown),
	        cmocka_unit_test_setup_teardown(other_programs_read_it, setup, teardown),
	        cmocka_unit_test_setup_teardown(more_than_octal_digits_hold, setup, teardown),
	        cmocka_unit_test_setup_teardown(a_cut_archive_is_no_end, setup, teardown),
	        cmocka_unit_test_setup_teardown(
	                every_changed_byte_of_a_head_is_found, setup, teardown),
	        cmocka_unit_test(a_full_disk_is_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
