//! The server's password policy, applied to the pending password before anything is written.
//!
//! What the server does not show, such as the words of its dictionary, it checks itself at the end.

use account_mirror::password::Password;
use account_mirror::username::Username;

use crate::database::session::Variables;
use crate::error::{Error, refuse};
use crate::step::pair::Pair;

/// Checks a password against what the server shows of its policy.
pub(super) fn check(pair: &Pair<'_>, password: &Password) -> Result<(), Error> {
    let Some(rule) = violation(&pair.session.variables, &pair.twin_name, password) else {
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
fn violation(variables: &Variables, twin: &Username, password: &Password) -> Option<String> {
    mysql(variables, twin, password).or_else(|| mariadb(variables, twin, password))
}

/// `validate_password`, as a component (`validate_password.length`) or as the older plugin
/// (`validate_password_length`).
fn mysql(variables: &Variables, twin: &Username, password: &Password) -> Option<String> {
    let value = |name: &str| {
        variables
            .value(&format!("validate_password.{name}"))
            .or_else(|| variables.value(&format!("validate_password_{name}")))
    };
    let policy = value("policy")?;
    let number = |name: &str| value(name).and_then(|n| n.parse::<usize>().ok()).unwrap_or_default();
    let has = Counts::of(password);
    let checks_name = value("check_user_name").is_some_and(|v| v.eq_ignore_ascii_case("ON"));
    if checks_name && has.is_name(twin) {
        return Some("check_user_name: it is the user's name".to_owned());
    }
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

fn mariadb(variables: &Variables, twin: &Username, password: &Password) -> Option<String> {
    let number = |name: &str| variables.number(&format!("simple_password_check_{name}"));
    number("minimal_length")?;
    let has = Counts::of(password);
    if has.is_name(twin) {
        return Some("simple_password_check: it is the user's name".to_owned());
    }
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
struct Counts<'a> {
    text: &'a str,
    length: usize,
    lower: usize,
    upper: usize,
    digits: usize,
    others: usize,
}

impl<'a> Counts<'a> {
    fn of(password: &'a Password) -> Self {
        let text = password.expose();
        let count = |is: fn(&char) -> bool| text.chars().filter(is).count();
        let (lower, upper, digits) = (
            count(char::is_ascii_lowercase),
            count(char::is_ascii_uppercase),
            count(char::is_ascii_digit),
        );
        let length = text.chars().count();
        Self { text, length, lower, upper, digits, others: length - lower - upper - digits }
    }

    /// Whether it is the name, forwards or backwards.
    fn is_name(&self, user: &Username) -> bool {
        self.text == user.as_str() || self.text.chars().rev().eq(user.as_str().chars())
    }
}
