/* library_judge.c: magic, versions, strings, tables and required functions of a plugin's constant.
 * Every address is checked against the object's own segments before it is followed. */
#include "plugin/library_judge.h"

#include <dlfcn.h>
#include <string.h>

#include "base/error.h"
#include "config/options.h"

enum {
	TEXT_MAX = 4096,         /* of any text of the constant */
	SCHEMA_MAX = 64 << 10,   /* of a JSON schema */
	OPTIONS_MAX = 1000,      /* entries of the option table */
	LIST_MAX = 1000,         /* extensions, commands, tools, verbs, migrations */
	TABLE_MAX = 4096,        /* bytes of a table of functions */
	INSTANCE_MAX = 64 << 20, /* bytes of an instance */
	/* What 0.9 had; structs only grow. */
	PLUGIN_MIN = offsetof(struct askd_plugin, extensions) + sizeof(void *),
	OPTION_MIN = offsetof(struct askd_option, choices) + sizeof(void *)
};

static int32_t refuse(const struct judged *j, struct askd_error *reterr, int32_t code,
        const char *format, ...) __attribute__((format(printf, 4, 5)));

static int32_t refuse(
        const struct judged *j, struct askd_error *reterr, int32_t code, const char *format, ...)
{
	char what[300];
	va_list ap;
	va_start(ap, format);
	vsnprintf(what, sizeof what, format, ap);
	va_end(ap);
	return askd_fail(reterr, code, "%s: %s", j->path, what);
}

/* May n bytes at p be read? In the object itself, or at least in some loaded one: a table may come
 * from a library that the plugin is linked with. */
static bool is_there(const struct judged *j, const void *p, uint64_t n)
{
	Dl_info info;
	return p && (elf_has(j->elf, j->base, p, n) || dladdr(p, &info));
}

/* A text of 1 to TEXT_MAX bytes. */
static bool is_text(const struct judged *j, const char *s)
{
	uint64_t room;
	size_t n;
	if (!is_there(j, s, 1))
		return false;
	room = elf_room(j->elf, j->base, s);
	if (!room || room > TEXT_MAX)
		room = TEXT_MAX;
	n = strnlen(s, (size_t)room);
	return n && n < room && text_is_valid(s, n);
}

static bool is_text_or_null(const struct judged *j, const char *s)
{
	return !s || is_text(j, s);
}

/* A JSON schema may be longer than other texts. */
static bool is_schema_or_null(const struct judged *j, const char *s)
{
	uint64_t room;
	size_t n;
	if (!s)
		return true;
	if (!is_there(j, s, 1))
		return false;
	room = elf_room(j->elf, j->base, s);
	if (!room || room > SCHEMA_MAX)
		room = SCHEMA_MAX;
	n = strnlen(s, (size_t)room);
	return n && n < room && text_is_valid(s, n);
}

/* Items of a NULL-terminated list of structs that begin with their size, each of at least `least`
 * bytes; -1: unsound. */
static int list_count(const struct judged *j, const void *list, size_t least)
{
	const void *const *items = list;
	int n = 0;
	if (!list)
		return 0;
	for (;; n++) {
		uint32_t size;
		if (n > LIST_MAX || !is_there(j, &items[n], sizeof *items))
			return -1;
		if (!items[n])
			return n;
		if (!is_there(j, items[n], least))
			return -1;
		memcpy(&size, items[n], sizeof size);
		if (size < least || size % 8 || size > TABLE_MAX)
			return -1;
	}
}

/* A copy of our size, zero-filled where the plugin's is shorter. NULL and *reterr. */
static const void *copy_table(const struct judged *j, struct arena *a, const void *table,
        const struct contract_struct *type, struct askd_error *reterr)
{
	uint32_t size = 0;
	char *copy;
	if (is_there(j, table, 8))
		memcpy(&size, table, sizeof size);
	if (size < 8 || size % 8 || size > TABLE_MAX || !is_there(j, table, size)) {
		refuse(j, reterr, ASKD_E_INVALID, "its %s is missing or has a wrong size",
		        type->name);
		return NULL;
	}
	copy = arena_zalloc(a, type->size);
	if (!copy) {
		refuse(j, reterr, ASKD_E_NOMEM, "no memory");
		return NULL;
	}
	memcpy(copy, table, size < type->size ? size : type->size);
	if (size > type->size)
		memcpy(copy, &type->size, sizeof type->size);
	return copy;
}

bool library_kind_word(const char *kind, char *out, size_t size)
{
	const char *slash = strchr(kind, '/');
	int n;
	if (strncmp(kind, "askd.", 5) || !slash || slash == kind + 5)
		return false;
	n = snprintf(out, size, "%.*s", (int)(slash - kind - 5), kind + 5);
	return n > 0 && (size_t)n < size;
}

/* ---- the constant -----------------------------------------------------------------------------
 */

static int32_t judge_version(const struct judged *j, struct askd_error *reterr)
{
	const struct askd_plugin *p = j->symbol;
	unsigned major, minor;
	if (!elf_has(j->elf, j->base, p, 16))
		return refuse(j, reterr, ASKD_E_INVALID,
		        "is no plugin: askd_plugin_v1 is not in this file");
	if (p->magic != ASKD_MAGIC)
		return refuse(j, reterr, ASKD_E_INVALID,
		        "is no plugin: its magic is 0x%08x, this host knows 0x%08x", p->magic,
		        ASKD_MAGIC);
	major = p->abi_major;
	minor = p->abi_minor;
	if (ASKD_SDK_MAJOR == 0 && (major != ASKD_SDK_MAJOR || minor != ASKD_SDK_MINOR))
		return refuse(j, reterr, ASKD_E_UNSUPPORTED,
		        "needs ABI %u.%u, this host offers %u.%u, which must match exactly: build "
		        "the plugin with the SDK of this host",
		        major, minor, (unsigned)ASKD_SDK_MAJOR, (unsigned)ASKD_SDK_MINOR);
	if (major != ASKD_SDK_MAJOR || minor > ASKD_SDK_MINOR)
		return refuse(j, reterr, ASKD_E_UNSUPPORTED,
		        "needs ABI %u.%u, this host offers %u.%u: build the plugin with the SDK of "
		        "this host, or install a newer host",
		        major, minor, (unsigned)ASKD_SDK_MAJOR, (unsigned)ASKD_SDK_MINOR);
	if (p->struct_size < PLUGIN_MIN || p->struct_size % 8 || p->struct_size > TABLE_MAX ||
	        !elf_has(j->elf, j->base, p, p->struct_size))
		return refuse(j, reterr, ASKD_E_INVALID,
		        "its plugin struct has %u bytes, this host expects %zu", p->struct_size,
		        sizeof *p);
	return ASKD_OK;
}

static int32_t judge_texts(
        const struct judged *j, const struct askd_plugin *p, struct askd_error *reterr)
{
	const struct {
		const char *name, *value;
	} texts[] = {{"kind", p->kind}, {"name", p->name}, {"version", p->version},
	        {"summary", p->summary}, {"license", p->license}};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (!is_text(j, texts[i].value))
			return refuse(j, reterr, ASKD_E_INVALID,
			        "does not say its %s (member `%s` of askd_plugin_v1)",
			        texts[i].name, texts[i].name);
	for (const char *c = p->name; *c; c++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789_-", *c))
			return refuse(j, reterr, ASKD_E_INVALID,
			        "its name \"%s\" is not made of a-z, 0-9, '_' and '-'", p->name);
	if (p->instance_size > INSTANCE_MAX)
		return refuse(j, reterr, ASKD_E_INVALID,
		        "its instance has %llu bytes, at most %d are allowed",
		        (unsigned long long)p->instance_size, INSTANCE_MAX);
	if (p->open && !is_there(j, (const void *)(uintptr_t)p->open, 1))
		return refuse(j, reterr, ASKD_E_INVALID, "its open is no function");
	if (p->close && !is_there(j, (const void *)(uintptr_t)p->close, 1))
		return refuse(j, reterr, ASKD_E_INVALID, "its close is no function");
	return ASKD_OK;
}

static int32_t judge_choices(
        const struct judged *j, const struct askd_option *o, struct askd_error *reterr)
{
	for (size_t i = 0; o->choices; i++) {
		if (i > LIST_MAX || !is_there(j, &o->choices[i], sizeof *o->choices))
			return refuse(j, reterr, ASKD_E_INVALID,
			        "its option %s has choices without an end", o->name);
		if (!o->choices[i])
			break;
		if (!is_text(j, o->choices[i]))
			return refuse(j, reterr, ASKD_E_INVALID,
			        "its option %s has a choice that is no text", o->name);
	}
	return ASKD_OK;
}

static int32_t judge_options(
        const struct judged *j, const struct askd_plugin *p, struct askd_error *reterr)
{
	struct askd_error why = {0};
	uint32_t stride = p->option_size;
	const char *entry = (const char *)p->options;
	if (!p->options)
		return ASKD_OK;
	if (stride < OPTION_MIN || stride % 8 || stride > TABLE_MAX)
		return refuse(j, reterr, ASKD_E_INVALID,
		        "its options are %u bytes wide, this host expects %zu", stride,
		        sizeof(struct askd_option));
	for (int i = 0;; i++, entry += stride) {
		const struct askd_option *o = (const struct askd_option *)entry;
		int32_t rc;
		if (i > OPTIONS_MAX || !is_there(j, entry, stride))
			return refuse(j, reterr, ASKD_E_INVALID,
			        "its option table has no end: the last entry has no name");
		if (!o->name)
			break;
		if (!is_text(j, o->name))
			return refuse(j, reterr, ASKD_E_INVALID,
			        "entry %d of its option table has a name that is no text", i + 1);
		if (!is_text(j, o->help))
			return refuse(
			        j, reterr, ASKD_E_INVALID, "its option %s has no help", o->name);
		if (o->def && o->def[0] && !is_text(j, o->def))
			return refuse(j, reterr, ASKD_E_INVALID,
			        "its option %s has a default that is no text", o->name);
		rc = judge_choices(j, o, reterr);
		if (rc)
			return rc;
	}
	if (options_check(p->options, stride, p->instance_size, &why))
		return refuse(j, reterr, ASKD_E_INVALID, "bad option table: %s", why.message);
	return ASKD_OK;
}

/* ---- kinds ------------------------------------------------------------------------------------
 */

#define NEEDS(kind, iface, function)                              \
	{                                                         \
		kind, offsetof(struct iface, function), #function \
	}

/* Functions that a kind cannot do without. Those that the headers call "may be NULL" are not here;
 * `send` of a transport may be missing when it is synchronous, which only it can say. */
static const struct {
	const char *kind;
	size_t offset;
	const char *name;
} required[] = {
        NEEDS(ASKD_KIND_DATABASE, askd_database_iface, connect),
        NEEDS(ASKD_KIND_DATABASE, askd_database_iface, describe),
        NEEDS(ASKD_KIND_DATABASE, askd_database_iface, query),
        NEEDS(ASKD_KIND_DATABASE, askd_database_iface, next),
        NEEDS(ASKD_KIND_DATABASE, askd_database_iface, finish),
        NEEDS(ASKD_KIND_DATABASE, askd_database_iface, interrupt),
        NEEDS(ASKD_KIND_DATABASE, askd_database_iface, reset),
        NEEDS(ASKD_KIND_DATABASE, askd_database_iface, disconnect),
        NEEDS(ASKD_KIND_LLM, askd_llm_iface, complete),
        NEEDS(ASKD_KIND_LLM, askd_llm_iface, model),
        NEEDS(ASKD_KIND_TRANSPORT, askd_transport_iface, capabilities),
        NEEDS(ASKD_KIND_MAILER, askd_mailer_iface, send),
};

static const struct {
	const char *kind;
	const char *iface;
	bool concurrent;
} kinds[] = {
        {ASKD_KIND_DATABASE, "askd_database_iface", true},
        {ASKD_KIND_LLM, "askd_llm_iface", true},
        {ASKD_KIND_TRANSPORT, "askd_transport_iface", true},
        {ASKD_KIND_SKILL, "askd_skill_iface", true},
        {ASKD_KIND_MAILER, "askd_mailer_iface", false},
};

static int32_t judge_skill(const struct judged *j, const struct askd_plugin *p,
        const struct askd_skill_iface *iface, struct askd_error *reterr)
{
	int commands = list_count(j, iface->commands, sizeof(struct askd_command));
	int migrations = list_count(j, iface->migrations, sizeof(struct askd_migration));
	if (commands < 0)
		return refuse(j, reterr, ASKD_E_INVALID, "its list of commands is unsound");
	if (migrations < 0)
		return refuse(j, reterr, ASKD_E_INVALID, "its list of migrations is unsound");
	for (int i = 0; i < commands; i++) {
		const struct askd_command *c = iface->commands[i];
		if (!is_text(j, c->name) || !is_text(j, c->usage) || !is_text(j, c->help) ||
		        !is_text_or_null(j, c->permission))
			return refuse(j, reterr, ASKD_E_INVALID,
			        "command %d lacks its name, usage or help", i + 1);
	}
	for (int i = 0; i < migrations; i++)
		if (iface->migrations[i]->number != (uint32_t)i + 1 || !iface->migrations[i]->sql ||
		        !is_there(j, iface->migrations[i]->sql, 1))
			return refuse(j, reterr, ASKD_E_INVALID,
			        "migration %d has the number %u, or no SQL", i + 1,
			        iface->migrations[i]->number);
	if (!iface->handle && (commands || iface->offer || !p->extensions))
		return refuse(j, reterr, ASKD_E_INVALID, "lacks the function handle of %s",
		        ASKD_KIND_SKILL);
	return ASKD_OK;
}

static int32_t judge_dialect(
        const struct judged *j, const struct askd_database_iface *iface, struct askd_error *reterr)
{
	const struct askd_dialect *d = iface->dialect;
	if (!is_there(j, d, offsetof(struct askd_dialect, schemes)) || d->size < 24 ||
	        d->size % 8 || d->size > TABLE_MAX || !is_there(j, d, d->size) ||
	        !is_text(j, d->name))
		return refuse(j, reterr, ASKD_E_INVALID, "does not name its dialect");
	return ASKD_OK;
}

static int32_t judge_iface(const struct judged *j, struct arena *a, const struct askd_plugin *p,
        struct plugin_library *library, struct askd_error *reterr)
{
	const struct contract_struct *type = NULL;
	bool concurrent = false;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (!strcmp(p->kind, kinds[i].kind)) {
			type = contract_find(kinds[i].iface);
			concurrent = kinds[i].concurrent;
		}
	if (!type)
		return refuse(j, reterr, ASKD_E_UNSUPPORTED,
		        "is of the kind %s, which this host does not know", p->kind);
	if (concurrent && !(p->flags & ASKD_CONCURRENT))
		return refuse(j, reterr, ASKD_E_UNSUPPORTED,
		        "is not ASKD_CONCURRENT, which the kind %s requires", p->kind);
	library->iface = copy_table(j, a, p->iface, type, reterr);
	if (!library->iface)
		return reterr ? reterr->code : ASKD_E_INVALID;
	for (size_t i = 0; i < sizeof required / sizeof *required; i++) {
		void *fn;
		if (strcmp(p->kind, required[i].kind) != 0)
			continue;
		memcpy(&fn, (const char *)library->iface + required[i].offset, sizeof fn);
		if (!fn)
			return refuse(j, reterr, ASKD_E_INVALID, "lacks the function %s of %s",
			        required[i].name, p->kind);
	}
	for (uint32_t i = 0; i < type->count; i++) {
		void *fn;
		if (type->members[i].kind != CONTRACT_CODE)
			continue;
		memcpy(&fn, (const char *)library->iface + type->members[i].offset, sizeof fn);
		if (fn && !is_there(j, fn, 1))
			return refuse(j, reterr, ASKD_E_INVALID, "its %s is no function",
			        type->members[i].name);
	}
	if (!strcmp(p->kind, ASKD_KIND_SKILL))
		return judge_skill(j, p, library->iface, reterr);
	if (!strcmp(p->kind, ASKD_KIND_DATABASE))
		return judge_dialect(j, library->iface, reterr);
	return ASKD_OK;
}

/* ---- extensions -------------------------------------------------------------------------------
 */

static int32_t judge_health(const struct judged *j, const void *table, struct askd_error *reterr)
{
	const struct askd_health *health = table;
	return health->report ? ASKD_OK
	                      : refuse(j, reterr, ASKD_E_INVALID,
	                                "lacks the function report of askd.health/1");
}

static int32_t judge_hooks(const struct judged *j, const void *table, struct askd_error *reterr)
{
	const struct askd_hooks *hooks = table;
	return hooks->before || hooks->after
	               ? ASKD_OK
	               : refuse(j, reterr, ASKD_E_INVALID,
	                         "lacks the functions before and after of askd.hooks/1");
}

static int32_t judge_tools(const struct judged *j, const void *table, struct askd_error *reterr)
{
	const struct askd_tools *tools = table;
	int n = list_count(j, tools->tools, sizeof(struct askd_tool));
	if (n <= 0)
		return refuse(j, reterr, ASKD_E_INVALID, "its list of tools is empty or unsound");
	for (int i = 0; i < n; i++) {
		const struct askd_tool *tool = tools->tools[i];
		if (!is_text(j, tool->name) || !is_text(j, tool->description) ||
		        !is_text(j, tool->schema) || !is_text_or_null(j, tool->permission) ||
		        !tool->run)
			return refuse(j, reterr, ASKD_E_INVALID,
			        "tool %d lacks its name, description, schema or run", i + 1);
	}
	return ASKD_OK;
}

static int32_t judge_verbs(const struct judged *j, const void *table, struct askd_error *reterr)
{
	const struct askd_verbs *verbs = table;
	int n = list_count(j, verbs->verbs, sizeof(struct askd_verb));
	if (n <= 0)
		return refuse(j, reterr, ASKD_E_INVALID, "its list of verbs is empty or unsound");
	for (int i = 0; i < n; i++) {
		const struct askd_verb *verb = verbs->verbs[i];
		if (!is_text(j, verb->name) || !is_text(j, verb->usage) ||
		        !is_text(j, verb->help) || !verb->run)
			return refuse(j, reterr, ASKD_E_INVALID,
			        "verb %d lacks its name, usage, help or run", i + 1);
	}
	return ASKD_OK;
}

static int32_t judge_routes(const struct judged *j, const void *table, struct askd_error *reterr)
{
	const struct askd_routes *routes = table;
	int n = list_count(j, routes->routes, sizeof(struct askd_route));
	if (n <= 0)
		return refuse(j, reterr, ASKD_E_INVALID, "its list of routes is empty or unsound");
	for (int i = 0; i < n; i++) {
		const struct askd_route *route = routes->routes[i];
		if (!is_text(j, route->method) || !is_text(j, route->path) ||
		        route->path[0] != '/' || !is_text(j, route->summary) ||
		        !is_text_or_null(j, route->permission) ||
		        !is_schema_or_null(j, route->request_schema) ||
		        !is_schema_or_null(j, route->reply_schema) || !route->handle ||
		        !is_there(j, (const void *)(uintptr_t)route->handle, 1))
			return refuse(j, reterr, ASKD_E_INVALID,
			        "route %d lacks its method, path, summary or handle", i + 1);
	}
	return ASKD_OK;
}

static int32_t judge_server(const struct judged *j, const void *table, struct askd_error *reterr)
{
	const struct askd_web_server *server = table;
	return server->begin && server->write
	               ? ASKD_OK
	               : refuse(j, reterr, ASKD_E_INVALID,
	                         "lacks the functions begin and write of askd.web_server/1");
}

static const struct {
	const char *id, *table;
	int32_t (*judge)(const struct judged *j, const void *table, struct askd_error *reterr);
} extensions[] = {
        {"askd.health/1", "askd_health", judge_health},
        {"askd.hooks/1", "askd_hooks", judge_hooks},
        {"askd.tools/1", "askd_tools", judge_tools},
        {"askd.routes/1", "askd_routes", judge_routes},
        {"askd.verbs/1", "askd_verbs", judge_verbs},
        {"askd.web_server/1", "askd_web_server", judge_server},
};
enum { EXTENSIONS = sizeof extensions / sizeof *extensions };

static int32_t judge_extension(const struct judged *j, struct arena *a,
        const struct askd_extension *given, struct askd_extension *copy, struct askd_error *reterr)
{
	if (!is_text(j, given->id))
		return refuse(j, reterr, ASKD_E_INVALID, "an extension has no id");
	for (size_t i = 0; i < EXTENSIONS; i++)
		if (!strcmp(given->id, extensions[i].id)) {
			copy->size = sizeof *copy;
			copy->id = given->id;
			copy->table = copy_table(
			        j, a, given->table, contract_find(extensions[i].table), reterr);
			if (!copy->table)
				return reterr ? reterr->code : ASKD_E_INVALID;
			return extensions[i].judge(j, copy->table, reterr);
		}
	{
		const char *names[EXTENSIONS + 1] = {NULL}, *near;
		for (size_t i = 0; i < EXTENSIONS; i++)
			names[i] = extensions[i].id;
		near = text_nearest(given->id, names);
		return refuse(j, reterr, ASKD_E_UNSUPPORTED,
		        "offers the extension %s, which this host does not know%s%s%s", given->id,
		        near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	}
}

/* The list and its tables as copies of our size, so that readers need not ask for sizes. */
static int32_t judge_extensions(
        const struct judged *j, struct arena *a, struct askd_plugin *p, struct askd_error *reterr)
{
	int n = list_count(j, p->extensions, sizeof(struct askd_extension));
	const struct askd_extension **list;
	if (n < 0)
		return refuse(j, reterr, ASKD_E_INVALID, "its list of extensions is unsound");
	if (!n) {
		p->extensions = NULL;
		return ASKD_OK;
	}
	list = arena_zalloc(a, ((size_t)n + 1) * sizeof *list);
	for (int i = 0; list && i < n; i++) {
		struct askd_extension *copy = arena_zalloc(a, sizeof *copy);
		int32_t rc;
		if (!copy)
			return refuse(j, reterr, ASKD_E_NOMEM, "no memory");
		rc = judge_extension(j, a, p->extensions[i], copy, reterr);
		if (rc)
			return rc;
		for (int k = 0; k < i; k++)
			if (!strcmp(list[k]->id, copy->id))
				return refuse(j, reterr, ASKD_E_INVALID,
				        "offers the extension %s twice", copy->id);
		list[i] = copy;
	}
	if (!list)
		return refuse(j, reterr, ASKD_E_NOMEM, "no memory");
	p->extensions = list;
	return ASKD_OK;
}

int32_t library_judge(const struct judged *j, struct arena *a, struct plugin_library *library,
        struct askd_error *reterr)
{
	struct askd_error own;
	struct askd_plugin *copy;
	int32_t rc;
	if (!reterr)
		reterr = &own;
	rc = judge_version(j, reterr);
	if (rc)
		return rc;
	copy = arena_zalloc(a, sizeof *copy);
	if (!copy)
		return refuse(j, reterr, ASKD_E_NOMEM, "no memory");
	memcpy(copy, j->symbol,
	        j->symbol->struct_size < sizeof *copy ? j->symbol->struct_size : sizeof *copy);
	rc = judge_texts(j, copy, reterr);
	if (!rc)
		rc = judge_options(j, copy, reterr);
	if (!rc)
		rc = judge_iface(j, a, copy, library, reterr);
	if (!rc)
		rc = judge_extensions(j, a, copy, reterr);
	library->plugin = copy;
	library->options = copy->options;
	return rc;
}
