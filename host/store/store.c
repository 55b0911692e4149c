/* store.c: opening and closing. */
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "store/store_private.h"

static const struct askd_migration manager_1 = {.size = sizeof manager_1,
        .number = 1,
        .sql = "CREATE TABLE meta (name text PRIMARY KEY, value bytea NOT NULL);\n"
               "CREATE TABLE sealed_tables (name text PRIMARY KEY);\n"
               "CREATE TABLE audit (number bigint PRIMARY KEY, at_us bigint NOT NULL, "
               "identity text NOT NULL, person bigint, organisation bigint, turn bigint, "
               "action text NOT NULL, subject text, details text, "
               "previous_hash bytea NOT NULL, hash bytea NOT NULL);\n"};
static const struct askd_migration *const manager_list[] = {&manager_1, NULL};

const char *store_file(const struct config *config, enum store_database db, struct arena *a)
{
	const struct config_store_database *wanted =
	        db == STORE_MANAGER ? &config->manager : &config->costs;
	const struct yaml_node *path = yaml_find(wanted->node, "path");

	if (!path || path->kind != YAML_SCALAR || !path->text || !*path->text)
		return NULL;
	return *path->text == '/' ? path->text
	                          : arena_print(a, "%s/%s", config->state_dir, path->text);
}

const struct yaml_node *store_options(
        struct arena *a, const struct yaml_node *node, const char *path)
{
	struct yaml_node *copy;

	if (!node)
		return NULL;
	copy = arena_zalloc(a, sizeof *copy);
	if (!copy)
		return NULL;
	*copy = *node;
	copy->first = copy->last = NULL;
	for (const struct yaml_node *child = node->first; child; child = child->next) {
		struct yaml_node *twin = arena_zalloc(a, sizeof *twin);
		if (!twin)
			return NULL;
		*twin = *child;
		twin->next = NULL;
		if (path && text_is(child->key, "path"))
			twin->text = path;
		if (copy->last)
			copy->last->next = twin;
		else
			copy->first = twin;
		copy->last = twin;
	}
	return copy;
}

static int32_t open_part(struct store *store, enum store_database db,
        const struct config_store_database *wanted, struct askd_error *reterr)
{
	struct store_part *part = &store->parts[db];
	const char *name = db == STORE_MANAGER ? "manager" : "costs";
	int32_t rc;

	part->path = store_file(store->config, db, &store->arena);
	part->config = (struct config_instance){.kind = "database",
	        .name = name,
	        .plugin = wanted->plugin,
	        .isolation = CONFIG_ISOLATION_NONE,
	        .node = store_options(&store->arena, wanted->node, part->path),
	        .known = wanted->known};
	if (store->arena.full)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for the store");
	part->instance = registry_open_one(&part->config, store->config->plugin_path, reterr);
	if (!part->instance) {
		error_prefix(reterr, "store.%s", name);
		return ASKD_E_CONFIG;
	}
	rc = writer_start(store, db, reterr);
	if (!rc)
		rc = migrate_prepare(store, db, reterr);
	if (rc)
		error_prefix(reterr, "store.%s", name);
	return rc;
}

static void part_init(struct store *store, enum store_database db)
{
	struct store_part *part = &store->parts[db];
	struct store_writer *writer = &part->writer;

	writer->store = store;
	writer->db = db;
	cancel_init(&writer->cancel);
	writer->scope = (struct call_scope){.identity = "askd", .cancel = &writer->cancel};
	pthread_mutex_init(&writer->lock, NULL);
	pthread_cond_init(&writer->wake, NULL);
	readers_init(&part->readers);
}

static void part_finish(struct store_part *part)
{
	struct store_writer *writer = &part->writer;

	/* Readers first: the last connection that closes cleans the files up, and must be able to
	 * write. */
	readers_finish(&part->readers);
	writer_stop(writer);
	registry_close_one(part->instance);
	cancel_finish(&writer->cancel);
	pthread_cond_destroy(&writer->wake);
	pthread_mutex_destroy(&writer->lock);
}

static struct store *open_store(
        const struct config *config, bool forgets, uint64_t *forgotten, struct askd_error *reterr)
{
	struct store *store = calloc(1, sizeof *store);
	int32_t rc;

	if (!store) {
		askd_fail(reterr, ASKD_E_NOMEM, "no memory for the store");
		return NULL;
	}
	store->config = config;
	store->lock_fd = -1;
	arena_init(&store->arena, 0);
	pthread_mutex_init(&store->sealed_lock, NULL);
	for (int db = 0; db < STORE_DATABASE_COUNT; db++)
		part_init(store, (enum store_database)db);
	rc = state_lock(config->state_dir, &store->lock_fd, reterr);
	if (!rc)
		rc = restore_go_on(config, reterr);
	if (!rc)
		rc = open_part(store, STORE_MANAGER, &config->manager, reterr);
	if (!rc)
		rc = open_part(store, STORE_COSTS, &config->costs, reterr);
	if (!rc)
		rc = store_migrate(store, STORE_MANAGER, "store", manager_list, reterr);
	if (!rc)
		rc = key_open(store, forgets, forgotten, reterr);
	if (!rc)
		return store;
	store_close(store);
	return NULL;
}

struct store *store_open(const struct config *config, struct askd_error *reterr)
{
	uint64_t none = 0;
	struct store *store = open_store(config, false, &none, reterr);

	if (store)
		service_use(store);
	return store;
}

int32_t store_forget_sealed(const struct config *config, uint64_t *rows, struct askd_error *reterr)
{
	uint64_t forgotten = 0;
	struct askd_error err = {0};
	struct store *store = open_store(config, true, &forgotten, &err);

	if (!store)
		return error_copy(reterr, &err);
	store_close(store);
	if (rows)
		*rows = forgotten;
	return ASKD_OK;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	service_use(NULL);
	for (int db = STORE_DATABASE_COUNT - 1; db >= 0; db--)
		part_finish(&store->parts[db]);
	crypto_wipe(store->master, sizeof store->master);
	crypto_wipe(store->seal_key, sizeof store->seal_key);
	crypto_wipe(store->head_key, sizeof store->head_key);
	crypto_wipe(store->check, sizeof store->check);
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	pthread_mutex_destroy(&store->sealed_lock);
	arena_finish(&store->arena);
	free(store);
}
