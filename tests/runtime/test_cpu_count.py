"""Container quotas as the kernel's two versions of control groups tell them, in made-up file systems."""

import os

import pytest

from numpy_vitmatte.runtime import cpu_count
from numpy_vitmatte.runtime.cpu_count import usable_cpus


@pytest.fixture(autouse=True)
def eight_cpus(monkeypatch):
    monkeypatch.setattr(cpu_count.os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)


def write(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


TWO = {"proc/self/cgroup": "0::/app/worker\n"}
ONE = {"proc/self/cgroup": "12:memory:/x\n4:cpu,cpuacct:/docker/7\n"}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 8),
        (TWO, 8),
        (TWO | {"sys/fs/cgroup/app/worker/cpu.max": "max 100000\n"}, 8),
        (TWO | {"sys/fs/cgroup/app/worker/cpu.max": "150000 100000\n"}, 2),
        (TWO | {"sys/fs/cgroup/app/worker/cpu.max": "10000 100000\n"}, 1),
        (TWO | {"sys/fs/cgroup/app/worker/cpu.max": "3200000 100000\n"}, 8),
        (TWO | {"sys/fs/cgroup/app/cpu.max": "300000 100000\n", "sys/fs/cgroup/app/worker/cpu.max": "max 100000\n"}, 3),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "400000 100000\n"}, 4),
        (ONE, 8),
        (ONE | {"sys/fs/cgroup/cpu/docker/7/cpu.cfs_quota_us": "-1\n"}, 8),
        (
            ONE
            | {
                "sys/fs/cgroup/cpu/docker/7/cpu.cfs_quota_us": "250000\n",
                "sys/fs/cgroup/cpu/docker/7/cpu.cfs_period_us": "100000\n",
            },
            3,
        ),
        (ONE | {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "25000\n"}, 2),
        (TWO | {"sys/fs/cgroup/app/worker/cpu.max": "nonsense"}, 8),
    ],
)
def test_quota(tmp_path, files, expected):
    """No quota, one of its own, one of a group around it; fractions count as whole CPUs."""
    write(tmp_path, files)
    assert usable_cpus(tmp_path) == expected


def test_without_affinity(tmp_path, monkeypatch):
    """Elsewhere than on Linux the CPUs of the machine count."""
    monkeypatch.delattr(cpu_count.os, "sched_getaffinity")
    assert usable_cpus(tmp_path) == os.cpu_count()
