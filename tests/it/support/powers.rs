//! What an account may do, as the servers decide it.
//!
//! * A row on a schema, table or routine counts for every session whose *client* its host matches,
//!   whichever account the session logged in as. Of several that match, the one with the most
//!   specific host counts alone, and on schemas the most specific pattern within that host.
//! * Under partial revokes a schema's name is literal.
//! * Who has a privilege and the grant option at a place, on whatever levels, may pass it on there.

use std::collections::BTreeMap;

use account_mirror::grant::{CaselessName, Grant, GrantTarget};
use account_mirror::privilege::Privilege;
use account_mirror::user::Account;

use super::generator::{COLUMNS, World};
use super::hosts::{like, matches, of_pattern, on_objects, on_schemas};
use super::model::Model;

/// Clients, one for each set of hosts that match it.
const CLIENTS: [&str; 4] = ["127.0.0.1", "127.9.9.9", "10.1.2.3", "192.168.0.1"];

/// Where something may be done.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Server,
    Schema(String),
    GrantTarget(GrantTarget),
    Column(GrantTarget, &'static str),
}

/// All places of a world, in the order in which they are looked at.
pub(crate) struct Ground {
    schemas: Vec<(String, Vec<GrantTarget>)>,
    literal: bool,
}

impl Ground {
    pub(crate) fn of(world: &World) -> Self {
        let mut names = world.schemas();
        names.push("mysql".to_owned());
        let objects = [world.tables(), world.routines()].concat();
        let schemas = names.into_iter().map(|name| {
            let inside = objects.iter().filter(|object| schema_of(object) == Some(&name));
            let inside = inside.cloned().collect();
            (name, inside)
        });
        Self { schemas: schemas.collect(), literal: world.flavor.has_partial_revokes() }
    }

    fn places(&self) -> Vec<Place> {
        let mut places = vec![Place::Server];
        for (schema, objects) in &self.schemas {
            places.push(Place::Schema(schema.clone()));
            for object in objects {
                places.push(Place::GrantTarget(object.clone()));
                let columns = COLUMNS.map(|column| Place::Column(object.clone(), column));
                places.extend(columns);
            }
        }
        places
    }
}

fn schema_of(object: &GrantTarget) -> Option<&String> {
    match object {
        GrantTarget::Table { schema, .. } | GrantTarget::Routine { schema, .. } => Some(schema),
        _ => None,
    }
}

/// Privileges as bits: those that may be used in the lower half, those that may be passed on in the
/// upper one.
type Bits = u64;
const PASS_ON: u32 = 32;

/// What may be done at each place by each client, and what is held as a whole.
#[derive(Clone, Debug, Default)]
pub(crate) struct Powers {
    places: Vec<Bits>,
    wholes: BTreeMap<(usize, GrantTarget), Bits>,
}

impl Powers {
    /// All that any session may do that is not of a locked account.
    pub(crate) fn of(model: &Model, ground: &Ground) -> Self {
        let mut powers = Self::default();
        for (number, client) in CLIENTS.iter().enumerate() {
            let schemas: Vec<_> = (ground.schemas.iter())
                .map(|(schema, objects)| {
                    let rows = schema_rows(model, client, schema, ground.literal);
                    let inside = objects.iter().map(|object| row(model, client, object));
                    (schema, rows, inside.collect::<Vec<_>>())
                })
                .collect();
            let mut seen = Vec::new();
            for (host, profile) in &model.accounts {
                if matches(model.flavor, host, client) && !profile.state.locked {
                    let found = session(profile, &schemas);
                    seen.resize(found.len(), 0);
                    seen.iter_mut().zip(found).for_each(|(seen, found)| *seen |= found);
                    powers.add_wholes(number, profile);
                }
            }
            if seen.is_empty() {
                seen = session(&Account::default(), &[]);
                seen.resize(ground.places().len(), 0);
            }
            powers.places.extend(seen);
        }
        powers
    }

    fn add_wholes(&mut self, client: usize, profile: &Account) {
        for (object, held) in &profile.grants {
            if matches!(
                object,
                GrantTarget::Dynamic(_) | GrantTarget::Role(_) | GrantTarget::Proxy { .. }
            ) {
                let bits = 1 | u64::from(held.grantable) << PASS_ON;
                *self.wholes.entry((client, object.clone())).or_default() |= bits;
            }
        }
    }

    pub(crate) fn join(&mut self, other: Self) {
        let pairs = self.places.iter_mut().zip(other.places);
        pairs.for_each(|(mine, theirs)| *mine |= theirs);
        for (whole, bits) in other.wholes {
            *self.wholes.entry(whole).or_default() |= bits;
        }
    }

    /// What is among these powers and not among `allowed`, in words.
    pub(crate) fn beyond(&self, allowed: &Self, ground: &Ground, passing_on: bool) -> Vec<String> {
        let shift = if passing_on { PASS_ON } else { 0 };
        let new = |bits: Bits, allowed: Bits| ((bits & !allowed) >> shift) & u64::from(u32::MAX);
        let mut found = Vec::new();
        let number = self.places.len() / CLIENTS.len();
        for (at, (bits, allowed)) in self.places.iter().zip(&allowed.places).enumerate() {
            let new = new(*bits, *allowed);
            if new != 0 {
                let place = &ground.places()[at % number];
                let names: Vec<_> = (NAMES.iter().enumerate())
                    .filter(|(bit, _)| new >> bit & 1 == 1)
                    .map(|(_, name)| *name)
                    .collect();
                found.push(format!("{}: {names:?} at {place:?}", CLIENTS[at / number]));
            }
        }
        for (whole, bits) in &self.wholes {
            let allowed = allowed.wholes.get(whole).copied().unwrap_or_default();
            if new(*bits, allowed) != 0 {
                found.push(format!("{}: {:?}", CLIENTS[whole.0], whole.1));
            }
        }
        found
    }
}

type SchemaRows<'a> = (&'a String, Vec<Option<&'a Grant>>, Vec<Option<&'a Grant>>);

/// What one session may do, place by place.
fn session(profile: &Account, schemas: &[SchemaRows<'_>]) -> Vec<Bits> {
    let global = profile.grants.get(&GrantTarget::Global).map_or((0, false), bits);
    let mut places = vec![powers(global)];
    for (schema, rows, objects) in schemas {
        let restriction = GrantTarget::PartialRevoke((*schema).clone());
        let restricted = profile.grants.get(&restriction).map_or(0, |held| bits(held).0);
        let start = places.len();
        places.resize(start + 1 + objects.len() * (1 + COLUMNS.len()), 0);
        // Patterns that are equally specific: the server may choose either.
        for row in rows {
            let in_schema = union((global.0 & !restricted, global.1), *row);
            let mut at = start;
            let mut note = |held| {
                places[at] |= powers(held);
                at += 1;
            };
            note(in_schema);
            for row in objects {
                let on_object = union(in_schema, *row);
                note(on_object);
                for column in COLUMNS {
                    let held = row.and_then(|row| row.columns.get(&CaselessName::from(column)));
                    let more = held.map_or(0, |held| mask(held.iter()));
                    note((on_object.0 | more, on_object.1));
                }
            }
        }
    }
    places
}

/// The privileges and whether they may be passed on, as a server's bits.
fn powers((held, grantable): (Bits, bool)) -> Bits {
    if grantable { held | held << PASS_ON } else { held }
}

fn union((held, grantable): (Bits, bool), row: Option<&Grant>) -> (Bits, bool) {
    let (more, also) = row.map_or((0, false), bits);
    (held | more, grantable || also)
}

fn bits(held: &Grant) -> (Bits, bool) {
    (mask(held.privileges.iter()), held.grantable)
}

fn mask(privileges: impl Iterator<Item = Privilege>) -> Bits {
    privileges.fold(0, |mask, privilege| {
        let bit = NAMES.iter().position(|name| *name == privilege.as_sql());
        mask | 1 << bit.expect("a privilege that the generator knows")
    })
}

const NAMES: [&str; 22] = [
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "CREATE",
    "EXECUTE",
    "SHOW VIEW",
    "TRIGGER",
    "REFERENCES",
    "ALTER ROUTINE",
    "PROCESS",
    "RELOAD",
    "CREATE USER",
    "REPLICATION CLIENT",
    "CREATE ROLE",
    "READ_ONLY ADMIN",
    "DELETE HISTORY",
    "BINLOG MONITOR",
    "SHOW CREATE ROUTINE",
    "EVENT",
    "DROP",
    "ALTER",
];

/// The rows on a schema of which the server takes one; `None` if no row matches.
fn schema_rows<'a>(
    model: &'a Model,
    client: &str,
    schema: &str,
    literal: bool,
) -> Vec<Option<&'a Grant>> {
    let mut rows = Vec::new();
    for (host, profile) in &model.accounts {
        if !matches(model.flavor, host, client) {
            continue;
        }
        for (object, held) in &profile.grants {
            let GrantTarget::Schema(pattern) = object else {
                continue;
            };
            let fits = if literal {
                pattern == schema
            } else {
                like(pattern.as_bytes(), schema.as_bytes())
            };
            if fits {
                let of_pattern = if literal { (0, 0) } else { of_pattern(model.flavor, pattern) };
                rows.push(((on_schemas(model.flavor, host), of_pattern), held));
            }
        }
    }
    let Some(most) = rows.iter().map(|(specificity, _)| *specificity).max() else {
        return vec![None];
    };
    rows.retain(|(specificity, _)| *specificity == most);
    rows.into_iter().map(|(_, held)| Some(held)).collect()
}

/// The one row on a target that counts for a client.
pub(crate) fn row<'a>(model: &'a Model, client: &str, target: &GrantTarget) -> Option<&'a Grant> {
    let is_schema = matches!(target, GrantTarget::Schema(_));
    let specificity = if is_schema { on_schemas } else { on_objects };
    model
        .accounts
        .iter()
        .filter(|(host, _)| matches(model.flavor, host, client))
        .filter_map(|(host, account)| {
            Some((specificity(model.flavor, host), account.grants.get(target)?))
        })
        .max_by_key(|(specificity, _)| *specificity)
        .map(|(_, grant)| grant)
}
