"""Runs a program under the system call rules of a unit, as systemd would lay them on it (systemd.exec(5)).

Arguments: the unit's file, the program, its arguments. Handled are SystemCallFilter, SystemCallErrorNumber,
MemoryDenyWriteExecute, RestrictAddressFamilies and RestrictNamespaces; they are taken from the unit, never assumed.
"""

import errno
import os
import socket
import subprocess
import sys

import seccomp

PROT_WRITE, PROT_EXEC = 2, 4
# CLONE_NEW*: time, mount, cgroup, uts, ipc, user, pid, net.
NAMESPACES = 0x80 | 0x20000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000


def settings(path):
    found = {}
    for line in open(path):
        name, is_setting, value = line.strip().partition("=")
        if is_setting and not name.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def calls(name):
    """The system calls of a name or of a group, whose members systemd tells."""
    if not name.startswith("@"):
        return {name}
    listed = subprocess.run(
        ["systemd-analyze", "--no-pager", "syscall-filter", name], check=True, capture_output=True, text=True
    ).stdout
    members = [line.strip() for line in listed.splitlines()[1:]]
    return set().union(*(calls(member) for member in members if member and not member.startswith("#")))


def allowed(filters):
    names = set()
    for line in filters:
        words = line.removeprefix("~").split()
        named = set().union(*(calls(word) for word in words))
        names = names - named if line.startswith("~") else names | named
    return names


def rules(unit):
    """For each call the argument tests of which one must hold; a call without any is free."""
    families = [getattr(socket, name) for name in unit["RestrictAddressFamilies"][0].split()]
    limits = {"socket": [[seccomp.Arg(0, seccomp.EQ, family)] for family in families]}
    if unit["MemoryDenyWriteExecute"] == ["yes"]:
        limits["mmap"] = [[seccomp.Arg(2, seccomp.MASKED_EQ, one, 0)] for one in (PROT_WRITE, PROT_EXEC)]
        limits["mprotect"] = [[seccomp.Arg(2, seccomp.MASKED_EQ, PROT_EXEC, 0)]]
        limits["pkey_mprotect"] = limits["mprotect"]
    if unit["RestrictNamespaces"] == ["yes"]:
        limits["clone"] = [[seccomp.Arg(0, seccomp.MASKED_EQ, NAMESPACES, 0)]]
        limits["unshare"] = limits["clone"]
    return limits


def main():
    unit = settings(sys.argv[1])
    number = getattr(errno, unit["SystemCallErrorNumber"][0])
    filter = seccomp.SyscallFilter(seccomp.ERRNO(number))
    limits = rules(unit)
    for name in allowed(unit["SystemCallFilter"]):
        try:
            # Its flags lie in memory, where no filter sees them.
            if name == "clone3":
                filter.add_rule(seccomp.ERRNO(errno.ENOSYS), name)
                continue
            for tests in limits.get(name, [[]]):
                filter.add_rule(seccomp.ALLOW, name, *tests)
        except (RuntimeError, ValueError):
            # A call of another architecture, or one that this libseccomp is too old for.
            continue
    filter.load()
    os.execv(sys.argv[2], sys.argv[2:])


main()
