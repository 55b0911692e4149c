/* exchange.h: `askd ask --exchange`, what `askd chat` asks of whoever holds the state. One JSON
 * object on a line comes in, lines with JSON objects go out:
 *
 *   {"do":"hold"}    {"databases":[NAME, ...]}, then nothing until `in` ends: meanwhile this
 * process or the daemon has the state, and the next exchanges are quick
 *   {"do":"ask","text":T,"session":S,"database":NAME or null,"parent":PID}
 *                    {"own":BOOL}, {"stage":NAME}, {"draft":T,"more":true: it continues the last
 * one} meanwhile, then {"kind":ASKD_TURN_*,"retry_ms":N,"object":as --json prints it},
 *                    {"canceled":true} or {"failed":WHY}
 *   {"do":"tables","database":NAME}   {"tables":[...]} or {"failed":WHY}
 *   {"do":"forget","session":S}       {"forgotten":TURNS} or {"failed":WHY}
 */
#ifndef CONSOLE_EXCHANGE_H
#define CONSOLE_EXCHANGE_H

#include "console.h"

/* The exit status. */
int32_t exchange(const struct console *console, struct askd_call *call, int32_t in, int32_t out);

#endif
