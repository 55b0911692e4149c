/* chain.c: the rows of the audit. Each holds the hash of the one before it; where the chain ends is
 * kept in `meta`, sealed with a key, so that a cut tail shows as well. */
#include <endian.h>

#include "base/error.h"
#include "base/log.h"
#include "store/store_private.h"

enum { HEAD = 8 + CRYPTO_HASH + CRYPTO_HASH, PAGE = 500, COLUMNS = 3 + STORE_AUDIT_VALUES };

#define AUDIT_COLUMNS                                                                     \
	"number, at_us, identity, person, organisation, turn, action, subject, details, " \
	"previous_hash, hash"

static void hash_add(struct buffer *b, const struct askd_value *value)
{
	uint64_t number;
	uint32_t length;
	unsigned char kind = value->type == ASKD_NULL ? 0 : value->type > ASKD_FLOAT ? 2 : 1;

	buffer_add(b, &kind, 1);
	if (kind == 1) {
		number = htole64((uint64_t)value->u.i);
		buffer_add(b, &number, sizeof number);
	} else if (kind == 2) {
		length = htole32(value->len);
		buffer_add(b, &length, sizeof length);
		buffer_add(b, value->u.s, value->len);
	}
}

/* The hash of a row: of the one before it, its number, and its values with their lengths. */
static bool hash_row(const unsigned char previous[CRYPTO_HASH], uint64_t number,
        const struct askd_value *values, unsigned char out[CRYPTO_HASH])
{
	struct askd_value n = store_int((int64_t)number);
	struct buffer b;
	bool ok;

	buffer_init(&b, 0);
	buffer_add(&b, previous, CRYPTO_HASH);
	hash_add(&b, &n);
	for (size_t i = 0; i < STORE_AUDIT_VALUES; i++)
		hash_add(&b, &values[i]);
	ok = !b.failed && crypto_sha256(b.s, b.n, out);
	buffer_finish(&b);
	return ok;
}

static bool head_make(
        const struct store *store, const struct audit_chain *chain, unsigned char out[HEAD])
{
	uint64_t number = htole64(chain->number);

	memcpy(out, &number, sizeof number);
	memcpy(out + 8, chain->hash, CRYPTO_HASH);
	return crypto_hmac(
	        store->head_key, CRYPTO_KEY, out, 8 + CRYPTO_HASH, out + 8 + CRYPTO_HASH);
}

/* From the store, or from a copy of its database. */
static int32_t read_rows(struct store *store, const struct store_copy *copy, struct arena *a,
        const char *what, const char *where, const struct askd_value *params, size_t count,
        size_t max_rows, struct store_rows *rows, struct askd_error *reterr)
{
	const char *sql =
	        arena_print(a, "SELECT %s FROM %s%s", what, copy ? STORE_COPY "." : "", where);

	if (!sql)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory to check the audit");
	return copy ? copy_read(copy, a, sql, params, count, max_rows, rows, reterr)
	            : store_read(store, STORE_MANAGER, a, NULL, askd_text_of(sql), params, count,
	                      max_rows, rows, reterr);
}

/* NOT_FOUND: there is none. CONFLICT: it is not ours. */
static int32_t head_read(struct store *store, const struct store_copy *copy,
        struct audit_chain *chain, struct askd_error *reterr)
{
	unsigned char wanted[HEAD] = {0};
	struct arena a;
	struct store_rows rows;
	struct askd_text head;
	int32_t rc;

	arena_init(&a, 0);
	rc = read_rows(store, copy, &a, "value", "meta WHERE name = 'audit_head'", NULL, 0, 1,
	        &rows, reterr);
	if (rc)
		goto out;
	if (!rows.rows) {
		rc = askd_fail(reterr, ASKD_E_NOT_FOUND, "the end of the audit is not recorded");
		goto out;
	}
	head = store_cell_text(&rows, 0, 0);
	if (head.n == HEAD) {
		uint64_t number;
		memcpy(&number, head.s, sizeof number);
		chain->number = le64toh(number);
		memcpy(chain->hash, head.s + 8, CRYPTO_HASH);
		if (head_make(store, chain, wanted) && crypto_equal(wanted, head.s, HEAD))
			goto out;
	}
	rc = askd_fail(
	        reterr, ASKD_E_CONFLICT, "the record of the audit's end was changed by somebody");
out:
	arena_finish(&a);
	return rc;
}

static int32_t last_row(
        struct store *store, struct audit_chain *chain, bool *any, struct askd_error *reterr)
{
	struct arena a;
	struct store_rows rows;
	int32_t rc;

	arena_init(&a, 0);
	*any = false;
	rc = store_read(store, STORE_MANAGER, &a, NULL,
	        ASKD_LITERAL("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1"), NULL,
	        0, 1, &rows, reterr);
	if (!rc && rows.rows) {
		struct askd_text hash = store_cell_text(&rows, 0, 1);
		*any = true;
		chain->number = (uint64_t)store_cell_int(&rows, 0, 0);
		if (hash.n == CRYPTO_HASH)
			memcpy(chain->hash, hash.s, CRYPTO_HASH);
	}
	arena_finish(&a);
	return rc;
}

int32_t chain_load(struct store *store, struct askd_error *reterr)
{
	struct audit_chain chain = {0}, last = {0};
	struct askd_error err = {0};
	bool any = false;
	int32_t head = head_read(store, NULL, &chain, &err), rc;

	if (head && head != ASKD_E_NOT_FOUND && head != ASKD_E_CONFLICT)
		return error_copy(reterr, &err);
	rc = last_row(store, &last, &any, reterr);
	if (rc)
		return rc;
	if (head && (any || head == ASKD_E_CONFLICT)) {
		/* What was done stays visible: from here on the chain cannot be whole again. */
		log_error("store", 0, "audit: %s; compare it with a backup of the state folder",
		        err.message);
		chain.number = last.number;
		memset(chain.hash, 0xff, sizeof chain.hash);
	} else if (!head && (!any || last.number != chain.number ||
	                            !crypto_equal(last.hash, chain.hash, CRYPTO_HASH))) {
		log_error("store", 0,
		        "audit: its end does not match the last row: rows were removed or added");
		if (any && last.number > chain.number)
			chain.number = last.number;
	}
	store->parts[STORE_MANAGER].writer.chain = chain;
	return ASKD_OK;
}

int32_t chain_adopt(struct store *store, struct askd_error *reterr)
{
	struct audit_chain chain = {0};
	bool any;
	int32_t rc = last_row(store, &chain, &any, reterr);

	if (!rc)
		store->parts[STORE_MANAGER].writer.chain = chain;
	return rc;
}

int32_t chain_append(
        struct store_writer *writer, const struct askd_value *values, struct askd_error *reterr)
{
	struct audit_chain *chain = &writer->chain;
	struct askd_value params[COLUMNS];
	unsigned char hash[CRYPTO_HASH];
	struct store_statement statement = {
	        .sql = ASKD_LITERAL("INSERT INTO audit (" AUDIT_COLUMNS ") VALUES ($1, $2, $3, $4, "
	                            "$5, $6, $7, $8, $9, $10, $11)"),
	        .params = params,
	        .count = COLUMNS};
	int32_t rc;

	if (!hash_row(chain->hash, chain->number + 1, values, hash))
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for an audit entry");
	params[0] = store_int((int64_t)chain->number + 1);
	memcpy(&params[1], values, STORE_AUDIT_VALUES * sizeof *values);
	params[COLUMNS - 2] = store_bytes(chain->hash, CRYPTO_HASH);
	params[COLUMNS - 1] = store_bytes(hash, CRYPTO_HASH);
	rc = connection_run(&writer->connection, &writer->call, &statement, NULL, reterr);
	if (!rc) {
		chain->number++;
		memcpy(chain->hash, hash, CRYPTO_HASH);
	}
	return rc;
}

int32_t chain_seal(struct store_writer *writer, struct askd_error *reterr)
{
	unsigned char head[HEAD] = {0};
	struct askd_value param = store_bytes(head, sizeof head);
	struct store_statement statement = {
	        .sql = ASKD_LITERAL("INSERT INTO meta (name, value) VALUES ('audit_head', $1) "
	                            "ON CONFLICT (name) DO UPDATE SET value = excluded.value"),
	        .params = &param,
	        .count = 1};

	if (!head_make(writer->store, &writer->chain, head))
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for an audit entry");
	return connection_run(&writer->connection, &writer->call, &statement, NULL, reterr);
}

/* ---- checking ---- */

static int32_t check_page(const struct store_rows *rows, struct audit_chain *chain,
        const struct audit_chain *head, struct askd_error *reterr)
{
	unsigned char hash[CRYPTO_HASH];

	for (size_t i = 0; i < rows->rows; i++) {
		const struct askd_value *row = store_cell(rows, i, 0);
		uint64_t number = (uint64_t)row[0].u.i, due = chain->number + 1;
		struct askd_text previous = store_cell_text(rows, i, COLUMNS - 2),
		                 own = store_cell_text(rows, i, COLUMNS - 1);
		if (number != due)
			return askd_fail(reterr, ASKD_E_CONFLICT,
			        "audit row %llu is missing: row %llu follows row %llu",
			        (unsigned long long)due, (unsigned long long)number,
			        (unsigned long long)chain->number);
		if (!hash_row(chain->hash, number, row + 1, hash))
			return askd_fail(reterr, ASKD_E_NOMEM, "no memory to check the audit");
		if (previous.n != CRYPTO_HASH || own.n != CRYPTO_HASH ||
		        !crypto_equal(previous.s, chain->hash, CRYPTO_HASH) ||
		        !crypto_equal(own.s, hash, CRYPTO_HASH) ||
		        (number == head->number && !crypto_equal(hash, head->hash, CRYPTO_HASH)))
			return askd_fail(reterr, ASKD_E_CONFLICT,
			        "audit row %llu was changed, replaced or moved",
			        (unsigned long long)number);
		chain->number = number;
		memcpy(chain->hash, hash, CRYPTO_HASH);
	}
	return ASKD_OK;
}

int32_t audit_verify(struct store *store, uint64_t *rows, struct askd_error *reterr)
{
	return chain_verify(store, NULL, rows, reterr);
}

int32_t chain_verify(struct store *store, const struct store_copy *copy, uint64_t *rows,
        struct askd_error *reterr)
{
	struct audit_chain chain = {0}, head = {0};
	struct askd_error head_error = {0};
	struct store_rows page;
	struct arena a;
	int32_t rc, head_rc;

	/* First the end, then the rows: what is added meanwhile is more than the end says. */
	head_rc = head_read(store, copy, &head, &head_error);
	if (head_rc && head_rc != ASKD_E_NOT_FOUND && head_rc != ASKD_E_CONFLICT)
		return error_copy(reterr, &head_error);
	arena_init(&a, 0);
	do {
		arena_reset(&a);
		rc = read_rows(store, copy, &a, AUDIT_COLUMNS,
		        "audit WHERE number > $1 ORDER BY number LIMIT 500",
		        STORE_PARAMS(store_int((int64_t)chain.number)), PAGE, &page, reterr);
		if (!rc)
			rc = check_page(&page, &chain, &head, reterr);
	} while (!rc && page.rows == PAGE);
	arena_finish(&a);
	if (!rc && head_rc)
		rc = askd_fail(reterr, ASKD_E_CONFLICT, "%s after row %llu", head_error.message,
		        (unsigned long long)chain.number);
	if (!rc && chain.number < head.number)
		rc = askd_fail(reterr, ASKD_E_CONFLICT,
		        "audit row %llu is missing: the audit had %llu rows",
		        (unsigned long long)chain.number + 1, (unsigned long long)head.number);
	if (!rc)
		rc = head_read(store, copy, &head, reterr);
	if (!rc && chain.number > head.number)
		rc = askd_fail(reterr, ASKD_E_CONFLICT,
		        "audit row %llu was added by somebody: the audit has %llu rows",
		        (unsigned long long)head.number + 1, (unsigned long long)head.number);
	if (!rc && rows)
		*rows = chain.number;
	return rc;
}
