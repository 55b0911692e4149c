/* names.h: the words that names are made of. */
#ifndef COMPANY_NAMES_H
#define COMPANY_NAMES_H

#include "company.h"

#define COUNT(list) ((uint32_t)(sizeof(list) / sizeof *(list)))

enum { FIRST_NAMES = 48, LAST_NAMES = 64, CITIES = 40, LINES = 24 };

struct region_words {
	const char *code, *name, *country; /* country: NULL when there are several */
};

struct city_words {
	const char *name;
	int32_t region;     /* from 0 */
	const char *postal; /* its first digits */
	uint32_t size;
	const char *country;
};

struct category_words {
	const char *code, *name;
	int32_t parent;    /* from 1, 0 for none */
	const char *noun;  /* what its products are called; NULL at the top */
	int32_t low, high; /* prices in euros */
	int32_t grams;
	char season; /* 's'ummer, 'w'inter, 0 */
};

extern const struct region_words region_words[REGIONS];
extern const struct city_words city_words[CITIES];
extern const struct category_words category_words[CATEGORIES];
extern const char *const first_names[FIRST_NAMES], *const last_names[LAST_NAMES];
extern const char *const product_lines[LINES];

/* An address: LOCAL@DOMAIN.example in lower case, umlauts written out, what stands between words as
 * a dot before the @ and as a hyphen after it. */
void mail_address(char *out, size_t size, const char *local, const char *domain);
/* The prefix of telephone numbers of a country. */
const char *dial_of(const char *country);

#endif
