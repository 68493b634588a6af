//! What cannot be rotated: each refusal comes before anything is written, has its own type, and says
//! what to do. And what is left out of a rotation that goes on.

mod absent;
mod accounts;
pub(crate) mod admin;
mod documented;
mod foretold;
mod orphans;
mod plugins;
mod server;
mod superuser;
mod told;
mod unknown;
mod whose;
