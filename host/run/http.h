/* http.h: outgoing HTTP: one I/O thread, curl_multi_socket_action on epoll. Offers askd.http/1. */
#ifndef RUN_HTTP_H
#define RUN_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include <askd/http.h>

int32_t http_start(
        struct askd_error *reterr); /* offers the service; the thread starts on first use */
void http_stop(void);               /* ends what is running with CANCELED */
struct http_stats {
	uint64_t requests, connections, running;
};
struct http_stats http_stats(void);

#endif
