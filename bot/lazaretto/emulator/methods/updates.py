"""Where updates go: by getUpdates, or to an address."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from lazaretto.emulator.errors import bad_request
from lazaretto.emulator.methods.params import Params
from lazaretto.emulator.methods.table import Method
from lazaretto.emulator.updates.deliveries import Webhook, is_loopback
from lazaretto.emulator.world import World

__all__ = ["METHODS"]

_SECRET = re.compile(r"[A-Za-z0-9_-]*")
_LONGEST_SECRET = 256
_MOST_CONNECTIONS = 100
_PORTS = frozenset({None, 443, 80, 88, 8443})


async def get_updates(world: World, params: Params) -> list[dict[str, Any]]:
    world.updates.allow(params.items("allowed_updates"))
    return await world.updates.poll(params.integer("offset"), params.integer("limit", 100), params.integer("timeout"))


async def set_webhook(world: World, params: Params) -> bool:
    """http only to this machine, where any port will do. Without `url` the webhook is removed."""
    url = params.text("url") or ""
    if url:
        _check_address(url)
    secret = params.text("secret_token") or ""
    if len(secret) > _LONGEST_SECRET:
        raise bad_request("secret token is too long")
    if not _SECRET.fullmatch(secret):
        raise bad_request("secret token contains unallowed characters")
    connections = min(max(params.integer("max_connections", 40), 1), _MOST_CONNECTIONS)
    certified = "certificate" in params.files or "certificate" in params
    world.updates.allow(params.items("allowed_updates"))
    return _switch(world, params, Webhook(url, secret, connections, certified) if url else None)


def _check_address(url: str) -> None:
    try:
        address = urlsplit(url)
        port = address.port
    except ValueError:
        raise bad_request("bad webhook: invalid URL") from None
    here = is_loopback(url)
    if address.scheme != "https" and not (here and address.scheme == "http"):
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    if not address.hostname:
        raise bad_request("bad webhook: invalid URL")
    if not here and port not in _PORTS:
        raise bad_request("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")


async def delete_webhook(world: World, params: Params) -> bool:
    return _switch(world, params, None)


def _switch(world: World, params: Params, webhook: Webhook | None) -> bool:
    if params.flag("drop_pending_updates"):
        world.updates.forget()
    world.updates.switch(webhook)
    return True


async def get_webhook_info(world: World, _: Params) -> dict[str, Any]:
    hook = world.updates.webhook
    address = {"url": "", "has_custom_certificate": False} if hook is None else hook.json()
    allowed = {"allowed_updates": list(world.updates.allowed)} if world.updates.allowed else {}
    return {**address, "pending_update_count": len(world.updates.pending), **allowed}


METHODS: Mapping[str, Method] = {
    "getUpdates": Method(get_updates),
    "setWebhook": Method(set_webhook),
    "deleteWebhook": Method(delete_webhook),
    "getWebhookInfo": Method(get_webhook_info),
}
