/* peer.c: addresses of clients. */
#include "peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

void peer_of(const struct sockaddr *address, struct peer *peer)
{
	memset(peer, 0, sizeof *peer);
	if (address->sa_family == AF_INET) {
		memcpy(peer->bytes, mapped, sizeof mapped);
		memcpy(peer->bytes + 12, &((const struct sockaddr_in *)address)->sin_addr, 4);
	} else if (address->sa_family == AF_INET6) {
		memcpy(peer->bytes, &((const struct sockaddr_in6 *)address)->sin6_addr, 16);
	} else {
		peer->local = true;
	}
}

bool peer_parse(const char *s, size_t n, struct peer *peer)
{
	char text[64];
	const char *colon = memchr(s, ':', n);
	struct peer found = {.local = false};

	if (n && s[0] == '[') { /* [2001:db8::1]:443 */
		const char *end = memchr(s, ']', n);

		if (!end || (end + 1 < s + n && end[1] != ':'))
			return false;
		s++;
		n = (size_t)(end - s);
	} else if (colon && !memchr(colon + 1, ':', (size_t)(s + n - colon - 1))) {
		n = (size_t)(colon - s); /* 192.0.2.7:443 */
	}
	if (!n || n >= sizeof text)
		return false;
	memcpy(text, s, n);
	text[n] = 0;
	if (strlen(text) != n)
		return false;
	if (inet_pton(AF_INET, text, found.bytes + 12) == 1)
		memcpy(found.bytes, mapped, sizeof mapped);
	else if (inet_pton(AF_INET6, text, found.bytes) != 1)
		return false;
	*peer = found;
	return true;
}

void peer_print(const struct peer *peer, char out[static PEER_TEXT])
{
	if (peer->local)
		memcpy(out, "unix", 5);
	else if (!memcmp(peer->bytes, mapped, sizeof mapped))
		inet_ntop(AF_INET, peer->bytes + 12, out, PEER_TEXT);
	else
		inet_ntop(AF_INET6, peer->bytes, out, PEER_TEXT);
}

bool peer_is_loopback(const struct peer *peer)
{
	static const uint8_t six[16] = {[15] = 1};

	return !peer->local &&
	       (!memcmp(peer->bytes, six, sizeof six) ||
	               (!memcmp(peer->bytes, mapped, sizeof mapped) && peer->bytes[12] == 127));
}

bool peer_net_parse(const char *s, struct peer_net *net)
{
	const char *slash = strchr(s, '/');
	struct peer peer;
	long bits;
	char *end;
	bool four;

	memset(net, 0, sizeof *net);
	if (!strcmp(s, "unix")) {
		net->local = true;
		return true;
	}
	if (!peer_parse(s, slash ? (size_t)(slash - s) : strlen(s), &peer))
		return false;
	memcpy(net->bytes, peer.bytes, sizeof net->bytes);
	net->bits = 128;
	if (!slash)
		return true;
	four = !memcmp(peer.bytes, mapped, sizeof mapped);
	bits = strtol(slash + 1, &end, 10);
	if (end == slash + 1 || *end || bits < 0 || bits > (four ? 32 : 128))
		return false;
	net->bits = (int)bits + (four ? 96 : 0);
	return true;
}

static bool is_in(const struct peer *peer, const struct peer_net *net)
{
	int whole = net->bits / 8, rest = net->bits % 8;

	if (peer->local || net->local)
		return peer->local && net->local;
	return !memcmp(peer->bytes, net->bytes, (size_t)whole) &&
	       (!rest || (peer->bytes[whole] ^ net->bytes[whole]) >> (8 - rest) == 0);
}

bool peer_is_in(const struct peer *peer, const struct peer_net *nets, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_in(peer, &nets[i]))
			return true;
	return false;
}

void peer_group(struct peer *peer)
{
	if (!peer->local && memcmp(peer->bytes, mapped, sizeof mapped) != 0)
		memset(peer->bytes + 8, 0, 8);
}
