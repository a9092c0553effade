"""A simulated bench power supply behind the contract lab.psu.v1, and a client that drives it.

    python -m tests.examples.power_supply

The service is written with plain `def` methods: none of them has to wait for anything. The decimals
of the contract stay exact, an absent field of `adjust` is `MISSING`, and incidents of a kind that
this build does not know would arrive as `Unknown`.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

from pydantic import MISSING

import duologue
from duologue import CallContext
from duologue.interceptors import (
    Authorisation,
    BearerToken,
    CallLog,
    Retrying,
    anyone,
    bearers_of,
)
from generated.lab.psu.v1 import (
    Adjusted,
    BeyondRating,
    Device,
    FrontLocked,
    Incident,
    LogEntry,
    NoSuchChannel,
    NoSuchPreset,
    Overheated,
    PresetName,
    Rating,
    Reading,
    Regulation,
    Settings,
    SupplyAdjustParams,
    SupplyClient,
    SupplyIncidentsParams,
    SupplyMeasureParams,
    SupplyMonitorParams,
    SupplyRecallPresetParams,
    SupplyService,
    SupplySettingsParams,
    SupplyStorePresetParams,
    Tripped,
)

RATINGS = [
    Rating(volts=Decimal("30.00"), amperes=Decimal("3.000")),
    Rating(volts=Decimal("6.00"), amperes=Decimal("5.000")),
]
OFF = Settings(volts=Decimal("0.00"), amperes=Decimal("0.100"), is_on=False)
LOAD_OHMS = 10.0
EVERY = timedelta(seconds=1)
PIXEL = bytes.fromhex("89504e470d0a1a0a")


class PowerSupply(SupplyService):
    """Two outputs, each with a resistor of ten ohms across its terminals."""

    def __init__(self) -> None:
        self.outputs = [OFF.model_copy() for _ in RATINGS]
        self.stored: dict[PresetName, Settings] = {}
        self.log: list[LogEntry] = []
        self.is_locked = False

    def identify(self, ctx: CallContext) -> Device:
        """Which instrument this is."""
        return Device(maker="Ohmworks", model="BP-302", serial="0042", channels=RATINGS)

    def settings(self, params: SupplySettingsParams, ctx: CallContext) -> Settings:
        """What an output is asked to do."""
        return self._output(params.channel)

    def adjust(self, params: SupplyAdjustParams, ctx: CallContext) -> Settings:
        """Change what is given, leave the rest alone."""
        settings = self._output(params.channel)
        if self.is_locked:
            raise FrontLocked()
        given = {
            name: getattr(params, name)
            for name in Settings.model_fields
            if getattr(params, name) is not MISSING
        }
        wanted = Settings.model_validate(settings.model_dump() | given)
        rating = RATINGS[params.channel - 1]
        if wanted.volts > rating.volts or wanted.amperes > rating.amperes:
            raise BeyondRating(volts=rating.volts, amperes=rating.amperes)
        self.outputs[params.channel - 1] = wanted
        if wanted.is_on and wanted.trip_above is not None and wanted.volts > wanted.trip_above:
            self._trip(params.channel)
        return self.outputs[params.channel - 1]

    def switch_off(self, ctx: CallContext) -> None:
        """Disconnect all terminals, whoever has the front."""
        for output in self.outputs:
            output.is_on = False

    def measure(self, params: SupplyMeasureParams, ctx: CallContext) -> Reading:
        """Ohm's law."""
        return self._measure(params.channel)

    async def monitor(
        self, params: SupplyMonitorParams, ctx: CallContext
    ) -> AsyncIterator[Reading]:
        """One reading after the other; the caller ends it."""
        pause = EVERY if params.every is None else params.every
        while True:
            yield self._measure(params.channel)
            await asyncio.sleep(pause.total_seconds())

    def presets(self, ctx: CallContext) -> dict[PresetName, Settings]:
        """All stored settings."""
        return self.stored

    def store_preset(self, params: SupplyStorePresetParams, ctx: CallContext) -> None:
        """Keep settings."""
        self.stored[params.name] = params.settings

    def recall_preset(self, params: SupplyRecallPresetParams, ctx: CallContext) -> Settings:
        """Use stored settings."""
        self._output(params.channel)
        if params.name not in self.stored:
            raise NoSuchPreset(name=params.name)
        self.outputs[params.channel - 1] = self.stored[params.name].model_copy()
        return self.outputs[params.channel - 1]

    def incidents(self, params: SupplyIncidentsParams, ctx: CallContext) -> list[LogEntry]:
        """Newest first."""
        newest = reversed(self.log)
        since = params.since
        return [each for each in newest if since is None or each.at >= since][: params.limit]

    def screenshot(self, ctx: CallContext) -> bytes:
        """The start of a PNG, for want of a display."""
        return PIXEL

    def _measure(self, channel: int) -> Reading:
        settings = self._output(channel)
        if not settings.is_on:
            volts, amperes, regulation = 0.0, 0.0, Regulation.IDLE
        else:
            volts, limit = float(settings.volts), float(settings.amperes)
            amperes = min(volts / LOAD_OHMS, limit)
            limited = amperes < volts / LOAD_OHMS
            regulation = Regulation.CURRENT if limited else Regulation.VOLTAGE
            volts = amperes * LOAD_OHMS
        return Reading(
            taken_at=datetime.now(UTC),
            volts=volts,
            amperes=amperes,
            regulation=regulation,
            charge=0,
            celsius=31.5,
        )

    def _output(self, channel: int) -> Settings:
        if channel > len(self.outputs):
            raise NoSuchChannel(channel=channel, channels=len(self.outputs))
        return self.outputs[channel - 1]

    def _trip(self, channel: int) -> None:
        output = self.outputs[channel - 1]
        output.is_on = False
        incident = Tripped(channel=channel, volts=float(output.volts))
        self.log.append(LogEntry(id=uuid4(), at=datetime.now(UTC), incident=incident))


def describe(incident: Incident) -> str:
    """An incident in words; the type checker asks for every kind, and for those to come."""
    match incident:
        case Tripped():
            return f"output {incident.channel} tripped at {incident.volts:.2f} V"
        case Overheated():
            return f"overheated at {incident.celsius:.0f} degrees"
        case Adjusted():
            return f"somebody turned a knob of output {incident.channel}"
        case _:
            return f"something new: {incident.tag}"


async def drive(url: str, *interceptors: duologue.Interceptor) -> None:
    """Set an output, go too far, and see it trip."""
    async with duologue.connect(url, interceptors=interceptors) as peer:
        supply = SupplyClient(peer)
        device = await supply.identify()
        print(f"{device.maker} {device.model} with {len(device.channels)} outputs")
        await supply.adjust(channel=1, volts=Decimal("5.00"), amperes=Decimal("1.0"), is_on=True)
        reading = await supply.measure(channel=1)
        print(f"{reading.volts:.2f} V, {reading.amperes:.2f} A, regulation {reading.regulation}")
        try:
            await supply.adjust(channel=2, volts=Decimal("12.00"))
        except BeyondRating as error:
            print(f"refused: {error}")
        await supply.adjust(channel=1, volts=Decimal("9.00"), trip_above=Decimal("6.00"))
        for entry in await supply.incidents():
            print(f"incident: {describe(entry.incident)}")
        seen: list[str] = []
        async with supply.monitor(channel=1, every=timedelta(milliseconds=1)) as readings:
            async for reading in readings:
                seen.append(f"{reading.volts:.2f} V")
                if len(seen) == 3:
                    break
        print(f"after the trip: {', '.join(seen)}")


async def main() -> None:
    """Both sides in one process. Whoever reads may come; to set something takes a token."""
    logging.basicConfig(format="%(message)s")
    logging.getLogger("duologue.calls").setLevel(logging.INFO)
    token = secrets.token_urlsafe()
    allowed = Authorisation(
        {
            "lab.psu.v1.Supply/measure": anyone,
            "lab.psu.v1.Supply/*": bearers_of({token}),
        }
    )
    supply = duologue.intercepted(PowerSupply(), CallLog(), allowed)
    async with duologue.serve(supply) as server:
        await drive(f"ws://127.0.0.1:{server.port}", BearerToken(token), Retrying())


if __name__ == "__main__":
    asyncio.run(main())
