/* config_sections.c: the tables of the host's own sections. */
#include "config/config_private.h"
#include "config/options.h"

static const char *const levels[] = {"error", "warning", "info", "debug", NULL};
static const char *const formats[] = {"text", "json", NULL};
static const char *const anonymouses[] = {"no", "loopback", NULL};

const struct askd_option config_askd_options[] = {
        {.name = "state_dir",
                .help = "The folder of askd's own state; absent: /var/lib/askd for root, else "
                        "$XDG_STATE_HOME/askd",
                ASKD_OPTION_TEXT(struct config, state_dir)},
        {.name = "plugin_path",
                .help = "Folders in which plugins are looked for, as FOLDER/KIND/NAME.so; absent: "
                        "where they were installed",
                ASKD_OPTION_LIST(struct config, plugin_path)},
        {.name = "zone",
                .help = "The time zone of \"last month\" where neither person nor organisation "
                        "has one",
                .def = "UTC",
                ASKD_OPTION_TEXT(struct config, zone)},
        {.name = "web_root",
                .help = "The folder of the dashboard's files; absent: no dashboard",
                ASKD_OPTION_TEXT(struct config, web_root)},
        {.name = "drain",
                .help = "How long running turns may take to end when askd stops",
                .def = "30s",
                .min = 0,
                .max = 3600000,
                ASKD_OPTION_DURATION(struct config, drain_ms)},
        {.name = NULL}};

const struct askd_option config_log_options[] = {
        {.name = "level",
                .help = "The least important lines that are written: error, warning, info, debug",
                .def = "info",
                ASKD_OPTION_CHOICE(struct config, log_level, levels)},
        {.name = "format",
                .help = "text for persons, json for machines",
                .def = "text",
                ASKD_OPTION_CHOICE(struct config, log_format, formats)},
        {.name = "file",
                .help = "Where `askd run` writes them instead of standard error; made anew after "
                        "it was moved away",
                ASKD_OPTION_TEXT(struct config, log_file)},
        {.name = NULL}};

const struct askd_option config_workers_options[] = {
        {.name = "max",
                .help = "Turns that run at the same time",
                .def = "4096",
                .min = 2,
                .max = 65536,
                ASKD_OPTION_INT(struct config, workers_max)},
        {.name = "queue",
                .help = "Turns that wait for a worker; more are refused",
                .def = "20000",
                .min = 1,
                .max = 10000000,
                ASKD_OPTION_INT(struct config, workers_queue)},
        {.name = NULL}};

const struct askd_option config_security_options[] = {
        {.name = "admins",
                .help = "Identities that are always admins, as ISSUER:SUBJECT",
                ASKD_OPTION_LIST(struct config, admins)},
        {.name = "master_key",
                .help = "The key that seals what is stored; absent: made in state_dir, readable "
                        "by its owner only",
                .flags = ASKD_OPT_SECRET,
                ASKD_OPTION_TEXT(struct config, master_key)},
        {.name = "anonymous",
                .help = "Who may ask over HTTP without a key: no (nobody), loopback (this machine)",
                .def = "no",
                ASKD_OPTION_CHOICE(struct config, anonymous, anonymouses)},
        {.name = "sqlite_root",
                .help = "The folder in which SQLite files that people name at run time must lie; "
                        "absent: none may be named",
                ASKD_OPTION_TEXT(struct config, sqlite_root)},
        {.name = NULL}};

const struct config_section *config_sections(void)
{
	static const struct config_section sections[] = {
	        {"askd", "The daemon itself", config_askd_options},
	        {"askd.log", "What goes to standard error", config_log_options},
	        {"askd.workers", "Threads that run turns", config_workers_options},
	        {"security", "Who is trusted, and with what", config_security_options},
	        {"store", "askd's own state", config_store_options},
	        {"store.manager", "Persons, conversations, turns", config_store_database_options},
	        {"store.costs", "What was spent", config_store_database_options},
	        {"limits.NAME", "How much, how fast, how many at once", config_limit_options},
	        {"pricing.LLM.MODEL", "What tokens cost: a map, or a list of maps with 'from'",
	                config_price_options},
	        {"budgets.NAME", "How much may be spent", config_budget_options},
	        {"KIND.NAME", "Every configured plugin: llm, transport, mailer, skill",
	                config_instance_options},
	        {"database.NAME", "A database that is asked", config_database_options},
	        {"database.NAME.limits", "How much of it one answer may take",
	                config_database_limit_options},
	        {"assistant.memory.chat", "What a follow-up in a chat sees", config_chat_options},
	        {"assistant.memory.program", "What a follow-up of a program sees",
	                config_program_options},
	        {"assistant.stages.NAME", "Which model does what: analysis, answer, email",
	                config_stage_options},
	        {NULL, NULL, NULL}};

	return sections;
}
