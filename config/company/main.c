/* main.c: askd-company, the command: its arguments, and the file. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "company.h"

enum { DONE = 0, FAILED = 1, WRONG_USE = 2 };

static const char usage[] =
        "Usage: askd-company [--seed N] [--today YYYY-MM-DD] [--force] FILE.db\n"
        "\n"
        "Makes the sample company: a SQLite database of an outfitter with three years of orders,\n"
        "to ask questions of. The same seed and day give the same file.\n"
        "\n"
        "  --seed N             which company, from 0 (default: 1)\n"
        "  --today YYYY-MM-DD   the last day of its data (default: today, UTC)\n"
        "  --force              replace FILE.db if it exists\n"
        "  --help, --version\n"
        "\n"
        "Exit status: 0 made; 1 not made, FILE.db is as it was; 2 wrong arguments.\n";

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	interrupted = number;
}

void company_progress(struct company *company, const char *what)
{
	if (interrupted && !company->failed)
		company->failed = SQLITE_INTERRUPT;
	if (company->shows_progress)
		fprintf(stderr, "\r\033[K%lld rows, %s ...", (long long)company->rows, what);
}

struct arguments {
	uint64_t seed;
	int32_t today;
	bool force;
	const char *file;
};

static int wrong(const char *problem, const char *value)
{
	fprintf(stderr, "askd-company: %s%s%s; see: askd-company --help\n", problem,
	        value ? ": " : "", value ? value : "");
	return WRONG_USE;
}

/* -1: go on; else the exit status. */
static int read_arguments(int argc, char **argv, struct arguments *args)
{
	static const struct option options[] = {{"seed", required_argument, NULL, 's'},
	        {"today", required_argument, NULL, 't'}, {"force", no_argument, NULL, 'f'},
	        {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'v'},
	        {NULL, 0, NULL, 0}};
	int32_t least = day_of((struct date){2000, 1, 1}),
	        most = day_of((struct date){2199, 12, 31});
	int option;
	char *end;
	args->seed = 1;
	args->today = (int32_t)(time(NULL) / 86400);
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 's':
			errno = 0;
			args->seed = strtoull(optarg, &end, 10);
			if (errno || *end || optarg[0] < '0' || optarg[0] > '9')
				return wrong("--seed takes a whole number from 0 to 2^64 - 1, not",
				        optarg);
			break;
		case 't':
			if (!day_parse(optarg, &args->today))
				return wrong("--today takes a day as YYYY-MM-DD, not", optarg);
			break;
		case 'f':
			args->force = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return DONE;
		case 'v':
			puts("askd-company " ASKD_VERSION);
			return DONE;
		default:
			fputs("See: askd-company --help\n", stderr);
			return WRONG_USE;
		}
	}
	if (args->today < least || args->today > most)
		return wrong("today must lie between 2000-01-01 and 2199-12-31", NULL);
	if (optind == argc)
		return wrong("the name of the file to make is missing", NULL);
	if (optind + 1 < argc)
		return wrong("one file at a time; not expected", argv[optind + 1]);
	args->file = argv[optind];
	if (!*args->file)
		return wrong("the name of the file is empty", NULL);
	return -1;
}

static bool failed(const char *file, const char *problem, const char *remedy)
{
	fprintf(stderr, "askd-company: %s: %s%s%s\n", file, problem, *remedy ? "; " : "", remedy);
	return false;
}

static bool may_be_made(const struct arguments *args)
{
	static const char *const beside[] = {"-wal", "-journal"};
	struct stat st;
	char *path;
	if (!stat(args->file, &st)) {
		if (!S_ISREG(st.st_mode))
			return failed(args->file, "is not a regular file", "choose another name");
		if (!args->force)
			return failed(args->file, "exists",
			        "choose another name, or replace it with --force");
	}
	/* SQLite would apply a log that belonged to the old file to the new one. */
	for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
		bool exists;
		if (asprintf(&path, "%s%s", args->file, beside[i]) < 0)
			return failed(args->file, "no memory", "");
		exists = !access(path, F_OK);
		if (exists)
			failed(path,
			        "exists, so the database is open in a program or was left by one",
			        "end that program, or choose another name");
		free(path);
		if (exists)
			return false;
	}
	return true;
}

static bool make(struct company *company, const char *path, const char *file)
{
	company->failed = sqlite3_open_v2(path, &company->db, SQLITE_OPEN_READWRITE, NULL);
	company_execute(company,
	        "PRAGMA page_size=4096;PRAGMA journal_mode=OFF;PRAGMA synchronous=OFF;"
	        "PRAGMA cache_size=-65536;PRAGMA user_version=1;BEGIN");
	company_execute(company, company_schema);
	make_regions_and_employees(company);
	make_customers(company);
	make_goods(company);
	make_trade(company);
	company_execute(company, company_indexes);
	company_execute(company, "COMMIT");
	if (company->shows_progress)
		fputs("\r\033[K", stderr);
	if (company->failed && company->failed != SQLITE_INTERRUPT)
		failed(file, sqlite3_errstr(company->failed),
		        "it needs about 20 MB of free space in its folder");
	sqlite3_close(company->db);
	return !company->failed;
}

/* Gives the finished file its name and the rights that a new file has. */
static bool put_in_place(int fd, const char *temporary, const struct arguments *args)
{
	mode_t mask = umask(0);
	umask(mask);
	if (fchmod(fd, 0666 & ~mask) || fsync(fd))
		return failed(args->file, strerror(errno),
		        "it needs about 20 MB of free space in its folder");
	if (!renameat2(
	            AT_FDCWD, temporary, AT_FDCWD, args->file, args->force ? 0 : RENAME_NOREPLACE))
		return true;
	/* Not every file system can refuse to replace. */
	if (errno == EINVAL && access(args->file, F_OK) && !rename(temporary, args->file))
		return true;
	return failed(args->file, strerror(errno), "choose another name");
}

int main(int argc, char **argv)
{
	const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct arguments args = {0};
	struct company *company;
	struct date date;
	char *temporary = NULL;
	bool made;
	int fd, status = read_arguments(argc, argv, &args);
	if (status >= 0)
		return status;
	if (!may_be_made(&args))
		return FAILED;
	company = calloc(1, sizeof *company);
	if (!company || asprintf(&temporary, "%s.XXXXXX", args.file) < 0) {
		failed(args.file, "no memory", "");
		free(company);
		return FAILED;
	}
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		sigaction(signals[i], &(struct sigaction){.sa_handler = on_signal}, NULL);
	date = date_of(args.today);
	date.day -= date.month == 2 && date.day == 29;
	company->first = day_of((struct date){date.year - 3, date.month, date.day}) + 1;
	company->today = args.today;
	company->seed = args.seed;
	company->shows_progress = isatty(STDERR_FILENO);
	fd = mkstemp(temporary);
	if (fd < 0) {
		made = failed(args.file, strerror(errno),
		        "name a file in a folder that exists and that you may write to");
	} else {
		made = make(company, temporary, args.file) && put_in_place(fd, temporary, &args);
		if (!made)
			unlink(temporary);
		close(fd);
	}
	if (made)
		printf("%s: %lld rows, orders until %04d-%02d-%02d, seed %llu\n", args.file,
		        (long long)company->rows, date_of(args.today).year,
		        date_of(args.today).month, date_of(args.today).day,
		        (unsigned long long)args.seed);
	free(temporary);
	free(company);
	if (interrupted && !made) {
		signal(interrupted, SIG_DFL);
		raise(interrupted);
	}
	return made ? DONE : FAILED;
}
