"""Firefox without a window, as a client of a proxy."""

import contextlib

from .processes import Process, run

PREFERENCES = {
    "browser.shell.checkDefaultBrowser": "false",
    "browser.startup.homepage_override.mstone": '"ignore"',
    "datareporting.policy.dataSubmissionEnabled": "false",
    "network.captive-portal-service.enabled": "false",
    "network.connectivity-service.enabled": "false",
    "app.update.enabled": "false",
    "browser.aboutwelcome.enabled": "false",
    "toolkit.telemetry.enabled": "false",
    "trailhead.firstrun.didSeeAboutWelcome": "true",
}


@contextlib.contextmanager
def firefox(lab, proxy, path="/"):
    """Shows a page, with a fresh profile that trusts the authority of the lab, until the end of the block."""
    profile = lab.subfolder("firefox")
    lines = [f'user_pref("{name}", {value});\n' for name, value in PREFERENCES.items()]
    (profile / "user.js").write_text("".join(lines))
    run(["certutil", "-N", "--empty-password", "-d", f"sql:{profile}"])
    run(["certutil", "-A", "-n", "lab", "-t", "C,,", "-i", lab.authority.ca, "-d", f"sql:{profile}"])
    arguments = ["firefox-esr", "--headless", "--no-remote", "--profile", profile, proxy.url(path)]
    browser = Process(arguments, lab.folder / "firefox.log", {"HOME": str(profile), "XDG_RUNTIME_DIR": str(profile)})
    try:
        yield browser
    finally:
        browser.end()
