/* options_sum.c: are the options of an instance the same as before? */
#include "base/text.h"
#include "config/interpolate.h"
#include "config/options.h"

enum { FILE_MAX = 1 << 20 };

/* With its length, so that no two lists of values look alike. */
static void add_bytes(struct buffer *b, const void *p, size_t n)
{
	uint64_t length = p ? n : UINT64_MAX;

	buffer_add(b, &length, sizeof length);
	if (p)
		buffer_add(b, p, n);
}

static void add_string(struct buffer *b, const char *s)
{
	add_bytes(b, s, s ? strlen(s) : 0);
}

/* What cannot be read is told apart by its reason: the plugin will say more. */
static bool add_file(struct buffer *b, const char *path)
{
	struct askd_text text = {NULL, 0};
	unsigned char hash[CRYPTO_HASH] = {0};
	struct arena a;
	bool done = true;
	int rc;

	if (!path)
		return true;
	arena_init(&a, 0);
	rc = file_read_bytes(&a, path, FILE_MAX, &text);
	if (!rc)
		done = crypto_sha256(text.s, (size_t)text.n, hash);
	if (!rc)
		crypto_wipe((char *)text.s, (size_t)text.n);
	arena_finish(&a);
	buffer_add(b, &rc, sizeof rc);
	buffer_add(b, hash, sizeof hash);
	return done;
}

/* The members are read through memcpy: their types are known from the table alone. */
static bool add_option(struct buffer *b, const struct askd_option *option, const char *target)
{
	const char *text;
	const char *const *list;
	int64_t number;

	switch (option->type) {
	case ASKD_OPT_TEXT:
	case ASKD_OPT_JSON:
		memcpy(&text, target + option->offset, sizeof text);
		add_string(b, text);
		return !(option->flags & ASKD_OPT_FILE) || add_file(b, text);
	case ASKD_OPT_LIST:
	case ASKD_OPT_MAP:
		memcpy(&list, target + option->offset, sizeof list);
		for (; list && *list; list++)
			add_string(b, *list);
		add_string(b, NULL);
		return true;
	default:
		memcpy(&number, target + option->offset, sizeof number);
		buffer_add(b, &number, sizeof number);
		return true;
	}
}

bool options_sum(const struct askd_option *table, uint32_t stride, const void *target,
        unsigned char sum[CRYPTO_HASH])
{
	struct buffer b;
	bool done = true;

	buffer_init(&b, 0);
	for (; done && table->name; table = options_next(table, stride)) {
		add_string(&b, table->name);
		done = add_option(&b, table, target);
	}
	done = done && !b.failed && crypto_sha256(b.s ? b.s : "", b.n, sum);
	if (b.s)
		crypto_wipe(b.s, b.n); /* secrets are among them */
	buffer_finish(&b);
	return done;
}
