/* values_alias.c: other ways to say a value: "American" for a country "USA", "female" for a gender
 * "F", "assistant professor" for "AsstProf". */
#include <stdlib.h>
#include <string.h>

#include "lexicon.h"
#include "values_inside.h"
#include "words.h"

/* Each line means one thing. What stands behind '>' is only found in databases: nobody asks for
 * "in" who means Indiana. */
static const char *const groups[] = {
        "united states|united states of america|usa|us|america|american|u s|u s a",
        "united kingdom|uk|great britain|britain|british|u k", "england|english",
        "scotland|scottish", "wales|welsh", "ireland|irish", "france|french", "germany|german",
        "italy|italian", "spain|spanish", "portugal|portuguese",
        "netherlands|holland|dutch|the netherlands", "belgium|belgian", "switzerland|swiss",
        "austria|austrian", "denmark|danish|dane", "sweden|swedish|swede", "norway|norwegian",
        "finland|finnish|finn", "iceland|icelandic", "poland|polish",
        "czech republic|czech|czechia", "slovakia|slovak", "hungary|hungarian", "romania|romanian",
        "bulgaria|bulgarian", "greece|greek", "turkey|turkish", "russia|russian|russian federation",
        "ukraine|ukrainian", "serbia|serbian", "croatia|croatian", "israel|israeli",
        "egypt|egyptian", "morocco|moroccan", "nigeria|nigerian", "kenya|kenyan",
        "south africa|south african", "ethiopia|ethiopian", "india|indian", "pakistan|pakistani",
        "bangladesh|bangladeshi", "china|chinese|people s republic of china|prc", "japan|japanese",
        "south korea|south korean|republic of korea|korean", "taiwan|taiwanese", "thailand|thai",
        "vietnam|vietnamese", "philippines|philippine|filipino", "indonesia|indonesian",
        "malaysia|malaysian", "singapore|singaporean", "australia|australian",
        "new zealand|new zealander", "canada|canadian", "mexico|mexican", "brazil|brazilian",
        "argentina|argentine|argentinian", "chile|chilean", "colombia|colombian", "peru|peruvian",
        "venezuela|venezuelan", "cuba|cuban", "jamaica|jamaican", "europe|european", "asia|asian",
        "africa|african", "united arab emirates|uae|emirati", "saudi arabia|saudi", "iran|iranian",
        "iraq|iraqi", "new york|new york city|nyc", "los angeles|la|l a", "san francisco>sf",
        "washington d c|washington dc|dc|d c", "alabama>al", "alaska|ak", "arizona|az",
        "arkansas>ar", "california|ca", "colorado>co", "connecticut|ct", "delaware>de",
        "florida|fl", "georgia|ga", "hawaii>hi", "idaho>id", "illinois|il", "indiana>in", "iowa>ia",
        "kansas|ks", "kentucky|ky", "louisiana>la", "maine>me", "maryland|md", "massachusetts>ma",
        "michigan>mi", "minnesota|mn", "mississippi>ms", "missouri>mo", "montana>mt", "nebraska|ne",
        "nevada|nv", "new hampshire|nh", "new jersey|nj", "new mexico|nm", "new york|ny",
        "north carolina|nc", "north dakota|nd", "ohio>oh", "oklahoma>ok", "oregon>or",
        "pennsylvania>pa", "rhode island|ri", "south carolina|sc", "south dakota|sd",
        "tennessee|tn", "texas|tx", "utah|ut", "vermont|vt", "virginia|va", "washington|wa",
        "west virginia|wv", "wisconsin|wi", "wyoming|wy", "monday>mon", "tuesday>tue|tues",
        "wednesday>wed", "thursday>thu|thur|thurs", "friday>fri", "saturday>sat", "sunday>sun",
        "january>jan", "february>feb", "march>mar", "april>apr", "june>jun", "july>jul",
        "august>aug", "september>sep|sept", "october>oct", "november>nov", "december>dec",
        "phd|ph d|doctorate|doctoral", "master|masters|master s>ma|m a|msc", NULL};
/* Of a column that tells who is a man and who a woman. */
static const char *const genders[] = {
        "male|man|boy|gentleman|guy>m", "female|woman|girl|lady>f", NULL};

struct member {
	const char *text;
	size_t n;
	const char *group;
};

struct aliases {
	struct member *members;
	size_t count;
};

static int compare_texts(const char *a, size_t n, const char *b, size_t m)
{
	int c = memcmp(a, b, n < m ? n : m);
	return c ? c : n < m ? -1 : n > m;
}

static int compare_members(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int c = compare_texts(x->text, x->n, y->text, y->n);
	return c ? c : x->group < y->group ? -1 : x->group > y->group;
}

static const char *next_member(const char *at)
{
	at += strcspn(at, "|>");
	return *at ? at + 1 : NULL;
}

struct aliases *aliases_create(struct pool *pool)
{
	struct aliases *aliases = pool_alloc(pool, sizeof *aliases);
	size_t count = 0;
	for (const char *const *group = groups; *group; group++)
		for (const char *at = *group; at; at = next_member(at))
			count++;
	if (aliases)
		aliases->members = pool_alloc(pool, count * sizeof *aliases->members);
	if (!aliases || !aliases->members)
		return NULL;
	for (const char *const *group = groups; *group; group++)
		for (const char *at = *group; at; at = next_member(at))
			aliases->members[aliases->count++] =
			        (struct member){at, strcspn(at, "|>"), *group};
	qsort(aliases->members, aliases->count, sizeof *aliases->members, compare_members);
	return aliases;
}

/* All of a group but the value itself and what nobody says. */
static bool put_group(
        const char *group, const char *key, struct pool *pool, alias_put *put, void *owner)
{
	size_t n = strlen(key);
	for (const char *at = group; at;) {
		size_t m = strcspn(at, "|>");
		if (m != n || memcmp(at, key, n) != 0) {
			char *other = pool_copy(pool, at, m);
			if (!other)
				return false;
			put(owner, other);
		}
		at = at[m] == '|' ? at + m + 1 : NULL;
	}
	return true;
}

/* "AsstProf", "fullTime" */
static bool put_words(
        const char *text, const char *key, struct pool *pool, alias_put *put, void *owner)
{
	struct words words = {0};
	char joined[VALUE_KEY];
	size_t n = 0;
	if (!words_split_name(pool, text, &words))
		return false;
	for (size_t i = 0; i < words.count && i < 8; i++) {
		const char *word = words.words[i].text, *full = lexicon_expand(word);
		size_t m;
		word = full ? full : word;
		m = strlen(word);
		if (n + m + 2 > sizeof joined)
			return true;
		if (n)
			joined[n++] = ' ';
		memcpy(joined + n, word, m);
		n += m;
	}
	joined[n] = 0;
	if (n && strcmp(joined, key) != 0) {
		char *other = pool_copy(pool, joined, n);
		if (!other)
			return false;
		put(owner, other);
	}
	return true;
}

static bool is_camel(const char *text)
{
	bool inside = false;
	for (size_t i = 0; text[i]; i++) {
		if (!(text[i] >= 'a' && text[i] <= 'z') && !(text[i] >= 'A' && text[i] <= 'Z'))
			return false;
		inside |= i && text[i] <= 'Z' && text[i - 1] >= 'a';
	}
	return inside;
}

bool aliases_each(const struct aliases *aliases, const char *text, unsigned kinds,
        struct pool *pool, alias_put *put, void *owner)
{
	char key[VALUE_KEY];
	const char *folded = words_fold(pool, text, strlen(text));
	size_t n = folded ? values_squash(folded, key, sizeof key) : 0;
	size_t low = 0, high = aliases->count;
	if (!n || n == SIZE_MAX)
		return folded != NULL;
	for (const char *const *group = genders; (kinds & ALIAS_GENDER) && *group; group++)
		for (const char *at = *group; at; at = next_member(at))
			if (strcspn(at, "|>") == n && !memcmp(at, key, n))
				return put_group(*group, key, pool, put, owner);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct member *member = &aliases->members[middle];
		if (compare_texts(member->text, member->n, key, n) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < aliases->count && aliases->members[low].n == n &&
	        !memcmp(aliases->members[low].text, key, n);
	        low++)
		if (!put_group(aliases->members[low].group, key, pool, put, owner))
			return false;
	return !(kinds & ALIAS_WORDS) || !is_camel(text) || put_words(text, key, pool, put, owner);
}
