"""System calls that a process may not make, enforced by seccomp.

Refused are sockets and what reaches around Landlock: other processes, modes and owners of files,
mounts, programs. A refused call fails with EPERM. Source:
https://docs.kernel.org/userspace-api/seccomp_filter.html
"""

import ctypes
import os
import platform
from dataclasses import dataclass
from pathlib import Path

SET_MODE_FILTER = 1
ALL_THREADS = 1
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | 1  # 1 is EPERM
LOAD_WORD, JUMP_IF_EQUAL, JUMP_IF_AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
CALL_OFFSET, ARCHITECTURE_OFFSET = 0, 4
X32_BIT = 0x40000000  # the second table of calls of x86-64

# numbers that are the same on all architectures
COMMON = {
    "pidfd_send_signal": 424, "io_uring_setup": 425, "io_uring_enter": 426,
    "io_uring_register": 427, "pidfd_open": 434, "pidfd_getfd": 438, "process_madvise": 440,
    "fchmodat2": 452, "setxattrat": 463,
}  # fmt: skip
X86_64 = {
    "socket": 41, "connect": 42, "accept": 43, "bind": 49, "listen": 50, "execve": 59, "kill": 62,
    "chmod": 90, "fchmod": 91, "chown": 92, "fchown": 93, "lchown": 94, "ptrace": 101,
    "utime": 132, "pivot_root": 155, "chroot": 161, "mount": 165, "umount2": 166, "setxattr": 188,
    "lsetxattr": 189, "fsetxattr": 190, "tkill": 200, "utimes": 235, "add_key": 248,
    "request_key": 249, "keyctl": 250, "fchownat": 260, "futimesat": 261, "fchmodat": 268,
    "unshare": 272, "utimensat": 280, "accept4": 288, "perf_event_open": 298,
    "open_by_handle_at": 304, "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311,
    "bpf": 321, "execveat": 322, "userfaultfd": 323,
}  # fmt: skip
AARCH64 = {
    "setxattr": 5, "lsetxattr": 6, "fsetxattr": 7, "umount2": 39, "mount": 40, "pivot_root": 41,
    "chroot": 51, "fchmod": 52, "fchmodat": 53, "fchownat": 54, "fchown": 55, "utimensat": 88,
    "unshare": 97, "ptrace": 117, "kill": 129, "tkill": 130, "socket": 198, "bind": 200,
    "listen": 201, "accept": 202, "connect": 203, "add_key": 217, "request_key": 218,
    "keyctl": 219, "execve": 221, "perf_event_open": 241, "accept4": 242,
    "open_by_handle_at": 265, "setns": 268, "process_vm_readv": 270, "process_vm_writev": 271,
    "bpf": 280, "execveat": 281, "userfaultfd": 282,
}  # fmt: skip


@dataclass(frozen=True)
class _Machine:
    """Numbers of one architecture: of itself, of the call `seccomp`, of the refused calls."""

    architecture: int
    seccomp: int
    refused: dict[str, int]


MACHINES = {
    "x86_64": _Machine(0xC000003E, 317, X86_64 | COMMON),
    "aarch64": _Machine(0xC00000B7, 277, AARCH64 | COMMON),
}

_libc = ctypes.CDLL(None, use_errno=True)


class _Instruction(ctypes.Structure):
    _fields_ = [
        ("code", ctypes.c_uint16),
        ("if_true", ctypes.c_uint8),
        ("if_false", ctypes.c_uint8),
        ("value", ctypes.c_uint32),
    ]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction))]


def is_supported() -> bool:
    """Return whether this kernel filters system calls and this architecture's calls are known."""
    actions = Path("/proc/sys/kernel/seccomp/actions_avail")
    return platform.machine() in MACHINES and actions.exists()


def refuse_calls() -> None:
    """Refuse the calls above to all threads of this process and to its children.

    Call it after :func:`bento.sandbox.landlock.forbid_new_privileges`.

    Raises:
        OSError: The kernel refuses.
    """
    machine = MACHINES[platform.machine()]
    instructions = _instructions(machine)
    array = (_Instruction * len(instructions))(*instructions)
    program = _Program(len(instructions), array)
    if _libc.syscall(machine.seccomp, SET_MODE_FILTER, ALL_THREADS, ctypes.byref(program)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _instructions(machine: _Machine) -> list[_Instruction]:
    refused = sorted(machine.refused.values())
    return [
        _Instruction(LOAD_WORD, 0, 0, ARCHITECTURE_OFFSET),
        _Instruction(JUMP_IF_EQUAL, 1, 0, machine.architecture),
        _Instruction(RETURN, 0, 0, REFUSE),
        _Instruction(LOAD_WORD, 0, 0, CALL_OFFSET),
        _Instruction(JUMP_IF_AT_LEAST, len(refused) + 1, 0, X32_BIT),
        # each of them jumps over the ones that follow, and over `ALLOW`
        *(
            _Instruction(JUMP_IF_EQUAL, len(refused) - position, 0, number)
            for position, number in enumerate(refused)
        ),
        _Instruction(RETURN, 0, 0, ALLOW),
        _Instruction(RETURN, 0, 0, REFUSE),
    ]
