/* asker: a verb that asks the same question many times inside the daemon and says what one cost.
 * askd bench COUNT QUESTION */
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include <askd/extensions.h>

struct asker {
	const struct askd_host *host;
	const struct askd_turn_service *turn;
};

static int32_t asker_open(void *self, const struct askd_host *host, struct askd_error *reterr)
{
	struct asker *asker = (struct asker *)self;

	asker->host = host;
	return askd_need(host, "askd.turn/1", &asker->turn, reterr);
}

static double cpu_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static double wall_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

ASKD_DEFINE(asker_bench, askd_verb_call, askd_verb_result)
{
	const struct asker *asker = (const struct asker *)self;
	long count = strtol(in->args.s + 2, NULL, 10); /* ["1000"] */
	double cpu = 0, wall = 0;

	for (long i = -20; i < count; i++) { /* the first twenty warm it up */
		struct askd_call *one = asker->host->call_begin(asker->host, 60000);
		ASKD_MAKE(struct askd_event, event, .kind = ASKD_EVENT_TEXT,
		        .sender = ASKD_LITERAL("bench"), .sender_name = ASKD_LITERAL("Bench"),
		        .text = ASKD_LITERAL("What is the revenue per region?"));
		ASKD_MAKE(struct askd_reply, reply);
		int32_t rc;

		if (!i) {
			cpu = cpu_us();
			wall = wall_us();
		}
		if (!one)
			return askd_fail(reterr, ASKD_E_NOMEM, "no call");
		rc = asker->turn->ask(asker->host, one, &event, &reply, reterr);
		if (!rc && reply.kind != ASKD_TURN_ANSWER)
			rc = askd_fail(reterr, ASKD_E_INTERNAL, "%.400s", reply.object.s);
		asker->host->call_end(one);
		if (rc)
			return rc;
	}
	dprintf(in->out, "{\"cpu_us\": %.1f, \"wall_us\": %.1f}\n",
	        (cpu_us() - cpu) / (double)count, (wall_us() - wall) / (double)count);
	return ASKD_OK;
}

ASKD_DEFINE(asker_capabilities, askd_nothing, askd_capabilities)
{
	out->flags = ASKD_TRANSPORT_SYNCHRONOUS;
	return ASKD_OK;
}

ASKD_MAKE(static const struct askd_verb, bench, .name = "bench", .usage = "askd bench COUNT",
        .help = "Measures a question.", .run = asker_bench);
static const struct askd_verb *const verb_list[] = {&bench, NULL};
ASKD_MAKE(static const struct askd_verbs, verbs, .verbs = verb_list);
ASKD_MAKE(static const struct askd_extension, extension, .id = "askd.verbs/1", .table = &verbs);
static const struct askd_extension *const extensions[] = {&extension, NULL};
ASKD_MAKE(static const struct askd_transport_iface, iface, .capabilities = asker_capabilities);

ASKD_PLUGIN(.kind = ASKD_KIND_TRANSPORT, .name = "asker", .version = "1.0.0",
        .summary = "measures a question", .license = "MIT", .instance_size = sizeof(struct asker),
        .flags = ASKD_CONCURRENT, .open = asker_open, .iface = &iface, .extensions = extensions);
