"""How the processes of a training start, by torchrun, SLURM or one of them, and how they end.

On one machine nobody else has to start them: this process is the first, and starts the others. They
are new Pythons that are given the same training to do, so that it goes alike from the command line,
from a script and in a notebook.
"""

from __future__ import annotations

import inspect
import math
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import wraps
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess, parent_process
from typing import Any, ParamSpec, TypeVar

import torch
import torch.distributed as dist
from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from torch.distributed import Store, TCPStore  # type: ignore[attr-defined]

from scoresubnet.process.allocator import keep_freed_memory
from scoresubnet.training.config import Training
from scoresubnet.training.process import ended_by_sigterm
from scoresubnet.training.ranks import Rank, joined

P = ParamSpec("P")
R = TypeVar("R")
_LOCALHOST = "127.0.0.1"
_GRACE = 10.0
"""Seconds for the others to end, or to say why they failed, once the first process has ended."""
_KINDS = (OSError, ImportError, ValueError, MemoryError, RuntimeError)


def on_all_devices(train: Callable[P, R]) -> Callable[P, R]:
    """Let a function with a `config` train on as many devices and nodes as its `run` says.

    Started by torchrun or SLURM, each process calls it and is one of them. Otherwise the processes
    beside this one are started here. All have the result.

    Raises:
        ValueError: the batch does not divide by the number of processes, there are fewer GPUs, or
            whoever started the processes has started another number of them; or this process uses
            torch.distributed for something else.
        ConnectionError: another process of the training has failed, or cannot be reached.
    """

    @wraps(train)
    def trained(*args: P.args, **kwargs: P.kwargs) -> R:
        config = inspect.signature(train).bind(*args, **kwargs).arguments["config"]
        _refuse(config)
        rank = given_rank(config.run.devices, config.run.nodes)
        if rank is not None:
            with joined(rank):
                return train(*args, **kwargs)
        if config.run.devices == 1:
            return train(*args, **kwargs)
        with _others(config.run.devices, (trained, args, kwargs)) as (first, store, failure):
            when = math.inf
            try:
                with joined(first, store):
                    try:
                        return train(*args, **kwargs)
                    except Exception:  # before the others hear of it
                        when = time.time()
                        raise
            except Exception as error:
                if (cause := failure(when)) is not None:
                    raise cause from error
                raise

    return trained


def given_rank(devices: int, nodes: int) -> Rank | None:
    """The rank that torchrun or SLURM has given to this process, as Lightning reads it.

    Returns:
        None where nobody has started several processes, and none but this machine is asked for.

    Raises:
        ValueError: it does not fit the devices and nodes, or several nodes were asked for and
            nobody has started anything there.
    """
    asked = devices * nodes
    environment: ClusterEnvironment | None = None
    try:
        if TorchElasticEnvironment.detect():
            environment = TorchElasticEnvironment()
        elif asked > 1 and SLURMEnvironment.detect():
            environment = SLURMEnvironment(auto_requeue=False)
    except RuntimeError as error:  # SLURM was asked for --ntasks without --ntasks-per-node
        raise ValueError(str(error)) from error
    started = 1 if environment is None else environment.world_size()
    if environment is None or started == 1:
        if nodes > 1:
            raise ValueError(
                f"run.nodes is {nodes}: start the command on each of them, by torchrun or srun"
            )
        return None
    if started != asked:
        raise ValueError(
            f"{started} processes were started, but run.devices x run.nodes is {devices} x {nodes};"
            " let them agree"
        )
    return Rank(
        number=environment.global_rank(),
        count=started,
        local=environment.local_rank(),
        node=environment.node_rank(),
        address=environment.main_address,
        port=environment.main_port,
    )


def _refuse(config: Training) -> None:
    """Refuse what several processes cannot train, before any is started.

    Raises:
        ValueError: the batch does not divide, there are fewer GPUs than processes here, or this
            process uses torch.distributed for something else.
    """
    devices, nodes = config.run.devices, config.run.nodes
    if devices * nodes > 1 and dist.is_initialized():
        raise ValueError(
            "this process uses torch.distributed already; train on several devices from another"
        )
    if config.data.batch_size % (devices * nodes):
        raise ValueError(
            f"data.batch_size is {config.data.batch_size}, which {devices * nodes} devices "
            "cannot share alike; make it a multiple of them"
        )
    if devices > 1 and torch.cuda.is_available() and torch.cuda.device_count() < devices:
        raise ValueError(
            f"run.devices is {devices}, but this process sees {torch.cuda.device_count()} GPUs"
        )


@dataclass
class _Other:
    """A process beside the first, and what comes from it: a word when it is there, then a failure.

    Attributes:
        failed: when it failed, and its error.
    """

    rank: Rank
    process: BaseProcess
    pipe: Connection
    failed: tuple[float, Exception] | None = None


Task = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]
"""A training, and what it is called with."""


@contextmanager
def _others(
    devices: int, task: Task
) -> Iterator[tuple[Rank, Store, Callable[[float], Exception | None]]]:
    """Start the processes beside this one; when the block ends, they end.

    The block gets this one's rank, the store where they meet, and a function that tells, after an
    error in this process at some time, which error of another one was before it.

    Raises:
        ChildProcessError: a process ended before it could begin.
    """
    store = TCPStore(_LOCALHOST, 0, is_master=True, wait_for_workers=False)
    threads = max(1, torch.get_num_threads() // devices)
    first = Rank(0, devices, 0, 0, _LOCALHOST, store.port, threads)
    context = multiprocessing.get_context("spawn")
    others: list[_Other] = []
    try:
        for number in range(1, devices):
            rank = replace(first, number=number, local=number)
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(
                target=_be, args=(rank, theirs, task), name=f"rank {rank.number}", daemon=True
            )
            process.start()
            theirs.close()  # so that its end is heard
            others.append(_Other(rank, process, ours))
        for other in others:
            _wait_for(other)
        yield first, store, lambda when: _cause(others, when)
    finally:
        end = time.monotonic() + _GRACE
        for other in others:
            other.process.join(max(0.0, end - time.monotonic()))
            if other.process.exitcode is None:
                other.process.kill()
                other.process.join()
            other.pipe.close()


def _wait_for(other: _Other) -> None:
    """Wait until a process is there.

    Raises:
        ChildProcessError: it ended before that.
    """
    try:
        other.pipe.recv()
    except EOFError as error:
        other.process.join()
        raise ChildProcessError(
            f"rank {other.rank.number} ended with status {other.process.exitcode} before it began; "
            'a script that trains on several devices does so below `if __name__ == "__main__":`'
        ) from error


def _cause(others: Sequence[_Other], when: float) -> Exception | None:
    """The error of another process that was before that of this one, if there was any."""
    end = time.monotonic() + _GRACE
    waited = {other.pipe: other for other in others}
    while waited and (ready := wait(list(waited), max(0.0, end - time.monotonic()))):
        for pipe in ready:
            assert isinstance(pipe, Connection)
            other = waited.pop(pipe)
            with suppress(EOFError):
                other.failed = pipe.recv()
    for other in others:
        if other.failed is None and other not in waited.values():
            other.process.join(_GRACE)
            status = other.process.exitcode or 0
            if status < 0:
                name = signal.Signals(-status).name
                return ChildProcessError(
                    f"rank {other.rank.number} was ended by {name}; the same command goes on from "
                    "the last checkpoint"
                )
    failed = [other.failed for other in others if other.failed is not None]
    earlier = [error for time_, error in failed if time_ < when]
    return min(failed, key=lambda one: one[0])[1] if earlier else None


def _be(rank: Rank, pipe: Connection, task: Task) -> None:
    """Be one of the processes that the first one starts."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the first, which tells the others
    threading.Thread(target=_end_with_parent, daemon=True).start()
    keep_freed_memory()
    train, args, kwargs = task
    pipe.send("here")
    failed: tuple[float, Exception] | None = None
    try:
        store = TCPStore(rank.address, rank.port, is_master=False)
        with ended_by_sigterm(), joined(rank, store):
            try:
                inspect.unwrap(train)(*args, **kwargs)
            except Exception as error:  # before the others hear of it
                failed = time.time(), _told(rank, error)
                raise
    except Exception as error:
        with suppress(OSError):  # the first one has ended
            pipe.send(failed or (time.time(), _told(rank, error)))
        sys.exit(1)


def _told(rank: Rank, error: Exception) -> Exception:
    """An error as the first process can raise it, with the lines that it came from as a note."""
    kind = next((kind for kind in _KINDS if isinstance(error, kind)), RuntimeError)
    named = "" if isinstance(error, _KINDS) else f"{type(error).__name__}: "
    told = kind(f"rank {rank.number} of {rank.count}: {named}{error}")
    told.add_note("".join(traceback.format_exception(error)))
    return told


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
