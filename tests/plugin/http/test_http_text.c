/* test_http_text.c: paths, parameters and addresses, decoded once and never past their bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "path.h"
#include "peer.h"

static const char *normal(const char *path)
{
	static char out[256];
	size_t n;

	if (!path_normalise(path, strlen(path), out, &n))
		return NULL;
	assert_int_equal(strlen(out), n);
	return out;
}

static void a_path_is_decoded_and_normalised_once(void **state)
{
	(void)state;
	assert_string_equal(normal("/"), "/");
	assert_string_equal(normal("//a///b"), "/a/b");
	assert_string_equal(normal("/a/./b/../c"), "/a/c");
	assert_string_equal(normal("/a/%2e%2E/c"), "/c");
	assert_string_equal(normal("/a/b/.."), "/a/");
	assert_string_equal(normal("/a/"), "/a/");
	assert_string_equal(normal("/M%C3%BCller"), "/M\xc3\xbcller");
	assert_string_equal(normal("/%252e%252e/x"), "/%2e%2e/x");
	assert_string_equal(normal("/a.b/..c"), "/a.b/..c");
}

static void a_path_that_climbs_out_or_hides_something_is_refused(void **state)
{
	static const char *const bad[] = {"", "a", "/..", "/../etc/passwd", "/a/../../b",
	        "/%2e%2e/x", "/a%2fb", "/a%2Fb", "/a\\b", "/a%5cb", "/a%00b", "/%0d%0aX: y", "/%",
	        "/%4", "/%zz", "/%ff", "/\xff", "/%c0%ae", "/%ed%a0%80", "/%f4%90%80%80", NULL};

	(void)state;
	for (size_t i = 0; bad[i]; i++)
		if (normal(bad[i]))
			fail_msg("taken: %s", bad[i]);
}

static void a_parameter_is_text(void **state)
{
	char out[64];
	size_t n;

	(void)state;
	assert_true(path_decode("a+b%20c", 7, true, out, &n));
	assert_string_equal(out, "a b c");
	assert_true(path_decode("a%0Ab", 5, true, out, &n));
	assert_false(path_decode("a%00b", 5, true, out, &n));
	assert_false(path_decode("a%ffb", 5, true, out, &n));
	assert_false(path_decode("a%0Ab", 5, false, out, &n));
}

static void tokens_and_texts(void **state)
{
	(void)state;
	assert_true(path_is_token("X-Name", 6));
	assert_false(path_is_token("X Name", 6));
	assert_false(path_is_token("X\0Name", 6));
	assert_false(path_is_token("", 0));
	assert_false(path_is_text("a\nb", 3, true));
	assert_true(path_is_text("a\tb", 3, true));
	assert_false(path_is_text("a\tb", 3, false));
}

static struct peer_net net(const char *s)
{
	struct peer_net out;

	if (!peer_net_parse(s, &out))
		fail_msg("no network: %s", s);
	return out;
}

static bool is_in(const char *address, const char *network)
{
	struct peer peer;
	struct peer_net n = net(network);

	assert_true(peer_parse(address, strlen(address), &peer));
	return peer_is_in(&peer, &n, 1);
}

static void networks_of_proxies(void **state)
{
	struct peer_net out;
	struct peer local = {.local = true};
	struct peer_net all = net("0.0.0.0/0"), local_net = net("unix");

	(void)state;
	assert_true(is_in("10.1.2.3", "10.0.0.0/8"));
	assert_false(is_in("11.1.2.3", "10.0.0.0/8"));
	assert_true(is_in("192.0.2.129", "192.0.2.128/25"));
	assert_false(is_in("192.0.2.127", "192.0.2.128/25"));
	assert_true(is_in("127.0.0.1", "127.0.0.1"));
	assert_true(is_in("2001:db8::7", "2001:db8::/32"));
	assert_false(is_in("2001:db9::7", "2001:db8::/32"));
	assert_false(is_in("::1", "0.0.0.0/0"));
	assert_false(peer_is_in(&local, &all, 1));
	assert_true(peer_is_in(&local, &local_net, 1));
	assert_false(peer_net_parse("10.0.0.0/33", &out));
	assert_false(peer_net_parse("10.0.0.0/", &out));
	assert_false(peer_net_parse("example.org", &out));
}

static void addresses_with_ports(void **state)
{
	struct peer peer;
	char text[PEER_TEXT];

	(void)state;
	assert_true(peer_parse("192.0.2.7:4711", 14, &peer));
	peer_print(&peer, text);
	assert_string_equal(text, "192.0.2.7");
	assert_true(peer_parse("[2001:db8::1]:443", 17, &peer));
	peer_print(&peer, text);
	assert_string_equal(text, "2001:db8::1");
	assert_false(peer_parse("unknown", 7, &peer));
	assert_false(peer_parse("[::1", 4, &peer));
	assert_true(peer_parse("127.9.9.9", 9, &peer) && peer_is_loopback(&peer));
	assert_true(peer_parse("::1", 3, &peer) && peer_is_loopback(&peer));
	assert_true(peer_parse("128.0.0.1", 9, &peer) && !peer_is_loopback(&peer));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_path_is_decoded_and_normalised_once),
	        cmocka_unit_test(a_path_that_climbs_out_or_hides_something_is_refused),
	        cmocka_unit_test(a_parameter_is_text),
	        cmocka_unit_test(tokens_and_texts),
	        cmocka_unit_test(networks_of_proxies),
	        cmocka_unit_test(addresses_with_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
