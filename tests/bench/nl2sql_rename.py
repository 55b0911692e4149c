#!/usr/bin/env python3
"""Does the offline engine lean on the names of the development data? Renames them, and asks again.

    ASKD_TEST_DATA=DIR tests/bench/nl2sql_rename.py [--engine 'build/askd nl2sql'] [--sample N] [--show N]

In a copy of each database of DIR/nl2sql every content noun of its table and column names becomes another
noun of nl2sql_words.txt, one to one, and so do the same nouns in its questions and their gold SQL. An
engine that knows English and reads the schema does not care; one with rules for these names does. Exits 1
when the renaming costs more than 3 points of accuracy on the questions that it changed.

Kept as they are, because then question and schema would no longer speak of the same thing:
- words that every schema has and English ties other words to ("older" to age, "where" to city): KEPT;
- words of two or three letters, participles, and words that no question of the database has;
- nouns beside which the questions have another word of the same root ("enrolled" beside enrollment), or
  another spelling or a compound ("classroom" beside room);
- what a question quotes, and what in it is a value of the gold SQL.
"""
import argparse
import hashlib
import json
import os
import pathlib
import random
import re
import shlex
import shutil
import sqlite3
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
LIMIT = 3.0

KEPT = set("""
    name names title code number type kind category class status state description detail note text comment value
    level count total amount quantity sum average mean maximum minimum percent percentage share rate rating rank
    ranking score point result size length width height weight depth distance duration capacity volume area speed
    temperature pressure population price cost salary income revenue profit sale budget money payment fee charge pay
    balance bill discount dollar euro million billion pound kilometer mile meter inch feet degree unit range date time
    datetime day week month year hour minute second season semester period history age birth birthday death january
    february march april may june july august september october november december start end begin beginning city town
    country county province district region location place address street road line home postcode zip nationality
    language gender sex male female boy girl color colour man woman child people person staff family nickname surname
    forename initial email phone telephone mobile fax password login url image photo file first last middle main major
    minor primary secondary other original next previous current former full high low long short large big small top
    old new open closed free public private common additional actual early late latest special regular official native
    royal physical local available functional compatible tallest largest effective neutral vice super personal
    regional postal numeric outstanding famous happy military popular prominent all and are as away back based by case
    down each every for from have has how in into is it left most of off on or order out over own per since than that
    the then there this to up use used was what when where which who whose will with without become became built buy
    call come cover create delete do eat elect finish form found get give go grow hold hire join know launch leave
    like list live look lose lost make made manage match meet move need pick play produce provide raise receive record
    register report rent sell send show sign stay stop support take taken teach tell travel treat update view visit
    vote win won work write wrote store stored return lead change claim design contain belong participate attend
    perform oppose consider prescribe undergo supply data information info records table column row database entry
    group set series head identifier
""".split())

PEOPLE = set("""
    accountant actor actress advisor adviser agent analyst architect artist assistant athlete attendee author builder
    buyer candidate captain champion chef clerk client climber coach composer conductor contestant contributor creator
    customer dancer dentist dependent designer developer director doctor driver editor employee employer engineer
    entrepreneur farmer follower founder friend governor guest gymnast host individual inspector instructor investor
    journalist judge lawyer leader lecturer librarian manager mayor mechanic member minister musician nominee nurse
    officer operator owner painter parent participant passenger patient perpetrator photographer physician pilot player
    poet politician president producer professor programmer publisher reader referee reporter representative resident
    reviewer rider runner sailor scientist secretary seller senator singer soldier speaker sponsor student supplier
    surgeon swimmer teacher technician tenant tourist trainer treasurer tutor user victim visitor volunteer voter waiter
    winner worker wrestler writer
""".split())

# What identifiers cut short: "dept_no" speaks of the department.
SHORT = {"acc": "account", "acct": "account", "apt": "apartment", "appt": "appointment", "cert": "certificate",
         "crs": "course", "cust": "customer", "dept": "department", "doc": "document", "emp": "employee",
         "fac": "faculty", "fl": "flight", "inst": "institution", "org": "organization", "prof": "professor",
         "prod": "product", "sec": "section", "stu": "student", "chem": "chemical", "mgr": "manager"}
WORD = "[A-Z]+(?![a-z])|[A-Z]?[a-z]+"
GLUED = ("id", "ids", "name", "code", "no", "num", "number", "date", "type", "title", "point")
ENDINGS = ("ment", "ments", "ation", "ations", "ition", "itions", "tion", "ion", "ions", "ance", "ence", "ership",
           "ship", "er", "ers", "or", "ors", "ist", "ing", "al", "ity", "ee", "ees", "ant", "ants", "e", "es", "s")
VERBAL = ("", "e", "s", "es", "ed", "d", "ing", "er", "ers", "or", "ors", "ion", "ment", "ments", "able")


def singular(word):
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if re.search(r"(ss|x|z|ch|sh)es$", word):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is", "news")):
        return word[:-1]
    return word


def plural(word):
    if re.search(r"[^aeiou]y$", word):
        return word[:-1] + "ies"
    return word + ("es" if re.search(r"(s|x|z|ch|sh)$", word) else "s")


def words_of(identifier):
    return re.findall(WORD, identifier)


def cased(new, like):
    return new.upper() if like.isupper() and len(like) > 1 else new.capitalize() if like[0].isupper() else new


def new_words():
    lists, current = {}, None
    for line in (HERE / "nl2sql_words.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            current = lists.setdefault(line.strip("[]"), [])
        elif not line.startswith("#"):
            current.extend(line.split())
    return lists


def quote(identifier):
    return '"' + identifier.replace('"', '""') + '"'


class Renaming:
    """The dictionary of one database, and what it makes of names, statements and questions."""

    def __init__(self, path, questions, lists):
        db = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
        self.tables = {t: [r[1] for r in db.execute(f"pragma table_info({quote(t)})")]
                       for t, in db.execute("select name from sqlite_master where type = 'table' "
                                            "and name not like 'sqlite_%'")}
        db.close()
        identifiers = set(self.tables).union(*self.tables.values())
        asked = set(re.findall("[a-z]+", " ".join(q["question"].lower() for q in questions)))
        nouns = {}
        for word in {w.lower() for i in identifiers for w in words_of(i)}:
            word = singular(self.whole(word)[0])
            if len(word) > 3 and not word.endswith(("ed", "ing")) and not {word, plural(word)} & KEPT and \
                    {word, plural(word)} & asked and not self.kin(word, asked):
                nouns[word] = None
        rest = {kind: [w for w in lists[kind] if not any(w[:4] == a[:4] for a in asked)] for kind in lists}
        rnd = random.Random(hashlib.sha256(path.name.encode()).digest())
        for kind in rest:
            rnd.shuffle(rest[kind])
        for word in sorted(nouns):
            nouns[word] = rest["people" if word in PEOPLE else "things"].pop()
        self.nouns = nouns
        self.forms = {**nouns, **{plural(a): plural(b) for a, b in nouns.items()}}
        self.initials = {}  # "Dname" speaks of the only table of that letter
        for table in self.tables:
            noun = singular(self.whole(words_of(table)[0].lower())[0])
            self.initials.setdefault(noun[0], set()).add(nouns.get(noun, noun)[0])
        self.names = {i.lower(): self.identifier(i) for i in identifiers}

    @staticmethod
    def whole(word):
        """A word of an identifier: what it is short for, and what is glued to it."""
        for tail in ("", *GLUED):
            stem = word[:len(word) - len(tail)]
            if word.endswith(tail) and stem in SHORT:
                return SHORT[stem], tail
        return word, ""

    @staticmethod
    def kin(word, asked):
        """Does a question have another word of the same root, or one that contains it?"""
        roots = {word} | {word[:-len(e)] for e in ENDINGS if word.endswith(e) and len(word) - len(e) >= 4}
        family = {r + e for r in roots for e in VERBAL} | {r[:-1] + "ied" for r in roots if r.endswith("y")}
        return bool((family - {word, plural(word)}) & asked) or \
            any(w.startswith(word) and singular(w) != word or w.endswith(word) and w != word for w in asked)

    def word(self, word):
        low = word.lower()
        if low in self.forms:
            return cased(self.forms[low], word)
        for tail in GLUED:
            if low.endswith(tail) and low[:-len(tail)] in self.forms:
                return cased(self.forms[low[:-len(tail)]], word[:-len(tail)]) + word[-len(tail):]
        if low not in ("fname", "lname") and low[1:] in GLUED and len(self.initials.get(low[0], ())) == 1:
            return cased(next(iter(self.initials[low[0]])), word[0]) + word[1:]
        stem, tail = self.whole(low)
        if stem in self.forms:
            return cased(self.forms[stem], word) + (word[-len(tail):] if tail else "")
        return word

    def identifier(self, name):
        return re.sub(WORD, lambda m: self.word(m[0]), name)

    def sql(self, text):
        """A double quoted text is an identifier if one has that name, else a value, as SQLite reads it."""
        def token(m):
            bare = m[0].strip('"`')
            if m[0][0] == "'" or bare.lower() not in self.names:
                return m[0]
            return m[0].replace(bare, self.names[bare.lower()])
        return re.sub(r"""'(?:[^']|'')*'|"[^"]*"|`[^`]*`|[A-Za-z_]\w*""", token, text)

    def question(self, question):
        text = question["question"]
        texts = re.findall(r"""'((?:[^']|'')*)'|"([^"]*)\"""", question["sql"])
        values = [v.strip("% ").lower() for pair in texts for v in pair if v.strip("% ")]
        values = [v for v in values if v not in self.names]
        spans = [m.span() for v in values for m in re.finditer(rf"(?<!\w){re.escape(v)}(?!\w)", text.lower())]
        spans += [m.span() for m in re.finditer(r'"[^"]*"|(?<!\w)\'[^\']*\'(?!\w)|[“‘][^”’]*[”’]', text)]

        def noun(m):
            inside = any(a <= m.start() and m.end() <= b for a, b in spans)
            return m[0] if inside else self.word(m[0])
        return re.sub("[A-Za-z]+", noun, text)

    def copy(self, source, target):
        shutil.copyfile(source, target)
        target.chmod(0o644)
        db = sqlite3.connect(target, isolation_level=None)
        for table, columns in self.tables.items():
            for column in columns:
                new = self.identifier(column)
                if new != column:
                    db.execute(f"alter table {quote(table)} rename column {quote(column)} to {quote(new)}")
            new = self.identifier(table)
            if new != table:
                db.execute(f"alter table {quote(table)} rename to {quote(new)}")
        db.close()


def ask(engine, judge, question):
    reply, why, _ = engine.ask({"id": 0, "db": judge.path(question["db_id"]), "question": question["question"]}, 30)
    sql = (reply or {}).get("sql")
    return (bool(sql) and judge.judge(question, sql.rstrip("; \n"))["ok"]), sql or why


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default="build/askd nl2sql", help="the command (default: %(default)s)")
    parser.add_argument("--sample", type=int, help="so many databases only, the same each time")
    parser.add_argument("--show", type=int, default=0, help="print so many of the lost questions")
    args = parser.parse_args()
    if not os.environ.get("ASKD_TEST_DATA"):
        sys.exit("ASKD_TEST_DATA is not set: the development data is not there")
    if not shutil.which(shlex.split(args.engine)[0]):
        sys.exit(f"{args.engine}: there is no such program; build it first (./dev build)")
    folder = pathlib.Path(os.environ["ASKD_TEST_DATA"], "nl2sql")
    sys.path.insert(0, str(folder))
    from nl2sql_eval import Engine, Judge  # pylint: disable=import-outside-toplevel
    data = folder / "data/spider"
    by_db = {}
    for line in (data / "questions.jsonl").open(encoding="utf-8"):
        question = json.loads(line)
        if question["set"] == "spider" and not question.get("vacuous"):
            by_db.setdefault(question["db_id"], []).append(question)
    chosen = sorted(by_db)
    if args.sample and args.sample < len(chosen):
        chosen = sorted(random.Random(1).sample(chosen, args.sample))
    lists = new_words()
    rows, lost = [], []
    with tempfile.TemporaryDirectory(prefix="askd-rename-") as temporary:
        copies = pathlib.Path(temporary)
        (copies / "databases").mkdir()
        engine = Engine(args.engine, False)
        judges = Judge(str(data), 2, 5), Judge(str(copies), 2, 5)
        for name in chosen:
            path = data / "databases" / f"{name}.sqlite"
            renaming = Renaming(path, by_db[name], lists)
            renaming.copy(path, copies / "databases" / path.name)
            for question in by_db[name]:
                renamed = dict(question, question=renaming.question(question), sql=renaming.sql(question["sql"]),
                               alt=[renaming.sql(s) for s in question.get("alt", [])])
                before, old = ask(engine, judges[0], question)
                after, new = ask(engine, judges[1], renamed)
                rows.append((renamed["question"] != question["question"], before, after))
                if before and not after:
                    lost.append((name, question["question"], old, renamed["question"], new, renamed["sql"]))
        engine.stop()
        for judge in judges:
            judge.close()
    if engine.starts != 1 or not any(before for _, before, _ in rows):
        sys.exit(f"{args.engine}: it ended before its time, or no answer is right")
    for name, *texts in random.Random(1).sample(lost, min(args.show, len(lost))):
        print(name, *texts, sep="\n    ")

    def line(title, rows):
        n = max(1, len(rows))
        a, b = (100 * sum(r[i] for r in rows) / n for i in (1, 2))
        lost, won = sum(r[1] > r[2] for r in rows), sum(r[2] > r[1] for r in rows)
        print(f"{title}: {a:.1f} % right with the names as they are, {b:.1f} % renamed: costs {a - b:.1f} points "
              f"({lost} lost, {won} won; n {len(rows)})")
        return a - b
    line(f"all questions of {len(chosen)} databases", rows)
    if line("the questions that the renaming changed", [r for r in rows if r[0]]) > LIMIT:
        sys.exit(1)


if __name__ == "__main__":
    main()
