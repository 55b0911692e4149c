/*
 * askd/transport.h: the kind askd.transport/1, a way in and out: a chat, a terminal, the web;
 * and the service askd.inbox/1, through which an asynchronous one hands over events.
 *
 * An asynchronous transport (a chat) runs a loop: it hands each event to `deliver` and confirms it
 * to the other side only after deliver returned. The host calls `send` to answer. A synchronous one
 * (console, http) calls `ask` of askd.turn/1 (askd/skill.h), which returns the answer.
 */
#ifndef ASKD_TRANSPORT_H
#define ASKD_TRANSPORT_H

#include <askd/askd.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ASKD_KIND_TRANSPORT "askd.transport/1"

/* A file on the other side. */
struct askd_remote_file {
	uint32_t size;
	int32_t fd;           /* fetch: where to write it, a file of the host's; else -1 */
	uint64_t length;      /* bytes; 0: unknown */
	struct askd_text ref; /* the other side's id of it */
	struct askd_text name;
	struct askd_text mime;
};

/* `kind` of a progress */
enum {
	ASKD_PROGRESS_TYPING = 1, /* something happens */
	ASKD_PROGRESS_STAGE,      /* `stage` begins */
	ASKD_PROGRESS_REPLACE,    /* `text` is the draft so far */
	ASKD_PROGRESS_APPEND      /* `text` continues the draft */
};

/* What is happening while a turn runs. Goes out at once and is never stored. */
struct askd_progress {
	uint32_t size;
	uint32_t kind;          /* ASKD_PROGRESS_* */
	struct askd_text stage; /* "analysis", "database", "answer" */
	struct askd_text text;
};
ASKD_SINK(askd_progress);

/* `kind` of an event and of a turn */
enum {
	ASKD_EVENT_TEXT = 1, /* a question, a command, a reply */
	ASKD_EVENT_BUTTON,   /* `token` was pressed */
	ASKD_EVENT_CANCEL,   /* stop what runs in this conversation */
	ASKD_EVENT_EDIT,     /* the text of `message` changed */
	ASKD_EVENT_GONE      /* the other side left or blocked us */
};

/* `flags` of an event and of a turn */
enum {
	ASKD_EVENT_EPHEMERAL = 1, /* its text is never stored or logged */
	ASKD_EVENT_GROUP = 2,     /* several persons read this conversation */
	ASKD_EVENT_ADDRESSED = 4, /* in a group: it speaks to us */
	ASKD_EVENT_FORWARDED = 8,
	ASKD_EVENT_ON_BEHALF = 16 /* came through a business account of a person's */
};

/* Something that somebody wrote or pressed. */
struct askd_event {
	uint32_t size;
	uint32_t kind;  /* ASKD_EVENT_TEXT ... */
	uint32_t flags; /* ASKD_EVENT_EPHEMERAL ... */
	uint32_t reserved;
	int64_t at_us;                 /* when it was written; 0: now */
	struct askd_text key;          /* unique in the instance: the same key again is a duplicate.
	                                * In `ask`: the client's Idempotency-Key, or absent */
	struct askd_text conversation; /* the chat; in `ask` the session id, absent: a new one */
	struct askd_text thread;       /* topic inside the chat; may be absent */
	struct askd_text sender;       /* the other side's id of the person */
	struct askd_text sender_name;
	struct askd_text forwarded_from;
	struct askd_text language; /* BCP 47, as the other side says; may be absent */
	struct askd_text text;
	struct askd_text message; /* the other side's id of this message */
	struct askd_text token;   /* ASKD_EVENT_BUTTON */
	struct askd_text
	        database;         /* name of the database that is meant; absent: the selected one */
	struct askd_text tables;  /* JSON list that narrows the schema; absent: all */
	struct askd_text address; /* where the request comes from, for limits; may be absent */
	struct askd_text reply_to; /* the other side's id of the message that this answers */
	const struct askd_remote_file *const *files;
	const struct askd_progress_sink *progress; /* `ask` only */
};

/* A button. The token is opaque, 32 bytes, signed and checked by the host. */
struct askd_outgoing_button {
	uint32_t size;
	uint32_t reserved;
	struct askd_text label;
	struct askd_text token;
};

struct askd_outgoing_row {
	uint32_t size;
	uint32_t reserved;
	const struct askd_outgoing_button *const *buttons;
};

/* A message to be delivered. */
struct askd_outgoing {
	uint32_t size;
	uint32_t flags;
	uint64_t id; /* the host's; the same id again is the same message */
	struct askd_text conversation;
	struct askd_text thread;
	struct askd_text edits; /* the other side's id of the message to replace; absent: new */
	struct askd_text text;  /* CommonMark; escaping is the transport's */
	const struct askd_outgoing_row *const *rows;
	const struct askd_file *const *files;
};

struct askd_outgone {
	uint32_t size;
	uint32_t reserved;
	struct askd_text message; /* the other side's id of it */
};

enum { ASKD_NOTICE_TYPING = 1, ASKD_NOTICE_BUTTON, ASKD_NOTICE_DRAFT };

/* Something of the moment: typing, a button that was answered, the draft so far. */
struct askd_notice {
	uint32_t size;
	uint32_t kind; /* ASKD_NOTICE_* */
	struct askd_text conversation;
	struct askd_text thread;
	struct askd_text token; /* ASKD_NOTICE_BUTTON: the press that is answered */
	struct askd_text text;
};

enum {
	ASKD_TRANSPORT_SYNCHRONOUS = 1, /* it asks and waits; `send` is never called */
	ASKD_TRANSPORT_EDITS = 2        /* `edits` works: the working message becomes the answer */
};

struct askd_capabilities {
	uint32_t size;
	uint32_t flags;     /* ASKD_TRANSPORT_* */
	uint64_t text_max;  /* characters of a message; 0: no limit */
	uint64_t file_max;  /* bytes; 0: no files */
	uint32_t token_max; /* bytes of a button's token; 0: no buttons */
	uint32_t
	        per_second; /* messages, over all conversations; 0: no limit. The host paces them */
	uint32_t per_conversation_second;
	uint32_t per_conversation_minute;
	uint32_t per_group_minute;
	uint32_t reserved;
};

struct askd_transport_iface {
	uint32_t size;
	uint32_t flags;
	/* [run] The loop, on a thread of the host's, never twice for a name. Returns when the call
	 * is canceled; with an error the host waits and runs it again. NULL: it needs none. */
	ASKD_FN(run, askd_nothing, askd_nothing);
	/* [worker] Delivers a message. TARGET in the error's flags when it concerns only this
	 * conversation; MAYBE_DONE when the other side may have it. */
	ASKD_FN(send, askd_outgoing, askd_outgone);
	/* [worker] Best effort, never retried. May be NULL. */
	ASKD_FN(notice, askd_notice, askd_nothing);
	/* [worker] Writes a remote file into in->fd. May be NULL. */
	ASKD_FN(fetch, askd_remote_file, askd_nothing);
	/* [any] */
	ASKD_FN(capabilities, askd_nothing, askd_capabilities);
};

enum { ASKD_DELIVERED_DUPLICATE = 1 };

struct askd_delivered {
	uint32_t size;
	uint32_t flags; /* ASKD_DELIVERED_* */
	uint64_t id;    /* the turn, or the message */
};

/* The service askd.inbox/1. */
struct askd_inbox_service {
	uint32_t size;
	uint32_t reserved;
	/* [run] [worker] Returns when the event is stored: confirm it to the other side then. On
	 * failure do not confirm; hand it over again later. */
	ASKD_SERVICE(deliver, askd_event, askd_delivered);
};

#ifdef __cplusplus
}
#endif
#endif
