"""A system to install packages into: this one, under an overlay whose changes are in memory.

dpkg, its scripts and the dependencies are the real ones, and the system itself stays as it is. Processes, network
and mounts are its own and end with it. There is no systemd in it; a script plays it for the unit of askd.
"""

import json
import os
import shutil
import subprocess
import sys

import pytest

from conftest import BUILD, FAULTS, FakeLLM

VERSIONS = ("0.9.0", "0.9.0.1")
marks = [pytest.mark.package, pytest.mark.slow, pytest.mark.xdist_group("package"),
         pytest.mark.skipif(FAULTS, reason="packages are made of the release build"),
         pytest.mark.skipif(os.geteuid() != 0, reason="only root can install packages")]
START = """
ip link set lo up
mount -t tmpfs none {layers}
mkdir {layers}/upper {layers}/work {layers}/all
mount -t overlay none -o lowerdir=/,upperdir={layers}/upper,workdir={layers}/work {layers}/all
cd {layers}/all
rm -rf var/lib/man-db/auto-update var/lib/askd etc/askd var/log/askd
mount --rbind /dev dev
mount -t proc none proc
mount -t tmpfs none run
mount --bind {shared} .{shared}
cd /
echo mounted
exec {python} -c '
import os, time
while True:  # the first process takes in the orphans
    try:
        os.wait()
    except ChildProcessError:
        time.sleep(0.02)
'
"""
SYSTEMCTL = r"""#!/bin/bash
# systemctl for the unit of askd, and for nginx.
words=()
for word; do [[ $word == -* ]] || words+=("$word"); done
unit=/usr/lib/systemd/system/askd.service
field() { sed -n "s/^$1=//p" $unit; }
alive() { [[ -s /run/pid ]] && kill -0 "$(</run/pid)" 2>/dev/null; }
start() {
	: >/run/journal
	setsid setpriv --reuid "$(field User)" --regid "$(field User)" --init-groups $(field ExecStart) \
		</dev/null >>/run/journal 2>&1 &
	echo $! >/run/pid
	until grep -q "is ready" /run/journal; do
		alive || { cat /run/journal; exit 1; }
		sleep 0.02
	done
}
stop() {
	alive && kill "$(</run/pid)"
	while alive; do sleep 0.02; done
}
wants=/etc/systemd/system/multi-user.target.wants
case "${words[*]}" in
"preset askd.service") mkdir -p $wants && ln -sf $unit $wants/ ;;
"reload nginx") nginx ;;
"is-enabled askd.service") [[ -e $wants/askd.service ]] && echo enabled ;;
"is-active askd.service") alive ;;
"start askd.service" | "start askd") alive || start ;;
"restart askd.service" | "restart askd") stop; start ;;
"stop askd.socket askd.service" | "stop askd") stop ;;
"reload askd") kill -HUP "$(</run/pid)" ;;
daemon-reload) ;;
*) echo "systemctl: $*?" >&2; exit 1 ;;
esac
"""


def make_packages(factory):
    """By version: the files of askd and askd-dev."""
    made = {}
    for version in VERSIONS:
        folder = factory.mktemp("packages")
        result = subprocess.run(["cpack", "--config", str(BUILD / "CPackConfig.cmake"), "-B", str(folder), "-D",
                                 f"CPACK_PACKAGE_VERSION={version}"], capture_output=True, text=True)
        assert result.returncode == 0, result.stdout + result.stderr
        made[version] = {name: next(folder.glob(f"{name}_{version}_*.deb")) for name in ("askd", "askd-dev")}
    return made


class System:
    """`shared` is the same folder inside and outside."""

    def __init__(self, folder):
        self.layers, self.shared = folder / "layers", folder / "shared"
        self.layers.mkdir()
        self.shared.mkdir()
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--propagation", "private", "sh", "-ec",
             START.format(layers=self.layers, shared=self.shared, python=sys.executable)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self.holder.stdout.readline() != "mounted\n":
            why = self.holder.stderr.read()
            self.close()
            pytest.skip(f"no namespaces or no overlay here: {why}")
        with open(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children", encoding="ascii") as children:
            self.first = children.read().strip()

    def close(self):
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()
        self.holder.stderr.close()

    def inside(self, *argv):
        """A command in the namespaces, with the files of outside."""
        return ["nsenter", "-t", self.first, "--mount", "--net", "--pid", *map(str, argv)]

    def command(self, *argv):
        env = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8",
               "DEBIAN_FRONTEND=noninteractive"]
        return self.inside("chroot", self.layers / "all", "env", "-i", "-C", self.shared, *env, *argv)

    def run(self, *argv, check=0, **more):
        result = subprocess.run(self.command(*argv), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                timeout=300, **more)
        assert result.returncode == check, f"{argv}: {result.stdout}"
        return result.stdout

    def shell(self, text, check=0, **more):
        return self.run("bash", "-ec", text, check=check, **more)

    def play_systemd(self):
        """From now on maintainer scripts find a systemd."""
        self.shell("mkdir -p /run/systemd/system /usr/local/bin; rm -f /usr/sbin/policy-rc.d\n"
                   "rm -f /usr/bin/systemctl; install -m 755 /dev/stdin /usr/bin/systemctl\n"
                   "command -v sudo >/dev/null || install -m 755 /dev/stdin /usr/local/bin/sudo <<<$'#!/bin/sh\nexec \"$@\"'",
                   input=SYSTEMCTL)

    def install(self, *files):
        for file in files:
            shutil.copy(file, self.shared)
        return self.run("dpkg", "--install", *(self.shared / file.name for file in files))

    def left(self):
        """Files of askd's that were made since the start, but for dpkg's own records."""
        found = subprocess.run(self.inside("find", f"{self.layers}/upper", "-not", "-type", "c", "-printf", "/%P\\n"),
                               capture_output=True, text=True, check=True).stdout
        names = [name for name in found.splitlines() if "askd" in name]
        outside = (str(self.shared), "/srv/", "/var/lib/dpkg/", "/var/log/dpkg.log")
        return [name for name in names if not name.startswith(outside)]


class InsideLLM(FakeLLM):
    """The scripted model, on the network of a system."""

    def __init__(self, system, folder):
        self.system = system
        super().__init__(folder, system.inside())

    def _call(self, path, body=None):
        data = [] if body is None else ["-d", json.dumps(body)]
        reply = subprocess.run(self.system.inside("curl", "-sS", "--noproxy", "*", f"http://127.0.0.1:{self.port}{path}",
                                                  *data), capture_output=True, text=True, check=True, timeout=60).stdout
        return json.loads(reply or "null")
