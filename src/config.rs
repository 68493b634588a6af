//! The function's settings, and the only code that reads environment variables.
//!
//! Names and meanings are those of AWS's own function where it has the setting.

use std::net::IpAddr;
use std::path::PathBuf;

use tracing::level_filters::LevelFilter;

use crate::error::{Error, ErrorType};
use crate::event::SecretId;
use crate::password_generator::{CharacterType, Generator, LENGTHS};
use crate::secret::Engine;
use crate::tls;

#[cfg(test)]
mod tests;

/// What CDK's `HostedRotation` excludes, without the space, which no password has anyway. A password of what
/// is left survives being pasted into URLs, option files and `.env` files.
const EXCLUDED_BY_DEFAULT: &str = "%+~`#$&*()|[]{}:;<>?!'/@\"\\";

/// The variables that hold an address of AWS: the function's own, and those that the SDK obeys.
const ENDPOINTS: [&str; 4] = [
    "SECRETS_MANAGER_ENDPOINT",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "AWS_ENDPOINT_URL_RDS",
];

/// The function's settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// How new passwords are made.
    pub passwords: Generator,
    /// The longest user name, where it is not the server's usual one.
    pub username_limit: Option<usize>,
    /// The superuser secret of documents that name none.
    pub superuser_secret: Option<SecretId>,
    /// The address of Secrets Manager in the function's region.
    pub secrets_manager_endpoint: Option<String>,
    /// A warning for each address of AWS to which secrets are sent without encryption.
    pub without_tls: Vec<String>,
    /// A file with further certificate authorities for the connections to the database.
    pub tls_ca_file: Option<PathBuf>,
    /// The function's memory in bytes, as Lambda gives it.
    pub memory: Option<u64>,
    /// Whether replica regions that fail do not stop a rotation.
    pub ignore_replica_status: bool,
    /// Whether the password that a rotation replaces stays valid until the next one.
    pub retain_previous_password: bool,
}

impl Config {
    /// The settings in the function's environment, with the file that one of them names.
    pub fn from_environment() -> Result<Self, Error> {
        let config = Self::from_lookup(environment_variable)?;
        if let Some(path) = &config.tls_ca_file {
            tls::read_roots(path)?;
        }
        Ok(config)
    }

    /// The settings among the variables that `lookup` knows.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let variables = Environment(lookup);
        // The log uses it already; here a wrong value becomes an error.
        variables.log_level()?;
        let (secrets_manager_endpoint, without_tls) = variables.endpoint()?;
        Ok(Self {
            passwords: variables.passwords()?,
            username_limit: variables.number("USERNAME_CHARACTER_LIMIT", 7..=255)?,
            superuser_secret: variables.text("SUPERUSER_SECRET_ARN").map(SecretId::new),
            secrets_manager_endpoint,
            without_tls,
            tls_ca_file: variables.text("TLS_CA_FILE").map(PathBuf::from),
            memory: variables.memory(),
            ignore_replica_status: variables.switch("IGNORE_REPLICA_STATUS", false)?,
            retain_previous_password: variables.switch("RETAIN_PREVIOUS_PASSWORD", false)?,
        })
    }

    /// The longest user name on servers of this kind, in characters.
    pub fn username_limit(&self, engine: Engine) -> usize {
        self.username_limit.unwrap_or(engine.username_limit())
    }
}

/// The level of the log, which must be known before any setting can be refused: INFO if it is itself
/// unusable.
pub fn log_level_from_environment() -> LevelFilter {
    Environment(environment_variable).log_level().unwrap_or(LevelFilter::INFO)
}

/// Whether Lambda, or an emulator of it, has started the process.
pub fn is_in_lambda() -> bool {
    environment_variable("AWS_LAMBDA_RUNTIME_API").is_some()
}

#[expect(clippy::disallowed_methods, reason = "this is config.rs")]
fn environment_variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

struct Environment<L>(L);

impl<L: Fn(&str) -> Option<String>> Environment<L> {
    fn passwords(&self) -> Result<Generator, Error> {
        let length = self.number("PASSWORD_LENGTH", LENGTHS)?.unwrap_or(32);
        let require_each_type = self.switch("REQUIRE_EACH_INCLUDED_TYPE", true)?;
        // Set and empty means that no character is excluded.
        let excluded =
            (self.0)("EXCLUDE_CHARACTERS").unwrap_or_else(|| EXCLUDED_BY_DEFAULT.to_owned());

        let mut types = Vec::new();
        for (name, character_type) in [
            ("EXCLUDE_LOWERCASE", CharacterType::Lowercase),
            ("EXCLUDE_UPPERCASE", CharacterType::Uppercase),
            ("EXCLUDE_NUMBERS", CharacterType::Numbers),
            ("EXCLUDE_PUNCTUATION", CharacterType::Punctuation),
        ] {
            if !self.switch(name, false)? {
                types.push(character_type);
            }
        }
        Generator::new(length, &types, &excluded, require_each_type).ok_or_else(|| {
            invalid(
                "EXCLUDE_CHARACTERS",
                &excluded,
                "leave at least one character that no EXCLUDE_... variable excludes",
            )
        })
    }

    /// The endpoint of the settings. Secrets are sent to every address of AWS, so it must be TLS, except
    /// where nothing leaves the machine, or where that is allowed by name.
    fn endpoint(&self) -> Result<(Option<String>, Vec<String>), Error> {
        let allowed = self.switch("ALLOW_HTTP_ENDPOINTS", false)?;
        let mut without_tls = Vec::new();
        for name in ENDPOINTS {
            let Some(url) = self.text(name) else {
                continue;
            };
            if url.starts_with("https://") || is_on_this_machine(&url) {
                continue;
            }
            if !allowed || !url.starts_with("http://") {
                return Err(invalid(
                    name,
                    &url,
                    "be a URL that starts with https://, or with http:// and leads to this machine (an \
                     emulator elsewhere needs ALLOW_HTTP_ENDPOINTS=true)",
                ));
            }
            without_tls.push(format!(
                "passwords are sent to AWS's endpoint {url:?} without encryption, because {name} names \
                 it and ALLOW_HTTP_ENDPOINTS is true"
            ));
        }
        Ok((self.text(ENDPOINTS[0]), without_tls))
    }

    /// Lambda's levels. The function logs nothing at `FATAL`, so only the metrics are left.
    fn log_level(&self) -> Result<LevelFilter, Error> {
        let name = "AWS_LAMBDA_LOG_LEVEL";
        let Some(level) = self.text(name) else {
            return Ok(LevelFilter::INFO);
        };
        match level.to_ascii_uppercase().as_str() {
            "TRACE" => Ok(LevelFilter::TRACE),
            "DEBUG" => Ok(LevelFilter::DEBUG),
            "INFO" => Ok(LevelFilter::INFO),
            "WARN" => Ok(LevelFilter::WARN),
            "ERROR" => Ok(LevelFilter::ERROR),
            "FATAL" => Ok(LevelFilter::OFF),
            _ => Err(invalid(name, &level, "be one of TRACE, DEBUG, INFO, WARN, ERROR, FATAL")),
        }
    }

    /// What Lambda sets itself: a value that is none is nobody's mistake.
    fn memory(&self) -> Option<u64> {
        let megabytes: u64 = self.text("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")?.parse().ok()?;
        megabytes.checked_mul(1 << 20)
    }

    /// The words that AWS's function knows. It takes every other one as false; here that is an error.
    fn switch(&self, name: &str, default: bool) -> Result<bool, Error> {
        let Some(text) = self.text(name) else {
            return Ok(default);
        };
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "y" | "yes" => Ok(true),
            "false" | "0" | "n" | "no" => Ok(false),
            _ => Err(invalid(name, &text, "be true or false")),
        }
    }

    fn number(
        &self,
        name: &str,
        range: std::ops::RangeInclusive<usize>,
    ) -> Result<Option<usize>, Error> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        match text.parse() {
            Ok(number) if range.contains(&number) => Ok(Some(number)),
            _ => {
                let (start, end) = range.into_inner();
                let allowed = format!("be a number from {start} to {end}");
                Err(invalid(name, &text, &allowed))
            }
        }
    }

    /// The variable's value; an empty one is as if it were not set.
    fn text(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|text| !text.is_empty())
    }
}

/// Whether a URL without TLS leads to this machine: by an address, or by the one name that is reserved
/// for it.
fn is_on_this_machine(url: &str) -> bool {
    let rest = url.strip_prefix("http://").unwrap_or_default();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => host,
        _ => authority,
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn invalid(name: &str, value: &str, allowed: &str) -> Error {
    ErrorType::ConfigurationInvalid
        .because(format!("the environment variable {name} is {value:?}; it must {allowed}"))
}
