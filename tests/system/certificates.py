"""A certificate authority of the tests' own, and a certificate for loopback and for the ISP's
side of a link.Link."""

import subprocess


class Certificates:
    def __init__(self, folder):
        self.ca = folder / "ca.pem"
        self.certificate = folder / "server.pem"
        self.key = folder / "server.key"
        ca_key = folder / "ca.key"
        request = folder / "server.csr"
        extensions = folder / "extensions"
        extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1,IP:10.77.0.2\n")
        self._openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "30", "-subj", "/CN=Lontar test CA",
            "-keyout", ca_key, "-out", self.ca,
        )  # fmt: skip
        self._openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-subj", "/CN=localhost", "-keyout", self.key, "-out", request,
        )  # fmt: skip
        self._openssl(
            "x509", "-req", "-days", "30", "-in", request, "-CA", self.ca,
            "-CAkey", ca_key, "-CAcreateserial", "-extfile", extensions,
            "-out", self.certificate,
        )  # fmt: skip
        for file in (self.ca, self.certificate):
            file.chmod(0o644)

    @staticmethod
    def _openssl(*words):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)
