//! One meaning of one number.

use account_mirror::family::Family;

use crate::error::ErrorType;

/// One meaning of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The server's error number.
    pub number: u16,
    /// The servers that have it.
    pub of: Of,
    /// Where the function may meet it.
    pub at: &'static [At],
    /// What the function decides by it.
    pub meaning: Meaning,
    /// The type of the error; that of a refused login follows from whose login it is. One about an account
    /// is so of the user in use alone: [`Row::error_types`].
    pub error_type: Option<ErrorType>,
    /// Whether the number alone proves that the remedy is the right one.
    pub certain: bool,
    /// Whether the server's message repeats the statement, with the password that may be in it.
    pub quotes: bool,
    /// What to do.
    pub remedy: &'static str,
}

/// The servers that have a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// MySQL and MariaDB.
    Both,
    /// MySQL, Aurora MySQL and Percona Server.
    MySql,
    /// MariaDB.
    MariaDb,
}

impl Of {
    /// Whether a server of this family has the number; one whose family is not known may have it.
    pub fn is(self, family: Option<Family>) -> bool {
        match (self, family) {
            (Self::Both, _) | (_, None) => true,
            (Self::MySql, Some(family)) => family.is_mysql(),
            (Self::MariaDb, Some(family)) => !family.is_mysql(),
        }
    }
}

/// Where the function meets a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// In the answer to a login, up to the first query.
    Login,
    /// In a query, or a setting of the session.
    Read,
    /// In `USE`, with the database that a secret names.
    Use,
    /// In a statement that changes an account.
    Change,
}

/// What the function decides by a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The login is refused for what it is.
    LoginRefused,
    /// The password was right, and a limit of the account or the server is reached.
    LimitAfterLogin,
    /// The server ends the connection with it.
    ConnectionEnds,
    /// The user may not do it.
    Denied,
    /// The database does not exist.
    DatabaseAbsent,
    /// The table or view does not exist.
    TableAbsent,
    /// A column, a routine, or what a view is made of does not exist.
    PartAbsent,
    /// What is revoked is not there.
    NothingToRevoke,
    /// The password does not satisfy the server's policy.
    PasswordPolicy,
    /// The replaced password cannot be retained.
    RetainImpossible,
    /// The server has no locks that sessions take by a name.
    NoLocks,
    /// The guard between statements of one text has ended it, since its time was over.
    GuardClosed,
    /// The server's limit on the time of a statement has ended it.
    TimeIsUp,
    /// The operation failed, and the server says nothing of the reason.
    Unexplained,
    /// Nothing is decided by it: it is told, with its remedy.
    Told,
}

impl Row {
    /// The types of error under which it is told: one, or that of each login.
    pub fn error_types(&self) -> &[ErrorType] {
        match &self.error_type {
            Some(ErrorType::AccountUnusable) => &[
                ErrorType::AccountUnusable,
                ErrorType::PendingLoginRefused,
                ErrorType::SuperuserLoginRefused,
            ],
            Some(error_type) => std::slice::from_ref(error_type),
            None => &[
                ErrorType::CurrentLoginRefused,
                ErrorType::PendingLoginRefused,
                ErrorType::SuperuserLoginRefused,
            ],
        }
    }

    /// The sections of `docs/troubleshooting.md` about it.
    pub fn sections(&self) -> Vec<String> {
        self.error_types().iter().map(|error_type| error_type.to_string()).collect()
    }

    /// The remedy, as sure as it is.
    pub fn advice(&self) -> String {
        if self.certain { self.remedy.to_owned() } else { format!("most likely: {}", self.remedy) }
    }
}

const fn row(number: u16, at: &'static [At], error_type: ErrorType, remedy: &'static str) -> Row {
    Row {
        number,
        of: Of::Both,
        at,
        meaning: Meaning::Told,
        error_type: Some(error_type),
        certain: true,
        quotes: false,
        remedy,
    }
}

/// A row for what a login is answered.
pub(super) const fn login(number: u16, error_type: ErrorType, remedy: &'static str) -> Row {
    row(number, &[At::Login], error_type, remedy)
}

/// A row for a refused login, whose type follows from whose login it is.
pub(super) const fn refused(number: u16, remedy: &'static str) -> Row {
    let row = login(number, ErrorType::SuperuserLoginRefused, remedy);
    Row { error_type: None, meaning: Meaning::LoginRefused, ..row }
}

/// A row for what a query is answered.
pub(super) const fn read(number: u16, error_type: ErrorType, remedy: &'static str) -> Row {
    row(number, &[At::Read], error_type, remedy)
}

/// A row for what a change of an account is answered.
pub(super) const fn change(number: u16, error_type: ErrorType, remedy: &'static str) -> Row {
    row(number, &[At::Change], error_type, remedy)
}

impl Row {
    pub(super) const fn means(self, meaning: Meaning) -> Self {
        Self { meaning, ..self }
    }

    pub(super) const fn of(self, of: Of) -> Self {
        Self { of, ..self }
    }

    pub(super) const fn also_at(self, at: &'static [At]) -> Self {
        Self { at, ..self }
    }

    pub(super) const fn unsure(self) -> Self {
        Self { certain: false, ..self }
    }

    pub(super) const fn quoting(self) -> Self {
        Self { quotes: true, ..self }
    }
}
