//! The server's password policy, applied to the pending password before anything is written.
//!
//! What the server does not show, such as the words of its dictionary, it checks itself at the end. That a
//! password must not be the user's name is no rule here: a random one never is.

use account_mirror::password::Password;

use crate::database::session::Variables;
use crate::error::{Error, refuse};
use crate::step::pair::Pair;

/// Checks a password against what the server shows of its policy.
pub(super) fn check(pair: &Pair<'_>, password: &Password) -> Result<(), Error> {
    let Some(rule) = violation(&pair.session.variables, password) else {
        return Ok(());
    };
    refuse!(
        PasswordPolicy,
        "the password was not set: it does not satisfy the server's password policy ({rule}); change the \
         function's PASSWORD_… and EXCLUDE_… settings, remove the label AWSPENDING from the version \
         if it has a value, and rotate again"
    );
}

/// The rule that the password breaks, if the server's variables show one.
fn violation(variables: &Variables, password: &Password) -> Option<String> {
    mysql(variables, password).or_else(|| mariadb(variables, password))
}

/// `validate_password`, as a component (`validate_password.length`) or as the older plugin
/// (`validate_password_length`).
fn mysql(variables: &Variables, password: &Password) -> Option<String> {
    let value = |name: &str| {
        variables
            .value(&format!("validate_password.{name}"))
            .or_else(|| variables.value(&format!("validate_password_{name}")))
    };
    let policy = value("policy")?;
    let number = |name: &str| value(name).and_then(|n| n.parse::<usize>().ok()).unwrap_or_default();
    let has = Counts::of(password);
    let mut rules = vec![("length", has.length)];
    if !matches!(policy, "LOW" | "0") {
        rules.extend([
            ("mixed_case_count", has.lower.min(has.upper)),
            ("number_count", has.digits),
            ("special_char_count", has.others),
        ]);
    }
    broken(rules.into_iter().map(|(rule, found)| (rule, number(rule), found)))
}

fn mariadb(variables: &Variables, password: &Password) -> Option<String> {
    let number = |name: &str| variables.number(&format!("simple_password_check_{name}"));
    number("minimal_length")?;
    let has = Counts::of(password);
    let rules = [
        ("minimal_length", has.length),
        ("letters_same_case", has.lower.min(has.upper)),
        ("digits", has.digits),
        ("other_characters", has.others),
    ];
    broken(rules.into_iter().map(|(rule, found)| (rule, number(rule).unwrap_or_default(), found)))
}

fn broken<'a>(mut rules: impl Iterator<Item = (&'a str, usize, usize)>) -> Option<String> {
    rules
        .find(|(_, wanted, found)| found < wanted)
        .map(|(rule, wanted, _)| format!("{rule} is {wanted}, and the password has fewer"))
}

/// What a password is made of.
struct Counts {
    length: usize,
    lower: usize,
    upper: usize,
    digits: usize,
    others: usize,
}

impl Counts {
    fn of(password: &Password) -> Self {
        let text = password.expose();
        let count = |is: fn(&char) -> bool| text.chars().filter(is).count();
        let (lower, upper, digits) = (
            count(char::is_ascii_lowercase),
            count(char::is_ascii_uppercase),
            count(char::is_ascii_digit),
        );
        let length = text.chars().count();
        Self { length, lower, upper, digits, others: length - lower - upper - digits }
    }
}
