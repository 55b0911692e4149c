/* doctor_machine.c: what the machine gives: files and their rights, the disk, descriptors,
 * addresses to listen on. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "config/interpolate.h"
#include "doctor.h"
#include "run/listen.h"

enum {
	CONFIG_MAX = 1 << 20,
	ROOM_WARN_MB = 500,
	ROOM_FAIL_MB = 50,
	FLUSHES = 5,
	FLUSH_WARN_US = 50 * 1000,
	FILES_WARN = 4096,
	FILES_FAIL = 256,
	DEPTH = 64
};

/* ---- rights ---- */

/* The first value in this file that is a secret by its name and stands there as it is. */
static const struct yaml_node *find_secret(
        const struct yaml_node *node, const char *file, unsigned depth)
{
	for (const struct yaml_node *n = node ? node->first : NULL; n && depth; n = n->next) {
		const struct yaml_node *inner = find_secret(n, file, depth - 1);

		if (inner)
			return inner;
		if (n->kind == YAML_SCALAR && n->key.s && *n->text && !n->secret &&
		        yaml_is_secret_name(n->key.s) && n->place.file &&
		        !strcmp(n->place.file, file))
			return n;
	}
	return NULL;
}

static void look_at_named_files(
        struct doctor *doctor, struct check *check, const char *file, struct askd_text text)
{
	char name[PATH_MAX], remedy[200];
	const char *at = text.s, *path;
	struct stat st;

	while ((at = strstr(at, "${file:"))) {
		size_t n = strcspn(at += 7, "}\n");

		snprintf(name, sizeof name, "%.*s", (int)n, at);
		path = file_relative(&doctor->arena, file, name);
		if (!path || stat(path, &st) || !(st.st_mode & 007))
			continue;
		snprintf(remedy, sizeof remedy, "chmod 600 %.180s", path);
		check_say(check, DOCTOR_FAILED, remedy,
		        "%s holds a secret, and everybody on this machine can read it (mode %03o)",
		        path, (unsigned)st.st_mode & 0777);
	}
}

static void look_at_config_file(struct doctor *doctor, struct check *check, const char *file)
{
	const struct yaml_node *secret = find_secret(doctor->config->root, file, DEPTH);
	struct askd_text text = {0};
	char remedy[200];
	struct stat st;

	if (stat(file, &st)) {
		check_say(check, DOCTOR_FAILED, "give it to the user that runs askd", "%s: %s",
		        file, strerror(errno));
		return;
	}
	snprintf(remedy, sizeof remedy, "chmod 640 %.180s", file);
	if (secret && (st.st_mode & 007))
		check_say(check, DOCTOR_FAILED, remedy,
		        "%s holds a secret ('%.40s' in line %u), and everybody on this machine can "
		        "read it (mode %03o)",
		        file, secret->key.s, secret->place.line, (unsigned)st.st_mode & 0777);
	else if (st.st_mode & 002)
		check_say(check, DOCTOR_FAILED, remedy,
		        "%s can be written by everybody on this machine (mode %03o)", file,
		        (unsigned)st.st_mode & 0777);
	else
		check_say(check, DOCTOR_OK, NULL, "%s: mode %03o%s", file,
		        (unsigned)st.st_mode & 0777, secret ? ", holds a secret" : "");
	if (!file_read(&doctor->arena, file, CONFIG_MAX, &text))
		look_at_named_files(doctor, check, file, text);
}

static void look_at_key(struct doctor *doctor, struct check *check)
{
	const struct config *config = doctor->config;
	char path[PATH_MAX], database[PATH_MAX], remedy[200];
	struct stat st;

	snprintf(path, sizeof path, "%s/master.key", config->state_dir);
	snprintf(database, sizeof database, "%s/manager.db", config->state_dir);
	if (config->master_key) {
		check_say(check, DOCTOR_OK, NULL, "the master key is in the configuration");
	} else if (stat(path, &st)) {
		if (access(database, F_OK))
			check_say(check, DOCTOR_OK, NULL,
			        "no master key yet: it is made with the first start");
		else
			check_say(check, DOCTOR_FAILED,
			        "put the copy of the key back (docs: the master key is lost)",
			        "%s: %s, although there is a state that was sealed with it", path,
			        strerror(errno));
	} else if (st.st_mode & 077) {
		snprintf(remedy, sizeof remedy, "chmod 600 %.180s", path);
		check_say(check, DOCTOR_FAILED, remedy, "%s can be read by others (mode %03o)",
		        path, (unsigned)st.st_mode & 0777);
	} else {
		check_say(
		        check, DOCTOR_OK, NULL, "%s: mode %03o", path, (unsigned)st.st_mode & 0777);
	}
}

static void look_at_state(struct doctor *doctor, struct check *check)
{
	const char *folder = doctor->config->state_dir;
	char remedy[200];
	struct stat st;

	if (stat(folder, &st)) {
		if (errno == ENOENT)
			check_say(
			        check, DOCTOR_OK, NULL, "%s: is made with the first start", folder);
		else
			check_say(check, DOCTOR_FAILED, "run this as the user that runs askd",
			        "%s: %s", folder, strerror(errno));
		return;
	}
	snprintf(remedy, sizeof remedy, "chmod 700 %.180s", folder);
	if (!S_ISDIR(st.st_mode))
		check_say(check, DOCTOR_FAILED, "set askd.state_dir to a folder", "%s is no folder",
		        folder);
	else if (st.st_uid != geteuid())
		check_say(check, DOCTOR_WARNING,
		        "run this as that user, as in: sudo -u askd askd doctor",
		        "%s belongs to another user (number %u) than the one who looks here",
		        folder, st.st_uid);
	else if (st.st_mode & 077)
		check_say(check, DOCTOR_WARNING, remedy, "%s is open to other users (mode %03o)",
		        folder, (unsigned)st.st_mode & 0777);
	else
		check_say(check, DOCTOR_OK, NULL, "%s: mode %03o", folder,
		        (unsigned)st.st_mode & 0777);
}

void doctor_files(struct doctor *doctor)
{
	struct check *check = doctor_check(doctor, "files", NULL, NULL);
	const char *path = doctor->config->path, *slash = path ? strrchr(path, '/') : NULL;
	char pattern[PATH_MAX];
	glob_t found = {0};

	if (!check)
		return;
	if (path) {
		look_at_config_file(doctor, check, path);
		snprintf(pattern, sizeof pattern, "%.*sconf.d/*.yaml",
		        slash ? (int)(slash - path + 1) : 0, path);
		if (!glob(pattern, 0, NULL, &found))
			for (size_t i = 0; i < found.gl_pathc; i++)
				look_at_config_file(doctor, check, found.gl_pathv[i]);
		globfree(&found);
	}
	look_at_state(doctor, check);
	look_at_key(doctor, check);
}

/* ---- disk ---- */

/* The folder, or the nearest one above it that exists. */
static const char *nearest_folder(const char *folder, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s", folder);
	while (access(out, F_OK)) {
		char *slash = strrchr(out, '/');

		if (!slash)
			return ".";
		slash[slash == out] = 0;
		if (slash == out)
			break;
	}
	return out;
}

static const char *network_name(unsigned long type)
{
	static const struct {
		unsigned long type;
		const char *name;
	} kinds[] = {{0x6969, "NFS"}, {0x517b, "SMB"}, {0xff534d42, "CIFS"}, {0xfe534d42, "SMB"},
	        {0x01021997, "9P"}, {0x00c36400, "Ceph"}, {0x5346414f, "AFS"},
	        {0x0bd00bd0, "Lustre"}, {0x7461636f, "OCFS2"}, {0x01161970, "GFS2"}};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (kinds[i].type == (type & 0xffffffff))
			return kinds[i].name;
	return NULL;
}

/* Microseconds that a small write takes to be safe, the middle of a few; -1: none can be made. */
static int64_t flush_time(const char *folder)
{
	char path[PATH_MAX + 32], block[4096] = {0};
	int64_t times[FLUSHES];
	int fd;

	snprintf(path, sizeof path, "%s/.doctor-XXXXXX", folder);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -1;
	unlink(path);
	for (size_t i = 0; i < FLUSHES; i++) {
		int64_t begun_us = clock_monotonic_us();
		size_t at = i;

		if (pwrite(fd, block, sizeof block, 0) != sizeof block || fdatasync(fd)) {
			close(fd);
			return -1;
		}
		begun_us = clock_monotonic_us() - begun_us;
		for (; at && times[at - 1] > begun_us; at--)
			times[at] = times[at - 1];
		times[at] = begun_us;
	}
	close(fd);
	return times[FLUSHES / 2];
}

void doctor_disk(struct doctor *doctor)
{
	struct check *check = doctor_check(doctor, "disk", NULL, NULL);
	const char *folder;
	char room[PATH_MAX];
	struct statvfs fs;
	struct statfs kind;
	uint64_t mb;
	int64_t us;

	if (!check)
		return;
	folder = nearest_folder(doctor->config->state_dir, room);
	if (statvfs(folder, &fs) || statfs(folder, &kind)) {
		check_say(check, DOCTOR_FAILED, NULL, "%s: %s", folder, strerror(errno));
		return;
	}
	mb = (uint64_t)fs.f_bavail * fs.f_frsize >> 20;
	check_say(check,
	        mb < ROOM_FAIL_MB   ? DOCTOR_FAILED
	        : mb < ROOM_WARN_MB ? DOCTOR_WARNING
	                            : DOCTOR_OK,
	        "make room there, or move askd.state_dir: with a full disk no question is taken",
	        "%llu MB free for %s", (unsigned long long)mb, doctor->config->state_dir);
	if (network_name((unsigned long)kind.f_type))
		check_say(check, DOCTOR_FAILED,
		        "set askd.state_dir to a disk of this machine: locks and flushes of "
		        "network "
		        "file systems are not to be trusted",
		        "%s lies on a network file system (%s)", folder,
		        network_name((unsigned long)kind.f_type));
	us = flush_time(folder);
	if (us < 0)
		check_say(check, DOCTOR_FAILED, "give it to the user that runs askd",
		        "%s cannot be written: %s", folder, strerror(errno));
	else
		check_say(check, us > FLUSH_WARN_US ? DOCTOR_WARNING : DOCTOR_OK,
		        "each answer waits for the disk: use a faster one, or store.durability: "
		        "normal",
		        "a write is safe on it after %lld.%lld ms", (long long)us / 1000,
		        (long long)us / 100 % 10);
}

void doctor_limits(struct doctor *doctor)
{
	struct check *check = doctor_check(doctor, "descriptors", NULL, NULL);
	struct rlimit limit;

	if (!check)
		return;
	if (getrlimit(RLIMIT_NOFILE, &limit))
		check_say(check, DOCTOR_WARNING, NULL, "%s", strerror(errno));
	else
		check_say(check,
		        limit.rlim_max < FILES_FAIL   ? DOCTOR_FAILED
		        : limit.rlim_max < FILES_WARN ? DOCTOR_WARNING
		                                      : DOCTOR_OK,
		        "raise LimitNOFILE of the service, or ulimit -Hn",
		        "%llu files and connections may be open at a time",
		        (unsigned long long)limit.rlim_max);
	check = doctor_check(doctor, "clock", NULL, NULL);
	if (check) {
		char now[32];
		int64_t now_us = clock_now_us();

		check_say(check, now_us < INT64_C(1750000000000000) ? DOCTOR_FAILED : DOCTOR_OK,
		        "set it, and let it be kept right: timedatectl set-ntp true", "%s",
		        clock_format(now_us, now, sizeof now));
	}
}

/* ---- addresses ---- */

static bool daemon_listens(const struct doctor *doctor, const char *address)
{
	const json_t *list = json_object_get(doctor->status, "addresses"), *one;
	size_t i;

	json_array_foreach(list, i, one) if (json_string_value(one) &&
	                                     !strcmp(json_string_value(one), address)) return true;
	return false;
}

static void look_at_address(struct doctor *doctor, struct check *check, const char *address)
{
	struct askd_error error = {0};
	char name[LISTEN_NAME];
	int fd;

	if (doctor->status && listen_name(address, name) && daemon_listens(doctor, name)) {
		check_say(check, DOCTOR_OK, NULL, "%s: askd listens there", address);
		return;
	}
	fd = listen_try(address, &error);
	if (fd)
		check_say(check, DOCTOR_FAILED, "choose another address under 'listen', or stop it",
		        "%s", error.message);
	else if (doctor->status)
		check_say(check, DOCTOR_WARNING, "askd reload",
		        "%s: askd runs but does not listen there", address);
	else
		check_say(check, DOCTOR_OK, NULL, "%s: free", address);
}

void doctor_addresses(struct doctor *doctor)
{
	for (const struct config_instance *i = doctor->config->instances; i; i = i->next) {
		const struct yaml_node *list = yaml_find(i->node, "listen");
		char subject[80];
		struct check *check;

		if (strcmp(i->kind, "transport") != 0 || !list)
			continue;
		snprintf(subject, sizeof subject, "transport/%.60s", i->name);
		check = doctor_check(doctor, subject, NULL, NULL);
		if (check && list->kind == YAML_SCALAR && *list->text)
			look_at_address(doctor, check, list->text);
		for (const struct yaml_node *n = list->first; check && n; n = n->next)
			if (n->kind == YAML_SCALAR)
				look_at_address(doctor, check, n->text);
	}
}
