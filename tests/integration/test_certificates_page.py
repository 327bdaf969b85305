"""conf/certificates.md: every command on the page is run, with an authority on this machine."""

import re
import shlex
import shutil

import pytest

from ravelin_test.pebble import AVAILABLE, Pebble
from ravelin_test.processes import run, text
from ravelin_test.settings import IS_ROOT, PATIENCE, ROOT
from ravelin_test.waiting import wait_for

NAME = "www.example.com"
PAGE = (ROOT / "conf/certificates.md").read_text()

pytestmark = pytest.mark.skipif(not AVAILABLE or not IS_ROOT, reason="needs the package pebble, and root for its clients")


def blocks():
    found = re.findall(r"^( *)```(\w*)\n(.*?)^ *```$", PAGE, re.MULTILINE | re.DOTALL)
    return [(kind, re.sub(f"^{space}", "", block, flags=re.MULTILINE)) for space, kind, block in found]


def commands(*words):
    """The commands of the page in which all of these are, without sudo."""
    lines = [line[2:] for kind, block in blocks() if kind == "console" for line in block.splitlines()]
    found = [line.removeprefix("sudo ") for line in lines if all(word in line for word in words)]
    assert found, f"no command with {words}"
    return found


class Host:
    """The host of the page: its folders are in a folder of the test, its ports are other ones."""

    def __init__(self, lab):
        self.server = lab.server()
        self.proxy = lab.prepare(self.server, redirect=True)
        self.root = lab.subfolder("root")
        (self.root / "var/www").mkdir(parents=True)
        self.pebble = lab.keep_server(Pebble(lab.subfolder("pebble"), lab.authority, self.proxy.redirect_port))
        self.environment = {
            "REQUESTS_CA_BUNDLE": str(self.pebble.ca),  # certbot
            "LEGO_CA_CERTIFICATES": str(self.pebble.ca),
        }
        self.issuer = self.pebble.write_root(lab.folder / "root.pem")

    def moved(self, words):
        """With the paths of this host."""
        return re.sub(r"(?<![\w/])/(var|etc)/(?!ravelin)", lambda found: f"{self.root}/{found.group(1)}/", words)

    def configure(self, block):
        config = self.moved(block)
        config = config.replace("0.0.0.0:80 ", f"127.0.0.1:{self.proxy.redirect_port} ")
        config = config.replace("0.0.0.0:443 ", f"127.0.0.1:{self.proxy.port} ")
        self.proxy.write_config("workers = 1\n" + config.replace("127.0.0.1:8000", self.server.address))

    def run(self, command, *more):
        return run([*shlex.split(self.moved(command)), *more], environment=self.environment, timeout=120)

    def certbot(self, command):
        folders = [f"--{kind}-dir={self.root}/etc/letsencrypt{more}" for kind, more in (("config", ""), ("work", "/w"), ("logs", "/l"))]
        self.run(command, "--server", self.pebble.directory, *folders)

    def curl(self, check=True):
        """The page's own request: any answer over TLS that curl has verified."""
        [command] = set(commands("curl https"))
        there = f"{NAME}:443:127.0.0.1:{self.proxy.port}"
        return run([*shlex.split(command), "-sS", "--cacert", self.issuer, "--connect-to", there], check=check)

    def serial(self):
        shown = self.proxy.s_client("-servername", NAME, "-CAfile", str(self.issuer))
        assert "Verify return code: 0 (ok)" in shown, shown
        pem = re.search("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", shown, re.DOTALL).group(0)
        return text(run(["openssl", "x509", "-noout", "-serial"], input=pem.encode()).stdout)


@pytest.fixture
def host(lab):
    return Host(lab)


def configurations(word):
    """Those in which this is."""
    return [block for kind, block in blocks() if kind == "" and word in block]


def begin(host):
    """Steps 1 and 2."""
    host.run(commands("mkdir", "/var/www/acme")[0])
    host.configure(configurations("acme-challenge")[0])
    host.proxy.start()


def finish(host, files=None):
    """Steps 4 and 5: the site, and a client that verifies it."""
    whole = configurations("acme-challenge")[1]
    for old, new in files or ():
        assert old in whole
        whole = whole.replace(old, new)
    host.configure(whole)
    host.proxy.reload()
    assert host.curl().stdout == b"ok"
    return host.serial()


def wait_for_another(host, serial):
    wait_for(lambda: host.serial() != serial, "the renewed certificate")


@pytest.mark.skipif(not shutil.which("certbot"), reason="certbot is not installed")
def test_certbot(host):
    begin(host)
    [issue] = commands("certbot certonly")
    host.certbot(issue)
    serial = finish(host)
    host.certbot("certbot renew --force-renewal -n --no-random-sleep-on-renew")
    wait_for_another(host, serial)


@pytest.mark.skipif(not shutil.which("lego"), reason="lego is not installed")
def test_lego(host):
    begin(host)
    issue, renew = commands("lego ")
    chosen = ["--server", host.pebble.directory]

    def lego(command, *more):
        words = shlex.split(command)
        host.run(shlex.join([words[0], *chosen, *words[1:], *more]))

    lego(issue)
    made = "/var/lib/lego/certificates/www.example.com"
    live = "/etc/letsencrypt/live/www.example.com/"
    assert f"`{made}.crt`" in PAGE
    serial = finish(host, [(live + "fullchain.pem", made + ".crt"), (live + "privkey.pem", made + ".key")])
    assert renew.endswith("--days 30")
    lego(renew.removesuffix("30") + "10000", "--no-random-sleep")
    wait_for_another(host, serial)


@pytest.mark.skipif(not shutil.which("uacme"), reason="uacme is not installed")
def test_uacme(host):
    begin(host)
    make_folder, issue = commands("/var/www/acme/.well-known/acme-challenge")
    [account] = commands("uacme -y new")
    host.run(make_folder)
    # It trusts one file only. In a mount of its own, that is another one.
    trust = f"mount --bind {host.pebble.ca} /etc/ssl/certs/ca-certificates.crt"
    chosen = f"uacme -a {host.pebble.directory} -c {host.root}/etc/ssl/uacme "

    def uacme(command, more=""):
        inner = host.moved(command).replace("uacme -", chosen + more + "-", 1)
        run(["unshare", "--mount", "sh", "-c", f"{trust} && exec {inner}"], timeout=120)

    (host.root / "etc/ssl").mkdir(parents=True)
    uacme(account)
    uacme(issue)
    live = "/etc/letsencrypt/live/www.example.com/"
    made, key = "/etc/ssl/uacme/www.example.com/cert.pem", "/etc/ssl/uacme/private/www.example.com/key.pem"
    assert f"`{made}`" in PAGE and f"`{key}`" in PAGE
    serial = finish(host, [(live + "fullchain.pem", made), (live + "privkey.pem", key)])
    uacme(issue, "-f ")
    wait_for_another(host, serial)


def plain(log):
    """Without what differs from host to host."""
    for pattern, stands in ((r"\[\d+\]", "[N]"), (r"https://\S+", "URL"), (r"until \S+", "until TIME")):
        log = re.sub(pattern, stands, log)
    return log


@pytest.mark.skipif(not shutil.which("lego"), reason="lego is not installed")
def test_the_first_certificate(host):
    """From the installed program to a certificate that curl verifies."""
    [block] = configurations("certificate acme")
    folder = f"{host.root}/acme"
    account = f'directory = "{host.pebble.directory}" ca = "{host.pebble.ca}" folder = "{folder}"'
    host.configure(block.replace("agree = yes", f"agree = yes {account}"))
    host.proxy.start()
    wait_for(lambda: host.curl(check=False).stdout == b"ok", "a certificate that curl verifies", 4 * PATIENCE)
    wait_for(lambda: host.proxy.log().count("received: valid until") == 2, "the certificates of both names", 4 * PATIENCE)
    [shown] = configurations("ordering a certificate")
    wait_for(lambda: all(line in plain(host.proxy.log()) for line in plain(shown).splitlines()), "the lines of the page")
    rows = set(re.findall(r"^\| `((?:keys|requests|work)/[\w.]+/?)` ", PAGE, re.MULTILINE))
    assert len(rows) == 5
    for row in rows:
        assert (host.root / "acme" / row.replace("NAME", NAME)).exists(), row


def test_an_authority_of_ones_own(lab):
    [block] = configurations("ca.internal")
    proxy = lab.prepare(lab.server(), redirect=True)
    proxy.write_config(block + proxy.config_text())
    assert proxy.command("check").returncode == 0


def test_every_block_is_run():
    """Here or, of the package, in tests/package."""
    assert len([kind for kind, _ in blocks() if kind == ""]) == 5
    lines = [line[2:].removeprefix("sudo ") for kind, block in blocks() if kind == "console" for line in block.splitlines()]
    tried = ("mkdir", "ravelin reload -c /etc/ravelin/ravelin.conf", "certbot certonly", "curl https", "lego ", "uacme ", "env UACME")
    rest = [line for line in lines if not line.startswith(tried)]
    assert rest == ["apt install ./ravelin_0.1.0-1~deb13_amd64.deb lego", "apt install certbot"]
