/* crypto.h: the few primitives that askd uses, over OpenSSL's EVP. */
#ifndef BASE_CRYPTO_H
#define BASE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CRYPTO_KEY = 32,
	CRYPTO_HASH = 32,
	CRYPTO_NONCE = 12,
	CRYPTO_TAG = 16,
	CRYPTO_SEAL_EXTRA = CRYPTO_NONCE + CRYPTO_TAG
};

bool crypto_sha256(const void *p, size_t n, unsigned char out[CRYPTO_HASH]);
/* The same, piece by piece. NULL: no memory. end frees it, also when it answers false; out may be
 * NULL. */
struct crypto_sum;
struct crypto_sum *crypto_sum_begin(void);
bool crypto_sum_add(struct crypto_sum *sum, const void *p, size_t n);
bool crypto_sum_end(struct crypto_sum *sum, unsigned char out[CRYPTO_HASH]);
bool crypto_hmac(
        const void *key, size_t key_n, const void *p, size_t n, unsigned char out[CRYPTO_HASH]);
/* HKDF-SHA256, RFC 5869. */
bool crypto_derive(const unsigned char key[CRYPTO_KEY], const void *salt, size_t salt_n,
        const char *info, unsigned char out[CRYPTO_KEY]);
/* AES-256-GCM: nonce | ciphertext | tag into out (n + CRYPTO_SEAL_EXTRA bytes). */
bool crypto_seal(const unsigned char key[CRYPTO_KEY], const void *aad, size_t aad_n, const void *p,
        size_t n, unsigned char *out);
/* The reverse; out takes n - CRYPTO_SEAL_EXTRA bytes. false: forged, other key, other aad. */
bool crypto_open(const unsigned char key[CRYPTO_KEY], const void *aad, size_t aad_n, const void *p,
        size_t n, unsigned char *out);
bool crypto_equal(const void *a, const void *b, size_t n); /* constant time */
void crypto_wipe(void *p, size_t n);
/* Hex: out takes 2n+1. Base64url without padding: out takes (n*4+2)/3+1. Both end in a 0. */
void crypto_hex(const void *p, size_t n, char *out);
void crypto_base64url(const void *p, size_t n, char *out);
/* n: characters, even; out takes n/2 bytes. false: not all of it is hex. */
bool crypto_from_hex(const char *s, size_t n, unsigned char *out);

#endif
