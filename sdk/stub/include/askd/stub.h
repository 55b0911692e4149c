/*
 * askd/stub.h: a host for the unit tests of plugins. Link askd::stub and the plugin's own sources:
 *
 *     extern const struct askd_plugin askd_plugin_v1;
 *     static const char *const options[] = {"url", "http://localhost/", NULL};
 *
 *     struct askd_stub *stub = askd_stub_create(&askd_plugin_v1);
 *     askd_stub_http(stub, 200, "{\"ok\": true}");
 *     askd_stub_open(stub, options, &err);
 *     askd_stub_call(stub, struct askd_mailer_iface, send, &mail, &outgone, &err);
 *     askd_stub_destroy(stub);
 *
 * Not thread-safe. Functions that return a pointer return NULL only without memory.
 */
#ifndef ASKD_STUB_H
#define ASKD_STUB_H

#include <askd/extensions.h>
#include <askd/http.h>
#include <askd/mailer.h>

#ifdef __cplusplus
extern "C" {
#endif

struct askd_stub;

/* `plugin` lives as long as the stub. */
struct askd_stub *askd_stub_create(const struct askd_plugin *plugin);
/* Closes the instance if it is open, and frees all. NULL is fine. */
void askd_stub_destroy(struct askd_stub *stub);

/* Fills an instance from the plugin's option table and opens it. options: name, value, name, value,
 * NULL, values as YAML would have them; lists and maps as JSON (["a", "b"], {"a": "b"}). CONFIG
 * when a value does not fit. The services must have been set before. */
int32_t askd_stub_open(
        struct askd_stub *stub, const char *const *options, struct askd_error *reterr);
void askd_stub_close(struct askd_stub *stub);
void *askd_stub_self(const struct askd_stub *stub);
const void *askd_stub_iface(const struct askd_stub *stub);
const void *askd_stub_extension(const struct askd_stub *stub, const char *id);

/* A new call of `ms` milliseconds; what the last one returned is freed. */
struct askd_call *askd_stub_begin(struct askd_stub *stub, uint32_t ms);
/* From now on all calls are canceled (1) or not (0). */
void askd_stub_cancel(struct askd_stub *stub, uint32_t canceled);
/* The clock that the plugin sees stands still at this time; 0: the real one. */
void askd_stub_clock(struct askd_stub *stub, int64_t now_us);
/* Lines that the plugin has logged, each with its end; never NULL. */
const char *askd_stub_log(const struct askd_stub *stub);

/* Calls a function of the kind with the instance as self, in a new call of 10 seconds. Make `out`
 * with ASKD_MAKE. */
#define askd_stub_call(stub, iface_type, function, in, out, reterr)                          \
	(((const iface_type *)askd_stub_iface(stub))                                         \
	                ->function(askd_stub_self(stub), askd_stub_begin(stub, 10000), (in), \
	                        (out), (reterr)))

/* ---- services ---------------------------------------------------------------------------------
 */

/* A table of one's own for a service; `user` is what askd_stub_user(host) answers inside it. */
int32_t askd_stub_service(struct askd_stub *stub, const char *id, const void *table, void *user);
void *askd_stub_user(const struct askd_host *host, const char *id);

/* askd.http/1, scripted: the next request gets this reply. status < 0: it fails with that ASKD_E_*.
 * Without a scripted reply a request fails with IO. */
int32_t askd_stub_http(struct askd_stub *stub, int32_t status, const char *body);
/* askd.llm/1, scripted in the same way; code: ASKD_OK or ASKD_E_*. */
int32_t askd_stub_llm(struct askd_stub *stub, int32_t code, const char *text);
/* What the plugin sent, one line a request: "POST URL BODY" for askd.http/1, "STAGE QUESTION" for
 * askd.llm/1, "reply TEXT", "progress TEXT", "post TEXT" for askd.turn/1. Never NULL. */
const char *askd_stub_sent(const struct askd_stub *stub);

#ifdef __cplusplus
}
#endif
#endif
