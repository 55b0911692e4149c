/* people.c: regions, employees, customers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"

enum { HEADS = 2, LEADS = 7, FIRST_REP = LEADS + REGIONS, STAFF = FIRST_REP + REGIONS * REPS };

int32_t employee_of_region(int32_t region, int32_t number)
{
	return number ? FIRST_REP + region * REPS + number - 1 : LEADS + region;
}

/* What somebody is, from the place in the list: the managing director, the heads of the
 * departments, the lead of each region, its representatives, the staff of the other departments. */
struct position {
	const char *title, *department;
	int32_t region, manager; /* region -1: none; manager 0: nobody */
	int32_t salary;
};

static struct position position_of(int32_t id)
{
	static const char *const departments[] = {
	        "Sales", "Purchasing", "Logistics", "Finance", "Customer Service"};
	static const char *const titles[] = {
	        NULL, "Buyer", "Warehouse Worker", "Accountant", "Service Agent"};
	int32_t department;
	if (id < HEADS)
		return (struct position){"Managing Director", "Management", -1, 0, 11500};
	if (id < LEADS)
		return (struct position){
		        "Head of Department", departments[id - HEADS], -1, 1, 7200};
	if (id < FIRST_REP)
		return (struct position){
		        "Regional Sales Lead", departments[0], id - LEADS, HEADS, 5400};
	if (id < STAFF)
		return (struct position){"Sales Representative", departments[0],
		        (id - FIRST_REP) / REPS, LEADS + (id - FIRST_REP) / REPS, 3700};
	department = 1 + (id - STAFF) % 4;
	return (struct position){
	        titles[department], departments[department], -1, HEADS + department, 2900};
}

static void make_employees(struct company *company)
{
	struct chance chance = chance_of(company, 1);
	struct insert row = insert_into(company, "employees", 11);
	for (int32_t id = 1; id <= EMPLOYEES; id++) {
		struct employee *employee = &company->employees[id - 1];
		struct position position = position_of(id);
		const char *first = first_names[chance_below(&chance, FIRST_NAMES)];
		const char *last = last_names[chance_below(&chance, LAST_NAMES)];
		char mail[96], name[64];
		/* Those who lead have been here longest, and stay. */
		employee->hired = company->first - chance_between(&chance, 1400, 4000);
		employee->left = NO_DAY;
		if (id >= FIRST_REP) {
			employee->hired = company->first + chance_between(&chance, -2500, 700);
			if (chance_percent(&chance, 12))
				employee->left = chance_between(&chance,
				        employee->hired > company->first ? employee->hired + 90
				                                         : company->first,
				        company->today);
		}
		snprintf(name, sizeof name, "%s %s", first, last);
		mail_address(mail, sizeof mail, name, "alpenglueck");
		put_int(&row, id);
		put_text(&row, first);
		put_text(&row, last);
		put_text(&row, mail);
		put_text(&row, position.title);
		put_text(&row, position.department);
		if (position.region < 0)
			put_null(&row);
		else
			put_int(&row, position.region + 1);
		if (position.manager)
			put_int(&row, position.manager);
		else
			put_null(&row);
		put_date(&row, employee->hired);
		put_date(&row, employee->left);
		put_money(&row, 4 * (position.salary + 50 * chance_between(&chance, 0, 20)));
		insert_row(&row);
	}
	insert_finish(&row);
}

void make_regions_and_employees(struct company *company)
{
	struct insert row = insert_into(company, "regions", 4);
	for (int32_t i = 0; i < REGIONS; i++) {
		put_int(&row, i + 1);
		put_text(&row, region_words[i].code);
		put_text(&row, region_words[i].name);
		put_text(&row, region_words[i].country);
		insert_row(&row);
	}
	insert_finish(&row);
	make_employees(company);
}

/* A total order, so that every qsort gives the same. */
static int by_day(const void *a, const void *b)
{
	const struct customer *x = a, *y = b;
	if (x->created != y->created)
		return x->created < y->created ? -1 : 1;
	return (int)x->segment - (int)y->segment;
}

static void name_of(struct chance *chance, const struct customer *customer, const char *city,
        char *name, size_t size)
{
	static const char *const firms[] = {"%s Sport GmbH", "Sporthaus %s", "%s & Söhne KG",
	        "%s Outdoor GmbH", "Bergsport %s", "Gasthof %s", "%s AG", "Reisebüro %s"};
	static const char *const bodies[] = {"School %s", "Alpine Club %s", "Kindergarten %s",
	        "Youth Hostel %s", "Fire Brigade %s", "Mountain Rescue %s", "Scouts %s",
	        "Hospital %s", "Forestry Office %s", "Ranger Station %s"};
	const char *first = first_names[chance_below(chance, FIRST_NAMES)];
	const char *last = last_names[chance_below(chance, LAST_NAMES)];
	char whole[64];
	const char *pattern = "%s", *of = whole;
	snprintf(whole, sizeof whole, "%s %s", first, last);
	if (customer->segment == BUSINESS) {
		pattern = firms[chance_below(chance, COUNT(firms))];
		if (chance_percent(chance, 10))
			of = city;
		else if (chance_percent(chance, 30))
			of = last;
	} else if (customer->segment == PUBLIC) {
		pattern = bodies[chance_below(chance, COUNT(bodies))];
		of = whole;
		snprintf(whole, sizeof whole, "%s %d", city, chance_between(chance, 1, 9));
	}
	snprintf(name, size, "%.*s%s%s", (int)(strcspn(pattern, "%")), pattern, of,
	        pattern + strcspn(pattern, "%") + 2);
}

static const struct city_words *city_of(struct chance *chance)
{
	uint32_t sum = 0, at;
	const struct city_words *city = city_words;
	for (int32_t i = 0; i < CITIES; i++)
		sum += city_words[i].size;
	for (at = chance_below(chance, sum); at >= city->size; city++)
		at -= city->size;
	return city;
}

static void put_maybe(struct insert *row, struct chance *chance, uint32_t percent, const char *text)
{
	put_text(row, chance_percent(chance, percent) ? text : NULL);
}

static void make_customer(
        struct insert *row, struct chance *chance, int32_t id, struct customer *customer)
{
	static const char *const segments[] = {"private", "business", "public"};
	const struct company *company = row->company;
	const struct city_words *city = city_of(chance);
	char text[96], name[96];
	struct date date = date_of(customer->created);
	bool is_firm = customer->segment != PRIVATE;
	customer->region = city->region;
	customer->manager = employee_of_region(city->region, chance_between(chance, 1, REPS));
	put_int(row, id);
	snprintf(text, sizeof text, "C-%05d", 10000 + id);
	put_text(row, text);
	name_of(chance, customer, city->name, name, sizeof name);
	put_text(row, name);
	put_text(row, segments[customer->segment]);
	mail_address(text, sizeof text, is_firm ? "info" : name, is_firm ? name : "mail");
	put_maybe(row, chance, 92, text);
	snprintf(text, sizeof text, "%s %d %d", dial_of(city->country),
	        chance_between(chance, 30, 899), chance_between(chance, 100000, 9999999));
	put_maybe(row, chance, 68, text);
	snprintf(text, sizeof text, "%s%03d", city->postal, chance_between(chance, 0, 999));
	put_maybe(row, chance, 96, text);
	put_text(row, city->name);
	put_text(row, city->country);
	put_int(row, city->region + 1);
	if (!is_firm)
		put_null(row);
	else
		put_int(row, company->employees[customer->manager - 1].left == NO_DAY
		                     ? customer->manager
		                     : employee_of_region(city->region, 0));
	customer->payment_days = !is_firm ? 0 : chance_percent(chance, 60) ? 30 : 14;
	put_int(row, customer->payment_days);
	if (is_firm && chance_percent(chance, 75))
		put_money(row, 4 * 1000 * chance_between(chance, 1, 50));
	else
		put_null(row);
	snprintf(text, sizeof text, "%04d-%02d-%02d %02d:%02d:%02d", date.year, date.month,
	        date.day, chance_between(chance, 6, 22), chance_between(chance, 0, 59),
	        chance_between(chance, 0, 59));
	put_text(row, text);
	insert_row(row);
}

void make_customers(struct company *company)
{
	struct chance chance = chance_of(company, 2);
	struct insert row = insert_into(company, "customers", 14);
	uint32_t sum = 0;
	for (int32_t i = 0; i < CUSTOMERS; i++) {
		struct customer *customer = &company->customers[i];
		uint32_t kind = chance_below(&chance, 100);
		customer->segment = kind < 50 ? PRIVATE : kind < 95 ? BUSINESS : PUBLIC;
		customer->created =
		        i < CUSTOMERS * 11 / 20
		                ? company->first - chance_between(&chance, 1, 730)
		                : chance_between(&chance, company->first, company->today - 1);
	}
	qsort(company->customers, CUSTOMERS, sizeof *company->customers, by_day);
	for (int32_t i = 0; i < CUSTOMERS; i++) {
		struct customer *customer = &company->customers[i];
		/* A few firms order very often, some people never. */
		if (!chance_percent(&chance, 3))
			sum += customer->segment == BUSINESS
			               ? 8 * (2000 / (1 + chance_below(&chance, 2000)) + 4)
			               : (uint32_t)chance_between(&chance, 20, 60);
		customer->weight_to = sum;
		make_customer(&row, &chance, i + 1, customer);
	}
	insert_finish(&row);
}
