"""The camera kiosk daemon: cameras in, events out, and a page that shows what it does.

It needs the extra ``kiosk`` (FastAPI, uvicorn, prometheus-client, paho-mqtt).
"""
