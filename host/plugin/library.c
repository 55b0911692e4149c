/* library.c: finding and opening shared objects. */
#include "plugin/library.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <ltdl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "plugin/library_judge.h"

#define SYMBOL "askd_plugin_v1"

enum { NAMES_MAX = 256 };

struct opened {
	struct plugin_library library; /* first */
	struct arena arena;
	lt_dlhandle handle;
};

static struct plugin_library *libraries; /* accepted ones: they stay for ever */

static struct plugin_library *library_known(const char *path)
{
	for (struct plugin_library *l = libraries; l; l = l->next)
		if (!strcmp(l->path, path))
			return l;
	return NULL;
}

/* libltdl answers "file not found" for an undefined symbol as for a missing dependency, and binds
 * lazily, so that a missing function would be found in the middle of a turn. The plain loader
 * binds everything now and says what is wrong. */
static int32_t open_now(const char *path, void **now, struct askd_error *reterr)
{
	const char *why;
	size_t n = strlen(path);
	*now = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (*now)
		return ASKD_OK;
	why = dlerror();
	if (!why)
		why = "the loader gives no reason";
	if (!strncmp(why, path, n) && !strncmp(why + n, ": ", 2))
		why += n + 2;
	return askd_fail(reterr, ASKD_E_INVALID, "%s: cannot be loaded: %s", path, why);
}

static int32_t open_handle(const char *path, lt_dlhandle *handle, struct askd_error *reterr)
{
	static bool started;
	lt_dladvise advise = NULL;
	int32_t rc = ASKD_OK;
	if (!started && lt_dlinit())
		return askd_fail(reterr, ASKD_E_INTERNAL, "libltdl: %s", lt_dlerror());
	started = true;
	if (lt_dladvise_init(&advise) || lt_dladvise_local(&advise))
		rc = askd_fail(reterr, ASKD_E_NOMEM, "libltdl: %s", lt_dlerror());
	if (!rc) {
		*handle = lt_dlopenadvise(path, advise);
		if (!*handle)
			rc = askd_fail(reterr, ASKD_E_INVALID, "%s: cannot be loaded: %s", path,
			        lt_dlerror());
	}
	lt_dladvise_destroy(&advise);
	return rc;
}

static int32_t judge(struct opened *opened, const struct elf_file *elf, const char *path,
        struct askd_error *reterr)
{
	struct judged judged = {.path = path, .elf = elf};
	Dl_info info;
	struct link_map *map = NULL;
	judged.symbol = lt_dlsym(opened->handle, SYMBOL);
	if (!judged.symbol)
		return askd_fail(reterr, ASKD_E_INVALID,
		        "%s: is no plugin of this major version: it exports no %s", path, SYMBOL);
	if (!dladdr1(judged.symbol, &info, (void **)&map, RTLD_DL_LINKMAP) || !map)
		return askd_fail(
		        reterr, ASKD_E_INVALID, "%s: %s is not in this file", path, SYMBOL);
	judged.base = map->l_addr;
	if (strcmp(map->l_name, path) != 0)
		return askd_fail(reterr, ASKD_E_INVALID,
		        "%s: is no plugin: %s comes from %s, which it is linked with", path, SYMBOL,
		        map->l_name);
	return library_judge(&judged, &opened->arena, &opened->library, reterr);
}

static struct plugin_library *library_load(const char *path, struct askd_error *reterr)
{
	struct elf_file elf;
	struct opened *opened;
	void *now = NULL;
	if (elf_read(path, &elf, reterr))
		return NULL;
	opened = calloc(1, sizeof *opened);
	if (!opened) {
		askd_fail(reterr, ASKD_E_NOMEM, "%s: no memory", path);
		return NULL;
	}
	arena_init(&opened->arena, 0);
	opened->library.path = arena_string(&opened->arena, path);
	memcpy(opened->library.build_id, elf.build_id, sizeof elf.build_id);
	if (!opened->library.path) {
		askd_fail(reterr, ASKD_E_NOMEM, "%s: no memory", path);
		goto refused;
	}
	if (open_now(path, &now, reterr) || open_handle(path, &opened->handle, reterr) ||
	        judge(opened, &elf, path, reterr))
		goto refused;
	lt_dlmakeresident(opened->handle);
	opened->library.next = libraries;
	libraries = &opened->library;
	return &opened->library;
refused:
	if (opened->handle)
		lt_dlclose(opened->handle);
	if (now)
		dlclose(now);
	arena_finish(&opened->arena);
	free(opened);
	return NULL;
}

struct plugin_library *plugin_library_open(
        const char *path, const char *kind, struct askd_error *reterr)
{
	/* libltdl would search for a bare name, and follow an .la file */
	char *real = realpath(path, NULL);
	struct plugin_library *library;
	if (!real) {
		int why = errno;
		askd_fail(reterr, why == ENOENT ? ASKD_E_NOT_FOUND : ASKD_E_IO, "%s: %s", path,
		        strerror(why));
		return NULL;
	}
	library = library_known(real);
	if (!library)
		library = library_load(real, reterr);
	if (library && kind && strcmp(library->plugin->kind, kind) != 0) {
		askd_fail(reterr, ASKD_E_CONFIG, "%s: is a plugin of the kind %s, %s is wanted",
		        real, library->plugin->kind, kind);
		library = NULL;
	}
	free(real);
	return library;
}

/* ---- the search path --------------------------------------------------------------------------
 */

/* Names of the .so files in the folders, for "did you mean". */
struct found {
	char *names[NAMES_MAX + 1];
	size_t count;
};

static void found_add(struct found *found, const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	while (dir && found->count < NAMES_MAX && (entry = readdir(dir))) {
		size_t n = strlen(entry->d_name);
		char *name;
		if (n <= 3 || strcmp(entry->d_name + n - 3, ".so") != 0)
			continue;
		name = strndup(entry->d_name, n - 3);
		if (name)
			found->names[found->count++] = name;
	}
	if (dir)
		closedir(dir);
}

static void not_found(const char *const *search_path, const char *word, const char *name,
        struct askd_error *reterr)
{
	struct found found = {{NULL}, 0};
	struct buffer folders;
	const char *near;
	buffer_init(&folders, 256);
	for (const char *const *p = search_path; p && *p; p++) {
		char folder[PATH_MAX];
		snprintf(folder, sizeof folder, "%s/%s", *p, word);
		found_add(&found, folder);
		buffer_print(&folders, "%s%s", p == search_path ? "" : ", ", folder);
	}
	near = text_nearest(name, (const char *const *)found.names);
	askd_fail(reterr, ASKD_E_NOT_FOUND,
	        "no plugin %s/%s: %s.so is in none of: %s (askd.plugin_path "
	        "names the folders)%s%s%s",
	        word, name, name, folders.failed || !folders.s ? "(no folder)" : folders.s,
	        near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	buffer_finish(&folders);
	for (size_t i = 0; i < found.count; i++)
		free(found.names[i]);
}

struct plugin_library *plugin_library_find(const char *const *search_path, const char *kind,
        const char *name, struct askd_error *reterr)
{
	char word[64], full[80];
	if (!library_kind_word(kind, word, sizeof word))
		snprintf(word, sizeof word, "%s", kind);
	snprintf(full, sizeof full, "askd.%s/1", word);
	/* A name comes from the configuration: it may not leave the folders. */
	if (!*name || strchr(name, '/') || name[0] == '.' || strchr(word, '/')) {
		askd_fail(reterr, ASKD_E_CONFIG, "\"%s/%s\" is no name of a plugin", word, name);
		return NULL;
	}
	for (const char *const *p = search_path; p && *p; p++) {
		char path[PATH_MAX];
		int n = snprintf(path, sizeof path, "%s/%s/%s.so", *p, word, name);
		if (n > 0 && (size_t)n < sizeof path && !access(path, F_OK))
			return plugin_library_open(path, full, reterr);
	}
	not_found(search_path, word, name, reterr);
	return NULL;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

size_t plugin_library_all(const char *const *search_path, const char *kind,
        const struct plugin_library **list, size_t max)
{
	struct found found = {{NULL}, 0};
	size_t n = 0;
	for (const char *const *p = search_path; p && *p; p++) {
		char folder[PATH_MAX];
		snprintf(folder, sizeof folder, "%s/%s", *p, kind);
		found_add(&found, folder);
	}
	qsort(found.names, found.count, sizeof *found.names, compare_names);
	for (size_t i = 0; i < found.count; i++) {
		const struct plugin_library *library = NULL;
		if (n < max && (!i || strcmp(found.names[i], found.names[i - 1]) != 0))
			library = plugin_library_find(search_path, kind, found.names[i], NULL);
		if (library)
			list[n++] = library;
	}
	for (size_t i = 0; i < found.count; i++)
		free(found.names[i]);
	return n;
}

bool plugin_library_is_stale(const struct plugin_library *library)
{
	struct elf_file elf;
	return elf_read(library->path, &elf, NULL) || strcmp(elf.build_id, library->build_id) != 0;
}

const void *plugin_library_extension(const struct plugin_library *library, const char *id)
{
	const struct askd_extension *const *e = library->plugin->extensions;
	for (; e && *e; e++)
		if (!strcmp((*e)->id, id))
			return (*e)->table;
	return NULL;
}
