/*
 * askd/http.h: the service askd.http/1, outgoing HTTP.
 *
 * Plugins never open HTTP connections of their own: deadlines, proxies, address rules, connection
 * reuse and metrics live in one place. It retries nothing (but a reused connection that closed
 * before the first byte of the reply), since it does not know what is safe to repeat. Proxies and
 * further authorities are the environment's (https_proxy, http_proxy, all_proxy, no_proxy;
 * SSL_CERT_FILE); what goes to this machine meets no proxy.
 */
#ifndef ASKD_HTTP_H
#define ASKD_HTTP_H

#include <askd/askd.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A piece of a response body, as it arrives. */
struct askd_http_chunk {
	uint32_t size;
	uint32_t reserved;
	struct askd_bytes data;
};
ASKD_SINK(askd_http_chunk);

struct askd_http_request {
	uint32_t size;
	uint32_t flags;
	struct askd_text method;                   /* "POST" */
	struct askd_text url;                      /* http or https, absolute */
	const struct askd_header *const *headers;  /* secret: never logged */
	struct askd_bytes body;                    /* absent: none */
	const struct askd_file *file;              /* instead of body; NULL: none */
	const struct askd_http_chunk_sink *stream; /* takes the body of a 2xx reply as it arrives;
	                                            * all other bodies come whole. NULL: whole */
};

struct askd_http_response {
	uint32_t size;
	int32_t status;                           /* 200, 404, ...: any status is ASKD_OK */
	const struct askd_header *const *headers; /* names in lower case */
	struct askd_bytes body; /* whole, followed by a 0; absent when it was streamed */
};

struct askd_http_service {
	uint32_t size;
	uint32_t reserved;
	/* [worker] [run] Waits for the reply. IO|RETRY: no connection, or cut; TIMEOUT: the call's
	 * deadline; CANCELED; TOO_LARGE: a whole body above the arena; DENIED: the address is not
	 * allowed; INVALID: not a URL. ASKD_ERR_MAYBE_DONE when the request had been sent. */
	ASKD_SERVICE(fetch, askd_http_request, askd_http_response);
};

#ifdef __cplusplus
}
#endif
#endif
