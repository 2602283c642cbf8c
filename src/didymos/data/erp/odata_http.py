"""HTTP as OData servers want it: who we are, patience when they are busy, errors in words. Used for reading and for writing back.

    with Session(config) as session: session.get("WorkOrders?$top=1")      parsed JSON

Secrets are read from environment variables that [[erp]] names (`user_env`, `password_env`, `token_env`), never from the file.
429 and 503 are asked again after Retry-After (seconds or a date), else after 1, 2, 4, ... s; `patience_s` bounds the whole wait.
Every address is on the host of `url`: a next link to another host keeps its path and goes to ours (servers behind a proxy write
their inner name), so that a password never goes elsewhere.

Verified: tests/erp/test_odata.py.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Self, final
from urllib.parse import urljoin, urlsplit, urlunsplit

import httpx

from didymos.core.errors import ConfigError, ConnectError, DataError
from didymos.data.erp.delivery import SourceConfig
from didymos.formats.odata import error_text

MOST_BYTES = 128 << 20
BUSY = (429, 503)


class Gone(Exception):
    """The server no longer knows a delta link: read everything anew."""


@final
class Session:
    """One server. `sleep` and `now_s` are handed in by tests."""

    def __init__(
        self, config: SourceConfig, sleep: Callable[[float], None] = time.sleep, now_s: Callable[[], float] = time.time
    ) -> None:
        self.base = config.url.rstrip("/") + "/"
        self.where = f"erp {config.id}: {config.url}"
        self._sleep = sleep
        self._now_s = now_s
        self._patience_s = _seconds(config, "patience_s", 60.0)
        if urlsplit(self.base).scheme not in ("http", "https"):
            raise ConfigError(
                f"erp {config.id}: url {config.url!r}; the address of an OData service is allowed, https://host/path."
            )
        if urlsplit(self.base).username or urlsplit(self.base).password:
            raise ConfigError(
                f"erp {config.id}: url holds a user or password. Name environment variables by user_env and password_env."
            )
        auth, headers = _who(config)
        self._client = httpx.Client(auth=auth, headers=headers, timeout=_seconds(config, "timeout_s", 30.0), follow_redirects=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def at(self, link: str, from_url: str = "") -> str:
        """A link, absolute or relative, on the host of `url`."""
        full, ours = urlsplit(urljoin(from_url or self.base, link)), urlsplit(self.base)
        return urlunsplit((ours.scheme, ours.netloc, full.path, full.query, ""))

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Any:
        return self.json(self.ask("GET", url, headers))

    def ask(self, method: str, url: str, headers: Mapping[str, str] | None = None, content: bytes | None = None) -> httpx.Response:
        """One answer below 400. ConnectError for everything else, Gone for 410."""
        waited, turn = 0.0, 0
        while True:
            try:
                answer = self._client.request(method, self.at(url), headers=headers, content=content)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise ConnectError(
                    f"{self.where} cannot be reached: {error or type(error).__name__}. Start it, or correct `url`."
                ) from error
            if answer.status_code not in BUSY:
                return self._judged(answer, method, url)
            pause = self._pause(answer, turn)
            if waited + pause > self._patience_s:
                raise ConnectError(
                    f"{self.where} is busy ({answer.status_code}) and asks for {pause:.0f} s more. It is asked again later."
                )
            self._sleep(pause)
            waited, turn = waited + pause, turn + 1

    def json(self, answer: httpx.Response) -> Any:
        if len(answer.content) > MOST_BYTES:
            raise DataError(f"{self.where}: an answer of {len(answer.content)} bytes; at most {MOST_BYTES} are read. Lower `page`.")
        try:
            return json.loads(answer.content)
        except ValueError as error:
            raise DataError(
                f"{self.where}: the answer is no JSON ({error}). Correct `url`; it must be the service's root."
            ) from error

    def _pause(self, answer: httpx.Response, turn: int) -> float:
        given = answer.headers.get("retry-after", "").strip()
        if given.isdigit():
            return float(given)
        try:
            return max(0.0, parsedate_to_datetime(given).timestamp() - self._now_s()) if given else 2.0**turn
        except (ValueError, TypeError):
            return 2.0**turn

    def _judged(self, answer: httpx.Response, method: str, url: str) -> httpx.Response:
        code = answer.status_code
        if code == 410:
            raise Gone
        if code < 300:
            return answer
        if code < 400:
            raise ConnectError(
                f"{self.where} sends us elsewhere ({code} to {answer.headers.get('location', '?')[:200]}). Correct `url`."
            )
        try:
            said = error_text(answer.json()) or answer.reason_phrase
        except ValueError:
            said = answer.reason_phrase
        do = "Check the user and its rights" if code in (401, 403) else "Correct `origin`, `columns` or `url` in [[erp]]"
        raise ConnectError(f"{self.where}: {method} {url[:200]}: {code} {said}. {do}.")


def _who(config: SourceConfig) -> tuple[httpx.Auth | None, dict[str, str]]:
    kind = str(config.options.get("auth", ""))
    if kind == "":
        return None, {}
    if kind == "basic":
        return httpx.BasicAuth(_secret(config, "user_env"), _secret(config, "password_env")), {}
    if kind == "bearer":
        return None, {"authorization": f"Bearer {_secret(config, 'token_env')}"}
    raise ConfigError(f"erp {config.id}: auth = {kind!r}. Allowed: basic, bearer, or leave it out. Correct `auth`.")


def _secret(config: SourceConfig, option: str) -> str:
    name = str(config.options.get(option, ""))
    if not name:
        raise ConfigError(f"erp {config.id}: {option} is missing: the name of the environment variable that holds it. Add it.")
    found = os.environ.get(name, "")
    if not found:
        raise ConfigError(f"erp {config.id}: environment variable {name} is empty or not set. Set it for this process.")
    return found


def _seconds(config: SourceConfig, option: str, default: float) -> float:
    given = config.options.get(option, default)
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given <= 3600:
        raise ConfigError(f"erp {config.id}: {option} = {given!r}; seconds above 0, at most 3600, are allowed. Correct it.")
    return float(given)
