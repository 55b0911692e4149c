/*
 * askd/askd.h: the core of the contract between askd and its plugins. Header version 0.9.
 *
 * Read this file first; it is the manual. Then read the header of the kind you write
 * (askd/database.h, askd/llm.h, askd/transport.h, askd/skill.h, askd/mailer.h).
 *
 * A plugin is a shared object that exports one constant, `askd_plugin_v1`, made by the macro
 * ASKD_PLUGIN at the end of this file. The host reads that constant before it calls anything.
 * A plugin links no symbol of the host: whatever it needs arrives in tables of functions.
 *
 * The contract in one sentence: every function of every kind and of every service is one call,
 *
 *     int32_t f(object, call, const in *, out *, error *)
 *
 * where `in` and `out` are plain messages. A message consists of: integers of fixed width, texts
 * and bytes (slices), values, one sub-message (a pointer, NULL: absent), lists (a NULL-terminated
 * array of pointers to messages, NULL: empty), objects (a `void *` that the plugin made), a file
 * (a descriptor), and at most one sink in a call. Never: bool, enum, long, size_t, double outside
 * a value, function pointers, unions, arrays of structs.
 *
 * Rules that hold everywhere
 *
 *  1. Inputs, and all they point to, are borrowed until the function returns. Outputs live in the
 *     arena of the call (askd_copy, askd_print), except a batch, which lives until the next call on
 *     its cursor. Nobody frees the memory of the other side.
 *  2. Out structs arrive zeroed with `size` set; on failure they are ignored. `out` may be NULL
 *     for services: not wanted. `reterr` may be NULL everywhere.
 *  3. An arena that is full returns NULL; the host then reports ASKD_E_TOO_LARGE whatever the
 *     plugin returns.
 *  4. Each function carries its thread word. [main]: one thread at a time: at
 *     start, reload and stop, and for a database also when somebody opens one that no
 *     configuration names.
 * [worker]: any thread of the pool, several at once when the plugin is ASKD_CONCURRENT, else one at
 * a time for an instance. [run]: the one thread that the host lends to a transport. [any]: from
 *     anywhere, at once, never blocks.
 *  5. Calls on one connection and its cursor are serialised by the host, except `interrupt`,
 *     which never overlaps `finish`.
 *  6. A plugin starts no thread, installs no signal handler, sets no locale. A library's own
 *     threads may call services through call_begin, and only those marked [any].
 *  7. open() validates and allocates. It connects to nothing and takes nothing exclusive: the next
 *     generation of the configuration opens beside the running one.
 *  8. Return ASKD_OK (0) or one of ASKD_E_*. The plugin describes what happened, the host decides
 *     what follows and what a person reads.
 *  9. When askd_canceled(call) says so, return ASKD_E_CANCELED soon. Past the deadline, return
 *     ASKD_E_TIMEOUT.
 * 10. Every struct begins with its size and only grows at the end, by whole 8 bytes, without
 *     padding. Text, bytes, value, values and error are frozen and have no size word.
 *
 * Times are microseconds UTC unless the name says otherwise. Money is integer pico-dollars.
 */
#ifndef ASKD_ASKD_H
#define ASKD_ASKD_H

/* clock_gettime() is POSIX: under -std=c17 include this header before the system's, or define
 * _GNU_SOURCE as askd_plugin() of the CMake package does. */
#if defined(__STRICT_ANSI__) && !defined(_POSIX_C_SOURCE) && !defined(_GNU_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define ASKD_MAGIC 0x646b7361u /* "askd" in a little-endian dump */

/* The version of the SDK that these headers are. 0.x must match the host exactly. From 1.0 on a
 * host accepts every plugin of its major version that needs no newer minor version. */
#ifndef ASKD_SDK_MAJOR
#define ASKD_SDK_MAJOR 0
#endif
#ifndef ASKD_SDK_MINOR
#define ASKD_SDK_MINOR 9
#endif

/* The lowest minor version that this plugin needs. Define it before the first include in order to
 * say less than everything; members that are newer are then hidden. */
#ifndef ASKD_MINOR
#define ASKD_MINOR ASKD_SDK_MINOR
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- slices and values (frozen) -------------------------------------------------------------- */

/* Valid UTF-8 without NUL inside. `s[n]` is 0, so `s` is a C string as well.
 * s == NULL: absent, which is not the same as empty. */
struct askd_text {
	const char *s;
	uint64_t n; /* bytes, without the final 0 */
};

/* Any bytes. `p[n]` need not be readable. p == NULL: absent. */
struct askd_bytes {
	const void *p;
	uint64_t n;
};

/* Types of a value. Up to ASKD_FLOAT nothing is pointed to; all later ones use u.s and len. */
enum {
	ASKD_NULL,
	ASKD_INT,     /* u.i */
	ASKD_BOOL,    /* u.i, 0 or 1 */
	ASKD_FLOAT,   /* u.f */
	ASKD_TEXT,    /* UTF-8 */
	ASKD_BYTES,   /* any bytes */
	ASKD_DECIMAL, /* canonical text: -?digits[.digits], lossless; "NaN" where a database has it
	               */
	ASKD_DATE,    /* YYYY-MM-DD */
	ASKD_TIME,    /* hh:mm:ss[.ffffff] */
	ASKD_TIMESTAMP,   /* YYYY-MM-DD hh:mm:ss[.ffffff], no zone */
	ASKD_TIMESTAMPTZ, /* the same with the offset: ...+hh:mm */
	ASKD_JSON,        /* text that holds valid JSON */
	ASKD_UUID,        /* 8-4-4-4-12, lower case */
	ASKD_OTHER        /* text of a type that has no word of its own here */
};

enum { ASKD_CUT = 1 }; /* flag of a value: it was longer than the limit asked for, and was cut */

/* One cell or parameter. For types after ASKD_FLOAT: u.s[len] == 0. */
struct askd_value {
	uint16_t type;  /* ASKD_NULL ... ASKD_OTHER */
	uint16_t flags; /* ASKD_CUT */
	uint32_t len;   /* bytes at u.s, else 0 */
	union {
		int64_t i;
		double f;
		const char *s;
	} u;
};

/* A row of values. n == 0: empty. */
struct askd_values {
	const struct askd_value *v;
	uint64_t n;
};

/* ---- errors (frozen) ------------------------------------------------------------------------- */

/* What went wrong, and so what the host does next. */
enum {
	ASKD_OK = 0,
	ASKD_E_INVALID = -1,     /* the caller broke the contract. Host: logs a defect */
	ASKD_E_UNSUPPORTED = -2, /* this plugin cannot do that. Host: tells the operator */
	ASKD_E_CONFIG = -3,      /* the configuration is wrong. Host: tells the operator */
	ASKD_E_NOMEM = -4,       /* no memory. Host: gives this turn up */
	ASKD_E_INTERNAL = -5,    /* a defect of the plugin. Host: logs it */
	ASKD_E_IO = -6,          /* network or disk. Host: retries if ASKD_ERR_RETRY, falls back */
	ASKD_E_TIMEOUT = -7,     /* the deadline passed. Host: as IO */
	ASKD_E_CRASHED = -8,     /* the isolated plugin died (set by the host). Host: as IO */
	ASKD_E_CANCELED = -9,    /* nobody waits any more. Host: silent */
	ASKD_E_BUSY = -10,       /* rate limited or full. Host: waits retry_after_ms, then again */
	ASKD_E_QUOTA = -11,      /* money or a monthly limit. Host: falls back, no retry */
	ASKD_E_AUTH = -12,       /* our credential is wrong. Host: tells the operator, no retry */
	ASKD_E_DENIED = -13,     /* right credential, not permitted. Host: tells the person */
	ASKD_E_TOO_LARGE = -14,  /* over a limit. Host: shortens or tells */
	ASKD_E_REFUSED = -15,    /* refused for safety. Host: falls back or tells */
	ASKD_E_PROTOCOL = -16,   /* the answer makes no sense. Host: once more, then falls back */
	ASKD_E_STATEMENT =
	        -17, /* the database rejects the text. Host: back to the stage that wrote it */
	ASKD_E_CONFLICT =
	        -18, /* unique key, row count, changed meanwhile. Host: again from fresh state */
	ASKD_E_NOT_FOUND = -19, /* what was named does not exist. Host: tells */
	ASKD_E_REMOTE = -20,    /* refused for good by the other side. Host: tells */
	ASKD_E_GONE = -21,      /* the receiver left or blocked us. Host: stops sending there */
	ASKD_E_LAST = -21
};

enum {
	ASKD_ERR_RETRY = 1,      /* the same call may work later */
	ASKD_ERR_MAYBE_DONE = 2, /* it may have taken effect: must not be repeated blindly */
	ASKD_ERR_TARGET = 4      /* concerns this recipient or conversation only */
};

/* Owned by the caller, filled by the callee, 512 bytes for ever. */
struct askd_error {
	int32_t code;            /* ASKD_E_* */
	int32_t detail;          /* HTTP or SMTP status, or errno; 0: none */
	uint32_t retry_after_ms; /* the delay that the other side named; 0: it named none */
	uint32_t flags;          /* ASKD_ERR_* */
	uint32_t position;       /* 1-based byte of the statement that is wrong; 0: unknown */
	uint32_t reserved[3];
	char native[32];   /* SQLSTATE or the vendor's own code, as C string */
	char message[448]; /* one line for operators and logs: no secret, no final dot */
};

/* ---- the call -------------------------------------------------------------------------------- */

enum { ASKD_CALL_EPHEMERAL = 1 }; /* keep no text of this call anywhere */

/* One crossing between host and plugin. Made by the caller, used by one thread. Identity, rights
 * and the turn are the host's and hang on it: pass on the call that you were given. */
struct askd_call {
	uint32_t size;
	uint32_t flags;         /* ASKD_CALL_* */
	uint64_t id;            /* correlation id, the one in the log */
	int64_t deadline_us;    /* CLOCK_MONOTONIC, microseconds; 0: none (only run) */
	const uint32_t *cancel; /* read it with askd_canceled */
	void *(*alloc)(struct askd_call *call,
	        uint64_t n); /* [the thread of the call] memory aligned
	                      * to 16 bytes until the caller is done with the outputs; NULL: full */
};

/* ---- shapes ---------------------------------------------------------------------------------- */

/* Empty side of a call: pass NULL. */
struct askd_nothing;

/* A member of an iface: a function that the plugin offers. `self` is what the kind says: the
 * instance, a connection, a cursor. */
#define ASKD_FN(name, IN, OUT)                                                                    \
	int32_t (*name)(void *self, struct askd_call *call, const struct IN *in, struct OUT *out, \
	        struct askd_error *reterr)

struct askd_host;

/* A member of a service: a function that the host offers. */
#define ASKD_SERVICE(name, IN, OUT)                                                                \
	int32_t (*name)(const struct askd_host *host, struct askd_call *call, const struct IN *in, \
	        struct OUT *out, struct askd_error *reterr)

/* Declares `struct <item>_sink`: takes items while a call runs. `put` is called on the thread of
 * the call; the item is borrowed. Anything but ASKD_OK means: stop, return that code. */
#define ASKD_SINK(item)                                                                \
	struct item##_sink {                                                           \
		uint32_t size, reserved;                                               \
		void *owner;                                                           \
		int32_t (*put)(const struct item##_sink *sink, const struct item *it); \
	}

/* A name and a value, both required: an HTTP header, a parameter, an argument of a text. */
struct askd_header {
	uint32_t size;
	uint32_t reserved;
	struct askd_text name;
	struct askd_text value;
};

/* A regular file, readable from offset 0 with pread. The descriptor is borrowed: duplicate it to
 * keep it. */
struct askd_file {
	uint32_t size;
	int32_t fd;
	uint64_t length;       /* bytes */
	struct askd_text name; /* without a path */
	struct askd_text mime; /* "text/csv" */
};

/* ---- the host -------------------------------------------------------------------------------- */

enum { ASKD_LOG_ERROR = 1, ASKD_LOG_WARNING, ASKD_LOG_INFO, ASKD_LOG_DEBUG };

/* What a plugin's instance gets in open(). Lives until close() has returned. */
struct askd_host {
	uint32_t size;
	uint32_t minor;       /* the minor version of the host's contract */
	const char *instance; /* "llm/main" */

	/* [main] in open() only. The table of a service, by id and revision ("askd.http/1").
	 * NULL: not there, or not granted to this plugin. Lives as long as the host struct. */
	const void *(*service)(const struct askd_host *host, const char *id);

	/* [any] One line for the operator's log, without a secret and without content of persons.
	 * level: ASKD_LOG_*. call may be NULL. */
	void (*log)(const struct askd_host *host, struct askd_call *call, uint32_t level,
	        const char *line);

	/* [any] Microseconds UTC. The clock of tests and replay: use it instead of time(). */
	int64_t (*now_us)(const struct askd_host *host);

	/* [any] Fills n bytes at p from a cryptographically strong source. Never fails partly. */
	int32_t (*random)(const struct askd_host *host, void *p, uint64_t n);

	/* [any] A call of one's own, for loops and for threads of a library, with `ms` until its
	 * deadline. NULL: no memory, or the host is stopping. End it with call_end on that thread.
	 */
	struct askd_call *(*call_begin)(const struct askd_host *host, uint32_t ms);
	void (*call_end)(struct askd_call *call);

	/* [the thread of `call`] A call inside `call`: for the same asker, ended by the same
	 * cancel, but with memory of its own, and with at most `ms` (0: what `call` has) until its
	 * deadline. For work of many pieces, where what one has brought is not needed any more
	 * while the next runs. NULL: no memory, or `call` is none that this plugin was given. End
	 * it with call_end before `call` ends. */
	struct askd_call *(*call_within)(
	        const struct askd_host *host, struct askd_call *call, uint32_t ms);
};

/* ---- options --------------------------------------------------------------------------------- */

/* The type of the member that an option fills:
 *   TEXT, JSON   const char *            (NULL: absent)
 *   INT, BOOL, DURATION (milliseconds), SIZE (bytes), CHOICE (index into choices)   int64_t
 *   LIST         const char *const *     (texts, NULL-terminated)
 *   MAP          const char *const *     (name, value, name, value, NULL)
 * The values belong to the host and live until close(). */
enum {
	ASKD_OPT_TEXT = 1,
	ASKD_OPT_INT,
	ASKD_OPT_BOOL,
	ASKD_OPT_DURATION, /* "500ms", "20s", "5m", "8h", "2d" */
	ASKD_OPT_SIZE,     /* "64K", "8M", "1G", or bytes */
	ASKD_OPT_CHOICE,
	ASKD_OPT_LIST,
	ASKD_OPT_MAP,
	ASKD_OPT_JSON /* any YAML value, handed over as JSON text */
};

enum {
	ASKD_OPT_REQUIRED = 1, /* must be given; def is NULL */
	ASKD_OPT_SECRET = 2,   /* never shown, logged or exported */
	ASKD_OPT_FILE = 4      /* a TEXT: the path of a file, at most 1 MB, that open() reads. When
	                        * its content has changed, a reload opens the instance anew */
};

/* One option of a plugin. The table ends with an entry whose name is NULL. From it come parsing,
 * defaults, help, documentation and the dashboard's forms. */
struct askd_option {
	const char *name; /* lower case, words joined by '_' */
	const char *help; /* one sentence without a final dot */
	const char *def;  /* default as written in YAML; NULL: absent (0 for numbers) */
	int64_t min, max; /* INT, DURATION, SIZE: the range; TEXT, LIST, MAP, JSON: max is the
	                   * longest length in bytes; both 0: no limit but the host's */
	uint32_t flags;   /* ASKD_OPT_REQUIRED, ... */
	uint32_t type;    /* ASKD_OPT_TEXT ... */
	uint32_t offset;  /* of the member in the instance */
	uint32_t reserved;
	const char *const *choices; /* CHOICE: NULL-terminated; a TEXT, LIST or MAP may name its
	                             * permitted values here as well */
};

/* Type and place of an option's member, checked by the compiler: a member of another type gives a
 * warning. Use: {.name = "path", .help = "...", ASKD_OPTION_TEXT(struct my_state, path)} */
#define ASKD_OPTION_AT(kind, owner, member, ctype)                     \
	.type = (kind), .offset = (uint32_t)(offsetof(owner, member) + \
	                                     0 * sizeof((ctype *)0 == &((owner *)0)->member))
#define ASKD_OPTION_TEXT(owner, member) ASKD_OPTION_AT(ASKD_OPT_TEXT, owner, member, const char *)
#define ASKD_OPTION_JSON(owner, member) ASKD_OPTION_AT(ASKD_OPT_JSON, owner, member, const char *)
#define ASKD_OPTION_INT(owner, member) ASKD_OPTION_AT(ASKD_OPT_INT, owner, member, int64_t)
#define ASKD_OPTION_BOOL(owner, member) ASKD_OPTION_AT(ASKD_OPT_BOOL, owner, member, int64_t)
#define ASKD_OPTION_SIZE(owner, member) ASKD_OPTION_AT(ASKD_OPT_SIZE, owner, member, int64_t)
#define ASKD_OPTION_DURATION(owner, member) \
	ASKD_OPTION_AT(ASKD_OPT_DURATION, owner, member, int64_t)
#define ASKD_OPTION_CHOICE(owner, member, list) \
	ASKD_OPTION_AT(ASKD_OPT_CHOICE, owner, member, int64_t), .choices = (list)
#define ASKD_OPTION_LIST(owner, member) \
	ASKD_OPTION_AT(ASKD_OPT_LIST, owner, member, const char *const *)
#define ASKD_OPTION_MAP(owner, member) \
	ASKD_OPTION_AT(ASKD_OPT_MAP, owner, member, const char *const *)

/* ---- the plugin ------------------------------------------------------------------------------ */

/* A table beyond the kind's own: "askd.verbs/1", "askd.hooks/1", ... (askd/extensions.h). */
struct askd_extension {
	uint32_t size;
	uint32_t reserved;
	const char *id;
	const void *table;
};

enum {
	ASKD_CONCURRENT = 1
}; /* flag of a plugin: several threads may be inside one instance.
    * Required of llm, database, transport and skill. A plugin without it gets no service that
    * enters other instances (askd.llm, askd.query, askd.turn). */

/* The one exported symbol, `askd_plugin_v1`. The first four lines never move. */
struct askd_plugin {
	uint32_t magic;       /* ASKD_MAGIC */
	uint32_t struct_size; /* of the whole struct, as compiled */
	uint16_t abi_major;
	uint16_t abi_minor;   /* the lowest minor version that this plugin needs */
	uint32_t option_size; /* sizeof(struct askd_option), as compiled: the stride of the table */
	const char *kind;     /* "askd.mailer/1" */
	const char *name;     /* as the configuration writes it after `plugin:` */
	const char *version;  /* the plugin's own, "1.2.0" */
	const char *summary;  /* one line, for lists */
	const char *license;  /* SPDX identifier of the plugin with all it links */
	const struct askd_option *options; /* NULL: it has none */
	uint64_t instance_size; /* bytes the host allocates, zeroed, and fills with the options */
	uint64_t flags;         /* ASKD_CONCURRENT */

	/* [main] The options are in place. Validate and allocate; no network. May be NULL.
	 * After a failure close() is not called: release what you took. */
	int32_t (*open)(void *self, const struct askd_host *host, struct askd_error *reterr);
	/* [main] No call is inside any more. May be NULL. */
	void (*close)(void *self);

	const void *iface; /* the table of the kind, e.g. struct askd_mailer_iface */
	const struct askd_extension *const *extensions; /* NULL-terminated list; NULL: none */
};

/* ---- helpers: inline, on the plugin's side ----------------------------------------------------
 */

#define ASKD_UNUSED __attribute__((unused))
/* Old compilers complain of members that a designated initialiser leaves out: silence exactly it.
 */
#define ASKD_QUIET                     \
	_Pragma("GCC diagnostic push") \
	        _Pragma("GCC diagnostic ignored \"-Wmissing-field-initializers\"")
#define ASKD_LOUD _Pragma("GCC diagnostic pop")
/* What takes the semicolon after a macro that ends in ASKD_LOUD, at file scope or in a function. */
#ifdef __cplusplus
#define ASKD_END static_assert(1, "")
#else
#define ASKD_END _Static_assert(1, "")
#endif

/* Defines a function of a kind; unused parameters are fine. */
#define ASKD_DEFINE(name, IN, OUT)                                                      \
	static int32_t name(ASKD_UNUSED void *self, ASKD_UNUSED struct askd_call *call, \
	        ASKD_UNUSED const struct IN *in, ASKD_UNUSED struct OUT *out,           \
	        ASKD_UNUSED struct askd_error *reterr)

/* Defines a variable of a type that begins with its size:
 * ASKD_MAKE(struct askd_message, message, .text = ASKD_LITERAL("pong")); */
#define ASKD_MAKE(type, name, ...)                                 \
	ASKD_QUIET type name = {.size = sizeof name, __VA_ARGS__}; \
	ASKD_LOUD ASKD_END

/* Ends a plugin's source: ASKD_PLUGIN(.kind = "askd.skill/1", .name = "ping", ...); */
#define ASKD_PLUGIN(...)                                                                       \
	__attribute__((visibility("default"))) extern const struct askd_plugin askd_plugin_v1; \
	ASKD_QUIET const struct askd_plugin askd_plugin_v1 = {.magic = ASKD_MAGIC,             \
	        .struct_size = sizeof askd_plugin_v1,                                          \
	        .abi_major = ASKD_SDK_MAJOR,                                                   \
	        .abi_minor = ASKD_MINOR,                                                       \
	        .option_size = sizeof(struct askd_option),                                     \
	        __VA_ARGS__};                                                                  \
	ASKD_LOUD ASKD_END

/* A text from a string literal. */
#ifdef __cplusplus
#define ASKD_LITERAL(literal) (askd_text{"" literal, sizeof(literal) - 1})
#else
#define ASKD_LITERAL(literal) ((struct askd_text){"" literal, sizeof(literal) - 1})
#endif

/* The text of a C string that the caller keeps; NULL gives absent. */
static inline struct askd_text askd_text_of(const char *s)
{
	struct askd_text text = {s, s ? (uint64_t)strlen(s) : 0};
	return text;
}

/* 1 if both are absent, or both present with the same bytes. */
static inline int32_t askd_equal(struct askd_text a, struct askd_text b)
{
	return a.n == b.n && !a.s == !b.s && (!a.n || !memcmp(a.s, b.s, (size_t)a.n));
}

/* Fills *reterr (which may be NULL) and returns the code:
 * return askd_fail(reterr, ASKD_E_CONFIG, "'password' needs 'tls' to be on"); */
__attribute__((format(printf, 3, 4))) static inline int32_t askd_fail(
        struct askd_error *reterr, int32_t code, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	if (reterr) {
		memset(reterr, 0, sizeof *reterr);
		reterr->code = code;
		vsnprintf(reterr->message, sizeof reterr->message, format, ap);
	}
	va_end(ap);
	return code;
}

/* For open(): fetches a service that the plugin cannot do without.
 * return askd_need(host, "askd.http/1", &mine->http, reterr); */
static inline int32_t askd_need(
        const struct askd_host *host, const char *id, void *pointer, struct askd_error *reterr)
{
	const void *table = host->service(host, id);
	memcpy(pointer, &table, sizeof table);
	return table ? ASKD_OK : askd_fail(reterr, ASKD_E_UNSUPPORTED, "needs the service %s", id);
}

/* 1 when nobody waits for this call any more. */
static inline int32_t askd_canceled(const struct askd_call *call)
{
	return call->cancel && __atomic_load_n(call->cancel, __ATOMIC_RELAXED) != 0;
}

/* Milliseconds until the deadline of the call, at least 0 and at most `limit_ms`. */
static inline int64_t askd_limit_ms(const struct askd_call *call, int64_t limit_ms)
{
	struct timespec now;
	int64_t left_ms;
	if (!call->deadline_us)
		return limit_ms;
	clock_gettime(CLOCK_MONOTONIC, &now);
	left_ms = (call->deadline_us - ((int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000)) / 1000;
	return left_ms < 0 ? 0 : left_ms < limit_ms ? left_ms : limit_ms;
}

/* A copy in the arena of the call, with a 0 behind it. s == NULL or a full arena: absent. */
static inline struct askd_text askd_copy(struct askd_call *call, const char *s, uint64_t n)
{
	struct askd_text text = {NULL, 0};
	char *copy = s && n < UINT64_MAX ? (char *)call->alloc(call, n + 1) : NULL;
	if (copy) {
		if (n)
			memcpy(copy, s, (size_t)n);
		copy[n] = 0;
		text.s = copy;
		text.n = n;
	}
	return text;
}

/* A formatted text in the arena of the call. Full arena: absent. */
__attribute__((format(printf, 2, 3))) static inline struct askd_text askd_print(
        struct askd_call *call, const char *format, ...)
{
	struct askd_text text = {NULL, 0};
	va_list ap, again;
	int n;
	char *s;
	va_start(ap, format);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	s = n < 0 ? NULL : (char *)call->alloc(call, (uint64_t)n + 1);
	if (s) {
		vsnprintf(s, (size_t)n + 1, format, again);
		text.s = s;
		text.n = (uint64_t)n;
	}
	va_end(again);
	return text;
}

/* 1 if the struct that `pointer` leads to, of its own size, has the member: for structs that may
 * come from an older or newer side. */
#define ASKD_HAS(pointer, member) \
	((pointer)->size >=       \
	        (size_t)((const char *)(&(pointer)->member + 1) - (const char *)(pointer)))

#ifdef __cplusplus
}
#endif
#endif
