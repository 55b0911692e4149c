/* config.h: the whole configuration as typed data, immutable once read. */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "config/yaml.h"

enum config_isolation { CONFIG_ISOLATION_NONE, CONFIG_ISOLATION_PROCESS };
enum config_durability { CONFIG_DURABILITY_NORMAL, CONFIG_DURABILITY_FULL };
enum config_anonymous { CONFIG_ANONYMOUS_NO, CONFIG_ANONYMOUS_LOOPBACK };
/* What may leave the house for a remote model; each level includes those before it. */
enum config_egress {
	CONFIG_EGRESS_NOTHING,
	CONFIG_EGRESS_SCHEMA,
	CONFIG_EGRESS_RESULTS,
	CONFIG_EGRESS_ALL,
	CONFIG_EGRESS_DEFAULT /* results; all where the model is local */
};

/* A configured plugin: llm/main. */
struct config_instance {
	const char *kind;             /* "llm" */
	const char *name;             /* "main" */
	const char *plugin;           /* "openai" */
	int64_t optional;             /* yes: left out with a warning when it cannot open */
	int64_t isolation;            /* enum config_isolation */
	const struct yaml_node *node; /* the plugin's own options, and the host's (see known) */
	const char *const *known;     /* names in node that are the host's */
	struct config_instance *next; /* of all kinds, in the order of the file */
};

/* A database of the operator's. `instance` is first. */
struct config_database {
	struct config_instance instance;
	const char *const
	        *access; /* "everyone", "org:NAME", "person:NAME", "key:NAME"; NULL: local */
	const char *const *schemas;          /* NULL: all */
	int64_t egress;                      /* enum config_egress */
	int64_t rows, bytes, time_ms, value; /* limits; value: bytes of one cell */
};

struct config_stage {
	const char *name;            /* "analysis" */
	const char *llm;             /* instance; NULL: no llm is configured */
	const char *model;           /* NULL: the instance's own */
	const char *const *fallback; /* instances; NULL: none */
	const char *const *limits;   /* buckets that each call takes from; NULL: none */
	const char *const *tools;    /* names of tools that its model may call; NULL: none */
	const char *prompt; /* the prompt's text: the bundled one, or of the file named; NULL: a
	                     * stage of a plugin's, which brings its own */
	const char *prompt_name;   /* where it came from, for the receipt: "analysis (bundled)" */
	int64_t temperature_milli; /* -1: the server's default */
	int64_t max_output;        /* tokens; 0: the server's default */
	int64_t escalate_below_milli; /* 0: never */
	int64_t timeout_ms;           /* of one call */
	struct yaml_place place;
	struct config_stage *next;
};

struct config_price {
	const char *llm, *model;
	int64_t from_us;               /* 0: always */
	int64_t input, output, cached; /* pico-dollars a token */
	struct config_price *next;
};

enum config_limit_by {
	CONFIG_BY_PERSON,
	CONFIG_BY_KEY,
	CONFIG_BY_ADDRESS,
	CONFIG_BY_ORGANISATION,
	CONFIG_BY_CONVERSATION
};
struct config_rate {
	int64_t count, per_us;
};
struct config_limit {
	const char *name;                   /* "question" */
	int64_t by;                         /* enum config_limit_by */
	struct config_rate rate;            /* count 0: none */
	int64_t burst, concurrent, waiting; /* burst: at least 1; concurrent 0: no limit */
	const struct config_rate *windows;  /* ends with count 0; NULL: none */
	struct config_limit *next;
};

struct config_budget {
	const char *name;
	int64_t by;                   /* enum config_limit_by */
	int64_t day_pico, month_pico; /* 0: none */
	struct config_budget *next;
};

struct config_store_database {
	const char *plugin;
	const struct yaml_node *node; /* options of the plugin */
	const char *const *known;
};

struct config {
	struct arena arena;           /* everything lives here */
	const char *path;             /* the main file; NULL: none, defaults only */
	bool faulty;                  /* made by config_read_faulty: nothing may be opened by it */
	const struct yaml_node *root; /* all layers */
	/* askd */
	const char *state_dir;
	const char *const *plugin_path;
	const char *zone;
	const char *web_root; /* may be NULL */
	int64_t log_level, log_format;
	const char *log_file; /* NULL: standard error */
	int64_t workers_max, workers_queue;
	int64_t drain_ms;
	/* security */
	const char *const *admins;
	const char *master_key;  /* NULL: made in state_dir */
	int64_t anonymous;       /* enum config_anonymous */
	const char *sqlite_root; /* may be NULL */
	/* store */
	struct config_store_database manager, costs;
	int64_t durability; /* enum config_durability */
	/* the rest */
	struct config_limit *limits;
	struct config_price *prices;
	struct config_budget *budgets;
	struct config_instance *instances;
	struct config_stage *stages;
	int64_t memory_chat_turns, memory_chat_idle_ms, memory_program_turns,
	        memory_program_idle_ms;
};

/* Reads path (NULL: $ASKD_CONFIG, /etc/askd/askd.yaml, else defaults only), overlays conf.d/ *.yaml
 * beside it, then ASKD__A__B=value, over the compiled-in defaults. Validates what needs no plugin.
 * NULL and *reterr on any fault. */
struct config *config_read(const char *path, struct askd_error *reterr);
/* What can be made out of a configuration that config_read refuses, for those who look for the
 * fault or for the daemon that runs: where the state is, and what could be read of the rest. NULL:
 * no memory, or there is no place for a state at all. */
struct config *config_read_faulty(const char *path);
/* The same with the text of the main file: no conf.d, no environment but ${VAR}. */
struct config *config_read_string(const char *name, const char *yaml, struct askd_error *reterr);
void config_destroy(struct config *config);
const struct config_instance *config_find(
        const struct config *config, const char *kind, const char *name);
const struct config_database *config_find_database(const struct config *config, const char *name);
const struct config_stage *config_find_stage(const struct config *config, const char *name);
const struct config_limit *config_find_limit(const struct config *config, const char *name);
/* The price at that time, or NULL: unknown. */
const struct config_price *config_find_price(
        const struct config *config, const char *llm, const char *model, int64_t at_us);
/* Tables of the host's own sections, for the generated documentation: ("askd.log", table), ends
 * with a NULL name. */
struct config_section {
	const char *name, *help;
	const struct askd_option *options;
};
const struct config_section *config_sections(void);

#endif
