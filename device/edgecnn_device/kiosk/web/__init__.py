"""The kiosk's page and API.

tokens = TokenStore(folder)
app = create_app(kiosk, config.web, tokens, consent=config.faces.consent)
server = Server(app, config.web)
server.start()
"""

from edgecnn_device.kiosk.web.app import create_app
from edgecnn_device.kiosk.web.hosts import check_exposure
from edgecnn_device.kiosk.web.limits import Limits, Rate
from edgecnn_device.kiosk.web.server import Server
from edgecnn_device.kiosk.web.tokens import ROLES, Role, TokenRow, TokenStore

__all__ = [
    "ROLES",
    "Limits",
    "Rate",
    "Role",
    "Server",
    "TokenRow",
    "TokenStore",
    "check_exposure",
    "create_app",
]
