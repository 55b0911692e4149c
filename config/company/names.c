/* names.c: regions, cities, people, goods; with umlauts and with names that are easily confused. */
#include <stdio.h>
#include <string.h>

#include "names.h"

const struct region_words region_words[REGIONS] = {{"DE-N", "North", "DE"}, {"DE-S", "South", "DE"},
        {"DE-E", "East", "DE"}, {"DE-W", "West", "DE"}, {"AT", "Austria", "AT"},
        {"CH", "Switzerland", "CH"}, {"BNL", "Benelux", NULL}, {"NOR", "Nordics", NULL},
        {"FR", "France", "FR"}, {"UK", "United Kingdom", "GB"}};

const struct city_words city_words[CITIES] = {{"Hamburg", 0, "20", 18, "DE"},
        {"Bremen", 0, "28", 8, "DE"}, {"Hannover", 0, "30", 8, "DE"}, {"Kiel", 0, "24", 4, "DE"},
        {"Lübeck", 0, "23", 3, "DE"}, {"München", 1, "80", 20, "DE"},
        {"Stuttgart", 1, "70", 10, "DE"}, {"Nürnberg", 1, "90", 7, "DE"},
        {"Freiburg", 1, "79", 6, "DE"}, {"Würzburg", 1, "97", 3, "DE"},
        {"Berlin", 2, "10", 24, "DE"}, {"Leipzig", 2, "04", 8, "DE"}, {"Dresden", 2, "01", 8, "DE"},
        {"Erfurt", 2, "99", 3, "DE"}, {"Frankfurt (Oder)", 2, "15", 1, "DE"},
        {"Köln", 3, "50", 14, "DE"}, {"Düsseldorf", 3, "40", 9, "DE"},
        {"Dortmund", 3, "44", 8, "DE"}, {"Münster", 3, "48", 6, "DE"},
        {"Frankfurt am Main", 3, "60", 11, "DE"}, {"Wien", 4, "10", 12, "AT"},
        {"Graz", 4, "80", 5, "AT"}, {"Innsbruck", 4, "60", 6, "AT"}, {"Salzburg", 4, "50", 4, "AT"},
        {"Zürich", 5, "80", 9, "CH"}, {"Bern", 5, "30", 4, "CH"}, {"Basel", 5, "40", 4, "CH"},
        {"Genève", 5, "12", 3, "CH"}, {"Amsterdam", 6, "10", 6, "NL"},
        {"Antwerpen", 6, "20", 4, "BE"}, {"Luxembourg", 6, "11", 2, "LU"},
        {"Malmö", 7, "21", 4, "SE"}, {"København", 7, "10", 5, "DK"},
        {"Göteborg", 7, "41", 4, "SE"}, {"Paris", 8, "75", 7, "FR"}, {"Grenoble", 8, "38", 4, "FR"},
        {"Strasbourg", 8, "67", 4, "FR"}, {"London", 9, "E1", 6, "GB"},
        {"Edinburgh", 9, "EH", 3, "GB"}, {"Newcastle upon Tyne", 9, "NE", 2, "GB"}};

const struct category_words category_words[CATEGORIES] = {{"CLO", "Clothing", 0, NULL, 0, 0, 0, 0},
        {"FOO", "Footwear", 0, NULL, 0, 0, 0, 0}, {"CAM", "Camping", 0, NULL, 0, 0, 0, 0},
        {"CLI", "Climbing", 0, NULL, 0, 0, 0, 0}, {"WIN", "Winter sports", 0, NULL, 0, 0, 0, 0},
        {"ACC", "Accessories", 0, NULL, 0, 0, 0, 0},
        {"JRA", "Rain jackets", 1, "Rain Jacket", 69, 289, 420, 0},
        {"JDO", "Down jackets", 1, "Down Jacket", 129, 399, 480, 'w'},
        {"TRO", "Trousers", 1, "Trekking Trousers", 49, 169, 380, 0},
        {"SHI", "Shirts", 1, "Merino Shirt", 29, 99, 190, 's'},
        {"BAS", "Base layers", 1, "Base Layer", 35, 109, 170, 'w'},
        {"BOH", "Hiking boots", 2, "Hiking Boot", 99, 279, 1250, 0},
        {"SHT", "Trail shoes", 2, "Trail Shoe", 79, 179, 640, 's'},
        {"SAN", "Sandals", 2, "Sandal", 39, 109, 480, 's'},
        {"TEN", "Tents", 3, "Tent", 149, 699, 3200, 's'},
        {"SLB", "Sleeping bags", 3, "Sleeping Bag", 79, 449, 1100, 's'},
        {"MAT", "Sleeping mats", 3, "Sleeping Mat", 29, 189, 620, 's'},
        {"STO", "Stoves", 3, "Stove", 25, 149, 350, 's'},
        {"ROP", "Ropes", 4, "Rope", 89, 249, 3900, 's'},
        {"HAR", "Harnesses", 4, "Harness", 45, 129, 420, 0},
        {"CAR", "Carabiners", 4, "Carabiner", 6, 24, 80, 0},
        {"SKI", "Touring skis", 5, "Touring Ski", 349, 799, 2900, 'w'},
        {"SNO", "Snowshoes", 5, "Snowshoe", 99, 249, 1800, 'w'},
        {"GLO", "Gloves", 5, "Glove", 19, 119, 140, 'w'},
        {"BAG", "Backpacks", 6, "Backpack", 49, 289, 1300, 0},
        {"BOT", "Bottles", 6, "Bottle", 9, 39, 210, 's'},
        {"LAM", "Headlamps", 6, "Headlamp", 19, 119, 110, 'w'},
        {"MAP", "Maps & guides", 6, "Map", 7, 29, 120, 's'}};

const char *const first_names[FIRST_NAMES] = {"Anna", "Anne", "Ben", "Björn", "Carla", "Céline",
        "Clara", "David", "Elif", "Emma", "Fatma", "Felix", "Finn", "Frida", "Greta", "Hanna",
        "Hannah", "Ida", "Ilse", "Jan", "Jana", "Jens", "Jonas", "Jörg", "Julia", "Jürgen", "Karin",
        "Lars", "Lea", "Lena", "Leon", "Louise", "Luca", "Marie", "Mats", "Matthias", "Mia",
        "Mehmet", "Nils", "Nora", "Olivia", "Paul", "Peter", "Sören", "Sophie", "Thomas", "Tobias",
        "Zoë"};

const char *const last_names[LAST_NAMES] = {"Müller", "Mueller", "Möller", "Schmidt", "Schmitt",
        "Schmid", "Schneider", "Fischer", "Weber", "Meyer", "Meier", "Maier", "Mayer", "Wagner",
        "Becker", "Schulz", "Schulze", "Hoffmann", "Hofmann", "Koch", "Bauer", "Richter", "Klein",
        "Wolf", "Wolff", "Schröder", "Neumann", "Schwarz", "Zimmermann", "Braun", "Krüger",
        "Krause", "Lange", "Köhler", "Böhm", "Günther", "Kühn", "Jäger", "Groß", "Weiß", "Yılmaz",
        "Kaya", "Nowak", "Kowalski", "Huber", "Gruber", "Steiner", "Brügger", "Frei", "de Vries",
        "van Dijk", "Janssen", "Jansen", "Andersson", "Sjöberg", "Sørensen", "Lindqvist", "Martin",
        "Bernard", "Lefèvre", "Smith", "Taylor", "O'Neill", "MacLeod"};

const char *const product_lines[LINES] = {"Karwendel", "Watzmann", "Säntis", "Höfats", "Zugspitze",
        "Großglockner", "Müritz", "Fjäll", "Åre", "Brocken", "Eiger", "Eibsee", "Rügen", "Sylt",
        "Ötztal", "Ortler", "Montblanc", "Mont Blanc", "Pfälzer", "Rhön", "Skye", "Tauern",
        "Vogesen", "Wendelstein"};

void mail_address(char *out, size_t size, const char *local, const char *domain)
{
	static const char *const written[][2] = {{"ä", "ae"}, {"ö", "oe"}, {"ü", "ue"}, {"Ö", "oe"},
	        {"Ü", "ue"}, {"Å", "a"}, {"ß", "ss"}, {"é", "e"}, {"è", "e"}, {"ë", "e"},
	        {"ø", "o"}, {"ı", "i"}};
	const char *const parts[] = {local, "@", domain, ".example"};
	char between = '.';
	size_t n = 0;
	for (size_t part = 0; part < COUNT(parts); part++)
		for (const char *s = parts[part]; *s && n + 3 < size; s++) {
			const char *ascii = NULL;
			for (size_t i = 0; i < COUNT(written) && !ascii; i++)
				if (!strncmp(s, written[i][0], 2))
					ascii = written[i][1];
			if (*s == '@')
				between = '-';
			if (ascii) {
				n += (size_t)snprintf(out + n, size - n, "%s", ascii);
				s++;
			} else if (*s >= 'A' && *s <= 'Z') {
				out[n++] = (char)(*s - 'A' + 'a');
			} else if ((*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9') ||
			           *s == '@' || *s == '.') {
				out[n++] = *s;
			} else if (*s == ' ' && n && out[n - 1] != between) {
				out[n++] = between;
			}
		}
	out[n] = 0;
}

const char *dial_of(const char *country)
{
	static const char *const dials[][2] = {{"DE", "+49"}, {"AT", "+43"}, {"CH", "+41"},
	        {"NL", "+31"}, {"BE", "+32"}, {"LU", "+352"}, {"SE", "+46"}, {"DK", "+45"},
	        {"FR", "+33"}};
	for (size_t i = 0; i < COUNT(dials); i++)
		if (!strcmp(country, dials[i][0]))
			return dials[i][1];
	return "+44";
}
