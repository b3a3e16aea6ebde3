"""The number of CPUs that this process may use: its affinity, and the cgroup quota of its container."""

import os
from pathlib import Path

ROOT = Path("/")


def usable_cpus(root: Path = ROOT) -> int:
    """Count the CPUs that the scheduler lets this process run on, but not more than its cgroup's quota pays for.

    A container that was given half a second of CPU time per second sees all of the machine's CPUs. As many threads as
    that would be stopped for most of the time. A quota of 2.5 CPUs counts as 3.

    Parameters
    ----------
    root : Path
        Where ``proc`` and ``sys`` are.
    """
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cgroup_quota(root)
    return cpus if quota is None else max(1, min(cpus, -int(-quota // 1)))


def _cgroup_quota(root: Path) -> float | None:
    """Return the least quota, in CPUs, of this process's cgroup and those around it; None if no limit is known."""
    try:
        groups = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return None
    quotas = []
    for line in groups:
        _, controllers, group = line.split(":", 2)
        if not controllers:  # version 2: one hierarchy for all
            folder = root / "sys/fs/cgroup"
            inside = [folder / group.strip("/") / name for name in ("cpu.max",)]
            inside += [parent / "cpu.max" for parent in inside[0].parent.parents if parent.is_relative_to(folder)]
            quotas += [_ratio(*(_words(path) + ["", ""])[:2]) for path in inside]
        elif "cpu" in controllers.split(","):
            for folder in (root / "sys/fs/cgroup/cpu" / group.strip("/"), root / "sys/fs/cgroup/cpu"):
                names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
                quotas.append(_ratio(*("".join(_words(folder / name)) for name in names)))
    return min((quota for quota in quotas if quota is not None), default=None)


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []


def _ratio(quota: str, period: str) -> float | None:
    """Return quota over period, both in microseconds; None for "max", -1 and missing values."""
    if not (quota.isdigit() and period.isdigit() and int(period)):
        return None
    return int(quota) / int(period)
