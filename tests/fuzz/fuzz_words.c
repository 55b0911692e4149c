/* fuzz_words.c: what people may ask the offline engine: words, numbers, times, names. */
// clang-format off
// sources: plugins/llm/offline/pool.c plugins/llm/offline/words.c plugins/llm/offline/words_fold.c plugins/llm/offline/words_forms.c plugins/llm/offline/words_name.c plugins/llm/offline/words_numbers.c plugins/llm/offline/words_stem.c plugins/llm/offline/when.c plugins/llm/offline/when_absolute.c plugins/llm/offline/when_dates.c plugins/llm/offline/when_relative.c
// libraries: stemmer utf8proc
// clang-format on
#include <stdlib.h>
#include <string.h>

#include "plugins/llm/offline/when.h"
#include "plugins/llm/offline/when_dates.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_words(const struct words *words, size_t size)
{
	uint32_t end = 0;
	if (words->count > WORDS_MAX)
		abort();
	for (size_t i = 0; i < words->count; i++) {
		const struct word *word = &words->words[i];
		if (word->start < end || word->end <= word->start || word->end > size)
			abort();
		if (!word->text || !*word->text || !word->stem || !word->written)
			abort();
		if ((word->kind == WORD_NUMBER) != (word->number != NULL))
			abort();
		if (word->number && (strspn(word->number, "-0123456789.") != strlen(word->number)))
			abort();
		end = word->end;
	}
}

static void check_times(struct pool *pool, const struct words *words)
{
	struct when when;
	int64_t from, until;
	for (size_t i = 0; i < words->count; i++) {
		if (!when_read(pool, words, i, "2026-11-21", &when))
			continue;
		if (when.first != i || !when.count || i + when.count > words->count || !when.said)
			abort();
		if ((*when.from && !date_read(when.from, &from)) ||
		        (*when.until && !date_read(when.until, &until)) ||
		        (!*when.from && !*when.until) ||
		        (*when.from && *when.until && from >= until))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pool pool = {0};
	struct words words;
	bool cut;
	char *copy = malloc(size + 1);
	if (!copy)
		return 0;
	memcpy(copy, data, size);
	copy[size] = 0;
	if (!words_read(&pool, copy, size, &words, &cut))
		abort();
	check_words(&words, size);
	check_times(&pool, &words);
	if (!words_stems(&pool, copy, size) || !words_split_name(&pool, copy, &words))
		abort();
	pool_finish(&pool);
	free(copy);
	return 0;
}
