"""`ravelin prove`: what it says is so, seen from outside, and it says so when it is not."""

import hashlib
import json
import re
import shutil

import pytest

from ravelin_test.http import request
from ravelin_test.processes import run, text
from ravelin_test.proxy import site_block
from ravelin_test.settings import IS_ROOT, RAVELIN, ROOT, SANITIZED
from ravelin_test.tls13 import client_hello, hello_record, wire
from ravelin_test.waiting import wait_for

HEADERS = ROOT / "build/deps/wolfssl/include/wolfssl"
ASK_AND_CLOSE = request(fields=["Connection: close"])

# Names of ours for what openssl s_client calls otherwise. OpenSSL 3.0 has no post-quantum groups: see test_clients.py.
OPENSSL_GROUPS = {"X25519": "X25519", "P-256": "P-256", "P-384": "P-384", "P-521": "P-521", "X448": "X448"}
OPENSSL_GROUPS |= {"ffdhe2048": "ffdhe2048", "ffdhe3072": "ffdhe3072"}
OPENSSL_SUITES = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]
OPENSSL_SUITES += ["TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"]
OPENSSL_VERSIONS = {"TLS 1.3": "-tls1_3", "TLS 1.2": "-tls1_2", "TLS 1.1": "-tls1_1", "TLS 1.0": "-tls1"}
OPENSSL_SCHEMES = {
    "ecdsa_secp256r1_sha256": ("ecdsa", "ECDSA+SHA256"),
    "ecdsa_secp384r1_sha384": ("ecdsa-p384", "ECDSA+SHA384"),
    "ed25519": ("ed25519", "ed25519"),
    "rsa_pss_rsae_sha256": ("rsa", "RSA-PSS+SHA256"),
    "rsa_pss_rsae_sha384": ("rsa", "RSA-PSS+SHA384"),
    "rsa_pss_rsae_sha512": ("rsa", "RSA-PSS+SHA512"),
    "rsa_pkcs1_sha256": ("rsa", "RSA+SHA256"),
    "rsa_pkcs1_sha1": ("rsa", "RSA+SHA1"),
    "ecdsa_sha1": ("ecdsa", "ECDSA+SHA1"),
}


def prove(*arguments, program=RAVELIN, status=0):
    result = run([program, "prove", "--json", *arguments], check=False)
    assert result.returncode == status, text(result.stdout + result.stderr)
    return json.loads(result.stdout)


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def symbols_of(program):
    """What nm sees defined in it, without the suffixes of the compiler's variants."""
    lines = text(run(["nm", "--defined-only", program]).stdout).splitlines()
    return {line.split()[-1].partition(".")[0] for line in lines}


@pytest.fixture(scope="module")
def proof():
    return prove()


# ---- The report


def test_every_claim_holds(proof):
    assert proof["holds"] is True
    assert {claim["name"] for claim in proof["claims"] if not claim["holds"]} == set()
    assert len(proof["claims"]) >= 24
    for claim in proof["claims"]:
        assert {p["kind"] for p in claim["proofs"]} <= {"handshake", "call", "symbol", "constant"}
        assert all(p["holds"] is True for p in claim["proofs"])
    assert proof["configuration"] is None and proof["running"] is None


def test_the_report_for_people_says_the_same(proof):
    output = text(run([RAVELIN, "prove"]).stdout)
    for claim in proof["claims"]:
        assert f"ok    {claim['claim']} ({claim['name']})" in output
        assert all(p["how"] in output for p in claim["proofs"])
    assert proof["executable"]["sha256"] in output
    assert output.endswith("Every claim holds.\n")
    assert "FAIL" not in output


def test_the_hash_is_that_of_the_executable(proof, lab):
    assert proof["executable"]["path"] == str(RAVELIN.resolve())
    assert text(run(["sha256sum", RAVELIN]).stdout).split()[0] == proof["executable"]["sha256"]
    copy = lab.folder / "copy"
    shutil.copy(RAVELIN, copy)
    with copy.open("ab") as file:
        file.write(b"one more line")
    assert prove(program=copy)["executable"]["sha256"] == sha256(copy) != sha256(RAVELIN)


def test_the_versions_of_the_libraries(proof):
    version = re.search(r'LIBWOLFSSL_VERSION_STRING "(.*)"', (HEADERS / "version.h").read_text()).group(1)
    assert proof["libraries"]["wolfssl"] == version
    assert set(proof["libraries"]) == {"wolfssl", "libev", "http-parser", "libconfuse", "libseccomp", "nghttp2", "c-ares"}
    for number in proof["libraries"].values():
        assert re.fullmatch(r"\d+\.\d+(\.\d+)?", number)
    assert proof["kernel"].startswith("Linux ")


def test_version_says_what_the_library_says(proof):
    output = text(run([RAVELIN, "version"]).stdout)
    assert f"suites: {', '.join(proof['negotiates']['suites'])}\n" in output
    assert f"groups: {', '.join(proof['negotiates']['groups'])}\n" in output


@pytest.mark.parametrize("arguments", [["-x"], ["more"], ["-c"]])
def test_bad_usage(arguments):
    assert run([RAVELIN, "prove", *arguments], check=False).returncode == 2


def test_json_is_for_prove_only():
    assert run([RAVELIN, "version", "--json"], check=False).returncode == 2


# ---- Symbols


def test_what_must_be_absent_is_absent_for_nm(proof):
    """And nm sees what must be there, so it would see the rest too."""
    assert proof["executable"]["symbols"] is True
    there = symbols_of(RAVELIN)
    assert {"main", "wolfTLSv1_3_server_method", "wolfSSL_CTX_set_groups", "wc_AesGcmEncrypt", "wc_MlKemKey_Encapsulate"} <= there
    subjects = {p["subject"] for c in proof["claims"] for p in c["proofs"] if p["kind"] == "symbol" and p["subject"]}
    assert len(subjects) >= 30
    assert subjects & there == set()
    assert not [name for name in there if "heartbeat" in name.lower()]


def test_what_must_be_absent_are_real_names(proof):
    """Each is declared in a header of the library: a name with a slip in it would be absent from anything."""
    words = set()
    for header in HEADERS.rglob("*.h"):
        words |= set(re.findall(r"\w+", header.read_text(errors="replace")))
    for claim in proof["claims"]:
        for p in claim["proofs"]:
            if p["kind"] == "symbol" and p["subject"]:
                assert p["subject"] in words, p


def test_the_constants_are_those_of_the_header(proof):
    defined = set(re.findall(r"(?m)^#define\s+(\w+)", (HEADERS / "options.h").read_text()))
    constants = [p for claim in proof["claims"] for p in claim["proofs"] if p["kind"] == "constant"]
    assert len(constants) >= 30
    for p in constants:
        assert (p["subject"] in defined) == (" was defined " in p["how"]), p


@pytest.mark.parametrize(
    "symbol, claim",
    [("wolfTLSv1_2_server_method", "tls-1.3-only"), ("wolfSSL_read_early_data", "no-early-data"), ("wc_DhAgree", "forward-secrecy")],
)
def test_a_symbol_that_must_not_be_there(lab, symbol, claim):
    copy = lab.folder / "ravelin"
    run(["objcopy", "--add-symbol", f"{symbol}=.text:0x40,function,global", RAVELIN, copy])
    assert symbol in symbols_of(copy)
    proof = prove(program=copy, status=1)
    assert proof["holds"] is False
    assert [c["name"] for c in proof["claims"] if not c["holds"]] == [claim]
    [broken] = [p for c in proof["claims"] for p in c["proofs"] if p["holds"] is False]
    assert broken["subject"] == symbol
    output = run([copy, "prove"], check=False)
    assert output.returncode == 1
    assert f"! symbol     {symbol} is in this executable" in text(output.stdout)
    assert "Not every claim holds." in text(output.stdout)


def test_a_stripped_executable_still_proves(lab):
    copy = lab.folder / "ravelin"
    run(["strip", "-o", copy, RAVELIN])
    proof = prove(program=copy)
    assert proof["executable"]["symbols"] is False
    kinds = {p["kind"]: set() for claim in proof["claims"] for p in claim["proofs"]}
    for claim in proof["claims"]:
        for p in claim["proofs"]:
            kinds[p["kind"]].add(p["holds"])
    assert kinds == {"handshake": {True}, "call": {True}, "symbol": {None}, "constant": {True}}


# ---- Seen from outside: what it says can be negotiated can, and the rest cannot


def connects(proxy, *arguments):
    return "HTTP/1.1 " in proxy.s_client(*arguments, "-ign_eof", input=ASK_AND_CLOSE)


@pytest.fixture
def proxy(lab):
    """With a certificate of each kind."""
    kinds = ("ecdsa", "ecdsa-p384", "ed25519", "rsa")
    certificates = [lab.authority.certificate("localhost", "127.0.0.1", kind=kind) for kind in kinds]
    return lab.proxy(lab.server(), sites=[site_block("localhost", certificates, ["127.0.0.1"])])


def test_versions_from_outside(proof, proxy):
    taken = [name for name, option in OPENSSL_VERSIONS.items() if connects(proxy, option, "-cipher", "ALL:@SECLEVEL=0")]
    assert taken == proof["negotiates"]["versions"] == ["TLS 1.3"]


def test_suites_from_outside(proof, proxy):
    taken = [name for name in OPENSSL_SUITES if connects(proxy, "-ciphersuites", name)]
    assert taken == proof["negotiates"]["suites"] == proof["compiled_suites"]


def test_groups_from_outside(proof, proxy):
    taken = {name for name, option in OPENSSL_GROUPS.items() if connects(proxy, "-groups", option)}
    assert taken == {name for name in proof["negotiates"]["groups"] if "MLKEM" not in name}
    assert {name for name in proof["negotiates"]["groups"] if "MLKEM" in name} == {"X25519MLKEM768", "SecP256r1MLKEM768"}


def test_signatures_from_outside(proof, lab):
    proxies = {}
    for kind in ("ecdsa", "ecdsa-p384", "ed25519", "rsa"):
        certificate = lab.authority.certificate("localhost", "127.0.0.1", kind=kind)
        proxies[kind] = lab.proxy(lab.server(), sites=[site_block("localhost", [certificate], ["127.0.0.1"])])
    taken = {
        name
        for name, (kind, option) in OPENSSL_SCHEMES.items()
        if connects(proxies[kind], "-sigalgs", option, "-cipher", "ALL:@SECLEVEL=0")
    }
    assert taken == set(proof["negotiates"]["signatures"])


def test_tickets_from_outside(proof, lab, proxy):
    """With psk_dhe_ke a ticket resumes; early data is not allowed by it (psk_ke alone: see test_resumption.py)."""
    assert proof["negotiates"]["tickets"] == {"psk_dhe_ke": True, "psk_ke": False, "early_data": False}
    kept = lab.folder / "session"
    output = proxy.s_client("-sess_out", kept, "-ign_eof", input=ASK_AND_CLOSE)
    assert "New, TLSv1.3" in output and "Max Early Data: 0" in output
    output = proxy.s_client("-sess_in", kept, "-ign_eof", input=ASK_AND_CLOSE)
    assert "Reused, TLSv1.3" in output


def test_the_gate_before_the_library_is_no_wider(proof, proxy):
    """What prove asks the library alone, a real client asks the whole proxy: group after group, by hand."""
    numbers = {"P-521": 0x19, "X448": 0x1E, "P-224": 0x15, "P-192": 0x13, "ffdhe2048": 0x100, "MLKEM768": 0x201}
    for name, number in numbers.items():
        answer = wire.exchange(proxy.port, hello_record(client_hello(groups=(number,), shares=[])))
        assert wire.plain_alerts(answer) == [(2, 40)], name
        assert name not in proof["negotiates"]["groups"]


# ---- What runs


def running(proxy, status=0):
    return prove("-c", proxy.config, program=proxy.program, status=1 if SANITIZED else status)


def test_what_runs_is_read_back(lab):
    proxy = lab.proxy(lab.server(), workers=2, tls={"ticket-lifetime": "20m", "require-post-quantum": "yes"})
    certificate = lab.authority.certificate("localhost", "127.0.0.1")
    proof = running(proxy)
    found = proof["running"]
    assert proof["holds"] is not SANITIZED  # a build with sanitizers has no sandbox
    assert proof["configuration"] == {"path": str(proxy.config), "sha256": sha256(proxy.config)}
    assert found["pid"] == proxy.pid and found["generation"] == 1
    assert found["version"] == proof["ravelin"]
    assert found["same_executable"] is True
    assert found["executable_sha256"] == sha256(RAVELIN) == proof["executable"]["sha256"]
    assert found["policies"] == {"require_post_quantum": True, "ticket_lifetime_s": 1200}
    assert found["files"] == [
        {"path": str(path), "sha256": sha256(path), "on_disk": "same"} for path in (proxy.config, certificate.path)
    ]
    pids = {(kind, slot): pid for kind in ("worker", "signer") for slot, pid in pids_of(proxy, kind).items()}
    assert {(p["kind"], p["slot"]): p["pid"] for p in found["processes"]} == pids


def pids_of(proxy, kind):
    return {child["slot"]: child["pid"] for child in proxy.status()[f"{kind}s"]}


@pytest.mark.skipif(SANITIZED, reason="a build with sanitizers has no sandbox")
def test_the_sandbox_of_each_process(lab):
    proxy = lab.proxy(lab.server(), workers=2)
    processes = running(proxy)["running"]["processes"]
    assert len(processes) == 4
    for process in processes:
        status = open(f"/proc/{process['pid']}/status").read()
        assert re.search(r"(?m)^Seccomp:\t2$", status) and process["seccomp"] == "filter"
        assert re.search(r"(?m)^NoNewPrivs:\t1$", status) and process["no_new_privileges"] is True
        assert re.search(r"(?m)^CapEff:\t0+$", status) and set(process["capabilities"]) == {"0"}
        assert int(re.search(r"(?m)^Uid:\t(\d+)", status).group(1)) == process["uid"] > 0
        assert process["sandboxed"] is True and process["state"] == "running"


def test_a_file_that_changed_on_disk(lab):
    proxy = lab.proxy(lab.server())
    loaded = sha256(proxy.config)
    proxy.write_config(proxy.config_text() + "# a remark\n")
    proof = running(proxy)
    [config, certificate] = proof["running"]["files"]
    assert config == {"path": str(proxy.config), "sha256": loaded, "on_disk": "different"}
    assert proof["configuration"]["sha256"] == sha256(proxy.config) != loaded
    assert certificate["on_disk"] == "same"
    output = text(run([RAVELIN, "prove", "-c", proxy.config], check=False).stdout)
    assert f"{loaded}  {proxy.config} (different on disk)" in output
    proxy.reload()
    proof = running(proxy)
    assert proof["running"]["generation"] == 2
    assert proof["running"]["files"][0] == {
        "path": str(proxy.config),
        "sha256": sha256(proxy.config),
        "on_disk": "same",
    }


def test_a_certificate_that_is_gone_from_disk(lab):
    made = lab.authority.certificate("localhost", "127.0.0.1")
    copy = lab.folder / "copy.pem"
    shutil.copy(made.path, copy)
    sites = [site_block("localhost", [type(made)(copy, made.key)], ["127.0.0.1"])]
    proxy = lab.proxy(lab.server(), sites=sites)
    copy.unlink()
    [_, certificate] = running(proxy)["running"]["files"]
    assert certificate == {"path": str(copy), "sha256": sha256(made.path), "on_disk": "unreadable"}


def test_another_executable_than_the_one_that_runs(lab):
    """After an upgrade on disk, and before the restart: what is proved of the one is not true of the other."""
    program = lab.folder / "ravelin"
    shutil.copy(RAVELIN, program)
    proxy = lab.proxy(lab.server(), program=program)
    started = sha256(program)
    program.unlink()
    shutil.copy(RAVELIN, program)
    with program.open("ab") as file:
        file.write(b"another build")
    proof = running(proxy, status=1)
    assert proof["holds"] is False and all(claim["holds"] for claim in proof["claims"])
    assert proof["running"]["same_executable"] is False
    assert proof["running"]["executable_sha256"] == started
    output = run([program, "prove", "-c", proxy.config], check=False)
    assert output.returncode == 1
    assert "NOT this one" in text(output.stdout)


def test_nothing_runs(lab):
    proxy = lab.prepare(lab.server())
    proof = prove("-c", proxy.config)
    assert proof["running"] is None
    assert proof["configuration"] == {"path": str(proxy.config), "sha256": sha256(proxy.config)}
    output = text(run([RAVELIN, "prove", "-c", proxy.config]).stdout)
    assert f"{sha256(proxy.config)}  {proxy.config}\n" in output
    assert "nothing runs with this file" in output


def test_no_such_file(lab):
    result = run([RAVELIN, "prove", "-c", lab.folder / "nowhere.conf"], check=False)
    assert result.returncode == 2
    assert "nowhere.conf" in text(result.stderr)
    assert result.stdout == b""


def test_a_master_that_is_stopped_is_not_running(lab):
    proxy = lab.proxy(lab.server())
    assert running(proxy)["running"]["pid"] == proxy.pid
    proxy.stop()
    wait_for(lambda: not proxy.running(), "the proxy to end")
    assert prove("-c", proxy.config)["running"] is None


@pytest.mark.skipif(not IS_ROOT, reason="only root can ask as somebody else")
def test_somebody_else_learns_nothing_of_what_runs(lab):
    """The control socket is for root and the master's user."""
    proxy = lab.proxy(lab.server())
    command = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", RAVELIN, "prove", "--json"]
    result = run([*command, "-c", proxy.config], check=False, environment={"XDG_RUNTIME_DIR": "/nowhere"})
    assert json.loads(result.stdout)["running"] is None
    assert not re.search(rb"\b%d\b" % proxy.pid, result.stdout + result.stderr)
