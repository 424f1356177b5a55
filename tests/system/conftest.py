"""What the system tests share: a gateway, smarthosts and people, all on loopback."""

import os
import pathlib
import shutil
import ssl
import tempfile

import pytest

import dovecot
from certificates import Certificates
from gateway import Gateway
from postfix import Postfix, available
from provider import Provider
from smarthost import Smarthost


@pytest.fixture
def folder():
    """Short, so that sockets below it have short paths, and open to other users."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="lontar-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    path = pathlib.Path(tempfile.mkdtemp(prefix="lontar-tls-"))
    path.chmod(0o755)
    yield Certificates(path)
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def make_smarthost(certificates):
    """Makes scripted smarthosts: make_smarthost(extensions=..., tls=True, implicit=True)."""
    made = []

    def make(tls=False, **more):
        context = None
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificates.certificate, certificates.key)
        made.append(Smarthost(tls=context, **more))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def smarthost(make_smarthost):
    """One that takes everything."""
    return make_smarthost()


@pytest.fixture
def make_gateway(folder):
    """Makes gateways below folders of their own, and ends them."""
    made = []

    def make(start=True, **settings):
        place = folder / f"gateway{len(made)}"
        place.mkdir()
        made.append(Gateway(place, **settings))
        return made[-1].start() if start else made[-1]

    yield make
    for one in made:
        if one.process:
            one.stop()


@pytest.fixture
def gateway(make_gateway, smarthost):
    """A running office gateway: ann and bob, and the smarthost `isp`."""
    return make_gateway(smarthosts={"isp": smarthost.port})


@pytest.fixture
def stopped_gateway(make_gateway, smarthost):
    """As gateway, but only initialised."""
    return make_gateway(start=False, smarthosts={"isp": smarthost.port})


@pytest.fixture(scope="session")
def make_postfix(certificates):
    """Real Postfix, one for each set of arguments, emptied when asked for again."""
    if not available():
        pytest.skip("Postfix as a peer of the tests' own needs root and Debian's postfix")
    made = {}

    def make(**settings):
        key = repr(sorted(settings.items()))
        if key not in made:
            made[key] = Postfix(certificates, **settings)
        made[key].forget()
        return made[key]

    yield make
    for one in made.values():
        one.close()


def pytest_terminal_summary(terminalreporter):
    """Figures that tests have measured (record_property "figure")."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for key, figure in report.user_properties:
                if key == "figure":
                    terminalreporter.write_line(figure)


@pytest.fixture
def make_provider():
    made = []

    def make(*words, **settings):
        made.append(Provider(*words, **settings))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def office(make_gateway):
    """A gateway that is only initialised; office(port, keys...) writes its pickup."""
    gateway = make_gateway(start=False)
    secret = gateway.secret("secrets/isp", Provider.password)
    secret = gateway.root / "control" / secret
    if os.geteuid() == 0:
        try:
            shutil.chown(secret, group="lontarout")
            secret.chmod(0o640)
        except LookupError:
            pass

    def set_up(port, **keys):
        settings = {
            "host": "127.0.0.1", "port": port, "tls": "none", "user": "ann",
            "passwordfile": "secrets/isp", "to": "ann", **keys,
        }  # fmt: skip
        gateway.control(
            "pickups/isp", "".join(f"{k} {v}\n" for k, v in settings.items() if v is not None)
        )
        return gateway

    return set_up


@pytest.fixture(scope="module")
def make_dovecot(certificates):
    if not dovecot.available():
        pytest.skip("Dovecot as a provider of the tests' own needs root and dovecot-pop3d")
    made = []

    def make(**settings):
        made.append(dovecot.Dovecot(certificates, **settings))
        return made[-1]

    yield make
    for one in made:
        one.close()
