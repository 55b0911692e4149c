/* notes: a skill with a table of its own. /note TEXT keeps a line, /notes counts them, /steal reads
 * a table that is not its own, /clash writes what cannot be written twice, /now writes at once. */
#include <askd/extensions.h>

struct notes {
	const struct askd_host *host;
	const struct askd_turn_service *turn;
	const struct askd_store_service *store;
	const struct askd_audit_service *audit;
};

static int32_t notes_open(void *self, const struct askd_host *host, struct askd_error *reterr)
{
	struct notes *notes = (struct notes *)self;
	int32_t rc;

	notes->host = host;
	if ((rc = askd_need(host, "askd.turn/1", &notes->turn, reterr)) ||
	        (rc = askd_need(host, "askd.store/1", &notes->store, reterr)))
		return rc;
	return askd_need(host, "askd.audit/1", &notes->audit, reterr);
}

static int32_t say(const struct notes *notes, struct askd_call *call, struct askd_text text,
        struct askd_error *reterr)
{
	ASKD_MAKE(struct askd_message, message, .text = text);
	return notes->turn->reply(notes->host, call, &message, NULL, reterr);
}

static int32_t keep(const struct notes *notes, struct askd_call *call, const struct askd_turn *turn,
        uint32_t flags, uint64_t id, struct askd_error *reterr)
{
	const struct askd_value params[] = {{.type = ASKD_INT, .u.i = (int64_t)id},
	        {.type = ASKD_TEXT, .len = (uint32_t)turn->text.n, .u.s = turn->text.s}};
	ASKD_MAKE(struct askd_store_statement, statement, .expect = 1,
	        .sql = ASKD_LITERAL("insert into notes_lines (id, line) values ($1, $2)"),
	        .params = {params, 2});
	const struct askd_store_statement *const statements[] = {&statement, NULL};
	ASKD_MAKE(struct askd_store_write, write, .flags = flags, .statements = statements);

	return notes->store->write(notes->host, call, &write, NULL, reterr);
}

static int32_t read_number(const struct notes *notes, struct askd_call *call, struct askd_text sql,
        int64_t *number, struct askd_error *reterr)
{
	ASKD_MAKE(struct askd_store_read, read, .sql = sql);
	ASKD_MAKE(struct askd_store_rows, rows);
	int32_t rc = notes->store->read(notes->host, call, &read, &rows, reterr);

	if (!rc)
		*number = rows.batch->rows ? rows.batch->cells[0].u.i : -1;
	return rc;
}

ASKD_DEFINE(notes_handle, askd_turn, askd_outcome)
{
	const struct notes *notes = (const struct notes *)self;
	int64_t number = 0;
	int32_t rc;

	if (askd_equal(in->command, ASKD_LITERAL("note"))) {
		ASKD_MAKE(struct askd_audit_entry, entry, .action = ASKD_LITERAL("note.kept"),
		        .subject = ASKD_LITERAL("note"));
		rc = keep(notes, call, in, 0, in->id, reterr);
		if (!rc)
			rc = notes->audit->write(notes->host, call, &entry, NULL, reterr);
		return rc ? rc : say(notes, call, ASKD_LITERAL("Kept."), reterr);
	}
	if (askd_equal(in->command, ASKD_LITERAL("notes"))) {
		rc = read_number(notes, call, ASKD_LITERAL("select count(*) from notes_lines"),
		        &number, reterr);
		return rc ? rc
		          : say(notes, call, askd_print(call, "%lld notes.", (long long)number),
		                    reterr);
	}
	if (askd_equal(in->command, ASKD_LITERAL("steal"))) {
		rc = read_number(
		        notes, call, ASKD_LITERAL("select count(*) from persons"), &number, reterr);
		return say(notes, call,
		        rc == ASKD_E_DENIED ? ASKD_LITERAL("Denied, as it should be.")
		                            : ASKD_LITERAL("It could be read!"),
		        reterr);
	}
	if (askd_equal(in->command, ASKD_LITERAL("clash"))) {
		rc = keep(notes, call, in, 0, 1, reterr);
		return rc ? rc : say(notes, call, ASKD_LITERAL("Kept once."), reterr);
	}
	rc = keep(notes, call, in, ASKD_STORE_NOW, in->id, reterr);
	if (!rc)
		rc = askd_fail(reterr, ASKD_E_INTERNAL, "the turn fails, what was written stays");
	return rc;
}

#define COMMAND(word)                                                              \
	ASKD_MAKE(static const struct askd_command, command_##word, .name = #word, \
	        .usage = "/" #word, .help = "Tests the store.")
COMMAND(note);
COMMAND(notes);
COMMAND(steal);
COMMAND(clash);
COMMAND(now);
static const struct askd_command *const commands[] = {
        &command_note, &command_notes, &command_steal, &command_clash, &command_now, NULL};

ASKD_MAKE(static const struct askd_migration, first, .number = 1,
        .sql = "create table notes_lines (id bigint primary key, line text not null)");
ASKD_MAKE(static const struct askd_migration, second, .number = 2,
        .sql = "create table notes_tags (id bigint primary key);\n"
               "create index notes_by_line on notes_lines (line)");
static const struct askd_migration *const migrations[] = {&first, &second, NULL};

ASKD_MAKE(static const struct askd_skill_iface, iface, .commands = commands,
        .migrations = migrations, .handle = notes_handle);
ASKD_PLUGIN(.kind = ASKD_KIND_SKILL, .name = "notes", .version = "1.0.0",
        .summary = "keeps lines in a table of its own", .license = "MIT",
        .instance_size = sizeof(struct notes), .flags = ASKD_CONCURRENT, .open = notes_open,
        .iface = &iface);
