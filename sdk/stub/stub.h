/* stub.h: the inside of the stub host. */
#ifndef STUB_H
#define STUB_H

#include <askd/stub.h>

enum { STUB_SERVICES = 32 };

struct stub_block {
	struct stub_block *next;
	uint64_t reserved; /* what follows is aligned to 16 bytes */
};

struct stub_text {
	char *s;
	size_t n;
};

/* A reply that waits for its request. */
struct stub_reply {
	struct stub_reply *next;
	int32_t status;
	uint32_t reserved;
	char *body;
};

struct stub_service {
	const char *id;
	const void *table;
	void *user;
};

struct stub_call {
	struct askd_call base; /* first */
	struct stub_block *blocks;
};

struct askd_stub {
	struct askd_host host; /* first */
	const struct askd_plugin *plugin;
	void *self;
	uint32_t open, canceled;
	int64_t now_us;
	struct stub_call *call; /* of askd_stub_begin */
	struct stub_block *options;
	struct stub_text log, sent;
	struct stub_reply *http, *llm;
	struct stub_service services[STUB_SERVICES];
	size_t service_count;
};

void *stub_alloc(struct stub_block **blocks, size_t n);
void stub_free(struct stub_block **blocks);
/* Appends a line; without memory it is lost. */
void stub_add(struct stub_text *text, const char *line, size_t n);
int32_t stub_options_read(
        struct askd_stub *stub, const char *const *options, struct askd_error *reterr);
int32_t stub_services_init(struct askd_stub *stub);
void stub_services_finish(struct askd_stub *stub);

#endif
