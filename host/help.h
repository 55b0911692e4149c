/* help.h: `askd help`: for people; and from the same words the manual and the completion of shells.
 */
#ifndef HELP_H
#define HELP_H

#include "daemon.h"

/* The words of the plugins, read from whatever configuration is in reach; none if there is none. */
const struct daemon_verb *help_plugin_verbs(const struct config *config, struct arena *a);

/* `own`: the host's verbs, ends with a NULL name; `config_file`: what -c named, or NULL. argv[0] is
 * "help". Returns the exit status.
 *   help              every verb in a line
 *   help VERB         how to use it
 *   help --man        every verb of the host and of every plugin that is found, as roff: what the
 *                     build makes askd(1) of
 *   help --complete -- WORD...   what the last word may become, one candidate a line with a tab and
 *                     what it means behind it; ":files": also any file. The words are those of a
 *                     command line without its first. */
int help_command(const struct daemon_verb *own, const char *config_file, int argc, char **argv);

/* ---- complete.c */
int complete_command(const struct daemon_verb *own, const char *config_file, int argc, char **argv);

#endif
