/* web_private.h: what the files of this room share about routes and requests. */
#ifndef WEB_WEB_PRIVATE_H
#define WEB_WEB_PRIVATE_H

#include "plugin/generation.h"
#include "web/web.h"

enum {
	WEB_PARTS = 16,  /* of a route's path */
	WEB_HASH = 1024, /* buckets of the requests */
	WEB_TIME_MS = 6 * 60 * 1000,
	WEB_RETRY_S = 2 /* told when the workers are full */
};

#define WEB_RETRY_TEXT "2" /* WEB_RETRY_S, in a text */

/* ---- routes (route.c) ---- */

struct route_part {
	const char *s; /* the literal, or the name */
	size_t n;
	bool named;
};

/* One route of a plugin's or of the host's own. */
struct route {
	uint32_t flags;
	const char *method, *path, *permission, *summary, *request_schema, *reply_schema;
	uint64_t max_body;
	const struct askd_route *table; /* the plugin's; NULL: the host's own */
	struct plugin_instance *instance;
	struct web_route own;
	struct route_part parts[WEB_PARTS];
	size_t count;
	bool rest; /* ends with "*" */
	/* Of its metrics: of all requests, and of those that were answered with 200. */
	const char *label, *label_good;
};

struct route_match {
	const struct route *route; /* NULL: none for this method */
	char allow[64];            /* methods of this path, "GET, HEAD"; "": no such path */
};

/* The routes of all owners, the most particular first, in the arena. */
int32_t routes_collect(struct arena *a, const struct web_rooms *rooms, struct route **routes,
        size_t *count, struct askd_error *reterr);
void routes_match(const struct route *routes, size_t count, struct askd_text method,
        struct askd_text path, struct route_match *match);
/* The path's {names} before the query's parameters; a name of the path hides the query's. NULL: the
 * arena is full. */
const struct askd_header *const *route_params(
        struct arena *a, const struct route *route, const struct askd_web_request *in);

/* ---- the document (openapi.c) ---- */

/* JSON in the arena; absent: no memory. */
struct askd_text openapi_make(struct arena *a, const struct route *routes, size_t count);

/* ---- who asks (web_auth.c) ---- */

struct identity {
	uint64_t key, person, organisation; /* 0: none */
	bool known, admin, local;
	char name[160]; /* for audit, logs, sessions */
};

enum auth_verdict {
	AUTH_KNOWN,  /* *who is filled */
	AUTH_NOBODY, /* no credential was given, and none is taken for granted */
	AUTH_LATER,  /* only the store can say: ask again with `wait` */
	AUTH_WRONG,  /* a credential that is none */
	AUTH_SLOW,   /* too many wrong ones from that address */
	AUTH_FAILED  /* the store could not be asked */
};

struct auth;
struct site;
struct auth *auth_create(const struct web_rooms *rooms);
void auth_destroy(struct auth *auth);
/* With `wait` on a worker only. *retry_us: of AUTH_SLOW. */
enum auth_verdict auth_identify(struct auth *auth, const struct site *site,
        const struct askd_web_request *in, bool wait, struct identity *who, int64_t *retry_us);
/* May this one use a route with that permission? "ask": whoever is known; "operator": an admin, and
 * whoever sits at this machine. */
bool auth_may(
        const struct identity *who, const struct askd_web_request *in, const char *permission);
/* Does the host know that permission? */
bool auth_knows(const char *permission);
/* From this machine, for a name of this machine, and from no foreign page in a browser. */
bool auth_is_local(const struct askd_web_request *in);
/* A subject for limits out of an address; of IPv6 its network. */
uint64_t auth_address(struct limits *limits, struct askd_text remote);

/* ---- replies (web_reply.c) ---- */

/* The value of the first header of that name (lower case); absent: none. */
struct askd_text web_header(const struct askd_web_request *in, const char *name);
/* A name and a value for the list of a response; false: full. */
struct reply_headers {
	const struct askd_header *list[24];
	size_t count;
};
bool reply_header(
        struct reply_headers *headers, struct arena *a, const char *name, const char *value);
/* Names and values that may go out; CONTENT-LENGTH and the like are the server's. */
bool reply_is_sound(const struct askd_web_response *response, struct askd_error *reterr);
/* The language that the client asks for, in the arena; "en" when it says none. */
const char *reply_language(struct arena *a, const struct askd_web_request *in);
/* web_error in the language of the request. */
void reply_error(struct plugin_call *call, const struct askd_web_request *in,
        struct askd_web_response *out, int32_t status, int64_t retry_after_s);
/* The error that a handler's code stands for. */
void reply_failure(struct plugin_call *call, const struct askd_web_request *in,
        struct askd_web_response *out, const struct askd_error *error);

/* ---- static files (web_files.c) ---- */

struct files;
/* Reads the folder; NULL root: none. NULL and *reterr: it cannot be read. */
struct files *files_open(const char *root, struct workers *workers, struct askd_error *reterr);
/* The same once more, when it is that folder; else NULL. [main] */
struct files *files_share(struct files *files, const char *root);
void files_close(struct files *files); /* the last one waits for a look at the folder that runs */
/* Around the making and the sending of an answer: what it points to stays. [any] */
void files_hold(struct files *files);
void files_drop(struct files *files);
/* [any] Answers from memory, between hold and drop. */
int32_t files_answer(struct files *files, struct plugin_call *call,
        const struct askd_web_request *in, struct askd_web_response *out,
        struct askd_error *reterr);

/* ---- the host's own routes (status.c) ---- */

void status_add_routes(void);

/* ---- requests (web.c) ---- */

/* Of one generation. */
struct site {
	const struct config *config;
	struct arena arena;
	struct route *routes;
	size_t count;
	struct files *files; /* NULL: no web_root */
	struct askd_text openapi;
	const struct config_limit *key_limit, *login_limit; /* NULL: none */
};

struct web {
	struct web_rooms rooms;
	struct auth *auth;
	bool ready, stopping; /* atomic */
	pthread_mutex_t lock; /* all below */
	pthread_cond_t changed;
	struct request *requests[WEB_HASH];
	size_t running;
};

/* The open one; NULL: none. */
struct web *web_serving(void);
/* The site of the call's generation, which is held until then; NULL: none is open. */
const struct site *site_enter(const struct plugin_call *call, struct generation **generation);

#endif
