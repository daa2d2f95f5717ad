"""A person at a desktop client: JSON orders in, JSON events out, one a line."""

import asyncio
import json
import sys

import slixmpp


def tell(**event):
    print(json.dumps(event), flush=True)


class Colleague(slixmpp.ClientXMPP):
    def __init__(self, jid, password):
        super().__init__(jid, password)
        for plugin in ("xep_0085", "xep_0184", "xep_0199"):
            self.register_plugin(plugin)
        self.plugin["xep_0184"].auto_ack = True
        self.auto_authorize = True
        self.auto_subscribe = False
        self.add_event_handler("session_start", self.started)
        self.add_event_handler("message", self.message)
        self.add_event_handler("receipt_received", self.receipt)
        self.add_event_handler("presence_subscribe", self.asked)
        for state in ("active", "composing", "paused", "inactive", "gone"):
            self.add_event_handler(f"chatstate_{state}", self.chat_state)
        for show in ("available", "unavailable", "away", "xa", "dnd", "chat"):
            self.add_event_handler(f"presence_{show}", self.presence)

    async def started(self, _):
        await self.get_roster()
        self.send_presence()
        tell(event="online")

    def message(self, stanza):
        if stanza["type"] in ("chat", "normal") and stanza["body"]:
            tell(
                event="message",
                **{"from": stanza["from"].bare},
                resource=stanza["from"].resource,
                id=stanza["id"],
                body=stanza["body"],
                receipt=bool(stanza["request_receipt"]),
            )

    def receipt(self, stanza):
        tell(event="receipt", **{"from": stanza["from"].bare}, id=stanza["receipt"])

    def asked(self, stanza):
        tell(event="subscribe", **{"from": stanza["from"].bare})

    def chat_state(self, stanza):
        tell(event="chatstate", **{"from": stanza["from"].bare}, state=stanza["chat_state"])

    def presence(self, stanza):
        show = stanza["show"] or ("unavailable" if stanza["type"] == "unavailable" else "available")
        tell(event="presence", **{"from": stanza["from"].bare}, show=show, status=stanza["status"])

    def obey(self, order):
        what = order["do"]
        if what == "send":
            stanza = self.make_message(order["to"], order["body"], mtype="chat")
            stanza["id"] = order["id"]
            stanza["request_receipt"] = True
            stanza.send()
        elif what == "chatstate":
            stanza = self.make_message(order["to"], mtype="chat")
            stanza["chat_state"] = order["state"]
            stanza.send()
        elif what == "raw":
            self.send_raw(order["xml"])
        elif what == "presence":
            show = order["show"] if order["show"] != "available" else None
            self.send_presence(pshow=show, pstatus=order["status"] or None)
        elif what == "subscribe":
            self.send_presence_subscription(order["to"], ptype="subscribe")
        elif what == "quit":
            self.disconnect()


async def main(jid, password, host, port, ca):
    client = Colleague(jid, password)
    client.ca_certs = ca
    gone = asyncio.Event()
    client.add_event_handler("disconnected", lambda _: gone.set())
    client.add_event_handler("failed_auth", lambda _: gone.set())
    client.connect(host, int(port))

    async def orders():
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            client.obey(json.loads(line))
        gone.set()

    reading = asyncio.ensure_future(orders())
    await gone.wait()
    reading.cancel()


asyncio.run(main(*sys.argv[1:]))
