/* hooks: stands before and after each turn, and does there what its options say. */
#include <askd/extensions.h>

struct hooks {
	const struct askd_host *host;
	int64_t before, after;
	const char *text, *word;
};

enum { PASS, CHANGE, REFUSE, FAIL };
static const char *const choices[] = {"pass", "change", "refuse", "fail", NULL};

static const struct askd_option options[] = {
        {.name = "before",
                .help = "what it does before a turn",
                .def = "pass",
                ASKD_OPTION_CHOICE(struct hooks, before, choices)},
        {.name = "after",
                .help = "what it does after a turn",
                .def = "pass",
                ASKD_OPTION_CHOICE(struct hooks, after, choices)},
        {.name = "text",
                .help = "the new text, or the reason",
                .def = "by the hook",
                ASKD_OPTION_TEXT(struct hooks, text)},
        {.name = "word",
                .help = "acts only on texts that contain it",
                .def = "",
                ASKD_OPTION_TEXT(struct hooks, word)},
        {.name = NULL},
};

static int32_t hooks_open(void *self, const struct askd_host *host, struct askd_error *reterr)
{
	(void)reterr;
	((struct hooks *)self)->host = host;
	return ASKD_OK;
}

static int32_t act(const struct hooks *hooks, int64_t action, struct askd_text on,
        struct askd_hook_verdict *out, struct askd_error *reterr)
{
	if (hooks->word[0] && (!on.s || !strstr(on.s, hooks->word)))
		return ASKD_OK;
	if (action == CHANGE) {
		out->verdict = ASKD_HOOK_CHANGE;
		out->text = askd_text_of(hooks->text);
	} else if (action == REFUSE) {
		out->verdict = ASKD_HOOK_REFUSE;
		out->reason = askd_text_of(hooks->text);
	} else if (action == FAIL) {
		return askd_fail(reterr, ASKD_E_INTERNAL, "the hook fails as told");
	}
	return ASKD_OK;
}

ASKD_DEFINE(hooks_before, askd_hook_event, askd_hook_verdict)
{
	const struct hooks *hooks = (const struct hooks *)self;
	hooks->host->log(hooks->host, call, ASKD_LOG_INFO, "before a turn");
	return act(hooks, hooks->before, in->turn->text, out, reterr);
}

ASKD_DEFINE(hooks_after, askd_hook_event, askd_hook_verdict)
{
	const struct hooks *hooks = (const struct hooks *)self;
	struct askd_text none = {NULL, 0};
	hooks->host->log(hooks->host, call, ASKD_LOG_INFO, "after a turn");
	return act(hooks, hooks->after, in->message ? in->message->text : none, out, reterr);
}

ASKD_MAKE(static const struct askd_hooks, table, .before = hooks_before, .after = hooks_after);
ASKD_MAKE(static const struct askd_extension, extension, .id = "askd.hooks/1", .table = &table);
static const struct askd_extension *const extensions[] = {&extension, NULL};
ASKD_MAKE(static const struct askd_skill_iface, iface, .flags = 0);
ASKD_PLUGIN(.kind = ASKD_KIND_SKILL, .name = "hooks", .version = "1.0",
        .summary = "stands before and after turns", .license = "MIT", .options = options,
        .instance_size = sizeof(struct hooks), .flags = ASKD_CONCURRENT, .open = hooks_open,
        .iface = &iface, .extensions = extensions);
