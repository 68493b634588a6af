//! What is typed: the subcommands and their options, from which the help, the completions and the
//! manual page are made.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// Shows and runs rotations of MySQL and MariaDB users in AWS Secrets Manager.
///
/// The checks, the plan and the errors are those of the rotation function, made with your own AWS
/// credentials and from where you are. `check`, `status` and `explain` change nothing.
#[derive(Debug, Parser)]
#[command(name = "mysql-rotation", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every subcommand takes.
#[derive(Args, Debug)]
pub(crate) struct Common {
    /// The profile of ~/.aws/config to use, in place of the environment's credentials
    #[arg(long, global = true)]
    pub(crate) profile: Option<String>,
    /// The region of secrets that are named without their ARN
    #[arg(long, global = true)]
    pub(crate) region: Option<String>,
    /// How to print the result
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(crate) output: Output,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people
    #[default]
    Text,
    /// One JSON object, whose fields are documented
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Check(Check),
    Status(Status),
    Rotate(Rotate),
    /// Makes AWSPREVIOUS current again, if its password is still valid
    Rollback(Labels),
    /// Removes AWSPENDING from the version of a rotation that failed
    Unstick(Labels),
    Explain(Explain),
    /// Prints the completions of a shell
    #[command(hide = true)]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Prints the manual page
    #[command(hide = true)]
    Manual,
}

/// Shows what the next rotation would do, and changes nothing
///
/// Exit status: 0 if both users are equal already, 2 if there is something to change, 1 if a rotation would
/// be refused or the check failed.
#[derive(Args, Debug)]
pub(crate) struct Check {
    /// The ARN or the name of the secret
    pub(crate) secret: String,
    /// Show every statement of the plan
    #[arg(long)]
    pub(crate) full: bool,
    /// The function's IP address as the server sees it: judges the account that it gets
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) from: Option<IpAddr>,
    /// Log in as the application's user where the function would
    #[arg(long, conflicts_with = "from")]
    pub(crate) login: bool,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// Shows which user is current since when, what comes next, and what is wrong
#[derive(Args, Debug)]
pub(crate) struct Status {
    /// ARNs or names of secrets
    #[arg(required_unless_present_any = ["all", "tag"])]
    pub(crate) secrets: Vec<String>,
    /// All secrets that one function rotates
    #[arg(long)]
    pub(crate) all: bool,
    /// Those with this tag, of the secrets that one function rotates
    #[arg(long, value_name = "KEY=VALUE", value_parser = tag)]
    pub(crate) tag: Vec<(String, String)>,
    /// The ARN or the name of the function, where secrets of the account are rotated by several
    #[arg(long)]
    pub(crate) function: Option<String>,
    /// Show only what Secrets Manager knows
    #[arg(long)]
    pub(crate) no_database: bool,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// Starts a rotation, follows it, and shows which logins are valid afterwards
#[derive(Args, Debug)]
pub(crate) struct Rotate {
    /// The ARN or the name of the secret
    pub(crate) secret: String,
    /// Rotate until the login that is current now is no longer valid, as after a leak
    #[arg(long)]
    pub(crate) until_replaced: bool,
    /// Where the replaced password is retained, discard it in place of two more rotations
    #[arg(long, requires = "until_replaced")]
    pub(crate) discard_old_password: bool,
    /// How long one rotation may take, in seconds
    #[arg(long, default_value = "900", value_parser = seconds)]
    pub(crate) timeout: Duration,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// A secret of which a label is to be moved.
#[derive(Args, Debug)]
pub(crate) struct Labels {
    /// The ARN or the name of the secret
    pub(crate) secret: String,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// Explains an error of the function, or one of MySQL's error numbers
#[derive(Args, Debug)]
pub(crate) struct Explain {
    /// An `errorType` such as `CurrentPasswordWrong`, or a number such as 1045
    pub(crate) error: String,
}

/// Where the settings of the function come from.
#[derive(Args, Debug, Default)]
pub(crate) struct Settings {
    /// The superuser's secret of user secrets without "masterarn", in place of the function's setting
    #[arg(long, value_name = "ARN")]
    pub(crate) superuser_secret: Option<String>,
    /// A PEM file with further certificate authorities for connections to the database
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
}

fn tag(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("it has no \"=\"")?;
    Ok((key.to_owned(), value.to_owned()))
}

fn seconds(text: &str) -> Result<Duration, String> {
    text.parse().map(Duration::from_secs).map_err(|_| "it is no number of seconds".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_tag_has_a_key_and_a_value() {
        assert_eq!(tag("team=a=b"), Ok(("team".to_owned(), "a=b".to_owned())));
        assert!(tag("team").is_err());
    }
}
