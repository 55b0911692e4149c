/* web_auth.c: whose request it is. Keys that were right lately are known without the store; wrong
 * ones cost the address that guesses. */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/signal.h"
#include "web/web_private.h"

enum { KEY_TEXT = 5 + 43, CACHE = 4096, HOST_MAX = 255 };

static const int64_t fresh_us = INT64_C(30) * 1000000;

struct known_key {
	unsigned char hash[CRYPTO_HASH];
	int64_t until_us;    /* monotonic; 0: empty */
	uint64_t generation; /* that it was read in; worthless in any later one */
	struct identity who;
};

struct auth {
	struct people *people;
	struct limits *limits;
	pthread_mutex_t lock;    /* all below */
	struct known_key *cache; /* by hash; a second one replaces the first */
};

/* Counts what may have made a cached key wrong. */
static uint64_t changes;

static void on_change(void *arg, const void *data)
{
	(void)arg, (void)data;
	__atomic_add_fetch(&changes, 1, __ATOMIC_ACQ_REL);
}

struct auth *auth_create(const struct web_rooms *rooms)
{
	static bool subscribed;
	struct auth *auth = calloc(1, sizeof *auth);

	if (auth)
		auth->cache = calloc(CACHE, sizeof *auth->cache);
	if (!auth || !auth->cache) {
		free(auth);
		return NULL;
	}
	auth->people = rooms->people;
	auth->limits = rooms->limits;
	pthread_mutex_init(&auth->lock, NULL);
	if (!subscribed) {
		signal_subscribe(SIGNAL_KEY_REVOKED, on_change, NULL);
		signal_subscribe(SIGNAL_PERSON_CHANGED, on_change, NULL);
	}
	subscribed = true;
	return auth;
}

void auth_destroy(struct auth *auth)
{
	if (!auth)
		return;
	pthread_mutex_destroy(&auth->lock);
	free(auth->cache);
	free(auth);
}

/* ---- the cache ------------------------------------------------------------------------------- */

static struct known_key *place_of(struct auth *auth, const unsigned char hash[CRYPTO_HASH])
{
	size_t at;

	memcpy(&at, hash, sizeof at);
	return &auth->cache[at % CACHE];
}

static bool cache_find(struct auth *auth, const unsigned char hash[CRYPTO_HASH],
        struct identity *who, uint64_t *generation)
{
	struct known_key *place = place_of(auth, hash);
	int64_t now_us = clock_monotonic_us();
	bool found;

	*generation = __atomic_load_n(&changes, __ATOMIC_ACQUIRE);
	pthread_mutex_lock(&auth->lock);
	found = place->until_us > now_us && place->generation == *generation &&
	        crypto_equal(place->hash, hash, CRYPTO_HASH);
	if (found)
		*who = place->who;
	pthread_mutex_unlock(&auth->lock);
	return found;
}

/* `generation`: when the look-up began; a change meanwhile makes it worthless. */
static void cache_put(struct auth *auth, const unsigned char hash[CRYPTO_HASH],
        const struct identity *who, uint64_t generation)
{
	struct known_key *place = place_of(auth, hash);

	pthread_mutex_lock(&auth->lock);
	if (__atomic_load_n(&changes, __ATOMIC_ACQUIRE) == generation) {
		memcpy(place->hash, hash, CRYPTO_HASH);
		place->generation = generation;
		place->who = *who;
		place->until_us = clock_monotonic_us() + fresh_us;
	}
	pthread_mutex_unlock(&auth->lock);
}

/* ---- this machine ---------------------------------------------------------------------------- */

/* "localhost", "127.0.0.1:8080", "[::1]:8080". */
static bool is_loopback_host(struct askd_text host)
{
	char name[HOST_MAX + 1];
	struct in_addr four;
	size_t n = (size_t)host.n;
	const char *colon;

	if (!host.s || !n || n > HOST_MAX)
		return false;
	colon = strchr(host.s[0] == '[' && n >= 5 ? host.s + 5 : host.s, ':');
	if (colon && strspn(colon + 1, "0123456789") != strlen(colon + 1))
		return false;
	n = colon ? (size_t)(colon - host.s) : n;
	if (n == 5 && !strncmp(host.s, "[::1]", 5))
		return true;
	memcpy(name, host.s, n);
	name[n] = 0;
	if (!strcasecmp(name, "localhost"))
		return true;
	return inet_pton(AF_INET, name, &four) == 1 && ntohl(four.s_addr) >> 24 == 127;
}

bool auth_is_local(const struct askd_web_request *in)
{
	struct askd_text host = web_header(in, "host"), origin = web_header(in, "origin");
	struct askd_text site = web_header(in, "sec-fetch-site");
	size_t skip;

	if (!(in->flags & ASKD_WEB_LOOPBACK))
		return false;
	/* A page that a browser of this machine shows may come from anywhere: it must speak to a
	 * name of this machine (not one that a stranger's name server points here), and must be
	 * ours. */
	if (!is_loopback_host(host) || web_header(in, "forwarded").s ||
	        web_header(in, "x-forwarded-for").s)
		return false;
	if (site.s && !text_is(site, "same-origin") && !text_is(site, "none"))
		return false;
	if (!origin.s)
		return true;
	skip = !strncmp(origin.s, "http://", 7) ? 7 : !strncmp(origin.s, "https://", 8) ? 8 : 0;
	return skip && origin.n - skip == host.n &&
	       !strncasecmp(origin.s + skip, host.s, (size_t)host.n);
}

uint64_t auth_address(struct limits *limits, struct askd_text remote)
{
	struct in6_addr six;

	if (remote.s && strchr(remote.s, ':') && inet_pton(AF_INET6, remote.s, &six) == 1)
		return limits_subject(limits, (const char *)six.s6_addr, 8);
	return limits_subject(limits, remote.s ? remote.s : "", (size_t)remote.n);
}

/* ---- who ------------------------------------------------------------------------------------- */

/* The key in the header; NULL: there is none that could be one. *given: a header is there. */
static const char *key_of(const struct askd_web_request *in, bool *given)
{
	const char *key = NULL;
	size_t count = 0;

	for (size_t i = 0; in->headers && in->headers[i]; i++) {
		struct askd_text value = in->headers[i]->value;
		size_t at = 7;

		if (!text_is(in->headers[i]->name, "authorization"))
			continue;
		count++;
		if (value.n < 7 || strncasecmp(value.s, "Bearer ", 7) != 0)
			continue;
		while (at < value.n && value.s[at] == ' ')
			at++;
		if (value.n - at != KEY_TEXT || strncmp(value.s + at, "askd_", 5) != 0)
			continue;
		key = value.s + at;
	}
	*given = count > 0;
	return count == 1 ? key : NULL;
}

/* A guess is paid for before it is looked at, and paid back when it was right. */
static bool guess_begin(struct auth *auth, const struct site *site,
        const struct askd_web_request *in, uint64_t *subject, int64_t *retry_us)
{
	*subject = auth_address(auth->limits, in->remote);
	return !site->login_limit || limits_take(auth->limits, site->login_limit, *subject,
	                                     clock_monotonic_us(), retry_us) == LIMITS_PASS;
}

/* The store does not say who asks. In the log once a minute: every request would say the same. */
static enum auth_verdict failed(const char *what, const struct askd_error *error)
{
	static int64_t again_us; /* atomic */
	int64_t now_us = clock_monotonic_us(), at_us = __atomic_load_n(&again_us, __ATOMIC_RELAXED);

	if (now_us >= at_us &&
	        __atomic_compare_exchange_n(&again_us, &at_us, now_us + INT64_C(60) * 1000000,
	                false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		log_warning("web", 0, "%s: %s", what, error->message);
	return AUTH_FAILED;
}

static enum auth_verdict verify(struct auth *auth, const struct site *site,
        const struct askd_web_request *in, const char *text, const unsigned char hash[CRYPTO_HASH],
        struct identity *who, uint64_t generation, int64_t *retry_us)
{
	struct askd_error error = {0};
	struct people_key key;
	struct person person;
	uint64_t subject;
	int32_t rc;

	if (!guess_begin(auth, site, in, &subject, retry_us))
		return AUTH_SLOW;
	rc = people_key_verify(auth->people, text, &key, &person, &error);
	if (!rc)
		rc = people_find(auth->people, key.person, &person, &error);
	if (rc == ASKD_E_AUTH)
		return AUTH_WRONG;
	if (site->login_limit)
		limits_return(auth->limits, site->login_limit, subject);
	if (rc)
		return failed("a key cannot be looked up", &error);
	*who = (struct identity){.key = key.id,
	        .person = key.person,
	        .organisation = key.organisation,
	        .known = true,
	        .admin = person.admin};
	snprintf(who->name, sizeof who->name, "key/%s:%llu", key.name, (unsigned long long)key.id);
	cache_put(auth, hash, who, generation);
	return AUTH_KNOWN;
}

static enum auth_verdict anonymous(struct auth *auth, const struct site *site,
        const struct askd_web_request *in, bool wait, struct identity *who)
{
	struct askd_error error = {0};
	struct person person;

	if (site->config->anonymous != CONFIG_ANONYMOUS_LOOPBACK || !auth_is_local(in))
		return AUTH_NOBODY;
	if (!wait)
		return AUTH_LATER;
	if (people_identify(auth->people, "anonymous", ASKD_LITERAL("loopback"), "anonymous",
	            &person, &error))
		return failed("nobody can be anonymous", &error);
	*who = (struct identity){.person = person.id,
	        .organisation = person.organisation,
	        .known = true,
	        .local = true,
	        .name = "anonymous:loopback"};
	return AUTH_KNOWN;
}

enum auth_verdict auth_identify(struct auth *auth, const struct site *site,
        const struct askd_web_request *in, bool wait, struct identity *who, int64_t *retry_us)
{
	unsigned char hash[CRYPTO_HASH];
	uint64_t generation, subject;
	bool given;
	const char *key = key_of(in, &given);

	*who = (struct identity){0};
	*retry_us = 0;
	if (!given)
		return anonymous(auth, site, in, wait, who);
	if (!key)
		return guess_begin(auth, site, in, &subject, retry_us) ? AUTH_WRONG : AUTH_SLOW;
	if (!crypto_sha256(key, KEY_TEXT, hash))
		return AUTH_WRONG;
	if (cache_find(auth, hash, who, &generation))
		return AUTH_KNOWN;
	return wait ? verify(auth, site, in, key, hash, who, generation, retry_us) : AUTH_LATER;
}

/* ---- what they may --------------------------------------------------------------------------- */

bool auth_knows(const char *permission)
{
	return !strcmp(permission, "ask") || !strcmp(permission, "operator");
}

bool auth_may(const struct identity *who, const struct askd_web_request *in, const char *permission)
{
	if (!permission)
		return true;
	if (!strcmp(permission, "operator"))
		return who->admin || (!who->key && auth_is_local(in));
	return who->known && !strcmp(permission, "ask");
}
