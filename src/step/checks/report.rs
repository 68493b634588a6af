//! What the checks found, also those that ended in a refusal.

/// What the checks found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// The checks that passed.
    pub(crate) passed: Vec<String>,
    /// What the operator should know although nothing failed.
    pub(crate) warnings: Vec<String>,
    /// The statements of the plan, without passwords.
    pub(crate) plan: Vec<String>,
}

impl Report {
    pub(super) fn pass(&mut self, finding: impl Into<String>) {
        self.passed.push(finding.into());
    }

    pub(in crate::step) fn warn(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }
}
