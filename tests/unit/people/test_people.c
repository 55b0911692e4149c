/* test_people.c: identities, keys and rights. */
#include "../store/bench_state.h"

#include "people/people.h"

static struct bench b;
static struct people *people;

static int setup(void **state)
{
	(void)state;
	bench_start(&b, "security: {admins: [\"telegram:123\"]}\n");
	bench_open(&b);
	assert_int_equal(people_open(&people, b.store, b.config, &b.err), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	people_close(people);
	bench_stop(&b);
	return 0;
}

static struct person who(const char *issuer, const char *subject)
{
	struct person person;

	if (people_identify(people, issuer, askd_text_of(subject), subject, &person, &b.err))
		fail_msg("%s", b.err.message);
	return person;
}

static void identity_stays_the_same_person(void **state)
{
	struct person first = who("telegram:bot", "123"), again = who("telegram:bot", "123"),
	              other = who("local", "123");

	(void)state;
	assert_int_equal(first.id, again.id);
	assert_true(first.admin);
	assert_int_not_equal(first.id, other.id);
	assert_false(other.admin);
	assert_int_equal(
	        people_identify(people, "local", ASKD_LITERAL("nobody"), NULL, &other, &b.err),
	        ASKD_E_NOT_FOUND);
}

static void revoked_and_unknown_keys_look_alike(void **state)
{
	struct person owner = who("local", "alice"), person;
	struct people_key key;
	struct askd_error unknown, revoked;
	char text[64];

	(void)state;
	assert_int_equal(
	        people_key_create(people, NULL, owner.id, "ci", "", text, &key, &b.err), 0);
	assert_int_equal(strlen(text), 48);
	assert_int_equal(people_key_verify(people, text, &key, &person, &b.err), 0);
	assert_int_equal(person.id, owner.id);
	assert_int_equal(people_key_create(people, NULL, owner.id, "ci", "", text, &key, &b.err),
	        ASKD_E_CONFLICT);
	assert_int_equal(people_key_revoke(people, NULL, "ic", &b.err), ASKD_E_NOT_FOUND);
	assert_int_equal(people_key_revoke(people, NULL, "ci", &b.err), 0);
	assert_int_equal(people_key_verify(people, text, &key, &person, &revoked), ASKD_E_AUTH);
	assert_int_equal(people_key_verify(people, "x", &key, &person, &unknown), ASKD_E_AUTH);
	assert_string_equal(unknown.message, revoked.message);
	assert_int_equal(bench_int(&b, STORE_MANAGER,
	                         "SELECT count(*) FROM audit WHERE action LIKE 'key.%'"),
	        2);
}

static void rights_follow_the_access_list(void **state)
{
	static const char *const everyone[] = {"everyone", NULL}, *const ci[] = {"key:ci", NULL},
	                         *const alice[] = {"org:Acme", "person:alice", NULL};
	struct person owner = who("local", "alice"), liar;
	struct people_key key;
	struct call_scope scope = {0};
	char text[64];

	(void)state;
	assert_int_equal(
	        people_identify(people, "telegram:bot", ASKD_LITERAL("9"), "alice", &liar, &b.err),
	        0);
	scope.person = liar.id;
	assert_true(people_may_use(people, &scope, "d", everyone));
	assert_false(people_may_use(people, &scope, "d", alice));
	assert_false(people_may_use(people, &scope, "d", NULL));
	scope.person = owner.id;
	assert_true(people_may_use(people, &scope, "d", alice));
	scope.local = 1;
	assert_true(people_may_use(people, &scope, "d", NULL));
	scope.local = 0;
	assert_int_equal(
	        people_key_create(people, NULL, owner.id, "ci", "d e", text, &key, &b.err), 0);
	scope.key = key.id;
	assert_true(people_may_use(people, &scope, "e", ci));
	assert_false(people_may_use(people, &scope, "f", everyone));
	assert_false(people_may_use(people, &scope, "d", NULL));
	assert_int_equal(people_key_revoke(people, NULL, "ci", &b.err), 0);
	assert_false(people_may_use(people, &scope, "d", everyone));
}

static void key_command_speaks_plainly(void **state)
{
	struct person owner = who("local", "alice");
	struct call_scope scope = {.person = owner.id, .identity = "local:alice"};
	char words[4][8] = {"create", "ci", "list", "revok"};
	char *created[] = {words[0], words[1]}, *listed[] = {words[2]},
	     *revoked[] = {words[3], words[1]};
	char *text = NULL, *wrong = NULL;
	size_t n, m;
	FILE *out = open_memstream(&text, &n), *err = open_memstream(&wrong, &m);

	(void)state;
	assert_int_equal(people_key_command(people, &scope, 2, created, out, err), 0);
	assert_int_equal(people_key_command(people, &scope, 1, listed, out, err), 0);
	assert_int_equal(people_key_command(people, &scope, 2, revoked, out, err), 1);
	fclose(out);
	fclose(err);
	assert_non_null(strstr(text, "askd_"));
	assert_null(strstr(strstr(text, "askd_") + 48, "askd_"));
	assert_non_null(strstr(wrong, "did you mean 'revoke'"));
	free(text);
	free(wrong);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {TEST(identity_stays_the_same_person),
	        TEST(revoked_and_unknown_keys_look_alike), TEST(rights_follow_the_access_list),
	        TEST(key_command_speaks_plainly)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
