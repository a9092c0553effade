"""Alternatives, kept fields and params of one object as people will use them."""

from decimal import Decimal
from typing import assert_never, assert_type

from duologue import ByteStream, CallContext, TextStream
from generated.shop.orders.v1 import (
    Address,
    BuyerUser,
    Company,
    Labels,
    Order,
    OrdersClient,
    OrdersDocumentParams,
    OrdersNotifyParams,
    OrdersService,
    Receipt,
)


class Shop(OrdersService):
    async def place(self, params: Order, ctx: CallContext) -> Order:
        match params.ship_to:
            case None:
                print("nowhere yet")
            case str(name):
                print(name)
            case Address(street=street):
                print(street)
            case _:
                assert_never(params.ship_to)
        match params.buyer:
            case BuyerUser(name=name) | Company(name=name):
                print(name)
            case _:
                assert_never(params.buyer)
        print((params.model_extra or {}).get("x_campaign"))
        return params

    def notify(self, params: OrdersNotifyParams, ctx: CallContext) -> Receipt:
        assert_type(params.body, Order)
        return Receipt(order=params.body.id)

    def document(self, params: OrdersDocumentParams, ctx: CallContext) -> ByteStream | TextStream:
        return TextStream("paid")


def depth(labels: Labels) -> int:
    if isinstance(labels, str):
        return 0
    return 1 + max((depth(each) for each in labels.values()), default=0)


async def order(orders: OrdersClient) -> None:
    ann = BuyerUser(id="u1", name="Ann")
    first = Order(id=1, buyer=ann, ship_to="the shop", labels={"gift": {"wrapped": "blue"}})
    assert_type(await orders.place(first), Order)
    assert_type(await orders.place(id="A", buyer=ann, total=Decimal("1.50")), Order)
    assert_type(await orders.notify(body=first), Receipt)
    document = await orders.document(order=1)
    text = await document.read() if isinstance(document, TextStream) else ""
    print(text)
