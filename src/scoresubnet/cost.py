"""The cost of a model: parameters, multiply-adds and activation memory of one step."""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from scoresubnet.backbone import FrozenClassifier
from scoresubnet.model import DiffusionModel, ScoreModel, UNetModel
from scoresubnet.networks.classifier import Classifier
from scoresubnet.networks.presets import PRESETS
from scoresubnet.networks.subnet import ScoreSubnet
from scoresubnet.networks.unet import UNet
from scoresubnet.sde import VPSDE


@dataclass(frozen=True)
class Cost:
    """Cost of one reverse step for one clip.

    Attributes:
        parameters: in all.
        trainable: of these, trained for generation.
        unconditional_gmacs: of a step without guidance, gradient taps included.
        guided_gmacs: of a step with guidance; None if the model cannot be guided.
        unconditional_mib: most activation memory alive at once, in MiB, without guidance.
        guided_mib: the same with guidance.
    """

    parameters: int
    trainable: int
    unconditional_gmacs: float
    guided_gmacs: float | None
    unconditional_mib: float
    guided_mib: float | None


def count_parameters(*modules: nn.Module) -> int:
    """Number of parameters."""
    return sum(p.numel() for module in modules for p in module.parameters())


def count_gmacs(step: Callable[[], object]) -> float:
    """Multiply-adds of everything that `step` runs, backward passes included, in units of 1e9."""
    counter = FlopCounterMode(display=False, custom_mapping=_CPU_ATTENTION)
    # Its bookkeeping by module forbids autograd.grad with respect to an input; a total needs none.
    counter.mod_tracker = _NoModules()  # type: ignore[assignment]
    with counter:
        step()
    return counter.get_total_flops() / 2e9


def _cpu_attention_flops(query: Any, key: Any, value: Any, *args: Any, **kwargs: Any) -> int:
    return sdpa_flop_count(query, key, value)


# torch counts attention by its CUDA kernels; this is the name of the forward kernel on the CPU.
_CPU_ATTENTION = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _cpu_attention_flops}


class _NoModules:
    parents = frozenset({"Global"})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        return None


class PeakMemory(TorchDispatchMode):
    """Counts the bytes of the tensors that are alive at once, on any device, while it is entered.

    Attributes:
        alive: bytes alive now that were allocated inside.
        peak: most bytes alive at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.alive = self.peak = 0
        self._known: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        given = {t.untyped_storage()._cdata for t in _tensors((args, kwargs))}
        for tensor in _tensors(out):
            if tensor.untyped_storage()._cdata not in given:
                self._follow(tensor)
        return out

    def _follow(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key in self._known:
            return
        self._known.add(key)
        self.alive += size
        self.peak = max(self.peak, self.alive)
        weakref.finalize(storage, self._forget, key, size)

    def _forget(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.alive -= size


def _tensors(tree: object) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def peak_mib(step: Callable[[], object]) -> float:
    """Most activation memory alive at once during `step`, in MiB."""
    with PeakMemory() as memory:
        step()
    return memory.peak / 2**20


@torch.no_grad()
def step_mib(model: DiffusionModel, shape: tuple[int, int]) -> float:
    """Activation memory of one step of one clip, guided if it can be, in MiB; takes that step.

    Args:
        model: whose step it is.
        shape: Mel bands and frames of a clip, (F, T).
    """
    device = next(model.parameters()).device
    x = torch.zeros(1, 1, *shape, device=device)
    t = torch.full((1,), 0.5, device=device)
    if not model.can_be_guided:
        return peak_mib(lambda: model(x, t))
    both = model.with_class_gradient(torch.zeros(1, dtype=torch.long, device=device))
    return peak_mib(lambda: both(x, t))


@torch.no_grad()
def model_cost(model: DiffusionModel, shape: tuple[int, int]) -> Cost:
    """Cost of a model, its classifier included.

    Args:
        model: on any device.
        shape: Mel bands and frames of a clip, (F, T).
    """
    device = next(model.parameters()).device
    x = torch.zeros(1, 1, *shape, device=device)
    t = torch.full((1,), 0.5, device=device)
    both = None
    if model.can_be_guided:
        both = model.with_class_gradient(torch.zeros(1, dtype=torch.long, device=device))
    return Cost(
        count_parameters(model),
        count_parameters(model.network),
        count_gmacs(lambda: model(x, t)),
        None if both is None else count_gmacs(lambda: both(x, t)),
        peak_mib(lambda: model(x, t)),
        None if both is None else peak_mib(lambda: both(x, t)),
    )


def preset_costs(name: str) -> dict[str, Cost]:
    """The rows of the paper's table, for a preset's networks with their initial weights.

    Raises:
        ValueError: there is no such preset.
    """
    if name not in PRESETS:
        raise ValueError(f"unknown preset {name!r}; there are {', '.join(PRESETS)}")
    preset, sde = PRESETS[name], VPSDE()
    shape = (preset.classifier.mel_bins, preset.classifier.frames)

    def backbone() -> FrozenClassifier:
        return FrozenClassifier(Classifier(preset.classifier, preset.classes))

    def subnet(gradient_taps: bool) -> Cost:
        config = dataclasses.replace(preset.subnet, gradient_taps=gradient_taps)
        decoder = ScoreSubnet(config, preset.classifier)
        return model_cost(ScoreModel(backbone(), decoder, sde, "epsilon"), shape)

    return {
        "Score Subnet": subnet(True),
        "Score Subnet, no gradient taps": subnet(False),
        "U-Net (guided: + classifier)": model_cost(
            UNetModel(UNet(preset.unet), sde, "epsilon", backbone()), shape
        ),
    }
