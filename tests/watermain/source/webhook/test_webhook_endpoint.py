"""The endpoint of webhooks, as senders meet it."""

from __future__ import annotations

import asyncio
import base64
import json
import resource
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pyarrow as pa
import pytest

from tests.watermain.source.kinds import Ledger, thing
from tests.watermain.source.web_kinds import SECRET, WebhookKind, signed
from tests.watermain.source.web_server import served
from watermain.declare import Column, Contract, Dataset, Webhook, raw
from watermain.declare.errors import InvalidDeclarationError, UnreachableSystemError
from watermain.record.tally import Denial
from watermain.secrets import Secrets
from watermain.settings import Settings
from watermain.source.outside import Outside
from watermain.source.webhook import webhook_inbox
from watermain.source.webhook.segments import EventStore, EventWriter, body_print
from watermain.source.webhook.webhook_inbox import CONFLICTS, Room
from watermain.source.webhook.webhook_server import endpoint
from watermain.source.webhook.webhook_signature import standard_signature

BODY = json.dumps(thing(1)).encode()


def stored(kind: WebhookKind) -> list[bytes]:
    """The bodies on the disk, in order."""
    return [event.body for event in EventStore(kind.folder / "inbox").events(0)]


def test_endpoint_accepts_a_signed_event(webhook_kind: WebhookKind) -> None:
    """202 means that it is on the disk."""
    answer = webhook_kind.send(BODY, "a")
    assert (answer.status_code, answer.json()) == (202, {"status": "accepted"})
    assert stored(webhook_kind) == [BODY]


def test_endpoint_honours_an_idempotency_key(webhook_kind: WebhookKind) -> None:
    """The same event is accepted again without a second one in the store."""
    webhook_kind.send(BODY, "a")
    again = webhook_kind.send(BODY, "a")
    assert (again.status_code, again.json()) == (202, {"status": "accepted before"})
    assert stored(webhook_kind) == [BODY]


def test_endpoint_refuses_a_key_that_stands_for_another_body(
    tmp_path: Path, ledger: Ledger
) -> None:
    """At once, after a restart, and when the first event is in the lake; both prints are kept."""
    kind = WebhookKind(tmp_path / "home")
    kind.room = Room(segment_bytes=1)
    other = b'{"id": "2"}'
    prints = body_print(BODY).hex(), body_print(other).hex()
    for _ in range(3):
        with served(kind.app) as kind.address:
            assert kind.send(BODY, "a").status_code == 202
            refused = kind.send(other, "a")
            assert refused.status_code == 422
            assert all(each in refused.json()["status"] for each in prints)
            assert kind.send(BODY, "b").status_code == 202
        ledger.capture(kind.open())
    noted = (kind.folder / "inbox" / CONFLICTS).read_text().splitlines()
    assert [json.loads(line)["stored"] for line in noted] == [prints[0]] * 3
    assert {json.loads(line)["refused"] for line in noted} == {prints[1]}
    assert len(ledger.rows()) == 2


def test_endpoint_takes_one_of_two_bodies_that_come_at_once(webhook_kind: WebhookKind) -> None:
    """The other is refused while the first is on its way to the disk, too."""
    bodies = [BODY, b'{"id": "2"}'] * 8
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda body: webhook_kind.send(body, "same"), bodies))
    (kept,) = stored(webhook_kind)
    told = [
        (answer.status_code == 202) == (body == kept)
        for answer, body in zip(answers, bodies, strict=True)
    ]
    assert all(told)
    assert {answer.status_code for answer in answers} == {202, 422}


@pytest.mark.parametrize("scheme", ["standard", "watermain"])
def test_endpoint_refuses_keys_that_move_the_boundary(scheme: str, tmp_path: Path) -> None:
    """`a.b` with the body `c` would sign the same bytes as `a` with the body `b.c`."""
    kind = WebhookKind(tmp_path / "home", scheme=scheme)
    with served(kind.app) as kind.address:
        for key in ("a.b", ".", "a.", ".b"):
            answer = kind.send(b"c", key)
            assert (answer.status_code, "has a dot" in answer.json()["status"]) == (400, True)
        assert kind.send(b"b.c", "a").status_code == 202
    assert stored(kind) == [b"b.c"]


def test_endpoint_takes_standard_webhooks(tmp_path: Path) -> None:
    """With secrets in Base64, several signatures, and two secrets while one is rotated."""
    kind = WebhookKind(tmp_path / "home", scheme="standard")
    old, new = (
        "whsec_" + base64.b64encode(word * 4).decode() for word in (b"oldsecret", b"newsecret")
    )
    (kind.folder / "old").write_text(old)
    (kind.folder / "new").write_text(new)
    kind.word = replace(kind.word, secret=(f"file:{kind.folder}/old", f"file:{kind.folder}/new"))
    with served(kind.app) as kind.address:
        assert kind.send(BODY, "a", old).status_code == 202
        assert kind.send(BODY, "b", new).status_code == 202
        assert kind.send(BODY, "c", "whsec_AAAA").status_code == 401
        both = kind.sign(BODY, "d", "other", int(time.time()))["webhook-signature"]
        both += " " + kind.sign(BODY, "d", new, int(time.time()))["webhook-signature"]
        assert kind.send(BODY, "d", **{"webhook-signature": both}).status_code == 202
        assert kind.send(BODY, "e", new, **{"webhook-timestamp": "1"}).status_code == 401
    assert len(stored(kind)) == 3


def test_standard_signature_is_that_of_the_standard() -> None:
    """The example of its specification."""
    body = b'{"test": 2432232314}'
    signed = b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330." + body
    found = standard_signature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", signed)
    assert found == b"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_endpoint_honours_a_key_after_a_restart(tmp_path: Path, ledger: Ledger) -> None:
    """Also when the event's segment is in the lake, deleted."""
    kind = WebhookKind(tmp_path / "home")
    kind.room = Room(segment_bytes=1)
    for turn in range(3):
        with served(kind.app) as kind.address:
            for number in range(6):
                assert kind.send(BODY, f"key-{number}").status_code == 202
            assert kind.send(BODY, f"turn-{turn}").status_code == 202
        ledger.capture(kind.open())
        assert len(EventStore(kind.folder / "inbox").segments()) == 1
    assert len(ledger.rows()) == 6 + 3


def test_endpoint_forgets_keys_in_the_end(tmp_path: Path, ledger: Ledger) -> None:
    """What is remembered is bounded by time, by number."""
    kind = WebhookKind(tmp_path / "home")
    kind.room = Room(segment_bytes=1, remember_for=timedelta(0))
    for _ in range(2):
        with served(kind.app) as kind.address:
            kind.send(BODY, "a")
            kind.send(BODY, "b")
        ledger.capture(kind.open())
    assert len(ledger.rows()) == 4
    assert len(list((kind.folder / "inbox").glob("*.prints"))) <= 2
    kind.room = Room(keys=1)
    with served(kind.app) as kind.address:
        kind.send(BODY, "c")
        kind.send(BODY, "d")
        assert kind.send(BODY, "c").json() == {"status": "accepted"}
        assert kind.send(BODY, "c").json() == {"status": "accepted before"}


def test_endpoint_stores_a_key_once_when_it_comes_many_times_at_once(
    webhook_kind: WebhookKind,
) -> None:
    """Eight senders of the same event all hear 202."""
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: webhook_kind.send(BODY, "same"), range(16)))
    assert {answer.status_code for answer in answers} == {202}
    assert stored(webhook_kind) == [BODY]


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Signature": "sha256=" + "0" * 64},
        {"X-Signature": ""},
        {"X-Signature": "sha256"},
        {"X-Timestamp": "1"},
        {"X-Timestamp": "99999999999999999999"},
        {"X-Timestamp": "-5"},
        {"X-Timestamp": "now"},
        {"Idempotency-Key": "another"},
    ],
)
def test_endpoint_refuses_what_is_not_signed(
    headers: dict[str, str], webhook_kind: WebhookKind
) -> None:
    """Body, key, time are all covered by the signature."""
    assert webhook_kind.send(BODY, "a", **headers).status_code == 401
    assert webhook_kind.send(BODY, "b", secret="another").status_code == 401
    assert stored(webhook_kind) == []


@pytest.mark.parametrize(("seconds", "status"), [(-290, 202), (290, 202), (-310, 401), (310, 401)])
def test_endpoint_tolerates_clocks_that_differ_a_little(
    seconds: int, status: int, webhook_kind: WebhookKind
) -> None:
    """Five minutes, both ways."""
    now = webhook_kind.time()
    webhook_kind.time = lambda: now + seconds
    assert webhook_kind.send(BODY, "a").status_code == status


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_endpoint_refuses_an_unfit_key(key: str, webhook_kind: WebhookKind) -> None:
    """Without a key nothing can be sent twice safely."""
    assert webhook_kind.send(BODY, key).status_code == 400
    assert webhook_kind.send(BODY, "k" * 255).status_code == 202


def test_endpoint_refuses_a_body_that_is_too_large(tmp_path: Path) -> None:
    """A told length is believed, an untold one is counted."""
    kind = WebhookKind(tmp_path / "home", max_bytes=100)
    with served(kind.app) as kind.address:
        assert kind.send(b"x" * 100, "a").status_code == 202
        assert kind.send(b"x" * 101, "b").status_code == 413
        assert raw_answer(kind.address, b"1000\r\n" + b"x" * 0x1000 + b"\r\n") == b"413"
    assert stored(kind) == [b"x" * 100]


def raw_answer(address: str, chunk: bytes) -> bytes:
    """The status of a request whose body comes in chunks without an end."""
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=120) as connection:
        connection.sendall(
            b"POST /hooks/things HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk
        )
        return connection.recv(1000).split(b" ")[1]


def test_endpoint_pushes_back_when_too_much_waits(tmp_path: Path, ledger: Ledger) -> None:
    """Bytes that are not in the lake are bounded; once they are, events are taken again."""
    kind = WebhookKind(tmp_path / "home")
    kind.room = Room(stored_bytes=2000, segment_bytes=100)
    with served(kind.app) as kind.address:
        codes = []
        while 429 not in codes:
            answer = kind.send(json.dumps(thing(1, "x" * 500)).encode(), f"k{len(codes)}")
            codes.append(answer.status_code)
        assert answer.headers["Retry-After"] == "1"
        taken = codes.count(202)
        assert len(ledger.capture(kind.open())) == 1
        while kind.send(BODY, "later").status_code == 429:
            pass
        ledger.capture(kind.open())
    assert len(ledger.rows()) == taken + 1


def test_endpoint_says_so_when_the_disk_is_full(tmp_path: Path) -> None:
    """503 with a time to come back; what was answered with 202 stays, nothing is doubled."""
    kind = WebhookKind(tmp_path / "home")
    large = b"x" * 200_000
    with served(kind.app) as kind.address:
        kind.send(BODY, "first")
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
        try:
            answer = kind.send(large, "a")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "5"
        assert kind.send(large, "a").json() == {"status": "accepted"}
        assert kind.send(large, "a").json() == {"status": "accepted before"}
    assert stored(kind) == [BODY, large]


def test_endpoint_takes_a_rotated_secret_at_once(webhook_kind: WebhookKind) -> None:
    """The first event that is signed anew makes it look."""
    assert webhook_kind.send(BODY, "a").status_code == 202
    webhook_kind.secret.write_text("rotated")
    assert webhook_kind.send(BODY, "b", secret="rotated").status_code == 202
    assert webhook_kind.send(BODY, "c", secret=SECRET).status_code == 401


def test_endpoint_asks_to_come_back_when_the_secret_is_missing(webhook_kind: WebhookKind) -> None:
    """Nobody is let in, nobody is told the path of the secret."""
    webhook_kind.secret.unlink()
    answer = webhook_kind.send(BODY, "a")
    assert (answer.status_code, answer.json()) == (
        503,
        {"status": "the event cannot be stored now"},
    )


def test_endpoint_commits_waiting_events_together(
    webhook_kind: WebhookKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many events share a few writes."""
    sizes = []
    append = EventWriter.append

    def counted(self: EventWriter, deliveries: list) -> None:
        sizes.append(len(deliveries))
        append(self, deliveries)

    monkeypatch.setattr(EventWriter, "append", counted)
    with ThreadPoolExecutor(16) as pool:
        codes = [
            a.status_code for a in pool.map(lambda n: webhook_kind.send(BODY, f"k{n}"), range(64))
        ]
    assert codes == [202] * 64
    assert sum(sizes) == 64
    assert len(stored(webhook_kind)) == 64


def test_endpoint_is_alone_with_its_folder(webhook_kind: WebhookKind) -> None:
    """A second one is refused, the first goes on."""
    with pytest.raises(UnreachableSystemError, match="another process takes events"):
        EventWriter(webhook_kind.folder / "inbox")
    assert webhook_kind.send(BODY, "a").status_code == 202


def hook(name: str, path: str) -> Dataset:
    """A dataset that is sent events."""
    return raw(
        name,
        source=Webhook(path=path, scheme="watermain", secret="env:HOOK"),
        contract=Contract(
            grain="one row per event", key=("id",), columns=(Column("id", pa.string(), "it"),)
        ),
        owner="team:shop",
    )


def test_endpoint_serves_each_declared_webhook(tmp_path: Path) -> None:
    """Each dataset has a path with a folder of its own; no path is shared."""
    one, other = hook("shop.raw.one", "/one"), hook("shop.raw.other", "/other")
    settings = Settings(data_dir=tmp_path)
    with served(endpoint([one, other], Outside(settings))):
        assert sorted(path.name for path in (tmp_path / "inbox").iterdir()) == [
            "shop.raw.one",
            "shop.raw.other",
        ]
    with pytest.raises(InvalidDeclarationError, match="another webhook has the path /one"):
        endpoint([one, hook("shop.raw.third", "/one")], Outside(settings))


def test_endpoint_counts_what_is_not_signed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each event without a signature that holds is told under the name of its dataset."""
    monkeypatch.setenv("HOOK", "a secret")
    denied: list[Denial] = []
    app = endpoint(
        [hook("shop.raw.one", "/one")], Outside(Settings(data_dir=tmp_path)), denied.append
    )
    with served(app) as address:
        answered = httpx.post(f"{address}/one", content=BODY, trust_env=False, timeout=120)
    assert answered.status_code == 401
    assert [(d.kind, d.who, d.dataset) for d in denied] == [("signature", "nobody", "shop.raw.one")]


def test_inbox_answers_when_too_many_wait(tmp_path: Path) -> None:
    """The number of events that wait for the disk is bounded."""
    kind = WebhookKind(tmp_path / "home")
    kind.room = Room(waiting=1)

    async def sent() -> webhook_inbox.Reply:
        inbox = webhook_inbox.Inbox(
            kind.word, kind.folder / "inbox", Secrets(Settings()), room=kind.room
        )
        stamp = int(kind.time())
        first = asyncio.create_task(inbox.take(signed(BODY, "a", SECRET, stamp), BODY))
        while not inbox.pressed():
            await asyncio.sleep(0)
        reply = await inbox.take(signed(BODY, "b", SECRET, stamp), BODY)
        first.cancel()
        inbox.close()
        return reply

    assert asyncio.run(sent()) == webhook_inbox.FULL
