//! The preflight foretells each refusal that a rotation can give before its first write. Each type has
//! a row here, or stands in `docs/design.md` among those that only time or the pending version shows.

use rotation::error::{Error, ErrorType};

use self::rows::{EXCEPTIONS, LONG, Row, rows};
use super::admin::{self, Through};
use crate::support::account::{Tenant, account, literal};
use crate::support::command::Person;
use crate::support::edited::Edited;
use crate::support::scene::{Scene, document, superuser_document};
use crate::support::server::{Need, OwnServer, Server};
use crate::support::untouched::{Traces, preflight};
use crate::texts::sayings;

mod rows;

const FIRST: &str = "First-canary-1";
/// A password that is not the user's.
const OTHER: &str = "Another-canary-1";

#[test]
fn each_type_of_error_has_a_row_or_is_a_documented_exception() {
    let page = include_str!("../../../docs/design.md");
    let (_, section) = page.split_once("**What a preflight cannot foretell**").unwrap();
    let section = section.split("\n**").next().unwrap();
    let rows = rows();
    for error_type in ErrorType::ALL {
        let has_row = rows.iter().any(|row| row.error == *error_type);
        let is_exception = EXCEPTIONS.contains(error_type);
        assert!(has_row != is_exception, "{error_type}: a row {has_row}, exception {is_exception}");
        let is_documented = section.contains(&format!("`{error_type}`"));
        assert!(is_documented || !is_exception, "{error_type} is not documented");
    }
}

#[tokio::test]
async fn the_preflight_names_each_refusal_that_a_rotation_gives_before_its_first_write() {
    for server in Server::with(&[Need::OwnServers, Need::LocalClients]) {
        let args: &[_] = match server {
            _ if server.has(Need::PartialRevokes) => &["--partial-revokes=ON"],
            _ if server.is_mariadb() => &["--skip-name-resolve"],
            _ => &[],
        };
        let own = OwnServer::start(server, args).await;
        Tenant::at(own.address.clone()).keep_root().await;
        let mut wrong = Vec::new();
        for row in rows().into_iter().filter(|row| row.applies_to(server)) {
            wrong.extend(tried(&row, &own).await);
        }
        assert!(wrong.is_empty(), "{server:?}: {wrong:#?}");
    }
}

/// Brings a refusal about. Gives what the preflight and the rotation said of it, if that is wrong.
async fn tried(row: &Row, own: &OwnServer) -> Option<String> {
    let tenant = Tenant::at(own.address.clone());
    tenant.settle(FIRST).await;
    let aws = Edited::aws().await;
    let scene = row.scene(&tenant, &aws).await;
    tenant.sql(row.filled(&row.given, &tenant)).await;
    let (foretold, _) = preflight(&tenant, &scene).await;
    // The command has another deadline than the function, and no memory of its size.
    let is_of_the_function = row.timeout < LONG || row.error == ErrorType::MemoryTooSmall;
    let mut by_command = None;
    if !is_of_the_function {
        by_command = Some(row.by_command(&tenant, &scene, &aws).await);
    }
    let before = Traces::of_database(&tenant).await;
    let token = scene.begin().await;
    let mut rotated = scene.step("createSecret", &token).await;
    if rotated.is_ok() {
        rotated = scene.step("setSecret", &token).await;
    }
    let is_untouched = Traces::of_database(&tenant).await == before;
    tenant.sql(row.filled(row.undone, &tenant)).await;
    if row.elsewhere.is_some() {
        let there = Tenant::at(tenant.address.server.address());
        there.sql(format!("DROP USER {}", account(&tenant.user(), "%"))).await;
    }
    let is_right = |result: &Result<(), Error>| {
        result.as_ref().is_err_and(|error| {
            error.error_type() == row.error && error.to_string().contains(row.says)
        })
    };
    let foretold_to_a_person = said_to_a_person(&foretold, &scene);
    let is_same = by_command.as_ref().is_none_or(|said| *said == foretold_to_a_person);
    let all_right = is_right(&foretold) && is_right(&rotated) && is_untouched && is_same;
    (!all_right).then(|| {
        let (error, says) = (row.error, row.says);
        format!(
            "{error} ({says}): untouched {is_untouched}, foretold {foretold:?}, then {rotated:?}; the \
             command: {by_command:?} for {foretold_to_a_person:?}"
        )
    })
}

/// The type and the text of a refusal, with what is said to a person where that is another thing.
fn said_to_a_person(result: &Result<(), Error>, scene: &Scene) -> Option<(String, String)> {
    let error = result.as_ref().err()?;
    let step = format!("testSecret of secret {}: ", scene.arn);
    let mut text = error.to_string().replacen(&step, "", 1);
    for (of_function, of_person) in sayings() {
        text = text.replace(&of_function, &of_person);
    }
    Some((error.error_type().to_string(), text))
}

impl Row {
    /// The type and the text of the refusal that `mysql-rotation check` gives.
    async fn by_command(
        &self,
        tenant: &Tenant,
        scene: &Scene,
        aws: &Edited,
    ) -> Option<(String, String)> {
        let mut person = Person::with(&tenant.address);
        person.set("AWS_ENDPOINT_URL", &aws.url());
        for (name, value) in self.environment {
            person.set(name, value);
        }
        let said = person.types(&["check", &scene.arn, "--login", "--output", "json"]).await;
        let told = said.json();
        let refusal =
            ["refusal", "error"].map(|key| &told[key]).into_iter().find(|it| it.is_object())?;
        let text = |key: &str| refusal[key].as_str().expect(key).to_owned();
        Some((text("errorType"), text("errorMessage")))
    }

    fn applies_to(&self, server: Server) -> bool {
        self.needs.iter().all(|need| server.has(*need))
            && !self.lacks.iter().any(|need| server.has(*need))
    }

    /// Statements with the tenant's names in them.
    fn filled(&self, statements: &str, tenant: &Tenant) -> String {
        statements
            .replace("{user}", &account(&tenant.user(), "%"))
            .replace("{twin}", &account(&tenant.twin(), "%"))
            .replace("{admin}", &account(&format!("{}_admin", tenant.mark()), "%"))
            .replace("{db}", &tenant.database())
            .replace("{mark}", tenant.mark())
    }

    async fn scene(&self, tenant: &Tenant, aws: &Edited) -> Scene {
        let mut superuser = match self.grants {
            Some(grants) => admin::with(tenant, Through::Itself, grants).await,
            None => superuser_document(&tenant.address),
        };
        (self.superuser)(&mut superuser);
        let mut user = document(&tenant.address, &tenant.user(), FIRST);
        if let Some(password) = self.elsewhere {
            let there = Tenant::at(tenant.address.server.address());
            let name = account(&tenant.user(), "%");
            there.sql(format!("CREATE USER {name} IDENTIFIED BY {}", literal(password))).await;
            user["host"] = there.address.host.clone().into();
            user["port"] = there.address.port.into();
        }
        let text = |superuser: &str| {
            user["masterarn"] = superuser.into();
            (self.user)(&mut user);
            user.to_string()
        };
        let mut scene = Scene::with_text(tenant, &superuser, text).await;
        let edit = self.aws;
        aws.edit(edit);
        let endpoint = aws.url();
        let mut environment = self.environment.to_vec();
        environment.push(("SECRETS_MANAGER_ENDPOINT", &endpoint));
        scene = scene.in_environment(tenant, &environment).await;
        scene.timeout = self.timeout;
        scene
    }
}
