//! Normalizes the output of `SHOW GRANTS` and `SHOW CREATE USER` for comparison.
//!
//! The plan is made from the grant tables. This output is a second, independent source: it comes
//! from the server's memory, which decides what an account may do now and can differ from the
//! tables. The plan is never made from it, because it is ambiguous and incomplete.

mod clause;
mod shown;
#[cfg(test)]
mod tests;
mod token;

use crate::grant::CaselessName;
use crate::setting;

pub use clause::{Clause, Places};
pub use shown::Shown;
pub use token::{Token, tokens};

/// The clauses of one line, which a session with `NO_BACKSLASH_ESCAPES` was shown.
pub fn parse_clauses(line: &str) -> Vec<Clause> {
    // MySQL's word for the hash of an account that asks about itself is not in quotes.
    let line = without_demands(line).replace(" AS <secret>", " AS '<secret>'");
    let mut tokens = tokens(&with_quoted_columns(&line));
    if is_to_public(&tokens) {
        return Vec::new();
    }
    mask_hashes(&mut tokens);
    let verb = tokens.first().map(|token| token.text().to_owned());
    match verb.as_deref() {
        Some("GRANT" | "REVOKE") => {
            mask_account(&mut tokens, &["TO", "FROM"]);
            grants(&tokens)
        }
        Some("SET") => {
            mask_account(&mut tokens, &["FOR"]);
            vec![Clause { privilege: tokens, scope: Vec::new() }]
        }
        _ => {
            mask_account(&mut tokens, &["USER"]);
            drop_defaults(&mut tokens);
            // MariaDB adds an ALTER USER for an expiry that CREATE USER has no room for.
            if tokens.len() <= 3 && tokens.first().is_some_and(|token| token.is("ALTER")) {
                return Vec::new();
            }
            vec![Clause { privilege: tokens, scope: Vec::new() }]
        }
    }
}

/// Whether a line is about what is granted to everybody, which only an account that asks about itself
/// is shown (MariaDB).
fn is_to_public(tokens: &[Token]) -> bool {
    matches!(tokens, [first, .., to, public] if first.is("GRANT") && to.is("TO") && public.is("PUBLIC"))
}

/// One clause for each privilege of a line, and for each column of a privilege.
fn grants(tokens: &[Token]) -> Vec<Clause> {
    let end = tokens
        .iter()
        .position(|token| token.is("ON") || token.is("TO") || token.is("FROM"))
        .unwrap_or(tokens.len());
    let (list, scope) = tokens.split_at(end);
    let scope = with_caseless_routine(scope);
    let verb = list.first().cloned();
    let mut clauses = Vec::new();
    let mut privilege: Vec<Token> = verb.iter().cloned().collect();
    let mut column: Option<Vec<Token>> = None;
    let mut finish = |what: &[Token], column: Option<&[Token]>| {
        if what.len() > 1 {
            let column = column.into_iter().flatten().map(lower_case);
            let privilege = what.iter().cloned().chain(column).collect();
            clauses.push(Clause { privilege, scope: scope.clone() });
        }
    };
    let mut had_columns = false;
    for token in list.iter().skip(1) {
        match (token.text(), &mut column) {
            ("(", _) if !token.is_quoted() => column = Some(Vec::new()),
            (")" | ",", Some(name)) if !token.is_quoted() => {
                finish(&privilege, Some(name));
                had_columns = true;
                column = token.is(",").then(Vec::new);
            }
            (",", None) if !token.is_quoted() => {
                if !had_columns {
                    finish(&privilege, None);
                }
                privilege.truncate(1);
                had_columns = false;
            }
            (_, Some(name)) => name.push(token.clone()),
            (_, None) => privilege.push(token.clone()),
        }
    }
    if !had_columns {
        finish(&privilege, None);
    }
    clauses
}

/// The letter case of a routine's name means nothing: it follows the kind, the schema and a point.
fn with_caseless_routine(scope: &[Token]) -> Vec<Token> {
    let mut scope = scope.to_vec();
    let first_name = scope.iter().position(Token::is_quoted).filter(|at| *at > 1);
    if let Some(name) = first_name.and_then(|at| scope.get_mut(at + 2))
        && name.is_quoted()
    {
        *name = lower_case(name);
    }
    scope
}

fn lower_case(token: &Token) -> Token {
    let lower = CaselessName::from(token.text()).to_lower_case();
    if token.is_quoted() { Token::Quoted(lower) } else { Token::Other(lower) }
}

/// Takes out what a certificate must say. MySQL shows it as it is, quotes and all, so that it may not
/// end where it seems to; the grant tables have been compared by then.
fn without_demands(line: &str) -> String {
    let is_account =
        line.starts_with("CREATE USER") || line.starts_with("GRANT ") && line.contains(" REQUIRE ");
    let mut line = without_raw_hash(line);
    for word in [" SUBJECT '", " ISSUER '", " CIPHER '"].iter().filter(|_| is_account) {
        let Some(start) = line.find(word).map(|at| at + word.len()) else {
            continue;
        };
        let rest = &line[start..];
        let ends =
            ["' SUBJECT '", "' ISSUER '", "' CIPHER '", "' WITH ", "' PASSWORD ", "' ACCOUNT "]
                .iter()
                .filter_map(|end| rest.find(end))
                .min();
        if let Some(end) = ends.or_else(|| rest.strip_suffix('\'').map(str::len)) {
            line.replace_range(start..start + end, "");
        }
    }
    line
}

/// Takes out the hash of a line of `SHOW CREATE USER`. Before MySQL 8.0.17 it is shown as it is, with
/// any byte in its salt.
fn without_raw_hash(line: &str) -> String {
    let mut line = line.to_owned();
    let plugin = line.rfind(" IDENTIFIED WITH '").unwrap_or(line.len());
    if let Some(start) = line[plugin..].find(" AS '").map(|at| plugin + at + " AS '".len())
        && let Some(length) = line[start..].rfind("' REQUIRE ")
    {
        line.replace_range(start..start + length, "");
    }
    line
}

/// Puts the columns of privileges into quotes: MySQL 5.7 shows them bare.
fn with_quoted_columns(line: &str) -> String {
    let Some((list, rest)) = line.split_once(" ON `") else {
        return line.to_owned();
    };
    let mut quoted = String::with_capacity(line.len());
    let mut list = list;
    while let Some((privilege, columns)) = list.split_once(" (") {
        let end = columns.find("), ").unwrap_or(columns.len().saturating_sub(1));
        let (names, after) = columns.split_at(end);
        quoted += privilege;
        if names.starts_with('`') {
            quoted += &format!(" ({names}");
        } else {
            let names: Vec<_> = names.split(", ").map(crate::sql::quote_identifier).collect();
            quoted += &format!(" ({}", names.join(", "));
        }
        list = after;
    }
    quoted + list + " ON `" + rest
}

/// Replaces what the account is identified by, and whatever else looks like a hash, so that none is
/// shown where a line is not understood. MySQL shows an account no hash of its own unless the account
/// may read all tables.
fn mask_hashes(tokens: &mut [Token]) {
    for token in tokens.iter_mut().filter(|token| is_like_hash(token.text())) {
        *token = Token::Other("<hash>".to_owned());
    }
    for at in 1..tokens.len() {
        let before = &tokens[at - 1];
        let is_hash = tokens[at].is_quoted() || tokens[at].text().starts_with("0x");
        if is_hash && (before.is("AS") || before.is("USING") || before.is("PASSWORD")) {
            tokens[at] = Token::Other("<hash>".to_owned());
        }
    }
}

fn is_like_hash(text: &str) -> bool {
    let digits = text.trim_start_matches('*').trim_start_matches("0x");
    let is_hex = digits.len() >= 40 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex || text.starts_with("$A$")
}

/// Replaces the account that the line is about: it follows the last of these words.
fn mask_account(tokens: &mut Vec<Token>, words: &[&str]) {
    let last = tokens.iter().rposition(|token| words.iter().any(|word| token.is(word)));
    if let Some(at) = last {
        let has_host = tokens.get(at + 2).is_some_and(|token| token.is("@"));
        let end = (at + if has_host { 4 } else { 2 }).min(tokens.len());
        tokens.splice(at + 1..end, [Token::Other("<account>".to_owned())]);
    }
}

/// An attribute without the keys that have no value, in the spelling of its text.
fn without_nulls(attribute: &str) -> String {
    match serde_json::from_str(attribute) {
        Ok(json) => setting::without_nulls(json).to_string(),
        Err(_) => attribute.to_owned(),
    }
}

/// Takes out of `CREATE USER` what says nothing or is not mirrored: a limit of zero and an empty
/// attribute, which the server shows where they were once set and not where they never were; and
/// the expiry, in whose place it shows that a password has expired.
fn drop_defaults(tokens: &mut Vec<Token>) {
    let mut kept: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut rest = tokens.drain(..).peekable();
    while let Some(token) = rest.next() {
        let is_limit = matches!(&token, Token::Other(word) if word.starts_with("MAX_"));
        let attribute = match rest.peek() {
            Some(Token::Quoted(text)) if token.is("ATTRIBUTE") => Some(without_nulls(text)),
            _ => None,
        };
        if let Some(attribute) = attribute {
            rest.next();
            if attribute != "{}" {
                kept.extend([token, Token::Quoted(attribute)]);
            }
            continue;
        }
        if token.is("WITH") || is_limit && rest.next_if(|next| next.is("0")).is_some() {
            continue;
        }
        if token.is("PASSWORD") && rest.next_if(|next| next.is("EXPIRE")).is_some() {
            let interval = rest.next_if(|next| next.is("INTERVAL")).is_some();
            let words = if interval { 2 } else { 0 };
            rest.by_ref().take(words).for_each(drop);
            let _ = rest.next_if(|next| next.is("DEFAULT") || next.is("NEVER"));
            continue;
        }
        kept.push(token);
    }
    drop(rest);
    *tokens = kept;
}
