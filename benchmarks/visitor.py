"""Someone at the dashboard without a browser: Streamlit's own messages over a websocket.

It does what the browser does as far as the server can tell: it sends back the state of its sliders,
names the messages it still holds, and asks again for fragments that want to be drawn at intervals.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.Slider_pb2 import Slider
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

_DONE = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)


@dataclass(frozen=True)
class Handle:
    """A slider as it was last drawn, and the fragment that a move of it runs anew."""

    slider: Slider
    fragment: str

    def state_at(self, share: float) -> WidgetState:
        """What the browser says of it once it is let go at a share of its way, in [0, 1]."""
        drawn = self.slider
        if drawn.options:
            name = drawn.options[round(share * (len(drawn.options) - 1))]
            return WidgetState(id=drawn.id, string_array_value={"data": [name]})
        steps = round(share * (drawn.max - drawn.min) / drawn.step)
        return _numbers(drawn, [drawn.min + steps * drawn.step])


class Visitor:
    """One session, its sliders, and what went wrong in it.

    Attributes:
        errors: A sentence for each exception or error that was shown, in order.
        address: The query string that the server last asked to be shown.
        handles: The sliders on the page, by the keys that the page gave them.
    """

    def __init__(self, socket: ClientConnection, page: str, address: str) -> None:
        self.errors: list[str] = []
        self.address = address
        self.handles: dict[str, Handle] = {}
        self._socket = socket
        self._page = page
        self._states: dict[str, WidgetState] = {}
        self._held: dict[str, int] = {}
        self._runs = 0
        self._page_hash = ""
        # Fragments of the run under way; None between runs, empty for a run of the whole page.
        self._running: set[str] | None = None
        self._awaited: str | None = None
        self._started = False
        self._done = asyncio.Event()
        self._timers: dict[str, asyncio.Task[None]] = {}

    async def open(self) -> float:
        """Load the page; seconds until its script has finished."""
        return await self._until_done(self._rerun(), "")

    async def move(self, key: str, share: float) -> float:
        """Let go of a slider somewhere else; seconds until what depends on it was sent.

        Args:
            key: Of the slider.
            share: Of the slider's way, in [0, 1].
        """
        handle = self.handles[key]
        self._states[handle.slider.id] = handle.state_at(share)
        return await self._until_done(self._rerun(handle.fragment), handle.fragment)

    async def listen(self) -> None:
        """Follow what the server sends until the connection ends."""
        try:
            async for data in self._socket:
                assert isinstance(data, bytes)
                self._follow(ForwardMsg.FromString(data))
        finally:
            # Whoever waits shall not wait for what can no longer come.
            self._done.set()

    @property
    def waits(self) -> bool:
        """Whether something on the page is still to come by itself."""
        return bool(self._timers)

    def leave(self) -> None:
        """Stop asking for anything."""
        for timer in self._timers.values():
            timer.cancel()

    async def _until_done(self, message: BackMsg, fragment: str) -> float:
        self._awaited, self._started = fragment, False
        self._done.clear()
        start = time.perf_counter()
        await self._socket.send(message.SerializeToString())
        await self._done.wait()
        return time.perf_counter() - start

    def _rerun(self, fragment: str = "", automatic: bool = False) -> BackMsg:
        message = BackMsg()
        state = message.rerun_script
        state.query_string = self.address
        state.page_script_hash = self._page_hash
        # The first message says which page by its name, as a link does.
        state.page_name = "" if self._page_hash else self._page
        state.fragment_id = fragment
        state.is_auto_rerun = automatic
        state.widget_states.widgets.extend(self._states.values())
        state.cached_message_hashes.extend(self._held)
        state.context_info.color_scheme = "light"
        state.context_info.timezone = "UTC"
        return message

    def _follow(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if message.metadata.cacheable:
            self._held[message.hash] = self._runs
        if kind == "ref_hash":
            self._held[message.ref_hash] = self._runs
        elif kind == "new_session":
            self._begin(message)
        elif kind == "delta":
            self._draw(message.delta)
        elif kind == "navigation":
            self._page_hash = message.navigation.page_script_hash
        elif kind == "page_info_changed":
            self.address = message.page_info_changed.query_string
        elif kind == "auto_rerun":
            asked = message.auto_rerun
            self._ask_again(asked.fragment_id, asked.interval)
        elif kind == "stop_auto_rerun":
            for fragment in message.stop_auto_rerun.fragment_ids:
                self._forget_timer(fragment)
        elif kind == "page_not_found":
            self.errors.append(f"no page {self._page}")
        elif kind == "script_finished":
            self._finish(message)

    def _begin(self, message: ForwardMsg) -> None:
        self._runs += 1
        self._running = set(message.metadata.run.fragment_ids)
        if not self._running:
            for fragment in list(self._timers):
                self._forget_timer(fragment)
        # Asked for a fragment, a run of the whole page will do as well.
        self._started = not self._running or self._awaited in self._running

    def _finish(self, message: ForwardMsg) -> None:
        status = message.script_finished
        if status == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
            self.errors.append("the script did not compile")
        # The browser drops what two runs have not used.
        self._held = {key: run for key, run in self._held.items() if run > self._runs - 2}
        self._running = None
        if self._started and (status in _DONE or self.errors):
            self._done.set()

    def _draw(self, delta: Delta) -> None:
        element = delta.new_element
        kind = element.WhichOneof("type")
        if kind == "slider":
            drawn = element.slider
            # An id is a mark, a hash, and the key.
            key = drawn.id.split("-", 2)[2]
            if key in self.handles and self.handles[key].slider.id != drawn.id:
                self._states.pop(self.handles[key].slider.id, None)
            self.handles[key] = Handle(drawn, delta.fragment_id)
            if drawn.set_value or drawn.id not in self._states:
                self._states[drawn.id] = _as_drawn(drawn)
        elif kind == "exception":
            self.errors.append(f"{element.exception.type}: {element.exception.message}")
        elif kind == "alert" and element.alert.format == element.alert.ERROR:
            self.errors.append(element.alert.body)

    def _ask_again(self, fragment: str, interval: float) -> None:
        async def ask() -> None:
            with suppress(OSError):
                while True:
                    await asyncio.sleep(interval)
                    await self._socket.send(self._rerun(fragment, True).SerializeToString())

        self._forget_timer(fragment)
        self._timers[fragment] = asyncio.create_task(ask())

    def _forget_timer(self, fragment: str) -> None:
        if timer := self._timers.pop(fragment, None):
            timer.cancel()


def _numbers(drawn: Slider, values: list[float]) -> WidgetState:
    return WidgetState(id=drawn.id, double_array_value={"data": values})


def _as_drawn(drawn: Slider) -> WidgetState:
    """The state of a slider that nobody has moved."""
    if drawn.options:
        names = list(drawn.raw_value) or [drawn.options[int(drawn.default[0])]]
        return WidgetState(id=drawn.id, string_array_value={"data": names})
    return _numbers(drawn, list(drawn.value if drawn.set_value else drawn.default))


@asynccontextmanager
async def visit(server: str, page: str, address: str) -> AsyncIterator[Visitor]:
    """Connect a new session; nothing is asked for yet.

    Args:
        server: Address of a running dashboard, ``http://host:port``.
        page: Its path.
        address: The query string, as in a link.
    """
    url = f"{server.replace('http', 'ws', 1)}/_stcore/stream"
    async with connect(url, subprotocols=["streamlit"], max_size=None) as socket:
        visitor = Visitor(socket, page, address)
        ears = asyncio.create_task(visitor.listen())
        try:
            yield visitor
        finally:
            visitor.leave()
            ears.cancel()
            with suppress(asyncio.CancelledError):
                await ears
