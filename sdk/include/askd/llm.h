/*
 * askd/llm.h: the kind askd.llm/1, an engine that answers: a vendor's model, or a local engine;
 * and the service askd.llm/1, through which skills call a stage.
 *
 * A request carries the rendered messages and the structured task. A vendor's plugin sends the
 * messages; an engine without a model works from the task. Plugins retry nothing: the host retries,
 * falls back and keeps the costs.
 */
#ifndef ASKD_LLM_H
#define ASKD_LLM_H

#include <askd/database.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ASKD_KIND_LLM "askd.llm/1"

/* A call of a tool that the model wants, or wanted earlier. */
struct askd_tool_call {
	uint32_t size;
	uint32_t reserved;
	struct askd_text id; /* the vendor's */
	struct askd_text name;
	struct askd_text arguments; /* JSON object, as the model wrote it: may be malformed */
};

/* A tool that the model may call. */
struct askd_llm_tool {
	uint32_t size;
	uint32_t reserved;
	struct askd_text name;
	struct askd_text description;
	struct askd_text schema; /* JSON schema of the arguments */
};

enum { ASKD_ROLE_SYSTEM = 1, ASKD_ROLE_USER, ASKD_ROLE_ASSISTANT, ASKD_ROLE_TOOL };

struct askd_llm_message {
	uint32_t size;
	uint32_t role; /* ASKD_ROLE_* */
	struct askd_text text;
	struct askd_text tool_call_id;             /* ASKD_ROLE_TOOL: the call that this answers */
	const struct askd_tool_call *const *calls; /* ASKD_ROLE_ASSISTANT */
	const struct askd_file *const *files;      /* pictures, documents, sound */
};

/* What a database holds, as far as the asker may see it. */
struct askd_catalogue {
	uint32_t size;
	uint32_t reserved;
	uint64_t version;         /* changes when the schema does */
	uint64_t database;        /* handle */
	struct askd_text name;    /* of the database, as people call it */
	struct askd_text dialect; /* "sqlite" */
	const struct askd_db_table *const *tables;
};

/* The work of a stage, as data. Who writes it fills what the stage needs; the rest is absent. */
struct askd_task {
	uint32_t size;
	uint32_t reserved;
	int64_t now_us;        /* when the question was asked */
	struct askd_text kind; /* "analysis", "answer", "email" */
	struct askd_text question;
	struct askd_text language; /* BCP 47: "en" */
	struct askd_text zone;     /* IANA: "Europe/Berlin" */
	const struct askd_catalogue *catalogue;
	const struct askd_llm_message *const
	        *history;         /* earlier turns, oldest first; with an
	                           * assistant's SQL in `calls` as name "sql", arguments {"sql": ...} */
	struct askd_text sql;     /* answer: the statement that ran; repair: the one that failed */
	struct askd_text problem; /* repair: why it failed, in words for the model */
	struct askd_text detail;  /* repair: the database's own message, which may quote values: the
	                           * host drops it unless the egress policy is `all` */
	struct askd_text facts;   /* answer: JSON list of figures computed from all rows */
	const struct askd_db_column *const *columns; /* answer */
	const struct askd_batch *rows;               /* answer */
	struct askd_text today; /* the day of now_us in that zone, YYYY-MM-DD: the host's to fill */
};

/* A piece of the text, as it is written. */
struct askd_llm_chunk {
	uint32_t size;
	uint32_t reserved;
	struct askd_text text;
};
ASKD_SINK(askd_llm_chunk);

/* `tool_choice` */
enum { ASKD_TOOL_AUTO, ASKD_TOOL_NONE, ASKD_TOOL_REQUIRED };

struct askd_llm_request {
	uint32_t size;
	uint32_t max_output;       /* tokens; 0: the server's default */
	int32_t temperature_milli; /* -1: the server's default */
	uint32_t tool_choice;      /* ASKD_TOOL_* */
	struct askd_text
	        model; /* kind: the model, absent: the instance's own. Service: the stage */
	struct askd_text reply_schema; /* JSON schema of the reply; absent: free text */
	const struct askd_llm_message *const *messages;
	const struct askd_llm_tool *const *tools;
	const struct askd_task *task;
	const struct askd_llm_chunk_sink *stream; /* NULL: the reply comes whole only */
};

/* `finish` of a reply */
enum { ASKD_FINISH_STOP = 1, ASKD_FINISH_LENGTH, ASKD_FINISH_TOOLS, ASKD_FINISH_FILTER };

struct askd_llm_reply {
	uint32_t size;
	uint32_t finish;          /* ASKD_FINISH_* */
	int32_t confidence_milli; /* 0 to 1000: how sure the engine is; -1: it does not say */
	uint32_t reserved;
	uint64_t input;     /* tokens, all that were sent */
	uint64_t output;    /* tokens, all that were written, with the reasoning */
	uint64_t cached;    /* part of input that was cheaper */
	uint64_t reasoning; /* part of output that is not in `text` */
	struct askd_text text;
	struct askd_text model;       /* the model that really answered */
	struct askd_text remote_id;   /* the vendor's id of this request */
	struct askd_text explanation; /* how the engine got there, in words; may be absent */
	const struct askd_tool_call *const *calls;
};

/* flags of askd_llm_model */
enum {
	ASKD_LLM_TOOLS = 1,
	ASKD_LLM_SCHEMA = 2, /* reply_schema is enforced by the server */
	ASKD_LLM_STREAM = 4,
	ASKD_LLM_FILES = 8,
	ASKD_LLM_LOCAL = 16, /* no byte leaves this machine (the egress policy asks) */
	ASKD_LLM_FREE = 32   /* needs no price: costs nothing */
};

/* What a model can do. In: `name`, absent for the instance's own. */
struct askd_llm_model {
	uint32_t size;
	uint32_t flags;   /* ASKD_LLM_* */
	uint64_t context; /* tokens; 0: unknown */
	uint64_t output;  /* tokens; 0: unknown */
	struct askd_text name;
};

struct askd_llm_iface {
	uint32_t size;
	uint32_t flags;
	/* [worker] self: instance. One reply. Errors as the table in askd/askd.h says: BUSY with
	 * retry_after_ms for 429 and 503, QUOTA for money, AUTH for 401, DENIED for 403, NOT_FOUND
	 * for an unknown model, TOO_LARGE for a context that is too long, REFUSED for the vendor's
	 * own filter, PROTOCOL for a reply that makes no sense, IO|RETRY for the network and 5xx.
	 */
	ASKD_FN(complete, askd_llm_request, askd_llm_reply);
	/* [worker] self: instance. Cheap: no request to the server. */
	ASKD_FN(model, askd_llm_model, askd_llm_model);
};

/* The service askd.llm/1. `model` of the request names a stage; `task` is set, `messages` empty:
 * the host renders them from the stage's prompt under the egress policy, retries, falls back and
 * accounts. It leaves `stream` out when nobody sees the text grow. Keyed by (turn, stage, its
 * ordinal in the turn): when a turn runs a second time after a crash it gets the stored reply.
 * QUOTA: the budget is used up. REFUSED: egress. */
struct askd_llm_service {
	uint32_t size;
	uint32_t reserved;
	ASKD_SERVICE(complete, askd_llm_request, askd_llm_reply); /* [worker] */
};

#ifdef __cplusplus
}
#endif
#endif
