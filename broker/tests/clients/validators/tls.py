"""Ends TLS on port 443 and passes requests for certificates on to the broker, as the proxy in docs/push.md does."""

import http.server
import re
import ssl
import sys
import urllib.request

BROKER = "http://127.0.0.1:9324"


class Proxy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if not re.fullmatch(r"/SimpleNotificationService-[0-9a-f]+\.pem", self.path):
            self.send_error(404)
            return
        with urllib.request.urlopen(BROKER + self.path) as answer:
            pem = answer.read()
        self.send_response(200)
        self.send_header("Content-Length", str(len(pem)))
        self.end_headers()
        self.wfile.write(pem)

    def log_message(self, *_):
        pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server = http.server.ThreadingHTTPServer(("127.0.0.1", 443), Proxy)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
