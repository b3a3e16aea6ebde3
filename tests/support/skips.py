"""Which tests may be skipped: those that need an extra, and say so by a marker.

``@pytest.mark.extras("pymatting")`` skips a test where that package is not installed. A test that skips for another
reason must be one that this system cannot run at all; on Linux, where the project is developed, there is no such test.
"""

import importlib.util
import re
import sys

import pytest

MARKERS = ("parity", "extras")
MARKED_FILE = re.compile(rf"^pytestmark = .*pytest\.mark\.({'|'.join(MARKERS)})\b", re.MULTILINE)
UNMARKED = "a test that needs an extra must be marked with pytest.mark.extras or pytest.mark.parity; skipped: "


def pytest_addoption(parser):
    """With ``--extras-installed`` no test may be skipped: .ci/run has installed everything."""
    parser.addoption("--extras-installed", action="store_true", help="fail where a test is skipped")


def pytest_runtest_setup(item):
    """Skip a test whose marker names a package that is missing."""
    for marker in item.iter_markers("extras"):
        missing = [package for package in marker.args if importlib.util.find_spec(package) is None]
        if missing:
            pytest.skip(f"{', '.join(missing)} not installed; docs/install.md says which extra brings it")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """A skip that is not allowed is a failure."""
    report = yield
    marked = any(item.get_closest_marker(name) for name in MARKERS)
    if report.skipped and not hasattr(report, "wasxfail"):
        _judge(report, item.config, marked)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """The same for a whole file, whose marker has not been read when an import at its top skips it."""
    report = yield
    if report.skipped:
        _judge(report, collector.config, bool(MARKED_FILE.search(collector.path.read_text(encoding="utf-8"))))
    return report


def _judge(report, config, marked):
    reason = report.longrepr[2]
    if config.getoption("extras_installed"):
        report.outcome, report.longrepr = "failed", f"skipped although every extra is installed: {reason}"
    elif not marked and sys.platform == "linux":
        report.outcome, report.longrepr = "failed", UNMARKED + reason
