// sources: plugins/transport/http/path.c plugins/transport/http/peer.c
/* Paths, parameters and addresses of any request: what is taken is text, and stays below its root.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/transport/http/path.h"
#include "plugins/transport/http/peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *s = (const char *)data;
	char *out = malloc(size + 1), *again = malloc(size + 1), text[PEER_TEXT];
	struct peer_net net;
	struct peer peer = {.local = false};
	size_t n, m;

	if (!out || !again)
		abort();
	if (path_normalise(s, size, out, &n)) {
		if (n > size || out[n] || strlen(out) != n || out[0] != '/' || strchr(out, '\\') ||
		        strstr(out, "//") || strstr(out, "/../") || strstr(out, "/./") ||
		        !path_is_text(out, n, false))
			abort();
		/* What is normal stays so, but for what an escape has spelled out. */
		if (!strchr(out, '%') && (!path_normalise(out, n, again, &m) || m != n ||
		                                 memcmp(out, again, n) != 0))
			abort();
	}
	if (path_decode(s, size, true, out, &n) && (n > size || strlen(out) != n))
		abort();
	(void)path_is_token(s, size);
	if (peer_parse(s, size, &peer)) {
		peer_print(&peer, text);
		if (!peer_parse(text, strlen(text), &peer))
			abort();
	}
	memcpy(out, s, size);
	out[size] = 0;
	if (peer_net_parse(out, &net))
		(void)peer_is_in(&peer, &net, 1);
	free(out);
	free(again);
	return 0;
}
