"""`askd backup` and `askd restore`: whole, verified, and never worse than before."""

import hashlib
import hmac
import io
import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess
import tarfile
import tempfile
import threading

import pytest

from conftest import BUILD, FAULTS, sound, wait_until

QUESTION = "How many customers are there?"
COUNT = "SELECT COUNT(*) AS n FROM customers"


@pytest.fixture
def used(askd):
    """A state with a conversation, a key and an audit."""
    askd.write(limits="{question: {rate: 1000/s, burst: 1000, concurrent: 20, waiting: 20}}")
    askd.llm.analysis(COUNT, "There are 4 customers.")
    askd.run("key", "create", "reports", check=0)
    askd.ask(QUESTION)
    return askd


def backup(askd, *args, file="b.tar", **more):
    result = askd.run("backup", askd.folder / file, *args, **{"check": 0, **more})
    return askd.folder / file, result


def names(path):
    with tarfile.open(path) as tar:
        return [member.name for member in tar]


def rewrite(path, change):
    """The archive with its members changed: name and bytes to bytes, or None to leave it out."""
    out = path.with_suffix(".changed.tar")
    with tarfile.open(path) as old, tarfile.open(out, "w", format=tarfile.USTAR_FORMAT) as new:
        for member in old:
            data = change(member.name.removeprefix("askd-backup/"), old.extractfile(member).read())
            if data is not None:
                member.size = len(data)
                new.addfile(member, io.BytesIO(data))
    return out


def contents(askd):
    """Everything of the state that a person would miss."""
    return {table: askd.sql(f"select * from {table} order by 1") for table in
            ("persons", "api_keys", "messages", "conversations")} | {
                "costs": askd.sql("select * from conversation_stages order by 1", "costs")}


def lose(askd, key=True):
    """The machine is gone; a copy of the key is not."""
    kept = (askd.state / "master.key").read_bytes()
    shutil.rmtree(askd.state)
    askd.state.mkdir(mode=0o700)
    if key:
        (askd.state / "master.key").write_bytes(kept)
        (askd.state / "master.key").chmod(0o600)


# ---- there and back ---------------------------------------------------------------------------------


def test_without_the_environment_of_the_service(used):
    """As cron calls it: the key of the model is set for the daemon alone."""
    used.config.write_text(used.config.read_text().replace("sk-planted-secret", '"${SET_FOR_THE_SERVICE}"'))
    assert "SET_FOR_THE_SERVICE" in backup(used, check=1)[1].stderr
    used.start(env={"SET_FOR_THE_SERVICE": "sk-x"})
    path, result = backup(used)
    assert "the running daemon does it" in result.stderr and path.exists()
    assert used.sql("select subject from audit where action = 'backup.made'")


@pytest.mark.parametrize("served", [False, True])
def test_a_backup_brings_everything_back(used, served):
    if served:
        used.start()
    path, result = backup(used)
    assert path.stat().st_mode & 0o777 == 0o600
    assert re.search(r"^.*b\.tar: .* verified\n  manager\.db: \d+ rows\n  costs\.db: \d+ rows\n  audit: \d+ rows",
                     result.stdout), result.stdout
    assert f"The key is {used.state}/master.key: keep a copy" in result.stdout
    assert names(path) == [f"askd-backup/{name}" for name in (
        "README", "manager.db", "costs.db", "manifest.json", "manifest.mac")]
    assert not [*used.folder.glob("*.new*")] and not [*used.state.glob("*.new*")]
    if served:
        assert used.stop() == 0
    before = contents(used)
    lose(used)
    result = used.run("restore", path, check=0)
    assert f"restored {used.state} from the backup of 20" in result.stdout
    assert "is kept beside it" not in result.stdout
    assert contents(used) == before and before["messages"] and before["costs"]
    assert "none was changed" in used.run("audit", check=0).stdout
    assert re.search(r"^reports ", used.run("key", "list", check=0).stdout, re.M)
    assert used.ask(QUESTION)["answer"] == "There are 4 customers."
    actions = [row[0] for row in used.sql("select action from audit order by number")]
    assert actions.count("state.restored") == 1
    assert {path.name for path in used.state.iterdir()} == {"askd.lock", "manager.db", "costs.db", "master.key"}


def test_a_plain_tar_program_reads_it(used):
    path, _ = backup(used, "--with-key", "--with-config")
    subprocess.run(["tar", "xf", path], cwd=used.folder, check=True)
    folder = used.folder / "askd-backup"
    assert (folder / "config/askd.yaml").read_text() == used.config.read_text()
    assert (folder / "master.key").read_text() == (used.state / "master.key").read_text()
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["format"] == 1 and manifest["audit_rows"] > 0
    rows = next(f for f in manifest["files"] if f["name"] == "manager.db")["rows"]
    copy = sqlite3.connect(folder / "manager.db")
    assert rows["messages"] == copy.execute("select count(*) from messages").fetchone()[0] > 0
    copy.close()


def test_with_the_key_it_stands_alone_and_says_so(used):
    path, result = backup(used, "--with-key")
    assert "The master key is in it" in result.stdout
    before = contents(used)
    lose(used, key=False)
    used.run("restore", path, check=0)
    assert contents(used) == before
    assert (used.state / "master.key").stat().st_mode & 0o777 == 0o600
    assert used.ask(QUESTION, "--session", used.ask(QUESTION)["session_id"])["kind"] == "answer"


def test_standard_output_and_input(used):
    program = [str(BUILD / "askd"), "-c", str(used.config)]
    made = subprocess.run([*program, "backup", "-"], capture_output=True, env=used.env, check=True, timeout=60)
    assert b"master key is not in it" in made.stderr
    before = contents(used)
    lose(used)
    subprocess.run([*program, "restore", "-"], input=made.stdout, env=used.env, check=True, timeout=60,
                   capture_output=True)
    assert contents(used) == before


@pytest.mark.threads
def test_under_load_nobody_waits_and_the_copy_is_whole(used):
    used.start()
    stop, failed, answered = threading.Event(), [], []

    def ask():
        while not stop.is_set():
            result = used.run("ask", "--json", QUESTION)
            (answered if result.returncode == 0 else failed).append(result)

    crowd = [threading.Thread(target=ask) for _ in range(3)]
    for one in crowd:
        one.start()
    paths = []
    for number in range(3):
        wait_until(lambda: len(answered) > number or failed, "answers")
        paths.append(backup(used, file=f"{number}.tar")[0])
    stop.set()
    for one in crowd:
        one.join()
    assert not failed, failed[0]
    assert used.stop() == 0
    for path in paths:
        lose(used)
        used.run("restore", path, check=0)
        rows = used.sql("select count(*) from conversation_stages", "costs")[0][0]
        # Whatever the backup's manager database has settled is booked: again at the next start, and once.
        used.ask(QUESTION)
        stages = dict(used.sql("select id, cost_pico from stages where status = 1"))
        booked = dict(used.sql("select stage, cost_pico from conversation_stages", "costs"))
        assert stages.items() <= booked.items() and len(booked) >= rows
        sums = used.sql("select sum(calls) from model_usage", "costs")[0][0]
        assert sums == len(used.sql("select * from conversation_stages where llm <> ''", "costs"))


def test_databases_in_other_places_go_back_there(used, tmp_path_factory):
    """Another file system, where there is one: renaming is not enough."""
    shm = pathlib.Path("/dev/shm")
    other = pathlib.Path(tempfile.mkdtemp(dir=shm if shm.is_dir() else None))
    try:
        used.write(store=f"{{manager: {{plugin: sqlite, path: {other}/m.db}}, costs: {{path: {used.folder}/c.db}}}}")
        used.ask(QUESTION)
        path, _ = backup(used)
        used.run("key", "create", "later", check=0)
        used.run("restore", path, "--force", check=0)
        assert "later" not in used.run("key", "list", check=0).stdout
        assert len([*other.glob("m.db.before-restore-*")]) == 1 and len([*used.folder.glob("c.db.before-restore-*")]) == 1
        assert used.ask(QUESTION)["kind"] == "answer"
    finally:
        shutil.rmtree(other)


def test_the_last_one_replaces_the_one_before(used):
    path, _ = backup(used)
    first = path.read_bytes()
    used.ask(QUESTION)
    backup(used)
    assert path.read_bytes() != first
    assert [row[0] for row in used.sql("select action from audit")].count("backup.made") == 2


# ---- what was under way -----------------------------------------------------------------------------


def test_what_was_under_way_is_not_done_again(used):
    path, _ = backup(used)
    (used.folder / "x").mkdir()
    subprocess.run(["tar", "xf", path, "-C", used.folder / "x"], check=True)
    lose(used)
    used.run("restore", path, check=0)
    now = 1
    connection = sqlite3.connect(used.state / "manager.db")
    connection.execute("insert into outbox values (7, 1, 1, 'transport/x', 'a', null, 0, 1, 0, null, 1, 1, ?, null,"
                       " null, x'00')", (now,))
    connection.execute("insert into outbox values (8, 1, 1, 'transport/x', 'a', null, 0, 1, 1, null, 0, 0, ?, null,"
                       " null, x'00')", (now,))
    connection.execute("insert into inbox values (9, 'transport/x', 'k', 'transport/x', ?, null, 0, x'00')", (now,))
    connection.commit()
    connection.close()
    path, _ = backup(used, file="c.tar")
    result = used.run("restore", "--force", path, check=0)
    assert "1 questions and 2 messages were under way" in result.stdout
    assert used.sql("select count(*) from outbox where status in (0, 1)") == [(0,)]
    assert used.sql("select count(*) from inbox where ended_us is null") == [(0,)]


# ---- refusals ---------------------------------------------------------------------------------------


def refused(askd, *args, **more):
    before = {p.name: p.read_bytes() for p in askd.state.iterdir() if p.name != "askd.lock" and p.is_file()}
    result = askd.run("restore", *args, check=1, **more)
    after = {p.name: p.read_bytes() for p in askd.state.iterdir() if p.name != "askd.lock" and p.is_file()}
    assert before == after, "something was changed although it was refused"
    assert not [p for p in askd.state.iterdir() if p.is_dir()], "something was left behind"
    return result.stderr


def test_a_state_is_replaced_only_by_force_and_is_kept(used):
    path, _ = backup(used)
    used.run("key", "create", "later", check=0)
    assert "with --force the backup takes its place" in refused(used, path)
    result = used.run("restore", path, "--force", check=0)
    suffix = re.search(r"as \*(\.before-restore-\d{8}T\d{6}Z)", result.stdout)[1]
    assert "later" not in used.run("key", "list", check=0).stdout
    kept = sqlite3.connect(used.state / f"manager.db{suffix}")
    assert kept.execute("select count(*) from api_keys where name = 'later'").fetchone() == (1,)
    kept.close()


def test_not_while_somebody_holds_the_state(used):
    path, _ = backup(used)
    daemon = used.start()
    result = used.run("restore", path, "--force", check=1)
    assert f"is in use by process {daemon.pid}" in result.stderr and "stop it first" in result.stderr


def test_a_truncated_backup(used):
    path, _ = backup(used)
    whole = path.read_bytes()
    cut = used.folder / "cut.tar"
    for size in (0, 100, 512, 5000, len(whole) // 2, len(whole) - 3000, len(whole) - 1024):
        cut.write_bytes(whole[:size])
        said = refused(used, cut, "--force")
        assert str(cut) in said and ("cut off" in said or "damaged" in said), (size, said)


def test_an_altered_backup(used):
    path, _ = backup(used)
    whole = path.read_bytes()

    def flip(name, data):
        return data[:-9] + bytes([data[-9] ^ 1]) + data[-8:] if name == which else data
    for which in ("manager.db", "costs.db"):
        assert f"{which} is not as it was written" in refused(used, rewrite(path, flip), "--force")
    which = "manifest.json"
    assert refused(used, rewrite(path, lambda n, d: d.replace(b'"audit_rows":', b'"audit_rowz":')
                                 if n == which else d), "--force")
    for gone in ("costs.db", "manifest.json", "manifest.mac"):
        assert "damaged" in refused(used, rewrite(path, lambda n, d: None if n == gone else d), "--force")
    position = whole.index(b"SQLite format 3") + 5000
    (used.folder / "bit.tar").write_bytes(whole[:position] + b"\xff" + whole[position + 1:])
    assert "not as it was written" in refused(used, used.folder / "bit.tar", "--force")
    for text in (b"", b"no archive\n" * 1000):
        (used.folder / "other").write_bytes(text)
        assert refused(used, used.folder / "other", "--force")


def test_somebody_who_makes_new_sums_is_found_out(used):
    """Sums protect from accidents; the key from people."""
    path, _ = backup(used)
    sums = {}

    def forge(name, data):
        if name == "costs.db":
            (used.folder / "forged.db").write_bytes(data)
            connection = sqlite3.connect(used.folder / "forged.db")
            connection.execute("update conversation_stages set cost_pico = 0")
            connection.commit()
            connection.close()
            data = (used.folder / "forged.db").read_bytes()
            sums.update(size=len(data), sha256=hashlib.sha256(data).hexdigest())
        elif name == "manifest.json":
            manifest = json.loads(data)
            next(f for f in manifest["files"] if f["name"] == "costs.db").update(sums)
            data = json.dumps(manifest, separators=(",", ":")).encode()
        return data
    assert "somebody without the master key has changed it" in refused(used, rewrite(path, forge), "--force")


def test_another_machines_key(used, tmp_path_factory):
    path, _ = backup(used)
    (used.state / "master.key").write_text("ab" * 32 + "\n")
    said = refused(used, path, "--force")
    assert "is not the one of this backup" in said
    lose(used, key=False)
    said = refused(used, path)
    assert "put its copy there as master.key" in said
    used.write(security=f'{{master_key: "{"cd" * 32}"}}')
    assert "security.master_key" in refused(used, path)


def test_a_newer_format_is_refused(used):
    path, _ = backup(used)
    newer = rewrite(path, lambda name, data: data.replace(b'"format":1', b'"format":2'))
    assert "made by a newer version" in refused(used, newer, "--force")


def test_newer_tables_are_refused(used):
    """A step that this program does not know, in an archive whose sums and signature are right."""
    path, _ = backup(used, "--with-key")
    folder = used.folder / "newer"
    folder.mkdir()
    subprocess.run(["tar", "xf", path, "-C", folder], check=True)
    base = folder / "askd-backup"
    connection = sqlite3.connect(base / "manager.db")
    connection.execute("insert into migrations values ('people', 2, zeroblob(32), 1)")
    connection.commit()
    connection.close()
    changed = sign(path, base, {"manager.db": (base / "manager.db").read_bytes()})
    said = refused(used, changed, "--force")
    assert "nothing was changed" in said and "the manager database is newer than this program" in said


def sign(path, base, files):
    """The archive with other files, as whoever has the key could make it."""
    key = bytes.fromhex((base / "master.key").read_text().strip())

    def hkdf(info):
        secret = hmac.new(b"\0" * 32, key, hashlib.sha256).digest()
        return hmac.new(secret, info + b"\x01", hashlib.sha256).digest()
    manifest = json.loads((base / "manifest.json").read_text())
    for file in manifest["files"]:
        if file["name"] in files:
            data = files[file["name"]]
            file.update(size=len(data), sha256=hashlib.sha256(data).hexdigest())
    text = json.dumps(manifest, separators=(",", ":")).encode()
    mac = hmac.new(hkdf(b"askd/backup"), text, hashlib.sha256).hexdigest().encode()
    return rewrite(path, lambda n, d: files.get(n, text if n == "manifest.json" else mac if n == "manifest.mac" else d))


def test_a_changed_audit_is_refused_whoever_signs(used):
    path, _ = backup(used, "--with-key")
    (used.folder / "x").mkdir()
    subprocess.run(["tar", "xf", path, "-C", used.folder / "x"], check=True)
    base = used.folder / "x/askd-backup"
    connection = sqlite3.connect(base / "manager.db")
    connection.execute("update audit set action = 'nothing' where number = 2")
    connection.commit()
    connection.close()
    changed = sign(path, base, {"manager.db": (base / "manager.db").read_bytes()})
    assert "audit row 2 was changed" in refused(used, changed, "--force")


def test_a_damaged_state_is_not_backed_up_as_if_it_were_whole(used):
    connection = sqlite3.connect(used.state / "manager.db")
    connection.execute("update audit set action = 'nothing' where number = 2")
    connection.commit()
    connection.close()
    (used.folder / "b.tar").write_text("yesterday's")
    path, result = backup(used, check=1)
    assert "audit row 2 was changed" in result.stderr
    assert path.read_text() == "yesterday's" and not (used.folder / "b.tar.new").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs the right to be somebody else")
def test_root_restores_what_belongs_to_the_service(used):
    path, _ = backup(used)
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        state = pathlib.Path(folder) / "state"
        shutil.copytree(used.state, state)
        for one in (state, *state.iterdir()):
            os.chown(one, 65534, 65534)
        config = pathlib.Path(folder) / "askd.yaml"
        config.write_text(used.config.read_text().replace(str(used.state), str(state))
                          .replace(str(used.database), "/shop.db"))
        somebody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", str(BUILD / "askd")]
        if subprocess.run([*somebody, "version"], capture_output=True).returncode:
            pytest.skip("the build is closed to others")
        result = subprocess.run([str(BUILD / "askd"), "-c", str(config), "restore", str(path), "--force"],
                                capture_output=True, text=True, env=used.env, timeout=60)
        assert result.returncode == 0, result
        assert {one.stat().st_uid for one in state.iterdir()} == {65534}
        listed = subprocess.run([*somebody, "-c", str(config), "key", "list"], capture_output=True, text=True,
                                env=used.env, timeout=60)
        assert "reports" in listed.stdout, listed


def test_a_folder_that_is_missing_is_told_before_anything_changes(used):
    path, _ = backup(used)
    used.write(store=f"{{manager: {{path: {used.folder}/far/away/m.db}}}}")
    assert f"{used.folder}/far/away: No such file" in refused(used, path, "--force")
    assert not (used.state / "restore.ready").exists()


# ---- words ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("args,words", [
    (["backup"], "name the file to make"), (["backup", "a", "b"], "'b' was not expected"),
    (["backup", "--with-kye", "a"], "did you mean --with-key?"), (["restore"], "name the backup"),
    (["restore", "nowhere.tar"], "nowhere.tar cannot be read: No such file"),
    (["restore", "--forse", "a"], "did you mean --force?"), (["backup", "."], "is a folder"),
    (["backup", "nowhere/x.tar"], "nowhere/x.tar.new cannot be made: No such file")])
def test_words(askd, args, words):
    result = askd.run(*args, check=1)
    assert words in result.stderr and not result.stdout


# ---- trouble in the middle --------------------------------------------------------------------------


def test_a_full_disk_under_the_file(used):
    inside = ["unshare", "--mount", "--map-root-user", "sh", "-ec"]
    small = used.folder / "small"
    small.mkdir()
    mount = f"mount -t tmpfs -o size=64k tmpfs '{small}';"
    if subprocess.run([*inside, mount], capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount")
    result = subprocess.run(
        [*inside, f"{mount} echo old >'{small}/b.tar'; '{BUILD}/askd' -c '{used.config}' backup '{small}/b.tar' ||"
                  f" echo refused; cat '{small}/b.tar'; ls -A '{small}'"],
        capture_output=True, text=True, env=used.env, timeout=60)
    sound(result.stderr)
    assert result.stdout == "refused\nold\nb.tar\n", result
    assert "No space left" in result.stderr


def test_a_full_disk_under_the_state(used):
    """The copy never takes the last room that answers need."""
    inside = ["unshare", "--mount", "--map-root-user", "sh", "-ec"]
    small = used.folder / "small"
    small.mkdir()
    mount = f"mount -t tmpfs -o size=3M,mode=700 tmpfs '{small}';"
    if subprocess.run([*inside, mount], capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount")
    used.config.write_text(used.config.read_text().replace(str(used.state), str(small)))
    result = subprocess.run(
        [*inside, f"{mount} cp -a '{used.state}/.' '{small}'; '{BUILD}/askd' -c '{used.config}' backup "
                  f"'{used.folder}/b.tar' || ls -A '{small}'"],
        capture_output=True, text=True, env=used.env, timeout=60)
    sound(result.stderr)
    assert "make room there" in result.stderr and "backup.new" not in result.stdout, result
    assert not (used.folder / "b.tar").exists() and not (used.folder / "b.tar.new").exists()


def kill_at(askd, point, *args):
    result = subprocess.run([str(BUILD / "askd"), "-c", str(askd.config), *map(str, args)], timeout=60,
                            env={**askd.env, "ASKD_TEST_KILL": point}, capture_output=True, text=True)
    sound(result.stderr)
    assert result.returncode == -signal.SIGKILL, result


@pytest.mark.faults
@pytest.mark.skipif(not FAULTS, reason="a release build cannot be held at a point")
def test_what_the_disk_did_not_keep_is_no_backup(used):
    path, _ = backup(used)
    kept, hold, fresh = path.read_bytes(), used.folder / "hold", used.folder / "b.tar.new"
    hold.touch()
    process = subprocess.Popen([str(BUILD / "askd"), "-c", str(used.config), "backup", str(path)],
                               env={**used.env, "ASKD_TEST_HOLD": f"backup_written:{hold}"}, stderr=subprocess.PIPE,
                               stdout=subprocess.DEVNULL, text=True)
    wait_until(lambda: fresh.exists() and fresh.read_bytes().endswith(bytes(1024)), "the file to be written")
    with fresh.open("r+b") as file:
        file.seek(fresh.read_bytes().index(b"SQLite format 3") + 9000)
        file.write(b"\xff\xfe\xfd")
    hold.unlink()
    assert "is not as it was written" in process.communicate(timeout=60)[1]
    assert process.returncode == 1 and path.read_bytes() == kept and not fresh.exists()


@pytest.mark.faults
@pytest.mark.skipif(not FAULTS, reason="a release build cannot be held at a point")
def test_what_is_booked_between_the_two_copies_is_not_lost(used):
    hold = used.folder / "hold"
    hold.touch()
    used.start(env={"ASKD_TEST_HOLD": f"backup_copied:{hold}"})
    process = subprocess.Popen([str(BUILD / "askd"), "-c", str(used.config), "backup", used.folder / "b.tar"],
                               env=used.env, stdout=subprocess.DEVNULL)
    wait_until(lambda: [*used.state.glob("backup.new/*.db")], "the first copy")
    used.ask(QUESTION)
    wait_until(lambda: used.sql("select count(*) from stages where applied = 0") == [(0,)], "the books")
    hold.unlink()
    assert process.wait(60) == 0 and used.stop() == 0
    used.run("restore", used.folder / "b.tar", "--force", check=0)
    used.run("key", "list", check=0)
    settled = {row[0] for row in used.sql("select id from stages where status = 1")}
    assert settled and settled <= {row[0] for row in used.sql("select stage from conversation_stages", "costs")}


@pytest.mark.faults
@pytest.mark.skipif(not FAULTS, reason="a release build cannot be killed at a point")
def test_killed_in_the_middle_of_a_backup(used):
    path, _ = backup(used)
    kept = path.read_bytes()
    for point in ("backup_copied:1", "backup_copied:2"):
        kill_at(used, point, "backup", path)
        assert path.read_bytes() == kept
        assert used.ask(QUESTION)["kind"] == "answer"
        assert not (used.state / "backup.new").exists(), "the next opening cleans up"
    backup(used)
    assert not path.with_suffix(".tar.new").exists()


@pytest.mark.faults
@pytest.mark.skipif(not FAULTS, reason="a release build cannot be killed at a point")
@pytest.mark.parametrize("point,restored", [
    ("restore_checked:1", False), ("restore_decided:1", True), ("restore_aside:1", True), ("restore_moved:1", True),
    ("restore_aside:2", True), ("restore_moved:2", True)])
def test_killed_in_the_middle_of_a_restore(used, point, restored):
    path, _ = backup(used)
    used.run("key", "create", "later", check=0)
    kill_at(used, point, "restore", path, "--force")
    listed = used.run("key", "list", check=0).stdout
    assert ("later" in listed) != restored and "reports" in listed
    assert used.ask(QUESTION)["kind"] == "answer"
    assert "none was changed" in used.run("audit", check=0).stdout
    assert not [p for p in used.state.iterdir() if p.name.startswith("restore.")]
    used.run("restore", path, "--force", check=0)
    assert "later" not in used.run("key", "list", check=0).stdout
