//! `check`: what the next rotation would do, or why it would be refused. Nothing is changed.

use anstream::println;
use rotation::aws::StagingLabel;
use rotation::error::Error;
use rotation::event::SecretId;
use rotation::handler::replicas;
use rotation::log::plan::Kind;
use rotation::step::{Summary, Viewpoint, test_secret};
use serde::Serialize;

use crate::account::Account;
use crate::arguments::Check;
use crate::screen::{self, ALARM, Described, HEADING, NOTICE, WELL, heading, item};
use crate::surveyor::Surveyor;

/// How many statements of one kind are shown, unless all are asked for. What takes something away is
/// always shown whole.
const SHOWN: usize = 10;

/// What the checks found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Checked {
    secret: String,
    /// The version that is current.
    version: Option<String>,
    passed: Vec<String>,
    warnings: Vec<String>,
    plan: Plan,
    /// Why a rotation would be refused.
    refusal: Option<Described>,
    #[serde(skip)]
    full: bool,
}

/// The statements of the plan, by what they do.
#[derive(Debug, Default, Serialize)]
struct Plan {
    created: Vec<String>,
    revoked: Vec<String>,
    granted: Vec<String>,
    settings: Vec<String>,
}

/// Runs the function's own preflight.
pub(crate) async fn run(account: &Account, arguments: &Check) -> Result<Checked, Error> {
    let secret = account.describe(&SecretId::new(&arguments.secret)).await?;
    let surveyor = Surveyor::of(account, &secret, &arguments.settings).await?;
    let mut rotation = surveyor.rotation()?;
    rotation.viewpoint = match arguments.from {
        Some(address) => Viewpoint::Client(address),
        None if arguments.login => Viewpoint::Here,
        None => Viewpoint::Anywhere,
    };
    let current = account.current(secret.arn()).await?;
    let of_replicas = replicas(&surveyor.settings.config, &secret.description)?;
    let Summary { statements, findings, mut warnings, refusal, .. } =
        test_secret::preflight(&rotation, current).await?;
    warnings.extend(of_replicas);
    if let Some(error) = &surveyor.settings.unread {
        warnings.push(format!(
            "the settings of the function could not be read, so those of this command's environment were \
             used ({error:?})"
        ));
    }
    if rotation.description.rotation_enabled != Some(true) {
        warnings.push("rotation is turned off for this secret".to_owned());
    }
    Ok(Checked {
        secret: secret.arn().to_string(),
        version: secret.version(StagingLabel::Current).map(ToString::to_string),
        passed: findings,
        warnings,
        plan: Plan::of(statements),
        refusal: refusal.as_ref().map(Described::from),
        full: arguments.full,
    })
}

impl Checked {
    /// 0 if there is nothing to change, 2 if there is, 1 if a rotation would be refused.
    pub(crate) fn status(&self) -> u8 {
        match (&self.refusal, self.plan.count()) {
            (Some(_), _) => 1,
            (None, 0) => 0,
            (None, _) => 2,
        }
    }
}

impl Plan {
    fn of(statements: Vec<String>) -> Self {
        let mut plan = Self::default();
        for statement in statements {
            let kind = match Kind::of(&statement) {
                Kind::Create => &mut plan.created,
                Kind::Grant => &mut plan.granted,
                Kind::Revoke => &mut plan.revoked,
                Kind::Setting => &mut plan.settings,
            };
            kind.push(statement);
        }
        plan
    }

    fn count(&self) -> usize {
        self.created.len() + self.revoked.len() + self.granted.len() + self.settings.len()
    }
}

impl screen::Result for Checked {
    fn print(&self) {
        println!("{HEADING}{}{HEADING:#}", self.secret);
        self.print_list("Passed", WELL, &self.passed);
        self.print_list("Warnings", NOTICE, &self.warnings);
        if let Some(refusal) = &self.refusal {
            heading("A rotation now would be refused");
            item(ALARM, "", &refusal.to_string());
            println!("\nNothing was changed. See: mysql-rotation explain {}", refusal.error_type);
            return;
        }
        let Plan { created, revoked, granted, settings } = &self.plan;
        self.print_statements("Created", WELL, "+ ", created, false);
        self.print_statements("Revoked", ALARM, "- ", revoked, true);
        self.print_statements("Granted", WELL, "+ ", granted, false);
        self.print_statements("Settings", NOTICE, "~ ", settings, false);
        println!();
        if self.plan.count() == 0 {
            println!("The two users are equal. A rotation now would only set a new password.");
        } else {
            println!(
                "A rotation now would create {}, grant {}, revoke {}, change {} setting(s), and then set a \
                 new password.",
                created.len(),
                granted.len(),
                revoked.len(),
                settings.len()
            );
        }
        println!("Nothing was changed.");
    }
}

impl Checked {
    fn print_list(&self, title: &str, style: anstyle::Style, list: &[String]) {
        if list.is_empty() {
            return;
        }
        heading(title);
        for text in list {
            item(style, "- ", text);
        }
    }

    fn print_statements(
        &self,
        title: &str,
        style: anstyle::Style,
        mark: &str,
        statements: &[String],
        whole: bool,
    ) {
        if statements.is_empty() {
            return;
        }
        heading(title);
        let most = if self.full || whole { statements.len() } else { SHOWN };
        for statement in statements.iter().take(most) {
            item(style, mark, statement);
        }
        if statements.len() > most {
            println!("  … and {} more; --full shows them", statements.len() - most);
        }
    }
}
