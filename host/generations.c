/* generations.c: all that hangs on one reading of the configuration. */
#include <stdlib.h>

#include "base/error.h"
#include "daemon_inside.h"

int32_t generation_open(struct generation **out, const struct assistant_rooms *rooms,
        const struct config *config, const struct generation *previous, bool serve,
        struct askd_error *reterr)
{
	struct generation *g = calloc(1, sizeof *g);
	struct assistant_rooms mine = *rooms;
	int32_t rc;

	if (!g)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a configuration");
	g->config = config;
	g->registry = registry_reopen(previous ? previous->registry : NULL, config, reterr);
	rc = g->registry ? ASKD_OK : reterr ? reterr->code : ASKD_E_CONFIG;
	if (!rc)
		rc = query_open(&g->query, g->registry, rooms->people,
		        previous ? previous->query : NULL, reterr);
	mine.config = config;
	mine.registry = g->registry;
	mine.query = g->query;
	if (!rc)
		rc = plan_open(&g->plan, &mine, previous ? previous->plan : NULL, reterr);
	if (!rc && serve)
		rc = site_open(&g->site,
		        &(struct web_rooms){
		                config, g->registry, rooms->people, rooms->limits, rooms->workers},
		        previous ? previous->site : NULL, reterr);
	if (rc) {
		generation_close(g);
		return rc;
	}
	*out = g;
	return ASKD_OK;
}

void generation_close(struct generation *g)
{
	if (!g)
		return;
	site_close(g->site);
	plan_close(g->plan);
	query_close(g->query);
	registry_close(g->registry);
	config_destroy(g->owned);
	free(g);
}
