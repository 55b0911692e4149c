/* options.h: from a map of YAML to a struct, by a table of struct askd_option. The one way in which
 * host sections and plugins' instances are read. */
#ifndef CONFIG_OPTIONS_H
#define CONFIG_OPTIONS_H

#include "base/crypto.h"
#include "config/yaml.h"

/* Fills `target` (zeroed) from the map `node` (NULL: only defaults). Texts live in `a`. `stride` is
 * the size of one entry of the table, `owner` how messages call the map ("llm/main", "askd.log").
 * Names in `known` (NULL-terminated, may be NULL) are not errors: somebody else reads them. Unknown
 * names, wrong types, ranges, lengths and missing required ones are CONFIG errors that name file,
 * line, column, what was found, what was expected, and the nearest name. */
int32_t options_read(struct arena *a, const struct yaml_node *node, const struct askd_option *table,
        uint32_t stride, const char *owner, const char *const *known, void *target,
        struct askd_error *reterr);
/* SHA-256 of what options_read has put into `target`, and of the files that it names with
 * ASKD_OPT_FILE. false: no memory. */
bool options_sum(const struct askd_option *table, uint32_t stride, const void *target,
        unsigned char sum[CRYPTO_HASH]);
/* Is the table itself sound: names, types, offsets inside `size`, defaults that parse, choices. */
int32_t options_check(
        const struct askd_option *table, uint32_t stride, uint64_t size, struct askd_error *reterr);
const struct askd_option *options_next(const struct askd_option *entry, uint32_t stride);
/* "text", "duration", ... */
const char *options_type_name(uint32_t type);

#endif
