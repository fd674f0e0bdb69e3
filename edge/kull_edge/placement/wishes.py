"""Carries out what sessions want of their routers, and settles what that has moved. PURE."""

from __future__ import annotations

from collections.abc import Iterable

from kull_edge.placement.acknowledgements import Acknowledgements
from kull_edge.placement.delivery_traces import DeliveryTraces
from kull_edge.placement.journal import Journal
from kull_edge.placement.placement import Placement
from kull_edge.placement.rosters import Rosters
from kull_edge.placement.sessions import Sessions
from kull_edge.session.effects import (
    Effect,
    LogoutWish,
    PublishWish,
    RefreshWish,
    Release,
    SignOutWish,
    StateWish,
    Subscribe,
    ToRouter,
    WatchWish,
)
from kull_edge.session.session import Session
from kull_edge.session.state import State
from kull_edge.session.subscription import Subscription, SubscriptionKey
from kull_protos.mesh.v1 import attach_pb2 as pb


class Wishes:
    """Turns the effects of a session into those of the edge: see `effects`."""

    def __init__(
        self,
        sessions: Sessions,
        placement: Placement,
        acknowledgements: Acknowledgements,
        journal: Journal,
        traces: DeliveryTraces,
        rosters: Rosters,
    ) -> None:
        self._rosters = rosters
        self._journal = journal
        self._traces = traces
        self._sessions = sessions
        self._placement = placement
        self._acknowledgements = acknowledgements

    def carry_out(self, session: Session, effects: Iterable[Effect], now: float) -> list[Effect]:
        """Do what a session wants, after anything that may have moved any of its queues."""
        out: list[Effect] = []
        for effect in effects:
            match effect:
                case Subscribe(subscription):
                    out += self._placement.subscribe(session, subscription)
                case Release(subscription, left):
                    out += self._release(session, subscription, left=left)
                case StateWish(address, place):
                    out += _set_state(session, address, place)
                case PublishWish() | LogoutWish() | SignOutWish():
                    out += _ask_owner(session, effect)
                case RefreshWish():
                    out += _refresh(session, effect)
                    if effect.others:  # it may let the session watch fewer users
                        out += self._placement.watches.watch(session)
                case WatchWish():
                    out += self._placement.watches.watch(session)
                case _:
                    out.append(effect)
        if session.state is State.CLOSED:
            return out + self._forget(session, out, now)
        for subscription in session.subscriptions:
            out += self.settle(session, subscription, now)
        return out

    def settle(self, session: Session, subscription: Subscription, now: float) -> list[Effect]:
        """Report a moved acknowledgement, and fetch if the device can take more."""
        acked, fetches = subscription.report(), subscription.fetch_size() is not None
        if acked is None and not fetches:
            return []
        key = SubscriptionKey(session.id, subscription.address)
        out: list[Effect] = []
        if acked is not None:
            self._traces.settle(key, acked)
            out += self._acknowledgements.moved(key, acked, now)
        if fetches:
            out += self._placement.fetch(subscription.link, key)
        return out

    def _forget(self, session: Session, why: list[Effect], now: float) -> list[Effect]:
        """The session has ended: flush its acknowledgements and give up what it follows."""
        if not self._sessions.remove(session):
            return []
        self._journal.ended(session, why, now)
        out = self._placement.watches.ended(session.id)
        for subscription in session.subscriptions:
            out += self._release(session, subscription, left=False)
        return out

    def _release(self, session: Session, subscription: Subscription, *, left: bool) -> list[Effect]:
        key = SubscriptionKey(session.id, subscription.address)
        self._traces.settle(key, subscription.acked)
        self._traces.released(key)
        self._placement.release(key)
        self._rosters.release(key)
        unsent = self._acknowledgements.take(key) or subscription.unreported
        link = subscription.link
        if not self._placement.has(link):
            return []
        out: list[Effect] = []
        if unsent and subscription.established:
            ack = pb.Ack(session_id=session.id, address=key.address, seq=subscription.acked)
            out.append(ToRouter(link, pb.AttachRequest(acks=pb.Acks(acks=[ack]))))
        request = pb.Unsubscribe(session_id=session.id, address=key.address, left=left)
        out.append(ToRouter(link, pb.AttachRequest(unsubscribe=request)))
        return out + self._placement.pump(link)


def _set_state(session: Session, address: str, place: pb.Place) -> list[Effect]:
    subscription = session.subscriptions.get(address)
    if subscription is None or not subscription.link:
        return []  # the next owner is told with the subscription
    request = pb.SetState(
        session_id=session.id, address=address, state=place.state, stated=place.stated
    )
    return [ToRouter(subscription.link, pb.AttachRequest(set_state=request))]


def _ask_owner(session: Session, wish: PublishWish | LogoutWish | SignOutWish) -> list[Effect]:
    own = session.subscriptions.own
    if not own.attached:
        return session.orphaned()
    if isinstance(wish, LogoutWish):
        logout = pb.Logout(request_id=wish.request_id, session_id=session.id)
        return [ToRouter(own.link, pb.AttachRequest(logout=logout))]
    if isinstance(wish, SignOutWish):
        sign_out = pb.SignOut(
            request_id=wish.request_id, session_id=session.id, device_id=wish.device_id
        )
        return [ToRouter(own.link, pb.AttachRequest(sign_out=sign_out))]
    request = pb.Publish(
        request_id=wish.request_id,
        session_id=session.id,
        type=wish.type,
        payload=wish.payload,
        traceparent=wish.traceparent,
        address=wish.address,
        event=wish.event,
    )
    return [ToRouter(own.link, pb.AttachRequest(publish=request))]


def _refresh(session: Session, wish: RefreshWish) -> list[Effect]:
    own = session.subscriptions.own.link
    if not wish.others and not own:
        return session.orphaned()
    links = {own}
    if wish.others:
        links = {each.link for each in session.subscriptions} - {own}
    request = pb.Refresh(session_id=session.id, token=wish.token)
    return [ToRouter(link, pb.AttachRequest(refresh=request)) for link in sorted(links) if link]
