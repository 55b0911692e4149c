#include "numerals.h"

#include <pthread.h>
#include <string.h>

enum { SLOTS = 1024 /* a power of two, more than twice the words */ };

/* Words separated by one blank. */
static const struct {
	const char *words;
	uint16_t list;
} lists[] = {
        {"about around approximately roughly some circa ca etwa rund ungefähr zirka около примерно "
         "приблизительно environ aproximadamente unos approx",
                NUMERAL_ABOUT},
        {"over than above exceeding exceeds least über als mindestens свыше "
         "более больше plus más",
                NUMERAL_OVER},
        {"nearly almost under below just most fast knapp unter höchstens почти менее меньше "
         "presque "
         "casi fewer less",
                NUMERAL_UNDER},
        {"top first last bottom best worst largest smallest highest lowest "
         "biggest leading ersten letzten besten größten первые последние",
                NUMERAL_TOP},
        {"percent percentage pct pp prozent prozentpunkte процент процента "
         "процентов pourcent",
                NUMERAL_PERCENT},
        {"x times fold mal fach раз раза fois veces", NUMERAL_FOLD},
        {"eur usd gbp chf rub jpy us r rs kr x no nr", NUMERAL_CURRENCY},
        {"of as the der des aller von всех", NUMERAL_WHOLE},
        {"first second last next this erste zweite ersten zweiten", NUMERAL_WHICH},
        {"st nd rd th", NUMERAL_ENDING}, {"of", NUMERAL_OF}, {"de", NUMERAL_DE},
        {"am pm", NUMERAL_NOON}, {"per a each every pro", NUMERAL_EACH},
        {"approx ca no nr vs mio mrd tsd bzw dr mr mrs ms st inc ltd co corp etc resp usw eg ie "
         "jan "
         "feb mar apr jun jul aug sep sept oct okt nov dec dez z b e g i u d h p a s тыс млн млрд "
         "руб г т е",
                NUMERAL_ABBREVIATION}};

static const char *const months[12] = {
        "january jan januar jänner января январь январе janvier enero",
        "february feb februar февраля февраль феврале février febrero",
        "march mar märz марта март марте mars marzo", "april apr апреля апрель апреле avril abril",
        "may mai мая май мае mayo", "june jun juni июня июнь июне juin junio",
        "july jul juli июля июль июле juillet julio",
        "august aug августа август августе août agosto",
        "september sep sept сентября сентябрь сентябре septembre septiembre",
        "october oct oktober okt октября октябрь октябре octobre octubre",
        "november nov ноября ноябрь ноябре novembre noviembre",
        "december dec dezember dez декабря декабрь декабре décembre diciembre"};

static const struct {
	const char *words;
	double value;
	enum numeral_kind kind;
} numbers[] = {{"zero null ноль", 0, NUMERAL_CARDINAL},
        {"one eins один одна одно", 1, NUMERAL_CARDINAL},
        {"two zwei два две двух deux dos", 2, NUMERAL_CARDINAL},
        {"three drei три трех трёх trois tres", 3, NUMERAL_CARDINAL},
        {"four vier четыре четырех quatre cuatro", 4, NUMERAL_CARDINAL},
        {"five fünf пять пяти cinq cinco", 5, NUMERAL_CARDINAL},
        {"six sechs шесть шести seis", 6, NUMERAL_CARDINAL},
        {"seven sieben семь семи sept siete", 7, NUMERAL_CARDINAL},
        {"eight acht восемь восьми huit ocho", 8, NUMERAL_CARDINAL},
        {"nine neun девять девяти neuf nueve", 9, NUMERAL_CARDINAL},
        {"ten zehn десять десяти dix diez", 10, NUMERAL_CARDINAL},
        {"eleven elf одиннадцать onze", 11, NUMERAL_CARDINAL},
        {"twelve zwölf двенадцать douze doce dozen dutzend", 12, NUMERAL_CARDINAL},
        {"thirteen dreizehn", 13, NUMERAL_CARDINAL}, {"fourteen vierzehn", 14, NUMERAL_CARDINAL},
        {"fifteen fünfzehn", 15, NUMERAL_CARDINAL}, {"sixteen sechzehn", 16, NUMERAL_CARDINAL},
        {"seventeen siebzehn", 17, NUMERAL_CARDINAL}, {"eighteen achtzehn", 18, NUMERAL_CARDINAL},
        {"nineteen neunzehn", 19, NUMERAL_CARDINAL},
        {"twenty zwanzig двадцать", 20, NUMERAL_CARDINAL},
        {"thirty dreißig тридцать", 30, NUMERAL_CARDINAL},
        {"forty vierzig сорок", 40, NUMERAL_CARDINAL},
        {"fifty fünfzig пятьдесят", 50, NUMERAL_CARDINAL}, {"sixty sechzig", 60, NUMERAL_CARDINAL},
        {"seventy siebzig", 70, NUMERAL_CARDINAL}, {"eighty achtzig", 80, NUMERAL_CARDINAL},
        {"ninety neunzig", 90, NUMERAL_CARDINAL}, {"hundred hundert сто", 100, NUMERAL_CARDINAL},
        {"thousand tausend тысяча", 1000, NUMERAL_CARDINAL},
        {"second zweite zweiter zweites zweiten второй вторая втором", 2, NUMERAL_ORDINAL},
        {"third dritte dritter drittes dritten третий третья третьем", 3, NUMERAL_ORDINAL},
        {"fourth vierte vierter четвертый", 4, NUMERAL_ORDINAL},
        {"fifth fünfte fünfter пятый", 5, NUMERAL_ORDINAL},
        {"sixth sechste sechster", 6, NUMERAL_ORDINAL},
        {"seventh siebte siebter", 7, NUMERAL_ORDINAL}, {"eighth achte achter", 8, NUMERAL_ORDINAL},
        {"ninth neunte neunter", 9, NUMERAL_ORDINAL}, {"tenth zehnte zehnter", 10, NUMERAL_ORDINAL},
        {"twice doubled double doppelt verdoppelt вдвое", 2, NUMERAL_TIMES},
        {"tripled triple thrice dreifach verdreifacht втрое", 3, NUMERAL_TIMES},
        {"quadrupled quadruple vierfach", 4, NUMERAL_TIMES},
        {"half hälfte половина", 50, NUMERAL_SHARE},
        {"quarter viertel четверть", 25, NUMERAL_SHARE}, {"thirds", 66.6667, NUMERAL_SHARE},
        {"quarters", 75, NUMERAL_SHARE}};

/* `attached`: what is a scale only directly behind digits. */
static const struct {
	const char *words, *attached;
	double factor;
} scales[] = {{"hundred hundert", "", 1e2},
        {"thousand thousands tausend tsd тыс тысяч тысячи тысяча mil mille", "k", 1e3},
        {"万", "", 1e4},
        {"million millions mio millionen млн миллион миллиона миллионов millones mn", "m mm", 1e6},
        {"亿", "", 1e8},
        {"billion billions mrd milliarde milliarden млрд миллиард миллиарда миллиардов bn "
         "milliards",
                "b", 1e9},
        {"trillion trillions bio billionen трлн", "t tn", 1e12}};

static struct numeral table[SLOTS];
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Its slot: the word itself, or the free one where it belongs. */
static struct numeral *slot_of(const char *s, size_t n)
{
	uint32_t hash = 2166136261u;
	struct numeral *slot;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (unsigned char)s[i]) * 16777619u;
	for (hash ^= hash >> 16;; hash++) {
		slot = &table[hash % SLOTS];
		if (!slot->s || (slot->n == n && !memcmp(slot->s, s, n)))
			return slot;
	}
}

/* The slot of the next word of a list; NULL: there is none. */
static struct numeral *next_word(const char **words)
{
	const char *s = *words + strspn(*words, " ");
	size_t n = strcspn(s, " ");
	struct numeral *slot;

	*words = s + n;
	if (!n)
		return NULL;
	slot = slot_of(s, n);
	slot->s = s;
	slot->n = (uint8_t)n;
	return slot;
}

static void fill(void)
{
	struct numeral *slot;

	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		for (const char *words = lists[i].words; (slot = next_word(&words));)
			slot->lists |= lists[i].list;
	for (uint8_t m = 0; m < 12; m++)
		for (const char *words = months[m]; (slot = next_word(&words));)
			slot->month = (uint8_t)(m + 1);
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		for (const char *words = numbers[i].words; (slot = next_word(&words));) {
			slot->kind = (uint8_t)numbers[i].kind;
			slot->value = numbers[i].value;
		}
	for (size_t i = 0; i < sizeof scales / sizeof *scales; i++) {
		for (const char *words = scales[i].words; (slot = next_word(&words));)
			slot->scale = scales[i].factor;
		for (const char *words = scales[i].attached; (slot = next_word(&words));)
			slot->attached = scales[i].factor;
	}
}

const struct numeral *numeral_find(const char *s, size_t n)
{
	static const struct numeral nothing = {.s = NULL};

	if (!n || n > UINT8_MAX)
		return &nothing;
	pthread_once(&once, fill);
	return slot_of(s, n);
}
