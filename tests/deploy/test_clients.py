"""What docs/applications.md says of real clients, against what they showed (tests/clients/results.json)."""

import json
import re
import unittest

from . import ROOT

import clients_page
from real_clients import ALL

RESULTS = json.loads((ROOT / "tests/clients/results.json").read_text())
CLIENTS = RESULTS["clients"]
SECTIONS = re.findall(r"^## (.+)$", (ROOT / "docs/applications.md").read_text(), re.MULTILINE)


def with_scene(scene: str, *but: str) -> list[str]:
    return [name for name, one in CLIENTS.items() if scene in one["scenes"] and name not in (WITHOUT_TLS, *but)]


def let_in(scene: str, *names: str) -> list[tuple[str, str, dict[str, object]]]:
    return [(name, scene, {"ok": True}) for name in names or with_scene(scene)]


def refused(scene: str, names: list[str], **facts: object) -> list[tuple[str, str, dict[str, object]]]:
    return [(name, scene, {"ok": False, **facts}) for name in names]


POOLED = ["SQLAlchemy with pymysql", "SQLAlchemy with mysqldb", "knex", "Sequelize", "Go-MySQL-Driver", "sqlx", "HikariCP"]
MADE_ANEW = ["aiomysql", "asyncmy", "mysql2", "mariadb (npm)", "mysql_async"]
WITHOUT_POOL = ["PyMySQL", "mysqlclient", "PHP mysqli", "PHP PDO", "DBD::MariaDB", "Ruby mysql2"]
WITHOUT_TLS = "DBD::mysql"
# Ways that docs/applications.md warns of.
KEEP_THE_LOGIN = ["HikariCP, setPassword", "AWS Advanced NodeJS Wrapper, its pool"]
ASKS = ["PyMySQL", "aiomysql", "asyncmy", "mysql2", "Go-MySQL-Driver", "mysql_async"]
DOES_NOT = ["mariadb (npm)", "MariaDB Connector/J", "mysql command"]
# Each section, and the rows that it rests on: a client, a scene, and what was seen there.
ROWS = {
    "Read the secret again": let_in("one rotation, login of the start")
    + let_in("retained password, TLS")
    + refused("retained password, plain", DOES_NOT),
    "When a connection cannot be opened": refused("two rotations, login of the start", ["PyMySQL", "mysql2"], number=1045)
    + refused("two rotations, login of the start", ["mariadb (npm)"], number=45028, after="within 15 s")
    + refused("two rotations, login of the start", ["HikariCP"], number=0, after="within 60 s")
    + refused("plain, replaced password", ["mariadb (npm)"], number=45044)
    + refused("plain, FLUSH PRIVILEGES", ["MySQL Connector/Python, pure Python"], number=1045)
    + let_in("open sessions", *with_scene("open sessions", "mysql2, changeUser"))
    + refused("open sessions", ["mysql2, changeUser"])
    # The login within the session that was open, and the one of the new connection that follows.
    + refused("two rotations, login of the start", ["PHP mysqli, persistent"], number=1045, refused=[2, 2]),
    "Pools": let_in("four rotations", *POOLED, *MADE_ANEW, *WITHOUT_POOL) + refused("four rotations", ["HikariCP, setPassword"]),
    "TLS": let_in("plain, after a rotation", *ASKS, *DOES_NOT)
    + [row for scene in ("other host", "replica", "FLUSH PRIVILEGES") for row in let_in(f"plain, {scene}", *ASKS)]
    + [row for scene in ("other host", "replica", "FLUSH PRIVILEGES") for row in refused(f"plain, {scene}", DOES_NOT)]
    + refused("plain, FLUSH PRIVILEGES", ["PyMySQL without cryptography"], error="RuntimeError"),
    "Readers": let_in("reader behind, AWSPREVIOUS") + refused("reader behind, AWSCURRENT", with_scene("reader behind, AWSCURRENT")),
    "AWS's libraries": let_in("four rotations", "aws-secretsmanager-caching (Python)", "AWS Advanced Python Wrapper", "AWS Advanced NodeJS Wrapper")
    + refused("four rotations", ["AWS Advanced NodeJS Wrapper, its pool"]),
    "A blocked account": refused("blocked", ["PyMySQL", "mysql2", "mysql command"], number=3955),
}
# These rest on the forms into which passwords were pasted, and on what no client shows.
OTHERS = ["A URL, an option file or a .env file", "What is bound to a user name"]


class ClientsTest(unittest.TestCase):
    def test_every_section_on_applications_rests_on_what_clients_showed(self) -> None:
        self.assertEqual([*ROWS, *OTHERS], SECTIONS)
        for section, rows in ROWS.items():
            for name, scene, facts in rows:
                seen = CLIENTS[name]["scenes"][scene]
                self.assertLessEqual(facts.items(), seen.items(), f"{section}: {name}, {scene}")

    def test_no_client_with_the_login_of_the_secret_was_ever_out_over_tls(self) -> None:
        for name in with_scene("four rotations", *KEEP_THE_LOGIN):
            self.assertTrue(CLIENTS[name]["scenes"]["four rotations"]["ok"], name)
        self.assertEqual(CLIENTS[WITHOUT_TLS]["scenes"]["four rotations"]["number"], 2026)

    def test_no_default_password_was_refused_in_any_form_and_the_old_default_hurts(self) -> None:
        forms = {f"{name}, {form}": seen for name, one in CLIENTS.items() for form, seen in one["forms"].items()}
        # There "=", "^" and more are operators of PHP's.
        self.assertGreater(forms.pop("PHP mysqli, .env read with parse_ini_file")["refused"], 0)
        self.assertGreater(len(forms), 20)
        for name, form in forms.items():
            self.assertEqual(form["refused"], 0, name)
            self.assertEqual(set(form["hurt"]) & set(",-.=^_"), set(), name)
        for character in "#%?":
            self.assertGreater(sum(character in form["hurt"] for form in forms.values()), 5, character)

    def test_the_page_is_made_of_the_results(self) -> None:
        self.assertEqual((ROOT / "docs/clients.md").read_text(), clients_page.page(RESULTS))

    def test_every_client_has_a_program_and_results(self) -> None:
        # On Debian 12 it does not load, as its OpenSSL is newer than the system's, and pure Python is used without a word.
        self.assertLessEqual({one.name for one in ALL if one.name not in CLIENTS}, {"MySQL Connector/Python, C extension"})
