/* openai.h: what the files of this plugin share. One instance is one server with one key. */
#ifndef OPENAI_H
#define OPENAI_H

#include <jansson.h>
#include <stdbool.h>

#include <askd/http.h>
#include <askd/llm.h>

/* How a reply is held to a schema, from best to worst. */
enum openai_json { OPENAI_JSON_AUTO, OPENAI_JSON_SCHEMA, OPENAI_JSON_OBJECT, OPENAI_JSON_OFF };
/* The name of the limit of a reply's length. */
enum openai_limit { OPENAI_LIMIT_AUTO, OPENAI_LIMIT_OLD, OPENAI_LIMIT_NEW };

enum {
	OPENAI_DEPTH = 64,          /* brackets in the server's JSON */
	OPENAI_TEXT_MAX = 32 << 20, /* bytes of one reply, or of one event of a stream */
	OPENAI_CALLS_MAX = 128,     /* tool calls of one reply */
	OPENAI_FILE_MAX = 20 << 20, /* bytes of one picture */
	OPENAI_MESSAGE = 200        /* bytes of the server's own words in an error */
};

/* What the server was found not to take. Bits; learned while running. */
enum {
	OPENAI_NO_SCHEMA = 1,      /* response_format json_schema */
	OPENAI_NO_OBJECT = 2,      /* response_format json_object */
	OPENAI_NO_USAGE = 4,       /* stream_options */
	OPENAI_NEW_LIMIT = 8,      /* it wants max_completion_tokens */
	OPENAI_NO_TEMPERATURE = 16 /* models that reason take none */
};

struct openai {
	/* options */
	const char *base_url, *api_key, *organisation, *model;
	const char *const *headers;
	int64_t timeout, context, max_output, max_output_name, json;
	/* made by open */
	const struct askd_host *host;
	const struct askd_http_service *http;
	char *url;
	uint32_t local;
	uint32_t learned; /* atomic: OPENAI_NO_... */
	uint32_t warned;  /* atomic: a missing usage was said */
};

/* ---- text.c: growing bytes ---- */

struct bytes {
	char *s; /* followed by a 0; NULL: empty */
	size_t n, room;
	size_t max;  /* 0: OPENAI_TEXT_MAX */
	bool failed; /* no memory, or above max */
};
void bytes_add(struct bytes *b, const char *s, size_t n);
/* As it stands inside of a string of JSON; with quotes around it. UTF-8. */
void bytes_escape(struct bytes *b, const char *s, size_t n);
void bytes_add_string(struct bytes *b, const char *s, size_t n);
/* Room for n more bytes, behind those that are there; NULL: there is none. What was written to it
 * counts once bytes_took is told where it ends. */
char *bytes_room(struct bytes *b, size_t n);
void bytes_took(struct bytes *b, const char *end);
/* Gives back the room behind what was added. */
void bytes_fit(struct bytes *b);
void bytes_free(struct bytes *b);
/* JSON from the server: depth counted before it is parsed. NULL: it is none. *cut: it ends too
 * early. */
json_t *openai_json(const char *s, size_t n, bool *cut);
/* Strict UTF-8 without NUL. */
bool openai_is_text(const char *s, size_t n);

/* ---- request.c ---- */

/* Adds to *body, of the caller, also when it fails. lacks: OPENAI_NO_... bits. */
int32_t openai_body(struct openai *o, const struct askd_llm_request *in, uint32_t lacks,
        struct bytes *body, struct askd_error *reterr);

/* ---- errors.c ---- */

/* Adds where an operator should look; NULL is fine. */
void openai_add_remedy(struct askd_error *reterr);
/* Fills *reterr from what the server said with this status (200: an error inside a reply). */
int32_t openai_fail(const struct openai *o, int32_t status, const json_t *body,
        const struct askd_header *const *headers, struct askd_error *reterr);
/* The bit of a feature that this 400 complains about, of those in `used`; 0: none. */
uint32_t openai_complaint(const json_t *body, uint32_t used);

/* ---- reply.c ---- */

/* A tool call, as far as it has arrived. */
struct openai_call {
	struct bytes id, name, arguments;
};

/* What has been read of a reply, whole or in pieces. */
struct openai_reply {
	struct bytes text, refusal;
	struct openai_call *calls;
	size_t call_count;
	char finish[32];
	char id[128], model[128];
	bool usage;
	uint64_t input, output, cached, reasoning;
	json_t *error; /* the body that carried an error; NULL: none */
	bool failed;   /* no memory, or too large */
};
void openai_reply_free(struct openai_reply *r);
/* Reads one object: a whole reply, or one event of a stream. false: it is neither. `piece`: the new
 * text of the event. */
bool openai_reply_read(struct openai_reply *r, const json_t *object, struct askd_text *piece);
/* To the contract's reply, in the arena. */
int32_t openai_reply_finish(struct openai *o, struct openai_reply *r, struct askd_call *call,
        struct askd_llm_reply *out, struct askd_error *reterr);
/* A whole body. */
int32_t openai_reply_whole(struct openai *o, struct askd_bytes body, struct askd_call *call,
        struct askd_llm_reply *out, struct askd_error *reterr);

/* ---- stream.c ---- */

/* Server-sent events (WHATWG HTML, 9.2.6), cut anywhere. */
struct openai_stream {
	struct askd_http_chunk_sink sink; /* must be first: what askd.http/1 gets */
	struct openai *o;
	const struct askd_llm_chunk_sink *out;
	struct openai_reply reply;
	struct bytes line, data, whole;
	bool began, is_whole, after_cr, done, garbage, failed;
	uint64_t events, total;
	int32_t stopped; /* what the receiver of the text said: not OK */
};
void openai_stream_init(
        struct openai_stream *s, struct openai *o, const struct askd_llm_chunk_sink *out);
void openai_stream_free(struct openai_stream *s);
/* After the body has ended. */
int32_t openai_stream_finish(struct openai_stream *s, struct askd_call *call,
        struct askd_llm_reply *out, struct askd_error *reterr);

#endif
