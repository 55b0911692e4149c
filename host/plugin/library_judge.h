/* library_judge.h: a plugin's constant, judged without running any of its code. Inside this room
 * only. */
#ifndef PLUGIN_LIBRARY_JUDGE_H
#define PLUGIN_LIBRARY_JUDGE_H

#include "base/arena.h"
#include "plugin/library.h"
#include "plugin/library_elf.h"

/* The loaded object: where the constant and all it leads to must lie. */
struct judged {
	const char *path;
	const struct elf_file *elf;
	uintptr_t base;
	const struct askd_plugin *symbol; /* as the plugin wrote it */
};

/* Judges, and fills the copies of *library from arena `a`. Refusals are sentences. */
int32_t library_judge(const struct judged *judged, struct arena *a, struct plugin_library *library,
        struct askd_error *reterr);
/* "llm" of "askd.llm/1" into `out`; false if it is no kind of this form. */
bool library_kind_word(const char *kind, char *out, size_t size);

#endif
