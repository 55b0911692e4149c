/* init_parts.c: the questions of `askd init`. No plugin is named here: what can be chosen is what
 * is installed, and an installed plugin's own table says what it must be told. */
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "config/bundled.h"
#include "config/interpolate.h"
#include "config/options.h"
#include "init.h"
#include "query/query.h"
#include "run/listen.h"

enum { TRY_MS = 10 * 1000, PORT = 8080, PORTS = 20, CANDIDATES = 2000 };

static const char sqlite_begin[16] = "SQLite format 3";

static int32_t any(struct init *init, const char *answer, struct askd_error *reterr)
{
	(void)init, (void)answer, (void)reterr;
	return ASKD_OK;
}

/* ---- the database ---- */

static bool is_database_file(const char *path)
{
	char begin[sizeof sqlite_begin] = "";
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool is = fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) &&
	          read(fd, begin, sizeof begin) == sizeof begin &&
	          !memcmp(begin, sqlite_begin, sizeof begin);

	if (fd >= 0)
		close(fd);
	return is;
}

/* The one file here that is a database; NULL: none, or several. */
static const char *only_database(struct init *init)
{
	const char *found = NULL;
	const struct dirent *entry;
	DIR *dir = opendir(".");

	for (size_t n = 0; dir && n < CANDIDATES && (entry = readdir(dir)); n++) {
		if (entry->d_name[0] == '.' || !is_database_file(entry->d_name))
			continue;
		if (found) {
			found = NULL;
			break;
		}
		found = arena_string(&init->arena, entry->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

static bool is_server(const struct plugin_library *library)
{
	return init_option(library, "host") != NULL;
}

static const struct plugin_library *find_server(struct init *init, const char *name)
{
	const struct plugin_library *library;
	size_t at = 0;

	while ((library = init_library(init, "database", &at, is_server)))
		if (!strcmp(library->plugin->name, name))
			return library;
	return NULL;
}

static int32_t good_database(struct init *init, const char *answer, struct askd_error *reterr)
{
	struct stat st;

	if (find_server(init, answer))
		return ASKD_OK;
	if (stat(answer, &st))
		return askd_fail(reterr, ASKD_E_INVALID, "%s: %s", answer, strerror(errno));
	if (!is_database_file(answer))
		return askd_fail(reterr, ASKD_E_INVALID,
		        "%s is no SQLite database that can be read", answer);
	return ASKD_OK;
}

/* "Sales 2024.db" is called sales_2024. */
static const char *name_of_file(struct init *init, const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	char *name = arena_string(&init->arena, base), *dot = name ? strrchr(name, '.') : NULL;

	if (dot && dot != name)
		*dot = 0;
	for (char *p = name; p && *p; p++)
		*p = isalnum((unsigned char)*p) ? (char)tolower((unsigned char)*p)
		     : *p == '-'                ? '-'
		                                : '_';
	return name && strlen(name) <= 64 ? name : "main";
}

/* Opens what was answered and asks it something. */
static int32_t try_database(struct init *init, const char *yaml, struct askd_error *reterr)
{
	struct config *config = config_read_string(init->file, yaml, reterr);
	const struct config_instance *i = config ? config->instances : NULL;
	struct plugin_instance *instance;
	struct cancel cancel;
	struct call_scope scope = {.id = id_make(), .cancel = &cancel};
	int32_t rc = ASKD_E_CONFIG;

	while (i && strcmp(i->kind, "database") != 0)
		i = i->next;
	cancel_init(&cancel);
	instance = i ? registry_open_one(i, config->plugin_path, reterr) : NULL;
	if (instance)
		rc = query_try(instance, &scope, TRY_MS, reterr);
	registry_close_one(instance);
	cancel_finish(&cancel);
	config_destroy(config);
	return rc;
}

static int32_t good_access(struct init *init, const char *answer, struct askd_error *reterr)
{
	const char *at = answer;

	(void)init;
	if (!strcmp(answer, "me"))
		return ASKD_OK;
	while (*at) {
		size_t n = strcspn(at, ", ");

		if (n && !(n == 8 && !strncmp(at, "everyone", 8)) &&
		        !(n > 7 && !strncmp(at, "person:", 7)) &&
		        !(n > 4 && !strncmp(at, "key:", 4)) && !(n > 4 && !strncmp(at, "org:", 4)))
			return askd_fail(reterr, ASKD_E_INVALID,
			        "found '%.*s', expected me, everyone, person:NAME or key:NAME",
			        (int)n, at);
		at += n + (at[n] != 0);
	}
	return ASKD_OK;
}

static void add_access(struct buffer *b, const char *answer)
{
	buffer_add_string(b,
	        "    # Who may ask over HTTP: everyone, person:NAME, key:NAME. Absent: nobody "
	        "but the users of\n    # this machine who can read this file.\n");
	if (!strcmp(answer, "me")) {
		buffer_add_string(b, "    # access: [everyone]\n");
		return;
	}
	buffer_add_string(b, "    access: [");
	for (const char *at = answer, *comma = ""; *at;) {
		size_t n = strcspn(at, ", ");
		char one[256];

		snprintf(one, sizeof one, "%.*s", (int)n, at);
		if (n) {
			buffer_add_string(b, comma);
			init_add_value(b, one);
			comma = ", ";
		}
		at += n + (at[n] != 0);
	}
	buffer_add_string(b, "]\n");
}

static bool is_variable(const char *s)
{
	size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	return n && !s[n] && !isdigit((unsigned char)*s);
}

/* "NAME: value" of a secret: a variable of the environment, or a file of its own. */
static void add_secret(struct init *init, struct buffer *b, const char *option, const char *answer,
        const char *file)
{
	init->secret = true;
	if (is_variable(answer)) {
		if (!getenv(answer))
			init->missing = answer;
		buffer_print(b, "    %s: \"${%s}\"\n", option, answer);
	} else {
		init->secret_name = file;
		init->secret_text = answer;
		buffer_print(b, "    %s: \"${file:%s}\"\n", option, file);
	}
}

/* What a plugin must be told, and what one is told as a rule. */
static bool add_options(struct init *init, const struct plugin_library *library, struct buffer *b)
{
	const struct askd_option *o = library->options;

	for (; o->name; o = options_next(o, library->plugin->option_size)) {
		const char *answer;
		char question[200];

		if (!(o->flags & (ASKD_OPT_REQUIRED | ASKD_OPT_SECRET)) &&
		        strcmp(o->name, "host") && strcmp(o->name, "user") &&
		        strcmp(o->name, "database"))
			continue;
		snprintf(question, sizeof question, "  %s (%s%.100s)", o->name,
		        o->flags & ASKD_OPT_SECRET ? "the NAME of a variable, or itself: " : "",
		        o->help ? o->help : "");
		answer = init_ask(init, question, o->def ? o->def : "", any);
		if (!answer)
			return false;
		if (!*answer)
			continue;
		if (o->flags & ASKD_OPT_SECRET) {
			add_secret(init, b, o->name, answer, "database.secret");
			continue;
		}
		buffer_print(b, "    %s: ", o->name);
		init_add_value(b, answer);
		buffer_add_string(b, "\n");
	}
	return true;
}

bool init_database(struct init *init)
{
	const struct plugin_library *library;
	struct askd_error error = {0};
	const char *answer, *access, *suggested = only_database(init);
	char question[300] = "1. Database, a SQLite file", real[PATH_MAX];
	struct buffer b;
	size_t at = 0;
	bool ok = false;

	while ((library = init_library(init, "database", &at, is_server)))
		snprintf(question + strlen(question), sizeof question - strlen(question), ", or %s",
		        library->plugin->name);
	answer = init_ask(
	        init, question, init->database ? init->database : suggested, good_database);
	if (!answer)
		return false;
	buffer_init(&b, 0);
	buffer_add_string(&b, "# What is asked. askd only ever reads it.\ndatabase:\n");
	library = find_server(init, answer);
	if (library) {
		buffer_print(&b, "  main:\n    plugin: %s\n", library->plugin->name);
		ok = add_options(init, library, &b);
	} else if (realpath(answer, real)) {
		buffer_print(&b, "  %s:\n    plugin: %s\n    path: ", name_of_file(init, answer),
		        init->defaults->manager.plugin);
		init_add_value(&b, real);
		buffer_add_string(&b, "\n");
		ok = true;
	}
	/* With a secret that is not written yet the check at the end tries it. */
	if (ok && !b.failed && !init->secret_name && !init->missing &&
	        try_database(init, b.s, &error)) {
		fprintf(stderr, "  it cannot be asked: %s\n", error.message);
		ok = false;
	}
	access = ok ? init_ask(init,
	                      "2. Who may ask it: me, everyone, or a list such as key:reports",
	                      "me", good_access)
	            : NULL;
	if (access) {
		add_access(&b, access);
		buffer_add_string(&b, "\n");
		buffer_add_text(&init->yaml, buffer_text(&b));
		init->reachable = strcmp(access, "me") != 0;
		if (strstr(access, "everyone"))
			buffer_add_string(&init->yaml,
			        "security:\n  # Who is on this machine may ask over HTTP without a "
			        "key.\n  anonymous: loopback\n\n");
	}
	buffer_finish(&b);
	return access;
}

/* ---- the engine ---- */

static bool takes_url(const struct plugin_library *library)
{
	return init_option(library, "base_url") && init_option(library, "model");
}

static int32_t good_engine(struct init *init, const char *answer, struct askd_error *reterr)
{
	const struct plugin_library *library;
	size_t at = 0;

	if ((!strncmp(answer, "http://", 7) && answer[7]) ||
	        (!strncmp(answer, "https://", 8) && answer[8])) {
		if (init_library(init, "llm", &at, takes_url))
			return ASKD_OK;
		return askd_fail(
		        reterr, ASKD_E_INVALID, "no plugin for such a server is installed");
	}
	while ((library = init_library(init, "llm", &at, init_needs_nothing)))
		if (!strcmp(library->plugin->name, answer))
			return ASKD_OK;
	return askd_fail(reterr, ASKD_E_INVALID,
	        "found '%.100s', expected a URL (https://...) or the name of an engine that needs "
	        "nothing",
	        answer);
}

static int32_t not_empty(struct init *init, const char *answer, struct askd_error *reterr)
{
	(void)init;
	return *answer ? ASKD_OK : askd_fail(reterr, ASKD_E_INVALID, "expected a name");
}

/* A value of the example that is compiled in. */
static const char *of_example(struct init *init, const char *option)
{
	struct askd_text text = askd_text_of(config_bundled("examples/llm.yaml", NULL));
	const struct yaml_node *root;

	/* Its key is a variable that need not be set. */
	interpolate_forgive(true);
	root = text.s ? yaml_read_string(&init->arena, "example", text.s, (size_t)text.n, NULL)
	              : NULL;
	interpolate_forgive(false);
	root = root ? yaml_find(root, "llm") : NULL;
	root = root && root->first ? yaml_find(root->first, option) : NULL;
	return root ? root->text : NULL;
}

static bool add_server(struct init *init, const char *url)
{
	const struct plugin_library *library;
	const char *model, *key;
	size_t at = 0;

	library = init_library(init, "llm", &at, takes_url);
	model = library ? init_ask(init, "   Its model", of_example(init, "model"), not_empty)
	                : NULL;
	key = model ? init_ask(init,
	                      "   Its key: the NAME of a variable, the key itself (goes into a "
	                      "file "
	                      "of its own), or none",
	                      strncmp(url, "https://", 8) ? "none" : "OPENAI_API_KEY", not_empty)
	            : NULL;
	if (!key)
		return false;
	buffer_print(&init->yaml, "    plugin: %s\n    base_url: ", library->plugin->name);
	init_add_value(&init->yaml, url);
	buffer_add_string(&init->yaml, "\n    model: ");
	init_add_value(&init->yaml, model);
	buffer_add_string(&init->yaml, "\n");
	if (strcmp(key, "none") != 0) {
		if (init->secret_name && !is_variable(key)) {
			fprintf(stderr,
			        "  one secret can be put into a file here: name a variable for "
			        "this one\n");
			return false;
		}
		add_secret(init, &init->yaml, "api_key", key, "llm.secret");
	}
	buffer_add_string(&init->yaml, "\n");
	return true;
}

bool init_engine(struct init *init)
{
	const struct plugin_library *library;
	const char *answer, *suggested = NULL;
	char question[300] = "3. Engine: the URL of an OpenAI-compatible server";
	size_t at = 0;

	while ((library = init_library(init, "llm", &at, init_needs_nothing))) {
		snprintf(question + strlen(question), sizeof question - strlen(question), ", or %s",
		        library->plugin->name);
		if (!suggested)
			suggested = library->plugin->name;
	}
	answer = init_ask(
	        init, question, suggested ? suggested : of_example(init, "base_url"), good_engine);
	if (!answer)
		return false;
	buffer_add_string(&init->yaml,
	        "# Who turns questions into SQL. Prices, so that costs are known: "
	        "docs/operating.md, Costs.\nllm:\n  main:\n");
	if (strstr(answer, "://"))
		return add_server(init, answer);
	buffer_print(&init->yaml, "    plugin: %s\n\n", answer);
	return true;
}

/* ---- the web ---- */

static bool listens(const struct plugin_library *library)
{
	return init_option(library, "listen") != NULL;
}

static int32_t good_web(struct init *init, const char *answer, struct askd_error *reterr)
{
	size_t at = 0;

	if (!strcmp(answer, "none"))
		return ASKD_OK;
	if (!init_library(init, "transport", &at, listens))
		return askd_fail(
		        reterr, ASKD_E_INVALID, "no plugin that listens is installed: none");
	return listen_try(answer, reterr);
}

/* The files of the page, where they were installed. */
static const char *find_page(struct init *init)
{
	static const char *const near[] = {
	        "../lib/askd/dashboard", "../share/askd/dashboard", "web-root"};
	char program[PATH_MAX], path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
	char *slash;

	program[n > 0 ? n : 0] = 0;
	slash = strrchr(program, '/');
	for (size_t i = 0; slash && i < sizeof near / sizeof *near; i++) {
		snprintf(path, sizeof path, "%.*s/%s/index.html", (int)(slash - program), program,
		        near[i]);
		if (!access(path, R_OK)) {
			*strrchr(path, '/') = 0;
			return realpath(path, program) ? arena_string(&init->arena, program) : NULL;
		}
	}
	return NULL;
}

bool init_web(struct init *init)
{
	const struct plugin_library *library;
	const char *answer, *page = find_page(init);
	char suggested[32] = "none";
	size_t at = 0;

	library = init_library(init, "transport", &at, listens);
	for (int port = PORT; library && init->reachable && port < PORT + PORTS; port++) {
		snprintf(suggested, sizeof suggested, "127.0.0.1:%d", port);
		if (!listen_try(suggested, NULL))
			break;
		snprintf(suggested, sizeof suggested, "none");
	}
	answer = init_ask(
	        init, "4. Web address for the page and for programs, or none", suggested, good_web);
	if (!answer)
		return false;
	if (page && strcmp(answer, "none") != 0) {
		buffer_add_string(&init->yaml, "  # The files of the page.\n  web_root: ");
		init_add_value(&init->yaml, page);
		buffer_add_string(&init->yaml, "\n");
	}
	if (!strcmp(answer, "none")) {
		buffer_add_string(&init->yaml,
		        "\n# For programs and browsers: the section transport, "
		        "docs/operating.md.\n");
		return true;
	}
	buffer_print(&init->yaml,
	        "\n# For programs and browsers. Beyond this machine only with tls_certificate and "
	        "tls_key, or\n# behind a proxy that is named in `proxies`.\ntransport:\n  web:\n   "
	        " "
	        "plugin: %s\n    listen: [",
	        library->plugin->name);
	init_add_value(&init->yaml, answer);
	buffer_add_string(&init->yaml, "]\n");
	return true;
}

/* ---- the zone ---- */

static int32_t good_zone(struct init *init, const char *answer, struct askd_error *reterr)
{
	struct config *config;
	struct buffer b;

	buffer_init(&b, 0);
	buffer_add_string(&b, "askd: {zone: ");
	init_add_value(&b, answer);
	buffer_add_string(&b, "}");
	config = b.failed ? NULL : config_read_string(init->file, b.s, NULL);
	buffer_finish(&b);
	config_destroy(config);
	return config ? ASKD_OK
	              : askd_fail(reterr, ASKD_E_INVALID,
	                        "found '%.60s', expected a time zone such as Europe/Berlin or UTC",
	                        answer);
}

static const char *zone_here(struct init *init)
{
	static const char folder[] = "/zoneinfo/";
	char target[PATH_MAX];
	ssize_t n = readlink("/etc/localtime", target, sizeof target - 1);
	const char *at;

	target[n > 0 ? n : 0] = 0;
	at = strstr(target, folder);
	at = at ? arena_string(&init->arena, at + sizeof folder - 1) : NULL;
	return at && !good_zone(init, at, NULL) ? at : "UTC";
}

bool init_zone(struct init *init)
{
	const char *answer = init_ask(init, "5. Time zone, for questions such as \"last month\"",
	        zone_here(init), good_zone);

	if (!answer)
		return false;
	buffer_add_string(&init->yaml, "askd:\n  # The time zone of \"last month\".\n  zone: ");
	init_add_value(&init->yaml, answer);
	buffer_add_string(&init->yaml, "\n  # Where askd keeps its own state");
	/* What a service of the machine uses lies where such things lie. */
	if (!strncmp(init->file, "/etc/", 5))
		buffer_print(&init->yaml, ".\n  state_dir: %s\n", init->defaults->state_dir);
	else
		buffer_add_string(&init->yaml, ", seen from this file.\n  state_dir: state\n");
	return true;
}
