"""The alert rules and the dashboard in conf/monitoring: valid, and about metrics that exist."""

import json
import re
import shutil

import pytest
from test_certificates import stapling, with_issuer

from ravelin_test.admin import get
from ravelin_test.http import response
from ravelin_test.issuing import SERVER, Issuer
from ravelin_test.processes import run, text
from ravelin_test.settings import ROOT
from ravelin_test.waiting import wait_for

FOLDER = ROOT / "conf/monitoring"
METRIC = re.compile(r"\bravelin_[a-z0-9_]+")


def dashboard():
    return json.loads((FOLDER / "grafana.json").read_text())


def expressions():
    """What the panels ask for, with values in the place of Grafana's variables."""
    found = [target["expr"] for panel in dashboard()["panels"] for target in panel.get("targets", [])]
    found += [annotation["expr"] for annotation in dashboard()["annotations"]["list"]]
    return [expression.replace("$__rate_interval", "5m").replace("$instance", ".*") for expression in found]


@pytest.fixture(scope="module")
def families(module_lab):
    """Names of all families, and of the labels of each, of a system that has everything."""
    lab = module_lab
    root = Issuer(lab.subfolder("issuer") / "root", "Root", kind="ecdsa-p384")
    certificate = with_issuer(lab, root.issue("localhost", extensions=SERVER, names=["DNS:localhost"]), root)
    address = lab.port().address
    lab.proxy(lab.server(reply=lambda request: response("ok")), sites=[stapling(certificate, root.ocsp(certificate))], admin=[address], allow=[".*"])
    text = wait_for(lambda: (found := get(address, "/metrics")[2]) and "ravelin_ocsp_" in found and found, "all metrics")
    labels = {}
    for line in text.splitlines():
        name = line.split("{")[0].split(" ")[0]
        if not line.startswith("#"):
            labels.setdefault(name, set()).update(re.findall(r'[{,](\w+)="', line))
    return labels


def test_the_alert_rules_are_valid():
    result = run(["promtool", "check", "rules", FOLDER / "alerts.yml"], check=False)
    assert result.returncode == 0, text(result.stdout + result.stderr)


def test_the_dashboard_asks_valid_questions(lab):
    rules = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(expressions())]
    path = lab.folder / "panels.yml"
    path.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    result = run(["promtool", "check", "rules", path], check=False)
    assert result.returncode == 0, text(result.stdout + result.stderr)
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) > 20
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len(places)


def test_every_metric_exists(families):
    for source in [(FOLDER / "alerts.yml").read_text(), *expressions()]:
        for name in METRIC.findall(re.sub(r"`[^`]*`", "", source)):
            assert name in families, name


def test_every_label_exists(families):
    rules = re.findall(r"expr: (?:>-\n)?(.*?)\n(?: {8}\w)", (FOLDER / "alerts.yml").read_text(), re.DOTALL)
    assert len(rules) > 10
    for expression in [*rules, *expressions()]:
        known = {"instance", "job", "le"}.union(*(families[name] for name in METRIC.findall(expression)))
        used = {label for inner in re.findall(r"{([^}]*)}", expression) for label in re.findall(r"(\w+)(?:=|!)", inner)}
        used |= {label for inner in re.findall(r"by \(([^)]*)\)", expression) for label in re.split(r",\s*", inner)}
        assert used <= known, (expression, used - known)


TESTS = """
rule_files: [alerts.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {series: 'ravelin_server_up{backend="web",server="10.0.0.1:80"}', values: '1 1 0 0 0 0'}
      - {series: 'ravelin_server_up{backend="web",server="10.0.0.2:80"}', values: '1 1 1 1 1 1'}
      - {series: 'ravelin_server_up{backend="api",server="10.0.0.3:80"}', values: '1 1 0 0 0 0'}
    alert_rule_test:
      - {eval_time: 1m, alertname: RavelinServerOutOfUse}
      - eval_time: 4m
        alertname: RavelinBackendWithoutServers
        exp_alerts:
          - exp_labels: {severity: critical, backend: api}
            exp_annotations:
              summary: Backend api has no server in use
              description: Every server of the backend is out of use. Requests to it fail.
  - interval: 1m
    input_series:
      - {series: 'ravelin_site_responses_total{site="a.test",class="2xx"}', values: '0+90x20'}
      - {series: 'ravelin_site_responses_total{site="a.test",class="5xx"}', values: '0+10x20'}
      - {series: 'ravelin_site_responses_total{site="b.test",class="2xx"}', values: '0+90x20'}
      - {series: 'ravelin_site_responses_total{site="b.test",class="5xx"}', values: '0+1x20'}
    alert_rule_test:
      - eval_time: 15m
        alertname: RavelinErrors
        exp_alerts:
          - exp_labels: {severity: critical, site: a.test}
            exp_annotations:
              summary: "Site a.test: 10% of the responses are 5xx"
              description: "Look for `ended` in the access log, and at the state of the servers."
  - interval: 1m
    input_series:
      - {series: 'ravelin_certificate_orders_failing', values: '0 1 0 2x80'}
    alert_rule_test:
      - {eval_time: 30m, alertname: RavelinCertificateOrdersFail}
      - eval_time: 70m
        alertname: RavelinCertificateOrdersFail
        exp_alerts:
          - exp_labels: {severity: warning}
            exp_annotations:
              summary: 2 certificates cannot be ordered or renewed
              description: "`ravelin status` has the last reason under `certificate_orders`, the error log has all."
  - interval: 1m
    input_series:
      - {series: 'ravelin_last_reload_failed', values: '0 0 1 1 1 1 1 1 1 0'}
    alert_rule_test:
      - {eval_time: 3m, alertname: RavelinReloadFailed}
      - {eval_time: 10m, alertname: RavelinReloadFailed}
"""


def test_when_alerts_fire(lab):
    shutil.copy(FOLDER / "alerts.yml", lab.folder)
    path = lab.folder / "tests.yml"
    path.write_text(TESTS)
    result = run(["promtool", "test", "rules", path], check=False)
    assert result.returncode == 0, text(result.stdout + result.stderr)
