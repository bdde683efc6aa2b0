"""File access of a process, restricted by Linux's Landlock through its system calls.

Source: https://docs.kernel.org/userspace-api/landlock.html
"""

import ctypes
import os
from collections.abc import Iterable
from enum import IntFlag
from pathlib import Path

# the numbers are the same on all architectures
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
GET_VERSION = 1
RULE_PATH_BENEATH = 1
NO_TCP_ABI, SCOPE_ABI = 4, 6  # kernels 6.7 and 6.12
PR_SET_NO_NEW_PRIVS = 38


class Access(IntFlag):
    """Rights to files, in the order of the kernel's header."""

    EXECUTE = 1 << 0
    WRITE_FILE = 1 << 1
    READ_FILE = 1 << 2
    READ_DIR = 1 << 3
    REMOVE_DIR = 1 << 4
    REMOVE_FILE = 1 << 5
    MAKE_CHAR = 1 << 6
    MAKE_DIR = 1 << 7
    MAKE_REG = 1 << 8
    MAKE_SOCK = 1 << 9
    MAKE_FIFO = 1 << 10
    MAKE_BLOCK = 1 << 11
    MAKE_SYM = 1 << 12
    REFER = 1 << 13
    TRUNCATE = 1 << 14
    IOCTL_DEV = 1 << 15


READ = Access.READ_FILE | Access.READ_DIR
WRITE = (
    READ | Access.WRITE_FILE | Access.TRUNCATE | Access.MAKE_REG | Access.MAKE_DIR
    | Access.REMOVE_FILE | Access.REMOVE_DIR | Access.REFER
)  # fmt: skip
USE_DEVICE = Access.READ_FILE | Access.WRITE_FILE | Access.IOCTL_DEV
OF_FILES = (
    Access.EXECUTE | Access.WRITE_FILE | Access.READ_FILE | Access.TRUNCATE | Access.IOCTL_DEV
)
# highest right that a version of the interface knows
_HIGHEST = {1: Access.MAKE_SYM, 2: Access.REFER, 3: Access.TRUNCATE, 4: Access.TRUNCATE}

_libc = ctypes.CDLL(None, use_errno=True)


class _Ruleset(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("files", "network", "scope")]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("access", ctypes.c_uint64), ("descriptor", ctypes.c_int32)]


def abi_version() -> int:
    """Return the version of the kernel's Landlock; 0 if the kernel has no Landlock."""
    version: int = _libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), GET_VERSION)
    return max(version, 0)


def forbid_new_privileges() -> None:
    """Set ``no_new_privs``: no program that this process starts gains privileges.

    Raises:
        OSError: The kernel refuses.
    """
    _check(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def restrict_files(rules: Iterable[tuple[Path, Access]]) -> None:
    """Forbid this thread, and those it starts, all access to files except by ``rules``.

    A rule for a folder holds for everything below it; missing paths are ignored. Where the kernel
    can, TCP connections and signals to other processes are forbidden, too. Call it after
    :func:`forbid_new_privileges`.

    Raises:
        OSError: The kernel refuses.
    """
    version = abi_version()
    handled = Access((_HIGHEST.get(version, Access.IOCTL_DEV) << 1) - 1)
    attributes = _Ruleset(
        handled, 0b11 if version >= NO_TCP_ABI else 0, 0b11 if version >= SCOPE_ABI else 0
    )
    size = 24 if version >= SCOPE_ABI else 16 if version >= NO_TCP_ABI else 8
    ruleset = _check(
        _libc.syscall(CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(size), 0)
    )
    try:
        for path, access in rules:
            _allow(ruleset, path, access & handled)
        _check(_libc.syscall(RESTRICT_SELF, ruleset, 0))
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path, access: Access) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rule = _PathBeneath(access if path.is_dir() else access & OF_FILES, descriptor)
        _check(_libc.syscall(ADD_RULE, ruleset, RULE_PATH_BENEATH, ctypes.byref(rule), 0))
    finally:
        # a rule follows the inode, and the kernel may drop that of /proc/self while it is not open
        if path != Path("/proc/self"):
            os.close(descriptor)


def _check(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
