/* floor.c: the database work of one question and nothing else: the limit of the question path.
 * Reads the last five turns, runs the statement, writes one conversation and two stages, adds to
 * two rows of usage; 32 questions share a commit, as a busy writer groups them. Prints JSON. */
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { SESSIONS = 1000, TURNS = 5, QUESTIONS = 10000, GROUP = 32 };

static const char schema[] =
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; BEGIN;"
        "CREATE TABLE conversations (id INTEGER PRIMARY KEY, session_id TEXT, question TEXT,"
        " sql TEXT, answer TEXT, cost REAL, created_at TEXT DEFAULT CURRENT_TIMESTAMP);"
        "CREATE INDEX by_session ON conversations (session_id, id);"
        "CREATE TABLE stages (id INTEGER PRIMARY KEY, conversation INTEGER, stage INTEGER,"
        " model TEXT, input INTEGER, output INTEGER, cost REAL, ms REAL);"
        "CREATE INDEX by_conversation ON stages (conversation);"
        "CREATE TABLE usage (model TEXT PRIMARY KEY, requests INTEGER, input INTEGER,"
        " output INTEGER, cost REAL);";
static const char statement[] =
        "SELECT region, COUNT(*) AS customers, ROUND(SUM(total), 2) AS revenue "
        "FROM customers GROUP BY region ORDER BY revenue DESC LIMIT 10";
static const char question[] = "What is our revenue per region, compared with last month?";
static const char answer[] =
        "North leads with the highest revenue, followed by South, East and West. The four "
        "regions differ by less than ten percent.";

static void fail(sqlite3 *db)
{
	fprintf(stderr, "bench_floor: %s\n", sqlite3_errmsg(db));
	exit(1);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt;

	if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL))
		fail(db);
	return stmt;
}

static void run(sqlite3_stmt *stmt)
{
	int rc;

	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
		for (int i = sqlite3_column_count(stmt) - 1; i >= 0; i--)
			sqlite3_column_text(stmt, i);
	if (rc != SQLITE_DONE)
		fail(sqlite3_db_handle(stmt));
	sqlite3_reset(stmt);
}

static void bind(sqlite3_stmt *stmt, int at, const char *text)
{
	sqlite3_bind_text(stmt, at, text, -1, SQLITE_STATIC);
}

static double cpu_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

int main(int argc, char **argv)
{
	char path[4096], session[16];
	sqlite3 *own, *target;
	sqlite3_stmt *begin, *commit, *history, *conversation, *stage, *usage, *asked;
	double began = 0;

	if (argc != 3 || snprintf(path, sizeof path, "%s/floor.db", argv[2]) >= (int)sizeof path) {
		fprintf(stderr, "bench_floor TARGET.db FOLDER\n");
		return 1;
	}
	if (sqlite3_open(path, &own) || sqlite3_exec(own, schema, NULL, NULL, NULL))
		fail(own);
	if (sqlite3_open_v2(argv[1], &target, SQLITE_OPEN_READONLY, NULL))
		fail(target);
	begin = prepare(own, "BEGIN IMMEDIATE");
	commit = prepare(own, "COMMIT");
	history = prepare(own, "SELECT question, sql, answer FROM conversations "
	                       "WHERE session_id = ? ORDER BY id DESC LIMIT 5");
	conversation = prepare(own, "INSERT INTO conversations (session_id, question, sql, answer, "
	                            "cost) VALUES (?, ?, ?, ?, 0.0004)");
	stage = prepare(own, "INSERT INTO stages (conversation, stage, model, input, output, cost, "
	                     "ms) VALUES (?, ?, ?, 700, 48, 0.0003, 1.5)");
	usage = prepare(own, "INSERT INTO usage VALUES (?, 1, 700, 48, 0.0003) ON CONFLICT (model) "
	                     "DO UPDATE SET requests = requests + 1, input = input + 700, "
	                     "output = output + 48, cost = cost + 0.0003");
	bind(conversation, 2, question);
	bind(conversation, 3, statement);
	bind(conversation, 4, answer);
	for (int i = -SESSIONS * TURNS; i < QUESTIONS; i++) { /* first the history */
		bool measured = i >= 0;

		if (!i) {
			run(commit);
			began = cpu_us();
		}
		snprintf(session, sizeof session, "s%04d", (i + SESSIONS * TURNS) * 7 % SESSIONS);
		bind(conversation, 1, session);
		if (!measured) {
			run(conversation);
			continue;
		}
		if (i % GROUP == 0)
			run(begin);
		bind(history, 1, session);
		run(history);
		asked = prepare(target, statement); /* the model's text: new for each question */
		run(asked);
		sqlite3_finalize(asked);
		run(conversation);
		sqlite3_bind_int64(stage, 1, sqlite3_last_insert_rowid(own));
		for (int k = 1; k <= 2; k++) {
			const char *model = k == 1 ? "stage1-model" : "stage2-model";

			sqlite3_bind_int(stage, 2, k);
			bind(stage, 3, model);
			run(stage);
			bind(usage, 1, model);
			run(usage);
		}
		if (i % GROUP == GROUP - 1 || i == QUESTIONS - 1)
			run(commit);
	}
	printf("{\"cpu_us\": %.2f}\n", (cpu_us() - began) / QUESTIONS);
	return 0;
}
