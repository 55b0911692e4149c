/* check.c: askd-company-check, the command: asks a running askd about a sample company, over HTTP
 * and on the command line, and compares each answer with what SQL written by hand says. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <curl/curl.h>

#include "check.h"

enum { AS_EXPECTED = 0, OTHERWISE = 1, WRONG_USE = 2, WAYS = 2, SECONDS = 60 };

static const char usage[] =
        "Usage: askd-company-check [--seed N] --url URL --askd PROGRAM --config FILE COMPANY.db\n"
        "\n"
        "Asks the askd that serves COMPANY.db under URL and FILE twenty questions, each over HTTP\n"
        "and by `PROGRAM -c FILE ask`, and compares the answers with those of SQL written by "
        "hand.\n"
        "\n"
        "  --seed N   which values the questions name (default: 1)\n"
        "\n"
        "Exit status: 0 all as expected; 1 not all, or no askd; 2 wrong arguments.\n";

struct arguments {
	int64_t seed;
	const char *url, *askd, *config, *file;
};

extern char **environ;

/* ---- the two ways to ask; NULL: no object came back ---- */

static size_t take(char *bytes, size_t size, size_t count, void *to)
{
	return fwrite(bytes, size, count, to) * size;
}

static json_t *ask_http(const struct arguments *args, const char *question)
{
	json_t *body = json_pack("{s:s}", "question", question), *reply = NULL;
	char *text = NULL, *sent = json_dumps(body, 0), url[512];
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);
	CURL *curl = curl_easy_init();
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	bool came;
	snprintf(url, sizeof url, "%s/api/query", args->url);
	if (sent && to && curl && headers) {
		curl_easy_setopt(curl, CURLOPT_URL, url);
		curl_easy_setopt(curl, CURLOPT_PROXY, "");
		curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)SECONDS);
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, sent);
		curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
		curl_easy_setopt(curl, CURLOPT_WRITEDATA, to);
		came = !curl_easy_perform(curl);
		if (!fflush(to) && came)
			reply = json_loadb(text, size, 0, NULL);
	}
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	if (to)
		fclose(to);
	free(text);
	free(sent);
	json_decref(body);
	return reply;
}

static json_t *ask_command(const struct arguments *args, const char *question)
{
	char *const words[] = {(char *)args->askd, (char *)"-c", (char *)args->config,
	        (char *)"ask", (char *)"--json", (char *)question, NULL};
	posix_spawn_file_actions_t actions;
	json_t *reply = NULL;
	int ends[2];
	pid_t pid;
	FILE *from;
	if (pipe2(ends, O_CLOEXEC))
		return NULL;
	from = fdopen(ends[0], "r");
	if (!from || posix_spawn_file_actions_init(&actions)) {
		if (from)
			fclose(from);
		else
			close(ends[0]);
		close(ends[1]);
		return NULL;
	}
	if (posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO) ||
	        posix_spawn(&pid, args->askd, &actions, NULL, words, environ))
		pid = -1;
	close(ends[1]);
	posix_spawn_file_actions_destroy(&actions);
	if (pid > 0)
		reply = json_loadf(from, JSON_DISABLE_EOF_CHECK, NULL);
	fclose(from);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return reply;
}

/* ---- judging ---- */

static const char *word_of(const struct check *check, const json_t *expected, const json_t *reply)
{
	const char *kind = json_string_value(json_object_get(reply, "kind"));
	if (!kind)
		return "no reply";
	if (!strcmp(kind, "declined"))
		return "declined";
	if (strcmp(kind, "answer") != 0)
		return kind;
	if (!check->sql)
		return "invented";
	return check_agrees(expected, json_object_get(reply, "data"), check->ordered) ? "right"
	                                                                              : "wrong";
}

/* What explains a reply that was not expected. */
static void explain(const char *question, const char *way, const char *word, const json_t *expected,
        const json_t *reply)
{
	static const char *const members[] = {"sql", "answer", "message", "error"};
	char *text = expected ? json_dumps(expected, JSON_ENCODE_ANY) : NULL;
	printf("%s (%s)\n  %s; expected: %.300s\n", question, way, word, text ? text : "declined");
	free(text);
	for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
		const char *said = json_string_value(json_object_get(reply, members[i]));
		if (said)
			printf("  %s: %.300s\n", members[i], said);
	}
}

static bool judge(const struct arguments *args, sqlite3 *db, size_t number, FILE *table)
{
	static const char *const ways[WAYS] = {"over HTTP", "command line"};
	const struct check *check = &check_list[number];
	char *question = NULL;
	json_t *expected = NULL, *replies[WAYS];
	const char *words[WAYS], *due = check->sql ? "right" : "declined";
	bool fine = true;
	if (!check_prepare(check, db, args->seed, &question, &expected)) {
		fprintf(stderr, "askd-company-check: %s: %s\n", args->file, sqlite3_errmsg(db));
		return false;
	}
	replies[0] = ask_http(args, question);
	replies[1] = ask_command(args, question);
	for (size_t way = 0; way < WAYS; way++) {
		words[way] = word_of(check, expected, replies[way]);
		fine = fine && !strcmp(words[way], due);
	}
	fprintf(table, "%3zu  %-9s  %-12s  %s\n", number + 1, words[0], words[1], question);
	if (!fine) {
		size_t way = strcmp(words[0], due) ? 0 : 1; /* most often the other says the same */
		explain(question, ways[way], words[way], expected, replies[way]);
	}
	for (size_t way = 0; way < WAYS; way++)
		json_decref(replies[way]);
	json_decref(expected);
	free(question);
	return fine;
}

static bool arguments_read(struct arguments *args, int argc, char **argv)
{
	static const struct option options[] = {{"seed", required_argument, NULL, 's'},
	        {"url", required_argument, NULL, 'u'}, {"askd", required_argument, NULL, 'a'},
	        {"config", required_argument, NULL, 'c'}, {NULL, 0, NULL, 0}};
	int option;
	char *end;
	*args = (struct arguments){.seed = 1};
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 's') {
			args->seed = (int64_t)(strtoull(optarg, &end, 10) & INT64_MAX);
			if (*end || end == optarg)
				return false;
		} else if (option == 'u') {
			args->url = optarg;
		} else if (option == 'a') {
			args->askd = optarg;
		} else if (option == 'c') {
			args->config = optarg;
		} else {
			return false;
		}
	}
	args->file = argv[optind];
	return args->url && args->askd && args->config && optind + 1 == argc;
}

int main(int argc, char **argv)
{
	struct arguments args;
	sqlite3 *db = NULL;
	char *table = NULL;
	size_t fine = 0, size = 0;
	FILE *to;
	if (!arguments_read(&args, argc, argv)) {
		fputs(usage, stderr);
		return WRONG_USE;
	}
	if (sqlite3_open_v2(args.file, &db, SQLITE_OPEN_READONLY, NULL)) {
		fprintf(stderr, "askd-company-check: %s: %s\n", args.file, sqlite3_errmsg(db));
		sqlite3_close(db);
		return OTHERWISE;
	}
	to = open_memstream(&table, &size);
	for (size_t i = 0; to && i < CHECKS; i++)
		fine += judge(&args, db, i, to);
	sqlite3_close(db);
	if (!to || fclose(to)) {
		fputs("askd-company-check: no memory\n", stderr);
		return OTHERWISE;
	}
	printf("     %-9s  %-12s  question\n%s%zu of %d as expected\n", "over HTTP", "command line",
	        table, fine, CHECKS);
	free(table);
	return fine == CHECKS ? AS_EXPECTED : OTHERWISE;
}
