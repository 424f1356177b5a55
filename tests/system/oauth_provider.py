"""An OAuth 2 provider as RFC 8628 and 6749 have it, over HTTPS: device codes, tokens that
end, refresh tokens that change with each use, and introspection (RFC 7662) for Dovecot."""

import http.server
import json
import ssl
import threading
import urllib.parse


class Provider:
    """answers: replies (status, dict) that are given before the usual ones, in order.
    consent: whether somebody has typed the code."""

    def __init__(self, certificates):
        self.answers = []
        self.consent = True
        self.expires_in = 3600
        self.refresh_token_expires_in = None
        self.asked = []  # (path, form), in order
        self.valid = {}  # access token: user
        self.refresh = None  # the one that is good now
        self.number = 0
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.certificate, certificates.key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self._server.server_address[1]}"
        self.plain = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        for server in (self._server, self.plain):
            threading.Thread(target=server.serve_forever, args=(.05,), daemon=True).start()

    def _handler(self):
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *words):
                pass

            def _answer(self, status, body):
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_GET(self):  # Dovecot's introspection
                query = urllib.parse.parse_qs(self.path.partition("?")[2])
                user = provider.valid.get(query["token"][0])
                self._answer(200 if user else 401, {"active": bool(user), "username": user or ""})

            def do_POST(self):
                length = int(self.headers["Content-Length"])
                form = dict(urllib.parse.parse_qsl(self.rfile.read(length).decode()))
                provider.asked.append((self.path, form))
                if provider.answers:
                    self._answer(*provider.answers.pop(0))
                else:
                    self._answer(*provider.usual(self.path, form))

        return Handler

    def usual(self, path, form):
        if path == "/device":
            return 200, {
                "device_code": "the-device", "user_code": "WDJB-MJHT", "interval": 1,
                "verification_uri": "https://isp.example/device", "expires_in": 60,
            }  # fmt: skip
        if form["grant_type"] == "refresh_token":
            if form["refresh_token"] != self.refresh:
                return 400, {"error": "invalid_grant", "error_description": "used or ended"}
        elif not self.consent:
            return 400, {"error": "authorization_pending"}
        return 200, self.grant()

    def grant(self):
        self.number += 1
        self.refresh = f"1//refresh-{self.number}="
        access = f"ya29.access-{self.number}"
        self.valid[access] = "office@isp.example"
        reply = {
            "access_token": access, "refresh_token": self.refresh,
            "token_type": "Bearer", "expires_in": self.expires_in,
        }  # fmt: skip
        if self.refresh_token_expires_in:
            reply["refresh_token_expires_in"] = self.refresh_token_expires_in
        return reply

    def refreshes(self):
        return [form for _, form in self.asked if form.get("grant_type") == "refresh_token"]

    def close(self):
        for server in (self._server, self.plain):
            server.shutdown()
            server.server_close()
