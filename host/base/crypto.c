/* crypto.c: the few primitives that askd uses, over OpenSSL's EVP. */
#include "base/crypto.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <pthread.h>
#include <string.h>

#include "base/clock.h"

enum { CHUNK = 1 << 30 }; /* EVP counts in int */

/* Looked up once: OpenSSL would do it for each use, at nearly the cost of a small one. */
static EVP_MD *sha256;
static EVP_CIPHER *aes_gcm;
static EVP_MAC_CTX *hmac; /* without a key; copied for each use */

static void look_up(void)
{
	char digest[] = "SHA256";
	const OSSL_PARAM params[] = {
	        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
	        OSSL_PARAM_construct_end()};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);

	sha256 = EVP_MD_fetch(NULL, digest, NULL);
	aes_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	hmac = mac ? EVP_MAC_CTX_new(mac) : NULL;
	EVP_MAC_free(mac);
	if (hmac && !EVP_MAC_CTX_set_params(hmac, params)) {
		EVP_MAC_CTX_free(hmac);
		hmac = NULL;
	}
}

static bool ready(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, look_up);
	return sha256 && aes_gcm && hmac;
}

bool crypto_sha256(const void *p, size_t n, unsigned char out[CRYPTO_HASH])
{
	unsigned length = 0;

	return ready() && EVP_Digest(n ? p : "", n, out, &length, sha256, NULL) &&
	       length == CRYPTO_HASH;
}

/* An EVP_MD_CTX by another name. */
struct crypto_sum *crypto_sum_begin(void)
{
	EVP_MD_CTX *context = ready() ? EVP_MD_CTX_new() : NULL;

	if (context && !EVP_DigestInit_ex2(context, sha256, NULL)) {
		EVP_MD_CTX_free(context);
		context = NULL;
	}
	return (struct crypto_sum *)context;
}

bool crypto_sum_add(struct crypto_sum *sum, const void *p, size_t n)
{
	return EVP_DigestUpdate((EVP_MD_CTX *)sum, p, n);
}

bool crypto_sum_end(struct crypto_sum *sum, unsigned char out[CRYPTO_HASH])
{
	unsigned char own[CRYPTO_HASH];
	unsigned length = 0;
	bool ok = sum && EVP_DigestFinal_ex((EVP_MD_CTX *)sum, out ? out : own, &length) &&
	          length == CRYPTO_HASH;

	EVP_MD_CTX_free((EVP_MD_CTX *)sum);
	return ok;
}

bool crypto_hmac(
        const void *key, size_t key_n, const void *p, size_t n, unsigned char out[CRYPTO_HASH])
{
	EVP_MAC_CTX *context = ready() ? EVP_MAC_CTX_dup(hmac) : NULL;
	size_t length = 0;
	bool ok;

	ok = context && EVP_MAC_init(context, key_n ? key : (const void *)"", key_n, NULL) &&
	     EVP_MAC_update(context, n ? p : (const void *)"", n) &&
	     EVP_MAC_final(context, out, &length, CRYPTO_HASH) && length == CRYPTO_HASH;
	EVP_MAC_CTX_free(context);
	return ok;
}

bool crypto_derive(const unsigned char key[CRYPTO_KEY], const void *salt, size_t salt_n,
        const char *info, unsigned char out[CRYPTO_KEY])
{
	unsigned char secret[CRYPTO_HASH], first[256];
	size_t info_n = strlen(info);
	bool ok;

	/* One block of output: T(1) = HMAC(secret, info | 0x01). */
	if (info_n >= sizeof first)
		return false;
	memcpy(first, info, info_n);
	first[info_n] = 1;
	ok = crypto_hmac(salt, salt_n, key, CRYPTO_KEY, secret) &&
	     crypto_hmac(secret, sizeof secret, first, info_n + 1, out);
	crypto_wipe(secret, sizeof secret);
	return ok;
}

/* Runs all of in through the cipher, which is set up; out NULL: it is additional data. */
static bool cipher_run(
        EVP_CIPHER_CTX *context, unsigned char *out, const unsigned char *in, size_t n)
{
	while (n) {
		int part = n > CHUNK ? CHUNK : (int)n, wrote = 0;

		if (!EVP_CipherUpdate(context, out, &wrote, in, part) || wrote != part)
			return false;
		if (out)
			out += part;
		in += part;
		n -= (size_t)part;
	}
	return true;
}

bool crypto_seal(const unsigned char key[CRYPTO_KEY], const void *aad, size_t aad_n, const void *p,
        size_t n, unsigned char *out)
{
	EVP_CIPHER_CTX *context = ready() ? EVP_CIPHER_CTX_new() : NULL;
	unsigned char *tag = out + CRYPTO_NONCE + n;
	int wrote = 0;
	bool ok;

	random_bytes(out, CRYPTO_NONCE);
	ok = context && EVP_CipherInit_ex(context, aes_gcm, NULL, key, out, 1) &&
	     cipher_run(context, NULL, aad, aad_n) &&
	     cipher_run(context, out + CRYPTO_NONCE, p, n) &&
	     EVP_CipherFinal_ex(context, tag, &wrote) &&
	     EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, CRYPTO_TAG, tag);
	EVP_CIPHER_CTX_free(context);
	return ok;
}

bool crypto_open(const unsigned char key[CRYPTO_KEY], const void *aad, size_t aad_n, const void *p,
        size_t n, unsigned char *out)
{
	const unsigned char *in = p;
	unsigned char tag[CRYPTO_TAG], rest[16];
	EVP_CIPHER_CTX *context;
	int wrote = 0;
	bool ok;

	if (n < CRYPTO_SEAL_EXTRA)
		return false;
	context = ready() ? EVP_CIPHER_CTX_new() : NULL;
	memcpy(tag, in + n - CRYPTO_TAG, CRYPTO_TAG);
	ok = context && EVP_CipherInit_ex(context, aes_gcm, NULL, key, in, 0) &&
	     cipher_run(context, NULL, aad, aad_n) &&
	     cipher_run(context, out, in + CRYPTO_NONCE, n - CRYPTO_SEAL_EXTRA) &&
	     EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, CRYPTO_TAG, tag) &&
	     EVP_CipherFinal_ex(context, rest, &wrote) > 0;
	EVP_CIPHER_CTX_free(context);
	if (!ok)
		crypto_wipe(out, n - CRYPTO_SEAL_EXTRA); /* nothing forged leaves here */
	return ok;
}

bool crypto_equal(const void *a, const void *b, size_t n)
{
	return !CRYPTO_memcmp(a, b, n);
}

void crypto_wipe(void *p, size_t n)
{
	if (p && n)
		OPENSSL_cleanse(p, n);
}

void crypto_hex(const void *p, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *in = p;

	for (size_t i = 0; i < n; i++) {
		*out++ = digits[in[i] >> 4];
		*out++ = digits[in[i] & 15];
	}
	*out = 0;
}

void crypto_base64url(const void *p, size_t n, char *out)
{
	static const char digits[] =
	        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const unsigned char *in = p;

	for (; n; in += n < 3 ? n : 3, n -= n < 3 ? n : 3) {
		uint32_t bits = (uint32_t)in[0] << 16 | (n > 1 ? (uint32_t)in[1] << 8 : 0) |
		                (n > 2 ? in[2] : 0);
		size_t characters = n < 3 ? n + 1 : 4;

		for (size_t i = 0; i < characters; i++)
			*out++ = digits[bits >> (18 - 6 * i) & 63];
	}
	*out = 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool crypto_from_hex(const char *s, size_t n, unsigned char *out)
{
	if (n % 2)
		return false;
	for (size_t i = 0; i < n; i += 2) {
		int high = hex_digit(s[i]), low = hex_digit(s[i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i / 2] = (unsigned char)(high << 4 | low);
	}
	return true;
}
