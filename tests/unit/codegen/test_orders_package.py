"""The package of `shop.orders.v1` at work: messages that were there before their contract."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from duologue import ByteStream, CallContext, InvalidParams, TextStream
from duologue.testing import linked, linked_peers
from duologue.typed import Unknown
from generated.chat.common.v1 import User
from generated.shop.orders.v1 import (
    Address,
    BuyerUser,
    Card,
    Company,
    Order,
    OrdersClient,
    OrdersDocumentParams,
    OrdersNotifyParams,
    OrdersService,
    Receipt,
    Shipped,
)


class Shop(OrdersService):
    def place(self, params: Order, ctx: CallContext) -> Order:
        return params

    def notify(self, params: OrdersNotifyParams, ctx: CallContext) -> Receipt:
        return Receipt(order=params.body.id)

    def document(self, params: OrdersDocumentParams, ctx: CallContext) -> ByteStream | TextStream:
        return TextStream("paid") if isinstance(params.order, str) else ByteStream(b"\xff")


ANN = BuyerUser(id="u1", name="Ann")

MESSAGES: list[dict[str, Any]] = [
    {
        "id": 17,
        "buyer": {"kind": "person", "id": "u1", "name": "Ann", "avatar": None},
        "ship_to": {"street": "Long Lane 1"},
        "steps": [
            {"step": "card", "last_digits": "1234"},
            {"step": "lost", "when": [5, None]},
            {"step": "shipped", "carrier": "post"},
        ],
        "patience": "PT5S",
        "total": "12345678901234567890.50",
        "labels": {"gift": {"wrapped": "blue"}},
        "x_campaign": {"name": "spring", "share": 0.5},
        "ship_by": None,
    },
    {
        "id": "17",
        "buyer": {"kind": "company", "name": "Tea & Co."},
        "ship_to": "the shop",
        "steps": [],
        "patience": "P3D",
        "total": "0.00",
        "labels": "urgent",
    },
    {
        "id": "A",
        "buyer": {"kind": "company", "name": ""},
        "steps": [],
        "patience": "P3D",
        "total": "0.00",
    },
]


@pytest.mark.parametrize("message", MESSAGES)
async def test_message_comes_back_key_for_key(message: dict[str, Any]) -> None:
    async with linked_peers([Shop()]) as (_, caller):
        assert await caller.send(401, message) == message


@pytest.mark.parametrize("message", MESSAGES)
async def test_message_that_was_read_is_sent_on_as_it_came(message: dict[str, Any]) -> None:
    order = Order.model_validate_json(json.dumps(message))
    async with linked(Shop(), OrdersClient) as orders:
        assert await orders.place(order) == order


async def test_forms_are_classes_whoever_declares_them() -> None:
    async with linked(Shop(), OrdersClient) as orders:
        placed = await orders.place(
            id=1,
            buyer=ANN,
            steps=[Card(last_digits="1234"), Shipped(carrier="post")],
            ship_to=Address(street="Long Lane 1"),
        )
    assert isinstance(placed.buyer, User)
    assert placed.steps == [Card(last_digits="1234"), Shipped(carrier="post")]
    assert placed.ship_to == Address(street="Long Lane 1")


async def test_form_that_is_new_is_kept_by_a_union_of_unions() -> None:
    order = Order(id=1, buyer=ANN, steps=[Unknown("lost", {"step": "lost", "when": 5})])
    async with linked(Shop(), OrdersClient) as orders:
        assert (await orders.place(order)).steps == order.steps


async def test_text_that_holds_json_is_a_model_on_both_sides_and_a_string_between() -> None:
    at = "2026-01-31T12:00:00Z"
    async with linked(Shop(), OrdersClient) as orders:
        receipt = await orders.notify(body=Order(id="A", buyer=Company(name="Tea")))
        assert receipt == Receipt(order="A", at=datetime(2026, 1, 31, 12, tzinfo=UTC))
    async with linked_peers([Shop()]) as (_, caller):
        text = '{"id": 17, "buyer": {"kind": "company", "name": "Tea & Co."}, "x": 1}'
        assert await caller.send(402, text) == f'{{"order":17,"at":"{at}"}}'


async def test_service_chooses_what_its_stream_is_made_of() -> None:
    async with linked(Shop(), OrdersClient) as orders:
        text, data = await orders.document(order="17"), await orders.document(order=17)
        assert isinstance(text, TextStream)
        assert isinstance(data, ByteStream)
        assert (await text.read(), await data.read()) == ("paid", b"\xff")


async def test_one_object_that_has_been_spoiled_is_not_sent() -> None:
    order = Order(id=1, buyer=ANN)
    order.id = 1.5  # type: ignore[assignment]
    async with linked(Shop(), OrdersClient) as orders:
        with pytest.raises(InvalidParams):
            await orders.place(order)
