"""The HTTP client: requests to the machine, its refusals, and its absence.

Knows HTTP and problem documents (RFC 9457), not what any answer means. What
fails is raised as `MachineRefused` (it is there and says no) or
`NoMachine` (it is not there, or what is there is no irsend).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import IO, cast

from irsend import __version__
from irsend.ctl.absence import NAME_IT, absent, cause, greeting, greeting_of, is_refused
from irsend.ctl.errors import MachineRefused, NoMachine, PasswordNeeded, WrongURL
from irsend.ctl.httpx_library import httpx
from irsend.ctl.input_files import OpenOriginal
from irsend.ctl.json_values import Json, JsonObject
from irsend.ctl.upload import UploadCounter, UploadedFile

EVENTS_SILENCE = 60.0
"""Seconds without an octet from the event stream, after which it is opened again."""


class Machine:
    """A running machine, by the URL of its panel."""

    def __init__(self, url: str, password: str | None = None, *, timeout: float = 10.0) -> None:
        self._timeout = timeout
        address, password = _address(url, password)
        self.url = str(address).rstrip("/")
        self._http = httpx.Client(
            base_url=address,
            # The panel takes any user name.
            auth=httpx.BasicAuth("irsendctl", password) if password else None,
            timeout=timeout,
            # Reading the certificates of all authorities takes longer than a request.
            verify=address.scheme == "https",
            headers={"User-Agent": f"irsendctl/{__version__}"},
            # A proxy named in the environment cannot reach a machine on loopback, and
            # the panel's password does not come from .netrc.
            trust_env=False,
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def read(self, path: str, **query: object) -> Json:
        """GET; return the JSON of the answer. Query values that are None are left out."""
        return self._json(self._request("GET", path, query=query))

    def wait(self, path: str, seconds: float, query: Mapping[str, object]) -> Json:
        """GET with ?wait=; return the JSON of the answer, which may take so many seconds."""
        timeout = httpx.Timeout(self._timeout, read=seconds + self._timeout)
        query = {**query, "wait": f"{seconds:.3f}"}
        return self._json(self._request("GET", path, query=query, timeout=timeout))

    def read_object(self, path: str) -> JsonObject:
        """GET a JSON object; NoMachine where the answer is anything else."""
        answer = self.read(path)
        if not isinstance(answer, dict):
            raise self.not_irsend(f"{path} answers with something else")
        return answer

    def read_list(self, path: str, name: str, **query: object) -> list[JsonObject]:
        """GET a JSON array of objects, alone or as the member `name` of an object."""
        return self.objects_in(self.read(path, **query), path, name)

    def objects_in(self, answer: Json, path: str, name: str) -> list[JsonObject]:
        """Return the array of objects in an answer; NoMachine where there is none."""
        rows = answer.get(name) if isinstance(answer, dict) else answer
        if not isinstance(rows, list):
            raise self.not_irsend(f"{path} answers with something else")
        found = [row for row in rows if isinstance(row, dict)]
        if len(found) < len(rows):
            raise self.not_irsend(f"{path} answers with something else")
        return found

    def read_text(self, path: str, media_type: str, **query: object) -> str:
        """GET text."""
        response = self._request("GET", path, query=query, headers={"Accept": media_type})
        if _media_type(response) not in ("text/plain", "text/csv"):
            raise self.not_irsend(
                f"{path} answers in {_media_type(response) or 'no known form'}"
            )
        return response.text

    def ask(
        self, method: str, path: str, body: object = None, *, patient: bool = False
    ) -> Json:
        """Send a request; return the JSON of the answer, None where it has no body.

        `patient` waits for the answer without a time limit.
        """
        timeout = httpx.Timeout(self._timeout, read=None) if patient else None
        response = self._request(method, path, body=body, timeout=timeout)
        return self._json(response) if response.content else None

    def send_form(
        self,
        path: str,
        fields: dict[str, str | list[str]],
        pages: Sequence[OpenOriginal],
        progress: Callable[[int, int], None],
    ) -> JsonObject:
        """POST files as a form, as they are read; return the JSON object that answers.

        `progress` is called with the octets that have gone, and their total. There is
        no time limit for the answer. FileChanged where a file cannot be
        read to its end.
        """
        counter = UploadCounter(sum(one.size for one in pages), progress)
        with self._errors_translated():
            response = self._http.post(
                path,
                data=fields,
                files=[
                    ("page", (one.name, cast(IO[bytes], UploadedFile(one, counter))))
                    for one in pages
                ],
                headers={"Accept": "application/json"},
                timeout=httpx.Timeout(self._timeout, read=None, write=None),
            )
        if not response.is_success:
            raise self._refusal(response)
        answer = self._json(response)
        if not isinstance(answer, dict) or "number" not in answer:
            raise self.not_irsend(f"{path} answers with something else")
        return answer

    def events(self, last_id: str | None) -> AbstractContextManager[Iterator[bytes]]:
        """Open the event stream after the event `last_id`; give its octets as they come.

        Raises NoMachine from the stream as well as from its opening.
        """
        headers = {}
        if last_id is not None and last_id.isascii():
            headers["Last-Event-ID"] = last_id
        timeout = httpx.Timeout(self._timeout, read=EVENTS_SILENCE)
        return self._stream("/api/events", "text/event-stream", headers, {}, timeout)

    def file(
        self, path: str, media_type: str, **query: object
    ) -> AbstractContextManager[Iterator[bytes]]:
        """Open a file of this type, */* for any; give its octets as they come.

        Raises NoMachine, while they are read too, and MachineRefused.
        """
        return self._stream(path, media_type, {}, query)

    @contextlib.contextmanager
    def _stream(
        self,
        path: str,
        media_type: str,
        headers: dict[str, str],
        query: Mapping[str, object],
        timeout: httpx.Timeout | None = None,
    ) -> Iterator[Iterator[bytes]]:
        headers = {"Accept": media_type, "Accept-Encoding": "identity", **headers}
        with (
            self._errors_translated(),
            self._http.stream(
                "GET",
                path,
                params=_texts(query),
                headers=headers,
                timeout=timeout or self._http.timeout,
            ) as response,
        ):
            if response.status_code != httpx.codes.OK:
                response.read()
                raise self._refusal(response)
            if media_type not in ("*/*", _media_type(response)):
                raise self.not_irsend(f"{path} answers with something else")
            yield response.iter_bytes()

    def not_irsend(self, what: str) -> NoMachine:
        """Return the error for a server that is no irsend."""
        return NoMachine(
            f"Another program answers at {self.url}, which is no irsend: {what}.", NAME_IT
        )

    def _request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        body: object = None,
        headers: dict[str, str] | None = None,
        timeout: httpx.Timeout | None = None,
    ) -> httpx.Response:
        with self._errors_translated():
            response = self._http.request(
                method,
                path,
                params=_texts(query or {}),
                json=body,
                headers={"Accept": "application/json"} | (headers or {}),
                timeout=timeout or self._http.timeout,
            )
        if not response.is_success:
            raise self._refusal(response)
        return response

    def _json(self, response: httpx.Response) -> Json:
        try:
            if _media_type(response) != "application/json":
                raise ValueError
            answer: Json = response.json()
            return answer
        except (ValueError, RecursionError):
            where = response.request.url.path
            raise self.not_irsend(
                f"{where} answers in {_media_type(response) or 'no known form'}"
            ) from None

    def _refusal(self, response: httpx.Response) -> Exception:
        problem: Json = None
        if _media_type(response) == "application/problem+json":
            with contextlib.suppress(ValueError):
                problem = response.json()
        if response.status_code == httpx.codes.UNAUTHORIZED:
            said = "refuses this password" if self._http.auth else "asks for a password"
            # Another server is not given what is typed.
            may_ask = self._http.auth is None and isinstance(problem, dict)
            return (PasswordNeeded if may_ask else MachineRefused)(
                f"The machine at {self.url} {said}; give it as --password-file FILE, "
                "IRSEND_PASSWORD or --password.",
                problem if isinstance(problem, dict) else None,
            )
        if isinstance(problem, dict):
            return MachineRefused(_sentence(problem, response), problem)
        answer = f"{response.status_code} {response.reason_phrase}".strip()
        if "location" in response.headers:
            answer += f", see {response.headers['location']}"
        if "server" in response.headers:
            answer += f" (its server: {response.headers['server']})"
        return self.not_irsend(f"{response.request.url.path} answers {answer}")

    @contextlib.contextmanager
    def _errors_translated(self) -> Iterator[None]:
        """Raise NoMachine, with the cause in words, for the errors of httpx."""
        try:
            yield
        except httpx.ConnectTimeout:
            raise absent(self.url, f"no connection within {self._timeout:g} s") from None
        except httpx.TimeoutException:
            # A server of another protocol may wait for more of what it does not understand.
            if said := greeting_of(self.url, self._timeout):
                raise self.not_irsend(said) from None
            raise NoMachine(
                f"The machine at {self.url} did not answer within {self._timeout:g} s."
            ) from None
        except httpx.ConnectError as error:
            raise absent(self.url, cause(error), refused=is_refused(error)) from None
        except httpx.RemoteProtocolError as error:
            if "complete" in str(error):
                raise NoMachine(
                    f"The machine at {self.url} closed the connection amid its answer."
                ) from None
            if "disconnected" in str(error) or "closed" in str(error):
                raise NoMachine(
                    f"What is at {self.url} closed the connection without an answer.", NAME_IT
                ) from None
            raise self.not_irsend(greeting(error) or "it does not speak HTTP") from None
        except httpx.HTTPError as error:
            raise NoMachine(f"The machine at {self.url} is gone: {cause(error)}.") from None
        except Exception as error:
            # httpx does not translate every error of the libraries beneath it.
            if type(error).__module__.partition(".")[0] not in ("h11", "httpcore"):
                raise
            raise NoMachine(f"The talk with {self.url} broke off: {cause(error)}.") from None


def _address(url: str, password: str | None) -> tuple[httpx.URL, str | None]:
    """Return the URL without its userinfo, and the password to use."""
    try:
        address = httpx.URL(url if "://" in url else f"http://{url}")
        if address.scheme not in ("http", "https") or not address.host:
            raise ValueError
        if address.port is not None and not 0 < address.port < 65536:
            raise ValueError
    except (httpx.InvalidURL, ValueError):
        # The userinfo is not repeated: it may hold a password.
        shown = url.rpartition("@")[2]
        raise WrongURL(
            f"{shown!r} is not allowed as the machine's URL; allowed: one such as http://127.0.0.1:8631"
        ) from None
    found = address.password or None
    return address.copy_with(
        username=None, password=None, query=None, fragment=None
    ), password or found


def _texts(query: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in query.items() if value is not None}


def _media_type(response: httpx.Response) -> str:
    return str(response.headers.get("content-type", "")).partition(";")[0].strip().lower()


def _sentence(problem: JsonObject, response: httpx.Response) -> str:
    errors = problem.get("errors")
    if isinstance(errors, list):
        named = [one for one in errors if isinstance(one, dict)]
        if named and len(named) == len(errors):
            return "\n".join(f"{one.get('key')}: {one.get('problem')}" for one in named)
    said = problem.get("detail") or problem.get("title")
    return str(
        said or f"The machine refuses ({response.status_code} {response.reason_phrase})."
    )
