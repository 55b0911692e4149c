/* config_money.c: limits, prices, budgets. */
#include <ctype.h>
#include <time.h>

#include "base/text.h"
#include "config/config_private.h"
#include "config/options.h"

enum {
	PRICE_SCALE = 6,   /* dollars per million tokens times 10^6: pico-dollars a token */
	BUDGET_SCALE = 12, /* dollars times 10^12: pico-dollars */
	COUNT_MAX = 1000000
};

static const char *const bys[] = {"person", "key", "address", "organisation", "conversation", NULL};

struct limit_options {
	struct config_limit limit;
	const char *rate;
	const char *const *windows;
};

const struct askd_option config_limit_options[] = {
        {.name = "by",
                .help = "Whose requests are counted together: person, key, address, organisation, "
                        "conversation",
                .def = "person",
                ASKD_OPTION_CHOICE(struct limit_options, limit.by, bys)},
        {.name = "rate",
                .help = "How fast the bucket fills: 1/s, 30/min, 100/h or 500/d; absent: any rate",
                ASKD_OPTION_TEXT(struct limit_options, rate)},
        {.name = "burst",
                .help = "How many at once; absent: the count of the rate",
                .min = 0,
                .max = COUNT_MAX,
                ASKD_OPTION_INT(struct limit_options, limit.burst)},
        {.name = "concurrent",
                .help = "How many may run at the same time; 0: any number",
                .min = 0,
                .max = COUNT_MAX,
                ASKD_OPTION_INT(struct limit_options, limit.concurrent)},
        {.name = "waiting",
                .help = "How many more may wait for that",
                .min = 0,
                .max = COUNT_MAX,
                ASKD_OPTION_INT(struct limit_options, limit.waiting)},
        {.name = "windows",
                .help = "Counts within sliding windows, all of which hold: [10/min, 100/h, 500/d]",
                ASKD_OPTION_LIST(struct limit_options, windows)},
        {.name = NULL}};

struct price_options {
	const char *input, *output, *cached, *from;
};

const struct askd_option config_price_options[] = {
        {.name = "input",
                .help = "Dollars per million tokens that go in, decimal",
                .flags = ASKD_OPT_REQUIRED,
                ASKD_OPTION_TEXT(struct price_options, input)},
        {.name = "output",
                .help = "Dollars per million tokens that come out, decimal",
                .flags = ASKD_OPT_REQUIRED,
                ASKD_OPTION_TEXT(struct price_options, output)},
        {.name = "cached",
                .help = "Dollars per million tokens that the server had cached; absent: as input",
                ASKD_OPTION_TEXT(struct price_options, cached)},
        {.name = "from",
                .help = "The day (UTC) from which it holds, as in 2026-01-31; absent: always",
                ASKD_OPTION_TEXT(struct price_options, from)},
        {.name = NULL}};

struct budget_options {
	struct config_budget budget;
	const char *day, *month;
};

const struct askd_option config_budget_options[] = {
        {.name = "by",
                .help = "Whose costs are counted together: person, key, address, organisation, "
                        "conversation",
                .def = "organisation",
                ASKD_OPTION_CHOICE(struct budget_options, budget.by, bys)},
        {.name = "day",
                .help = "Dollars a day, decimal; absent: no limit",
                ASKD_OPTION_TEXT(struct budget_options, day)},
        {.name = "month",
                .help = "Dollars a month, decimal; absent: no limit",
                ASKD_OPTION_TEXT(struct budget_options, month)},
        {.name = NULL}};

/* "30/min" */
static bool to_rate(const char *s, struct config_rate *rate)
{
	static const struct {
		const char *name;
		int64_t us;
	} units[] = {{"s", 1000000}, {"min", 60000000}, {"h", INT64_C(3600000000)},
	        {"d", INT64_C(86400000000)}};
	const char *slash = strchr(s, '/');
	char count[16];
	int64_t number;

	if (!slash || (size_t)(slash - s) >= sizeof count || !isdigit((unsigned char)*s))
		return false;
	memcpy(count, s, (size_t)(slash - s));
	count[slash - s] = 0;
	if (!text_to_int(count, &number) || number < 1 || number > COUNT_MAX)
		return false;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (!strcmp(slash + 1, units[i].name)) {
			*rate = (struct config_rate){number, units[i].us};
			return true;
		}
	return false;
}

static int32_t fail_rate(const struct yaml_node *node, const char *owner, struct askd_error *reterr)
{
	return yaml_fail(reterr, node,
	        "found %s in %s, expected a rate such as 1/s, 30/min, 100/h or 500/d",
	        yaml_found(node), owner);
}

static int32_t read_windows(struct config *config, struct config_limit *limit,
        const struct yaml_node *list, const char *owner, struct askd_error *reterr)
{
	struct config_rate *windows;
	size_t n = 0;

	for (const struct yaml_node *node = list->first; node; node = node->next)
		n++;
	windows = arena_zalloc(&config->arena, (n + 1) * sizeof *windows);
	if (!windows)
		return config_no_memory(reterr);
	n = 0;
	for (const struct yaml_node *node = list->first; node; node = node->next)
		if (!to_rate(node->text, &windows[n++]))
			return fail_rate(node, owner, reterr);
	limit->windows = n ? windows : NULL;
	return ASKD_OK;
}

static int32_t check_key(
        const struct yaml_node *node, const char *section, struct askd_error *reterr)
{
	if (config_is_name(node->key.s))
		return ASKD_OK;
	return yaml_fail_at(reterr, &node->key_place,
	        "found %s in %s, expected a name of letters a-z, digits, '_' and '-', at most 64 "
	        "bytes",
	        yaml_quote(node->key.s, node->key.n), section);
}

static int32_t read_limit(struct config *config, const struct yaml_node *node,
        struct config_limit **result, struct askd_error *reterr)
{
	const char *owner = arena_print(&config->arena, "limits.%s", node->key.s);
	struct limit_options *options = arena_zalloc(&config->arena, sizeof *options);
	int32_t rc;

	if (!owner || !options)
		return config_no_memory(reterr);
	rc = check_key(node, "limits", reterr);
	if (!rc)
		rc = config_check_map(node, owner, reterr);
	if (!rc)
		rc = CONFIG_OPTIONS(
		        config, node, config_limit_options, owner, NULL, options, reterr);
	if (rc)
		return rc;
	options->limit.name = node->key.s;
	if (options->rate && !to_rate(options->rate, &options->limit.rate))
		return fail_rate(yaml_find(node, "rate"), owner, reterr);
	if (!options->limit.burst)
		options->limit.burst = options->limit.rate.count ? options->limit.rate.count : 1;
	if (options->windows)
		rc = read_windows(
		        config, &options->limit, yaml_find(node, "windows"), owner, reterr);
	if (!rc)
		*result = &options->limit;
	return rc;
}

int32_t config_read_limits(
        struct config *config, const struct yaml_node *node, struct askd_error *reterr)
{
	struct config_limit **end = &config->limits;

	for (node = node ? node->first : NULL; node; node = node->next) {
		int32_t rc;

		if (config_is_absent(node))
			continue;
		rc = read_limit(config, node, end, reterr);
		if (rc)
			return rc;
		end = &(*end)->next;
	}
	return ASKD_OK;
}

/* A decimal number of dollars; NULL text: *value stays. */
static int32_t read_dollars(const struct yaml_node *map, const char *name, const char *text,
        unsigned scale, const char *owner, int64_t *value, struct askd_error *reterr)
{
	int64_t read;

	if (!text)
		return ASKD_OK;
	if (text_to_scaled(text, scale, &read) && read >= 0) {
		*value = read;
		return ASKD_OK;
	}
	return yaml_fail(reterr, yaml_find(map, name),
	        "found %s for '%s' of %s, expected dollars as a decimal number such as 0.075, with "
	        "at most %u decimals",
	        yaml_found(yaml_find(map, name)), name, owner, scale);
}

/* "2026-01-31" as the first moment of that day. */
static bool to_day(const char *s, int64_t *us)
{
	struct tm tm = {0}, again;
	time_t t;

	if (strlen(s) != 10 || s[4] != '-' || s[7] != '-')
		return false;
	for (size_t i = 0; i < 10; i++)
		if (i != 4 && i != 7 && !isdigit((unsigned char)s[i]))
			return false;
	tm.tm_year =
	        (s[0] - '0') * 1000 + (s[1] - '0') * 100 + (s[2] - '0') * 10 + s[3] - '0' - 1900;
	tm.tm_mon = (s[5] - '0') * 10 + s[6] - '0' - 1;
	tm.tm_mday = (s[8] - '0') * 10 + s[9] - '0';
	again = tm;
	t = timegm(&again);
	/* 2026-02-30 would come back as another day. */
	if (again.tm_year != tm.tm_year || again.tm_mon != tm.tm_mon || again.tm_mday != tm.tm_mday)
		return false;
	*us = (int64_t)t * 1000000;
	return true;
}

static int32_t read_price(struct config *config, const struct yaml_node *node, const char *owner,
        struct config_price *price, struct askd_error *reterr)
{
	struct price_options options = {0};
	int32_t rc =
	        CONFIG_OPTIONS(config, node, config_price_options, owner, NULL, &options, reterr);

	if (!rc)
		rc = read_dollars(
		        node, "input", options.input, PRICE_SCALE, owner, &price->input, reterr);
	price->cached = price->input;
	if (!rc)
		rc = read_dollars(
		        node, "output", options.output, PRICE_SCALE, owner, &price->output, reterr);
	if (!rc)
		rc = read_dollars(
		        node, "cached", options.cached, PRICE_SCALE, owner, &price->cached, reterr);
	if (!rc && options.from && !to_day(options.from, &price->from_us))
		rc = yaml_fail(reterr, yaml_find(node, "from"),
		        "found %s for 'from' of %s, expected a day such as 2026-01-31",
		        yaml_found(yaml_find(node, "from")), owner);
	return rc;
}

/* The prices of one model: a map, or a list of maps with different days. */
static int32_t read_model(struct config *config, const char *llm, const struct yaml_node *node,
        struct config_price ***end, struct askd_error *reterr)
{
	const char *owner = arena_print(&config->arena, "pricing.%s.%s", llm, node->key.s);
	const struct yaml_node *entry = node->kind == YAML_LIST ? node->first : node;
	struct config_price **first = *end;

	if (!owner)
		return config_no_memory(reterr);
	for (; entry; entry = node->kind == YAML_LIST ? entry->next : NULL) {
		struct config_price *price = arena_zalloc(&config->arena, sizeof *price);
		int32_t rc;

		if (!price)
			return config_no_memory(reterr);
		price->llm = llm;
		price->model = node->key.s;
		rc = config_check_map(entry, owner, reterr);
		if (!rc)
			rc = read_price(config, entry, owner, price, reterr);
		if (rc)
			return rc;
		for (const struct config_price *p = *first; p; p = p->next)
			if (p->from_us == price->from_us)
				return yaml_fail_at(reterr, config_place(entry, "from"),
				        "found two prices of %s from the same day, expected one",
				        owner);
		**end = price;
		*end = &price->next;
	}
	return ASKD_OK;
}

int32_t config_read_prices(
        struct config *config, const struct yaml_node *node, struct askd_error *reterr)
{
	const char *const *llms = config_names(config, "llm");
	struct config_price **end = &config->prices;

	if (!llms)
		return config_no_memory(reterr);
	for (node = node ? node->first : NULL; node; node = node->next) {
		int32_t rc;

		if (config_is_absent(node))
			continue;
		if (!config_find(config, "llm", node->key.s))
			return yaml_fail_name(reterr, &node->key_place, node->key.s, llms);
		rc = config_check_map(node, "pricing of an llm", reterr);
		if (rc)
			return rc;
		for (const struct yaml_node *model = node->first; model; model = model->next) {
			rc = read_model(config, node->key.s, model, &end, reterr);
			if (rc)
				return rc;
		}
	}
	return ASKD_OK;
}

int32_t config_read_budgets(
        struct config *config, const struct yaml_node *node, struct askd_error *reterr)
{
	struct config_budget **end = &config->budgets;

	for (node = node ? node->first : NULL; node; node = node->next) {
		const char *owner = arena_print(&config->arena, "budgets.%s", node->key.s);
		struct budget_options *options = arena_zalloc(&config->arena, sizeof *options);
		int32_t rc;

		if (!owner || !options)
			return config_no_memory(reterr);
		rc = check_key(node, "budgets", reterr);
		if (!rc)
			rc = config_check_map(node, owner, reterr);
		if (!rc)
			rc = CONFIG_OPTIONS(
			        config, node, config_budget_options, owner, NULL, options, reterr);
		if (!rc)
			rc = read_dollars(node, "day", options->day, BUDGET_SCALE, owner,
			        &options->budget.day_pico, reterr);
		if (!rc)
			rc = read_dollars(node, "month", options->month, BUDGET_SCALE, owner,
			        &options->budget.month_pico, reterr);
		if (rc)
			return rc;
		options->budget.name = node->key.s;
		*end = &options->budget;
		end = &options->budget.next;
	}
	return ASKD_OK;
}
