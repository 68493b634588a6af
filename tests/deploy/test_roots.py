"""The certificate authorities of RDS: which regions have them, and how they are renewed."""

import contextlib
import datetime
import io
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import botocore.session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from . import ROOT

sys.path.insert(0, str(ROOT / "certs"))
import update  # noqa: E402

ROOTS = (ROOT / "certs" / "rds-roots.pem").read_text()
LISTED = re.compile(r"[a-z]{2,4}(?:-[a-z]+)+-\d")


def certificate(name: str) -> str:
    """A new self-signed authority with this name, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=9))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


class RegionsTest(unittest.TestCase):
    def test_every_region_of_rds_has_roots_or_is_said_to_have_none(self) -> None:
        session = botocore.session.get_session()
        known = {
            region
            for partition in session.get_available_partitions()
            for region in session.get_available_regions("rds", partition)
        }
        have = {root.region for root in update.roots(ROOTS).values() if not root.match["stage"]}
        document = (ROOT / "certs" / "README.md").read_text()
        _, _, lacking = document.partition("## Regions without roots")
        lacking, _, _ = lacking.partition("## Adding roots")
        self.assertEqual(set(LISTED.findall(lacking)), known - have)
        (listed,) = [line for line in document.splitlines() if line.startswith("af-south-1, ")]
        self.assertEqual(set(LISTED.findall(listed)), have)

    def test_each_region_has_three_authorities_of_aws_that_sign_themselves(self) -> None:
        keys: dict[str, set[str]] = {}
        for root in x509.load_pem_x509_certificates(ROOTS.encode()):
            root.verify_directly_issued_by(root)
            facts = {attribute.rfc4514_attribute_name: attribute.value for attribute in root.subject}
            self.assertEqual((facts["O"], facts["OU"]), ("Amazon Web Services, Inc.", "Amazon RDS"))
            self.assertTrue(root.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
            self.assertTrue(root.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign)
            place, _, key = facts["CN"].partition(" Root CA ")
            keys.setdefault(place, set()).add(key)
        self.assertEqual(set(map(frozenset, keys.values())), {frozenset({"RSA2048 G1", "RSA4096 G1", "ECC384 G1"})})
        regions = [place for place in keys if not re.search("Beta|Preview", place)]
        said = f"The {3 * len(keys)} certificates cover {len(regions)} regions"
        self.assertIn(said, (ROOT / "certs" / "README.md").read_text())
        self.assertIn(f"for {len(regions)} commercial regions", (ROOT / "README.md").read_text())

    def test_the_readme_and_the_page_of_the_error_lead_there(self) -> None:
        readme = (ROOT / "README.md").read_text()
        _, _, page = (ROOT / "docs" / "troubleshooting.md").read_text().partition("## TlsFailed")
        page, _, _ = page.partition("\n## ")
        for text in (readme, page):
            self.assertIn("certs/README.md#regions-without-roots", text)

    def test_the_names_of_every_partition_are_recognized(self) -> None:
        resolver = botocore.session.get_session().get_component("endpoint_resolver")
        suffixes = {partition["dnsSuffix"] for partition in resolver._endpoint_data["partitions"]}
        source = (ROOT / "src" / "endpoint" / "rds_name.rs").read_text()
        listed, _, _ = source.partition("];")
        self.assertEqual(set(re.findall(r'"\.([a-z0-9.-]+)"', listed)), suffixes)


class UpdateTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def update(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, str(ROOT / "certs" / "update.py"), *arguments]
        return subprocess.run(program, capture_output=True, text=True, cwd=self.folder)

    def test_a_bundle_that_differs_is_told_and_one_that_does_not_is_not(self) -> None:
        (self.folder / "same.pem").write_text(ROOTS)
        self.assertEqual(self.update("--compare", "same.pem").returncode, 0)
        new = certificate("Amazon RDS eu-nowhere-1 Root CA ECC384 G1")
        (self.folder / "new.pem").write_text(new)
        compared = self.update("--compare", "same.pem", "new.pem")
        self.assertEqual(compared.returncode, 1)
        self.assertEqual(compared.stdout, "only in the bundles: Amazon RDS eu-nowhere-1 Root CA ECC384 G1\n")
        first, _, rest = ROOTS.partition("-----END CERTIFICATE-----\n")
        (self.folder / "less.pem").write_text(rest)
        compared = self.update("--compare", "less.pem")
        self.assertEqual((compared.returncode, compared.stdout.count("only here: ")), (1, 1))

    def test_two_files_of_one_name_are_two_bundles(self) -> None:
        pairs = ROOTS.split("# ")[1:]
        halves = {"one": pairs[::2], "two": pairs[1::2]}
        for folder, half in halves.items():
            (self.folder / folder).mkdir()
            (self.folder / folder / "global-bundle.pem").write_text("".join(half))
        compared = self.update("--compare", *(f"{folder}/global-bundle.pem" for folder in halves))
        self.assertEqual((compared.returncode, compared.stdout), (0, ""))

    def test_only_roots_of_rds_are_taken(self) -> None:
        text = certificate("Amazon RDS eu-nowhere-1 Root CA ECC384 G1") + certificate("Amazon Root CA 1")
        self.assertEqual([root.region for root in update.roots(text).values()], ["eu-nowhere-1"])

    def test_copies_add_what_three_of_them_agree_on_byte_for_byte(self) -> None:
        package = update.roots(ROOTS)
        name = "Amazon RDS eu-nowhere-1 Root CA ECC384 G1"
        new = update.roots(certificate(name))
        (der,) = new
        copies = {n: package | new for n in ("one", "two", "three")}
        self.assertIn(der, update.agreed(package, copies))
        self.assertEqual(update.agreed(package, {**copies, "three": package}), package)
        other = package | update.roots(certificate(name))
        short = dict(list(package.items())[1:])
        for wrong, text in ((other, f"different certificates for {name}"), (short, "lacks 1 roots")):
            with self.assertRaisesRegex(SystemExit, text), contextlib.redirect_stdout(io.StringIO()):
                update.agreed(package, {**copies, "four": wrong})


if __name__ == "__main__":
    unittest.main()
