/* drive.c: asks the offline engine from the outside, for development. One JSON object a line:
 * {"id": 0, "db": "x.sqlite", "question": "...", "today": "2026-11-21"} -> {"id", "sql",
 * "confidence"}.
 *
 *   drive [--explain]            questions on stdin
 *   drive --schema FILE...       how the databases were understood
 *   drive --all FILE...          reads all, keeps all: times and memory */
#include <jansson.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "engine.h"
#include "sqlite_source.h"

struct database {
	struct database *next;
	char *path;
	sqlite3 *db;
	struct schema *schema;
	struct source source;
	struct pool catalogue; /* memory of what is described */
	double ms;
};

static double now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static struct database *database_open(struct database **list, const char *path)
{
	struct database *d = *list;
	struct askd_catalogue catalogue;
	struct askd_error error = {0};
	char uri[4096];
	double start = now_ms();
	for (; d; d = d->next)
		if (!strcmp(d->path, path))
			return d;
	d = calloc(1, sizeof *d);
	if (!d || !(d->path = strdup(path)))
		abort();
	d->next = *list;
	*list = d;
	snprintf(uri, sizeof uri, "file:%s?immutable=1", path);
	if (sqlite3_open_v2(uri, &d->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) !=
	        SQLITE_OK) {
		fprintf(stderr, "%s: %s\n", path, sqlite3_errmsg(d->db));
		return d;
	}
	d->source = (struct source){sqlite_read, d->db};
	catalogue = sqlite_catalogue(&d->catalogue, d->db);
	d->schema = schema_create(&catalogue, &error);
	pool_finish(&d->catalogue);
	if (!d->schema || schema_learn(d->schema, &d->source, 10000, &error))
		fprintf(stderr, "%s: %s\n", path, error.message);
	d->ms = now_ms() - start;
	return d;
}

/* ---- what is printed ---------------------------------------------------------------------------
 */

static void print_flags(uint32_t flags)
{
	static const char *const names[] = {"primary", "foreign", "unique", "code", "name", "enum",
	        "measure", "year", "truth", "indexed", "iso", "textual"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (flags & 1u << i)
			printf(" %s", names[i]);
}

static void print_phrases(const struct schema *schema, enum phrase_kind kind, uint32_t index)
{
	printf("        ");
	for (size_t i = 0; i < schema->phrase_count; i++) {
		const struct schema_phrase *phrase = &schema->phrases[i];
		if (phrase->kind == kind && phrase->index == index)
			printf("%s=%u; ", phrase->stems, phrase->weight);
	}
	printf("\n");
}

static const char *column_name(const struct schema *schema, int32_t column)
{
	return column < 0 ? "-" : schema->columns[column].name;
}

static void print_schema(const struct schema *schema)
{
	static const char *const classes[] = {"text", "number", "time", "other"};
	for (uint32_t i = 0; i < schema->table_count; i++) {
		const struct schema_table *t = &schema->tables[i];
		printf("%s (%s) key %s, display %s %s%s%s\n", t->name, t->words,
		        column_name(schema, t->key), column_name(schema, t->display),
		        column_name(schema, t->display2), t->junction ? ", junction" : "",
		        t->view ? ", view" : "");
		print_phrases(schema, PHRASE_TABLE, i);
		for (uint32_t j = t->first; j < t->first + t->columns; j++) {
			const struct schema_column *c = &schema->columns[j];
			printf("    %s (%s) %s", c->name, c->words, classes[c->type]);
			print_flags(c->flags);
			printf(" distinct %u%s%s", c->distinct, c->unit ? " unit " : "",
			        c->unit ? c->unit : "");
			if (c->yes)
				printf(" yes %s no %s", c->yes[0], c->yes[1]);
			printf("\n");
			print_phrases(schema, PHRASE_COLUMN, j);
		}
	}
	for (size_t i = 0; i < schema->edge_count; i++) {
		const struct schema_edge *e = &schema->edges[i];
		const struct schema_column *from = &schema->columns[e->from],
		                           *to = &schema->columns[e->to];
		printf("%s.%s -> %s.%s %u%s\n", schema->tables[from->table].name, from->name,
		        schema->tables[to->table].name, to->name, e->cost,
		        e->more ? " with next" : "");
	}
}

static json_t *list_of(const char *const *texts)
{
	json_t *list = json_array();
	for (; *texts; texts++)
		json_array_append_new(list, json_string(*texts));
	return list;
}

static void keep_line(void *owner, const char *line)
{
	json_array_append_new(owner, json_string(line));
}

static void answer(struct database **list, const json_t *in, bool explain, bool traced)
{
	json_t *trace = traced ? json_array() : NULL;
	const char *path = json_string_value(json_object_get(in, "db"));
	const char *text = json_string_value(json_object_get(in, "question"));
	const char *today = json_string_value(json_object_get(in, "today"));
	struct database *d = path && text ? database_open(list, path) : NULL;
	json_t *out = json_object();
	struct engine_reply reply = {0};
	struct askd_error error = {0};
	struct pool pool = {0};
	if (d && d->schema) {
		struct engine_question question = {
		        text, strlen(text), today ? today : "2026-11-21", &d->source, NULL, NULL};

		if (traced) {
			question.trace = keep_line;
			question.owner = trace;
		}
		if (engine_answer(d->schema, &pool, &question, &reply, &error)) {
			fprintf(stderr, "%s\n", error.message);
			reply = (struct engine_reply){0};
		}
	}
	if (traced)
		json_object_set(out, "trace", trace);
	json_decref(trace);
	json_object_set(out, "id", json_object_get(in, "id"));
	json_object_set_new(out, "sql", reply.sql ? json_string(reply.sql) : json_null());
	json_object_set_new(out, "confidence", json_real(reply.confidence_milli / 1000.0));
	if (explain) {
		const char *const *choices = reply.choices;
		json_object_set_new(out, "explanation",
		        json_string(reply.explanation ? reply.explanation : ""));
		json_object_set_new(
		        out, "ignored", json_string(reply.ignored ? reply.ignored : ""));
		json_object_set_new(out, "reason", json_string(reply.reason ? reply.reason : ""));
		json_object_set_new(out, "suggestions", list_of(reply.suggestions));
		json_object_set_new(out, "choices", list_of(choices));
		json_object_set_new(out, "choice_sql", list_of(reply.choice_sql));
	}
	json_dumpf(out, stdout, JSON_COMPACT);
	printf("\n");
	fflush(stdout);
	json_decref(out);
	pool_finish(&pool);
}

static void all(struct database **list, char **paths)
{
	size_t bytes = 0, phrases = 0, columns = 0;
	double worst = 0, total = 0;
	const char *slowest = "";
	struct rusage usage;
	for (; *paths; paths++) {
		struct database *d = database_open(list, *paths);
		if (!d->schema)
			continue;
		bytes += schema_memory(d->schema);
		phrases += d->schema->phrase_count;
		columns += d->schema->column_count;
		total += d->ms;
		if (d->ms > worst) {
			worst = d->ms;
			slowest = d->path;
		}
	}
	getrusage(RUSAGE_SELF, &usage);
	printf("%zu columns, %zu phrases, %.1f MB in schemas, %.1f MB resident at most\n"
	       "%.0f ms in all, slowest %.0f ms %s\n",
	        columns, phrases, (double)bytes / 1e6, (double)usage.ru_maxrss / 1e3, total, worst,
	        slowest);
}

int main(int argc, char **argv)
{
	struct database *list = NULL;
	bool traced = argc > 1 && !strcmp(argv[1], "--trace");
	bool explain = traced || (argc > 1 && !strcmp(argv[1], "--explain"));
	char *line = NULL;
	size_t room = 0;
	if (argc > 1 && !strcmp(argv[1], "--all")) {
		all(&list, argv + 2);
	} else if (argc > 1 && !strcmp(argv[1], "--schema")) {
		for (char **path = argv + 2; *path; path++) {
			struct database *d = database_open(&list, *path);
			if (d->schema)
				print_schema(d->schema);
		}
	} else if (argc > 1 && !explain) {
		fprintf(stderr, "drive [--explain | --trace] | --schema FILE... | --all FILE...\n");
		return 2;
	} else {
		while (getline(&line, &room, stdin) > 0) {
			json_t *in = json_loads(line, 0, NULL);
			if (in)
				answer(&list, in, explain, traced);
			json_decref(in);
		}
		free(line);
	}
	while (list) {
		struct database *d = list;
		list = d->next;
		schema_destroy(d->schema);
		sqlite3_close(d->db);
		free(d->path);
		free(d);
	}
	return 0;
}
