"""A certificate authority of the tests' own, and a certificate for loopback and for the ISP's
side of a link.Link."""

import subprocess
import time


class Certificates:
    def __init__(self, folder, name="localhost"):
        self.ca = folder / "ca.pem"
        self.certificate = folder / "server.pem"
        self.key = folder / "server.key"
        ca_key = folder / "ca.key"
        request = folder / "server.csr"
        extensions = folder / "extensions"
        extensions.write_text(f"subjectAltName=DNS:{name},IP:127.0.0.1,IP:10.77.0.2\n")
        self._openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "30", "-subj", "/CN=Lontar test CA",
            "-keyout", ca_key, "-out", self.ca,
        )  # fmt: skip
        self._openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-subj", f"/CN={name}", "-keyout", self.key, "-out", request,
        )  # fmt: skip
        self._openssl(
            "x509", "-req", "-days", "30", "-in", request, "-CA", self.ca,
            "-CAkey", ca_key, "-CAcreateserial", "-extfile", extensions,
            "-out", self.certificate,
        )  # fmt: skip
        for file in (self.ca, self.certificate):
            file.chmod(0o644)

    def not_before(self, folder, begins_s):
        """A certificate for the same names and key that begins in so many seconds."""
        request, made = folder / "later.csr", folder / "later.pem"
        configuration, begins = folder / "later.conf", time.time() + begins_s
        (folder / "index").write_text("")
        configuration.write_text(
            f"[ca]\ndefault_ca=one\n[one]\ndatabase={folder}/index\nnew_certs_dir={folder}\n"
            "rand_serial=yes\ndefault_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n"
        )
        self._openssl(
            "req", "-new", "-key", self.key, "-subj", "/CN=localhost", "-out", request,
        )  # fmt: skip
        self._openssl(
            "ca", "-batch", "-notext", "-config", configuration, "-in", request, "-out", made,
            "-cert", self.ca, "-keyfile", self.ca.with_suffix(".key"),
            "-extfile", self.ca.with_name("extensions"),
            "-startdate", time.strftime("%Y%m%d%H%M%SZ", time.gmtime(begins)),
            "-enddate", time.strftime("%Y%m%d%H%M%SZ", time.gmtime(begins + 864000)),
        )  # fmt: skip
        return made

    @staticmethod
    def _openssl(*words):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)
