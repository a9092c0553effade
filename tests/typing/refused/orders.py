"""Mistakes with alternatives and params of one object, each reported by both checkers."""

from generated.chat.common.v1 import User
from generated.shop.orders.v1 import Address, BuyerUser, Order, OrdersClient


async def mistakes(orders: OrdersClient, user: User) -> None:
    ann = BuyerUser(id="u1", name="Ann")
    Order(id=1.5, buyer=ann)  # refused
    Order(id=1, buyer=user)  # refused
    Order(id=1, buyer=ann, ship_to=5)  # refused
    Order(id=1, buyer=ann, labels={"a": 5})  # refused
    Order(id=1, buyer=ann, x_campaign={})  # refused
    await orders.place(ann)  # refused
    await orders.place(id=1)  # refused
    await orders.place(Order(id=1, buyer=ann), id=1)  # refused
    await orders.notify(body="{}")  # refused
    document = await orders.document(order=1)
    text: str = await document.read()  # refused
    print(text, Address(street="Long Lane", floor="1"))  # refused
