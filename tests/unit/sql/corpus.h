/* corpus.h: the statements of tests/fixtures/sql: "--- name", then the statement to the next one.
 */
#ifndef TESTS_SQL_CORPUS_H
#define TESTS_SQL_CORPUS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct corpus_entry {
	char *name, *sql;
	size_t n;
};

struct corpus {
	char *text;
	struct corpus_entry entries[512];
	size_t count;
};

static inline char *corpus_file(const char *name, size_t *n)
{
	char path[1024], *text;
	FILE *f;
	long size;
	snprintf(path, sizeof path, SOURCE_DIR "/tests/fixtures/sql/%s", name);
	f = fopen(path, "rb");
	if (!f || fseek(f, 0, SEEK_END) || (size = ftell(f)) < 0 || fseek(f, 0, SEEK_SET)) {
		perror(path);
		abort();
	}
	text = malloc((size_t)size + 1);
	if (!text || fread(text, 1, (size_t)size, f) != (size_t)size)
		abort();
	text[size] = 0;
	fclose(f);
	*n = (size_t)size;
	return text;
}

static inline void corpus_read(struct corpus *corpus, const char *name)
{
	size_t n;
	char *at;
	corpus->count = 0;
	corpus->text = at = corpus_file(name, &n);
	while (at && !strncmp(at, "--- ", 4)) {
		struct corpus_entry *e = &corpus->entries[corpus->count++];
		char *end = strchr(at, '\n'), *next;
		e->name = at + 4;
		*end = 0;
		e->sql = end + 1;
		next = !strncmp(e->sql, "--- ", 4) ? e->sql - 1 : strstr(e->sql, "\n--- ");
		e->n = next ? (size_t)(next < e->sql ? 0 : next - e->sql) : strlen(e->sql);
		at = next ? next + 1 : NULL;
		/* Each in its own block, ended by a 0, so that a sanitizer sees a read too far. */
		end = malloc(e->n + 1);
		if (!end)
			abort();
		memcpy(end, e->sql, e->n);
		if (e->n && end[e->n - 1] == '\n' && !next)
			e->n--;
		end[e->n] = 0;
		e->sql = end;
	}
}

static inline void corpus_free(struct corpus *corpus)
{
	for (size_t i = 0; i < corpus->count; i++)
		free(corpus->entries[i].sql);
	free(corpus->text);
}

#endif
