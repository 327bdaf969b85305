"""What every integration test shares: the fixtures `lab`, `module_lab` and
`tls_proxy`, and the logs of a failed test in its report.

Environment: RAVELIN is the program to test (build/ravelin), RAVELIN_SCALE multiplies time-outs and divides sizes (4
for a sanitizer build), RAVELIN_LONG=1 makes the load tests take as long as the acceptance asks for.
"""

import pytest

pytest.register_assert_rewrite("ravelin_test")

from ravelin_test.lab import Lab  # noqa: E402  (after register_assert_rewrite)
from ravelin_test.certificates import Authority  # noqa: E402
from ravelin_test.folders import new_folder, remove_folder  # noqa: E402
from ravelin_test.http2.behind import Behind  # noqa: E402
from ravelin_test.http2.cases import Player  # noqa: E402
from ravelin_test.proxy import site_block  # noqa: E402
from ravelin_test.settings import SCALE  # noqa: E402


@pytest.fixture(scope="session")
def authority():
    """A certificate authority of this test process. Certificates are made when first asked for."""
    folder = new_folder("authority")
    yield Authority(folder)
    remove_folder(folder)


@pytest.fixture
def lab(request, authority):
    """Starts proxies, servers and clients for one test, and ends them all after it: see ravelin_test/lab.py."""
    laboratory = Lab(authority)
    request.node.laboratory = laboratory
    yield laboratory
    laboratory.close(test_failed=getattr(request.node, "failed", False))


@pytest.fixture(scope="module")
def module_lab(request, authority):
    """The same for all tests of a module that need nothing of their own but a connection."""
    laboratory = Lab(authority)
    yield laboratory
    laboratory.close(test_failed=getattr(request.node, "failed", False))


@pytest.fixture(scope="module")
def tls_proxy(module_lab):
    """A proxy for tests that need nothing but connections to it: with a certificate of every kind, and one worker."""
    kinds = ("ecdsa", "ecdsa-p384", "ed25519", "rsa")
    certificates = [module_lab.authority.certificate("localhost", kind=kind) for kind in kinds]
    return module_lab.proxy(
        module_lab.server(),
        sites=[site_block("localhost", certificates, ["*.localhost"])],
        listen={"http2": "no"},  # what is said after the handshake is HTTP/1
        limits={f"{name}-timeout": f"{round(10 * SCALE)}s" for name in ("handshake", "header", "idle")},
    )


@pytest.fixture(scope="module")
def http2_player(module_lab):
    """Plays conversations of HTTP/2 through one proxy, with one worker, before one server: see ravelin_test/http2/cases.py."""
    server = module_lab.keep_server(Behind())
    proxy = module_lab.proxy(server.address("web"), listen={"http2": "yes"})
    player = Player(proxy, server)
    yield player
    player.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    laboratory = getattr(item, "laboratory", None) or getattr(item, "funcargs", {}).get("module_lab")
    if not report.failed or laboratory is None:
        return
    item.failed = item.parent.failed = True
    for title, text in laboratory.evidence():
        report.sections.append((title, text))
