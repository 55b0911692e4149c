/* metrics.c: series in shards by name; crossings of the contract in fixed atomic counters. */
#include "run/metrics.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "plugin/registry.h"

enum {
	METRICS_SHARDS = 16,
	METRICS_BUCKETS = 128, /* of the hash of a shard */
	METRICS_SERIES = 10000,
	METRICS_BOUNDS = 17
};

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

static const int64_t bounds_us[METRICS_BOUNDS] = {500, 1000, 2500, 5000, 10000, 25000, 50000,
        100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, 30000000, 60000000, 120000000};

struct family {
	struct family *next;
	enum metric_type type;
	char name[];
};

struct series {
	struct series *next;
	const struct family *family;
	int64_t value;                      /* counter, gauge; histogram: sum in microseconds */
	int64_t counts[METRICS_BOUNDS + 1]; /* histogram only; not cumulative */
	char label[];                       /* "" none */
};

struct shard {
	pthread_mutex_t lock;
	struct family *families;
	struct series *buckets[METRICS_BUCKETS];
};

static struct shard shards[METRICS_SHARDS] = {
        [0 ... METRICS_SHARDS - 1] = {.lock = PTHREAD_MUTEX_INITIALIZER}};
static uint64_t series_count, series_dropped;

/* One crossing touches these only. */
static struct {
	uint64_t calls, us;
	uint64_t errors[-ASKD_E_LAST + 1];
} crossings[CONTRACT_FUNCTION_COUNT];

static uint64_t hash_add(uint64_t h, const char *s)
{
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
	return h;
}

static struct family *family_get(struct shard *shard, const char *name, enum metric_type type)
{
	struct family *f;
	size_t n;

	for (f = shard->families; f; f = f->next)
		if (!strcmp(f->name, name))
			return f;
	n = strlen(name) + 1;
	f = malloc(sizeof *f + n);
	if (!f)
		return NULL;
	memcpy(f->name, name, n);
	f->type = type;
	f->next = shard->families;
	shard->families = f;
	return f;
}

static struct series **bucket_of(struct shard *shard, uint64_t h, const char *label)
{
	h = hash_add(h, label);
	return &shard->buckets[(h ^ h >> 32) / METRICS_SHARDS % METRICS_BUCKETS];
}

/* The series, with its shard locked; NULL (unlocked): no room, or the name has another type. */
static struct series *series_lock(
        const char *name, const char *label, enum metric_type type, struct shard **where)
{
	uint64_t h = hash_add(UINT64_C(0xcbf29ce484222325), name);
	struct shard *shard = &shards[(h ^ h >> 32) % METRICS_SHARDS];
	struct series **bucket, *s = NULL;
	struct family *f;
	size_t n;

	if (!label)
		label = "";
	bucket = bucket_of(shard, h, label);
	pthread_mutex_lock(&shard->lock);
	for (s = *bucket; s; s = s->next)
		if (!strcmp(s->label, label) && !strcmp(s->family->name, name))
			break;
	if (!s && __atomic_load_n(&series_count, __ATOMIC_RELAXED) < METRICS_SERIES) {
		n = strlen(label) + 1;
		f = family_get(shard, name, type);
		s = f ? calloc(1, sizeof *s + n) : NULL;
		if (s) {
			s->family = f;
			memcpy(s->label, label, n);
			s->next = *bucket;
			*bucket = s;
			__atomic_add_fetch(&series_count, 1, __ATOMIC_RELAXED);
		}
	}
	if (!s || s->family->type != type) {
		pthread_mutex_unlock(&shard->lock);
		__atomic_add_fetch(&series_dropped, 1, __ATOMIC_RELAXED);
		return NULL;
	}
	*where = shard;
	return s;
}

void metrics_add(const char *name, const char *label, int64_t value)
{
	struct shard *shard;
	struct series *s = series_lock(name, label, METRIC_COUNTER, &shard);

	if (!s)
		return;
	if (value > 0 && __builtin_add_overflow(s->value, value, &s->value))
		s->value = 0; /* to a scraper a counter that begins again */
	pthread_mutex_unlock(&shard->lock);
}

void metrics_remove(const char *name, const char *label)
{
	uint64_t h = hash_add(UINT64_C(0xcbf29ce484222325), name);
	struct shard *shard = &shards[(h ^ h >> 32) % METRICS_SHARDS];
	struct series **at, *s;

	pthread_mutex_lock(&shard->lock);
	for (at = bucket_of(shard, h, label ? label : ""); (s = *at); at = &s->next)
		if (!strcmp(s->label, label ? label : "") && !strcmp(s->family->name, name)) {
			*at = s->next;
			free(s);
			__atomic_sub_fetch(&series_count, 1, __ATOMIC_RELAXED);
			break;
		}
	pthread_mutex_unlock(&shard->lock);
}

void metrics_set(const char *name, const char *label, int64_t value)
{
	struct shard *shard;
	struct series *s = series_lock(name, label, METRIC_GAUGE, &shard);

	if (!s)
		return;
	s->value = value;
	pthread_mutex_unlock(&shard->lock);
}

void metrics_observe_us(const char *name, const char *label, int64_t us)
{
	struct shard *shard;
	struct series *s = series_lock(name, label, METRIC_HISTOGRAM, &shard);
	size_t i = 0;

	if (!s)
		return;
	if (us < 0)
		us = 0;
	while (i < METRICS_BOUNDS && us > bounds_us[i])
		i++;
	s->counts[i]++;
	if (__builtin_add_overflow(s->value, us, &s->value))
		s->value = 0;
	pthread_mutex_unlock(&shard->lock);
}

/* Microseconds as seconds, without trailing zeros. */
static void add_seconds(struct buffer *b, int64_t us)
{
	char text[32];
	size_t n = (size_t)snprintf(
	        text, sizeof text, "%" PRId64 ".%06" PRId64, us / 1000000, us % 1000000);

	while (text[n - 1] == '0')
		n--;
	if (text[n - 1] == '.')
		n--;
	buffer_add(b, text, n);
}

static void print_series(struct buffer *b, const struct series *s)
{
	const char *name = s->family->name, *comma = s->label[0] ? "," : "";
	const char *open = s->label[0] ? "{" : "", *close = s->label[0] ? "}" : "";
	int64_t sum = 0;

	if (s->family->type != METRIC_HISTOGRAM) {
		buffer_print(b, "%s%s%s%s %" PRId64 "\n", name, open, s->label, close, s->value);
		return;
	}
	for (size_t i = 0; i < METRICS_BOUNDS; i++) {
		sum += s->counts[i];
		buffer_print(b, "%s_bucket{%s%sle=\"", name, s->label, comma);
		add_seconds(b, bounds_us[i]);
		buffer_print(b, "\"} %" PRId64 "\n", sum);
	}
	sum += s->counts[METRICS_BOUNDS];
	buffer_print(b, "%s_bucket{%s%sle=\"+Inf\"} %" PRId64 "\n", name, s->label, comma, sum);
	buffer_print(b, "%s_sum%s%s%s ", name, open, s->label, close);
	add_seconds(b, s->value);
	buffer_print(b, "\n%s_count%s%s%s %" PRId64 "\n", name, open, s->label, close, sum);
}

static int compare_series(const void *a, const void *b)
{
	const struct series *x = *(const struct series *const *)a;
	const struct series *y = *(const struct series *const *)b;
	int order = strcmp(x->family->name, y->family->name);

	return order ? order : strcmp(x->label, y->label);
}

static void print_shard(struct buffer *b, struct shard *shard)
{
	static const char *const types[] = {"counter", "gauge", "histogram"};
	const struct series **list;
	size_t n = 0;

	pthread_mutex_lock(&shard->lock);
	for (size_t i = 0; i < METRICS_BUCKETS; i++)
		for (const struct series *s = shard->buckets[i]; s; s = s->next)
			n++;
	list = n ? malloc(n * sizeof *list) : NULL;
	if (list) {
		n = 0;
		for (size_t i = 0; i < METRICS_BUCKETS; i++)
			for (const struct series *s = shard->buckets[i]; s; s = s->next)
				list[n++] = s;
		qsort(list, n, sizeof *list, compare_series);
		for (size_t i = 0; i < n; i++) {
			if (!i || list[i]->family != list[i - 1]->family)
				buffer_print(b, "# TYPE %s %s\n", list[i]->family->name,
				        types[list[i]->family->type]);
			print_series(b, list[i]);
		}
	} else if (n) {
		b->failed = true;
	}
	pthread_mutex_unlock(&shard->lock);
	free(list);
}

/* "database_iface" is the kind database. */
static int kind_length(const char *table)
{
	const char *end = strstr(table, "_iface");

	return (int)(end ? (size_t)(end - table) : strlen(table));
}

static void print_crossings(struct buffer *b)
{
	static const char *const help[] = {"# TYPE askd_crossings_total counter\n",
	        "# TYPE askd_crossing_seconds_total counter\n",
	        "# TYPE askd_crossing_errors_total counter\n"};

	for (int part = 0; part < 3; part++) {
		buffer_add_string(b, help[part]);
		for (size_t i = 0; i < CONTRACT_FUNCTION_COUNT; i++) {
			const struct contract_function_info *f = &contract_functions[i];
			uint64_t calls = __atomic_load_n(&crossings[i].calls, __ATOMIC_RELAXED);
			uint64_t us = __atomic_load_n(&crossings[i].us, __ATOMIC_RELAXED);
			int n;

			if (!calls)
				continue;
			n = kind_length(f->table);
			if (part == 0)
				buffer_print(b,
				        "askd_crossings_total{kind=\"%.*s\",function=\"%s\"} "
				        "%" PRIu64 "\n",
				        n, f->table, f->name, calls);
			if (part == 1) {
				buffer_print(b,
				        "askd_crossing_seconds_total{kind=\"%.*s\",function=\"%s\"}"
				        " ",
				        n, f->table, f->name);
				add_seconds(b, (int64_t)us);
				buffer_add(b, "\n", 1);
			}
			for (int32_t code = 1; part == 2 && code <= -ASKD_E_LAST; code++) {
				uint64_t errors = __atomic_load_n(
				        &crossings[i].errors[code], __ATOMIC_RELAXED);

				if (errors)
					buffer_print(b,
					        "askd_crossing_errors_total{kind=\"%.*s\",function="
					        "\"%s\",class=\"%s\"} %" PRIu64 "\n",
					        n, f->table, f->name, error_name(-code), errors);
			}
		}
	}
}

void metrics_print(struct buffer *b)
{
	for (size_t i = 0; i < METRICS_SHARDS; i++)
		print_shard(b, &shards[i]);
	print_crossings(b);
	buffer_print(b,
	        "# TYPE askd_metrics_dropped_total counter\n"
	        "askd_metrics_dropped_total %" PRIu64 "\n",
	        __atomic_load_n(&series_dropped, __ATOMIC_RELAXED));
}

/* ---- crossings --------------------------------------------------------------------------------
 */

static void count_crossing(void *arg, enum contract_function function, const char *instance,
        struct plugin_call *call, const void *in, const void *out, int32_t rc,
        const struct askd_error *err, int64_t elapsed_us)
{
	(void)arg;
	(void)instance;
	(void)call;
	(void)in;
	(void)out;
	(void)err;
	if ((size_t)function >= CONTRACT_FUNCTION_COUNT)
		return;
	__atomic_add_fetch(&crossings[function].calls, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&crossings[function].us, elapsed_us > 0 ? (uint64_t)elapsed_us : 0,
	        __ATOMIC_RELAXED);
	if (rc < 0 && rc >= ASKD_E_LAST)
		__atomic_add_fetch(&crossings[function].errors[-rc], 1, __ATOMIC_RELAXED);
}

static struct plugin_observer observer = {.after = count_crossing};

/* ---- askd.metrics/1 ---------------------------------------------------------------------------
 */

static void add_word(struct buffer *b, const char *s)
{
	for (; *s; s++) {
		bool word = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
		            (*s >= '0' && *s <= '9');

		buffer_add(b, word ? s : "_", 1);
	}
}

/* The full name and label of a plugin's metric. */
static int32_t metric_names(const struct askd_host *host, const struct askd_metric *in,
        struct buffer *name, struct buffer *label, struct askd_error *reterr)
{
	const struct plugin_instance *instance;

	if (!host || !in || !in->name.s || !in->name.n || in->name.n > 64)
		return askd_fail(
		        reterr, ASKD_E_INVALID, "a metric needs a name of at most 64 letters");
	for (size_t i = 0; i < in->name.n; i++) {
		char c = in->name.s[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		            c == '_'))
			return askd_fail(reterr, ASKD_E_INVALID,
			        "the name of a metric has letters, digits and '_' only");
	}
	if (in->label.s && in->label.n > 128)
		return askd_fail(
		        reterr, ASKD_E_INVALID, "the label of a metric has at most 128 bytes");
	instance = (const struct plugin_instance *)(const void *)((const char *)host -
	                                                          offsetof(struct plugin_instance,
	                                                                  host));
	buffer_add_string(name, "askd_");
	add_word(name, instance->config->kind);
	buffer_add_string(name, "_");
	add_word(name, instance->config->plugin);
	buffer_add_string(name, "_");
	buffer_add_text(name, in->name);
	buffer_add_string(label, in->label.s ? "of=\"" : "");
	for (size_t i = 0; in->label.s && i < in->label.n; i++) {
		if (in->label.s[i] == '\n') {
			buffer_add_string(label, "\\n");
			continue;
		}
		if (in->label.s[i] == '"' || in->label.s[i] == '\\')
			buffer_add(label, "\\", 1);
		buffer_add(label, in->label.s + i, 1);
	}
	buffer_add_string(label, in->label.s ? "\"" : "");
	return name->failed || label->failed
	               ? askd_fail(reterr, ASKD_E_NOMEM, "no memory for a metric")
	               : ASKD_OK;
}

static int32_t record(const struct askd_host *host, const struct askd_metric *in,
        void (*to)(const char *, const char *, int64_t), struct askd_error *reterr)
{
	struct buffer name, label;
	int32_t rc;

	buffer_init(&name, 256);
	buffer_init(&label, 512);
	rc = metric_names(host, in, &name, &label, reterr);
	if (!rc)
		to(name.s, label.n ? label.s : NULL, in->value);
	buffer_finish(&name);
	buffer_finish(&label);
	return rc;
}

static int32_t service_add(const struct askd_host *host, struct askd_call *call,
        const struct askd_metric *in, struct askd_nothing *out, struct askd_error *reterr)
{
	(void)call;
	(void)out;
	return record(host, in, metrics_add, reterr);
}

static int32_t service_observe(const struct askd_host *host, struct askd_call *call,
        const struct askd_metric *in, struct askd_nothing *out, struct askd_error *reterr)
{
	(void)call;
	(void)out;
	return record(host, in, metrics_observe_us, reterr);
}

static const struct askd_metrics_service service = {
        .size = sizeof service,
        .add = service_add,
        .observe = service_observe,
};

int32_t metrics_start(struct askd_error *reterr)
{
	static bool observing;

	(void)reterr;
	if (!observing) {
		plugin_observe(&observer);
		observing = true;
	}
	registry_offer_service("askd.metrics/1", &service, false);
	return ASKD_OK;
}

void metrics_stop(void)
{
	for (size_t i = 0; i < METRICS_SHARDS; i++) {
		struct shard *shard = &shards[i];

		pthread_mutex_lock(&shard->lock);
		for (size_t j = 0; j < METRICS_BUCKETS; j++)
			while (shard->buckets[j]) {
				struct series *next = shard->buckets[j]->next;

				free(shard->buckets[j]);
				shard->buckets[j] = next;
			}
		while (shard->families) {
			struct family *next = shard->families->next;

			free(shard->families);
			shard->families = next;
		}
		pthread_mutex_unlock(&shard->lock);
	}
	__atomic_store_n(&series_count, 0, __ATOMIC_RELAXED);
	memset(crossings, 0, sizeof crossings);
}
