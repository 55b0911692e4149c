/* test_http_answers.c: what goes out: later, piece by piece, to clients that are slow or leave. */
#include "house.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST "Host: localhost\r\n"
#define PARK "GET /park HTTP/1.1\r\n" HOST "\r\n"

static int setup(void **state)
{
	struct house *house = house_create();

	house_start(house);
	*state = house;
	return 0;
}

static int teardown(void **state)
{
	house_destroy(*state);
	return 0;
}

static void a_request_is_answered_later_and_the_connection_lives_on(void **state)
{
	struct house *house = *state;
	int fd = client_open(house);

	for (int i = 0; i < 3; i++) {
		uint64_t id;

		client_say(fd, PARK);
		id = house_parked(house);
		assert_int_equal(house_begin(house, id, 200, 0, "late"), ASKD_OK);
		assert_int_equal(status_of(client_read(fd, "late")), 200);
		assert_int_not_equal(house_begin(house, id, 200, 0, "twice"), ASKD_OK);
	}
	close(fd);
	assert_int_equal(house->gone_count, 0);
}

static void many_wait_at_once_while_others_are_answered(void **state)
{
	struct house *house = *state;
	int fds[100];

	for (int i = 0; i < 100; i++) {
		fds[i] = client_open(house);
		client_say(fds[i], PARK);
	}
	for (int i = 0; i < 100; i++) {
		uint64_t id = house_parked(house);

		if (i == 50)
			assert_int_equal(status_of(ask(house, "GET /instant HTTP/1.1\r\n" HOST
			                                      "Connection: close\r\n\r\n")),
			        200);
		assert_int_equal(house_begin(house, id, 200, 0, "done"), ASKD_OK);
	}
	for (int i = 0; i < 100; i++) {
		assert_int_equal(status_of(client_read(fds[i], "done")), 200);
		close(fds[i]);
	}
}

static void a_client_that_leaves_is_noticed_while_its_request_waits(void **state)
{
	struct house *house = *state;
	int fd = client_open(house);
	uint64_t id;

	client_say(fd, PARK);
	id = house_parked(house);
	close(fd);
	house_wait_gone(house, id);
	assert_int_equal(house_begin(house, id, 200, 0, "late"), ASKD_E_GONE);
	assert_int_equal(house->gone_count, 1);
}

static void a_stream_reaches_the_client_piece_by_piece(void **state)
{
	struct house *house = *state;
	int fd = client_open(house);
	uint64_t id;

	client_say(fd, PARK);
	id = house_parked(house);
	assert_int_equal(house_begin(house, id, 200, ASKD_WEB_STREAM, "first\n"), ASKD_OK);
	assert_non_null(strstr(client_read(fd, "first\n"), "Transfer-Encoding: chunked"));
	assert_int_equal(house_write(house, id, "second\n", 7, 0, 5000), ASKD_OK);
	assert_non_null(client_read(fd, "second\n"));
	assert_int_equal(house_write(house, id, "third\n", 6, ASKD_WEB_END, 5000), ASKD_OK);
	assert_non_null(client_read(fd, "\r\n0\r\n\r\n"));
	assert_int_not_equal(house_write(house, id, "x", 1, 0, 5000), ASKD_OK);
	/* The connection goes on. */
	client_say(fd, "GET /instant HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(status_of(client_read(fd, "path=/instant")), 200);
	close(fd);
	assert_int_equal(house->gone_count, 0);
}

static void a_reader_that_never_reads_holds_a_bounded_queue(void **state)
{
	static char data[1 << 20];
	struct house *house = *state;
	int fd = client_open(house);
	int32_t rc = ASKD_OK;
	uint64_t id;

	memset(data, 'd', sizeof data);
	client_say(fd, PARK);
	id = house_parked(house);
	assert_int_equal(house_begin(house, id, 200, ASKD_WEB_STREAM, NULL), ASKD_OK);
	for (int i = 0; i < 64 && !rc; i++)
		rc = house_write(house, id, data, sizeof data, 0, 300);
	assert_int_equal(rc, ASKD_E_TIMEOUT);
	{
		struct http_request *request = request_find(&house->http, id);

		assert_non_null(request);
		pthread_mutex_lock(&request->lock);
		assert_true(request->last - request->first <= HTTP_QUEUE_MAX);
		assert_true(request->capacity <= 2 * HTTP_QUEUE_MAX);
		pthread_mutex_unlock(&request->lock);
		request_release(request);
	}
	close(fd);
	house_wait_gone(house, id);
	assert_int_equal(house_write(house, id, data, 1, 0, 5000), ASKD_E_GONE);
}

static void a_client_that_leaves_in_the_midst_of_a_stream_is_noticed(void **state)
{
	struct house *house = *state;
	int fd = client_open(house);
	uint64_t id;

	client_say(fd, PARK);
	id = house_parked(house);
	assert_int_equal(house_begin(house, id, 200, ASKD_WEB_STREAM, "first\n"), ASKD_OK);
	client_read(fd, "first\n");
	close(fd);
	house_wait_gone(house, id);
	assert_int_equal(house_write(house, id, "second\n", 7, 0, 5000), ASKD_E_GONE);
	assert_int_equal(house->gone_count, 1);
}

static void a_header_of_a_reply_cannot_begin_another(void **state)
{
	struct house *house = *state;
	int fd = client_open(house);
	static const struct {
		const char *name, *value;
	} bad[] = {{"X-A", "a\r\nSet-Cookie: b"}, {"X-A", "a\nb"}, {"X A", "b"}, {"X:A", "b"},
	        {"X-A", "\xff"}, {"Content-Length", "3"}, {"Transfer-Encoding", "chunked"}};
	uint64_t id;

	client_say(fd, PARK);
	id = house_parked(house);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		ASKD_MAKE(struct askd_header, header, .name = askd_text_of(bad[i].name),
		        .value = askd_text_of(bad[i].value));
		const struct askd_header *const headers[] = {&header, NULL};
		ASKD_MAKE(struct askd_web_response, response, .id = id, .status = 200,
		        .headers = headers);

		assert_int_equal(
		        reply_begin(&house->http, NULL, &response, NULL, NULL), ASKD_E_INVALID);
	}
	assert_int_equal(house_begin(house, id, 99, 0, ""), ASKD_E_INVALID);
	assert_int_equal(house_begin(house, id, 500, 0, "sound"), ASKD_OK);
	assert_int_equal(status_of(client_read(fd, "sound")), 500);
	close(fd);
}

static void a_file_is_sent_whole(void **state)
{
	const char *answer = ask(*state, "GET /file HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");

	assert_non_null(strstr(answer, "Content-Length: 300000\r\n"));
	assert_int_equal(strlen(strstr(answer, "\r\n\r\n") + 4), 300000);
	answer = ask(*state, "HEAD /file HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
	assert_non_null(strstr(answer, "Content-Length: 300000\r\n"));
	assert_int_equal(strlen(strstr(answer, "\r\n\r\n") + 4), 0);
}

static void what_waits_when_the_loop_ends_is_given_up(void **state)
{
	struct house *house = house_create();
	int waiting, streaming;
	uint64_t id;

	(void)state;
	house_start(house);
	waiting = client_open(house);
	client_say(waiting, PARK);
	house_parked(house);
	streaming = client_open(house);
	client_say(streaming, PARK);
	id = house_parked(house);
	assert_int_equal(house_begin(house, id, 200, ASKD_WEB_STREAM, "first\n"), ASKD_OK);
	client_read(streaming, "first\n");
	house_destroy(house); /* returns, although both wait */
	assert_string_equal(client_read(waiting, NULL), "");
	close(waiting);
	close(streaming);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	        TEST(a_request_is_answered_later_and_the_connection_lives_on),
	        TEST(many_wait_at_once_while_others_are_answered),
	        TEST(a_client_that_leaves_is_noticed_while_its_request_waits),
	        TEST(a_stream_reaches_the_client_piece_by_piece),
	        TEST(a_reader_that_never_reads_holds_a_bounded_queue),
	        TEST(a_client_that_leaves_in_the_midst_of_a_stream_is_noticed),
	        TEST(a_header_of_a_reply_cannot_begin_another),
	        TEST(a_file_is_sent_whole),
	        cmocka_unit_test(what_waits_when_the_loop_ends_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
