/* ledger.c: what a call costs, and how that is written for people. */
#include "ledger/ledger.h"

#include <stdlib.h>

#include "base/log.h"
#include "ledger/ledger_private.h"
#include "plugin/generation.h"

/* Whoever set one would rely on it. */
static void warn_budgets(const struct config *config)
{
	if (config->budgets)
		log_warning("ledger", 0,
		        "the budget '%.60s' is not enforced: this version counts what is spent and "
		        "stops nothing. Set a limit at the model's vendor",
		        config->budgets->name);
}

int32_t ledger_open(struct ledger **out, struct store *store, const struct config *config,
        struct askd_error *reterr)
{
	struct ledger *ledger = calloc(1, sizeof *ledger);
	int32_t rc;

	if (!ledger)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the ledger");
	ledger->store = store;
	ledger->config = config;
	pthread_mutex_init(&ledger->lock, NULL);
	pthread_cond_init(&ledger->wake, NULL);
	pthread_cond_init(&ledger->passed, NULL);
	rc = stages_migrate(store, reterr);
	if (!rc)
		rc = applier_migrate(ledger, reterr);
	if (!rc)
		rc = applier_start(ledger, reterr);
	if (rc) {
		ledger_close(ledger);
		return rc;
	}
	warn_budgets(config);
	*out = ledger;
	return ASKD_OK;
}

int32_t ledger_follow(struct ledger *ledger, const struct config *config, struct askd_error *reterr)
{
	warn_budgets(config);
	return applier_prices(ledger, config, reterr);
}

void ledger_close(struct ledger *ledger)
{
	if (!ledger)
		return;
	applier_stop(ledger);
	for (size_t i = 0; i < ledger->warned_count; i++)
		free(ledger->warned[i]);
	pthread_cond_destroy(&ledger->passed);
	pthread_cond_destroy(&ledger->wake);
	pthread_mutex_destroy(&ledger->lock);
	free(ledger);
}

/* True the first time. */
static bool warn_once(struct ledger *ledger, const char *llm, const char *model)
{
	char name[256];
	bool first = true;

	snprintf(name, sizeof name, "%s/%s", llm, model);
	pthread_mutex_lock(&ledger->lock);
	for (size_t i = 0; i < ledger->warned_count && first; i++)
		first = strcmp(ledger->warned[i], name) != 0;
	if (first && ledger->warned_count < LEDGER_WARNED) {
		char *copy = strdup(name);
		if (copy)
			ledger->warned[ledger->warned_count++] = copy;
	} else {
		first = false;
	}
	pthread_mutex_unlock(&ledger->lock);
	return first;
}

static bool add_product(int64_t *sum, uint64_t tokens, int64_t price)
{
	int64_t product;

	return !__builtin_mul_overflow(tokens, price, &product) &&
	       !__builtin_add_overflow(*sum, product, sum);
}

int64_t ledger_cost(struct ledger *ledger, const char *llm, const char *model, int64_t at_us,
        uint64_t input, uint64_t output, uint64_t cached, bool free_of_charge)
{
	const struct config_price *price;
	struct config_price copy;
	struct generation *generation;
	int64_t sum = 0;

	if (free_of_charge)
		return 0;
	if (!llm)
		llm = "";
	if (!model)
		model = "";
	generation = generation_hold(NULL);
	price = config_find_price(
	        generation ? generation->config : ledger->config, llm, model, at_us);
	if (price)
		copy = *price;
	generation_drop(generation);
	if (!price) {
		if (warn_once(ledger, llm, model))
			log_warning("ledger", 0,
			        "no price for model '%.100s' of llm/%.60s: its tokens are counted, "
			        "its cost is unknown; add it to `pricing`",
			        model, llm);
		return LEDGER_UNKNOWN;
	}
	if (cached > input)
		cached = input;
	if (add_product(&sum, input - cached, copy.input) &&
	        add_product(&sum, cached, copy.cached) && add_product(&sum, output, copy.output))
		return sum;
	log_warning("ledger", 0,
	        "a call to model '%.100s' of llm/%.60s reports impossible token counts: its cost "
	        "is "
	        "unknown",
	        model, llm);
	return LEDGER_UNKNOWN;
}

/* Two significant digits at least and cents always; zeros behind that are left out. */
