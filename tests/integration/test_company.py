"""askd-company: the sample company is the same for the same arguments, and adds up."""

import datetime
import os
import re
import resource
import signal
import sqlite3
import subprocess

import pytest

from conftest import BUILD, TREE, sound, wait_until
from documents import prefix, run_page  # noqa: F401 (a fixture)

TODAY = "2026-06-30"
PROGRAM = str(BUILD / "askd-company")


def company(folder, *args, **more):
    result = subprocess.run([PROGRAM, *map(str, args)], cwd=folder, capture_output=True, text=True,
                            timeout=120, **more)
    sound(result.stderr)
    return result


def made(folder, name, *args):
    result = company(folder, *args, name)
    assert result.returncode == 0 and not result.stderr, result
    return folder / name


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return made(tmp_path_factory.mktemp("company"), "company.db", "--today", TODAY)


@pytest.fixture
def rows(file):
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    yield lambda sql: connection.execute(sql).fetchall()
    connection.close()


def one(rows, sql):
    return rows(sql)[0][0]


# ---- the same again, and others ---------------------------------------------------------------------


def test_same_arguments_give_the_same_bytes(file, tmp_path):
    again = made(tmp_path, "again.db", "--today", TODAY, "--seed", "1")
    assert again.read_bytes() == file.read_bytes()


@pytest.mark.parametrize("today,seed", [("2024-02-29", 1), (TODAY, 0), ("2000-01-01", 2**64 - 1),
                                        ("2199-12-31", 7)])
def test_another_day_moves_the_dates_and_another_seed_the_rest(file, rows, tmp_path, today, seed):
    connection = sqlite3.connect(made(tmp_path, "other.db", "--today", today, "--seed", str(seed)))

    def here(sql):
        return connection.execute(sql).fetchall()
    assert here("PRAGMA foreign_key_check") == []
    assert here("SELECT max(order_date) FROM orders") == [(today,)]
    names, totals = "SELECT name FROM customers ORDER BY id", "SELECT total FROM orders ORDER BY id"
    assert (here(names) == rows(names)) == (seed == 1)
    assert here(totals) != rows(totals)
    connection.close()


def test_today_is_the_day_in_utc(tmp_path):
    def today():
        return datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    before = today()
    path = made(tmp_path, "now.db")
    last = sqlite3.connect(path).execute("SELECT max(order_date) FROM orders").fetchone()[0]
    assert before <= last <= today()


# ---- what is in it ----------------------------------------------------------------------------------


def test_keys_hold(rows):
    assert rows("PRAGMA integrity_check") == [("ok",)]
    assert rows("PRAGMA foreign_key_check") == []
    for table, references in (("employees", 2), ("customers", 2), ("categories", 1), ("products", 1),
                              ("product_suppliers", 2), ("orders", 2), ("order_lines", 2),
                              ("payments", 1), ("returns", 1)):
        assert len(rows(f"PRAGMA foreign_key_list({table})")) == references, table


def test_rows(rows):
    page = (TREE / "docs/company.md").read_text(encoding="utf-8")
    tables = re.findall(r"^\| `(\w+)` \| (about )?([\d,]+) \| (.*) \|$", page, re.M)
    assert len(tables) == 11
    total = 0
    for table, about, number, columns in tables:
        count = one(rows, f"SELECT count(*) FROM {table}")
        total += count
        assert count == pytest.approx(int(number.replace(",", "")), rel=0.05 if about else 0), table
        assert [row[1] for row in rows(f"PRAGMA table_info({table})")] == columns.split(", ")
    assert 195_000 < total < 215_000
    assert one(rows, "SELECT count(*) FROM sales") == one(rows, (
        "SELECT count(*) FROM order_lines l JOIN orders o ON o.id = l.order_id "
        "WHERE o.status <> 'cancelled'"))


@pytest.mark.parametrize("wrong", [
    "SELECT o.id FROM orders o JOIN order_lines l ON l.order_id = o.id GROUP BY o.id"
    " HAVING sum(l.amount) <> o.total",
    "SELECT id FROM orders WHERE id NOT IN (SELECT order_id FROM order_lines)",
    "SELECT id FROM order_lines WHERE abs(amount - quantity * unit_price *"
    " (100 - ifnull(discount_percent, 0)) / 100) > 0.125 OR quantity < 1 OR amount <= 0",
    "SELECT o.id FROM orders o LEFT JOIN payments p ON p.order_id = o.id GROUP BY o.id"
    " HAVING ifnull(sum(p.amount), 0) <> iif(o.status = 'cancelled', 0, o.total)",
    "SELECT r.id FROM returns r JOIN order_lines l ON l.id = r.order_line_id WHERE r.quantity > l.quantity"
    " OR r.refund > l.amount",
    *(f"SELECT {column} FROM {table} WHERE {column} * 4 <> CAST({column} * 4 AS INTEGER)"
      f" OR typeof({column}) NOT IN ('real', 'null')"
      for table, column in (("orders", "total"), ("order_lines", "amount"), ("order_lines", "unit_price"),
                            ("payments", "amount"), ("returns", "refund"), ("products", "list_price"),
                            ("product_suppliers", "purchase_price"), ("customers", "credit_limit"))),
], ids=lambda sql: re.sub(r"\W+", "_", sql)[:60])
def test_sums(rows, wrong):
    assert rows(wrong) == []


@pytest.mark.parametrize("wrong", [
    "SELECT o.id FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.order_date < date(c.created_at)",
    "SELECT id FROM orders WHERE shipped_date < order_date OR (shipped_date IS NULL) <> (status IN"
    " ('open', 'cancelled'))",
    "SELECT r.id FROM returns r JOIN order_lines l ON l.id = r.order_line_id JOIN orders o ON o.id = l.order_id"
    " WHERE o.shipped_date IS NULL OR julianday(r.returned_on) - julianday(o.shipped_date) NOT BETWEEN 1 AND 30",
    "SELECT o.id FROM orders o JOIN employees e ON e.id = o.employee_id WHERE o.order_date < e.hired_on"
    " OR o.order_date >= e.left_on",
    "SELECT o.id FROM orders o WHERE (o.employee_id IS NULL) <> (o.channel = 'web')",
    "SELECT l.id FROM order_lines l JOIN orders o ON o.id = l.order_id JOIN products p ON p.id = l.product_id"
    " WHERE o.order_date < p.launched_on OR o.order_date >= p.discontinued_on",
    "SELECT p.id FROM payments p JOIN orders o ON o.id = p.order_id WHERE p.paid_date < o.order_date"
    " OR p.due_date < o.order_date OR (p.paid_date IS NULL) <> (p.method IS NULL)",
    "SELECT e.id FROM employees e WHERE e.left_on < e.hired_on OR (e.manager_id IS NULL) <> (e.id = 1)",
], ids=lambda sql: re.sub(r"\W+", "_", sql)[-60:])
def test_order_of_events(rows, wrong):
    assert rows(wrong) == []


def test_three_years_up_to_today_and_nothing_after(rows):
    assert rows("SELECT min(order_date), max(order_date) FROM orders") == [("2023-07-01", TODAY)]
    for table, column in (("orders", "shipped_date"), ("payments", "paid_date"), ("returns", "returned_on"),
                          ("customers", "date(created_at)"), ("employees", "hired_on"),
                          ("employees", "left_on"), ("products", "launched_on"),
                          ("products", "discontinued_on")):
        low, high = rows(f"SELECT min({column}), max({column}) FROM {table}")[0]
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", low) and high <= TODAY, (table, column)


@pytest.mark.parametrize("table,column,low,high", [
    ("orders", "shipped_date", 3, 7), ("orders", "employee_id", 35, 60), ("payments", "paid_date", 1, 7),
    ("customers", "email", 5, 12), ("customers", "phone", 25, 40), ("customers", "postal_code", 2, 7),
    ("customers", "credit_limit", 50, 70), ("customers", "account_manager_id", 45, 55),
    ("order_lines", "discount_percent", 70, 90), ("returns", "reason", 15, 35),
    ("products", "weight_g", 4, 18), ("products", "discontinued_on", 80, 98),
    ("employees", "left_on", 75, 99), ("employees", "manager_id", 1, 2)])
def test_share_of_null(rows, table, column, low, high):
    assert low <= one(rows, f"SELECT 100.0 * sum({column} IS NULL) / count(*) FROM {table}") <= high


def test_business_goes_as_in_life(rows):
    def orders(condition):
        return one(rows, f"SELECT count(*) FROM orders WHERE {condition}")
    assert orders("strftime('%m', order_date) = '12'") > 1.4 * orders("strftime('%m', order_date) = '02'")
    assert orders("strftime('%w', order_date) = '1'") > 1.4 * orders("strftime('%w', order_date) = '0'")
    assert orders("order_date > '2025-06-30'") > 1.1 * orders("order_date <= '2024-06-30'")
    assert 0.02 < orders("status = 'cancelled'") / 42000 < 0.06
    assert 0.05 < one(rows, "SELECT avg(paid_date > due_date) FROM payments") < 0.15
    assert one(rows, "SELECT count(*) FROM payments WHERE paid_date IS NULL AND due_date < '2026-01-01'") > 100
    biggest = one(rows, ("SELECT sum(t) FROM (SELECT sum(total) AS t FROM orders GROUP BY customer_id "
                         "ORDER BY t DESC LIMIT 60)"))
    assert 0.2 < biggest / one(rows, "SELECT sum(total) FROM orders") < 0.6
    summer, winter = (one(rows, f"SELECT sum(amount) FROM sales WHERE category = 'Tents' AND "
                                f"strftime('%m', order_date) IN {months}")
                      for months in ("('06','07','08')", "('12','01','02')"))
    assert summer > 2 * winter


def test_awkward_things_are_there(rows):
    for name in ("Müller", "Mueller", "Möller", "Schmitt", "O''Neill"):
        assert one(rows, f"SELECT count(*) FROM customers WHERE name LIKE '%{name}%'"), name
    assert rows("SELECT name FROM customers GROUP BY name HAVING count(*) > 1")
    assert rows("SELECT name FROM products WHERE name IN ('Montblanc Harness', 'Mont Blanc Harness')"
                " GROUP BY name") == [("Mont Blanc Harness",), ("Montblanc Harness",)]
    assert one(rows, "SELECT max(n) FROM (SELECT count(*) AS n FROM product_suppliers GROUP BY product_id)") == 3
    assert rows("SELECT DISTINCT p.parent_id FROM categories c JOIN categories p ON p.id = c.parent_id") == [(None,)]


def test_askd_reads_it(askd):
    """Dates are dates, money is numbers."""
    made(askd.folder, askd.database.name, "--force", "--today", TODAY)
    askd.llm.analysis("SELECT number, order_date, shipped_date, total FROM orders WHERE id = 1", "Here it is.")
    reply = askd.ask("Which was the first order?")
    assert reply["types"] == ["text", "date", "date", "number"]
    assert reply["data"][0][:2] == ["SO-2023-00001", "2023-07-01"]


# ---- the command ------------------------------------------------------------------------------------


def test_what_exists_is_kept_unless_forced(tmp_path):
    path = tmp_path / "a.db"
    path.write_text("mine")
    result = company(tmp_path, "a.db")
    assert result.returncode == 1 and "a.db: exists" in result.stderr and "--force" in result.stderr
    assert path.read_text() == "mine"
    made(tmp_path, "a.db", "--force")
    assert sqlite3.connect(path).execute("SELECT count(*) FROM orders").fetchone() == (42000,)
    assert os.listdir(tmp_path) == ["a.db"]


@pytest.mark.parametrize("suffix", ["-wal", "-journal"])
def test_a_log_of_the_old_file_is_not_left_to_the_new(tmp_path, suffix):
    (tmp_path / f"a.db{suffix}").write_text("")
    result = company(tmp_path, "--force", "a.db")
    assert result.returncode == 1 and f"a.db{suffix}: exists" in result.stderr
    assert not (tmp_path / "a.db").exists()


def test_new_file_has_the_rights_of_new_files(tmp_path):
    assert company(tmp_path, "a.db", umask=0o027).returncode == 0
    assert (tmp_path / "a.db").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("args,said", [
    ((), "file to make is missing"), (("a.db", "b.db"), "b.db"), (("--seed", "x", "a.db"), "not: x"),
    (("--seed", "-1", "a.db"), "not: -1"), (("--seed", "18446744073709551616", "a.db"), "--seed"),
    (("--today", "2025-02-29", "a.db"), "not: 2025-02-29"), (("--today", "30.6.2026", "a.db"), "YYYY-MM-DD"),
    (("--today", "2025-13-01", "a.db"), "not: 2025-13-01"), (("--today", "1999-12-31", "a.db"), "2000-01-01"),
    (("--tody", "a.db"), "--tody"), (("",), "empty")])
def test_wrong_arguments(tmp_path, args, said):
    result = company(tmp_path, *args)
    assert result.returncode == 2 and said in result.stderr and "--help" in result.stderr, result
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("name,said", [("absent/a.db", "absent/a.db: No such file"), (".", "regular file")])
def test_a_place_that_cannot_be(tmp_path, name, said):
    result = company(tmp_path, "--force", name)
    assert result.returncode == 1 and said in result.stderr and not result.stdout


def limited():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))


def test_a_full_disk_leaves_what_was_there(tmp_path):
    (tmp_path / "a.db").write_text("mine")
    result = company(tmp_path, "--force", "a.db", preexec_fn=limited)
    assert result.returncode == 1 and "a.db: " in result.stderr and "20 MB" in result.stderr
    assert os.listdir(tmp_path) == ["a.db"] and (tmp_path / "a.db").read_text() == "mine"


def test_an_interruption_leaves_nothing(tmp_path):
    process = subprocess.Popen([PROGRAM, "a.db"], cwd=tmp_path)
    wait_until(lambda: any(p.stat().st_size for p in tmp_path.iterdir()), "the first pages of the file")
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == -signal.SIGINT
    assert not os.listdir(tmp_path)


def test_help_and_version(tmp_path):
    text = company(tmp_path, "--help").stdout
    for word in ("--seed", "--today", "--force", "Exit status"):
        assert word in text
    assert re.fullmatch(r"askd-company \d+\.\d+\.\d+\n", company(tmp_path, "--version").stdout)


# ---- docs/company.md --------------------------------------------------------------------------------


def test_page(prefix, tmp_path):  # noqa: F811
    assert run_page("docs/company.md", prefix, tmp_path) == 1


def test_questions_of_the_page_have_answers(rows):
    page = (TREE / "docs/company.md").read_text(encoding="utf-8")
    statements = re.findall(r"^```sql\n(.*?)^```$", page, re.M | re.S)
    assert len(statements) >= 10
    for sql in statements:
        found = rows(sql)
        assert found and None not in found[0], sql
