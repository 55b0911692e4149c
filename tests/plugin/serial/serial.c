/* serial: a mailer that is not ASKD_CONCURRENT and wants a service that leads into other instances.
 */
#include <askd/mailer.h>
#include <askd/skill.h>

struct serial {
	const struct askd_turn_service *turn;
};

static int32_t serial_open(void *self, const struct askd_host *host, struct askd_error *reterr)
{
	return askd_need(host, "askd.turn/1", &((struct serial *)self)->turn, reterr);
}

ASKD_DEFINE(serial_send, askd_mail, askd_outgone)
{
	return ASKD_OK;
}

ASKD_MAKE(static const struct askd_mailer_iface, iface, .send = serial_send);
ASKD_PLUGIN(.kind = ASKD_KIND_MAILER, .name = "serial", .version = "1.0",
        .summary = "takes one mail at a time", .license = "MIT",
        .instance_size = sizeof(struct serial), .open = serial_open, .iface = &iface);
