"""Limits of control groups as Docker, Kubernetes, systemd and Slurm write them: files of both versions."""

import pytest

from s3d_tf import cgroup


@pytest.fixture
def system(tmp_path):
    """Writes what /proc/self says and the files of the groups; returns the folder in place of /proc/self."""

    def write(groups: str, mounts: dict[str, str], files: dict[str, str]):
        proc = tmp_path / "proc"
        proc.mkdir()
        (proc / "cgroup").write_text(groups)
        rows = [f"30 24 0:26 {root} {tmp_path}/{name} rw - {kind}\n" for name, (root, kind) in mounts.items()]
        (proc / "mountinfo").write_text("".join(rows))
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n")
        return proc

    return write


V2 = {"fs": ("/", "cgroup2 cgroup2 rw,nsdelegate")}


def test_version_2(system):
    proc = system("0::/\n", V2, {"fs/cpu.max": "150000 100000", "fs/memory.max": "4000000000"})
    assert cgroup.cpu_quota(proc) == 1.5
    assert cgroup.memory_limit(proc) == 4_000_000_000


def test_version_2_without_limits(system):
    proc = system("0::/user.slice\n", V2, {"fs/user.slice/cpu.max": "max 100000", "fs/user.slice/memory.max": "max"})
    assert cgroup.cpu_quota(proc) is None
    assert cgroup.memory_limit(proc) is None


def test_the_smallest_limit_of_the_groups_around_it_holds(system):
    files = {"fs/job/cpu.max": "200000 100000", "fs/job/step/cpu.max": "400000 100000", "fs/job/step/memory.max": "max"}
    proc = system("0::/job/step\n", V2, files | {"fs/job/memory.max": "7"})
    assert cgroup.cpu_quota(proc) == 2.0
    assert cgroup.memory_limit(proc) == 7


V1 = {
    "cpu": ("/", "cgroup cgroup rw,cpu,cpuacct"),
    "memory": ("/", "cgroup cgroup rw,memory"),
    "cpuset": ("/", "cgroup cgroup rw,cpuset"),
}


def test_version_1(system):
    quota = {"cpu/job/cpu.cfs_quota_us": "50000", "cpu/job/cpu.cfs_period_us": "100000"}
    unlimited = {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}
    memory = {"memory/job/memory.limit_in_bytes": "2000000000", "memory/memory.limit_in_bytes": "9223372036854771712"}
    proc = system("5:cpu,cpuacct:/job\n4:memory:/job\n3:cpuset:/\n0::/\n", V1, quota | unlimited | memory)
    assert cgroup.cpu_quota(proc) == 0.5
    assert cgroup.memory_limit(proc) == 2_000_000_000


def test_version_1_without_limits(system):
    files = {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}
    files |= {"memory/memory.limit_in_bytes": "9223372036854771712"}
    proc = system("5:cpu,cpuacct:/\n4:memory:/\n", V1, files)
    assert cgroup.cpu_quota(proc) is None
    assert cgroup.memory_limit(proc) is None


def test_a_container_sees_its_own_group_as_the_root_of_the_mount(system):
    """Docker without a namespace for control groups: the path is the host's, the mount begins at that group."""
    mounts = {"memory": ("/docker/1f", "cgroup cgroup rw,memory")}
    proc = system("4:memory:/docker/1f\n", mounts, {"memory/memory.limit_in_bytes": "512"})
    assert cgroup.memory_limit(proc) == 512


def test_other_systems_have_none(tmp_path):
    assert cgroup.cpu_quota(tmp_path) is None
    assert cgroup.memory_limit(tmp_path) is None
