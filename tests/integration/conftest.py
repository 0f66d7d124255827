# SPDX-License-Identifier: Apache-2.0
import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from env import fleet  # noqa: E402
from env.api import Api  # noqa: E402


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if call.when == "call":
        item.failed = outcome.get_result().failed


@pytest.fixture
def folder(request):
    """A temporary folder that stays, with its logs, when the test fails."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="phoenix-test-"))
    yield path
    if getattr(request.node, "failed", False):
        for log in sorted(path.glob("*.log")):
            lines = log.read_text(errors="replace").splitlines()
            print(f"\n---- {log} (last lines)", *lines[-40:], sep="\n")
    else:
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def api_settings(request):
    """Settings of the API for one test: @pytest.mark.api(**{"task.lease": "1s"})."""
    marks = request.node.get_closest_marker("api")
    return marks.kwargs if marks else {}


@pytest.fixture
def api(folder, api_settings):
    server = Api(folder, api_settings).start()
    fleet.Client.contract = server.contract
    yield server
    fleet.Client.contract = None
    server.close()


def pytest_configure(config):
    config.addinivalue_line("markers", "api(**settings): settings of phoenix-api for this test")
    config.addinivalue_line("markers", "valgrind: also runs with PHX_WRAP set to valgrind, see scripts/test")
