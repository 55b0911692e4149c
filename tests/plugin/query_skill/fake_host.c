#include "fake_host.h"

#include <ctype.h>
#include <stdlib.h>

static void *fake_alloc(struct askd_call *call, uint64_t n)
{
	struct fake_call *fake = (struct fake_call *)call;
	void *p;
	if (fake->fails_after >= 0 && fake->fails_after-- == 0) {
		fake->fails_after = 0;
		return NULL;
	}
	if (fake->count == fake->room) {
		fake->room = fake->room ? fake->room * 2 : 64;
		fake->blocks = realloc(fake->blocks, fake->room * sizeof *fake->blocks);
		if (!fake->blocks)
			abort();
	}
	p = malloc(n ? n : 1);
	if (p)
		fake->blocks[fake->count++] = p;
	return p;
}

void fake_call_init(struct fake_call *call)
{
	memset(call, 0, sizeof *call);
	call->call.size = sizeof call->call;
	call->call.cancel = &call->cancel;
	call->call.alloc = fake_alloc;
	call->fails_after = -1;
}

void fake_call_finish(struct fake_call *call)
{
	while (call->count)
		free(call->blocks[--call->count]);
	free(call->blocks);
	call->blocks = NULL;
}

static int32_t i18n_text(const struct askd_host *host, struct askd_call *call,
        const struct askd_i18n_text *in, struct askd_i18n_result *out, struct askd_error *reterr)
{
	struct askd_text text = in->plural.s && in->count != 1 ? in->plural : in->text;
	char page[20000], count[24];
	size_t n = 0;
	(void)host;
	snprintf(count, sizeof count, "%lld", (long long)in->count);
	for (size_t i = 0; i < text.n;) {
		const char *close = text.s[i] == '{' ? memchr(text.s + i, '}', text.n - i) : NULL;
		size_t length = close ? (size_t)(close - text.s) - i - 1 : 0;
		const char *value = NULL;
		bool raw = false;
		for (const struct askd_header *const *a = in->args; close && a && *a; a++) {
			raw = (*a)->name.s[0] == '*';
			if ((*a)->name.n == length + raw &&
			        !memcmp((*a)->name.s + raw, text.s + i + 1, length)) {
				value = (*a)->value.s;
				break;
			}
		}
		if (close && !value && length == 5 && !memcmp(text.s + i + 1, "count", 5))
			value = count;
		if (!value) {
			page[n++] = text.s[i++];
		} else {
			for (; *value && n + 3 < sizeof page; value++) {
				if (!raw && *value == '*')
					page[n++] = '\\';
				page[n++] = *value;
			}
			i += length + 2;
		}
		if (n + 3 >= sizeof page)
			return askd_fail(reterr, ASKD_E_TOO_LARGE, "long");
	}
	if (out)
		out->text = askd_copy(call, page, n);
	return out && !out->text.s ? askd_fail(reterr, ASKD_E_NOMEM, "full") : ASKD_OK;
}

const struct askd_i18n_service fake_i18n = {.size = sizeof fake_i18n, .text = i18n_text};

static struct askd_value cell_of(struct fake_call *call, const char *s, size_t n)
{
	struct askd_value value = {.type = ASKD_TEXT, .len = (uint32_t)n};
	char *copy = (char *)askd_copy(&call->call, s, n).s, *end;
	if (n == 4 && !memcmp(copy, "NULL", 4))
		return (struct askd_value){.type = ASKD_NULL};
	value.u.s = copy;
	if (n && (isdigit((unsigned char)copy[0]) || copy[0] == '-')) {
		long long i = strtoll(copy, &end, 10);
		if (!*end)
			return (struct askd_value){.type = ASKD_INT, .u.i = i};
		double f = strtod(copy, &end);
		if (!*end)
			return (struct askd_value){.type = ASKD_FLOAT, .u.f = f};
		if (n == 10 && copy[4] == '-' && copy[7] == '-')
			value.type = ASKD_DATE;
		else if (n >= 19 && copy[4] == '-' && copy[13] == ':')
			value.type = ASKD_TIMESTAMP;
	}
	return value;
}

static const char *piece(const char *s, size_t *n)
{
	*n = strcspn(s, "|\n");
	return s[*n] ? s + *n + 1 : s + *n;
}

void fake_batch(struct fake_call *call, const char *text,
        const struct askd_db_column *const **columns, struct askd_batch *batch)
{
	const struct askd_db_column **list = fake_alloc(&call->call, 64 * sizeof *list);
	struct askd_value *cells = fake_alloc(&call->call, 40000 * sizeof *cells);
	uint32_t width = 0, count = 0;
	size_t n;
	bool more = true;
	while (more) {
		struct askd_db_column *column = fake_alloc(&call->call, sizeof *column);
		const char *next = piece(text, &n);
		memset(column, 0, sizeof *column);
		column->size = sizeof *column;
		column->name = askd_copy(&call->call, text, n);
		list[width++] = column;
		more = text[n] == '|';
		text = next;
	}
	list[width] = NULL;
	while (*text) {
		const char *next = piece(text, &n);
		cells[count++] = cell_of(call, text, n);
		text = next;
	}
	*columns = list;
	*batch = (struct askd_batch){.size = sizeof *batch,
	        .rows = count / width,
	        .columns = width,
	        .end = 1,
	        .affected = -1,
	        .cells = cells};
}
