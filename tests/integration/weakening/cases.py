"""What people set in nginx, HAProxy, stunnel, Caddy, Apache, Envoy, hitch and Traefik that lowers security, put into
the grammar of ravelin.conf. Each is refused, on its line, with a message that names it.

A case is a section of the configuration below, and per case: what it is elsewhere, our text, and what the message
holds. The text takes the place of <SECTION>, and its first line is the line that must be told. Files in <> are made by
test_weakening.py.
"""

from dataclasses import dataclass, field

# Accepted as it is, with the places empty and `key` as it stands here.
CONFIG = """<top>
tls {
  <tls>
}
limits {
  <limits>
}
listen 127.0.0.1:<port> {
  <listen>
}
site localhost {
  <site>
  certificate <certificate> {
    <key>
    <in certificate>
  }
  route / {
    backend = web
    <route>
  }
}
backend web {
  <backend>
  server 127.0.0.1:9000 {
    <server>
  }
}
"""
DEFAULTS = {"certificate": '"<file of the certificate>"', "key": 'key = "<file of the key>"'}


@dataclass(frozen=True)
class Case:
    place: str
    elsewhere: str  # where people set it, and how
    text: str
    holds: list = field(default_factory=list)  # parts of the message


VERSIONS = "nothing weaker than TLS 1.3"
SUITES = "three suites are AEAD with forward secrecy"
GROUPS = "groups are not a choice"
DH = "Diffie-Hellman parameters"
ORDER = "order of preference is fixed"
TICKET_KEYS = "made in memory and in no file"
CACHE = "no session cache"
EARLY = "no 0-RTT"
SECRETS = "nothing here writes a secret out"
RENEGOTIATION = "no renegotiation"
COMPRESSION = "no compression"
PASSPHRASE = "no passphrase"
PSK = "no pre-shared keys"
LEVELS = "no security level"
RANDOMNESS = "from the system"
SERVERS = "spoken to in plain text"
PLAIN = "content is served over TLS only"
LENIENT = "one reading or is refused"
RIGHTS = "no process keeps rights"
TIME = "must be a time from 100ms to 1d"

# (what it is elsewhere, our text, what the message holds beside the option's name)
BY_PLACE = {
    "tls": [
        # Versions.
        ("nginx: ssl_protocols TLSv1 TLSv1.1 TLSv1.2;", "ssl-protocols = {TLSv1, TLSv1.1, TLSv1.2}", VERSIONS),
        ("nginx, pasted as it is", "ssl_protocols TLSv1.2 TLSv1.3;", VERSIONS),
        ("Apache: SSLProtocol all -SSLv3", 'SSLProtocol = "all -SSLv3"', VERSIONS),
        ("hitch: tls-protos = TLSv1.0 TLSv1.2", "tls-protos = {TLSv1.0, TLSv1.2}", VERSIONS),
        ("HAProxy: ssl-min-ver TLSv1.0", "ssl-min-ver = TLSv1.0", VERSIONS),
        ("HAProxy: ssl-max-ver TLSv1.2", "ssl-max-ver = TLSv1.2", VERSIONS),
        ("HAProxy: force-tlsv12", "force-tlsv12 = yes", VERSIONS),
        ("HAProxy: no-tlsv13", "no-tlsv13 = yes", VERSIONS),
        ("stunnel: sslVersion = TLSv1", "sslVersion = TLSv1", VERSIONS),
        ("stunnel: sslVersionMin = SSLv3", "sslVersionMin = SSLv3", VERSIONS),
        ("Caddy: protocols tls1.0 tls1.2", "protocols = {tls1.0, tls1.2}", VERSIONS),
        ("Traefik: minVersion: VersionTLS10", "minVersion = VersionTLS10", VERSIONS),
        ("Traefik: maxVersion: VersionTLS12", "maxVersion = VersionTLS12", VERSIONS),
        ("Envoy: tls_minimum_protocol_version: TLSv1_0", "tls_minimum_protocol_version = TLSv1_0", VERSIONS),
        ("a guess", 'min-version = "1.2"', VERSIONS),
        ("old wikis: sslv3 on", "sslv3 = on", VERSIONS),
        ("old wikis: SSLv2 for old phones", "SSLv2 = yes", VERSIONS),
        # Suites.
        ("nginx: RC4", "ssl-ciphers = RC4-SHA", SUITES),
        ("nginx: 3DES", "ssl-ciphers = DES-CBC3-SHA", SUITES),
        ("nginx: no encryption", 'ssl-ciphers = "eNULL:NULL-SHA256"', SUITES),
        ("nginx: anonymous", 'ssl-ciphers = "aNULL:ADH-AES128-SHA"', SUITES),
        ("nginx: export", 'ssl-ciphers = "ALL:+EXPORT:+LOW"', SUITES),
        ("nginx: CBC", 'ssl-ciphers = "ECDHE-RSA-AES128-SHA:AES128-SHA"', SUITES),
        ("nginx: RSA key exchange, no forward secrecy", "ssl-ciphers = AES128-GCM-SHA256", SUITES),
        ("nginx: whatever there is", 'ssl_ciphers = "ALL:@SECLEVEL=0"', SUITES),
        ("HAProxy: ssl-default-bind-ciphers", 'ssl-default-bind-ciphers = "kRSA+AES"', SUITES),
        ("HAProxy: a suite with a short tag", "ssl-default-bind-ciphersuites = TLS_AES_128_CCM_8_SHA256", SUITES),
        ("RFC 9150: integrity only", "ciphersuites = TLS_SHA256_SHA256", SUITES),
        ("Envoy: cipher_suites", "cipher_suites = AES128-SHA", SUITES),
        ("Traefik: cipherSuites", "cipherSuites = TLS_RSA_WITH_3DES_EDE_CBC_SHA", SUITES),
        ("Apache: SSLCipherSuite", 'SSLCipherSuite = "ALL:!ADH"', SUITES),
        ("stunnel, hitch: ciphers", 'ciphers = "HIGH:MEDIUM:LOW"', SUITES),
        ("nginx: ssl_prefer_server_ciphers off;", "ssl-prefer-server-ciphers = off", ORDER),
        ("hitch: prefer-server-ciphers = off", "prefer-server-ciphers = off", ORDER),
        ("HAProxy: prefer-client-ciphers", "prefer-client-ciphers = yes", ORDER),
        ("Apache: SSLHonorCipherOrder off", "SSLHonorCipherOrder = off", ORDER),
        # Groups and signatures.
        ("nginx: ssl_ecdh_curve secp192r1;", "ssl-ecdh-curve = secp192r1", GROUPS),
        ("nginx: nothing post-quantum", "ssl-ecdh-curve = prime256v1", GROUPS),
        ("HAProxy: curves P-224", "curves = P-224", GROUPS),
        ("HAProxy: ecdhe secp160r1", "ecdhe = secp160r1", GROUPS),
        ("Traefik: curvePreferences", "curvePreferences = {CurveP256}", GROUPS),
        ("Envoy: ecdh_curves", "ecdh_curves = P-256", GROUPS),
        ("nginx: ssl_dhparam dh1024.pem;", "ssl-dhparam = dh1024.pem", DH),
        ("HAProxy: tune.ssl.default-dh-param 1024", "tune.ssl.default-dh-param = 1024", DH),
        ("HAProxy: sigalgs", 'sigalgs = "RSA+SHA1:ECDSA+SHA1"', "none is weak"),
        ("to switch post-quantum off", "require-post-quantum = never", "must be yes or no, not 'never'"),
        # Session tickets.
        ("nginx: ssl_session_ticket_key FILE;", "ssl-session-ticket-key = ticket.key", TICKET_KEYS),
        ("HAProxy: tls-ticket-keys FILE", "tls-ticket-keys = ticket.keys", TICKET_KEYS),
        ("Apache: SSLSessionTicketKeyFile", "SSLSessionTicketKeyFile = ticket.key", TICKET_KEYS),
        ("Envoy: session_ticket_keys", "session_ticket_keys = {a.key, b.key}", TICKET_KEYS),
        ("stunnel: ticketKeySecret", "ticketKeySecret = 00112233445566778899aabbccddeeff", TICKET_KEYS),
        ("nginx: ssl_session_timeout 30d;", "ssl-session-timeout = 30d", "ticket-lifetime"),
        ("a week of one key", "ticket-lifetime = 7d", "must be 0, or a time from 1m to 1d, not '7d'"),
        ("for ever", "ticket-lifetime = unlimited", "must be 0, or a time from 1m to 1d"),
        ("nginx: ssl_session_cache shared:SSL:50m;", 'ssl-session-cache = "shared:SSL:50m"', CACHE),
        ("HAProxy: tune.ssl.cachesize", "tune.ssl.cachesize = 100000", CACHE),
        ("hitch: shared-cache", "shared-cache = 10m", CACHE),
        # 0-RTT, secrets, features of older versions.
        ("nginx: ssl_early_data on;", "ssl-early-data = on", EARLY),
        ("HAProxy: allow-0rtt", "allow-0rtt = yes", EARLY),
        ("OpenSSL: max_early_data", "max_early_data = 16384", EARLY),
        ("nginx: ssl_key_log FILE;", "ssl-key-log = /tmp/keys.log", SECRETS),
        ("Envoy: key_log", "key_log = /tmp/keys.log", SECRETS),
        ("Caddy: insecure_secrets_log", "insecure_secrets_log = /tmp/keys.log", SECRETS),
        ("NSS: SSLKEYLOGFILE", "keylog-file = /tmp/keys.log", SECRETS),
        ("stunnel: renegotiation = yes", "renegotiation = yes", RENEGOTIATION),
        ("Envoy: allow_renegotiation: true", "allow_renegotiation = true", RENEGOTIATION),
        ("Apache: SSLInsecureRenegotiation on", "SSLInsecureRenegotiation = on", RENEGOTIATION),
        ("stunnel: options = ALLOW_UNSAFE_LEGACY_RENEGOTIATION", "allow-unsafe-legacy-renegotiation = yes", RENEGOTIATION),
        ("stunnel: compression = zlib", "compression = zlib", COMPRESSION),
        ("Apache: SSLCompression on", "SSLCompression = on", COMPRESSION),
        ("stunnel: PSKsecrets = FILE", "PSKsecrets = psk.txt", PSK),
        ("OpenSSL: psk_identity", "psk_identity = client", PSK),
        # The library's switches.
        ("stunnel: securityLevel = 0", "securityLevel = 0", LEVELS),
        ("OpenSSL: SECLEVEL", "seclevel = 0", LEVELS),
        ("nginx: ssl_conf_command", "ssl-conf-command = UnsafeLegacyRenegotiation", LEVELS),
        ("Apache: SSLOpenSSLConfCmd", 'SSLOpenSSLConfCmd = "MinProtocol TLSv1"', LEVELS),
        ("hitch: ssl-engine", "ssl-engine = mine", LEVELS),
        ("HAProxy: ssl-default-bind-options", "ssl-default-bind-options = ssl-min-ver", LEVELS),
        ("stunnel: options = -NO_SSLv3", 'options = "-NO_SSLv3"', "unknown option 'options' in tls"),
        ("Apache: SSLRandomSeed startup builtin", "SSLRandomSeed = builtin", RANDOMNESS),
        ("stunnel: RNDfile", "RNDfile = seed.bin", RANDOMNESS),
    ],
    "top": [
        ("every one of them: user root;", "user = root", "workers talk to clients"),
        ("HAProxy: tune.ssl.keylog on", "tune.ssl.keylog = on", SECRETS),
        ("HAProxy: ssl-server-verify none", "ssl-server-verify = none", SERVERS),
        ("HAProxy: insecure-fork-wanted", "insecure-fork-wanted = yes", RIGHTS),
        ("HAProxy: insecure-setuid-wanted", "insecure-setuid-wanted = yes", RIGHTS),
        ("HAProxy: set-dumpable", "set-dumpable = yes", RIGHTS),
        ("nginx: worker_rlimit_core 500m;", "worker_rlimit_core = 500m", RIGHTS),
        ("a service that misbehaves: no sandbox", "no-sandbox = yes", RIGHTS),
        ("Caddy: auto_https off", "auto_https = off", PLAIN),
        ("Caddy: http_port 80", "http_port = 80", PLAIN),
        ("Apache: TraceEnable on", "TraceEnable = on", "unknown option 'TraceEnable'"),
        ("nginx: set_real_ip_from 0.0.0.0/0;", "trusted-proxies = {10.0.0.0/8, 0.0.0.0/0}", "must not be everybody"),
        ("Caddy: trusted_proxies static ::/0", "trusted-proxies = ::/0", "must not be everybody"),
        ("Traefik: forwardedHeaders.insecure", "forwardedHeaders.insecure = yes", "unknown option 'forwardedHeaders.insecure'"),
        ("Envoy: an admin port for all", "admin 0.0.0.0:9901 {}", "admin"),
        ("all: another file", "include weak.conf", 'write include "FILE"'),
        ("secrets from the environment", 'log = "${SSLKEYLOGFILE}"', "variables such as ${NAME} are not expanded"),
        ("stunnel: debug with everything", "log-level = secrets", "must be error, warning, info or debug"),
    ],
    "limits": [
        ("a handshake that may take for ever", "handshake-timeout = 0", TIME),
        ("a handshake without an end", "handshake-timeout = none", TIME),
        ("Apache: RequestReadTimeout handshake=0", "handshake-timeout = 48h", TIME),
        ("slowloris: client_header_timeout 0;", "header-timeout = 0", TIME),
        ("slowloris: HAProxy without timeout http-request", "header-timeout = unlimited", TIME),
        ("HAProxy: timeout client 0", "idle-timeout = 0", TIME),
        ("nginx: keepalive_timeout 7d;", "idle-timeout = 7d", TIME),
        ("nginx: large_client_header_buffers 8 1m;", "header-size = 8m", "must be a size from 1k to 64k"),
        ("Apache: LimitRequestFieldSize 0", "header-size = unlimited", "must be a size from 1k to 64k"),
        ("Apache: LimitRequestFields 0", "header-count = 0", "must be a number from 1 to 1000"),
        ("HAProxy: tune.http.maxhdr 32767", "header-count = 32767", "must be a number from 1 to 1000"),
        ("clients that may crawl", "body-rate = -1", "must be 0, or a size from 1 to 1m"),
        ("nginx: large_client_header_buffers, for the target", "target-size = 1m", "must be a size from 64 to 64k"),
        ("no limit of connections", "connections = 0", "must be a number from 1 to 10000000"),
    ],
    "listen": [
        ("nginx: listen 80;, content over plain HTTP", "protocol = http", "must be https, redirect or tcp, not 'http'"),
        ("Envoy: HTTP/2 without TLS", "protocol = h2c", "must be https, redirect or tcp"),
        ("a listener for old clients", "protocol = tls1.2", "must be https, redirect or tcp, not 'tls1.2'"),
        ("nginx: ssl off;", "ssl = off", PLAIN),
        ("HAProxy: bind ... verify none", "verify = none", "unknown option 'verify' in listen"),
        ("HAProxy: bind ... ciphers", "ciphers = RC4", SUITES),
        ("Traefik: sniStrict: false", "sniStrict = false", "unknown option 'sniStrict' in listen"),
    ],
    "site": [
        ("nginx: ssl_protocols in a server block", "ssl_protocols = {TLSv1.2}", VERSIONS),
        ("nginx: ssl off; in a server block", "ssl = off", PLAIN),
        ("nginx: ssl_stapling off;", "ssl_stapling = off", "unknown option 'ssl_stapling' in site"),
        ("nginx: ignore_invalid_headers off;", "ignore_invalid_headers = off", LENIENT),
        ("nginx: underscores_in_headers on;", "underscores_in_headers = on", LENIENT),
        ("HAProxy: accept-invalid-http-request", "accept-invalid-http-request = yes", LENIENT),
        ("HAProxy: accept-unsafe-violations-in-http-request", "accept-unsafe-violations-in-http-request = yes", LENIENT),
        ("Apache: HttpProtocolOptions Unsafe", "HttpProtocolOptions = Unsafe", LENIENT),
        ("Envoy: allow_chunked_length: true", "allow_chunked_length = true", LENIENT),
    ],
    "in certificate": [
        ("nginx: ssl_password_file FILE;", "ssl_password_file = pass.txt", PASSPHRASE),
        ("Apache: SSLPassPhraseDialog", 'SSLPassPhraseDialog = "exec:/bin/pass"', PASSPHRASE),
        ("a passphrase in the configuration", "passphrase = secret", PASSPHRASE),
        ("Caddy: curves of one site", "curves = secp256r1", GROUPS),
    ],
    "key": [
        ("a key that everybody may read", 'key = "<file of a key that all may read>"', "any user can read it"),
        ("a key that its group may change", 'key = "<file of a key that its group may change>"', "can change it"),
        ("a certificate where the key should be", 'key = "<file without a key>"', "no PEM private key in it"),
        ("nginx: an encrypted key", 'key = "<file of an encrypted key>"', "the key is encrypted"),
        ("a key of another certificate", 'key = "<file of another key>"', "does not match the certificate"),
    ],
    "certificate": [
        ("HAProxy: the key in the certificate's file", '"<file of certificate and key>"', "private key"),
        ("a key kind nobody verifies in TLS 1.3", '"<file of a certificate with secp256k1>"', "k1.pem"),
        ("a key of a group that is no more", '"<file of a certificate with P-224>"', "p224.pem"),
    ],
    "route": [
        ("nginx: proxy_ssl_verify off; in a location", "proxy_ssl_verify = off", SERVERS),
        ("HAProxy: accept-invalid-http-response", "accept-invalid-http-response = yes", LENIENT),
    ],
    "backend": [
        ("nginx: proxy_ssl_verify off;", "proxy-ssl-verify = off", SERVERS),
        ("nginx: proxy_ssl_protocols TLSv1;", "proxy-ssl-protocols = TLSv1", SERVERS),
        ("Caddy: tls_insecure_skip_verify", "tls_insecure_skip_verify = yes", SERVERS),
        ("Traefik: insecureSkipVerify: true", "insecureSkipVerify = true", SERVERS),
        ("Apache: SSLProxyVerify none", "SSLProxyVerify = none", SERVERS),
        ("a server that may take for ever", "response-timeout = 0", TIME),
        ("a connection that may take for ever", "connect-timeout = 0", TIME),
        ("requests sent a hundred times", "retries = 100", "must be a number from 0 to 10"),
    ],
    "server": [
        ("HAProxy: server ... ssl verify none", "verify = none", "unknown option 'verify' in server"),
        ("HAProxy: server ... ciphers", "ciphers = NULL", SUITES),
        ("Traefik: insecureSkipVerify in a server", "insecureSkipVerify = true", SERVERS),
    ],
}


def _named(place, text, held):
    """The message names the option, as written; but not where the text as such is refused, or a file."""
    return [held] if place == "certificate" or "${" in text else [text.split()[0], held]


CASES = [
    Case(place, elsewhere, text, _named(place, text, held))
    for place, cases in BY_PLACE.items()
    for elsewhere, text, held in cases
]


def config_of(case=None):
    """The configuration with one case in it, and the number of its line."""
    text, line = CONFIG, None
    if case is not None:
        line = 1 + CONFIG[: CONFIG.index(f"<{case.place}>")].count("\n")
        text = text.replace(f"<{case.place}>", case.text)
    for place in BY_PLACE:
        text = text.replace(f"<{place}>", DEFAULTS.get(place, ""))
    return text, line
