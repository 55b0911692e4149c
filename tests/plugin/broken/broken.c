/* broken.c: a skill with one fault each, chosen by a define. */
#include <askd/extensions.h>

struct broken {
	int64_t number;
	const char *text;
};

#ifdef MISSING_SYMBOL
int32_t not_there_at_all(void);
#endif

ASKD_DEFINE(handle, askd_turn, askd_outcome)
{
#ifdef MISSING_SYMBOL
	return not_there_at_all();
#else
	return ASKD_OK;
#endif
}

#ifdef FROM_LIBRARY
int32_t from_library(void);
int32_t (*const keep)(void) = from_library;
#endif

static const struct askd_option options[] = {
        {.name = "number",
                .help = "a number",
#if defined(BAD_DEFAULT)
                .def = "many",
#endif
#if defined(BAD_OFFSET)
                .type = ASKD_OPT_INT,
                .offset = 4096},
#elif defined(BAD_TYPE)
                .type = 99,
                .offset = 0},
#else
                ASKD_OPTION_INT(struct broken, number)},
#endif
#if defined(TWICE)
        {.name = "number", .help = "again", ASKD_OPTION_TEXT(struct broken, text)},
#elif defined(NO_HELP)
        {.name = "text", ASKD_OPTION_TEXT(struct broken, text)},
#elif defined(BAD_NAME)
        {.name = "Text Size", .help = "text", ASKD_OPTION_TEXT(struct broken, text)},
#elif defined(NO_CHOICES)
        {.name = "text", .help = "text", .type = ASKD_OPT_CHOICE, .offset = 0},
#endif
        {.name = NULL},
};

#ifdef NO_END
/* The table fills its object to the last byte of the last page. */
static const struct askd_option endless[1100] = {
        [0 ... 1099] = {
                .name = "number", .help = "a number", ASKD_OPTION_INT(struct broken, number)}};
#endif

ASKD_MAKE(static const struct askd_command, command, .name = "broken", .usage = "/broken",
#ifdef NO_COMMAND_HELP
        .help = NULL
#else
        .help = "Does nothing"
#endif
);
static const struct askd_command *const commands[] = {&command, NULL};

static const struct askd_skill_iface iface = {
#ifdef BAD_IFACE_SIZE
        .size = 3,
#else
        .size = sizeof iface,
#endif
        .flags = 0,
        .commands = commands,
        .migrations = NULL,
        .offer = NULL,
#ifdef NO_FUNCTION
        .handle = NULL,
#else
        .handle = handle,
#endif
};

#ifdef UNKNOWN_EXTENSION
ASKD_MAKE(static const struct askd_extension, extension, .id = "askd.hook/1", .table = &iface);
static const struct askd_extension *const extensions[] = {&extension, NULL};
#endif
#ifdef EMPTY_TOOLS
ASKD_MAKE(static const struct askd_tools, tools, .tools = NULL);
ASKD_MAKE(static const struct askd_extension, extension, .id = "askd.tools/1", .table = &tools);
static const struct askd_extension *const extensions[] = {&extension, NULL};
#endif

#ifdef NO_EXPORT
#define EXPORTED __attribute__((visibility("hidden")))
#else
#define EXPORTED __attribute__((visibility("default")))
#endif
extern const struct askd_plugin askd_plugin_v1 EXPORTED;
const struct askd_plugin askd_plugin_v1 = {
#ifdef BAD_MAGIC
        .magic = 0x12345678,
#else
        .magic = ASKD_MAGIC,
#endif
#ifdef BAD_SIZE
        .struct_size = 100000,
#else
        .struct_size = sizeof askd_plugin_v1,
#endif
#ifdef VERSION_MAJOR
        .abi_major = VERSION_MAJOR,
        .abi_minor = VERSION_MINOR,
#else
        .abi_major = ASKD_SDK_MAJOR,
        .abi_minor = ASKD_MINOR,
#endif
#ifdef BAD_STRIDE
        .option_size = 12,
#else
        .option_size = sizeof(struct askd_option),
#endif
#ifdef BAD_KIND
        .kind = "askd.weather/1",
#else
        .kind = ASKD_KIND_SKILL,
#endif
#ifdef NO_NAME
        .name = NULL,
#elif defined(WILD_NAME)
        .name = (const char *)8,
#else
        .name = "broken",
#endif
        .version = "1.0",
        .summary = "has a fault",
        .license = "MIT",
#ifdef NO_END
        .options = endless,
#else
        .options = options,
#endif
        .instance_size = sizeof(struct broken),
#ifdef SERIAL
        .flags = 0,
#else
        .flags = ASKD_CONCURRENT,
#endif
        .open = NULL,
        .close = NULL,
#ifdef NO_IFACE
        .iface = NULL,
#else
        .iface = &iface,
#endif
#if defined(UNKNOWN_EXTENSION) || defined(EMPTY_TOOLS)
        .extensions = extensions,
#else
        .extensions = NULL,
#endif
};
