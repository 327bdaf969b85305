"""Session tickets: when a session is resumed, and when it must not be."""

from ravelin_test import s_client
from ravelin_test.http import request
from ravelin_test.processes import client_ports, run, text
from ravelin_test.proxy import site_block
from ravelin_test.tls13 import wire

ASK_AND_CLOSE = request(fields=["Connection: close"])


def ask_and_keep_session(lab, proxy, **options):
    """One request on a new connection; the connection as it was then, and the session to resume it with."""
    with lab.client(proxy, **options) as client:
        assert client.ask(host=options.get("sni", "localhost")).status == 200
        return client, client.session


def test_openssl_resumes(lab):
    proxy = lab.proxy(lab.server())
    session = lab.folder / "session.pem"
    first = proxy.s_client("-ign_eof", "-sess_out", session, input=ASK_AND_CLOSE)
    assert "New, TLSv1.3" in first
    second = proxy.s_client("-ign_eof", "-sess_in", session, input=ASK_AND_CLOSE)
    assert "Reused, TLSv1.3" in second
    assert "HTTP/1.1 200 OK" in second
    lines = proxy.access_log(2)
    assert [line["tls"]["resumed"] for line in lines] == [False, True]
    metrics = proxy.metrics()
    assert (metrics["handshakes_full"], metrics["handshakes_resumed"]) == (1, 1)


def test_gnutls_resumes(lab):
    proxy = lab.proxy(lab.server())
    command = ["gnutls-cli", "--resume", "--x509cafile", proxy.authority.ca, "-p", proxy.port, "localhost"]
    output = text(run(command, input=ASK_AND_CLOSE).stdout)
    assert "This is a resumed session" in output


def test_a_resumed_session_does_a_fresh_key_exchange(lab):
    """psk_dhe_ke only: a client that offers a ticket for use without a key exchange gets a full handshake."""
    proxy = lab.proxy(lab.server())
    session = lab.folder / "session.pem"
    options = ["-ign_eof", "-groups", "X25519"]
    proxy.s_client(*options, "-sess_out", session, input=ASK_AND_CLOSE)
    resumed = proxy.s_client(*options, "-sess_in", session, input=ASK_AND_CLOSE)
    assert "Reused" in resumed
    assert s_client.group(resumed) == "X25519"
    psk_alone = proxy.s_client(*options, "-sess_in", session, "-allow_no_dhe_kex", input=ASK_AND_CLOSE)
    assert s_client.group(psk_alone) == "X25519"


def test_sessions_resume_in_every_worker(lab):
    proxy = lab.proxy(lab.server(), workers=2)
    _, session = ask_and_keep_session(lab, proxy)
    workers = set()
    for _ in range(40):
        client = lab.client(proxy, session=session)
        assert client.resumed
        assert client.ask().status == 200
        session = client.session
        workers |= {slot for slot, pid in proxy.worker_pids().items() if client.port in client_ports(pid)}
        if len(workers) == 2:
            return
    raise AssertionError(f"all 40 connections came to workers {workers}")


def test_each_ticket_can_be_used_more_than_once(lab):
    proxy = lab.proxy(lab.server())
    _, session = ask_and_keep_session(lab, proxy)
    for _ in range(3):
        client, _ = ask_and_keep_session(lab, proxy, session=session)
        assert client.resumed


def test_a_client_that_comes_back_again_and_again(lab):
    """Each time with the ticket of the time before: now and then the handshake is a full one, and none fails."""
    proxy = lab.proxy(lab.server())
    session, resumed = None, []
    for _ in range(300):
        with lab.client(proxy, session=session) as client:
            assert client.ask().status == 200
            session = client.session
            resumed.append(client.resumed)
    assert [at for at, was in enumerate(resumed) if not was] == [0, 201]


def test_no_tickets_when_their_lifetime_is_zero(lab):
    proxy = lab.proxy(lab.server(), tls={"ticket-lifetime": "0"})
    session = lab.folder / "session.pem"
    output = proxy.s_client("-ign_eof", "-sess_out", session, "-msg", input=ASK_AND_CLOSE)
    assert "HTTP/1.1 200 OK" in output
    assert "NewSessionTicket" not in output
    _, session = ask_and_keep_session(lab, proxy)
    assert session is None or not session.has_ticket


def test_the_lifetime_is_told_to_the_client(lab):
    proxy = lab.proxy(lab.server(), tls={"ticket-lifetime": "10m"})
    _, session = ask_and_keep_session(lab, proxy)
    assert session.ticket_lifetime_hint == 600


def test_a_ticket_of_one_site_does_not_resume_on_another(lab):
    certificates = {name: lab.authority.certificate(name) for name in ("a.test", "b.test")}
    sites = [site_block(name, [certificate]) for name, certificate in certificates.items()]
    proxy = lab.proxy(lab.server(), sites=sites)
    _, session = ask_and_keep_session(lab, proxy, sni="a.test")
    assert session.has_ticket
    same, _ = ask_and_keep_session(lab, proxy, sni="a.test", session=session)
    assert same.resumed
    other, _ = ask_and_keep_session(lab, proxy, sni="b.test", session=session)
    assert wire.Ext.PRE_SHARED_KEY in wire.hello_extensions(other.first_flight), "no ticket was offered"
    assert not other.resumed


def test_tickets_outlive_a_reload(lab):
    proxy = lab.proxy(lab.server())
    _, session = ask_and_keep_session(lab, proxy)
    proxy.reload()
    client, _ = ask_and_keep_session(lab, proxy, session=session)
    assert client.resumed


def resumes_after(lab, proxy, **sections):
    """Whether a session from before does, after a reload that changes these sections."""
    _, session = ask_and_keep_session(lab, proxy)
    proxy.configure(**sections)
    proxy.reload()
    client, _ = ask_and_keep_session(lab, proxy, session=session)
    return client.resumed


def test_tickets_outlive_another_lifetime(lab):
    """Their age decides."""
    proxy = lab.proxy(lab.server(), tls={"ticket-lifetime": "2h"})
    assert resumes_after(lab, proxy, tls={"ticket-lifetime": "10m"})
    assert resumes_after(lab, proxy, tls={"ticket-lifetime": "2h"})


def test_tickets_do_not_outlive_their_being_turned_off(lab):
    proxy = lab.proxy(lab.server())
    _, session = ask_and_keep_session(lab, proxy)
    assert not resumes_after(lab, proxy, tls={"ticket-lifetime": "0"})
    proxy.configure(tls={"ticket-lifetime": "1h"})
    proxy.reload()
    client, _ = ask_and_keep_session(lab, proxy, session=session)
    assert not client.resumed
    assert resumes_after(lab, proxy, limits={"header-count": 50})


def test_a_ticket_is_good_for_one_protocol(lab):
    proxy = lab.proxy(lab.server())
    _, session = ask_and_keep_session(lab, proxy)
    context = proxy.context
    context.set_alpn_protocols(["http/1.0"])
    client, _ = ask_and_keep_session(lab, proxy, session=session)
    assert client.tls.selected_alpn_protocol() == "http/1.0"
    assert wire.Ext.PRE_SHARED_KEY in wire.hello_extensions(client.first_flight), "no ticket was offered"
    assert not client.resumed


def test_a_ticket_from_elsewhere_leads_to_a_full_handshake(lab):
    """Keys are made anew by every start: another proxy's ticket opens nothing and breaks nothing."""
    proxies = [lab.proxy(lab.server()) for _ in range(2)]
    context = proxies[0].context
    _, session = ask_and_keep_session(lab, proxies[0], context=context)
    client, _ = ask_and_keep_session(lab, proxies[1], context=context, session=session)
    assert not client.resumed
