"""What generated code builds on; applications need it only to name types."""

from duologue.typed.audience import Peer as Peer
from duologue.typed.client import Client as Client
from duologue.typed.codec import BYTE_STREAM as BYTE_STREAM
from duologue.typed.codec import NOTHING as NOTHING
from duologue.typed.codec import TEXT_STREAM as TEXT_STREAM
from duologue.typed.codec import Codec as Codec
from duologue.typed.contract import Event as Event
from duologue.typed.contract import ServiceContract as ServiceContract
from duologue.typed.contract import Unary as Unary
from duologue.typed.contract import unimplemented as unimplemented
from duologue.typed.declared_errors import DeclaredError as DeclaredError
from duologue.typed.params import NO_PARAMS as NO_PARAMS
from duologue.typed.params import Params as Params
from duologue.typed.params import PositionalParams as PositionalParams
from duologue.typed.scalars import Int32 as Int32
from duologue.typed.scalars import Int64 as Int64
from duologue.typed.scalars import Json as Json
from duologue.typed.scalars import OpenEnum as OpenEnum
from duologue.typed.scalars import SafeInt as SafeInt
from duologue.typed.scalars import Url as Url
from duologue.typed.service import Reply as Reply
from duologue.typed.service import Service as Service
from duologue.typed.subscriptions import EventHandler as EventHandler
from duologue.typed.subscriptions import Subscription as Subscription
from duologue.typed.unions import OpenUnion as OpenUnion
from duologue.typed.unions import Unknown as Unknown
