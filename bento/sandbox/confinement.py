"""Confinement: what the child process may still do, beyond its limits of time and memory.

It reads the program, the detector and the video, writes its own folder, and has no network. A hole
in a decoder then gives neither keys nor other tenants' files.
"""

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from bento.paths import BUNDLE_DIR, PACKAGE_DIR, ROOT
from bento.sandbox import landlock, syscall_filter
from bento.sandbox.landlock import READ, USE_DEVICE, WRITE, Access

INPUT, OUTPUT = "input", "output"  # subfolders of the child's folder
NO_NEW_PRIVILEGES = "no_new_privs"
FILES = "landlock"
CALLS = "seccomp"
SYSTEM_FILES = (
    *("/usr", "/lib", "/lib32", "/lib64", "/sys", "/etc/ld.so.cache", "/etc/localtime"),
    *("/etc/fonts", "/etc/passwd", "/etc/nsswitch.conf", "/etc/ssl/openssl.cnf", "/etc/pki/tls"),
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/filesystems"),
    *("/proc/version", "/proc/devices", "/proc/sys", "/proc/driver/nvidia"),
)
DEVICES = ("null", "zero", "full", "random", "urandom", "nvidia*")  # patterns below /dev
VARIABLES = {
    *("PATH", "LANG", "LANGUAGE", "TZ", "PYTHONPATH", "LD_LIBRARY_PATH"),
    *("UNMASK_BUNDLE", "UNMASK_ENGINE", "UNMASK_C2PA_TRUST_FILE"),
}
VARIABLE_PREFIXES = (
    *("LC_", "OMP_", "MKL_", "OPENBLAS_", "KMP_", "PYTHON", "GLOG_", "TF_CPP_"),
    *("CUDA_", "NVIDIA_", "TORCH_", "PYTORCH_"),
)
# NumPy's BLAS runs small products alone, after which its threads would wait in a busy loop
DEFAULTS = {"OPENBLAS_NUM_THREADS": "1"}


def bare_environment(environment: dict[str, str], folder: Path) -> dict[str, str]:
    """Return what a child whose folder is ``folder`` needs of ``environment``.

    Secrets, passwords and addresses of the service are not among it.
    """
    kept = {
        name: value
        for name, value in environment.items()
        if name in VARIABLES or name.startswith(VARIABLE_PREFIXES)
    }
    output = str(folder / OUTPUT)
    own = dict.fromkeys(("HOME", "TMPDIR", "MPLCONFIGDIR", "NUMBA_CACHE_DIR"), output)
    return {**DEFAULTS, **kept, **own, "PYTHONDONTWRITEBYTECODE": "1"}


def missing_protections() -> list[str]:
    """Return the protections that this machine's kernel lacks; of :data:`FILES`, :data:`CALLS`."""
    missing = [] if landlock.abi_version() else [FILES]
    return [*missing, *([] if syscall_filter.is_supported() else [CALLS])]


def confine(folder: Path) -> None:
    """Confine this process to ``folder``; it must have one thread, as others stay free.

    What the kernel lacks is left out.

    Raises:
        OSError: The kernel refuses a protection that it has.
    """
    if not sys.platform.startswith("linux"):
        return
    landlock.forbid_new_privileges()
    missing = missing_protections()
    if FILES not in missing:
        landlock.restrict_files(_rules(folder.resolve()))
    if CALLS not in missing:
        syscall_filter.refuse_calls()


def _rules(folder: Path) -> Iterator[tuple[Path, Access]]:
    yield folder / INPUT, READ
    yield folder / OUTPUT, WRITE
    yield from ((Path(name), READ) for name in SYSTEM_FILES)
    for path in _program_paths():
        if not folder.is_relative_to(path):  # else it holds the service's own files
            yield path, READ
    for pattern in DEVICES:
        yield from ((device, USE_DEVICE) for device in Path("/dev").glob(pattern))


def _program_paths() -> Iterator[Path]:
    """Yield interpreter, packages and detector; never a folder that holds the checkout.

    The default folder of the service, with database and uploads, lies in the checkout.
    """
    yield from (PACKAGE_DIR, BUNDLE_DIR, ROOT / "params.yaml")
    spec = importlib.util.find_spec("unmask")
    locations = spec.submodule_search_locations if spec else None
    yield from map(Path, locations or ())
    for variable in ("UNMASK_BUNDLE", "UNMASK_C2PA_TRUST_FILE"):
        if named := os.environ.get(variable):
            yield Path(named).resolve()
    libraries = os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)
    for name in (sys.prefix, sys.base_prefix, *sys.path, *libraries):
        path = Path(name).resolve()
        if name and not ROOT.is_relative_to(path):
            yield path
