/* doctor.h: what the files of `askd doctor` share. A check looks at one thing and says what it
 * found; those that may take long run on threads of their own until a common deadline. */
#ifndef DOCTOR_H
#define DOCTOR_H

#include "config/config.h"

enum doctor_level { DOCTOR_OK, DOCTOR_WARNING, DOCTOR_FAILED };

struct check;
struct doctor {
	const struct config *config; /* whole, or what could be made of it */
	bool faulty;                 /* the latter */
	int64_t limit_ms;            /* for all that is waited for */
	struct arena arena;          /* of the main thread */
	struct check *first, **last;
	int64_t clock_off_s;
	/* What the daemon that runs says: its status as JSON; NULL: none runs. Known once the first
	 * checks have been gathered. */
	void *status;
};

/* `subject` is copied. With run: on a thread, with `arg`, from now on; the check is the thread's
 * until it returns. NULL: no memory. [main] */
struct check *doctor_check(struct doctor *doctor, const char *subject,
        void (*run)(struct check *check, void *arg), void *arg);
/* What it found, in words; at most a few times for a check. remedy: NULL where there is none to
 * take. Never a secret. */
__attribute__((format(printf, 4, 5))) void check_say(
        struct check *check, enum doctor_level level, const char *remedy, const char *format, ...);
int64_t check_left_ms(const struct check *check); /* until its deadline, at least 1 */

/* doctor_machine.c: files, disk, clock, descriptors. [main] */
void doctor_files(struct doctor *doctor);
void doctor_disk(struct doctor *doctor);
void doctor_limits(struct doctor *doctor);
void doctor_addresses(struct doctor *doctor);
/* doctor_reach.c: plugins, models, databases, certificates: all that is configured. */
void doctor_instances(struct doctor *doctor);
void doctor_instances_end(struct doctor *doctor); /* no check of theirs runs any more */

#endif
