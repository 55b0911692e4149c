/*
 * askd/mailer.h: the kind askd.mailer/1, which sends a finished message.
 */
#ifndef ASKD_MAILER_H
#define ASKD_MAILER_H

#include <askd/askd.h>
#include <askd/transport.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ASKD_KIND_MAILER "askd.mailer/1"

/* A message in its final form. */
struct askd_mail {
	uint32_t size;
	uint32_t reserved;
	struct askd_text id;   /* the Message-ID without brackets: the same id is the same mail */
	struct askd_text from; /* the envelope's sender, a bare address */
	const struct askd_header *const
	        *to; /* name: the person's, may be absent; value: a bare address */
	const struct askd_file *message; /* RFC 5322, with MIME, lines end in CR LF */
};

struct askd_mailer_iface {
	uint32_t size;
	uint32_t flags;
	/* [worker] self: instance. Out: the other side's id, if it gives one. BUSY: later (SMTP
	 * 4xx); REMOTE: never (5xx); MAYBE_DONE in the flags when the fate is unknown (cut after
	 * DATA): such a mail is never sent again by itself. */
	ASKD_FN(send, askd_mail, askd_outgone);
};

#ifdef __cplusplus
}
#endif
#endif
