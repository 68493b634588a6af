//! The subcommands, one module each.

pub(crate) mod check;
pub(crate) mod explain;
pub(crate) mod rollback;
pub(crate) mod rotate;
pub(crate) mod status;
pub(crate) mod unstick;
