"""The kinds of fields that events have. Each is read as strictly as JavaScript needs it. PURE."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, StrictStr

from kull_producers.contract.limits import MAX_NUMBER
from kull_producers.events import address


def _addressable(user_id: str) -> str:
    address.user(user_id)
    return user_id


UserId = Annotated[StrictStr, AfterValidator(_addressable)]
Id = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
# Terminals and logs show it: no escape sequences; lines and tabs are text.
Text = Annotated[str, Field(pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$")]
Count = Annotated[int, Field(ge=0, le=MAX_NUMBER)]
_Finite = Annotated[float, Field(ge=-MAX_NUMBER, le=MAX_NUMBER, allow_inf_nan=False)]
Number = Annotated[int, Field(ge=-MAX_NUMBER, le=MAX_NUMBER)] | _Finite
Seconds = Count | Annotated[float, Field(ge=0, le=MAX_NUMBER, allow_inf_nan=False)]
