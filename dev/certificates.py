"""Makes the certificates of the local servers. Runs in the virtual environment, which has `cryptography`.

usage: certificates.py FOLDER

FOLDER receives `ca.pem` (to be trusted by clients), `server.pem` and `server-key.pem` (for localhost, 127.0.0.1 and
::1), and for tests of a refusal: `other-ca.pem`, an authority that signed nothing, and `odd-ca.pem`, which signed
with `odd-key.pem` `expired.pem` (for localhost), `elsewhere.pem` (for db.example.com), and for localhost by their
common name alone `nameless.pem` and `version-1.pem`. What is there already is kept.
"""

from __future__ import annotations

import datetime
import ipaddress
import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID = datetime.timedelta(days=3650)
LOCAL: list[x509.GeneralName] = [
    x509.DNSName("localhost"),
    *(x509.IPAddress(ipaddress.ip_address(address)) for address in ("127.0.0.1", "::1")),
]
LOCALHOST = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
# The field `version` of X.509 version 3, in DER; version 1 has none.
VERSION_3 = bytes.fromhex("a003020102")
ECDSA_WITH_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")


def main(folder: Path) -> None:
    if not (folder / "ca.pem").exists():
        usual(folder)
    if not (folder / "version-1.pem").exists():
        odd(folder)


def usual(folder: Path) -> None:
    authority_key, authority = make_authority("Local stack CA")
    _, other = make_authority("Other CA")
    server_key, server = make_server(authority_key, authority)
    write(folder / "other-ca.pem", other.public_bytes(serialization.Encoding.PEM))
    write(folder / "server-key.pem", private_bytes(server_key))
    write(folder / "server.pem", server.public_bytes(serialization.Encoding.PEM))
    # Last: it is there only when the others are.
    write(folder / "ca.pem", authority.public_bytes(serialization.Encoding.PEM))


def odd(folder: Path) -> None:
    authority_key, authority = make_authority("Odd CA")
    key, expired = make_server(authority_key, authority, age=2 * VALID)
    elsewhere = make_server(authority_key, authority, [x509.DNSName("db.example.com")], key=key)[1]
    write(folder / "odd-key.pem", private_bytes(key))
    write(folder / "expired.pem", expired.public_bytes(serialization.Encoding.PEM))
    write(folder / "elsewhere.pem", elsewhere.public_bytes(serialization.Encoding.PEM))
    write(folder / "odd-ca.pem", authority.public_bytes(serialization.Encoding.PEM))
    nameless = builder(LOCALHOST, authority.subject, key.public_key()).sign(authority_key, hashes.SHA256())
    write(folder / "nameless.pem", nameless.public_bytes(serialization.Encoding.PEM))
    version_1 = of_version_1(nameless, authority_key)
    # Last: it is there only when the others are.
    write(folder / "version-1.pem", version_1.public_bytes(serialization.Encoding.PEM))


def make_authority(name: str) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usage = x509.KeyUsage(
        digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )
    certificate = (
        builder(subject, subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return key, certificate


def make_server(
    authority_key: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate,
    names: list[x509.GeneralName] = LOCAL,
    age: datetime.timedelta = datetime.timedelta(days=1),
    key: ec.EllipticCurvePrivateKey | None = None,
) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = key or ec.generate_private_key(ec.SECP256R1())
    certificate = (
        builder(LOCALHOST, authority.subject, key.public_key(), age)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
        )
        .sign(authority_key, hashes.SHA256())
    )
    return key, certificate


def of_version_1(certificate: x509.Certificate, authority_key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """The same certificate, which has no extension, of a version that the library does not write."""
    _, fields = certificate.tbs_certificate_bytes.split(VERSION_3, 1)
    to_sign = der(0x30, fields)
    signature = authority_key.sign(to_sign, ec.ECDSA(hashes.SHA256()))
    return x509.load_der_x509_certificate(der(0x30, to_sign + ECDSA_WITH_SHA256 + der(0x03, b"\0" + signature)))


def der(tag: int, content: bytes) -> bytes:
    length = len(content)
    long = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes([tag, *([length] if length < 0x80 else [0x80 | len(long), *long])]) + content


def builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    age: datetime.timedelta = datetime.timedelta(days=1),
) -> x509.CertificateBuilder:
    start = datetime.datetime.now(datetime.timezone.utc) - age
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + VALID)
    )


def private_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def write(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)


main(Path(sys.argv[1]))
