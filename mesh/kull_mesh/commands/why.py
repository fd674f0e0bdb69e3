"""`kull why`: the life of one event, or how a device fares, asked of all routers."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from google.protobuf.json_format import MessageToDict
from rich.console import Console
from rich.text import Text

from kull_mesh.errors import MeshError
from kull_mesh.routers import DEADLINE, RoutersOrUp, admin, beside
from kull_mesh.terminal import json_line, shown
from kull_protos.mesh.v1.admin_pb2 import ExplainRequest, ExplainResponse
from kull_protos.why.evidence import Evidence, Question, merge
from kull_protos.why.record import as_dict
from kull_protos.why.story import STORE_UNAVAILABLE, Story, caveats, tell
from kull_protos.why.words import moment


def why(
    event_id: Annotated[
        str, typer.Argument(help="The event's id, as `publish` returned it.", show_default=False)
    ] = "",
    user: Annotated[str, typer.Option(help="Only this user's devices.")] = "",
    device: Annotated[
        str, typer.Option(help="Only this device; without an id the device itself.")
    ] = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object, with all facts.")
    ] = False,
    routers: RoutersOrUp = "",
) -> None:
    """Explain why a device did, or did not, get an event; or how a device fares."""
    if not event_id and not (user and device):
        raise MeshError("say which: kull why EVENT_ID, or kull why --user USER --device DEVICE")
    question = Question(event_id=event_id, user=user, device=device)
    evidence = _ask(question, routers)
    stories = tell(question, evidence)
    if as_json:
        typer.echo(json_line(_as_dict(stories, evidence)))
    else:
        _print(stories, evidence)
    if any(story.verdict == STORE_UNAVAILABLE for story in stories):
        raise typer.Exit(1)


def _ask(question: Question, routers: str) -> Evidence:
    request = ExplainRequest(
        event_id=question.event_id, user_id=question.user, device_id=question.device
    )
    answers: list[ExplainResponse] = []
    silent: dict[str, str] = {}
    for target in beside(routers):
        try:
            with admin(target) as stub:
                answers.append(stub.Explain(request, timeout=DEADLINE))
        except MeshError as error:
            silent[target] = str(error)
    if not answers:
        raise MeshError("; ".join(silent.values()) or "no router is named: set KULL_EDGE_ROUTERS")
    return merge(answers, silent)


def _print(stories: list[Story], evidence: Evidence) -> None:
    console = Console(highlight=False)

    def say(text: str, style: str = "") -> None:
        console.print(Text(shown(text), style=style), soft_wrap=True)

    for story in stories:
        say(story.title, "bold")
        for line in story.lines:
            at = moment(line.at, evidence.now) if line.at else ""
            say(f"  {at:<12}  {line.text}")
        for verdict in story.devices:
            say(f"  {verdict.device}: {verdict.text}")
    for text in caveats(evidence):
        say(text, "yellow")


def _as_dict(stories: list[Story], evidence: Evidence) -> dict[str, Any]:
    facts = [MessageToDict(each) for each in evidence.answers]
    return {**as_dict(stories, evidence), "routers": facts}
