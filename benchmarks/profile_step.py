"""The time of one guided reverse step, by kind of operation.

    python -m benchmarks.profile_step --presets small paper --batches 1 8 32

prints a table, and which share of this machine's convolution peak, measured in the same run, the
step reaches.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter

from jsonargparse import ArgumentParser
from jsonargparse.typing import PositiveFloat, PositiveInt

KINDS = {
    "convolution": ("mkldnn_convolution", "_slow_conv2d_forward"),
    "convolution, backward": ("convolution_backward", "_slow_conv2d_backward"),
    "normalisation": ("native_group_norm", "native_group_norm_backward"),
    "activation": ("silu", "silu_", "silu_backward", "sigmoid"),
    "matrix product": ("addmm", "mm", "bmm", "baddbmm"),
    "attention": ("flash_attention_for_cpu", "_softmax"),
    "copy and layout": ("copy_", "cat", "clone", "contiguous", "fill_", "zero_", "pixel_shuffle"),
    "upsampling": ("upsample_nearest2d", "upsample_nearest2d_backward"),
    "sum and mean": ("sum", "mean"),
    "elementwise": ("add", "add_", "mul", "mul_", "sub", "div", "neg", "pow", "rsqrt", "square"),
}
"""kind -> operators of ATen, without their namespace; what is left is `autograd` or `other`."""


def kind_of(operator: str) -> str:
    """The kind of an operator such as `aten::silu_backward`."""
    if operator.startswith("autograd::") or operator.endswith("Backward0"):
        return "autograd"
    name = operator.rpartition("::")[2]
    for kind, names in KINDS.items():
        if name in names or (kind == "attention" and "attention" in name):
            return kind
    return "other"


def shares(microseconds: Mapping[str, float], wall: float) -> dict[str, float]:
    """kind -> share of the wall time, the largest first; what no operator spent is `Python`.

    Args:
        microseconds: operator -> its own time, without that of operators that it calls.
        wall: microseconds in all.
    """
    found: dict[str, float] = {}
    for operator, own in microseconds.items():
        kind = kind_of(operator)
        found[kind] = found.get(kind, 0.0) + own / wall
    found["Python and dispatch"] = max(0.0, 1 - sum(found.values()))
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = ArgumentParser(
        prog="python -m benchmarks.profile_step",
        description="Time of one guided reverse step by kind of operation.",
    )
    add = parser.add_argument
    add("--presets", nargs="+", type=str, default=["small", "paper"])
    add("--batches", nargs="+", type=PositiveInt, default=[1, 8, 32], help="clips at once")
    add("--model", type=str, default="Score Subnet", help="or another name of the benchmark")
    add("--seconds", type=PositiveFloat, default=2.0, help="about how long each is timed")
    add("--threads", type=PositiveInt | None, help="of torch; its own choice if left out")
    add("--out", type=Path | None, help="JSON file of the result")
    given = parser.parse_args(arguments)

    import torch
    from torch.profiler import ProfilerActivity, profile
    from torch.utils.benchmark import Timer

    from benchmarks.candidates import OUTSIDE, SIZES, Candidate, step_candidates
    from benchmarks.machine import machine
    from benchmarks.peak import convolution_peak
    from scoresubnet.cost import count_gmacs
    from scoresubnet.files import write_json
    from scoresubnet.options.registries import find

    for preset in given.presets:
        find("preset", preset, SIZES)
    models = {c.model: c for c in step_candidates(given.presets) if c.model != OUTSIDE}
    find("model", given.model, models)
    if given.threads:
        torch.set_num_threads(given.threads)
    peak = convolution_peak(given.seconds / 4)
    print(f"{machine()['processor']}, {torch.get_num_threads()} threads")
    print(f"convolution peak: {peak:.0f} GMACs a second")
    rows = []
    for preset in given.presets:
        step_of = Candidate(given.model, preset, guided=True).build()
        for batch in given.batches:
            step = step_of(batch)
            gmacs = count_gmacs(step)
            timer = Timer("step()", globals={"step": step}, num_threads=torch.get_num_threads())
            timer.timeit(1)
            seconds = timer.blocked_autorange(min_run_time=given.seconds).median
            calls = max(1, round(given.seconds / seconds))
            with profile(activities=[ProfilerActivity.CPU]) as profiled:
                begun = perf_counter()  # not the timer, which adds calls of its own to warm up
                for _ in range(calls):
                    step()
                wall = perf_counter() - begun
            own = {e.key: e.self_cpu_time_total for e in profiled.key_averages()}
            parts = shares(own, 1e6 * wall)
            share = gmacs / seconds / peak
            rows.append(
                {
                    "preset": preset,
                    "batch": batch,
                    "step_ms": 1e3 * seconds,
                    "gmacs": gmacs,
                    "share_of_peak": share,
                    "shares": parts,
                }
            )
            print(
                f"\n{given.model}, guided, {preset}, batch {batch}: {1e3 * seconds:.2f} ms, "
                f"{gmacs:.2f} GMACs, {share:.0%} of the convolution peak"
            )
            for kind, part in parts.items():
                if part >= 0.005:
                    print(f"  {kind:24} {part:5.1%}  {1e3 * seconds * part:8.2f} ms")
    if given.out:
        write_json(given.out, {"machine": machine(), "peak_gmacs_a_second": peak, "steps": rows})
    return 0


if __name__ == "__main__":
    sys.exit(main())
