/* goods.c: categories, suppliers, products, and who supplies what. */
#include <stdio.h>

#include "names.h"

static void make_categories(struct company *company)
{
	struct insert row = insert_into(company, "categories", 4);
	for (int32_t i = 0; i < CATEGORIES; i++) {
		put_int(&row, i + 1);
		put_text(&row, category_words[i].code);
		put_text(&row, category_words[i].name);
		if (category_words[i].parent)
			put_int(&row, category_words[i].parent);
		else
			put_null(&row);
		insert_row(&row);
	}
	insert_finish(&row);
}

static void make_suppliers(struct company *company)
{
	static const char *const kinds[] = {"Textil GmbH", "Textilwerke AG", "Metall KG",
	        "Trading Ltd", "Sportartikel GmbH", "Fabrik AG"};
	struct chance chance = chance_of(company, 3);
	struct insert row = insert_into(company, "suppliers", 7);
	for (int32_t id = 1; id <= SUPPLIERS; id++) {
		const struct city_words *city = &city_words[chance_below(&chance, CITIES)];
		const char *last = last_names[chance_below(&chance, LAST_NAMES)];
		char text[96], mail[128];
		put_int(&row, id);
		snprintf(text, sizeof text, "%s %s", last,
		        kinds[chance_below(&chance, COUNT(kinds))]);
		put_text(&row, text);
		put_text(&row, city->name);
		put_text(&row, city->country);
		mail_address(mail, sizeof mail, "sales", text);
		put_text(&row, chance_percent(&chance, 85) ? mail : NULL);
		if (chance_percent(&chance, 80))
			put_int(&row, chance_between(&chance, 1, 5));
		else
			put_null(&row);
		put_date(&row, chance_percent(&chance, 60)
		                       ? company->today + chance_between(&chance, -200, 700)
		                       : NO_DAY);
		insert_row(&row);
	}
	insert_finish(&row);
}

/* The k-th product of a category. Neighbours share a name up to its last word. */
static void name_of(char *name, size_t size, int32_t category, int32_t k)
{
	static const char *const variants[] = {"", " Pro", " Kids", " II"};
	int32_t line = (category * 7 + k / 2) % LINES;
	snprintf(name, size, "%s %s%s", product_lines[line], category_words[category].noun,
	        k % 2 ? variants[1 + k / 2 % 3] : variants[0]);
}

static void make_products(struct company *company)
{
	struct chance chance = chance_of(company, 4);
	struct insert row = insert_into(company, "products", 8);
	uint32_t sum = 0;
	for (int32_t i = 0; i < PRODUCTS; i++) {
		struct product *product = &company->products[i];
		int32_t category = GROUPS + i % (CATEGORIES - GROUPS);
		const struct category_words *words = &category_words[category];
		char text[96];
		product->category = category;
		product->price = 4 * chance_between(&chance, words->low, words->high) -
		                 (int64_t[]){0, 1, 2, 2}[chance_below(&chance, 4)];
		product->launched =
		        chance_percent(&chance, 65)
		                ? company->first - chance_between(&chance, 1, 1500)
		                : chance_between(&chance, company->first, company->today - 60);
		product->discontinued = NO_DAY;
		/* The first range has been there all the time: something is always on sale. */
		if (i < CATEGORIES - GROUPS)
			product->launched = company->first - chance_between(&chance, 200, 1500);
		else if (chance_percent(&chance, 14))
			product->discontinued =
			        product->launched + chance_between(&chance, 300, 2200);
		if (product->discontinued > company->today ||
		        (product->discontinued != NO_DAY && product->discontinued < company->first))
			product->discontinued = NO_DAY;
		sum += 10 + 600 / (1 + chance_below(&chance, 100));
		product->weight_to = sum;
		put_int(&row, i + 1);
		snprintf(text, sizeof text, "%s-%04d", words->code, 1000 + i + 1);
		put_text(&row, text);
		name_of(text, sizeof text, category, i / (CATEGORIES - GROUPS));
		put_text(&row, text);
		put_int(&row, category + 1);
		put_money(&row, product->price);
		if (chance_percent(&chance, 90))
			put_int(&row, words->grams * chance_between(&chance, 70, 140) / 100);
		else
			put_null(&row);
		put_date(&row, product->launched);
		put_date(&row, product->discontinued);
		insert_row(&row);
	}
	insert_finish(&row);
}

static void make_product_suppliers(struct company *company)
{
	struct chance chance = chance_of(company, 5);
	struct insert row = insert_into(company, "product_suppliers", 4);
	for (int32_t i = 0; i < PRODUCTS; i++) {
		int32_t count = chance_percent(&chance, 55)   ? 1
		                : chance_percent(&chance, 80) ? 2
		                                              : 3;
		int32_t supplier = chance_between(&chance, 0, SUPPLIERS - 1);
		for (int32_t k = 0; k < count; k++) {
			put_int(&row, i + 1);
			put_int(&row, (supplier + 11 * k) % SUPPLIERS + 1);
			put_money(&row,
			        company->products[i].price * chance_between(&chance, 42, 63) / 100);
			if (chance_percent(&chance, 85))
				put_int(&row, chance_between(&chance, 3, 60));
			else
				put_null(&row);
			insert_row(&row);
		}
	}
	insert_finish(&row);
}

void make_goods(struct company *company)
{
	make_categories(company);
	make_suppliers(company);
	make_products(company);
	make_product_suppliers(company);
}
