/* web_files.c: the files of the web root, served from memory. Only what a walk of the folder found
 * is there to be asked for, and the walk follows no link: nothing outside can be named. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/error.h"
#include "base/log.h"
#include "web/web_private.h"

enum {
	FILES_MAX = 4000,
	FILES_OPEN = 32,        /* large ones, which stay on the disk */
	FILES_BYTES = 16 << 20, /* in memory, all together */
	FILE_BYTES = 2 << 20,   /* in memory, one */
	FILES_DEPTH = 8,
	FILE_PATH = 512,
	CODINGS = 2,
	ETAG = 2 + 32 + 1
};

static const int64_t fresh_us = 2 * 1000000;

struct file {
	const char *path; /* "/assets/page.js" */
	const char *type;
	char etag[ETAG];
	struct askd_bytes body;
	struct askd_file file;             /* a large one; fd -1: it is in memory */
	const struct file *coded[CODINGS]; /* smaller forms of it; NULL: none */
};

/* In the order in which they are preferred. */
static const struct {
	const char *coding, *ending;
} codings[CODINGS] = {{"br", ".br"}, {"gzip", ".gz"}};

struct tree {
	struct arena arena;
	struct file *list; /* by path */
	size_t count, open, bytes;
	unsigned char sum[CRYPTO_HASH]; /* of names, sizes and times */
	struct buffer names;            /* while it is read: what `sum` is made of */
};

struct files {
	char *root;
	uint32_t references; /* main thread only */
	struct workers *workers;
	pthread_rwlock_t lock; /* of `tree`: readers hold it until their reply is out */
	struct tree *tree;
	int64_t seen_us; /* atomic: monotonic time of the last look */
	bool looking;    /* atomic */
	pthread_mutex_t idle;
	pthread_cond_t done;
	struct work work;
};

/* ---- reading --------------------------------------------------------------------------------- */

static const char *type_of(const char *path)
{
	static const struct {
		const char *ending, *type;
	} types[] = {{".html", "text/html; charset=utf-8"}, {".css", "text/css; charset=utf-8"},
	        {".js", "text/javascript; charset=utf-8"},
	        {".mjs", "text/javascript; charset=utf-8"}, {".json", "application/json"},
	        {".map", "application/json"}, {".svg", "image/svg+xml"}, {".png", "image/png"},
	        {".jpg", "image/jpeg"}, {".webp", "image/webp"}, {".ico", "image/x-icon"},
	        {".woff2", "font/woff2"}, {".wasm", "application/wasm"},
	        {".txt", "text/plain; charset=utf-8"},
	        {".webmanifest", "application/manifest+json"}};
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot && i < sizeof types / sizeof *types; i++)
		if (!strcmp(dot, types[i].ending))
			return types[i].type;
	return "application/octet-stream";
}

static bool read_all(int fd, char *at, size_t n)
{
	while (n) {
		ssize_t got = read(fd, at, n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		at += got;
		n -= (size_t)got;
	}
	return true;
}

/* Of its content, or of the time and size of a large one. */
static void make_etag(struct file *file, const struct stat *st)
{
	unsigned char hash[CRYPTO_HASH] = {0};
	int64_t about[3] = {st->st_size, st->st_mtim.tv_sec, st->st_mtim.tv_nsec};

	if (file->body.p)
		crypto_sha256(file->body.p, (size_t)file->body.n, hash);
	else
		crypto_sha256(about, sizeof about, hash);
	file->etag[0] = '"';
	crypto_hex(hash, 16, file->etag + 1);
	file->etag[33] = '"';
	file->etag[34] = 0;
}

/* Takes the descriptor. false: no memory; a file that is left out is only logged. */
static bool take_file(struct tree *tree, int fd, const struct stat *st, const char *path)
{
	struct file *file = &tree->list[tree->count];
	size_t n = (size_t)st->st_size;
	char *body = NULL;

	*file = (struct file){.type = type_of(path), .file = {.size = sizeof file->file, .fd = -1}};
	file->path = arena_string(&tree->arena, path);
	if (!file->path)
		goto fail;
	if (n <= FILE_BYTES && tree->bytes + n <= FILES_BYTES) {
		body = arena_alloc(&tree->arena, n + 1);
		if (!body)
			goto fail;
		if (!read_all(fd, body, n)) {
			/* It changes at this moment: the next look finds it. */
			close(fd);
			return true;
		}
		file->body = (struct askd_bytes){body, n};
		tree->bytes += n;
		close(fd);
	} else if (tree->open < FILES_OPEN) {
		file->file.fd = fd;
		file->file.length = n;
		tree->open++;
	} else {
		log_warning("web", 0, "%s is left out: too many large files", path);
		close(fd);
		return true;
	}
	make_etag(file, st);
	tree->count++;
	return true;
fail:
	close(fd);
	return false;
}

static bool walk(struct tree *tree, int at, const char *prefix, unsigned depth, bool read);

/* false: no memory. */
static bool walk_entry(
        struct tree *tree, int at, const char *prefix, const char *name, unsigned depth, bool read)
{
	int fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char path[FILE_PATH];
	struct stat st;
	bool done = true;

	if (fd < 0)
		return true;
	if (fstat(fd, &st) || !text_is_valid(name, strlen(name)) ||
	        snprintf(path, sizeof path, "%s/%s", prefix, name) >= (int)sizeof path) {
		close(fd);
		return true;
	}
	if (S_ISDIR(st.st_mode) && depth < FILES_DEPTH)
		return walk(tree, fd, path, depth + 1, read);
	if (!S_ISREG(st.st_mode) || (read && tree->count == FILES_MAX)) {
		close(fd);
		return true;
	}
	if (read) {
		done = take_file(tree, fd, &st, path);
	} else {
		buffer_print(&tree->names, "%s|%lld|%lld.%ld|%llu\n", path, (long long)st.st_size,
		        (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
		        (unsigned long long)st.st_ino);
		close(fd);
	}
	return done;
}

/* Takes the descriptor of the folder. */
static bool walk(struct tree *tree, int at, const char *prefix, unsigned depth, bool read)
{
	DIR *folder = fdopendir(at);
	struct dirent *entry;
	bool done = true;

	if (!folder) {
		close(at);
		return true;
	}
	while (done && (entry = readdir(folder)))
		if (entry->d_name[0] != '.')
			done = walk_entry(tree, at, prefix, entry->d_name, depth, read);
	closedir(folder);
	return done;
}

static void tree_destroy(struct tree *tree)
{
	if (!tree)
		return;
	for (size_t i = 0; i < tree->count; i++)
		if (tree->list[i].file.fd >= 0)
			close(tree->list[i].file.fd);
	buffer_finish(&tree->names);
	arena_finish(&tree->arena);
	free(tree->list);
	free(tree);
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->path, ((const struct file *)b)->path);
}

static const struct file *find(const struct tree *tree, const char *path)
{
	struct file key = {.path = path};

	return bsearch(&key, tree->list, tree->count, sizeof *tree->list, compare);
}

/* Sorts the list and joins each file with its smaller forms. */
static void link_forms(struct tree *tree)
{
	char path[FILE_PATH + 8];

	qsort(tree->list, tree->count, sizeof *tree->list, compare);
	for (size_t i = 0; i < tree->count; i++)
		for (size_t k = 0; k < CODINGS; k++) {
			snprintf(path, sizeof path, "%s%s", tree->list[i].path, codings[k].ending);
			tree->list[i].coded[k] = find(tree, path);
		}
}

/* NULL and *reterr, or NULL and OK: nothing has changed since `old`. */
static struct tree *tree_read(const char *root, const struct tree *old, struct askd_error *reterr)
{
	struct tree *tree = calloc(1, sizeof *tree);
	int fd;

	if (!tree || !(tree->list = calloc(FILES_MAX, sizeof *tree->list)))
		goto nomem;
	arena_init(&tree->arena, 0);
	buffer_init(&tree->names, 0);
	for (int round = 0; round < 2; round++) {
		fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0) {
			askd_fail(reterr, ASKD_E_CONFIG, "askd.web_root: %s cannot be read: %s",
			        root, strerror(errno));
			tree_destroy(tree);
			return NULL;
		}
		if (!walk(tree, fd, "", 0, round == 1) || tree->names.failed)
			goto nomem;
		if (round)
			break;
		crypto_sha256(tree->names.s ? tree->names.s : "", tree->names.n, tree->sum);
		buffer_finish(&tree->names);
		if (old && crypto_equal(old->sum, tree->sum, CRYPTO_HASH)) {
			tree_destroy(tree);
			if (reterr)
				reterr->code = ASKD_OK;
			return NULL;
		}
	}
	link_forms(tree);
	return tree;
nomem:
	tree_destroy(tree);
	askd_fail(reterr, ASKD_E_NOMEM, "no memory for the files of the web root");
	return NULL;
}

/* [worker] */
static void look(void *arg)
{
	struct files *files = arg;
	struct askd_error error = {0};
	struct tree *fresh = tree_read(files->root, files->tree, &error), *old = NULL;

	if (fresh) {
		pthread_rwlock_wrlock(&files->lock);
		old = files->tree;
		files->tree = fresh;
		pthread_rwlock_unlock(&files->lock);
		tree_destroy(old);
	} else if (error.code) {
		log_warning("web", 0, "%s", error.message);
	}
	__atomic_store_n(&files->seen_us, clock_monotonic_us(), __ATOMIC_RELEASE);
	pthread_mutex_lock(&files->idle);
	__atomic_store_n(&files->looking, false, __ATOMIC_RELEASE);
	pthread_cond_broadcast(&files->done);
	pthread_mutex_unlock(&files->idle);
}

struct files *files_open(const char *root, struct workers *workers, struct askd_error *reterr)
{
	struct files *files = calloc(1, sizeof *files);

	if (!files || !(files->root = strdup(root))) {
		free(files);
		askd_fail(reterr, ASKD_E_NOMEM, "no memory for the files of the web root");
		return NULL;
	}
	files->tree = tree_read(root, NULL, reterr);
	if (!files->tree) {
		free(files->root);
		free(files);
		return NULL;
	}
	files->references = 1;
	files->workers = workers;
	files->seen_us = clock_monotonic_us();
	pthread_rwlock_init(&files->lock, NULL);
	pthread_mutex_init(&files->idle, NULL);
	pthread_cond_init(&files->done, NULL);
	return files;
}

struct files *files_share(struct files *files, const char *root)
{
	if (strcmp(files->root, root) != 0)
		return NULL;
	files->references++;
	return files;
}

void files_close(struct files *files)
{
	if (!files || --files->references)
		return;
	pthread_mutex_lock(&files->idle);
	while (files->looking)
		pthread_cond_wait(&files->done, &files->idle);
	pthread_mutex_unlock(&files->idle);
	tree_destroy(files->tree);
	pthread_cond_destroy(&files->done);
	pthread_mutex_destroy(&files->idle);
	pthread_rwlock_destroy(&files->lock);
	free(files->root);
	free(files);
}

void files_hold(struct files *files)
{
	bool idle = false;
	int64_t now_us = clock_monotonic_us();

	/* Whoever asks after a while starts a look at the folder, and does not wait for it. */
	if (now_us - __atomic_load_n(&files->seen_us, __ATOMIC_ACQUIRE) > fresh_us &&
	        __atomic_compare_exchange_n(
	                &files->looking, &idle, true, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
		files->work = (struct work){.fn = look, .arg = files, .urgent = true};
		if (workers_submit(files->workers, &files->work, NULL))
			__atomic_store_n(&files->looking, false, __ATOMIC_RELEASE);
	}
	pthread_rwlock_rdlock(&files->lock);
}

void files_drop(struct files *files)
{
	pthread_rwlock_unlock(&files->lock);
}

/* ---- answering ------------------------------------------------------------------------------- */

/* Is the word in the comma-separated list, and not with q=0? */
static bool accepts(struct askd_text list, const char *word)
{
	const char *at = list.s, *end = list.s ? list.s + list.n : NULL;
	size_t n = strlen(word);

	while (at && at < end) {
		const char *comma = memchr(at, ',', (size_t)(end - at)), *next, *q;

		comma = comma ? comma : end;
		while (at < comma && isspace((unsigned char)*at))
			at++;
		next = at + n;
		if (next <= comma && !strncasecmp(at, word, n) &&
		        (next == comma || *next == ';' || *next == ' ')) {
			q = memchr(next, '=', (size_t)(comma - next));
			while (q && ++q < comma)
				if (*q >= '1' && *q <= '9')
					return true;
			return !q;
		}
		at = comma + 1;
	}
	return false;
}

/* If-None-Match: a list of tags, or "*". */
static bool is_known(struct askd_text given, const char *etag)
{
	return given.s && (text_is(given, "*") || strstr(given.s, etag));
}

int32_t files_answer(struct files *files, struct plugin_call *call,
        const struct askd_web_request *in, struct askd_web_response *out, struct askd_error *reterr)
{
	struct reply_headers *headers = arena_zalloc(&call->arena, sizeof *headers);
	struct askd_text wanted = web_header(in, "accept-encoding");
	const struct file *file, *variant = NULL;
	const char *coding = NULL, *path = in->path.s;
	bool varies = false, good;

	if (headers && in->path.n && path[in->path.n - 1] == '/')
		path = arena_print(&call->arena, "%sindex.html", path);
	if (!headers || !path)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a file");
	file = find(files->tree, path);
	if (!file) {
		out->status = 404;
		return ASKD_OK;
	}
	for (size_t i = 0; i < CODINGS; i++) {
		varies = varies || file->coded[i];
		if (file->coded[i] && !variant && accepts(wanted, codings[i].coding)) {
			variant = file->coded[i];
			coding = codings[i].coding;
		}
	}
	variant = variant ? variant : file;
	good = reply_header(headers, &call->arena, "etag", variant->etag) &&
	       reply_header(headers, &call->arena, "cache-control", "no-cache");
	if (varies)
		good = good && reply_header(headers, &call->arena, "vary", "accept-encoding");
	out->status = is_known(web_header(in, "if-none-match"), variant->etag) ? 304 : 200;
	if (out->status == 200) {
		if (coding)
			good = good &&
			       reply_header(headers, &call->arena, "content-encoding", coding);
		if (!strncmp(file->type, "text/html", 9))
			good = good &&
			       reply_header(headers, &call->arena, "content-security-policy",
			               "default-src 'none'; script-src 'self'; style-src 'self'; "
			               "img-src 'self' data:; font-src 'self'; connect-src 'self'; "
			               "manifest-src 'self'; base-uri 'none'; form-action 'self'; "
			               "frame-ancestors 'none'") &&
			       reply_header(
			               headers, &call->arena, "referrer-policy", "no-referrer");
		out->type = askd_text_of(file->type);
		if (variant->file.fd >= 0)
			out->file = &variant->file;
		else
			out->body = variant->body;
	}
	if (!good)
		return askd_fail(reterr, ASKD_E_NOMEM, "no memory for a file");
	out->headers = headers->list;
	return ASKD_OK;
}
