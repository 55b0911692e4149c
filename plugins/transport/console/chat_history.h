/* chat_history.h: the questions of earlier chats, in a file of the person's own: 0600, one line
 * each, the last 1,000. Several chats at once add to it without losing each other's. */
#ifndef CONSOLE_CHAT_HISTORY_H
#define CONSOLE_CHAT_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

enum { HISTORY_ENTRIES = 1000 };

/* $XDG_STATE_HOME/askd/history, else ~/.local/state/askd/history. false: there is no HOME. */
bool history_path(char *path, size_t size);
/* Hands over each entry, the oldest first. Shortens a file that has grown. */
void history_read(const char *path, void (*take)(void *arg, const char *entry), void *arg);
/* Adds one. Makes the folders and the file where they are missing. false: it cannot be written. */
bool history_add(const char *path, const char *entry);

#endif
