"""Whoever answers has to prove who he is, whatever the environment says."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from phanedge_celery.client.surroundings import Surroundings
from phanedge_celery.errors import ConfigurationError
from phanedge_celery.settings import Settings

SWITCHES = {
    "PYTHONHTTPSVERIFY": "0",
    "CURL_CA_BUNDLE": "",
    "REQUESTS_CA_BUNDLE": "",
    "SSL_NO_VERIFY": "1",
    "GIT_SSL_NO_VERIFY": "true",
    "NODE_TLS_REJECT_UNAUTHORIZED": "0",
}
"""What switches verification off elsewhere."""


@pytest.mark.parametrize("name", SWITCHES)
def test_no_variable_switches_verification_off(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, SWITCHES[name])

    tls = Surroundings().tls

    assert tls.verify_mode is ssl.CERT_REQUIRED
    assert tls.check_hostname
    assert tls.cert_store_stats()["x509_ca"] > 0


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize("word", ["0", "false", "False", "no", "/nowhere"])
def test_a_bundle_that_is_none_is_refused_and_not_done_without(
    name: str, word: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for other in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, word)

    with pytest.raises(ConfigurationError, match="certificates"):
        _ = Surroundings().tls


def test_no_setting_is_about_verification() -> None:
    words = ("verify", "tls", "ssl", "cert", "insecure")

    assert not [key for key in Settings.model_fields if any(w in key for w in words)]
