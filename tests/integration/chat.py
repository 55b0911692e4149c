"""The chat out of a folder (tests/plugin/queue_transport), and the clock of a daemon."""

import json
import time

import pytest

from conftest import wait_until

HOUR_US = 3600 * 1_000_000
WORKING = "One moment"
EPHEMERAL, GROUP, ADDRESSED = 1, 2, 4
BUTTON, CANCEL, EDIT, GONE = 2, 3, 4, 5
FAST = "{question: {by: person, rate: 1000/s, burst: 1000, concurrent: 1, waiting: 1}}"
FREE = FAST.replace("concurrent: 1, waiting: 1", "concurrent: 0, waiting: 0")


class Chat:
    """The chat out of a folder: events go in as files, messages come out as lines."""

    def __init__(self, askd):
        self.askd, self.spool, self.count = askd, askd.folder / "spool", 0
        self.spool.mkdir()

    def write(self, options="", everyone=True, **sections):
        """A configuration with this chat, and with the skill that does what it is told."""
        access = ", access: [everyone]" if everyone else ""
        sections.setdefault("limits", FAST)
        sections.setdefault(
            "database", f"{{shop: {{plugin: sqlite, path: {self.askd.database}{access}}}}}")
        self.askd.write(
            transport=f"{{chat: {{plugin: queue_transport, spool: {self.spool}{options}}}}}",
            skill="{talker: {plugin: talker}}", **sections)

    def put(self, text=None, conversation="c", sender="7", key=None, **more):
        """Hands an event over; returns the name of its file."""
        self.count += 1
        event = {"conversation": conversation, "sender": sender, **more}
        event.update({name: value for name, value in (("text", text), ("key", key)) if value})
        name = f"{self.count:06}"
        (self.spool / f"{name}.new").write_text(json.dumps(event))
        (self.spool / f"{name}.new").rename(self.spool / f"{name}.json")
        return name

    def taken(self, name):
        """Waits until deliver has returned for the event."""
        wait_until(lambda: any((self.spool / f"{name}.{end}").exists()
                               for end in ("done", "duplicate")), f"event {name} to be taken")
        return (self.spool / f"{name}.done").exists()

    def lines(self, file="sent.jsonl"):
        try:
            text = (self.spool / file).read_text()
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in text.split("\n")[:-1]]

    def texts(self, conversation="c"):
        """What somebody sees: edits in the place of what they replace, no working messages."""
        shown = {}
        for line in self.lines():
            if line["conversation"] == conversation:
                shown[line["message"]] = line["text"]
        return [text for text in shown.values() if not text.startswith(WORKING)]

    def wait(self, count, conversation="c"):
        """Waits for that many messages."""
        wait_until(lambda: len(self.texts(conversation)) >= count,
                   lambda: f"{count} messages in {conversation}: {self.lines()}")
        return self.texts(conversation)

    def ask(self, text=None, conversation="c", **more):
        """Puts an event and waits for one message more: the last one."""
        before = len(self.texts(conversation))
        self.put(text, conversation, **more)
        return self.wait(before + 1, conversation)[-1]


@pytest.fixture
def chat(askd):
    return Chat(askd)


def in_time(at_us):
    return {"ASKD_TEST_NOW": str(at_us)}


def now_us():
    return int(time.time() * 1_000_000)


def analyses(llm):
    """The requests for a decision, as text."""
    return [json.dumps(r["body"], ensure_ascii=False) for r in llm.requests()
            if "You translate a question" in json.dumps(r["body"])]
