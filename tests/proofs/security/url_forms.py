"""Forms of URLs that lead to a foreign server, and forms that lead to the home server.

`{s}` stands for a scheme. Source: threats T3 and T4.
"""

from __future__ import annotations

from tests.proofs.security.two_host_network import HOME

SCHEMES = ("http", "https", "ftp")
"""Both schemes that can be sent, and one that cannot."""

FOREIGN = {
    "another host": "{s}://evil.example/op?sig={secret}",
    "a subdomain with the home name": f"{{s}}://{HOME}.evil.example/op",
    "the parent domain": "{s}://test/op",
    "userinfo with the home name": f"{{s}}://{HOME}@evil.example/op",
    "userinfo with a password": f"{{s}}://user:pw@{HOME}/op",
    "empty userinfo": f"{{s}}://@{HOME}/op",
    "two at signs": f"{{s}}://a@{HOME}:80@evil.example/op",
    "backslash at": f"{{s}}://evil.example\\@{HOME}/op",
    "backslash at, the other way": f"{{s}}://{HOME}\\@evil.example/op",
    "%2e": "{s}://evil%2eexample/op",
    "%40": f"{{s}}://{HOME}%40evil.example/op",
    "tab": f"{{s}}://{HOME}\t.evil.example/op",
    "CRLF": "{s}://evil.example/op\r\nX-Evil: 1",
    "NUL": "{s}://evil.example\0/op",
    "CRLF and a blank": "{s}://evil.example/op\r\n .x",
    "blank": f"{{s}}://evil.example {HOME}/op",
    "IPv4": "{s}://127.0.0.1/op",
    "the address of metadata": "{s}://169.254.169.254/metadata",
    "decimal IPv4": "{s}://2130706433/op",
    "octal IPv4": "{s}://0177.0.0.01/op",
    "hexadecimal IPv4": "{s}://0x7f000001/op",
    "short IPv4": "{s}://127.1/op",
    "IPv4-mapped IPv6": "{s}://[::ffff:127.0.0.1]/op",
    "IPv6": "{s}://[::1]/op",
    "ideographic dot": f"{{s}}://{HOME.replace('.', chr(0x3002))}/op",
    "full-width dot": f"{{s}}://{HOME.replace('.', chr(0xFF0E))}/op",
    "letter of another script": "{s}://h\u043eme.test/op",
    "trailing dot": f"{{s}}://{HOME}./op",
    "another port": f"{{s}}://{HOME}:8443/op",
    "port 0": f"{{s}}://{HOME}:0/op",
    "port of another digit": f"{{s}}://{HOME}:8\uff14/op",
    "fragment": f"{{s}}://evil.example/op#@{HOME}/",
    "fragment before the host's end": f"{{s}}://{HOME}#@evil.example/op",
    "question mark for a slash": f"{{s}}://evil.example?@{HOME}/op",
    "empty host": "{s}:///evil.example/op",
    "one slash": "{s}:/evil.example/op",
    "no slash": "{s}:evil.example/op",
    "upper case": "{S}://EVIL.EXAMPLE/op",
    "no scheme": "//evil.example/op",
    "no scheme, another port": f"//{HOME}:8443/op",
    "three slashes": "///evil.example/op",
    "backslashes for slashes": "\\\\evil.example\\op",
    "slash and backslash": "/\\evil.example/op",
    "script": "javascript:alert(1)",
    "file": "file:///etc/passwd",
}

DOWNGRADES = {
    "downgrade": f"http://{HOME}/op",
    "upgrade": f"https://{HOME}/op",
    "the port of another scheme": f"https://{HOME}:80/op",
}
"""The name of the home server with another scheme than the initial request."""

HOME_FORMS = {
    "absolute": f"{{s}}://{HOME}/op",
    "default port": f"{{s}}://{HOME}:{{port}}/op",
    "empty port": f"{{s}}://{HOME}:/op",
    "upper case": f"{{S}}://{HOME.upper()}/op",
    "absolute path": "/op?t=%2e%40",
    "relative path": "op",
    "query alone": "?t=1",
    "no scheme": f"//{HOME}/op",
    "another host in the query": f"{{s}}://{HOME}/op?to=https://evil.example/",
    "another host in the path": "/https://evil.example/",
}


def foreign_urls(home: str, secret: str) -> dict[str, str]:
    """Return the URLs that must be rejected for a scheme of the home server, by form and scheme."""
    urls = {
        f"{name}, {scheme}" if "{s}" in form or "{S}" in form else name: form.replace("{s}", scheme)
        .replace("{S}", scheme.upper())
        .replace("{secret}", secret)
        for name, form in FOREIGN.items()
        for scheme in SCHEMES
    }
    return urls | {name: url for name, url in DOWNGRADES.items() if url != f"{home}://{HOME}/op"}


def home_urls(home: str) -> dict[str, str]:
    """Return the URLs that must be requested for a scheme of the home server, by form."""
    port = {"http": "80", "https": "443"}[home]
    return {
        name: form.replace("{s}", home).replace("{S}", home.upper()).replace("{port}", port)
        for name, form in HOME_FORMS.items()
    }
