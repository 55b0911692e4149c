/* The configuration from any bytes: the parser, the tree to JSON and back, the whole of it. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct askd_error error = {0};
	struct yaml_node *node;
	struct arena a;
	char *text;

	arena_init(&a, 0);
	node = yaml_read_string(&a, "fuzz.yaml", (const char *)data, size, &error);
	if (node) {
		const char *json = yaml_to_json(&a, node);
		json_t *read = json ? json_read(askd_text_of(json), &error) : NULL;

		if (!read) /* whatever the parser lets through is JSON of at most 64 levels */
			abort();
		json_decref(read);
	} else if (!error.code || !error.message[0]) {
		abort();
	}
	arena_finish(&a);
	text = malloc(size + 1);
	if (text) {
		if (size)
			memcpy(text, data, size);
		text[size] = 0;
		config_destroy(config_read_string("fuzz.yaml", text, &error));
	}
	free(text);
	return 0;
}
