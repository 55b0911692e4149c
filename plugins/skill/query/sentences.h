/* sentences.h: where a sentence ends while the text is still being written. */
#ifndef QUERY_SENTENCES_H
#define QUERY_SENTENCES_H

#include <stdbool.h>
#include <stddef.h>

/* The length of the first finished sentence of s, with the blanks behind it; 0: none is finished.
 * A line's end ends one, too. `last`: nothing follows, so what is there is finished. */
size_t sentence_length(const char *s, size_t n, bool last);

#endif
