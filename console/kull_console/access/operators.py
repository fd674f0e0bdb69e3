"""Who uses the console, and what they may do. PURE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

READ: Final = "console:read"
ACT: Final = "console:act"  # and look


class NotValid(Exception):
    """A credential that is not valid here; the text says what to do and holds none of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One who has signed in.

    Attributes:
        id: names the credential, as the audit log has it: `key:<id>` or `oidc:<subject>`.
        name: who, for people.
        may_act: whether they may do more than look.
        by_key: whether the credential is a key, which may be revoked while they are here.
    """

    id: str
    name: str
    may_act: bool
    by_key: bool = True


class Operators(Protocol):
    """Whom keys belong to. `kull_mesh.console.KeyOperators` has those of `kull keys`."""

    @property
    def any(self) -> bool:
        """Whether there is a key with which somebody may look or act."""
        ...

    def claimed(self, key: str) -> str:
        """Return the id of the key that this claims to be; empty: there is no such one.

        It is not looked at whether it is right.
        """
        ...

    def by_key(self, key: str) -> Operator:
        """Return whose key it is. Raises NotValid: it is wrong, over, or not for the console."""
        ...

    def still(self, operator: Operator) -> bool:
        """Return whether the key of who has signed in is still good for the same.

        Cheap: it is asked with every request.
        """
        ...
