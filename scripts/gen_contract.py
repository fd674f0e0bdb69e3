"""Generate what packages get of `kull_protos` that may not import it; `--check` fails on drift.

Python packages get whole modules, the web SDK and docs/protocol.md get tables.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

from kull_protos.contract import close_codes, limits, subprotocols
from kull_protos.contract.close_codes import CloseCode
from kull_protos.contract.error_codes import ErrorCode

ROOT: Final = Path(__file__).parent.parent
PROTOS: Final = "protos/kull_protos"
# Which module goes where; imports between copied modules follow their copies.
COPIES: Final = {
    "contract/__init__.py": ["producers/kull_producers/contract/__init__.py"],
    "contract/addresses.py": ["producers/kull_producers/contract/addresses.py"],
    "contract/device_ids.py": ["producers/kull_producers/contract/device_ids.py"],
    "contract/device_tokens.py": ["producers/kull_producers/contract/device_tokens.py"],
    "contract/event_types.py": ["producers/kull_producers/contract/event_types.py"],
    "contract/limits.py": [
        "producers/kull_producers/contract/limits.py",
        "clients/python/kull_client/limits.py",
    ],
    "contract/shard.py": ["producers/kull_producers/contract/shard.py"],
    "contract/texts.py": ["producers/kull_producers/contract/texts.py"],
    "contract/subprotocols.py": ["clients/python/kull_client/subprotocols.py"],
    "contract/close_codes.py": ["clients/python/kull_client/close_codes.py"],
    "common/address_rates.py": ["gateway/kull_gateway/address_rates.py"],
    "common/backoff.py": [
        "producers/kull_producers/publishing/backoff.py",
        "clients/python/kull_client/backoff.py",
    ],
    "common/hosts.py": [
        "gateway/kull_gateway/hosts.py",
        "clients/python/kull_client/hosts.py",
    ],
    "common/client_address.py": ["gateway/kull_gateway/client_address.py"],
    "common/origins.py": ["gateway/kull_gateway/origins.py"],
    "common/measures.py": ["producers/kull_producers/measures.py"],
    "common/places.py": ["gateway/kull_gateway/places.py"],
    "common/rates.py": ["gateway/kull_gateway/rates.py"],
    "common/request_target.py": ["gateway/kull_gateway/request_target.py"],
    "common/tracing.py": ["producers/kull_producers/publishing/tracing.py"],
    "common/security_headers.py": ["gateway/kull_gateway/security_headers.py"],
    "serving/exposition.py": ["producers/kull_producers/exposition.py"],
    "serving/__init__.py": ["gateway/kull_gateway/serving/__init__.py"],
    "serving/descriptors.py": ["gateway/kull_gateway/serving/descriptors.py"],
    "serving/listener.py": ["gateway/kull_gateway/serving/listener.py"],
    "serving/otel.py": ["producers/kull_producers/otel.py"],
    "serving/status_page.py": ["gateway/kull_gateway/serving/status_page.py"],
    "serving/traces.py": ["gateway/kull_gateway/serving/traces.py"],
    "settings.py": ["gateway/kull_gateway/shared_settings.py"],
}
MEMBERS: Final = {"producers", "gateway", "clients", "python"}
IMPORT: Final = re.compile(
    r"from kull_protos\.(?P<folder>\w+)(?:\.(?P<module>\w+))? import (?P<name>\w+)"
)
WEB: Final = "clients/web/packages/sync/src/close-codes.generated.ts"
WEB_LIMITS: Final = "clients/web/packages/sync/src/limits.generated.ts"
WEB_SUBPROTOCOL: Final = "clients/web/packages/sync/src/subprotocol.generated.ts"
DOCUMENT: Final = "docs/protocol.md"
BEGIN: Final = "<!-- {}: written by `make contract` -->\n"
END: Final = "<!-- end of {} -->\n"


def copy(source: str, target: str) -> str:
    """Return the text of a module's copy: it imports its neighbours from where they are copied."""

    def moved(match: re.Match[str]) -> str:
        folder, name = match["folder"], match["module"] or match["name"]
        package = _package(f"{folder}/{name}.py", target)
        return match[0].replace(f"kull_protos.{folder}", package)

    text = IMPORT.sub(moved, (ROOT / PROTOS / source).read_text())
    return f"# Generated from {PROTOS}/{source} by `make contract`: do not edit.\n{text}"


def _package(source: str, importer: str) -> str:
    """Return the package of the copy that `importer` may import: its own, or the producers'."""
    member = importer.split("/", maxsplit=1)[0]
    found = [copied for copied in COPIES[source] if copied.startswith((f"{member}/", "producers/"))]
    own = [copied for copied in found if copied.startswith(f"{member}/")]
    parts = Path((own or found)[0]).parts
    return ".".join(part for part in parts[:-1] if part not in MEMBERS)


def typescript() -> str:
    """Return the table of close codes for the web SDK."""
    source = f"{PROTOS}/contract/close_codes.py"
    stop = ", ".join(map(str, sorted(close_codes.STANDARD_STOP)))
    lines = [
        f"// Generated from {source} by `make contract`: do not edit.",
        "",
        "/** The name of each close code. */",
        "export const CLOSE_CODES: Readonly<Record<number, string>> = {",
        *(f"  {int(code)}: '{code.label}'," for code in CloseCode),
        "};",
        "",
        *(f"export const {code.name} = {int(code)};" for code in CloseCode),
        "",
        f"export const FIRST = {close_codes.FIRST};",
        f"export const FIRST_STOP = {close_codes.FIRST_STOP};",
        f"export const LAST = {close_codes.LAST};",
        f"export const STANDARD_STOP = [{stop}];",
    ]
    return "\n".join(lines) + "\n"


def typescript_limits() -> str:
    """Return the limits that the web SDK checks itself."""
    names = ("MAX_TOKEN_CHARS", "MAX_NAME_CHARS", "MAX_PLATFORM_CHARS")
    lines = [
        f"// Generated from {PROTOS}/contract/limits.py by `make contract`: do not edit.",
        "",
        *(f"export const {name} = {getattr(limits, name)};" for name in names),
    ]
    return "\n".join(lines) + "\n"


def typescript_subprotocol() -> str:
    """Return what the web SDK offers when its WebSocket opens."""
    return (
        f"// Generated from {PROTOS}/contract/subprotocols.py by `make contract`: do not edit.\n\n"
        f"export const V2 = '{subprotocols.V2}';\n"
    )


def tables() -> dict[str, str]:
    """Return the tables of docs/protocol.md in Markdown, by their names in its marks."""
    closing = [f"| {int(code)} | `{code.label}` | {code.meaning} |\n" for code in CloseCode]
    errors = [f"| `{code}` | {code.when} |\n" for code in ErrorCode]
    last = "| the name of a close code | it precedes that close code |\n"
    return {
        "error codes": "".join(["| code | when |\n|---|---|\n", *errors, last]),
        "close codes": "".join(["| code | name | meaning |\n|---|---|---|\n", *closing]),
    }


def document() -> str:
    """Return docs/protocol.md with its tables; raises ValueError when their marks are gone."""
    text = (ROOT / DOCUMENT).read_text()
    for name, table in tables().items():
        begin, end = BEGIN.format(name), END.format(name)
        before, rest = text.split(begin)
        _, after = rest.split(end)
        text = f"{before}{begin}{table}{end}{after}"
    return text


def generate() -> dict[str, str]:
    """Return what each generated file should hold, by its path in the repository."""
    copies = {target: copy(source, target) for source, to in COPIES.items() for target in to}
    web = {
        WEB: typescript(),
        WEB_LIMITS: typescript_limits(),
        WEB_SUBPROTOCOL: typescript_subprotocol(),
    }
    return {**copies, **web, DOCUMENT: document()}


def main() -> None:
    """Write the files, or compare them with what is committed."""
    files = generate()
    drifted = [
        path
        for path, text in files.items()
        if not (ROOT / path).exists() or (ROOT / path).read_text() != text
    ]
    if "--check" in sys.argv:
        if drifted:
            sys.exit(f"generated files have drifted, run `make contract`: {', '.join(drifted)}")
        return
    for path in drifted:
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(files[path])


if __name__ == "__main__":
    main()
