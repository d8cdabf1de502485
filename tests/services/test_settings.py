"""Settings: what each says, what cannot be meant, and that children get the same."""

from pathlib import Path

import pytest

from services.settings import Oidc, Settings, Smtp, read_settings

OIDC = {"ACCORD_OIDC_ISSUER": "https://id.example/realm", "ACCORD_OIDC_CLIENT_ID": "accord"}
SMTP = {"ACCORD_SMTP_HOST": "mail.example", "ACCORD_SMTP_FROM": "accord@example.org"}


def read(**more: str) -> Settings:
    return read_settings({"ACCORD_HOME": "/home-of-accord", **more})


def test_without_settings_nobody_signs_in_from_elsewhere() -> None:
    plain = read()
    assert (plain.oidc, plain.smtp, plain.public) == (None, None, None)
    assert plain.address == plain.url == "http://127.0.0.1:8470"


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"ACCORD_URL": "https://accord.example"},
        OIDC,
        OIDC | {"ACCORD_OIDC_CLIENT_SECRET_FILE": "/secret"},
        SMTP,
        SMTP | {"ACCORD_SMTP_USER": "accord", "ACCORD_SMTP_PASSWORD_FILE": "/password"},
        SMTP | OIDC | {"ACCORD_SMTP_SECURITY": "tls", "ACCORD_SMTP_PORT": "4465"},
        {"ACCORD_REGION": "AUK"},
    ],
    ids=lambda given: ",".join(given) or "nothing",
)
def test_children_get_the_same(given: dict[str, str]) -> None:
    settings = read(**given)
    assert read_settings(settings.environment()).environment() == settings.environment()
    again = read_settings(settings.environment())
    assert (again.oidc, again.smtp, again.public) == (settings.oidc, settings.smtp, settings.public)


def test_what_each_says() -> None:
    settings = read(**OIDC, **SMTP, ACCORD_URL="https://Accord.Example:443/")
    assert settings.oidc == Oidc("https://id.example/realm", "accord", None)
    assert settings.smtp == Smtp("mail.example", 587, "starttls", "accord@example.org")
    assert settings.address == "https://accord.example"
    assert settings.url == "http://127.0.0.1:8470"
    files = OIDC | {"ACCORD_OIDC_CLIENT_SECRET_FILE": "secret"}
    assert read(**files).oidc == Oidc(
        "https://id.example/realm", "accord", Path("secret").resolve()
    )
    for security, port in (("starttls", 587), ("tls", 465)):
        found = read(**SMTP, ACCORD_SMTP_SECURITY=security).smtp
        assert found is not None
        assert found.port == port
    near = read(**SMTP | {"ACCORD_SMTP_HOST": "localhost", "ACCORD_SMTP_SECURITY": "none"}).smtp
    assert near is not None
    assert near.port == 25


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"ACCORD_URL": "http://accord.example"}, "ACCORD_URL"),
        ({"ACCORD_URL": "https://accord.example/here"}, "ACCORD_URL"),
        ({"ACCORD_URL": "https://me@accord.example"}, "ACCORD_URL"),
        ({"ACCORD_URL": "accord.example"}, "ACCORD_URL"),
        ({"ACCORD_URL": "https://["}, "ACCORD_URL"),
        (OIDC | {"ACCORD_OIDC_ISSUER": "http://id.example"}, "ACCORD_OIDC_ISSUER"),
        (OIDC | {"ACCORD_OIDC_CLIENT_ID": ""}, "ACCORD_OIDC_CLIENT_ID"),
        (SMTP | {"ACCORD_SMTP_FROM": ""}, "ACCORD_SMTP_FROM"),
        (SMTP | {"ACCORD_SMTP_SECURITY": "none"}, "ACCORD_SMTP_SECURITY"),
        (SMTP | {"ACCORD_SMTP_SECURITY": "some"}, "ACCORD_SMTP_SECURITY"),
        (SMTP | {"ACCORD_SMTP_PORT": "mail"}, "ACCORD_SMTP_PORT"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_meant(given: dict[str, str], named: str) -> None:
    with pytest.raises(ValueError, match=named) as raised:
        read(**given)
    assert len(str(raised.value).split()) <= 25
