/* test_ping.c: an author's unit test against the installed stub. */
#include <askd/stub.h>

extern const struct askd_plugin askd_plugin_v1;

int main(void)
{
	struct askd_stub *stub = askd_stub_create(&askd_plugin_v1);
	struct askd_error err;
	ASKD_MAKE(struct askd_turn, turn, .kind = ASKD_EVENT_TEXT);
	ASKD_MAKE(struct askd_outcome, outcome, .status = 0);
	int failed = !stub || askd_stub_open(stub, NULL, &err) ||
	             askd_stub_call(stub, struct askd_skill_iface, handle, &turn, &outcome, &err) ||
	             strcmp(askd_stub_sent(stub), "reply pong\n") != 0;
	askd_stub_destroy(stub);
	return failed;
}
