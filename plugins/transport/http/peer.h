/* peer.h: addresses of clients, and which of them are trusted proxies. No state. */
#ifndef HTTP_PEER_H
#define HTTP_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { PEER_TEXT = 48 };

/* An address as 16 bytes, an IPv4 one as ::ffff:a.b.c.d. */
struct peer {
	uint8_t bytes[16];
	bool local; /* came through a local socket: no address at all */
};

struct peer_net {
	uint8_t bytes[16];
	int bits;   /* of 128 */
	bool local; /* "unix" */
};

void peer_of(const struct sockaddr *address, struct peer *peer);
/* "192.0.2.7", "2001:db8::1", with port or brackets. */
bool peer_parse(const char *s, size_t n, struct peer *peer);
void peer_print(const struct peer *peer, char out[static PEER_TEXT]);
bool peer_is_loopback(const struct peer *peer);
/* "10.0.0.0/8", "2001:db8::/32", "127.0.0.1", "unix". */
bool peer_net_parse(const char *s, struct peer_net *net);
bool peer_is_in(const struct peer *peer, const struct peer_net *nets, size_t count);
/* What is limited together: an IPv4 address, an IPv6 network of 64 bits. */
void peer_group(struct peer *peer);

#endif
