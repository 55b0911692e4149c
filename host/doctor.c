/* doctor.c: `askd doctor`: looks at everything that askd stands on, and says what to do. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "doctor.h"
#include "verbs.h"
#include "web/local.h"

enum {
	FINDINGS = 24,
	LIMIT_MS = 10 * 1000,
	GRACE_US = 500 * 1000,
	STACK = 1 << 20,
	STATUS_MAX = 1 << 20
};

struct finding {
	enum doctor_level level;
	char found[448], remedy[256];
};

struct check {
	char subject[80];
	int64_t until_us;
	void (*run)(struct check *check, void *arg);
	void *arg;
	pthread_t thread;
	bool threaded;
	struct check *next;
	/* Under the lock. */
	bool done, given_up;
	size_t count;
	struct finding findings[FINDINGS];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;

/* ---- checks ---- */

void check_say(
        struct check *check, enum doctor_level level, const char *remedy, const char *format, ...)
{
	struct finding *finding;
	va_list ap;

	pthread_mutex_lock(&lock);
	if (check->count < FINDINGS && !check->given_up) {
		finding = &check->findings[check->count++];
		finding->level = level;
		va_start(ap, format);
		vsnprintf(finding->found, sizeof finding->found, format, ap);
		va_end(ap);
		snprintf(finding->remedy, sizeof finding->remedy, "%s", remedy ? remedy : "");
	}
	pthread_mutex_unlock(&lock);
}

int64_t check_left_ms(const struct check *check)
{
	int64_t left_ms = (check->until_us - clock_monotonic_us()) / 1000;

	return left_ms > 0 ? left_ms : 1;
}

static void *run_check(void *arg)
{
	struct check *check = arg;

	check->run(check, check->arg);
	pthread_mutex_lock(&lock);
	check->done = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	return NULL;
}

struct check *doctor_check(struct doctor *doctor, const char *subject,
        void (*run)(struct check *check, void *arg), void *arg)
{
	struct check *check = calloc(1, sizeof *check);
	pthread_attr_t attr;
	int e = 0;

	if (!check)
		return NULL;
	snprintf(check->subject, sizeof check->subject, "%s", subject);
	check->until_us = clock_monotonic_us() + doctor->limit_ms * 1000;
	check->run = run;
	check->arg = arg;
	check->threaded = run != NULL;
	check->done = !run;
	*doctor->last = check;
	doctor->last = &check->next;
	if (run) {
		pthread_attr_init(&attr);
		pthread_attr_setstacksize(&attr, STACK);
		e = pthread_create(&check->thread, &attr, run_check, check);
		pthread_attr_destroy(&attr);
	}
	if (e) {
		check->threaded = false;
		check->done = true;
		check_say(check, DOCTOR_FAILED, NULL, "no thread: %s", strerror(e));
	}
	return check;
}

/* Waits for all that runs. false: something does not end, and is left behind. */
static bool gather(struct doctor *doctor)
{
	bool all = true;

	for (struct check *check = doctor->first; check; check = check->next) {
		/* Who keeps to the deadline says more than "no answer". */
		const int64_t until_us = check->until_us + GRACE_US;
		const struct timespec until = {until_us / 1000000, until_us % 1000000 * 1000};
		int e = 0;

		pthread_mutex_lock(&lock);
		while (!check->done && !e)
			e = pthread_cond_timedwait(&changed, &lock, &until);
		if (!check->done && !check->given_up) {
			if (check->count < FINDINGS) {
				struct finding *finding = &check->findings[check->count++];

				finding->level = DOCTOR_FAILED;
				snprintf(finding->found, sizeof finding->found,
				        "no answer within %lld s",
				        (long long)(doctor->limit_ms + 999) / 1000);
				snprintf(finding->remedy, sizeof finding->remedy,
				        "see whether it runs, and what stands between it and this "
				        "machine");
			}
			check->given_up = true;
		}
		all = all && check->done;
		pthread_mutex_unlock(&lock);
		if (check->done && check->threaded) {
			pthread_join(check->thread, NULL);
			check->threaded = false;
		}
	}
	return all;
}

/* ---- the daemon ---- */

struct asking {
	struct doctor *doctor;
	int fd;
};

/* What the daemon says about itself. Local, but it may hang. */
static void ask_daemon(struct check *check, void *arg)
{
	char *const words[] = {(char *)"", (char *)"/", (char *)"status", (char *)"--json", NULL};
	struct asking *asking = arg;
	const struct config *config = asking->doctor->config;
	const int fds[3] = {-1, asking->fd, -1};
	struct askd_error error = {0};
	int status = 1;
	int32_t rc =
	        local_client_run_on(config->state_dir, 4, (char **)words, fds, &status, &error);

	if (rc == ASKD_E_NOT_FOUND)
		check_say(check, DOCTOR_OK, NULL, "askd is not running");
	else if (!rc && status == STATUS_NOT_RUNNING)
		check_say(check, DOCTOR_OK, NULL,
		        "askd is not running; a command holds the state at the moment");
	else if (rc || status)
		check_say(check, DOCTOR_FAILED, "restart it, and keep its log",
		        "askd runs but does not say how it is: %.300s",
		        rc ? error.message : "it refused to");
}

static void take_status(struct doctor *doctor, struct check *check, int fd)
{
	char *text = calloc(1, STATUS_MAX);
	ssize_t n = text ? pread(fd, text, STATUS_MAX - 1, 0) : -1;

	if (n > 0)
		doctor->status = json_read((struct askd_text){text, (size_t)n}, NULL);
	free(text);
	if (doctor->status && !json_is_true(json_object_get(doctor->status, "running"))) {
		json_decref(doctor->status);
		doctor->status = NULL;
	}
	if (doctor->status)
		check_say(check, DOCTOR_OK, NULL, "askd %s runs as process %lld",
		        json_get_string(doctor->status, "version"),
		        (long long)json_get_int(doctor->status, "pid", 0));
}

static bool look_at_daemon(struct doctor *doctor)
{
	struct asking *asking = arena_zalloc(&doctor->arena, sizeof *asking);
	struct check *check;
	bool ended;

	if (!asking)
		return true;
	*asking = (struct asking){doctor, memfd_create("status", MFD_CLOEXEC)};
	check = doctor_check(doctor, "daemon", ask_daemon, asking);
	ended = gather(doctor);
	if (check && ended)
		take_status(doctor, check, asking->fd);
	if (ended && asking->fd >= 0)
		close(asking->fd);
	return ended;
}

/* ---- telling ---- */

static const char *const words[] = {"ok", "warning", "failed"};

static void print_text(const struct doctor *doctor)
{
	size_t counts[3] = {0};

	for (const struct check *check = doctor->first; check; check = check->next)
		for (size_t i = 0; i < check->count; i++) {
			const struct finding *finding = &check->findings[i];

			counts[finding->level]++;
			printf("%-8s %s: %s\n", words[finding->level], check->subject,
			        finding->found);
			if (finding->level != DOCTOR_OK && finding->remedy[0])
				printf("         -> %s\n", finding->remedy);
		}
	printf("%zu ok, %zu warnings, %zu failed\n", counts[DOCTOR_OK], counts[DOCTOR_WARNING],
	        counts[DOCTOR_FAILED]);
}

static bool print_json(const struct doctor *doctor, bool ok)
{
	json_t *list = json_array(), *object;
	struct buffer b;
	bool done;

	for (const struct check *check = doctor->first; check; check = check->next)
		for (size_t i = 0; i < check->count; i++) {
			const struct finding *finding = &check->findings[i];
			size_t n = strlen(finding->found);

			object = json_pack("{s:s,s:s,s:s%,s:s?}", "subject", check->subject,
			        "status", words[finding->level], "found", finding->found,
			        text_cut(finding->found, n, n), "remedy",
			        finding->remedy[0] ? finding->remedy : NULL);
			if (json_array_append_new(list, object))
				break;
		}
	object = json_pack("{s:b,s:o}", "ok", ok, "checks", list);
	buffer_init(&b, 0);
	json_add(&b, object);
	done = !b.failed && puts(b.s) >= 0;
	buffer_finish(&b);
	json_decref(object);
	return done;
}

static bool is_fine(const struct doctor *doctor)
{
	for (const struct check *check = doctor->first; check; check = check->next)
		for (size_t i = 0; i < check->count; i++)
			if (check->findings[i].level == DOCTOR_FAILED)
				return false;
	return true;
}

/* ---- all of it ---- */

static struct config *look_at_config(
        struct doctor *doctor, const char *path, struct askd_error *error)
{
	struct config *config = config_read(path, error);
	struct check *check = doctor_check(doctor, "configuration", NULL, NULL);
	size_t count = 0;

	doctor->faulty = !config;
	if (!config)
		config = config_read_faulty(path);
	doctor->config = config;
	if (!check)
		return config;
	if (doctor->faulty) {
		check_say(check, DOCTOR_FAILED,
		        "mend that; all below is about what could be read of it", "%s",
		        error->message);
		return config;
	}
	for (const struct config_instance *i = config->instances; i; i = i->next)
		count++;
	if (config->path)
		check_say(check, DOCTOR_OK, NULL, "%s: can be read, %zu instances", config->path,
		        count);
	else
		check_say(check, DOCTOR_WARNING, "make one: askd init",
		        "there is none, askd works on its defaults");
	return config;
}

static int32_t read_words(const struct arguments *args, struct doctor *doctor, bool *json)
{
	static const char *const options[] = {"--json", "--timeout", NULL};

	for (int i = 1; i < args->count; i++) {
		const char *word = args->words[i];

		if (!strcmp(word, "--json")) {
			*json = true;
		} else if (!strcmp(word, "--timeout")) {
			if (!arguments_timeout(args, &i, &doctor->limit_ms))
				return ASKD_E_INVALID;
		} else {
			arguments_unexpected(args, word, options);
			return ASKD_E_INVALID;
		}
	}
	return ASKD_OK;
}

int command_doctor(const struct arguments *args)
{
	struct doctor doctor = {.limit_ms = LIMIT_MS, .last = &doctor.first};
	struct askd_error error = {0};
	pthread_condattr_t attr;
	struct config *config;
	bool json = false, fine, ended = true;

	if (read_words(args, &doctor, &json))
		return 1;
	/* What the rooms would log is told as findings. */
	log_init(ASKD_LOG_ERROR, LOG_FORMAT_TEXT);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&changed, &attr);
	pthread_condattr_destroy(&attr);
	arena_init(&doctor.arena, 0);
	config = look_at_config(&doctor, args->config, &error);
	if (config) {
		ended = look_at_daemon(&doctor);
		doctor_files(&doctor);
		doctor_disk(&doctor);
		doctor_limits(&doctor);
		doctor_addresses(&doctor);
		doctor_instances(&doctor);
		ended = gather(&doctor) && ended;
	}
	fine = is_fine(&doctor);
	if (json)
		fine = print_json(&doctor, fine) && fine;
	else
		print_text(&doctor);
	fflush(stdout);
	/* Somebody still waits for something, with what is ours. */
	if (!ended)
		_exit(!fine);
	if (config)
		doctor_instances_end(&doctor);
	json_decref(doctor.status);
	while (doctor.first) {
		struct check *check = doctor.first;

		doctor.first = check->next;
		free(check);
	}
	pthread_cond_destroy(&changed);
	config_destroy(config);
	arena_finish(&doctor.arena);
	return !fine;
}
