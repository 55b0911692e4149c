/* doctor_reach.c: every configured instance: does its plugin load and take its options; and what it
 * talks to: does it answer, with which certificate, at which time. A request that is made costs
 * nothing. */
#include <curl/curl.h>
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "config/interpolate.h"
#include "daemon.h"
#include "doctor.h"
#include "query/query.h"
#include "run/http.h"
#include "run/listen.h"
#include "run/metrics.h"

enum {
	DAY_S = 86400,
	CERTIFICATE_WARN_DAYS = 14,
	CLOCK_WARN_S = 30,
	CLOCK_FAIL_S = 300,
	INSTANCES = 256
};

static struct plugin_instance *opened[INSTANCES];
static size_t opened_count;
static bool offered;

/* ---- an address on the network ---- */

struct endpoint {
	const char *url, *name; /* what is asked for; how it may be told: without a password */
	const char *key;        /* of the model server; NULL: none */
	time_t date;            /* of its clock, when it answered; 0: it did not say */
	int64_t asked_s;        /* by ours then */
	char why[CURL_ERROR_SIZE];
};

static size_t swallow(char *p, size_t size, size_t n, void *arg)
{
	(void)p, (void)arg;
	return size * n;
}

static size_t take_header(char *p, size_t size, size_t n, void *arg)
{
	struct endpoint *e = arg;
	char line[80];

	if (size * n > 6 && size * n < sizeof line && !strncasecmp(p, "date:", 5)) {
		snprintf(line, sizeof line, "%.*s", (int)(size * n - 5), p + 5);
		e->date = curl_getdate(line, NULL);
		e->asked_s = clock_now_us() / 1000000;
	}
	return size * n;
}

static void say_failure(struct check *check, const struct endpoint *e, CURLcode code)
{
	const char *remedy = "see whether it runs, and what stands between it and this machine";
	const char *why = e->why[0] ? e->why : curl_easy_strerror(code);

	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		remedy = "check the name, and the name server in /etc/resolv.conf";
		break;
	case CURLE_COULDNT_RESOLVE_PROXY:
		remedy = "check https_proxy, http_proxy and all_proxy in the environment";
		break;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		remedy = "if it is your own server, give the file of its authority: "
		         "SSL_CERT_FILE=/path/authority.pem; else somebody stands between";
		break;
	case CURLE_SSL_CONNECT_ERROR:
		remedy = "does the server speak TLS on this port? http:// where it does not";
		break;
	default:
		break;
	}
	check_say(check, DOCTOR_FAILED, remedy, "%s: %s", e->name, why);
}

static void say_certificate(struct check *check, const struct endpoint *e, CURL *easy)
{
	struct curl_certinfo *chain = NULL;
	time_t ends = 0;
	long long days;
	char day[32];
	struct tm tm;

	if (curl_easy_getinfo(easy, CURLINFO_CERTINFO, &chain) || !chain || chain->num_of_certs < 1)
		return;
	for (struct curl_slist *l = chain->certinfo[0]; l; l = l->next)
		if (!strncmp(l->data, "Expire date:", 12))
			ends = curl_getdate(l->data + 12, NULL);
	if (ends <= 0)
		return;
	gmtime_r(&ends, &tm);
	strftime(day, sizeof day, "%Y-%m-%d", &tm);
	days = ((long long)ends - clock_now_us() / 1000000) / DAY_S;
	check_say(check, days < CERTIFICATE_WARN_DAYS ? DOCTOR_WARNING : DOCTOR_OK,
	        "whoever runs that server must renew it before",
	        "%s: its certificate is valid until %s, %lld days", e->name, day, days);
}

static void say_clock(struct check *check, const struct endpoint *e)
{
	int64_t off_s = e->asked_s - (int64_t)e->date;

	if (e->date <= 0)
		return;
	if (off_s > -CLOCK_WARN_S && off_s < CLOCK_WARN_S)
		return;
	check_say(check,
	        off_s > -CLOCK_FAIL_S && off_s < CLOCK_FAIL_S ? DOCTOR_WARNING : DOCTOR_FAILED,
	        "set this machine's clock, and let it be kept right: timedatectl set-ntp true",
	        "the clock of this machine is %lld s %s that of %s",
	        (long long)(off_s < 0 ? -off_s : off_s), off_s < 0 ? "behind" : "before", e->name);
}

static void say_answer(struct check *check, const struct endpoint *e, CURL *easy)
{
	long status = 0;
	curl_off_t us = 0;

	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(easy, CURLINFO_TOTAL_TIME_T, &us);
	if (e->key && (status == 401 || status == 403))
		check_say(check, DOCTOR_FAILED,
		        "put a valid key where the configuration takes it from",
		        "%s answers, but refuses the key (HTTP %ld)", e->name, status);
	else if (status == 407)
		check_say(check, DOCTOR_FAILED, "put user and password into the proxy's URL",
		        "%s: the proxy wants a password (HTTP 407)", e->name);
	else
		check_say(check, status >= 500 ? DOCTOR_WARNING : DOCTOR_OK,
		        "try again later, or ask whoever runs it",
		        "%s answers in %lld ms (HTTP %ld)", e->name, (long long)us / 1000, status);
}

static void look_at_endpoint(struct check *check, void *arg)
{
	const char *authorities = getenv("SSL_CERT_FILE");
	struct endpoint *e = arg;
	struct curl_slist *headers = NULL;
	CURL *easy = curl_easy_init();
	char line[4200];
	bool ok = easy;
	CURLcode code;

#define SET(option, value) (ok = ok && curl_easy_setopt(easy, option, value) == CURLE_OK)
	if (e->key &&
	        snprintf(line, sizeof line, "Authorization: Bearer %s", e->key) < (int)sizeof line)
		ok = (headers = curl_slist_append(NULL, line));
	explicit_bzero(line, sizeof line);
	SET(CURLOPT_URL, e->url);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_QUICK_EXIT, 1L);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_CERTINFO, 1L);
	SET(CURLOPT_TIMEOUT_MS, (long)check_left_ms(check));
	SET(CURLOPT_ERRORBUFFER, e->why);
	SET(CURLOPT_WRITEFUNCTION, swallow);
	SET(CURLOPT_HEADERFUNCTION, take_header);
	SET(CURLOPT_HEADERDATA, e);
	SET(CURLOPT_HTTPHEADER, headers);
	SET(CURLOPT_USERAGENT, "askd");
	/* As for models: what goes to this machine never takes a proxy. */
	SET(CURLOPT_NOPROXY, "localhost,127.0.0.1,::1");
	if (authorities && *authorities)
		SET(CURLOPT_CAINFO, authorities);
#undef SET
	if (!ok) {
		check_say(check, DOCTOR_FAILED, NULL, "%s: no memory to ask it", e->name);
	} else if ((code = curl_easy_perform(easy)) != CURLE_OK) {
		say_failure(check, e, code);
	} else {
		say_answer(check, e, easy);
		say_certificate(check, e, easy);
		say_clock(check, e);
	}
	curl_slist_free_all(headers);
	curl_easy_cleanup(easy);
}

/* "https://host:port" of a URL: no user, password, path or question. */
static const char *name_of_url(struct arena *a, const char *url)
{
	const char *host = strstr(url, "://") + 3, *end = host + strcspn(host, "/?#"), *at = NULL;

	for (const char *p = host; p < end; p++)
		if (*p == '@')
			at = p;
	return arena_print(a, "%.*s%.*s", (int)(host - url), url, (int)(end - (at ? at + 1 : host)),
	        at ? at + 1 : host);
}

static bool is_url(const struct yaml_node *n)
{
	return n->kind == YAML_SCALAR && n->text &&
	       (!strncmp(n->text, "http://", 7) || !strncmp(n->text, "https://", 8));
}

/* A server of models in the common form: the list of its models costs nothing, and asks for the key
 * as a question does. */
static void add_endpoint(struct doctor *doctor, const struct config_instance *i,
        const struct yaml_node *n, const char *subject)
{
	struct endpoint *e = arena_zalloc(&doctor->arena, sizeof *e);
	const struct yaml_node *key = yaml_find(i->node, "api_key");
	bool model = !strcmp(i->kind, "llm") && text_is(n->key, "base_url");

	if (!e)
		return;
	e->name = name_of_url(&doctor->arena, n->text);
	e->url = n->text;
	if (model) {
		size_t length = strlen(n->text);

		e->url = arena_print(&doctor->arena, "%s%smodels", n->text,
		        n->text[length - 1] == '/' ? "" : "/");
		e->key = key && key->kind == YAML_SCALAR && *key->text ? key->text : NULL;
	}
	if (e->name && e->url)
		doctor_check(doctor, subject, look_at_endpoint, e);
}

/* ---- a database ---- */

static void look_at_database(struct check *check, void *arg)
{
	struct plugin_instance *instance = arg;
	struct cancel cancel;
	struct call_scope scope = {.id = id_make(), .cancel = &cancel};
	struct askd_error error = {0};
	int64_t begun_us = clock_monotonic_us();
	int32_t rc;

	cancel_init(&cancel);
	rc = query_try(instance, &scope, check_left_ms(check), &error);
	cancel_finish(&cancel);
	if (rc)
		check_say(check, DOCTOR_FAILED,
		        rc == ASKD_E_AUTH
		                ? "check user and password in the configuration"
		                : "check its options in the configuration, and whether it "
		                  "can be reached from here by this user",
		        "%s", error.message);
	else
		check_say(check, DOCTOR_OK, NULL, "answers SELECT 1 in %lld ms",
		        (long long)(clock_monotonic_us() - begun_us) / 1000);
}

static void look_at_health(struct check *check, void *arg)
{
	struct plugin_instance *instance = arg;
	struct cancel cancel;
	struct call_scope scope = {.id = id_make(), .cancel = &cancel};
	struct askd_health_report report = {.size = sizeof report};
	struct askd_error error = {0};
	struct plugin_call call;
	int32_t rc;

	cancel_init(&cancel);
	plugin_call_init(&call, &scope, check_left_ms(check));
	rc = enter_health_report(instance, plugin_instance_extension(instance, "askd.health/1"),
	        NULL, &call, NULL, &report, &error);
	if (rc)
		check_say(check, DOCTOR_FAILED, NULL, "%s", error.message);
	else
		check_say(check,
		        report.status == ASKD_HEALTH_OK         ? DOCTOR_OK
		        : report.status == ASKD_HEALTH_DEGRADED ? DOCTOR_WARNING
		                                                : DOCTOR_FAILED,
		        NULL, "%s%s%.*s",
		        report.status == ASKD_HEALTH_OK         ? "says that it is well"
		        : report.status == ASKD_HEALTH_DEGRADED ? "says that it is degraded"
		                                                : "says that it is down",
		        report.reason.s ? ": " : "", report.reason.s ? (int)report.reason.n : 0,
		        report.reason.s ? report.reason.s : "");
	plugin_call_finish(&call);
	cancel_finish(&cancel);
}

/* ---- a certificate of ours ---- */

static void look_at_own_certificate(
        struct doctor *doctor, const struct config_instance *i, const char *subject)
{
	const struct yaml_node *n = yaml_find(i->node, "tls_certificate");
	struct check *check;
	const char *path;
	FILE *file;
	X509 *certificate;
	int days = 0, seconds = 0;

	if (!n || n->kind != YAML_SCALAR || !*n->text ||
	        !(check = doctor_check(doctor, subject, NULL, NULL)) ||
	        !(path = file_relative(&doctor->arena, n->place.file, n->text)))
		return;
	file = fopen(path, "re");
	certificate = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
	if (!file)
		check_say(check, DOCTOR_FAILED, "give it to the user that runs askd", "%s: %s",
		        path, strerror(errno));
	else if (!certificate ||
	         !ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)))
		check_say(check, DOCTOR_FAILED, "expected is a certificate in PEM",
		        "%s cannot be understood", path);
	else
		check_say(check,
		        days < 0 || seconds < 0        ? DOCTOR_FAILED
		        : days < CERTIFICATE_WARN_DAYS ? DOCTOR_WARNING
		                                       : DOCTOR_OK,
		        "renew it, then: askd reload",
		        days < 0 || seconds < 0 ? "%s ended %d days ago"
		                                : "%s is valid for %d more days",
		        path, days < 0 ? -days : days);
	X509_free(certificate);
	if (file)
		fclose(file);
}

/* ---- all ---- */

static struct plugin_instance *open_instance(
        struct doctor *doctor, const struct config_instance *i, const char *subject)
{
	struct check *check = doctor_check(doctor, subject, NULL, NULL);
	struct askd_error error = {0};
	struct plugin_instance *instance =
	        opened_count < INSTANCES ? registry_open_one(i, doctor->config->plugin_path, &error)
	                                 : NULL;

	if (instance)
		opened[opened_count++] = instance;
	if (!check)
		return instance;
	if (instance)
		check_say(check, DOCTOR_OK, NULL, "is loaded and takes its options (plugin: %s)",
		        i->plugin);
	else
		check_say(check, i->optional ? DOCTOR_WARNING : DOCTOR_FAILED,
		        "correct its options: askd plugin list, askd plugin info KIND/NAME", "%s",
		        error.message);
	return instance;
}

/* What no instance can see by itself: stages, prompts, commands that two skills want. */
static void look_at_whole(struct doctor *doctor)
{
	struct check *check = doctor_check(doctor, "askd check", NULL, NULL);
	struct askd_error error = {0};

	if (!check)
		return;
	if (daemon_would_open(doctor->config, &error))
		check_say(check, DOCTOR_FAILED, "correct it: askd run would not start", "%s",
		        error.message);
	else
		check_say(check, DOCTOR_OK, NULL, "fine");
}

void doctor_instances(struct doctor *doctor)
{
	struct askd_error error = {0};

	curl_global_init(CURL_GLOBAL_DEFAULT);
	if (daemon_offer(&error)) {
		struct check *check = doctor_check(doctor, "plugins", NULL, NULL);

		if (check)
			check_say(check, DOCTOR_FAILED, NULL, "%s", error.message);
		return;
	}
	offered = true;
	for (const struct config_instance *i = doctor->config->instances; i; i = i->next) {
		struct plugin_instance *instance;
		char subject[80];

		if (!i->plugin)
			continue;
		snprintf(subject, sizeof subject, "%s/%.60s", i->kind, i->name);
		instance = open_instance(doctor, i, subject);
		if (instance && !strcmp(i->kind, "database"))
			doctor_check(doctor, subject, look_at_database, instance);
		if (instance && plugin_instance_extension(instance, "askd.health/1"))
			doctor_check(doctor, subject, look_at_health, instance);
		for (const struct yaml_node *n = i->node ? i->node->first : NULL; n; n = n->next) {
			if (is_url(n))
				add_endpoint(doctor, i, n, subject);
			for (const struct yaml_node *item = n->first; item; item = item->next)
				if (n->kind == YAML_LIST && is_url(item))
					add_endpoint(doctor, i, item, subject);
		}
		look_at_own_certificate(doctor, i, subject);
	}
	if (!doctor->faulty)
		look_at_whole(doctor);
}

void doctor_instances_end(struct doctor *doctor)
{
	(void)doctor;
	while (opened_count)
		registry_close_one(opened[--opened_count]);
	if (offered) {
		http_stop();
		listen_stop();
		metrics_stop();
	}
	curl_global_cleanup();
}
