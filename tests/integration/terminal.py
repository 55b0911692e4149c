"""A terminal with a program in it, as a person sees and uses it."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

from conftest import sound

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>()][A-Z0-9]?")
CTRL_C, CTRL_D, CTRL_Z, TAB, UP, ENTER = "\x03", "\x04", "\x1a", "\t", "\x1b[A", "\r"


class Terminal:
    """A program in a pseudo terminal. What it prints is looked through once, from top to bottom:
    `see` waits for a text behind the last one that was seen."""

    def __init__(self, command, folder, env, columns=80, rows=24):
        self.master, self.slave = pty.openpty()
        self.resize(columns, rows)
        self.before = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen(
            command, cwd=folder, env={"TERM": "xterm-256color", **env}, stdin=self.slave, stdout=self.slave,
            stderr=self.slave, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.raw, self.at = "", 0
        self.bytes = b""

    def resize(self, columns, rows=24):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds):
        """What has come by then, at least something. False: nothing."""
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        try:
            self.bytes += os.read(self.master, 65536)
        except OSError:  # everybody has left
            return False
        self.raw = self.bytes.decode("utf-8", "replace")
        return True

    @property
    def text(self):
        return ESCAPE.sub("", self.raw).replace("\r\n", "\n")

    def see(self, *texts, seconds=20):
        """Waits for the texts, in this order; returns what stands from the last place on to behind them."""
        end, start = time.monotonic() + seconds, self.at
        for text in texts:
            while (found := self.text.find(text, self.at)) < 0:
                left = end - time.monotonic()
                assert left > 0 and (self.read(left) or self.process.poll() is None), \
                    f"waited in vain for {text!r} behind:\n{self.text[:self.at]}\n--- came:\n{self.text[self.at:]!r}"
            self.at = found + len(text)
        sound(self.raw)
        return self.text[start:self.at]

    def type(self, text):
        os.write(self.master, text.encode())

    def ask(self, question, *texts, prompt="shop> "):
        """Types a line; waits for the texts, then for the prompt."""
        self.type(question + ENTER)
        return self.see(question[:30], *texts, prompt)

    def left(self, seconds=20):
        """Waits for its end; the exit status. The terminal has to be as it was."""
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < end, f"it does not end:\n{self.text}"
            self.read(0.05)
        while self.read(0):
            pass
        sound(self.raw)
        assert termios.tcgetattr(self.slave) == self.before, "the terminal is not as it was"
        return self.process.returncode

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)
