/* words_name.c: identifiers taken apart. */
#include <stdlib.h>
#include <string.h>

#include "words_inside.h"

enum { NAME_MAX_BYTES = 1024 };

enum shape { SHAPE_NONE, SHAPE_SMALL, SHAPE_CAPITAL, SHAPE_DIGIT };

static enum shape shape_of(utf8proc_int32_t c)
{
	if (c >= '0' && c <= '9')
		return SHAPE_DIGIT;
	if (c == '_' || c == '\'' || !letter_is_word(c))
		return SHAPE_NONE;
	if (c < 0x80)
		return c >= 'A' && c <= 'Z' ? SHAPE_CAPITAL : SHAPE_SMALL;
	return utf8proc_category(c) == UTF8PROC_CATEGORY_LU ? SHAPE_CAPITAL : SHAPE_SMALL;
}

/* Small letters that follow capitals as a word of their own: GDPperCapita, IDof. */
static bool is_joint(const char *s, size_t n)
{
	static const char *const joints[] = {"per", "of", "and", "in", "to", "for", "by", "or",
	        "the", "on", "at", "from", "with"};
	for (size_t i = 0; i < sizeof joints / sizeof *joints; i++)
		if (strlen(joints[i]) == n && !memcmp(joints[i], s, n))
			return true;
	return false;
}

struct run {
	enum shape shape;
	size_t start, end, letters;
};

static struct run next_run(const char *name, size_t n, size_t start)
{
	struct run run = {.start = start, .end = start};
	size_t length;
	while (run.end < n) {
		enum shape shape = shape_of(letter_read(name + run.end, n - run.end, &length));
		if (run.letters && shape != run.shape)
			break;
		run.shape = shape;
		run.end += length;
		run.letters++;
	}
	return run;
}

/* The byte at which the last letter of a run begins. */
static size_t last_letter(const char *name, const struct run *run)
{
	size_t at = run->end - 1;
	while (at > run->start && ((unsigned char)name[at] & 0xc0) == 0x80)
		at--;
	return at;
}

static bool add_part(struct pool *pool, const char *name, size_t start, size_t end,
        struct sb_stemmer *stemmer, struct words *out, size_t *room)
{
	struct word *grown, *word;
	if (out->count >= WORDS_MAX)
		return true;
	grown = pool_grow(pool, out->words, out->count, room, sizeof *out->words);
	if (!grown)
		return false;
	out->words = grown;
	word = &grown[out->count];
	*word = (struct word){.kind = WORD_PLAIN,
	        .start = (uint32_t)start,
	        .end = (uint32_t)end,
	        .text = words_fold(pool, name + start, end - start),
	        .written = pool_copy(pool, name + start, end - start),
	        .capital = shape_of((unsigned char)name[start]) != SHAPE_SMALL,
	        .glued = start > 0 && name[start - 1] != ' '};
	if (!word->text || !word->written)
		return false;
	if (!*word->text)
		return true;
	word->stem = stem_with(pool, stemmer, word->text, strlen(word->text));
	if (!word->stem)
		return false;
	if (*word->text >= '0' && *word->text <= '9' && strspn(word->text, "0123456789") < 18) {
		struct decimal value;
		size_t digits = strspn(word->text, "0123456789");
		if (decimal_read(word->text, digits, &value)) {
			if (word->text[digits])
				word->unit = UNIT_ORDINAL;
			if (!word_set_number(pool, word, &value))
				return false;
		}
	}
	out->count++;
	return true;
}

bool words_split_name(struct pool *pool, const char *name, struct words *out)
{
	size_t n = strnlen(name, NAME_MAX_BYTES), room = 0, end;
	struct sb_stemmer *stemmer = sb_stemmer_new("english", NULL);
	bool ok = stemmer != NULL;
	*out = (struct words){0};
	for (size_t at = 0; ok && at < n; at = end) {
		struct run run = next_run(name, n, at), next = next_run(name, n, run.end);
		size_t start = run.start;
		end = run.end;
		if (run.shape == SHAPE_NONE)
			continue;
		if (run.shape == SHAPE_CAPITAL && next.shape == SHAPE_SMALL) {
			size_t letters = next.end - next.start;
			if (run.letters == 1 || (letters == 1 && name[next.start] == 's'))
				end = next.end; /* Name, IDs */
			else if (!is_joint(name + next.start, letters)) {
				end = last_letter(name, &run); /* HTMLParser */
			}
		} else if (run.shape == SHAPE_DIGIT && next.shape == SHAPE_SMALL &&
		           next.end - next.start == 2) {
			const char *ending = name + next.start;
			if (!memcmp(ending, "st", 2) || !memcmp(ending, "nd", 2) ||
			        !memcmp(ending, "rd", 2) || !memcmp(ending, "th", 2))
				end = next.end;
		}
		ok = add_part(pool, name, start, end, stemmer, out, &room);
	}
	sb_stemmer_delete(stemmer);
	if (!ok)
		pool->failed = true;
	return ok;
}
