"""The processes of one training, one per device: how they start, and what they exchange.

Every process runs the same fit on its share of each batch. They are started on this machine by
:func:`run_in_processes`, or on several machines by ``torchrun``. Without either there is a single
process, for which every function here returns what it was given.
"""

import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.multiprocessing.spawn import ProcessContext, start_processes

from unmask.errors import TrainingError, UnmaskError

T = TypeVar("T")

TIMEOUT = timedelta(days=1)  # processes wait while the first fits the lip-sync model
STOP_S = 30.0  # for a process to end by SIGTERM, before it is killed


def is_grouped() -> bool:
    """Return whether this process belongs to a group."""
    return dist.is_available() and dist.is_initialized()


def is_torchrun() -> bool:
    """Return whether ``torchrun`` started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def count_processes() -> int:
    """Return the number of processes in the group."""
    return dist.get_world_size() if is_grouped() else 1


def process_rank() -> int:
    """Return the number of this process in the group; 0 is the leader, which writes files."""
    if is_grouped():
        return dist.get_rank()
    return int(os.environ["RANK"]) if is_torchrun() else 0


def is_leader() -> bool:
    """Return whether this process is the one that writes files."""
    return process_rank() == 0


def wait_for_all() -> None:
    """Wait until every process calls this."""
    if is_grouped():
        dist.barrier()


@contextmanager
def let_leaders_go_first() -> Iterator[None]:
    """Let the first process of each machine run the block before the others."""
    is_first = not is_grouped() or os.environ.get("LOCAL_RANK", "0") == "0"
    if not is_first:
        wait_for_all()
    yield
    if is_first:
        wait_for_all()


def gather_objects(value: T) -> list[T]:
    """Return the picklable values of all processes, in the order of their ranks."""
    if not is_grouped():
        return [value]
    values: list[Any] = [None] * count_processes()
    dist.all_gather_object(values, value)
    return values


def average(values: Tensor) -> Tensor:
    """Return the mean over the processes, without gradient; the input is left unchanged."""
    if not is_grouped():
        return values.detach()
    total = values.detach().clone()
    dist.all_reduce(total)
    return total / count_processes()


def count_items(items: int, device: torch.device) -> int:
    """Return the sum of ``items`` over the processes."""
    if not is_grouped():
        return items
    total = torch.tensor(items, device=device)
    dist.all_reduce(total)
    return int(total)


def share_counts(counts: Tensor) -> Tensor:
    """Return what a process divides its sums by, so that DDP's mean is that over all items.

    DDP averages the gradients of the processes alike, whatever their numbers of known labels. With
    ``n`` processes, sums ``s`` and counts ``c``, each loss ``n · s / Σc`` gives ``Σs / Σc``.
    """
    if not is_grouped():
        return counts.clamp(min=1)
    total = counts.clone()
    dist.all_reduce(total)
    return total.clamp(min=1) / count_processes()


def average_batch_statistics(module: nn.Module) -> None:
    """Set the running mean and variance of each batch norm to the mean over the processes."""
    if not is_grouped():
        return
    for layer in module.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.running_mean is not None:
            for statistic in (layer.running_mean, layer.running_var):
                if statistic is not None:
                    statistic.copy_(average(statistic))


def run_in_processes(
    function: Callable[..., object], arguments: tuple[Any, ...], processes: int
) -> None:
    """Call ``function`` in several new processes of one group, and wait for all.

    The processes are forked from a server that only imports modules, since this process may have
    threads or use a GPU. They end with this process, however it ends.

    Args:
        function: Of a module; it and its arguments must be picklable.

    Raises:
        UnmaskError: One of the processes raised it.
        TrainingError: One of the processes was killed.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([function.__module__])
    threads = max(torch.get_num_threads() // processes, 1)
    with TemporaryDirectory() as directory:
        call = (function, arguments, processes, Path(directory), threads)
        state = (dict(os.environ), Path.cwd())
        started = start_processes(  # type: ignore[no-untyped-call]
            _run_process, (call, state), processes, join=False, start_method="forkserver"
        )
        try:
            with _exit_on_sigterm():
                while not started.join():
                    pass
        except Exception as error:
            for file in sorted(Path(directory).glob("error-*")):
                raise pickle.loads(file.read_bytes()) from error
            codes = {process.exitcode or 0 for process in started.processes}
            killed = [-code for code in codes if code < 0 and code != -signal.SIGTERM]
            if killed:  # the others fail for want of it, or get SIGTERM
                raise TrainingError(
                    f"a training process was ended by {signal.Signals(killed[0]).name}; if memory "
                    "ran out, lower training.batch_clips, training.workers or training.devices"
                ) from error
            raise
        finally:
            _stop_processes(started)


@contextmanager
def join_torchrun_group(processes: int) -> Iterator[None]:
    """Be one of the processes that ``torchrun`` started, if it did.

    Args:
        processes: ``training.devices`` × ``training.nodes``.

    Raises:
        TrainingError: ``torchrun`` started another number of processes.
    """
    if not is_torchrun() or is_grouped():
        yield
        return
    if int(os.environ["WORLD_SIZE"]) != processes:
        raise TrainingError(
            f"torchrun started {os.environ['WORLD_SIZE']} processes, but training.devices × "
            f"training.nodes is {processes}; start as many"
        )
    with _join_group("env://"):
        yield


@contextmanager
def _join_group(init_method: str) -> Iterator[None]:
    rank, processes = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    local_rank = int(os.environ["LOCAL_RANK"])
    backend = "gloo"
    if local_rank < torch.cuda.device_count():
        torch.cuda.set_device(local_rank)
        backend = "cpu:gloo,cuda:nccl"
    dist.init_process_group(backend, init_method, timeout=TIMEOUT, rank=rank, world_size=processes)
    try:
        yield
    finally:
        dist.destroy_process_group()


def _run_process(
    rank: int,
    call: tuple[Callable[..., object], tuple[Any, ...], int, Path, int],
    state: tuple[dict[str, str], Path],
) -> None:
    """Run one of the processes; the server's environment may be older than its parent's."""
    function, arguments, processes, directory, threads = call
    environment, working_directory = state
    os.environ.update(environment)
    os.environ.update(
        RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(processes), GROUP_RANK="0"
    )
    os.chdir(working_directory)
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    torch.set_num_threads(threads)
    try:
        with _join_group(f"file://{directory}/group"):
            function(*arguments)
    except UnmaskError as error:
        (directory / f"error-{rank}").write_bytes(pickle.dumps(error))
        raise


def _exit_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _exit_on_sigterm() -> Iterator[None]:
    """Let SIGTERM raise ``SystemExit``, so that the processes are stopped as well."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop_processes(started: ProcessContext) -> None:
    for process in started.processes:
        if process.is_alive():
            process.terminate()
    for process in started.processes:
        process.join(STOP_S)
        if process.is_alive():
            process.kill()
