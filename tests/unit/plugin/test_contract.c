/* test_contract.c: the tables of members against the headers themselves, and what works from them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdlib.h>

#include "base/json.h"
#include "plugin/contract.h"

static const char *const headers[] = {"askd", "database", "http", "llm", "transport", "mailer",
        "skill", "extensions", "web", NULL};

/* A header without comments and preprocessor lines. free it. */
static char *read_header(const char *name)
{
	char path[512], *s, *to, *from;
	FILE *file;
	size_t n;
	snprintf(path, sizeof path, SOURCE_DIR "/sdk/include/askd/%s.h", name);
	file = fopen(path, "r");
	assert_non_null(file);
	s = calloc(1, 1 << 18);
	assert_non_null(s);
	n = fread(s, 1, (1 << 18) - 1, file);
	assert_true(n > 100 && n < (1 << 18) - 1);
	fclose(file);
	for (to = from = s; *from;) {
		if (from[0] == '/' && from[1] == '*') {
			from = strstr(from, "*/") + 2;
		} else if (!strncmp(from, "#if defined(ASKD_TEST_NEXT_MINOR)", 33)) {
			from = strstr(from, "#endif") + 6;
		} else if (*from == '#' && (from == s || from[-1] == '\n')) {
			while (*from && (*from != '\n' || from[-1] == '\\'))
				from++;
		} else {
			*to++ = *from++;
		}
	}
	*to = 0;
	return s;
}

static bool has_member(const struct contract_struct *type, const char *name, size_t n)
{
	for (uint32_t i = 0; i < type->count; i++)
		if (strlen(type->members[i].name) == n && !strncmp(type->members[i].name, name, n))
			return true;
	return false;
}

/* The name that a declaration declares: "(*name)(", "ASKD_FN(name", or the last word. */
static const char *declared(const char *s, const char *end, size_t *n)
{
	const char *at = s, *function;
	while (isspace((unsigned char)*at))
		at++;
	function = !strncmp(at, "ASKD_FN(", 8)         ? at + 8
	           : !strncmp(at, "ASKD_SERVICE(", 13) ? at + 13
	                                               : NULL;
	for (const char *p = at; !function && p + 1 < end; p++)
		if (p[0] == '(' && p[1] == '*')
			function = p + 2;
	if (!function) {
		const char *bracket = memchr(at, '[', (size_t)(end - at));
		function = bracket ? bracket : end;
		while (isalnum((unsigned char)function[-1]) || function[-1] == '_')
			function--;
	}
	for (*n = 0; isalnum((unsigned char)function[*n]) || function[*n] == '_'; ++*n)
		;
	return function;
}

static void check_body(const struct contract_struct *type, const char *s, const char *end)
{
	while (s < end) {
		const char *semicolon = memchr(s, ';', (size_t)(end - s)), *name;
		size_t n;
		if (!semicolon)
			break;
		if (memchr(s, '{', (size_t)(semicolon - s))) { /* the union of a value */
			semicolon = strchr(strchr(s, '}'), ';');
		}
		name = declared(s, semicolon, &n);
		if (n && !has_member(type, name, n))
			fail_msg("%s: the member %.*s is in no table", type->name, (int)n, name);
		s = semicolon + 1;
	}
}

static void every_struct_of_the_headers_has_a_table_with_every_member(void **state)
{
	size_t found = 0, listed = 0;
	(void)state;
	for (const char *const *h = headers; *h; h++) {
		char *s = read_header(*h), name[80], *at;
		for (at = s; (at = strstr(at, "\nstruct askd_")); at++) {
			const struct contract_struct *type;
			char *open = strpbrk(at + 1, "{;");
			if (!open || *open == ';' || sscanf(at, " struct %79[a-z0-9_]", name) != 1)
				continue;
			type = contract_find(name);
			if (!type)
				fail_msg("%s of askd/%s.h has no table", name, *h);
			check_body(type, open + 1, strstr(open, "\n};"));
			found++;
		}
		for (at = s; (at = strstr(at, "\nASKD_SINK(")); at++) {
			assert_int_equal(sscanf(at, " ASKD_SINK(%72[a-z0-9_]", name), 1);
			strcat(name, "_sink");
			if (!contract_find(name))
				fail_msg("%s of askd/%s.h has no table", name, *h);
			found++;
		}
		free(s);
	}
	while (contract_structs[listed])
		listed++;
	assert_int_equal(found, listed);
	assert_true(found > 90);
}

static void every_byte_of_every_struct_is_covered_once(void **state)
{
	(void)state;
	for (const struct contract_struct *const *s = contract_structs; *s; s++) {
		uint32_t at = 0;
		for (uint32_t i = 0; i < (*s)->count; i++) {
			const struct contract_member *m = &(*s)->members[i];
			if (m->offset != at)
				fail_msg("%s.%s is at %u, %u is due", (*s)->name, m->name,
				        m->offset, at);
			at += m->length;
			if ((m->kind == CONTRACT_STRUCT || m->kind == CONTRACT_LIST ||
			            m->kind == CONTRACT_SINK) != (m->sub != NULL))
				fail_msg("%s.%s: what does it lead to?", (*s)->name, m->name);
			if (m->kind == CONTRACT_SIZE && i)
				fail_msg("%s.%s: the size is not first", (*s)->name, m->name);
		}
		if (at != (*s)->size || at % 8 || at > 512)
			fail_msg("%s: %u of %u bytes are covered", (*s)->name, at, (*s)->size);
	}
}

static void each_function_is_found_in_its_table(void **state)
{
	(void)state;
	for (unsigned i = 0; i < CONTRACT_FUNCTION_COUNT; i++) {
		const struct contract_function_info *info = &contract_functions[i];
		const struct contract_struct *type;
		char name[80];
		bool found = false;
		snprintf(name, sizeof name, "askd_%s", info->table);
		type = contract_find(name);
		assert_non_null(type);
		for (uint32_t k = 0; k < type->count; k++)
			found |= type->members[k].offset == info->offset &&
			         type->members[k].kind == CONTRACT_CODE &&
			         !strcmp(type->members[k].name, info->name);
		if (!found)
			fail_msg("%s", contract_function_name((enum contract_function)i));
	}
	assert_null(contract_functions[CONTRACT_DATABASE_FINISH].in);
	assert_string_equal(contract_functions[CONTRACT_DATABASE_NEXT].out->name, "askd_batch");
}

/* A message with everything in it: lists, values, sub-messages, texts. */
struct sample {
	struct askd_value cells[2];
	struct askd_batch batch;
	struct askd_db_column column;
	const struct askd_db_column *columns[2];
	struct askd_message message;
};

static void sample_make(struct sample *s)
{
	memset(s, 0, sizeof *s);
	s->cells[0] = (struct askd_value){.type = ASKD_TEXT, .len = 5, .u = {.s = "Paris"}};
	s->cells[1] = (struct askd_value){.type = ASKD_INT, .u = {.i = 42}};
	s->batch = (struct askd_batch){
	        .size = sizeof s->batch, .rows = 1, .columns = 2, .cells = s->cells};
	s->column = (struct askd_db_column){
	        .size = sizeof s->column, .type = ASKD_TEXT, .name = ASKD_LITERAL("city")};
	s->columns[0] = &s->column;
	s->message = (struct askd_message){.size = sizeof s->message,
	        .text = ASKD_LITERAL("private answer"),
	        .details = ASKD_LITERAL("{\"a\": 1}"),
	        .columns = s->columns,
	        .table = &s->batch};
}

static void a_copy_owns_all_that_it_points_to(void **state)
{
	struct sample s;
	struct arena a;
	struct askd_message *copy;
	(void)state;
	sample_make(&s);
	arena_init(&a, 0);
	copy = contract_copy(&a, contract_find("askd_message"), &s.message);
	assert_non_null(copy);
	assert_true(copy->text.s != s.message.text.s && copy->table != &s.batch &&
	            copy->columns[0] != &s.column);
	memset(&s, 0xee, sizeof s);
	assert_string_equal(copy->text.s, "private answer");
	assert_string_equal(copy->columns[0]->name.s, "city");
	assert_null(copy->columns[1]);
	assert_string_equal(copy->table->cells[0].u.s, "Paris");
	assert_int_equal(copy->table->cells[1].u.i, 42);
	arena_finish(&a);
	arena_init(&a, 64);
	sample_make(&s);
	assert_null(contract_copy(&a, contract_find("askd_message"), &s.message));
	arena_finish(&a);
}

static void a_shorter_struct_is_copied_to_our_size(void **state)
{
	struct {
		uint32_t size, kind;
		int64_t rows;
		struct askd_text schema, name;
	} older = {sizeof older, ASKD_TABLE, 7, {NULL, 0}, ASKD_LITERAL("t")};
	const struct askd_db_table *tables[2] = {(const struct askd_db_table *)(void *)&older};
	struct askd_catalogue catalogue = {.size = sizeof catalogue, .tables = tables};
	const struct contract_struct *type = contract_find("askd_catalogue");
	struct arena a;
	(void)state;
	arena_init(&a, 0);
	assert_int_equal(contract_check(type, &catalogue, NULL), ASKD_OK);
	assert_false(contract_is_whole(type, &catalogue));
	assert_true(contract_widen(&a, type, &catalogue));
	assert_true(contract_is_whole(type, &catalogue));
	assert_int_equal(catalogue.tables[0]->size, sizeof(struct askd_db_table));
	assert_int_equal(catalogue.tables[0]->rows, 7);
	assert_null(catalogue.tables[0]->columns);
	assert_null(catalogue.tables[1]);
	arena_finish(&a);
}

static char *print(
        const struct contract_struct *type, const void *message, enum contract_privacy keep)
{
	struct buffer b;
	struct askd_error err = {0};
	json_t *json;
	buffer_init(&b, 0);
	contract_print(&b, type, message, keep);
	assert_false(b.failed);
	json = json_read(buffer_text(&b), &err);
	if (!json)
		fail_msg("%s: %s", b.s, err.message);
	json_decref(json);
	assert_null(strchr(b.s, '\n'));
	return b.s;
}

static void printing_keeps_content_and_secrets_out(void **state)
{
	struct sample s;
	struct askd_header header = {.size = sizeof header,
	        .name = ASKD_LITERAL("authorization"),
	        .value = ASKD_LITERAL("Bearer abc")};
	char *line;
	(void)state;
	sample_make(&s);
	line = print(contract_find("askd_message"), &s.message, CONTRACT_PLAIN);
	assert_null(strstr(line, "private"));
	assert_null(strstr(line, "Paris"));
	assert_non_null(strstr(line, "city"));
	free(line);
	line = print(contract_find("askd_message"), &s.message, CONTRACT_CONTENT);
	assert_non_null(strstr(line, "private answer"));
	assert_non_null(strstr(line, "Paris"));
	free(line);
	line = print(contract_find("askd_header"), &header, CONTRACT_CONTENT);
	assert_null(strstr(line, "abc"));
	assert_non_null(strstr(line, "authorization"));
	free(line);
}

static void finds(struct sample *s, const char *member)
{
	struct askd_error err = {0};
	assert_int_equal(
	        contract_check(contract_find("askd_message"), &s->message, &err), ASKD_E_PROTOCOL);
	if (!strstr(err.message, member))
		fail_msg("%s does not name %s", err.message, member);
}

static void a_check_names_the_member_that_is_wrong(void **state)
{
	struct sample s;
	(void)state;
	sample_make(&s);
	assert_int_equal(contract_check(contract_find("askd_message"), &s.message, NULL), ASKD_OK);
	s.message.text.n = 3;
	finds(&s, "message.text: does not end");
	sample_make(&s);
	s.message.text = (struct askd_text){NULL, 3};
	finds(&s, "message.text: an absent");
	sample_make(&s);
	s.message.text = ASKD_LITERAL("12345678\xed\xa0\x80");
	finds(&s, "message.text: is not UTF-8");
	sample_make(&s);
	s.message.text = ASKD_LITERAL("1234\0"
	                              "5678");
	finds(&s, "message.text: is not UTF-8");
	sample_make(&s);
	s.message.details = ASKD_LITERAL("{a}");
	finds(&s, "message.details: is not JSON");
	sample_make(&s);
	s.column.name = ASKD_LITERAL("\xff");
	finds(&s, "message.columns[0].name");
	sample_make(&s);
	s.cells[1].type = 77;
	finds(&s, "message.table.cells[1]: has an unknown type");
	sample_make(&s);
	s.batch.cells = NULL;
	finds(&s, "message.table.cells");
	sample_make(&s);
	s.batch.rows = s.batch.columns = 1 << 30;
	finds(&s, "message.table.cells");
	sample_make(&s);
	s.message.size = 12;
	finds(&s, "message.size");
	sample_make(&s);
	s.message.size += 8;
	finds(&s, "message.size");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_struct_of_the_headers_has_a_table_with_every_member),
	        cmocka_unit_test(every_byte_of_every_struct_is_covered_once),
	        cmocka_unit_test(each_function_is_found_in_its_table),
	        cmocka_unit_test(a_copy_owns_all_that_it_points_to),
	        cmocka_unit_test(a_shorter_struct_is_copied_to_our_size),
	        cmocka_unit_test(printing_keeps_content_and_secrets_out),
	        cmocka_unit_test(a_check_names_the_member_that_is_wrong),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
