/* archive.c: reads an archive of the state to its end: is everything in it as its manifest says? */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "base/tar.h"
#include "store/backup.h"
#include "store/backup_private.h"

enum { PIECE = 1 << 16, SMALL_MAX = 1 << 20, FILES_MAX = 1000 };

struct seen {
	const char *name;
	uint64_t size;
	unsigned char sum[CRYPTO_HASH];
	struct seen *next;
};

static bool is_unpacked(const char *name)
{
	return !strcmp(name, "manager.db") || !strcmp(name, "costs.db") ||
	       !strcmp(name, "master.key");
}

/* One file: its sum, and where it goes: to `out` (-1: nowhere), or into the arena (text not NULL).
 */
static int32_t read_entry(struct tar_reader *tar, int out, struct arena *a, struct seen *seen,
        struct askd_text *text, struct askd_error *reterr)
{
	struct crypto_sum *sum = crypto_sum_begin();
	struct tar_writer to = {.fd = out};
	char piece[PIECE];
	char *at = NULL;
	size_t got = 1, kept = 0;
	int32_t rc = ASKD_OK;

	if (text && seen->size > SMALL_MAX)
		rc = askd_fail(reterr, ASKD_E_PROTOCOL, "%s is too large", seen->name);
	else if (!sum || (text && !(at = arena_zalloc(a, (size_t)seen->size + 1))))
		rc = askd_fail(reterr, ASKD_E_NOMEM, "no memory to read a backup");
	while (!rc && got) {
		rc = tar_get(tar, piece, sizeof piece, &got, reterr);
		if (rc || !got)
			break;
		if (!crypto_sum_add(sum, piece, got))
			rc = askd_fail(reterr, ASKD_E_INTERNAL, "a checksum cannot be made");
		if (at)
			memcpy(at + kept, piece, got);
		kept += got;
		if (out >= 0)
			tar_put(&to, piece, got);
		if (to.error)
			rc = askd_fail(reterr, ASKD_E_IO, "%s cannot be unpacked: %s", seen->name,
			        strerror(to.error));
	}
	if (!crypto_sum_end(sum, seen->sum) && !rc)
		rc = askd_fail(reterr, ASKD_E_INTERNAL, "a checksum cannot be made");
	if (!rc && text)
		*text = (struct askd_text){at, kept};
	return rc;
}

static int32_t read_file(struct tar_reader *tar, const char *folder, struct arena *a,
        struct seen *seen, struct askd_text *text, struct askd_error *reterr)
{
	char path[STORE_PATH + TAR_NAME];
	int out = -1;
	int32_t rc;

	if (folder && is_unpacked(seen->name)) {
		snprintf(path, sizeof path, "%s/%s", folder, seen->name);
		out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (out < 0)
			return askd_fail(
			        reterr, ASKD_E_IO, "%s cannot be made: %s", path, strerror(errno));
	}
	rc = read_entry(tar, out, a, seen, text, reterr);
	if (out >= 0 && fsync(out) && !rc)
		rc = askd_fail(reterr, ASKD_E_IO, "%s: %s", path, strerror(errno));
	if (out >= 0 && close(out) && !rc)
		rc = askd_fail(reterr, ASKD_E_IO, "%s: %s", path, strerror(errno));
	return rc;
}

static int32_t is_damaged(struct askd_error *reterr, const char *what)
{
	return askd_fail(reterr, ASKD_E_PROTOCOL,
	        "%s: it is damaged or was changed; take another "
	        "backup",
	        what);
}

/* What the manifest says about one file, compared with what was seen. */
static int32_t take_file(struct arena *a, const json_t *file, const struct seen *seen,
        struct backup_manifest *manifest, struct askd_error *reterr)
{
	const char *name = json_get_string(file, "name"), *hex = json_get_string(file, "sha256");
	uint64_t size = (uint64_t)json_get_int(file, "size", -1);
	struct backup_file *taken = arena_zalloc(a, sizeof *taken), **last = &manifest->files;
	unsigned char sum[CRYPTO_HASH];
	const char *table;
	json_t *count;

	if (!taken)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory to read a backup");
	while (name && seen && strcmp(seen->name, name) != 0)
		seen = seen->next;
	if (!name || !hex || strlen(hex) != 2 * CRYPTO_HASH ||
	        !crypto_from_hex(hex, 2 * CRYPTO_HASH, sum))
		return is_damaged(reterr, "the manifest makes no sense");
	if (!seen || seen->size != size || memcmp(seen->sum, sum, sizeof sum) != 0) {
		askd_fail(reterr, ASKD_E_PROTOCOL,
		        "%.100s is not as it was written: the backup is damaged or was changed; "
		        "take "
		        "another one",
		        name);
		return ASKD_E_PROTOCOL;
	}
	taken->name = arena_string(a, name);
	taken->size = size;
	json_object_foreach(json_object_get(file, "rows"), table, count) taken->rows +=
	        (uint64_t)json_integer_value(count);
	while (*last)
		last = &(*last)->next;
	*last = taken;
	manifest->with_key = manifest->with_key || !strcmp(name, "master.key");
	manifest->with_config = manifest->with_config || !strncmp(name, "config/", 7);
	return taken->name ? ASKD_OK
	                   : askd_fail(reterr, ASKD_E_NOMEM, "no memory to read a backup");
}

static int32_t take_manifest(struct arena *a, const json_t *json, const struct seen *seen,
        struct backup_manifest *manifest, struct askd_error *reterr)
{
	const char *made = json_get_string(json, "made"), *version = json_get_string(json, "askd");
	const char *check = json_get_string(json, "key_check");
	const json_t *files = json_object_get(json, "files"), *file;
	size_t i, known = 0;
	int32_t rc = ASKD_OK;

	if (!version || json_get_int(json, "format", 0) < 1)
		return is_damaged(reterr, "the manifest makes no sense");
	if (json_get_int(json, "format", 0) > BACKUP_FORMAT)
		return askd_fail(reterr, ASKD_E_UNSUPPORTED,
		        "it was made by a newer version, askd %.40s: restore it with that",
		        version);
	if (!made || !check || strlen(check) != 2 * CRYPTO_KEY ||
	        !crypto_from_hex(check, 2 * CRYPTO_KEY, manifest->key_check))
		return is_damaged(reterr, "the manifest makes no sense");
	manifest->version = arena_string(a, version);
	manifest->made = arena_string(a, made);
	manifest->made_us = json_get_int(json, "made_us", 0);
	manifest->audit_rows = (uint64_t)json_get_int(json, "audit_rows", 0);
	json_array_foreach(files, i, file)
	{
		rc = take_file(a, file, seen, manifest, reterr);
		if (rc)
			return rc;
	}
	for (const struct backup_file *f = manifest->files; f; f = f->next)
		known += !strcmp(f->name, "manager.db") || !strcmp(f->name, "costs.db");
	for (; seen; seen = seen->next)
		known += strcmp(seen->name, "README") != 0;
	/* Both databases, and nothing that the manifest does not name. */
	return manifest->version && manifest->made && known == json_array_size(files) + 2
	               ? ASKD_OK
	               : is_damaged(reterr, "it does not hold what its manifest names");
}

static int32_t read_all(int fd, const char *folder, struct arena *a, struct seen **seen,
        struct backup_manifest *manifest, struct askd_text *mac, struct askd_error *reterr)
{
	struct tar_reader tar = {.fd = fd};
	char name[TAR_NAME + 1];
	size_t count = 0;
	uint64_t size;
	int32_t rc;

	while (!(rc = tar_next(&tar, name, &size, reterr))) {
		struct seen *one = arena_zalloc(a, sizeof *one);
		const char *plain = name + strlen(BACKUP_ROOT);

		if (strncmp(name, BACKUP_ROOT, strlen(BACKUP_ROOT)) != 0)
			return askd_fail(reterr, ASKD_E_PROTOCOL, "is no backup made by askd");
		if (!one || !(one->name = arena_string(a, plain)) || ++count > FILES_MAX)
			return askd_fail(reterr, ASKD_E_NOMEM, "no memory to read a backup");
		one->size = size;
		if (!strcmp(plain, "manifest.json")) {
			rc = read_file(&tar, NULL, a, one, &manifest->text, reterr);
		} else if (!strcmp(plain, "manifest.mac")) {
			rc = read_file(&tar, NULL, a, one, mac, reterr);
		} else {
			rc = read_file(&tar, folder, a, one, NULL, reterr);
			one->next = *seen;
			*seen = one;
		}
		if (rc)
			return rc;
	}
	return rc == ASKD_E_NOT_FOUND && count ? ASKD_OK
	       : rc == ASKD_E_NOT_FOUND
	               ? askd_fail(reterr, ASKD_E_PROTOCOL, "is no backup made by askd")
	               : rc;
}

int32_t backup_read(int fd, const char *folder, struct arena *a, struct backup_manifest *manifest,
        struct askd_error *reterr)
{
	struct seen *seen = NULL;
	struct askd_text mac = {0};
	json_t *json = NULL;
	int32_t rc;

	*manifest = (struct backup_manifest){0};
	rc = read_all(fd, folder, a, &seen, manifest, &mac, reterr);
	if (!rc && !manifest->text.s)
		rc = is_damaged(reterr, "it has no manifest");
	if (!rc && (mac.n != 2 * CRYPTO_HASH ||
	                   !crypto_from_hex(mac.s, 2 * CRYPTO_HASH, manifest->mac)))
		rc = is_damaged(reterr, "its manifest is not signed");
	if (!rc && !(json = json_read(manifest->text, NULL)))
		rc = is_damaged(reterr, "the manifest makes no sense");
	if (!rc)
		rc = take_manifest(a, json, seen, manifest, reterr);
	json_decref(json);
	return rc;
}
