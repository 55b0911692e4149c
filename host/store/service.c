/* service.c: askd.store/1 and askd.audit/1, the store as plugins see it. */
#include "base/error.h"
#include "store/store_private.h"

enum { ROWS_DEFAULT = 256, ROWS_MAX = 100000, NAME_MAX_BYTES = 100, STATEMENTS_MAX = 1000 };

/* Set while no plugin is inside: before instances open, after they closed. */
static struct store *current;
static struct store_unit *(*find_unit)(const struct call_scope *scope);

void service_use(struct store *store)
{
	__atomic_store_n(&current, store, __ATOMIC_RELEASE);
}

void store_set_turn_unit(struct store_unit *(*find)(const struct call_scope *scope))
{
	__atomic_store_n(&find_unit, find, __ATOMIC_RELEASE);
}

/* Who calls, and the tables that are his: "query_". */
static int32_t enter(struct askd_call *base, struct store **store, struct plugin_call **call,
        char prefix[NAME_MAX_BYTES], struct askd_error *reterr)
{
	*store = __atomic_load_n(&current, __ATOMIC_ACQUIRE);
	*call = plugin_call_of(base);
	if (!*call || !(*call)->owner)
		return askd_fail(reterr, ASKD_E_INVALID, "the call is not one of the host's");
	if (!*store)
		return askd_fail(reterr, ASKD_E_UNSUPPORTED, "no store is open here");
	if (snprintf(prefix, NAME_MAX_BYTES, "%s_", (*call)->owner->library->plugin->name) >=
	        NAME_MAX_BYTES)
		return askd_fail(reterr, ASKD_E_INVALID, "the plugin's name is too long");
	for (char *c = prefix; *c; c++)
		if (*c == '-')
			*c = '_';
	return ASKD_OK;
}

static int32_t service_read(const struct askd_host *host, struct askd_call *base,
        const struct askd_store_read *in, struct askd_store_rows *out, struct askd_error *reterr)
{
	struct store *store;
	struct plugin_call *call;
	char prefix[NAME_MAX_BYTES];
	struct store_statement statement = {
	        .sql = in->sql, .params = in->params.v, .count = (size_t)in->params.n};
	const struct askd_db_column *const *columns = NULL;
	struct store_rows rows = {0};
	struct askd_batch *batch;
	size_t max = in->max_rows ? in->max_rows : ROWS_DEFAULT;
	int32_t rc = enter(base, &store, &call, prefix, reterr);

	(void)host;
	if (rc)
		return rc;
	statement.prefix = askd_text_of(prefix);
	rc = reader_read(store, STORE_MANAGER, call->scope, &call->arena, &statement,
	        max < ROWS_MAX ? max : ROWS_MAX, &rows, &columns, reterr);
	if (rc || !out)
		return rc;
	batch = arena_zalloc(&call->arena, sizeof *batch);
	if (!batch)
		return askd_fail(reterr, ASKD_E_TOO_LARGE, "no room for rows");
	*batch = (struct askd_batch){.size = sizeof *batch,
	        .rows = (uint32_t)rows.rows,
	        .columns = (uint32_t)rows.columns,
	        .end = 1,
	        .affected = -1,
	        .cells = rows.cells};
	out->columns = columns;
	out->batch = batch;
	return ASKD_OK;
}

static int32_t service_write(const struct askd_host *host, struct askd_call *base,
        const struct askd_store_write *in, struct askd_nothing *out, struct askd_error *reterr)
{
	struct store_unit *(*find)(const struct call_scope *) =
	        __atomic_load_n(&find_unit, __ATOMIC_ACQUIRE);
	struct store *store;
	struct plugin_call *call;
	struct store_unit *unit;
	char prefix[NAME_MAX_BYTES];
	bool now = in->flags & ASKD_STORE_NOW;
	int32_t rc = enter(base, &store, &call, prefix, reterr);

	(void)host, (void)out;
	if (rc)
		return rc;
	for (size_t i = 0; in->statements && in->statements[i]; i++)
		if (i == STATEMENTS_MAX || !in->statements[i]->sql.s)
			return askd_fail(reterr, ASKD_E_INVALID,
			        "a write has at most %d statements, each with its text",
			        STATEMENTS_MAX);
	unit = now ? store_unit_create(store, STORE_MANAGER) : find ? find(call->scope) : NULL;
	if (!unit)
		return now ? askd_fail(reterr, ASKD_E_NOMEM, "no memory for a write")
		           : askd_fail(reterr, ASKD_E_INVALID,
		                     "there is no turn to write with: use ASKD_STORE_NOW");
	for (size_t i = 0; in->statements && in->statements[i]; i++) {
		const struct askd_store_statement *s = in->statements[i];
		store_unit_add_text(
		        unit, s->expect, s->sql, s->params.v, (size_t)s->params.n, prefix);
	}
	return now ? store_commit(unit, reterr) : ASKD_OK;
}

static int32_t service_audit(const struct askd_host *host, struct askd_call *base,
        const struct askd_audit_entry *in, struct askd_nothing *out, struct askd_error *reterr)
{
	struct store *store;
	struct plugin_call *call;
	char prefix[NAME_MAX_BYTES];
	struct audit_entry entry = {
	        .action = in->action.s, .subject = in->subject.s, .details = in->details.s};
	int32_t rc = enter(base, &store, &call, prefix, reterr);

	(void)host, (void)out;
	if (rc)
		return rc;
	if (!in->action.n)
		return askd_fail(reterr, ASKD_E_INVALID, "an audit entry needs an action");
	entry.scope = call->scope;
	return audit_write(store, &entry, reterr);
}

static const struct askd_store_service store_service = {
        .size = sizeof store_service, .read = service_read, .write = service_write};
static const struct askd_audit_service audit_service = {
        .size = sizeof audit_service, .write = service_audit};

void store_offer(void)
{
	registry_offer_service("askd.store/1", &store_service, false);
	registry_offer_service("askd.audit/1", &audit_service, false);
}
