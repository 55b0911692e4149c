/* options_check.c: is a table of options sound? */
#include <ctype.h>

#include "config/options_private.h"

enum { ENTRIES_MAX = 128 };

static bool is_name(const char *name)
{
	if (!islower((unsigned char)*name))
		return false;
	for (; *name; name++)
		if (!islower((unsigned char)*name) && !isdigit((unsigned char)*name) &&
		        *name != '_')
			return false;
	return true;
}

static int32_t check_default(const struct askd_option *option, struct askd_error *reterr)
{
	struct askd_error failed = {0};
	const struct yaml_node *node;
	union option_value value;
	struct arena a;
	int32_t rc;

	arena_init(&a, 0);
	rc = option_default(&a, option, &node, &failed);
	if (!rc && node)
		rc = option_read(&a, node, option, "its table", &value, &failed);
	arena_finish(&a);
	return rc ? askd_fail(reterr, ASKD_E_INVALID, "option '%s': bad default: %.300s",
	                    option->name, failed.message)
	          : ASKD_OK;
}

static int32_t check_entry(
        const struct askd_option *option, uint64_t size, struct askd_error *reterr)
{
	if (!is_name(option->name))
		return askd_fail(reterr, ASKD_E_INVALID,
		        "option '%.80s': the name is not of lower-case letters, digits and '_'",
		        option->name);
	if (!option->help || !*option->help)
		return askd_fail(reterr, ASKD_E_INVALID, "option '%s': no help", option->name);
	if (option->type < ASKD_OPT_TEXT || option->type > ASKD_OPT_JSON)
		return askd_fail(reterr, ASKD_E_INVALID, "option '%s': unknown type %u",
		        option->name, option->type);
	if (option->flags & ~(uint32_t)(ASKD_OPT_REQUIRED | ASKD_OPT_SECRET | ASKD_OPT_FILE))
		return askd_fail(reterr, ASKD_E_INVALID, "option '%s': unknown flags 0x%x",
		        option->name, option->flags);
	if (option->flags & ASKD_OPT_FILE && option->type != ASKD_OPT_TEXT)
		return askd_fail(reterr, ASKD_E_INVALID,
		        "option '%s': only a text can be the path of a file", option->name);
	if (option->offset % 8 || size < 8 || option->offset > size - 8)
		return askd_fail(reterr, ASKD_E_INVALID,
		        "option '%s': its member at byte %u is not inside the %llu bytes of the "
		        "instance",
		        option->name, option->offset, (unsigned long long)size);
	if (option->flags & ASKD_OPT_REQUIRED && option->def)
		return askd_fail(reterr, ASKD_E_INVALID,
		        "option '%s': required, and yet it has a default", option->name);
	if (option->min > option->max && option->max)
		return askd_fail(
		        reterr, ASKD_E_INVALID, "option '%s': min is above max", option->name);
	if (option->type == ASKD_OPT_CHOICE && (!option->choices || !option->choices[0]))
		return askd_fail(
		        reterr, ASKD_E_INVALID, "option '%s': a choice of nothing", option->name);
	return check_default(option, reterr);
}

int32_t options_check(
        const struct askd_option *table, uint32_t stride, uint64_t size, struct askd_error *reterr)
{
	const struct askd_option *option = table;

	if (!table)
		return ASKD_OK;
	if (stride < sizeof(struct askd_option) || stride % 8)
		return askd_fail(reterr, ASKD_E_INVALID,
		        "an entry of the table of options has %u bytes, expected at least %zu",
		        stride, sizeof(struct askd_option));
	for (size_t i = 0; option->name; i++, option = options_next(option, stride)) {
		const struct askd_option *other = table;
		int32_t rc;

		if (i == ENTRIES_MAX)
			return askd_fail(
			        reterr, ASKD_E_INVALID, "more than %d options", ENTRIES_MAX);
		rc = check_entry(option, size, reterr);
		if (rc)
			return rc;
		for (; other != option; other = options_next(other, stride)) {
			if (!strcmp(other->name, option->name))
				return askd_fail(
				        reterr, ASKD_E_INVALID, "option '%s': twice", option->name);
			if (other->offset == option->offset)
				return askd_fail(reterr, ASKD_E_INVALID,
				        "options '%s' and '%s' fill the same member", other->name,
				        option->name);
		}
	}
	return ASKD_OK;
}
