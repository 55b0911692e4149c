/* plugins.h: what the tests of this room share: an instance of a test plugin without a file of
 * configuration. */
#ifndef TEST_PLUGINS_H
#define TEST_PLUGINS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plugin/registry.h"

#define TEST_PLUGIN(path) BINARY_DIR "/test-plugins/" path ".so"

struct fixture {
	struct arena arena;
	struct config_instance config;
	struct cancel cancel;
	struct call_scope scope;
	struct plugin_call call;
};

/* yaml: the options, or NULL. */
static inline void fixture_init(
        struct fixture *f, const char *kind, const char *path, const char *yaml)
{
	struct askd_error err = {0};
	memset(f, 0, sizeof *f);
	arena_init(&f->arena, 0);
	f->config.kind = kind;
	f->config.name = "test";
	f->config.plugin = path;
	if (yaml) {
		f->config.node = yaml_read_string(&f->arena, "test", yaml, strlen(yaml), &err);
		if (!f->config.node)
			fail_msg("%s", err.message);
	}
	cancel_init(&f->cancel);
	f->scope.id = 7;
	f->scope.cancel = &f->cancel;
	plugin_call_init(&f->call, &f->scope, 10000);
}

static inline struct plugin_instance *fixture_open(struct fixture *f)
{
	struct askd_error err = {0};
	struct plugin_instance *instance = registry_open_one(&f->config, NULL, &err);
	if (!instance)
		fail_msg("%s", err.message);
	return instance;
}

static inline void fixture_finish(struct fixture *f)
{
	plugin_call_finish(&f->call);
	cancel_finish(&f->cancel);
	arena_finish(&f->arena);
}

#endif
