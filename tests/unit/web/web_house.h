/* web_house.h: the room with a store, people, workers, a server that keeps what it is told to send,
 * and an owner of routes. */
#ifndef TESTS_WEB_HOUSE_H
#define TESTS_WEB_HOUSE_H

#include "../store/bench_state.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/signal.h"
#include "plugin/crossing.h"
#include "plugin/generation.h"
#include "web/web.h"

enum { WAIT_S = 20, REPLIES = 64, HEADERS = 2048 };

/* What the server was told to send for one request. */
struct sent {
	uint64_t id;
	int32_t status;
	uint32_t flags;
	char type[64], headers[HEADERS], body[8192];
	size_t file_n;
	bool ended;
};

static struct house {
	struct bench b;
	struct people *people;
	struct limits *limits;
	struct workers *workers;
	struct web *web;
	struct plugin_instance *list[4];
	struct registry registry;
	struct generation generation;
	struct plugin_instance server, owner;
	struct plugin_library server_library, owner_library;
	struct askd_plugin server_plugin, owner_plugin;
	const struct askd_web_service *service;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct sent sent[REPLIES];
	size_t count;
	uint64_t next_id;
	char key[64]; /* of alice */
	uint64_t alice;
} h = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* ---- the server ---- */

/* With the lock. */
static inline struct sent *sent_of(uint64_t id)
{
	for (size_t i = 0; i < h.count; i++)
		if (h.sent[i].id == id)
			return &h.sent[i];
	return NULL;
}

static void (*on_answer)(void); /* NULL, or called when an answer reaches the server */

ASKD_DEFINE(server_begin, askd_web_response, askd_nothing)
{
	struct sent *sent;

	if (on_answer)
		on_answer();
	pthread_mutex_lock(&h.lock);
	assert_true(h.count < REPLIES);
	assert_null(sent_of(in->id));
	sent = &h.sent[h.count++];
	*sent = (struct sent){.id = in->id, .status = in->status, .flags = in->flags};
	snprintf(sent->type, sizeof sent->type, "%s", in->type.s ? in->type.s : "");
	for (size_t i = 0; in->headers && in->headers[i]; i++)
		snprintf(sent->headers + strlen(sent->headers), HEADERS - strlen(sent->headers),
		        "%s: %s\n", in->headers[i]->name.s, in->headers[i]->value.s);
	snprintf(sent->body, sizeof sent->body, "%.*s", (int)in->body.n, (const char *)in->body.p);
	sent->file_n = in->file ? (size_t)in->file->length : 0;
	sent->ended = !(in->flags & ASKD_WEB_STREAM);
	pthread_cond_broadcast(&h.changed);
	pthread_mutex_unlock(&h.lock);
	return ASKD_OK;
}

ASKD_DEFINE(server_write, askd_web_data, askd_nothing)
{
	struct sent *sent;

	pthread_mutex_lock(&h.lock);
	sent = sent_of(in->id);
	assert_non_null(sent);
	assert_false(sent->ended);
	snprintf(sent->body + strlen(sent->body), sizeof sent->body - strlen(sent->body), "%.*s",
	        (int)in->data.n, (const char *)in->data.p);
	sent->ended = (in->flags & ASKD_WEB_END) != 0;
	pthread_cond_broadcast(&h.changed);
	pthread_mutex_unlock(&h.lock);
	return ASKD_OK;
}

ASKD_MAKE(
        static const struct askd_web_server, server, .begin = server_begin, .write = server_write);
ASKD_MAKE(static const struct askd_extension, server_extension, .id = "askd.web_server/1",
        .table = &server);
static const struct askd_extension *const server_extensions[] = {&server_extension, NULL};

/* ---- the room ---- */

static inline void instance_make(struct plugin_instance *instance, struct plugin_library *library,
        struct askd_plugin *plugin, const char *name,
        const struct askd_extension *const *extensions)
{
	static const struct config_instance config;

	*plugin = (struct askd_plugin){
	        .name = name, .flags = ASKD_CONCURRENT, .extensions = extensions};
	*library = (struct plugin_library){.plugin = plugin};
	*instance = (struct plugin_instance){.library = library,
	        .config = &config,
	        .references = 1,
	        .host = {.size = sizeof instance->host, .instance = name},
	        .self = &h};
}

static inline int32_t house_open(struct askd_error *err)
{
	const struct web_rooms rooms = {h.b.config, &h.registry, h.people, h.limits, h.workers};
	int32_t rc;
	bool enters;

	registry_reset_services();
	web_offer();
	h.service = service_find("askd.web/1", &enters);
	rc = site_open(&h.generation.site, &rooms, NULL, err);
	if (!rc)
		rc = web_open(&h.web, &rooms, err);
	if (rc)
		return rc;
	h.generation.config = h.b.config;
	h.generation.registry = &h.registry;
	generation_set(&h.generation);
	web_ready(h.web, true);
	return rc;
}

static inline void house_start(
        const char *yaml, const struct askd_extension *const *owner_extensions)
{
	struct people_key key;
	struct person person;

	bench_start(&h.b, yaml);
	bench_open(&h.b);
	h.count = 0;
	h.web = NULL;
	assert_int_equal(people_open(&h.people, h.b.store, h.b.config, &h.b.err), 0);
	h.limits = limits_create();
	h.workers = workers_create(8, 100);
	instance_make(
	        &h.server, &h.server_library, &h.server_plugin, "transport/web", server_extensions);
	instance_make(&h.owner, &h.owner_library, &h.owner_plugin, "skill/owner", owner_extensions);
	h.list[0] = &h.server;
	h.list[1] = &h.owner;
	h.registry = (struct registry){.config = h.b.config, .instances = h.list};
	h.generation = (struct generation){.config = NULL};
	assert_int_equal(people_identify(h.people, "local", ASKD_LITERAL("alice"), "alice", &person,
	                         &h.b.err),
	        0);
	h.alice = person.id;
	assert_int_equal(
	        people_key_create(h.people, NULL, person.id, "ci", "", h.key, &key, &h.b.err), 0);
}

static inline void house_stop(void)
{
	web_stop(h.web, 1000);
	workers_drain(h.workers, 10000);
	workers_destroy(h.workers);
	web_close(h.web);
	generation_set(NULL);
	assert_false(generation_is_held(&h.generation));
	site_close(h.generation.site);
	limits_destroy(h.limits);
	people_close(h.people);
	bench_stop(&h.b);
}

/* ---- a request ---- */

struct asked {
	struct askd_web_request in;
	struct askd_header headers[8], params[4];
	const struct askd_header *header_list[9], *param_list[5];
	size_t header_count, param_count;
	char key[96];
};

static inline void asked_header(struct asked *a, const char *name, const char *value)
{
	a->headers[a->header_count] = (struct askd_header){.size = sizeof *a->headers,
	        .name = askd_text_of(name),
	        .value = askd_text_of(value)};
	a->header_list[a->header_count] = &a->headers[a->header_count];
	a->header_list[++a->header_count] = NULL;
	a->in.headers = a->header_list;
}

static inline void asked_param(struct asked *a, const char *name, const char *value)
{
	a->params[a->param_count] = (struct askd_header){.size = sizeof *a->params,
	        .name = askd_text_of(name),
	        .value = askd_text_of(value)};
	a->param_list[a->param_count] = &a->params[a->param_count];
	a->param_list[++a->param_count] = NULL;
	a->in.params = a->param_list;
}

static inline void asked_key(struct asked *a, const char *key)
{
	snprintf(a->key, sizeof a->key, "Bearer %s", key);
	asked_header(a, "authorization", a->key);
}

static inline void ask_of(struct asked *a, const char *method, const char *path)
{
	*a = (struct asked){.in = {.size = sizeof a->in,
	                            .id = ++h.next_id,
	                            .method = askd_text_of(method),
	                            .path = askd_text_of(path),
	                            .remote = ASKD_LITERAL("192.0.2.7")}};
}

static inline struct sent waited(uint64_t id, bool to_the_end)
{
	struct timespec until;
	struct sent *sent, copy;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_S;
	pthread_mutex_lock(&h.lock);
	while (!(sent = sent_of(id)) || (to_the_end && !sent->ended))
		if (pthread_cond_timedwait(&h.changed, &h.lock, &until))
			break;
	if (!sent || (to_the_end && !sent->ended)) {
		pthread_mutex_unlock(&h.lock);
		fail_msg("no reply to request %llu", (unsigned long long)id);
	}
	copy = *sent;
	pthread_mutex_unlock(&h.lock);
	return copy;
}

/* A call of the server's, as its own threads make them. */
struct server_call {
	struct cancel cancel;
	struct call_scope scope;
	struct plugin_call call;
};

static inline void server_call_begin(struct server_call *c, struct plugin_instance *who)
{
	cancel_init(&c->cancel);
	c->scope = (struct call_scope){.id = 1, .cancel = &c->cancel};
	plugin_call_init(&c->call, &c->scope, 10000);
	c->call.owner = who;
}

static inline void server_call_end(struct server_call *c)
{
	plugin_call_finish(&c->call);
	cancel_finish(&c->cancel);
}

/* head, and what it answers where it refuses. */
static inline struct sent headed(struct asked *a)
{
	struct server_call c;
	struct askd_web_verdict verdict = {.size = sizeof verdict};
	struct sent sent = {.id = a->in.id};

	server_call_begin(&c, &h.server);
	assert_int_equal(
	        h.service->head(&h.server.host, &c.call.base, &a->in, &verdict, &h.b.err), ASKD_OK);
	sent.status = verdict.status;
	for (size_t i = 0; verdict.headers && verdict.headers[i]; i++)
		snprintf(sent.headers + strlen(sent.headers), HEADERS - strlen(sent.headers),
		        "%s: %s\n", verdict.headers[i]->name.s, verdict.headers[i]->value.s);
	snprintf(sent.body, sizeof sent.body, "%.*s", (int)verdict.body.n,
	        (const char *)verdict.body.p);
	server_call_end(&c);
	return sent;
}

static inline int32_t dispatched(struct asked *a)
{
	struct server_call c;
	int32_t rc;

	server_call_begin(&c, &h.server);
	rc = h.service->dispatch(&h.server.host, &c.call.base, &a->in, NULL, &h.b.err);
	server_call_end(&c);
	return rc;
}

static inline void left(uint64_t id)
{
	struct server_call c;
	struct askd_web_data data = {.size = sizeof data, .id = id};

	server_call_begin(&c, &h.server);
	assert_int_equal(h.service->gone(&h.server.host, &c.call.base, &data, NULL, NULL), ASKD_OK);
	server_call_end(&c);
}

/* As the server does it: head, then dispatch, then the reply. */
static inline struct sent answered(struct asked *a)
{
	struct sent sent = headed(a);

	if (sent.status)
		return sent;
	if (dispatched(a))
		fail_msg("%s", h.b.err.message);
	return waited(a->in.id, true);
}

#endif
