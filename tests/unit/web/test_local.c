/* test_local.c: commands that another process of this machine runs in the daemon. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "web/local.h"

static char folder[64];

/* Writes its last word to the caller's standard output; "hold" waits until it is canceled. */
static int handler(void *arg, uint32_t uid, const char *user, int argc, char **argv, int in,
        int out, int err, struct cancel *cancel)
{
	(void)arg, (void)in, (void)err;
	if (uid != getuid() || !user[0])
		return 90;
	if (dprintf(out, "%d:%s\n", argc, argv[argc - 1]) < 0)
		return 91;
	if (!strcmp(argv[argc - 1], "hold")) {
		const struct timespec pause = {0, 2000000};
		int64_t until_us = clock_monotonic_us() + INT64_C(20000000);

		while (!cancel_fired(cancel) && clock_monotonic_us() < until_us)
			nanosleep(&pause, NULL);
		return cancel_fired(cancel) ? 42 : 92;
	}
	return argc;
}

static int setup(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/askd-local-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return rmdir(folder);
}

/* Runs a client in a process of its own with a pipe as standard output. Its status is the
 * command's, or 100 when nobody was there, 101 for another failure. */
static pid_t client(const char **argv, int argc, int *out)
{
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		struct askd_error error = {0};
		int status = 0;
		int32_t rc;

		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		rc = local_client_run(folder, argc, (char **)argv, &status, &error);
		_exit(rc == ASKD_E_NOT_FOUND ? 100 : rc ? 101 : status);
	}
	close(ends[1]);
	*out = ends[0];
	return pid;
}

static int status_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void command_runs_with_the_callers_descriptors(void **state)
{
	struct askd_error error = {0};
	const char *argv[] = {"", "ask", "how many?"};
	char text[64] = "";
	struct local_server *server = local_server_start(folder, handler, NULL, &error);
	struct stat info;
	char path[96];
	int out;
	pid_t pid;

	(void)state;
	assert_non_null(server);
	snprintf(path, sizeof path, "%s/askd.sock", folder);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	pid = client(argv, 3, &out);
	assert_int_equal(status_of(pid), 3);
	assert_true(read(out, text, sizeof text - 1) > 0);
	assert_string_equal(text, "3:how many?\n");
	close(out);
	local_server_stop(server);
	assert_int_equal(stat(path, &info), -1);
}

static void nobody_there_is_not_found(void **state)
{
	const char *argv[] = {"", "ask"};
	int out;

	(void)state;
	assert_int_equal(status_of(client(argv, 2, &out)), 100);
	close(out);
}

static void interrupt_cancels_the_command_and_its_status_comes_back(void **state)
{
	struct askd_error error = {0};
	struct local_server *server = local_server_start(folder, handler, NULL, &error);
	const char *argv[] = {"", "hold"};
	char byte;
	int out;
	pid_t pid;

	(void)state;
	assert_non_null(server);
	pid = client(argv, 2, &out);
	assert_int_equal(read(out, &byte, 1), 1); /* it runs */
	assert_int_equal(kill(pid, SIGINT), 0);
	assert_int_equal(status_of(pid), 42);
	close(out);
	local_server_stop(server);
}

static void client_that_dies_cancels_its_command(void **state)
{
	struct askd_error error = {0};
	struct local_server *server = local_server_start(folder, handler, NULL, &error);
	const char *argv[] = {"", "hold"};
	char byte;
	int out, status;
	pid_t pid;
	int64_t began_us;

	(void)state;
	assert_non_null(server);
	pid = client(argv, 2, &out);
	assert_int_equal(read(out, &byte, 1), 1);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	began_us = clock_monotonic_us();
	while (read(out, &byte, 1) > 0)
		; /* until the server has closed its copy: the command has ended */
	assert_true(clock_monotonic_us() - began_us < INT64_C(10000000));
	close(out);
	local_server_stop(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(
	                command_runs_with_the_callers_descriptors, setup, teardown),
	        cmocka_unit_test_setup_teardown(nobody_there_is_not_found, setup, teardown),
	        cmocka_unit_test_setup_teardown(
	                interrupt_cancels_the_command_and_its_status_comes_back, setup, teardown),
	        cmocka_unit_test_setup_teardown(
	                client_that_dies_cancels_its_command, setup, teardown),
	};

	log_init(ASKD_LOG_ERROR, LOG_FORMAT_TEXT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
