/* trade.c: orders with their lines, payments, returns. */
#include <stdio.h>

#include "names.h"

enum { LONGEST = 6 }; /* lines of an order */

struct line {
	int32_t product, quantity, discount;
	int64_t price, amount;
};

struct order {
	int32_t id, date, shipped, customer;
	const char *status;
	int64_t total;
	int32_t count;
	struct line lines[LONGEST];
};

struct trade {
	struct company *company;
	struct chance chance, money, back; /* orders, payments, returns */
	struct insert orders, lines, payments, returns;
	int32_t year, number, line_id, payment_id, return_id;
};

/* How busy a day is. */
static int64_t weight_of(struct chance *chance, int32_t day, int32_t first)
{
	static const int32_t months[] = {70, 74, 88, 100, 112, 122, 118, 104, 94, 92, 116, 138};
	static const int32_t weekdays[] = {72, 124, 116, 108, 104, 112, 64}; /* from Sunday */
	struct date date = date_of(day);
	int64_t weight = months[date.month - 1] * weekdays[weekday_of(day)];
	weight = weight * (1000 + (day - first) / 3) / 1000; /* a tenth more each year */
	weight = weight * chance_between(chance, 82, 118) / 100;
	if (date.month == 11 && date.day >= 23 && date.day <= 29 && weekday_of(day) == 5)
		weight *= 3;
	if ((date.month == 12 && (date.day == 25 || date.day == 26)) ||
	        (date.month == 1 && date.day == 1))
		weight /= 8;
	return weight;
}

static bool is_sold(struct chance *chance, const struct product *product, int32_t day)
{
	static const uint32_t summer[] = {15, 20, 40, 70, 95, 100, 100, 80, 45, 25, 20, 35};
	static const uint32_t winter[] = {90, 70, 40, 20, 10, 8, 8, 15, 35, 65, 95, 100};
	char season = category_words[product->category].season;
	int32_t month = date_of(day).month - 1;
	if (product->launched > day ||
	        (product->discontinued != NO_DAY && product->discontinued <= day))
		return false;
	return !season || chance_percent(chance, (season == 's' ? summer : winter)[month]);
}

static bool has(const struct order *order, int32_t product)
{
	for (int32_t i = 0; i < order->count; i++)
		if (order->lines[i].product == product)
			return true;
	return false;
}

static void fill(struct trade *trade, struct order *order, enum segment segment)
{
	const struct company *company = trade->company;
	struct chance *chance = &trade->chance;
	int32_t want = 1;
	int32_t age = (company->today - order->date) / 365;
	while (want < (segment == PRIVATE ? 3 : LONGEST) &&
	        chance_percent(chance, segment == PRIVATE ? 45 : 72))
		want++;
	while (order->count < want) {
		int32_t at = CHANCE_PICK(chance, company->products, PRODUCTS);
		const struct product *product = &company->products[at];
		struct line *line = &order->lines[order->count];
		if (has(order, at) || !is_sold(chance, product, order->date))
			continue;
		*line = (struct line){.product = at, .quantity = 1};
		if (segment == PRIVATE)
			line->quantity += chance_percent(chance, 18);
		else
			line->quantity = 1 + (int32_t)(12 / (1 + chance_below(chance, 12))) +
			                 (int32_t)chance_below(chance, 4);
		line->price = product->price * (100 - 3 * age) / 100; /* dearer every year */
		if (chance_percent(chance, segment == PRIVATE ? 8 : 22))
			line->discount = 5 * chance_between(chance, 1, 3);
		line->amount = (line->quantity * line->price * (100 - line->discount) + 50) / 100;
		order->total += line->amount;
		order->count++;
	}
}

static void send(struct trade *trade, struct order *order)
{
	struct chance *chance = &trade->chance;
	int32_t today = trade->company->today;
	int32_t days = chance_percent(chance, 6) ? chance_between(chance, 6, 21)
	                                         : chance_between(chance, 0, 4);
	int32_t under_way = chance_between(chance, 1, 5);
	order->shipped = NO_DAY;
	order->status = "open";
	if (chance_below(chance, 1000) < 38) {
		order->status = "cancelled";
	} else if (!chance_below(chance, 300)) {
		return; /* waits for goods, whatever its age */
	} else if (order->date + days <= today) {
		order->shipped = order->date + days;
		order->status = order->shipped + under_way <= today ? "delivered" : "shipped";
	}
}

/* Who took the order: the representative, or the lead of the region when there was none that day.
 */
static int32_t employee_of(struct trade *trade, const struct order *order)
{
	const struct customer *customer = &trade->company->customers[order->customer];
	const struct employee *employee = &trade->company->employees[customer->manager - 1];
	if (employee->hired <= order->date &&
	        (employee->left == NO_DAY || employee->left > order->date))
		return customer->manager;
	return employee_of_region(customer->region, 0);
}

static void write_order(struct trade *trade, const struct order *order, enum segment segment)
{
	static const char *const private_channels[] = {
	        "web", "web", "web", "web", "web", "web", "web", "web", "shop", "phone"};
	static const char *const firm_channels[] = {
	        "web", "web", "web", "phone", "phone", "phone", "phone", "field", "field", "field"};
	struct insert *row = &trade->orders;
	const char *channel =
	        (segment == PRIVATE ? private_channels
	                            : firm_channels)[chance_below(&trade->chance, 10)];
	struct date date = date_of(order->date);
	char number[40];
	if (date.year != trade->year)
		trade->number = 0;
	trade->year = date.year;
	snprintf(number, sizeof number, "SO-%04d-%05d", date.year, ++trade->number);
	put_int(row, order->id);
	put_text(row, number);
	put_int(row, order->customer + 1);
	if (*channel == 'w')
		put_null(row);
	else
		put_int(row, employee_of(trade, order));
	put_text(row, channel);
	put_text(row, order->status);
	put_date(row, order->date);
	put_date(row, order->shipped);
	put_money(row, order->total);
	insert_row(row);
}

static void write_return(struct trade *trade, const struct order *order, const struct line *line)
{
	static const char *const reasons[] = {"too small", "too large", "damaged", "wrong item",
	        "changed mind", "too late", NULL, NULL};
	struct chance *chance = &trade->back;
	struct insert *row = &trade->returns;
	int32_t day = order->shipped + chance_between(chance, 2, 30);
	int32_t quantity = chance_between(chance, 1, line->quantity);
	if (day > trade->company->today)
		return;
	put_int(row, ++trade->return_id);
	put_int(row, trade->line_id);
	put_date(row, day);
	put_int(row, quantity);
	put_money(row, line->amount * quantity / line->quantity);
	put_text(row, reasons[chance_below(chance, COUNT(reasons))]);
	insert_row(row);
}

static void write_lines(struct trade *trade, const struct order *order, enum segment segment)
{
	struct insert *row = &trade->lines;
	for (int32_t i = 0; i < order->count; i++) {
		const struct line *line = &order->lines[i];
		put_int(row, ++trade->line_id);
		put_int(row, order->id);
		put_int(row, i + 1);
		put_int(row, line->product + 1);
		put_int(row, line->quantity);
		put_money(row, line->price);
		if (line->discount)
			put_int(row, line->discount);
		else
			put_null(row);
		put_money(row, line->amount);
		insert_row(row);
		if (order->shipped != NO_DAY &&
		        chance_percent(&trade->back, segment == PRIVATE ? 9 : 3))
			write_return(trade, order, line);
	}
}

static void write_payment(
        struct trade *trade, const struct order *order, int64_t amount, int32_t due, bool is_firm)
{
	static const char *const private_methods[] = {
	        "card", "card", "paypal", "paypal", "transfer"};
	static const char *const firm_methods[] = {
	        "transfer", "transfer", "transfer", "direct debit", "card"};
	struct chance *chance = &trade->money;
	struct insert *row = &trade->payments;
	int32_t paid = due;
	if (is_firm) {
		uint32_t kind = chance_below(chance, 1000);
		paid = kind < 850   ? due - chance_between(chance, 0, 12)
		       : kind < 985 ? due + chance_between(chance, 1, 60)
		                    : NO_DAY;
		if (paid != NO_DAY && paid < order->date)
			paid = order->date;
	} else if (!chance_below(chance, 150)) {
		paid = NO_DAY;
	}
	if (paid > trade->company->today)
		paid = NO_DAY;
	put_int(row, ++trade->payment_id);
	put_int(row, order->id);
	put_money(row, amount);
	put_date(row, due);
	put_date(row, paid);
	put_text(row, paid == NO_DAY ? NULL
	                             : (is_firm ? firm_methods
	                                        : private_methods)[chance_below(chance, 5)]);
	insert_row(row);
}

static void write_payments(struct trade *trade, const struct order *order, bool is_firm)
{
	int32_t days = trade->company->customers[order->customer].payment_days;
	int64_t first = order->total;
	if (*order->status == 'c')
		return;
	if (is_firm && order->total > 4 * 2000 && chance_percent(&trade->money, 20))
		first = order->total / 2;
	write_payment(trade, order, first, order->date + days, is_firm);
	if (first < order->total)
		write_payment(trade, order, order->total - first, order->date + days + 30, is_firm);
}

static void make_order(struct trade *trade, int32_t id, int32_t day, int32_t customers)
{
	struct order order = {.id = id, .date = day};
	enum segment segment;
	order.customer = CHANCE_PICK(&trade->chance, trade->company->customers, customers);
	segment = trade->company->customers[order.customer].segment;
	fill(trade, &order, segment);
	send(trade, &order);
	write_order(trade, &order, segment);
	write_lines(trade, &order, segment);
	write_payments(trade, &order, segment != PRIVATE);
}

void make_trade(struct company *company)
{
	struct trade trade = {.company = company,
	        .chance = chance_of(company, 6),
	        .money = chance_of(company, 7),
	        .back = chance_of(company, 8)};
	struct chance busy = chance_of(company, 9);
	int64_t sums[1200], sum = 0; /* three years have 1097 days at most */
	int32_t days = company->today - company->first + 1, customers = 0, id = 0;
	trade.orders = insert_into(company, "orders", 9);
	trade.lines = insert_into(company, "order_lines", 8);
	trade.payments = insert_into(company, "payments", 6);
	trade.returns = insert_into(company, "returns", 6);
	for (int32_t i = 0; i < days; i++)
		sums[i] = sum += weight_of(&busy, company->first + i, company->first);
	for (int32_t i = 0; i < days && !company->failed; i++) {
		int32_t day = company->first + i;
		int64_t until = sums[i] * ORDERS / sum;
		while (customers < CUSTOMERS && company->customers[customers].created <= day)
			customers++;
		while (id < until) {
			id++;
			make_order(&trade, id, day, customers);
		}
		company_progress(company, "orders");
	}
	insert_finish(&trade.orders);
	insert_finish(&trade.lines);
	insert_finish(&trade.payments);
	insert_finish(&trade.returns);
}
