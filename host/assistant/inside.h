/* inside.h: what the files of this room share: the assistant, a running turn, and the steps of its
 * path. Only for files of assistant/. */
#ifndef ASSISTANT_INSIDE_H
#define ASSISTANT_INSIDE_H

#include "assistant/stage.h"
#include "plugin/generation.h"

enum {
	TURN_TIME_MS = 5 * 60 * 1000, /* a turn and all its waiting */
	TURN_STATE_MAX = 16 * 1024,
	TURN_MESSAGES = 64, /* that one turn may say */
	DIALOGUE_TTL_MS = 30 * 60 * 1000,
	BUTTON_TTL_MS = 7 * 24 * 3600 * 1000,
	BUTTON_TOKEN = 32, /* characters of a token */
	PAYLOAD_KEEP_H = 48
};

/* status of an outbox row */
enum { OUTBOX_WAITING, OUTBOX_SENDING, OUTBOX_DONE, OUTBOX_FAILED, OUTBOX_GONE, OUTBOX_SKIPPED };
/* kind of an outbox row */
enum { OUTBOX_WORKING, OUTBOX_ANSWER };

struct way; /* a transport with a loop of its own, and its deliveries */

/* A command of a skill. */
struct route_command {
	struct plugin_instance *skill;
	const struct askd_command *command;
};

/* A transport of a generation, and what it can do. */
struct plan_way {
	struct plugin_instance *instance;
	struct askd_capabilities capabilities;
};

struct plan {
	struct assistant_rooms rooms; /* with config, registry and query of the generation */
	struct stages *stages;
	struct arena arena;
	struct route_command *commands; /* sorted by nothing; ends with a NULL skill */
	struct plan_way *ways;          /* ends with a NULL instance */
};

struct lane; /* events of one conversation that have not been through the gate */

struct assistant {
	struct assistant_rooms rooms;
	unsigned char button_key[32];
	struct way *ways; /* atomic, as are their `next`: only added to */
	struct timer unlisten;
	pthread_mutex_t lock; /* all below */
	pthread_cond_t changed;
	bool stopping, started;
	struct turn *turns; /* that run or wait for a place, oldest first */
	uint64_t sequence;
	struct lane *lanes;
	struct timer retry, purge;
	struct work purge_work;
	bool purging;
};

/* A conversation as it stands in the store. */
struct conversation {
	uint64_t id;
	bool exists;
	uint64_t database;       /* handle; 0: none selected */
	const char *state;       /* JSON; NULL: none, or its time is over */
	const char *state_skill; /* instance that it belongs to; "" the host itself */
	bool awaits;
};

struct turn {
	struct turn_state state; /* first */
	struct assistant *assistant;
	uint64_t id;
	const struct askd_event *event;    /* in the arena */
	struct plugin_instance *transport; /* held */
	struct way *way;                   /* NULL: somebody waits for the answer */
	bool resumed, laned, listed;
	bool text;  /* a plain text: it has passed the limits and keeps its order */
	bool place; /* of limits.question */
	/* With the assistant's lock: it has its place; has its turn too; nobody is there to read.
	 */
	bool admitted, running, gone;
	struct person person;
	struct conversation conversation;
	const char *session;   /* what the client calls the conversation; NULL: no session */
	const char *address;   /* key of the conversation */
	const char *inbox_key; /* instance of the inbox row; NULL: none */
	struct askd_turn turn; /* as the skill sees it */
	struct plugin_instance *skill;
	const char *database_name;

	/* Collected. */
	const struct askd_message *messages[TURN_MESSAGES];
	uint64_t message_ids[TURN_MESSAGES]; /* of their first outbox rows */
	size_t message_count;
	uint32_t kind; /* ASKD_TURN_* */
	struct askd_outcome outcome;
	bool new_state; /* `outcome` says how the dialogue goes on; else it stays as it is */
	struct askd_text object; /* the JSON of `ask` */
	int64_t notice_us;       /* of the last one, monotonic */
	uint64_t working;        /* outbox row of the working message */
	int32_t failed;          /* code of an error that has no answer: CANCELED, NOMEM */

	struct cancel_hook hook; /* on the caller's cancel */
	struct work work;
	uint64_t sequence;
	struct turn *next, *lane_next;
};

extern struct assistant *assistant_current; /* the open one; services find it here */

/* schema.c */
extern const struct askd_migration *const assistant_migrations[];

/* event.c: events as JSON, for the sealed rows */
struct askd_text event_write(struct arena *a, const struct askd_event *event);
const struct askd_event *event_read(
        struct arena *a, struct askd_text json, struct askd_error *reterr);
struct askd_text event_seal(struct assistant *assistant, struct arena *a, const char *table,
        uint64_t id, struct askd_text plain, struct askd_error *reterr);
struct askd_text event_unseal(struct assistant *assistant, struct arena *a, const char *table,
        uint64_t id, struct askd_text sealed, struct askd_error *reterr);
uint64_t conversation_id(const char *instance, const char *address);

/* turn.c */
struct turn *turn_create(struct assistant *assistant, uint64_t id,
        struct plugin_instance *transport, const struct askd_event *event,
        struct askd_error *reterr);
void turn_destroy(struct turn *turn);
void turn_run(struct turn *turn); /* all of it, on this thread; never fails: it answers */
/* Adds what the host itself says, and how the turn ends. */
void turn_say(struct turn *turn, uint32_t kind, const char *text);
void turn_say_error(struct turn *turn, const struct askd_error *error);
/* Among the running ones; text: it keeps its order. Again: only that. */
void turn_list(struct turn *turn, bool text);
void turn_unlist(struct turn *turn); /* and wakes who waits for it */
bool turn_over(struct turn *turn);   /* canceled or past its deadline */
/* Refused by a limit that fills again by itself, in state.limited_us. */
bool turn_is_limited(const struct turn *turn);

/* turn_row.c: the row of a turn that begins */
void turn_row_add(const struct turn *turn, struct store_unit *unit, int64_t started_us);

/* finish.c: the last transaction */
int32_t turn_finish(struct turn *turn, bool apology, struct askd_error *reterr);

/* gate.c */
bool gate_person(struct turn *turn);
bool gate_limits(struct turn *turn);
void gate_leave(struct turn *turn); /* gives the place of gate_limits back */
bool gate_database(struct turn *turn);
bool gate_asked_which(const struct turn *turn); /* database is meant; it waits for the answer */
void gate_select(struct turn *turn, const char *name); /* from now on; answers */
int32_t conversation_load(struct turn *turn, struct askd_error *reterr);

/* route.c */
int32_t route_open(struct plan *plan, struct askd_error *reterr);
bool route_command(struct turn *turn); /* true: it was one, or an unknown one (then answered) */
bool route_button(struct turn *turn);
bool route_text(struct turn *turn); /* false: nobody takes it; answered */

/* hooks.c */
bool hooks_before(struct turn *turn); /* false: refused; answered */
void hooks_after(struct turn *turn);

/* reply.c */
struct askd_text reply_object(struct turn *turn, struct arena *a);
const char *reply_markdown(struct turn *turn, const struct askd_message *message, struct arena *a);
void turn_notice(struct turn *turn, uint32_t kind, struct askd_text text);
extern const struct askd_turn_service turn_service;

/* sessions.c */
int32_t session_history(struct assistant *assistant, struct plugin_call *call,
        const struct askd_session *in, struct askd_session_history *out, struct askd_error *reterr);
int32_t session_forget(struct assistant *assistant, struct plugin_call *call,
        const struct askd_session *in, struct askd_session_result *out, struct askd_error *reterr);
int32_t session_cancel(struct assistant *assistant, struct plugin_call *call,
        const struct askd_session *in, struct askd_session_result *out, struct askd_error *reterr);

/* buttons.c */
/* The token of a new button, in the arena; its row goes into the unit. */
const char *button_make(struct turn *turn, struct store_unit *unit, struct arena *a,
        const struct askd_button *button, const char *skill);
struct button {
	uint64_t conversation;
	const char *skill, *action, *data;
};
int32_t button_find(struct turn *turn, struct askd_text token, struct button *button,
        struct askd_error *reterr);

/* inbox.c */
int32_t inbox_deliver(struct assistant *assistant, struct plugin_call *call,
        const struct askd_event *in, struct askd_delivered *out, struct askd_error *reterr);
int32_t inbox_ask(struct assistant *assistant, struct plugin_call *call,
        const struct askd_event *in, struct askd_reply *out, struct askd_error *reterr);
void inbox_release(struct turn *turn); /* the next of its conversation may go to the gate */
/* Sets the conversation of an event; puts the turn into the lane of it. */
int32_t inbox_place(struct turn *turn, struct askd_error *reterr);
int32_t inbox_enqueue(struct turn *turn, struct askd_error *reterr);
/* recover.c */
int32_t inbox_recover(struct assistant *assistant, struct askd_error *reterr); /* run again */
int32_t inbox_close_lost(struct assistant *assistant, struct askd_error *reterr);
/* Of what a crash left: keys that came before that time and that nobody has asked for again. */
void inbox_close_unasked(struct assistant *assistant, struct store_unit *unit, int64_t before_us);
void inbox_retry(void *assistant);            /* timer */
void inbox_drop(struct assistant *assistant); /* at stop: what has not begun stays stored */

/* outbox.c */
struct outbox_row {
	uint64_t id, turn, conversation, working;
	uint32_t kind, part;
	bool group;
	const char *address, *thread; /* NULL: none */
	struct askd_text payload;     /* plain */
};
/* Rows of a message in the unit and, after the commit, into the queue of the way. */
int32_t outbox_add(struct way *way, struct store_unit *unit, struct arena *a,
        const struct outbox_row *row, struct askd_error *reterr);
void outbox_push(struct way *way, const struct outbox_row *row, bool sending);
void outbox_gone(struct way *way, uint64_t conversation);
int32_t outbox_load(struct way *way, struct askd_error *reterr);
struct askd_text outbox_text(struct arena *a, const char *text); /* a payload */
void *outbox_thread(void *way);

/* way.c */
enum { WAY_SENDERS = 2 };
struct outbox_item;
struct pace;
struct way_loop;
struct way {
	struct assistant *assistant;
	char *name; /* of the instance, whichever generation it is of: "transport/bot" */
	struct cancel send_cancel;
	pthread_t senders[WAY_SENDERS];
	size_t sender_count;
	struct way_loop *loop, *leaving; /* main thread only: the one that runs; those that end */
	pthread_mutex_t lock;            /* all below */
	pthread_cond_t changed;
	struct plugin_instance *instance; /* held; NULL: the configuration has it no more */
	struct askd_capabilities capabilities;
	bool synchronous; /* nothing is sent there */
	bool stopping;
	struct outbox_item *items;
	struct pace *paces;
	int64_t next_us; /* nothing is sent before that time (monotonic) */
	struct way *next;
};
/* Asks the transports what they can do; the list is in the plan's arena. */
int32_t way_plan(struct plan *plan, struct askd_error *reterr);
/* See assistant_follow; before the start nothing runs yet. */
int32_t way_follow(struct assistant *assistant, const struct plan *plan, bool (*stop)(void),
        struct askd_error *reterr);
int32_t way_start(struct way *way, struct askd_error *reterr);
void way_tidy(struct way *way); /* joins what has ended */
void way_stop_loop(struct way *way);
void way_stop(struct way *way);
void way_unlisten(void *nothing); /* timer: sockets of instances that are gone are closed */
void way_close(struct way *way);
void way_forget(struct way *way); /* outbox.c: what waits in memory; it is stored */
struct way *way_next(const struct assistant *assistant, const struct way *after);
struct way *way_find(struct assistant *assistant, const struct plugin_instance *instance);
struct way *way_find_name(struct assistant *assistant, const char *name);
struct askd_capabilities way_capabilities(struct way *way);
/* Its instance, held; NULL: none. */
struct plugin_instance *way_instance(struct way *way);

#endif
