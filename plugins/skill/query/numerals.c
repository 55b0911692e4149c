#include "numerals.h"

#include <string.h>

const char numerals_about[] =
        "about around approximately roughly some circa ca etwa rund ungefähr zirka около примерно "
        "приблизительно environ aproximadamente unos approx";
const char numerals_over[] = "over than above exceeding exceeds least über als mindestens свыше "
                             "более больше plus más";
const char numerals_under[] =
        "nearly almost under below just most fast knapp unter höchstens почти менее меньше presque "
        "casi fewer less";
const char numerals_top[] = "top first last bottom best worst largest smallest highest lowest "
                            "biggest leading ersten letzten besten größten первые последние";
const char numerals_percent[] = "percent percentage pct pp prozent prozentpunkte процент процента "
                                "процентов pourcent";
const char numerals_times[] = "x times fold mal fach раз раза fois veces";
const char numerals_currency[] = "eur usd gbp chf rub jpy us r rs kr x no nr";
const char numerals_of[] = "of as the der des aller von всех";
const char numerals_first[] = "first second last next this erste zweite ersten zweiten";

const char *const numerals_months[12] = {
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

bool numerals_listed(const char *list, const char *s, size_t n)
{
	if (!n)
		return false;
	while (*list) {
		size_t length = strcspn(list, " ");
		if (length == n && !memcmp(list, s, n))
			return true;
		list += length;
		while (*list == ' ')
			list++;
	}
	return false;
}

static const struct {
	const char *words;
	double value;
	enum numeral_kind kind;
} numerals[] = {{"zero null ноль", 0, NUMERAL_CARDINAL},
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

struct number_word numerals_word(const char *s, size_t n)
{
	for (size_t i = 0; n && i < sizeof numerals / sizeof *numerals; i++)
		if (numerals_listed(numerals[i].words, s, n))
			return (struct number_word){numerals[i].kind, numerals[i].value};
	return (struct number_word){NUMERAL_NONE, 0};
}

double numerals_scale(const char *s, size_t n, bool attached)
{
	static const struct {
		const char *words, *attached;
		double factor;
	} scales[] = {{"hundred hundert", "", 1e2},
	        {"thousand thousands tausend tsd тыс тысяч тысячи тысяча mil mille", "k", 1e3},
	        {"万", "万", 1e4},
	        {"million millions mio millionen млн миллион миллиона миллионов millones mn",
	                "m mm mio", 1e6},
	        {"亿", "亿", 1e8},
	        {"billion billions mrd milliarde milliarden млрд миллиард миллиарда миллиардов bn "
	         "milliards",
	                "b bn", 1e9},
	        {"trillion trillions bio billionen трлн", "t tn", 1e12}};
	for (size_t i = 0; n && i < sizeof scales / sizeof *scales; i++)
		if (numerals_listed(scales[i].words, s, n) ||
		        (attached && numerals_listed(scales[i].attached, s, n)))
			return scales[i].factor;
	return 0;
}
