"""Which processes a training has, and errors that name what does not fit."""

import multiprocessing
from collections.abc import Callable

import pytest
import torch
import torch.distributed as dist
from torch.distributed import HashStore  # type: ignore[attr-defined]

from scoresubnet.training import ranks
from scoresubnet.training.config import ClassifierTraining, DataConfig, RunConfig
from scoresubnet.training.launch import given_rank, on_all_devices

MakeClassifier = Callable[..., ClassifierTraining]
TORCHRUN = {
    "TORCHELASTIC_RUN_ID": "none",
    "WORLD_SIZE": "4",
    "RANK": "3",
    "LOCAL_RANK": "1",
    "GROUP_RANK": "1",
    "MASTER_ADDR": "node-0",
    "MASTER_PORT": "29400",
}
SLURM = {
    "SLURM_NTASKS": "4",
    "SLURM_NTASKS_PER_NODE": "2",
    "SLURM_PROCID": "3",
    "SLURM_LOCALID": "1",
    "SLURM_NODEID": "1",
    "SLURM_JOB_NAME": "train",
    "SLURM_JOB_ID": "14400",
    "SLURM_NODELIST": "node-[0-1]",
}


@pytest.fixture
def started_by(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str]], None]:
    """started_by(environment): this process finds that, and nothing else of its kind."""

    def start(environment: dict[str, str]) -> None:
        for name in {*TORCHRUN, *SLURM}:
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)

    return start


@pytest.mark.parametrize(("environment", "port"), [(TORCHRUN, 29400), (SLURM, 19400)])
def test_ranks_are_those_of_torchrun_and_slurm(
    environment: dict[str, str], port: int, started_by: Callable[[dict[str, str]], None]
) -> None:
    started_by(environment)
    rank = given_rank(devices=2, nodes=2)
    assert rank == ranks.Rank(3, 4, local=1, node=1, address="node-0", port=port)


def test_one_process_alone_is_given_no_rank(
    started_by: Callable[[dict[str, str]], None],
) -> None:
    """Nor in a job of SLURM with a single task, which starts others itself."""
    started_by({})
    assert given_rank(1, 1) is None
    assert given_rank(4, 1) is None
    started_by(SLURM | {"SLURM_NTASKS": "1"})
    assert given_rank(4, 1) is None
    started_by(SLURM)  # tasks of their own: nobody has asked for several devices
    assert given_rank(1, 1) is None


@pytest.mark.parametrize(
    ("environment", "devices", "nodes", "message"),
    [
        ({}, 2, 2, "run.nodes is 2: start the command on each of them, by torchrun or srun"),
        (TORCHRUN, 1, 1, "4 processes were started, but run.devices x run.nodes is 1 x 1"),
        (SLURM, 8, 1, "4 processes were started, but run.devices x run.nodes is 8 x 1"),
    ],
)
def test_other_numbers_than_were_started_are_refused(
    environment: dict[str, str],
    devices: int,
    nodes: int,
    message: str,
    started_by: Callable[[dict[str, str]], None],
) -> None:
    started_by(environment)
    with pytest.raises(ValueError, match=f"^{message}"):
        given_rank(devices, nodes)


def test_tasks_that_slurm_did_not_place_on_nodes_are_refused(
    started_by: Callable[[dict[str, str]], None],
) -> None:
    started_by({k: v for k, v in SLURM.items() if k != "SLURM_NTASKS_PER_NODE"})
    with pytest.raises(ValueError, match="--ntasks-per-node=4"):
        given_rank(2, 2)


def _config(batch_size: int = 4, devices: int = 1) -> ClassifierTraining:
    return ClassifierTraining(DataConfig(batch_size=batch_size), run=RunConfig(devices=devices))


@on_all_devices
def _exchange(config: ClassifierTraining) -> dict[str, object]:
    """What two processes hear of each other, or one of itself."""
    rank = ranks.here()
    number = 0 if rank is None else rank.number
    halves = torch.arange(4, dtype=torch.bfloat16)[ranks.share(4)] + number
    rows = torch.arange(5.0)[:, None]
    return {
        "tell": ranks.tell(f"rank {number}"),
        "most": ranks.most(number, -number),
        "alike": [ranks.are_alike("same"), ranks.are_alike(number)],
        "mean": float(ranks.mean(torch.tensor(float(number)))),
        "gathered": ranks.gathered(halves).tolist(),
        "divided": ranks.divided(lambda x: x + 100 * number, rows).flatten().tolist(),
    }


@on_all_devices
def _second_fails(config: ClassifierTraining) -> None:
    if not ranks.is_first():
        raise KeyError("a mistake")
    ranks.most(1)


@on_all_devices
def _first_fails(config: ClassifierTraining) -> None:
    if ranks.is_first():
        raise KeyError("a mistake")
    ranks.most(1)


def test_processes_are_started_here_and_hear_each_other() -> None:
    assert _exchange(_config(devices=2)) == {
        "tell": "rank 0",
        "most": [1, 0],
        "alike": [True, False],
        "mean": 0.5,
        "gathered": [0, 1, 3, 4],
        "divided": [0, 1, 2, 103, 104],  # the sixth row is nobody's
    }


def test_a_process_alone_has_everything() -> None:
    assert _exchange(_config()) == {
        "tell": "rank 0",
        "most": [0, 0],
        "alike": [True, True],
        "mean": 0,
        "gathered": [0, 1, 2, 3],
        "divided": [0, 1, 2, 3, 4],
    }


def test_an_error_in_another_process_is_told() -> None:
    with pytest.raises(RuntimeError) as failed:
        _second_fails(_config(devices=2))
    assert str(failed.value) == "rank 1 of 2: KeyError: 'a mistake'"
    assert "_second_fails" in failed.value.__notes__[0]
    assert not dist.is_initialized()
    assert not [p for p in multiprocessing.active_children() if p.name.startswith("rank ")]


def test_an_error_in_this_process_is_told_as_it_is() -> None:
    """And not what the others say of it."""
    with pytest.raises(KeyError, match="a mistake"):
        _first_fails(config=_config(devices=2))
    assert not dist.is_initialized()
    assert not [p for p in multiprocessing.active_children() if p.name.startswith("rank ")]


def test_a_batch_that_cannot_be_shared_alike_is_refused_at_once() -> None:
    message = r"^data.batch_size is 6, which 4 devices cannot share alike; make it a multiple"
    with pytest.raises(ValueError, match=message):
        _exchange(_config(batch_size=6, devices=4))
    with pytest.raises(ValueError, match="devices and nodes must be positive"):
        RunConfig(devices=0)


def test_more_gpus_than_there_are_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ValueError, match=r"run\.devices is 2, but this process sees 1 GPUs"):
        _exchange(_config(devices=2))


def test_torch_distributed_in_other_use_is_left_alone() -> None:
    dist.init_process_group("gloo", store=HashStore(), rank=0, world_size=1)
    try:
        with pytest.raises(ValueError, match=r"uses torch\.distributed already"):
            _exchange(_config(devices=2))
        assert dist.is_initialized()
    finally:
        dist.destroy_process_group()
