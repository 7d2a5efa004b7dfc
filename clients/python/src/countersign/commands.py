"""What can be asked: the commands of docs/protocol.md and their place in HTTP. A message door wants the name alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, Optional, Tuple
from urllib.parse import quote, urlencode

#: Commands that end where they began when they are carried out twice.
_IDEMPOTENT_POSTS = frozenset({"session.resolve", "session.touch", "session.end"})


@dataclass(frozen=True)
class Command:
    name: str
    method: str
    path: str
    #: The one argument that is the whole body, for documents and merge patches.
    body: Optional[str] = None
    #: The answer is a bare document, and its version is the ``ETag``.
    document: bool = False

    @property
    def idempotent(self) -> bool:
        # A merge patch sets what it says, unless it is held to a version: then a second one is refused.
        return self.method in ("GET", "PUT", "DELETE") or self.name in _IDEMPOTENT_POSTS

    def http(self, arguments: Dict[str, Any]) -> Tuple[str, str, Dict[str, str], Any]:
        """Path, query, headers and the JSON of the body (``None`` for no body)."""
        rest = dict(arguments)

        def fill(found: "re.Match[str]") -> str:
            value = rest.pop(found.group(1), None)
            if not isinstance(value, str) or value in ("", ".", ".."):
                raise ValueError(f"{self.name} needs {found.group(1)}, a text")
            return quote(value, safe="")

        path = re.sub(r"\{(\w+)\}", fill, self.path)
        headers: Dict[str, str] = {}
        if_match = rest.pop("if_match", None)
        if if_match is not None:
            headers["If-Match"] = f'"{if_match}"'
        if self.method in ("GET", "DELETE"):
            return path, urlencode(rest), headers, None
        if self.body is None:
            return path, "", headers, rest
        document = rest.pop(self.body)
        if rest:
            raise ValueError(f"{self.name} does not take {', '.join(rest)}")
        if self.method == "PATCH":
            headers["Content-Type"] = "application/merge-patch+json"
        return path, "", headers, document


COMMANDS: Dict[str, Command] = {
    command.name: command
    for command in (
        Command("whoami", "GET", "/"),
        Command("authenticate", "POST", "/authenticate"),
        Command("session.create", "POST", "/sessions"),
        Command("session.resolve", "POST", "/sessions/resolve"),
        Command("session.save", "POST", "/sessions/save"),
        Command("session.cycle", "POST", "/sessions/cycle"),
        Command("session.touch", "POST", "/sessions/touch"),
        Command("session.end", "POST", "/sessions/end"),
        Command("session.list", "GET", "/users/{id}/sessions"),
        Command("session.revoke", "DELETE", "/users/{id}/sessions/{session}"),
        Command("session.end_others", "DELETE", "/users/{id}/sessions"),
        Command("user.get", "GET", "/users/{id}"),
        Command("user.list", "GET", "/users"),
        Command("user.create", "POST", "/users"),
        Command("user.update", "PATCH", "/users/{id}", "patch"),
        Command("user.delete", "DELETE", "/users/{id}"),
        Command("user.disable", "POST", "/users/{id}/disable"),
        Command("user.enable", "POST", "/users/{id}/enable"),
        Command("user.get_access", "GET", "/users/{id}/access"),
        Command("user.set_access", "PUT", "/users/{id}/access"),
        Command("user.set_password", "PUT", "/users/{id}/password"),
        Command("profile.get", "GET", "/users/{id}/profile", document=True),
        Command("profile.put", "PUT", "/users/{id}/profile", "document", document=True),
        Command("profile.patch", "PATCH", "/users/{id}/profile", "patch", document=True),
        Command("profile.delete", "DELETE", "/users/{id}/profile"),
        Command("token.list", "GET", "/users/{id}/tokens"),
        Command("token.create", "POST", "/tokens"),
        Command("token.revoke", "DELETE", "/tokens/{token}"),
        Command("consumer.list", "GET", "/consumers"),
        Command("consumer.create", "POST", "/consumers"),
        Command("consumer.get", "GET", "/consumers/{key}"),
        Command("consumer.update", "PATCH", "/consumers/{key}", "patch"),
        Command("consumer.impact", "GET", "/consumers/{key}/impact"),
        Command("consumer.rotate", "POST", "/consumers/{key}/secrets"),
        Command("consumer.revoke", "POST", "/consumers/{key}/revoke"),
        Command("stats", "GET", "/stats"),
        Command("event.list", "GET", "/events"),
    )
}
