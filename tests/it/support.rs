//! What the scenarios are made of.

pub(crate) mod account;
pub(crate) mod aws;
pub(crate) mod builder;
pub(crate) mod canary;
pub(crate) mod cluster;
pub(crate) mod command;
pub(crate) mod edited;
pub(crate) mod generator;
pub(crate) mod grants;
pub(crate) mod hosts;
pub(crate) mod model;
pub(crate) mod powers;
pub(crate) mod proxy;
pub(crate) mod rds;
pub(crate) mod refusal;
pub(crate) mod scene;
pub(crate) mod server;
#[allow(dead_code, reason = "the tutorial uses the rest of it")]
pub(crate) mod stack;
pub(crate) mod traffic;
pub(crate) mod untouched;
pub(crate) mod watch;
pub(crate) mod wire;
